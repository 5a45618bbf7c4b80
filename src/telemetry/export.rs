//! Sends spans to a collector over OTLP, from threads of its own that exist only with an endpoint.

use super::{BoxedLayer, Settings, TelemetryError, level};
use crate::host::threads;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;

/// How long the end of a process waits for its last spans to be taken.
const FLUSH: Duration = Duration::from_secs(2);
/// How long one delivery may take; under `FLUSH`, so that its failure is known before the end.
const DELIVERY: Duration = Duration::from_millis(1500);

/// Keeps the export of spans running; sends what is left when dropped, within two seconds.
#[derive(Debug)]
#[must_use = "dropping it ends the export of spans"]
pub struct Guard {
    exporting: Option<Exporting>,
}

#[derive(Debug)]
struct Exporting {
    provider: SdkTracerProvider,
    runtime: Runtime,
    endpoint: String,
    lost: Arc<Mutex<Lost>>,
}

/// Spans that the collector did not take.
#[derive(Debug, Default)]
struct Lost {
    spans: usize,
    last: Option<OTelSdkError>,
}

impl Guard {
    /// Nothing is exported.
    pub(super) fn idle() -> Self {
        Self { exporting: None }
    }

    /// Sends what is left and ends the export; a drop does the same and keeps the outcome to itself.
    ///
    /// # Errors
    /// When spans of this process, now or earlier, did not reach the collector.
    pub fn shutdown(mut self) -> Result<(), TelemetryError> {
        self.exporting.take().map_or(Ok(()), Exporting::finish)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(exporting) = self.exporting.take() {
            // Losing the last spans must not change how a command ends; `shutdown` tells.
            drop(exporting.finish());
        }
    }
}

impl Exporting {
    fn finish(self) -> Result<(), TelemetryError> {
        let ended = self.provider.shutdown_with_timeout(FLUSH);
        // Waiting for its threads could block, and panics inside another runtime.
        self.runtime.shutdown_background();
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let (spans, source) = match (lost.last.take(), ended) {
            (Some(error), _) => (lost.spans, error),
            (None, Err(error)) => (lost.spans, error),
            (None, Ok(())) => return Ok(()),
        };
        Err(TelemetryError::Undelivered { endpoint: self.endpoint, spans, source })
    }
}

/// The layer that hands spans to the exporter, and the guard that ends it.
///
/// # Errors
/// When the endpoint is malformed or the threads cannot be started.
pub fn layer(settings: &Settings, endpoint: &str) -> Result<(BoxedLayer, Guard), TelemetryError> {
    if !endpoint.starts_with("http://") {
        return Err(TelemetryError::Scheme { endpoint: endpoint.to_owned() });
    }
    // One for the runtime, and one for the library that batches spans; neither tells that it has none.
    threads::probe(2).map_err(TelemetryError::Threads)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("eos-telemetry")
        .enable_all()
        .build()
        .map_err(TelemetryError::Threads)?;
    let lost = Arc::new(Mutex::new(Lost::default()));
    let exporter = {
        let _entered = runtime.enter();
        OtlpExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(DELIVERY)
            .build()
            .map_err(|source| TelemetryError::Endpoint { endpoint: endpoint.to_owned(), source })?
    };
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(settings.service).build())
        .with_batch_exporter(Counting { inner: exporter, lost: Arc::clone(&lost) })
        .build();
    let most = if settings.verbosity > 1 { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("eos"))
        // Otherwise entering a span fixes its parent, and a handler could no longer adopt the caller's.
        .with_context_activation(false)
        .with_filter(filter_fn(move |metadata| level::exported(metadata, most)))
        .boxed();
    let exporting = Exporting { provider, runtime, endpoint: endpoint.to_owned(), lost };
    Ok((layer, Guard { exporting: Some(exporting) }))
}

/// Counts what the exporter failed to deliver: the library that batches spans keeps that to itself.
#[derive(Debug)]
struct Counting {
    inner: OtlpExporter,
    lost: Arc<Mutex<Lost>>,
}

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.inner.export(batch).await;
        if let Err(error) = &result {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.spans += spans;
            lost.last = Some(OTelSdkError::InternalFailure(error.to_string()));
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
