//! Ends a capture that holds writers off for longer than they may be.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// What stops a capture: its caller, or the time.
pub(super) struct Bound {
    until: Option<Instant>,
    stop: AtomicBool,
    released: AtomicBool,
    overdue: AtomicBool,
}

impl Bound {
    /// Of a capture that begins now; writers are held off for so long at most, if they are at all.
    pub(super) fn new(longest: Option<Duration>) -> Self {
        let until = longest.map(|longest| Instant::now() + longest);
        let [stop, released, overdue] = [(); 3].map(|()| AtomicBool::new(false));
        Self { until, stop, released, overdue }
    }

    /// Captures with what stops it in time: the caller's own flag if nothing bounds it.
    pub(super) fn within<T>(&self, caller: &AtomicBool, capture: impl FnOnce(&AtomicBool) -> T) -> T {
        if self.until.is_none() {
            return capture(caller);
        }
        std::thread::scope(|scope| {
            let (ended, end): (Sender<()>, _) = channel();
            scope.spawn(move || self.watch(caller, &end));
            let captured = capture(&self.stop);
            drop(ended);
            captured
        })
    }

    fn watch(&self, caller: &AtomicBool, end: &Receiver<()>) {
        while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            let late = self.until.is_some_and(|until| Instant::now() >= until);
            if late && !self.released.load(Ordering::Acquire) {
                self.overdue.store(true, Ordering::Release);
            }
            if self.is_overdue() || caller.load(Ordering::Relaxed) {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Writers go on, so the capture may take its time.
    pub(super) fn released(&self) {
        self.released.store(true, Ordering::Release);
    }

    /// Whether the time stopped it.
    pub(super) fn is_overdue(&self) -> bool {
        self.overdue.load(Ordering::Acquire)
    }
}
