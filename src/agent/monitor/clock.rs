//! What is kept of the clock of this node: by the monitor in its status, by the agent over boots, by a person who takes
//! it for right.

use crate::agent::monitor::MonitorError;
use crate::host::files::{self, Attributes, FileError};
use crate::host::root::Root;
use crate::host::uptime::since_boot;
use crate::host::{clock, facts, paths};
use crate::storage::clock::{Clock, Reading};
use crate::storage::status::MonitorStatus;
use serde::Serialize;

/// What the clocks show now.
pub(super) fn now() -> Reading {
    Reading::new(clock::timestamp(), since_boot(), facts::boot_id().unwrap_or_default())
}

/// The clock as it is known on this node, with the last status of a monitor.
pub(super) fn known(root: &Root, before: Option<&MonitorStatus>) -> Clock {
    let status: Vec<Reading> = before.and_then(|before| before.clock.clone()).into_iter().collect();
    Clock::new(now(), &status, accepted(root).as_ref(), read(root, paths::LAST_SEEN).as_ref())
}

/// What a person took for right last.
pub(super) fn accepted(root: &Root) -> Option<Reading> {
    read(root, paths::CLOCK_ACCEPTED)
}

/// A reading on disk; one that cannot be read or understood is as good as none, and told.
fn read(root: &Root, path: &str) -> Option<Reading> {
    let path = root.join(path);
    let bytes = files::read_optional(&path);
    let bytes =
        bytes.map_err(|error| tracing::warn!(%error, "a reading of the clock is not known")).ok()??;
    let reading = Reading::parse(&bytes);
    if reading.is_none() {
        tracing::warn!(path = %path.display(), "a reading of the clock cannot be understood");
    }
    reading
}

fn write(root: &Root, path: &str, reading: &Reading) -> Result<(), FileError> {
    let bytes = serde_json::to_vec_pretty(reading).expect("a reading is plain data");
    files::write_atomic(&root.join(path), &bytes, Attributes::PUBLIC)
}

/// Notes that this node is up and that its clock is taken for right, for the monitor after the next boot.
pub(super) fn note(root: &Root) -> Result<(), FileError> {
    files::create_directory(&root.join(paths::LOGS), Attributes { mode: 0o755, owner: None })?;
    write(root, paths::LAST_SEEN, &now())
}

/// The clock that was taken for right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// What it shows.
    pub wall: jiff::Timestamp,
}

/// Takes the wall clock for right as it is, for the monitor and for cleanups by hand.
///
/// # Errors
/// When that cannot be written down.
pub fn accept_clock(root: &Root) -> Result<Accepted, MonitorError> {
    let reading = now();
    files::create_directory(&root.join(paths::RUN), Attributes { mode: 0o755, owner: None })?;
    write(root, paths::CLOCK_ACCEPTED, &reading)?;
    Ok(Accepted { wall: reading.wall })
}
