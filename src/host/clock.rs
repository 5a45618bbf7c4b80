//! The wall clock, read here and handed to what decides.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970; 0 when the clock stands before that.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Seconds since 1970, for certificates.
pub fn now_seconds() -> i64 {
    (now_ms() / 1000) as i64
}

/// The present as a timestamp.
pub fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
