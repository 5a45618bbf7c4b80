//! What commands did, counted beyond their end in the node's own store: `tally.json`, version 1.
//!
//! It is replaced atomically under the store's lock, so a crash leaves the counts before a command or after it,
//! and of two commands that end at once each is counted.

use super::{DiskStore, StoreError, locked, owner};
use crate::host::directory::{Directory, DirectoryError};
use crate::host::paths;
use crate::host::root::Root;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

const FILE: &str = "tally.json";

/// The version that is read and written here.
const VERSION: u32 = 1;

/// The most bytes of the file.
const MOST: u64 = 1 << 20;

/// Upper ends of the durations that are counted apart, in seconds; what takes longer is counted after them.
pub const WITHIN: [f64; 8] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// The commands that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Makes snapshots of sources.
    Capture,
    /// Fetches one into the store.
    Pull,
    /// Puts one in the place of what was there.
    Restore,
}

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// A source was captured.
    Captured {
        /// How long it took.
        took: Duration,
        /// Whether nothing had changed, so that there is no new snapshot.
        unchanged: bool,
        /// Bytes that were read from files.
        read_bytes: u64,
        /// Bytes of contents that were borrowed from earlier snapshots.
        borrowed_bytes: u64,
        /// Bytes of parts that were written.
        stored_bytes: u64,
        /// Entries that patterns left out.
        excluded: u64,
        /// For how long the hooks around it held the writers off.
        paused: Duration,
    },
    /// A capture that failed had held writers off by its hooks.
    Paused {
        /// For how long.
        paused: Duration,
    },
    /// A snapshot is in the store that was not.
    Pulled {
        /// How long it took.
        took: Duration,
        /// Bytes that came over the network.
        received_bytes: u64,
    },
    /// A snapshot stands where it belongs.
    Restored {
        /// How long it took.
        took: Duration,
        /// Bytes that came over the network.
        received_bytes: u64,
        /// How long it took to put it in place, from the first hook to good health.
        applying: Duration,
    },
    /// It was refused, it failed, or what it did was taken back.
    Failed {
        /// Which command it was.
        command: Command,
        /// The code of the error.
        code: &'a str,
    },
    /// A restore that a crash had interrupted was dealt with.
    Recovered {
        /// What became of it, in one word.
        outcome: &'a str,
    },
}

/// How often a command ended well, how long that took, and why it failed otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deeds {
    /// How often it ended well.
    pub count: u64,
    /// Milliseconds of these, all together.
    pub milliseconds: u64,
    /// How many took at most so long as each of [`WITHIN`], and longer than the one before; the rest last.
    pub within: [u64; WITHIN.len() + 1],
    /// Failures, by the code of the error.
    pub failures: BTreeMap<String, u64>,
}

/// What captures did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Captures {
    /// How often.
    #[serde(flatten)]
    pub deeds: Deeds,
    /// How many of them found nothing changed.
    pub unchanged: u64,
    /// Bytes that were read from files.
    pub read_bytes: u64,
    /// Bytes of contents that were borrowed from earlier snapshots.
    pub borrowed_bytes: u64,
    /// Bytes of parts that were written.
    pub stored_bytes: u64,
    /// Entries that patterns left out.
    #[serde(default)]
    pub excluded: u64,
    /// Milliseconds for which the hooks around captures held the writers off.
    #[serde(default)]
    pub paused_milliseconds: u64,
}

/// What pulls or restores did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transfers {
    /// How often.
    #[serde(flatten)]
    pub deeds: Deeds,
    /// Bytes that came over the network.
    pub received_bytes: u64,
}

/// The counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The version of the format: 1.
    version: u32,
    /// Sources that were captured.
    pub captures: Captures,
    /// Snapshots that were fetched.
    pub pulls: Transfers,
    /// Snapshots that were put in place.
    pub restores: Transfers,
    /// Milliseconds that it took to put them in place, without the transfers.
    #[serde(default)]
    pub applying_milliseconds: u64,
    /// Interrupted restores that were dealt with, by what became of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recovered: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let (captures, pulls, restores, recovered) = Default::default();
        Self { version: VERSION, captures, pulls, restores, applying_milliseconds: 0, recovered }
    }
}

/// Counts how a command of this node ended. A host without a store of its own counts nothing: nobody asks it.
///
/// # Errors
/// When the counts cannot be read, understood or written, or the store is busy.
pub fn count(root: &Root, ended: Ended<'_>) -> Result<(), StoreError> {
    let folder = match Directory::open(&root.join(paths::SNAPSHOTS)) {
        Err(error) if error.is_missing() => return Ok(()),
        opened => opened?,
    };
    let _guard = locked(&folder)?;
    let mut tally = Tally::read(&folder)?;
    tally.add(ended);
    tally.write(&folder)
}

impl DiskStore {
    /// The counts so far.
    ///
    /// # Errors
    /// When they cannot be read or understood.
    pub fn tally(&self) -> Result<Tally, StoreError> {
        Tally::read(&self.root)
    }
}

impl Tally {
    /// What is told of each command.
    pub fn commands(&self) -> [(&'static str, &Deeds); 3] {
        let Self { captures, pulls, restores, .. } = self;
        [("capture", &captures.deeds), ("pull", &pulls.deeds), ("restore", &restores.deeds)]
    }

    fn add(&mut self, ended: Ended<'_>) {
        match ended {
            Ended::Captured {
                took,
                unchanged,
                read_bytes,
                borrowed_bytes,
                stored_bytes,
                excluded,
                paused,
            } => {
                let captures = &mut self.captures;
                captures.deeds.add(took);
                add(&mut captures.unchanged, unchanged.into());
                add(&mut captures.read_bytes, read_bytes);
                add(&mut captures.borrowed_bytes, borrowed_bytes);
                add(&mut captures.stored_bytes, stored_bytes);
                add(&mut captures.excluded, excluded);
                add(&mut captures.paused_milliseconds, milliseconds(paused));
            }
            Ended::Paused { paused } => {
                add(&mut self.captures.paused_milliseconds, milliseconds(paused));
            }
            Ended::Pulled { took, received_bytes } => self.pulls.add(took, received_bytes),
            Ended::Restored { took, received_bytes, applying } => {
                self.restores.add(took, received_bytes);
                add(&mut self.applying_milliseconds, milliseconds(applying));
            }
            Ended::Failed { command, code } => {
                let deeds = match command {
                    Command::Capture => &mut self.captures.deeds,
                    Command::Pull => &mut self.pulls.deeds,
                    Command::Restore => &mut self.restores.deeds,
                };
                add(deeds.failures.entry(code.to_owned()).or_default(), 1);
            }
            Ended::Recovered { outcome } => {
                add(self.recovered.entry(outcome.to_owned()).or_default(), 1);
            }
        }
    }

    fn read(folder: &Directory) -> Result<Self, StoreError> {
        let failed = |source| io("read", folder, FILE, source);
        let file = match folder.open_file(Path::new(FILE)) {
            Err(error) if error.is_missing() => return Ok(Self::default()),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
        let tally: Self = serde_json::from_slice(&bytes)
            .map_err(|error| failed(Error::new(ErrorKind::InvalidData, error)))?;
        match tally.version {
            VERSION => Ok(tally),
            other => Err(failed(Error::new(ErrorKind::InvalidData, format!("it has version {other}")))),
        }
    }

    fn write(&self, folder: &Directory) -> Result<(), StoreError> {
        let text = serde_json::to_vec(self).expect("counts serialise");
        folder.replace_file(OsStr::new(FILE), &text, 0o600, owner(folder)?)?;
        Ok(())
    }
}

impl Transfers {
    fn add(&mut self, took: Duration, received_bytes: u64) {
        self.deeds.add(took);
        add(&mut self.received_bytes, received_bytes);
    }
}

impl Deeds {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = WITHIN.iter().position(|end| seconds <= *end).unwrap_or(WITHIN.len());
        add(&mut self.count, 1);
        add(&mut self.milliseconds, milliseconds(took));
        add(&mut self.within[bucket], 1);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The file may say anything, and counting must not end a command.
fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

fn io(action: &'static str, folder: &Directory, name: &str, source: Error) -> StoreError {
    DirectoryError::Io { action, path: folder.path().join(name), source }.into()
}

#[cfg(test)]
mod tests;
