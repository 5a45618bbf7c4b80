//! Tells a sink how much has moved, and from where: at the start, every half second, and at the end.

use crate::model::progress::{Event, Files, Sink, Supply};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(500);

pub(in crate::snapshot) struct Meter<'a> {
    sink: &'a dyn Sink,
    what: String,
    done: u64,
    moved: u64,
    total: u64,
    files: Option<Files>,
    /// The sources by name, and bytes of each.
    sources: Vec<(String, u64)>,
    started: Instant,
    told: Instant,
}

impl<'a> Meter<'a> {
    /// `done` bytes are there already; they count as done, and not for the rate.
    pub(in crate::snapshot) fn start(sink: &'a dyn Sink, what: String, done: u64, total: u64) -> Self {
        Self::of_sources(sink, what, (done, total), None, &[])
    }

    /// As `start`, and counts files: those that are whole already, and all.
    pub(in crate::snapshot) fn of_files(
        sink: &'a dyn Sink,
        what: String,
        total: u64,
        (whole, all): (u64, u64),
    ) -> Self {
        Self::of_sources(sink, what, (0, total), Some(Files { done: whole, total: all }), &[])
    }

    /// As `start`, and counts files and what each of these sources sends.
    pub(in crate::snapshot) fn of_sources(
        sink: &'a dyn Sink,
        what: String,
        (done, total): (u64, u64),
        files: Option<Files>,
        sources: &[&str],
    ) -> Self {
        let now = Instant::now();
        let sources = sources.iter().map(|name| ((*name).to_owned(), 0)).collect();
        let meter = Self { sink, what, done, moved: 0, total, files, sources, started: now, told: now };
        meter.tell();
        meter
    }

    pub(in crate::snapshot) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        self.moved += bytes;
        self.tell_when_due();
    }

    /// What is done by now.
    pub(in crate::snapshot) fn so_far(&self) -> (u64, Option<Files>) {
        (self.done, self.files)
    }

    /// So many files became whole.
    pub(in crate::snapshot) fn add_files(&mut self, count: u64) {
        let Some(files) = &mut self.files else { return };
        files.done += count;
        // Its bytes may have been counted before the file itself.
        if count > 0 && self.done == self.total && files.done == files.total {
            self.tell();
        }
    }

    /// So many files are whole by now.
    pub(in crate::snapshot) fn set_files(&mut self, done: u64) {
        if let Some(files) = &mut self.files {
            files.done = done;
        }
    }

    /// A source sent so many bytes, by its index.
    pub(in crate::snapshot) fn received(&mut self, source: usize, bytes: u64) {
        if let Some((_, sum)) = self.sources.get_mut(source) {
            *sum += bytes;
        }
    }

    fn tell_when_due(&mut self) {
        if self.done == self.total || self.told.elapsed() >= INTERVAL {
            self.told = Instant::now();
            self.tell();
        }
    }

    fn tell(&self) {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = |bytes: u64| bytes.saturating_mul(1000) / milliseconds;
        let mut event = Event::transfer(self.what.clone(), self.done, self.total, rate(self.moved));
        if let Event::Transfer { files, sources, .. } = &mut event {
            *files = self.files;
            *sources = self
                .sources
                .iter()
                .map(|(name, bytes)| Supply { name: name.clone(), bytes: *bytes, rate: rate(*bytes) })
                .collect();
        }
        self.sink.emit(event);
    }
}
