//! Logs and traces: where they go, how much of them, and how one trace crosses from host to host.
//!
//! `start` is called once per process. Nothing here is needed for eos to do its work: a crash loses
//! the spans of the last second, and nothing else.

pub mod context;
mod error;
mod export;
mod level;
mod output;

#[cfg(test)]
mod tests;

pub use error::TelemetryError;
#[cfg(test)]
pub(crate) use error::samples;
pub use export::Guard;

use tracing::Dispatch;
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines on the standard error are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object on each line.
    Json,
}

/// What a process wants of its logs and traces.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `eos`, `eos-master`, ...: the name in the journal and in traces.
    pub service: &'static str,
    /// How lines are written.
    pub log_format: LogFormat,
    /// How many times `-v` was given.
    pub verbosity: u8,
    /// A filter that replaces the levels that `verbosity` chooses, such as `eos::saga=trace`.
    pub filter: Option<String>,
    /// Whether the standard error shows colors.
    pub color: bool,
    /// Whether to write to the journal of systemd instead of the standard error.
    pub journald: bool,
    /// The collector of traces, such as `http://127.0.0.1:4317`; without one no span is exported.
    pub otlp_endpoint: Option<String>,
    /// A command beside its progress: only warnings, unless `verbosity` says otherwise, and no times.
    pub quiet: bool,
    /// Whether the last line of the terminal is drawn again and again beside the lines.
    pub redrawn: bool,
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sends the logs and traces of this process where the settings say, until the guard is dropped.
///
/// # Errors
/// When the filter or the endpoint is malformed, the exporter cannot start, or telemetry was already
/// started in this process.
pub fn start(settings: &Settings) -> Result<Guard, TelemetryError> {
    let (dispatch, guard, note) = build(settings, BoxMakeWriter::new(std::io::stderr))?;
    dispatch.try_init().map_err(TelemetryError::Started)?;
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    Ok(guard)
}

/// The subscriber, the guard of its exporter, and what to tell about a destination not to be had.
fn build(
    settings: &Settings,
    writer: BoxMakeWriter,
) -> Result<(Dispatch, Guard, Option<String>), TelemetryError> {
    let (lines, note) = output::layer(settings, writer)?;
    let mut layers: Vec<BoxedLayer> = vec![lines];
    let mut guard = Guard::idle();
    if let Some(endpoint) = &settings.otlp_endpoint {
        let (layer, exporting) = export::layer(settings, endpoint)?;
        layers.push(layer);
        guard = exporting;
    }
    Ok((Dispatch::new(tracing_subscriber::registry().with(layers)), guard, note))
}
