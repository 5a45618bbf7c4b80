//! Log lines: to the standard error as text or JSON, or to the journal of systemd.

use super::{BoxedLayer, LogFormat, Settings, TelemetryError, level};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::Layer;

/// The layer, and a note when the journal was wanted and cannot be reached.
///
/// # Errors
/// When the filter is malformed.
pub fn layer(
    settings: &Settings,
    writer: BoxMakeWriter,
) -> Result<(BoxedLayer, Option<String>), TelemetryError> {
    let filter = level::lines(settings)?.or(filter_fn(level::carries_trace));
    if !settings.journald {
        return Ok((stream(settings, writer).with_filter(filter).boxed(), None));
    }
    match tracing_journald::layer() {
        Ok(journal) => {
            let journal = journal.with_syslog_identifier(settings.service.to_owned());
            Ok((journal.with_filter(filter).boxed(), None))
        }
        Err(error) => {
            let note = format!("the journal cannot be reached ({error}); logging to the standard error");
            Ok((stream(settings, writer).with_filter(filter).boxed(), Some(note)))
        }
    }
}

fn stream(settings: &Settings, writer: BoxMakeWriter) -> BoxedLayer {
    let lines = fmt::layer().with_writer(writer).with_ansi(settings.color);
    match settings.log_format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
        LogFormat::Text if settings.quiet => lines.without_time().with_target(false).boxed(),
        LogFormat::Text => lines.boxed(),
    }
}
