//! How a supervisor tells those who wait that its service is ready or failed: one JSON line, then the end.
//!
//! The one who started it waits on the other end of its standard input, all others on its control
//! socket. A supervisor that dies closes both, so nobody waits for the dead.

use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// What became of a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It is ready.
    Ready {
        /// Its main process.
        pid: u32,
    },
    /// It failed.
    Failed {
        /// How.
        reason: String,
    },
    /// Another supervisor keeps the service.
    Refused,
}

/// What came of waiting for a verdict.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A verdict.
    Said(Verdict),
    /// The supervisor ended without one.
    Closed,
    /// Nothing in time.
    Nothing,
}

/// Waits for the one line.
pub(super) fn wait(stream: UnixStream, until: Instant) -> io::Result<Heard> {
    let mut line = String::new();
    // A verdict is short, and arrives whole: it is written at once.
    let mut reader = BufReader::new(stream);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Heard::Nothing);
        }
        reader.get_ref().set_read_timeout(Some(left))?;
        match reader.by_ref().take(4096).read_line(&mut line) {
            Ok(0) => return Ok(Heard::Closed),
            Ok(_) => return Ok(serde_json::from_str(&line).map_or(Heard::Closed, Heard::Said)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(Heard::Nothing);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Heard::Closed),
            Err(error) => return Err(error),
        }
    }
}

/// Tells one waiter; one that went away does not need it any more.
pub(super) fn tell(waiter: &mut UnixStream, verdict: &Verdict) {
    let mut line = serde_json::to_string(verdict).expect("a verdict is plain data");
    line.push('\n');
    if let Err(error) = waiter.write_all(line.as_bytes()) {
        tracing::debug!(%error, "a waiter left before the verdict");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_verdict_an_end_and_silence_are_told_apart() -> anyhow::Result<()> {
        let soon = || Instant::now() + Duration::from_secs(10);
        let (mut supervisor, waiter) = UnixStream::pair()?;
        tell(&mut supervisor, &Verdict::Ready { pid: 7 });
        assert_eq!(wait(waiter, soon())?, Heard::Said(Verdict::Ready { pid: 7 }));
        let (supervisor, waiter) = UnixStream::pair()?;
        drop(supervisor);
        assert_eq!(wait(waiter, soon())?, Heard::Closed);
        let (_supervisor, waiter) = UnixStream::pair()?;
        assert_eq!(wait(waiter, Instant::now() + Duration::from_millis(10))?, Heard::Nothing);
        Ok(())
    }
}
