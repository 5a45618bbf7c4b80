//! Lines of progress, with times that the tests choose.

use super::*;

fn wait(cause: &str, elapsed_ms: u64) -> Event {
    Event::Waiting { cause: cause.to_owned(), elapsed_ms, deadline_ms: 600_000, next_retry_ms: 500 }
}

#[test]
fn every_event_has_its_line() {
    let text = str::to_owned;
    let cases = [
        (Event::Phase { name: text("register") }, "==> register\n"),
        (
            Event::StepStarted {
                number: 3,
                total: 12,
                step: text("start-master"),
                description: text("start eos-master"),
            },
            "[3/12] start eos-master\n",
        ),
        (
            Event::StepEnded {
                number: 3,
                total: 12,
                step: text("start-master"),
                outcome: text("done"),
                milliseconds: 340,
            },
            "[3/12] start-master: done in 340 ms\n",
        ),
        (
            wait("approval by the operator", 12_000),
            "waiting: approval by the operator (12 s of 10 min, next try in 500 ms)\n",
        ),
        (
            Event::transfer(text("snapshot"), 512 << 20, 1_503_238_554, 100 << 20),
            "snapshot: 512.0 MiB of 1.4 GiB (35 %), 100.0 MiB/s, 9.2 s left\n",
        ),
        (Event::transfer(text("snapshot"), 0, 0, 0), "snapshot: 0 B of 0 B (0 %)\n"),
        (Event::Note { text: text("address 10.0.0.1\nby route") }, "address 10.0.0.1\\nby route\n"),
        (Event::Warning { text: text("Reliability risk: 1 node") }, "warning: Reliability risk: 1 node\n"),
    ];
    for (event, expected) in cases {
        assert_eq!(line(false, &event), expected);
    }
}

#[test]
fn a_wait_is_told_now_and_then_however_often_its_events_come() {
    let start = Instant::now();
    let mut lines = Lines::new(false);
    assert!(lines.event(&wait("a", 0), start).is_some());
    assert_eq!(lines.event(&wait("a", 1_400), start + PAUSE / 2), None);
    assert!(lines.event(&wait("a", 1_500), start + PAUSE).is_some());
    assert!(lines.event(&wait("b", 0), start + PAUSE).is_some(), "another cause is told at once");
    lines.event(&Event::Note { text: "there".to_owned() }, start + PAUSE);
    assert!(lines.event(&wait("b", 0), start + PAUSE).is_some(), "a new wait is told at once");
}

#[test]
fn a_transfer_is_told_now_and_then_and_at_its_end() {
    let start = Instant::now();
    let bytes = |done| Event::transfer("x".to_owned(), done, 10, 1);
    let mut lines = Lines::new(false);
    assert_eq!(lines.event(&bytes(1), start).as_deref(), Some("x: 1 B of 10 B (10 %), 1 B/s, 9.0 s left\n"));
    assert_eq!(lines.event(&bytes(2), start + PAUSE / 2), None);
    assert!(lines.event(&bytes(3), start + PAUSE).is_some());
    assert_eq!(lines.event(&bytes(10), start + PAUSE).as_deref(), Some("x: 10 B of 10 B (100 %), 1 B/s\n"));
}
