//! Progress drawn in place on a terminal: finished steps above, what goes on in the last line.

use crate::model::progress::Event;
use crate::view::progress::lines;
use crate::view::stderr;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

/// The time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);
/// Nothing goes on: no more than an empty line.
const IDLE: [&str; 2] = ["{msg}", "{msg}"];
/// Without colour and with it: what goes on.
const SPINNER: [&str; 2] = ["{spinner} {wide_msg}", "{spinner:.cyan} {wide_msg}"];
/// Without colour and with it: bytes that move.
const BAR: [&str; 2] = ["[{bar:24}] {wide_msg}", "[{bar:24.cyan}] {wide_msg}"];

/// Writes a line above the one that is drawn.
type Print = Box<dyn Fn(&str) + Send + Sync>;

/// The last line of the terminal.
pub struct Drawn {
    color: bool,
    bar: ProgressBar,
    ticking: Once,
    step: Mutex<String>,
    print: Print,
}

impl Drawn {
    /// On the standard error; nothing is drawn before the first event.
    pub fn new(color: bool) -> Self {
        Self::on(ProgressDrawTarget::stderr(), color, Box::new(stderr))
    }

    fn on(target: ProgressDrawTarget, color: bool, print: Print) -> Self {
        // A command that panics leaves no half of a line behind.
        let bar = ProgressBar::with_draw_target(None, target).with_finish(ProgressFinish::AndClear);
        bar.set_style(style(IDLE, color));
        Self { color, bar, ticking: Once::new(), step: Mutex::default(), print }
    }

    /// Draws what an event tells.
    pub fn emit(&self, event: &Event) {
        match event {
            Event::StepStarted { number, total, description, .. } => {
                let step = lines::step(*number, *total, description);
                self.step().clone_from(&step);
                self.spin(step);
            }
            Event::Waiting { cause, elapsed_ms, deadline_ms, next_retry_ms } => {
                let wait = lines::waiting(cause, *elapsed_ms, *deadline_ms, *next_retry_ms);
                self.spin(self.after_step(wait));
            }
            Event::Transfer { what, done_bytes, total_bytes, rate, remaining_ms, files, sources } => {
                let text = lines::transfer(what, *done_bytes, *total_bytes, *rate, *remaining_ms)
                    + &lines::details(*files, sources);
                self.bar.set_style(style(BAR, self.color));
                self.bar.set_length(*total_bytes.max(done_bytes));
                self.bar.set_position(*done_bytes);
                self.bar.set_message(text);
            }
            Event::StepEnded { outcome, .. } => {
                self.step().clear();
                self.bar.set_style(style(IDLE, self.color));
                self.bar.set_message("");
                // What was in order already is not worth a line that stays.
                if outcome != "unchanged" {
                    self.above(event);
                }
            }
            Event::Phase { .. } | Event::Note { .. } | Event::Warning { .. } => self.above(event),
        }
    }

    /// Clears the last line for good.
    pub fn finish(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }

    fn step(&self) -> MutexGuard<'_, String> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after_step(&self, text: String) -> String {
        let step = self.step();
        if step.is_empty() { text } else { format!("{step}: {text}") }
    }

    fn spin(&self, text: String) {
        self.bar.set_style(style(SPINNER, self.color));
        self.bar.set_message(text);
        self.ticking.call_once(|| self.bar.enable_steady_tick(TICK));
    }

    fn above(&self, event: &Event) {
        let line = lines::line(self.color, event);
        self.bar.suspend(|| (self.print)(&line));
    }
}

fn style(templates: [&'static str; 2], color: bool) -> ProgressStyle {
    ProgressStyle::with_template(templates[usize::from(color)])
        .expect("the templates are constants of a valid form")
        .progress_chars("#>-")
        .tick_chars("|/-\\ ")
}

#[cfg(test)]
#[path = "drawn_tests.rs"]
mod tests;
