//! Log lines into a buffer, and spans into a collector that really listens.

mod collector;

use super::*;
use crate::model::explain::tells;
use collector::Collector;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const INCOMING: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What a process wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn built(settings: &Settings) -> (Dispatch, Guard, Written) {
    let written = Written::default();
    let writer = written.clone();
    let (dispatch, guard, _) = build(settings, BoxMakeWriter::new(move || writer.clone())).unwrap();
    (dispatch, guard, written)
}

fn lines_of(settings: &Settings) -> String {
    let (dispatch, guard, written) = built(settings);
    tracing::dispatcher::with_default(&dispatch, || {
        let span = tracing::info_span!("joining", node = "n2");
        let _entered = span.enter();
        tracing::debug!("looked");
        tracing::info!(bytes = 7, "pulled");
        tracing::warn!("slow");
        tracing::warn!(target: "h2::proto", "reset");
    });
    guard.shutdown().unwrap();
    written.text()
}

#[test]
fn a_command_shows_only_warnings_unless_asked_for_more() {
    let quiet = Settings { service: "eos", quiet: true, ..Settings::default() };
    let shown = lines_of(&quiet);
    assert_eq!(shown, "warning: slow\nwarning: reset\n", "as the command itself warns");
    let redrawn = lines_of(&Settings { redrawn: true, ..quiet.clone() });
    assert_eq!(redrawn, "\r\x1b[2Kwarning: slow\n\r\x1b[2Kwarning: reset\n");
    let shown = lines_of(&Settings { verbosity: 1, ..quiet });
    assert!(shown.contains("pulled bytes=7") && !shown.contains("looked"), "{shown}");
}

#[test]
fn a_daemon_shows_what_it_does_with_times() {
    let shown = lines_of(&Settings { service: "eos-agent", ..Settings::default() });
    assert!(shown.contains("pulled bytes=7") && !shown.contains("looked"), "{shown}");
    assert!(shown.lines().all(|line| line.starts_with("20")), "{shown}");
}

#[test]
fn json_lines_are_objects_that_name_their_span() {
    let json = Settings { service: "eos-master", log_format: LogFormat::Json, ..Settings::default() };
    let shown = lines_of(&json);
    let lines: Vec<serde_json::Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["message"], "pulled");
    assert_eq!(lines[0]["bytes"], 7);
    assert_eq!(lines[0]["span"]["node"], "n2");
}

#[test]
fn the_journal_or_a_note_why_not() {
    let settings = Settings { service: "eos-agent", journald: true, ..Settings::default() };
    let (_, _, note) = build(&settings, BoxMakeWriter::new(std::io::sink)).unwrap();
    let there = std::path::Path::new("/run/systemd/journal/socket").exists();
    assert_eq!(note.is_none(), there, "{note:?}");
}

#[test]
fn an_incoming_context_is_handed_on_unchanged_without_an_exporter() {
    let (dispatch, _guard, _) = built(&Settings { service: "eos", quiet: true, ..Settings::default() });
    tracing::dispatcher::with_default(&dispatch, || {
        assert_eq!(context::current(), None, "no trace is made up");
        let request = tracing::info_span!("request");
        request.in_scope(|| {
            assert!(context::adopt(INCOMING));
            tracing::info_span!("plan").in_scope(|| {
                let mut headers = Vec::new();
                context::inject(&mut headers);
                assert_eq!(headers, [("traceparent".to_owned(), INCOMING.to_owned())]);
            });
        });
        tracing::info_span!("another").in_scope(|| assert_eq!(context::current(), None));
    });
    assert!(!context::adopt(INCOMING), "there is no span to adopt it");
}

#[test]
fn a_malformed_context_is_not_adopted() {
    for text in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
    ] {
        assert!(text.parse::<context::Traceparent>().is_err(), "{text}");
    }
    let later: context::Traceparent = INCOMING.replacen("00", "01", 1).parse().unwrap();
    assert_eq!(later.to_string(), INCOMING);
}

fn exporting(service: &'static str, endpoint: &str) -> Settings {
    Settings { service, otlp_endpoint: Some(endpoint.to_owned()), ..Settings::default() }
}

#[test]
fn one_trace_shows_a_joiner_the_master_and_an_agent() {
    let collector = Collector::listen();
    let (joiner, joiner_guard, _) = built(&exporting("eos", &collector.endpoint()));
    let (master, master_guard, _) = built(&exporting("eos-master", &collector.endpoint()));
    let (agent, agent_guard, _) = built(&exporting("eos-agent", &collector.endpoint()));

    let to_master = tracing::dispatcher::with_default(&joiner, || {
        tracing::info_span!("bootstrap").in_scope(|| context::current().unwrap())
    });
    let to_agent = tracing::dispatcher::with_default(&master, || {
        tracing::info_span!("register").in_scope(|| {
            assert!(context::adopt(&to_master));
            tracing::info_span!("new-generation").in_scope(|| context::current().unwrap())
        })
    });
    tracing::dispatcher::with_default(&agent, || {
        let span = tracing::info_span!("apply-generation");
        assert!(context::adopt_for(&span, &to_agent));
        span.in_scope(|| tracing::info!("applied"));
    });
    for guard in [joiner_guard, master_guard, agent_guard] {
        guard.shutdown().unwrap();
    }

    let trace = to_master.split('-').nth(1).unwrap();
    assert_eq!(to_agent.split('-').nth(1), Some(trace));
    let received = collector.received(3);
    for (request, names) in received.iter().zip([
        &["eos", "bootstrap"][..],
        &["eos-master", "register", "new-generation"],
        &["eos-agent", "apply-generation", "applied"],
    ]) {
        assert!(request.holds_hex(trace), "{names:?} are in another trace");
        assert!(names.iter().all(|name| request.holds(name.as_bytes())), "{names:?}");
    }
}

#[test]
fn an_exported_request_continues_the_callers_trace() {
    let collector = Collector::listen();
    let (dispatch, guard, _) = built(&exporting("eos-master", &collector.endpoint()));
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info_span!("request").in_scope(|| {
            assert!(context::adopt(INCOMING));
            let onward = context::current().unwrap();
            assert!(onward.starts_with(&format!("00-{TRACE}-")) && onward != INCOMING, "{onward}");
        });
        tracing::info_span!(target: "h2::proto", "frame").in_scope(|| {});
    });
    guard.shutdown().unwrap();
    let received = collector.received(1);
    assert!(received[0].holds_hex(TRACE) && received[0].holds_hex("00f067aa0ba902b7"));
    assert!(!received[0].holds(b"h2::proto"), "exporting would feed itself");
}

#[test]
fn an_end_with_nobody_listening_is_quick_and_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let gone = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", closed.local_addr().unwrap())
    };
    for endpoint in [silent, gone] {
        let (dispatch, guard, _) = built(&exporting("eos", &endpoint));
        tracing::dispatcher::with_default(&dispatch, || tracing::info_span!("bootstrap").in_scope(|| {}));
        let began = Instant::now();
        let error = guard.shutdown().unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        tells(&error, "EOS-H065", &format!("1 spans did not reach the trace collector {endpoint}"));
    }
}

#[test]
fn an_endpoint_that_is_none_is_refused_at_the_start() {
    for (endpoint, code) in
        [("127.0.0.1:4317", "H063"), ("https://127.0.0.1:4317", "H063"), ("http://a b", "H062")]
    {
        let error = build(&exporting("eos", endpoint), BoxMakeWriter::new(std::io::sink)).unwrap_err();
        assert_eq!(crate::model::explain::Explain::code(&error).0, code, "{endpoint}");
    }
}

#[test]
fn telemetry_starts_once() {
    drop(start(&Settings { service: "eos", quiet: true, ..Settings::default() }));
    let error = start(&Settings { service: "eos", quiet: true, ..Settings::default() }).unwrap_err();
    assert!(matches!(error, TelemetryError::Started(_)));
}
