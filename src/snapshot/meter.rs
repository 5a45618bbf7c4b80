//! Tells a sink how many bytes have moved: at the start, every half second, and at the end.

use crate::model::progress::{Event, Sink};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(500);

pub(in crate::snapshot) struct Meter<'a> {
    sink: &'a dyn Sink,
    what: String,
    done: u64,
    moved: u64,
    total: u64,
    started: Instant,
    told: Instant,
}

impl<'a> Meter<'a> {
    /// `done` bytes are there already; they count as done, and not for the rate.
    pub(in crate::snapshot) fn start(sink: &'a dyn Sink, what: String, done: u64, total: u64) -> Self {
        let now = Instant::now();
        let meter = Self { sink, what, done, moved: 0, total, started: now, told: now };
        meter.tell();
        meter
    }

    pub(in crate::snapshot) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        self.moved += bytes;
        if self.done >= self.total || self.told.elapsed() >= INTERVAL {
            self.told = Instant::now();
            self.tell();
        }
    }

    fn tell(&self) {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.moved.saturating_mul(1000) / milliseconds;
        self.sink.emit(Event::transfer(self.what.clone(), self.done, self.total, rate));
    }
}
