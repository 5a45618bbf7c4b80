//! When a node was last heard of. A node that waits for an answer is there, however long it waits.

use crate::host::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A node that was not heard of for this long is gone, unless configured: another may take its place.
/// Three times as long as an agent pauses at most between two attempts.
pub const ALIVE_MS: u64 = 45_000;

/// For at least so long after its start a master that has not heard of a node yet takes it to be alive:
/// an agent that pauses has not noticed yet that its master is back.
pub const UNHEARD_MS: u64 = 60_000;

/// What is known of one node's presence; shared with the requests that it has open.
#[derive(Debug, Default)]
pub struct Presence {
    seen_ms: AtomicU64,
    open: AtomicU32,
}

impl Presence {
    /// The node said something at this time, in milliseconds since 1970.
    pub fn heard(&self, now: u64) {
        self.seen_ms.store(now, Ordering::Relaxed);
    }

    /// The node waits for an answer until the guard is dropped, which a broken connection does as well.
    pub fn wait(self: &Arc<Self>) -> Waiting {
        self.open.fetch_add(1, Ordering::Relaxed);
        Waiting(self.clone())
    }

    /// For how many milliseconds nothing was heard.
    pub fn silent_ms(&self, now: u64) -> u64 {
        match self.open.load(Ordering::Relaxed) {
            0 => now.saturating_sub(self.seen_ms.load(Ordering::Relaxed)),
            _ => 0,
        }
    }
}

/// A request that its node waits for.
pub struct Waiting(Arc<Presence>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.heard(clock::now_ms());
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_silent_since_it_was_heard_and_not_while_it_waits() {
        let presence = Arc::new(Presence::default());
        let now = clock::now_ms();
        presence.heard(now - 40_000);
        assert_eq!(presence.silent_ms(now), 40_000);
        let (first, second) = (presence.wait(), presence.wait());
        assert_eq!(presence.silent_ms(now + 100_000), 0);
        drop(first);
        assert_eq!(presence.silent_ms(now + 100_000), 0, "one request is still open");
        drop(second);
        assert!(presence.silent_ms(now + 100_000) <= 100_000, "it was there until a moment ago");
        assert!(presence.silent_ms(now + 100_000) > 90_000);
    }
}
