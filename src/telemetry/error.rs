//! Why logs or traces cannot go where they should.

use crate::model::explain::{Code, Exit, Explain};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::error::OTelSdkError;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::TryInitError;

/// Telemetry that could not be started or finished.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of log lines.
    #[error("the log filter {filter} is malformed")]
    Filter {
        /// As given.
        filter: String,
        /// Which directive.
        #[source]
        source: Box<ParseError>,
    },
    /// `start` was called twice, or another subscriber came first.
    #[error("logging was already started in this process")]
    Started(#[source] TryInitError),
    /// The collector's address is none.
    #[error("the trace collector {endpoint} is not an address")]
    Endpoint {
        /// As given.
        endpoint: String,
        /// What the exporter said.
        #[source]
        source: ExporterBuildError,
    },
    /// The collector's address has another scheme than `http://`.
    #[error("the trace collector {endpoint} is not given as http://HOST:PORT")]
    Scheme {
        /// As given.
        endpoint: String,
    },
    /// The threads of the exporter.
    #[error("could not start the threads that export traces")]
    Threads(#[source] std::io::Error),
    /// The collector did not take spans.
    #[error("{spans} spans did not reach the trace collector {endpoint}")]
    Undelivered {
        /// The collector.
        endpoint: String,
        /// How many are known to be lost.
        spans: usize,
        /// The last failure.
        #[source]
        source: OTelSdkError,
    },
}

impl Explain for TelemetryError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Filter { .. } => "H060",
            Self::Started(_) => "H061",
            Self::Endpoint { .. } => "H062",
            Self::Scheme { .. } => "H063",
            Self::Threads(_) => "H064",
            Self::Undelivered { .. } => "H065",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Filter { .. } | Self::Endpoint { .. } | Self::Scheme { .. } => Exit::Usage,
            Self::Started(_) | Self::Threads(_) | Self::Undelivered { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Filter { .. } => {
                "name levels as in eos=debug or warn,eos::saga=trace: EOS_LOG=eos=debug eos status".to_owned()
            }
            Self::Started(_) => "run one command in one process: eos status".to_owned(),
            Self::Endpoint { .. } | Self::Scheme { .. } => {
                "give the gRPC port of the collector: EOS_TELEMETRY_OTLP_ENDPOINT=http://127.0.0.1:4317 eos status"
                    .to_owned()
            }
            Self::Threads(_) => "see how many threads are allowed: ulimit -u".to_owned(),
            Self::Undelivered { endpoint, .. } => {
                let port = endpoint.trim_end_matches('/').rsplit(':').next().unwrap_or("4317");
                format!("see whether the collector listens: ss -ltn sport = :{port}")
            }
        }]
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Threads(_) | Self::Undelivered { .. })
    }
}

/// One value of every variant.
#[cfg(test)]
pub(crate) fn samples() -> Vec<TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = tracing_subscriber::EnvFilter::builder().parse("eos=loud").unwrap_err();
    // Whichever test is first sets the one of the process; the second try always fails.
    let nothing = || tracing::subscriber::NoSubscriber::new();
    drop(nothing().try_init());
    let started = nothing().try_init().unwrap_err();
    let endpoint = "http://127.0.0.1:4317".to_owned();
    vec![
        TelemetryError::Filter { filter: "eos=loud".to_owned(), source: Box::new(filter) },
        TelemetryError::Started(started),
        TelemetryError::Endpoint {
            endpoint: "http://a b".to_owned(),
            source: ExporterBuildError::InvalidConfiguration("invalid uri character".to_owned()),
        },
        TelemetryError::Scheme { endpoint: "127.0.0.1:4317".to_owned() },
        TelemetryError::Threads(std::io::Error::from_raw_os_error(11)),
        TelemetryError::Undelivered {
            endpoint,
            spans: 12,
            source: OTelSdkError::Timeout(std::time::Duration::from_secs(2)),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_line_of_what_failed() {
        let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "the log filter eos=loud is malformed",
                "logging was already started in this process",
                "the trace collector http://a b is not an address",
                "the trace collector 127.0.0.1:4317 is not given as http://HOST:PORT",
                "could not start the threads that export traces",
                "12 spans did not reach the trace collector http://127.0.0.1:4317",
            ]
        );
    }

    #[test]
    fn only_what_the_operator_wrote_is_a_usage_error() {
        let exits: Vec<u8> = samples().iter().map(|error| error.exit() as u8).collect();
        assert_eq!(exits, [2, 1, 2, 2, 1, 1]);
    }

    #[test]
    fn the_hint_names_the_port_of_the_collector() {
        let hints: Vec<String> = samples().iter().flat_map(Explain::hints).collect();
        assert_eq!(hints[5], "see whether the collector listens: ss -ltn sport = :4317");
    }
}
