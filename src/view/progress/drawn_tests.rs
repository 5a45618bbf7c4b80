//! What is drawn on a terminal, on a terminal that remembers.

use super::*;
use indicatif::TermLike;
use std::io;
use std::sync::Arc;

/// Everything that was written, without the movements of the cursor.
#[derive(Debug, Clone, Default)]
struct Terminal(Arc<Mutex<Vec<String>>>);

impl Terminal {
    fn wrote(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.trim_end().to_owned());
    }

    fn shows(&self, wanted: &str) -> bool {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().any(|text| text.ends_with(wanted))
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        100
    }
    fn move_cursor_up(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.wrote(text);
        Ok(())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.wrote(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        self.wrote("(cleared)");
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

fn drawn() -> (Drawn, Terminal) {
    let terminal = Terminal::default();
    // So many pictures a second that none is left out.
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    let above = terminal.clone();
    (Drawn::on(target, false, Box::new(move |line| above.wrote(line))), terminal)
}

fn show(drawn: &Drawn, event: &Event) {
    drawn.emit(event);
    drawn.bar.force_draw();
}

fn started() -> Event {
    Event::StepStarted {
        number: 3,
        total: 12,
        step: "start-master".to_owned(),
        description: "start eos-master".to_owned(),
    }
}

fn ended(outcome: &str) -> Event {
    Event::StepEnded {
        number: 3,
        total: 12,
        step: "start-master".to_owned(),
        outcome: outcome.to_owned(),
        milliseconds: 340,
    }
}

#[test]
fn a_step_and_its_wait_are_in_the_last_line() {
    let (drawn, terminal) = drawn();
    show(&drawn, &started());
    assert!(terminal.shows(" [3/12] start eos-master"), "{terminal:?}");
    let wait = Event::Waiting {
        cause: "readiness".to_owned(),
        elapsed_ms: 4_000,
        deadline_ms: 30_000,
        next_retry_ms: 500,
    };
    show(&drawn, &wait);
    let line = " [3/12] start eos-master: waiting: readiness (4.0 s of 30 s, next try in 500 ms)";
    assert!(terminal.shows(line), "{terminal:?}");
    drawn.finish();
    assert!(drawn.bar.is_finished());
}

#[test]
fn a_step_that_changed_something_stays_above() {
    let (drawn, terminal) = drawn();
    show(&drawn, &started());
    show(&drawn, &ended("unchanged"));
    assert!(!terminal.shows("[3/12] start-master: unchanged in 340 ms"), "{terminal:?}");
    show(&drawn, &ended("done"));
    assert!(terminal.shows("[3/12] start-master: done in 340 ms"), "{terminal:?}");
}

#[test]
fn bytes_are_a_bar() {
    let (drawn, terminal) = drawn();
    let half = Event::transfer("snapshot".to_owned(), 512 << 20, 1 << 30, 100 << 20);
    show(&drawn, &half);
    let line = "[############>-----------] snapshot: 512.0 MiB of 1.0 GiB (50 %), 100.0 MiB/s, 5.1 s left";
    assert!(terminal.shows(line), "{terminal:?}");
}

#[test]
fn notes_stand_above_even_after_the_end() {
    let (drawn, terminal) = drawn();
    drawn.finish();
    show(&drawn, &Event::Note { text: "address 10.0.0.1".to_owned() });
    assert!(terminal.shows("address 10.0.0.1"), "{terminal:?}");
}

#[test]
fn nothing_is_drawn_where_nothing_goes_on() {
    let (drawn, terminal) = drawn();
    show(&drawn, &Event::Phase { name: "preflight".to_owned() });
    show(&drawn, &started());
    show(&drawn, &ended("unchanged"));
    show(&drawn, &Event::Note { text: "address 10.0.0.1".to_owned() });
    let shown = terminal.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let picture = |text: &&String| !text.is_empty() && *text != "(cleared)";
    let told: Vec<&String> = shown.iter().filter(picture).collect();
    assert_eq!(told[0], "==> preflight");
    assert!(
        told[1..told.len() - 1].iter().all(|text| text.ends_with(" [3/12] start eos-master")),
        "{told:?}"
    );
    assert_eq!(told[told.len() - 1], "address 10.0.0.1");
}
