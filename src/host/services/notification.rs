//! What services tell by sd_notify, read from the datagrams that they send.

use std::time::Duration;

/// One thing told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notification {
    /// It is up.
    Ready,
    /// It is about to end.
    Stopping,
    /// It is alive.
    Alive,
    /// It noticed itself that it hangs.
    Hanging,
    /// How it goes.
    Status(String),
    /// It wants that much time from now.
    Extend(Duration),
    /// Its watchdog limit from now on.
    Watchdog(Duration),
}

/// The longest status that is kept, in letters.
const STATUS_LIMIT: usize = 500;

/// Everything of one datagram that is known; the rest is ignored, as the protocol wants.
pub(super) fn parse(datagram: &[u8]) -> Vec<Notification> {
    String::from_utf8_lossy(datagram).lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Notification> {
    let (key, value) = line.split_once('=')?;
    let span = || value.parse().ok().map(Duration::from_micros);
    match (key, value) {
        ("READY", "1") => Some(Notification::Ready),
        ("STOPPING", "1") => Some(Notification::Stopping),
        ("WATCHDOG", "1") => Some(Notification::Alive),
        ("WATCHDOG", "trigger") => Some(Notification::Hanging),
        ("STATUS", _) => Some(Notification::Status(value.chars().take(STATUS_LIMIT).collect())),
        ("EXTEND_TIMEOUT_USEC", _) => span().map(Notification::Extend),
        ("WATCHDOG_USEC", _) => span().map(Notification::Watchdog),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lines_are_read_and_others_ignored() {
        let told = parse(
            b"READY=1\nSTATUS=3 nodes = fine\nMAINPID=7\nX\nEXTEND_TIMEOUT_USEC=2000\nWATCHDOG_USEC=no",
        );
        assert_eq!(
            told,
            [
                Notification::Ready,
                Notification::Status("3 nodes = fine".to_owned()),
                Notification::Extend(Duration::from_millis(2)),
            ]
        );
        assert_eq!(parse(b"\xff\xfe"), []);
    }
}
