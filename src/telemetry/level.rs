//! Which spans and events are let through.

use super::{Settings, TelemetryError};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;

/// The filter of log lines: the one given, or the one that the number of `-v` stands for.
///
/// # Errors
/// When the given one is malformed.
pub fn lines(settings: &Settings) -> Result<EnvFilter, TelemetryError> {
    let text = settings.filter.clone().unwrap_or_else(|| by_verbosity(settings.quiet, settings.verbosity));
    EnvFilter::builder()
        .parse(&text)
        .map_err(|source| TelemetryError::Filter { filter: text, source: Box::new(source) })
}

/// Libraries stay at warnings until every level of eos itself is shown.
fn by_verbosity(quiet: bool, verbosity: u8) -> String {
    let (libraries, own) = match verbosity.saturating_add(u8::from(!quiet)) {
        0 => ("warn", "warn"),
        1 => ("warn", "info"),
        2 => ("warn", "debug"),
        3 => ("info", "trace"),
        _ => ("debug", "trace"),
    };
    format!("{libraries},eos={own}")
}

/// Spans of eos exist whatever the log level is: they carry the trace from host to host.
pub fn carries_trace(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && is_own(metadata) && *metadata.level() <= Level::INFO
}

/// What is exported: spans and events of eos, never of libraries, or exporting would feed itself.
pub fn exported(metadata: &Metadata<'_>, most: LevelFilter) -> bool {
    is_own(metadata) && *metadata.level() <= most
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target == "eos" || target.starts_with("eos::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_shows_one_level_more() {
        let quiet: Vec<String> = (0..5).map(|times| by_verbosity(true, times)).collect();
        assert_eq!(
            quiet,
            ["warn,eos=warn", "warn,eos=info", "warn,eos=debug", "info,eos=trace", "debug,eos=trace"]
        );
        assert_eq!(by_verbosity(false, 0), "warn,eos=info");
        assert_eq!(by_verbosity(false, u8::MAX), "debug,eos=trace");
    }

    #[test]
    fn a_given_filter_replaces_the_levels() {
        let settings =
            Settings { filter: Some("eos::saga=trace".to_owned()), verbosity: 3, ..Settings::default() };
        assert_eq!(lines(&settings).unwrap().to_string(), "eos::saga=trace");
        let settings = Settings { filter: Some("eos=loud".to_owned()), ..Settings::default() };
        let error = lines(&settings).unwrap_err();
        assert_eq!(error.to_string(), "the log filter eos=loud is malformed");
    }
}
