//! The clock that never jumps.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The time since the machine started, suspension included; it does not follow the wall clock.
pub fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).expect("the time since boot is not negative");
    let nanoseconds = u32::try_from(now.tv_nsec).expect("nanoseconds are below a second");
    Duration::new(seconds, nanoseconds)
}
