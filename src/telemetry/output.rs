//! Log lines: to the standard error as text or JSON, or to the journal of systemd.

use super::{BoxedLayer, LogFormat, Settings, TelemetryError, level};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// Lines among those of a command's progress: `warning: what`, as the command itself warns.
struct Plain {
    /// Whether the last line of the terminal is drawn again and again, and has to make room.
    redrawn: bool,
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let level = if *event.metadata().level() == Level::ERROR { "error" } else { "warning" };
        let room = if self.redrawn { "\r\x1b[2K" } else { "" };
        write!(writer, "{room}{level}: ")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

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
        LogFormat::Text if settings.quiet && settings.verbosity == 0 && settings.filter.is_none() => {
            lines.event_format(Plain { redrawn: settings.redrawn }).boxed()
        }
        LogFormat::Text if settings.quiet => lines.without_time().with_target(false).boxed(),
        LogFormat::Text => lines.boxed(),
    }
}
