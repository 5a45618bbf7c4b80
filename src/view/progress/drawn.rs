//! Progress drawn in place on a terminal: finished steps above, what goes on in the last line.

use crate::model::progress::Event;
use crate::view::progress::lines;
use crate::view::stderr;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// The last line of the terminal.
pub struct Drawn {
    color: bool,
    bar: ProgressBar,
    step: Mutex<String>,
    print: fn(&str),
}

impl Drawn {
    /// Nothing is drawn before the first event.
    pub fn new(color: bool) -> Self {
        Self::on(ProgressDrawTarget::stderr(), color, stderr)
    }

    fn on(target: ProgressDrawTarget, color: bool, print: fn(&str)) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        Self { color, bar, step: Mutex::default(), print }
    }

    /// Draws what an event tells.
    pub fn emit(&self, event: &Event) {
        match event {
            Event::StepStarted { number, total, description, .. } => {
                *self.step() = lines::step(*number, *total, description);
                self.spin(self.step().clone());
            }
            Event::Waiting { cause, elapsed_ms, deadline_ms, next_retry_ms } => {
                self.spin(self.after_step(&lines::waiting(cause, *elapsed_ms, *deadline_ms, *next_retry_ms)));
            }
            Event::Transfer { what, done_bytes, total_bytes, rate } => {
                let text = lines::transfer(what, *done_bytes, *total_bytes, *rate);
                self.bar.set_style(style(BAR, self.color));
                self.bar.set_length(*total_bytes);
                self.bar.set_position(*done_bytes);
                self.bar.set_message(text);
            }
            Event::StepEnded { outcome, .. } if outcome == "unchanged" => self.clear(),
            Event::StepEnded { .. } => {
                self.clear();
                self.above(event);
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

    fn after_step(&self, text: &str) -> String {
        let step = self.step();
        if step.is_empty() { text.to_owned() } else { format!("{step}: {text}") }
    }

    fn spin(&self, text: String) {
        self.bar.set_style(style(SPINNER, self.color));
        self.bar.set_message(text);
        self.bar.enable_steady_tick(TICK);
    }

    fn clear(&self) {
        self.step().clear();
        self.bar.set_message("");
    }

    fn above(&self, event: &Event) {
        if let Some(line) = lines::line(self.color, event) {
            self.bar.suspend(|| (self.print)(&line));
        }
    }
}

const SPINNER: [&str; 2] = ["{spinner} {wide_msg}", "{spinner:.cyan} {wide_msg}"];
const BAR: [&str; 2] = ["[{bar:24}] {wide_msg}", "[{bar:24.cyan}] {wide_msg}"];

fn style(templates: [&'static str; 2], color: bool) -> ProgressStyle {
    ProgressStyle::with_template(templates[usize::from(color)])
        .expect("the templates are constants of a valid form")
        .progress_chars("#>-")
        .tick_chars("|/-\\ ")
}
