//! What commands did with a store, counted beyond their end: `tally.json`, version 1.
//!
//! It is replaced atomically under the store's lock, so a crash leaves the counts before a command or after it.

use super::{DiskStore, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

const FILE: &str = "tally.json";
const FRESH: &str = "tally.json.new";

/// The version that is read and written here.
const VERSION: u32 = 1;

/// The most bytes of the file.
const MOST: u64 = 1 << 20;

/// Upper ends of the durations that are counted apart, in seconds; what takes longer is counted after them.
pub const WITHIN: [f64; 8] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It made a snapshot.
    Capture,
    /// It fetched one into the store.
    Pull,
    /// It put one in the place of what was there.
    Restore,
}

/// How often something was done, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deeds {
    /// How often.
    pub count: u64,
    /// Milliseconds, all together.
    pub milliseconds: u64,
    /// How many took at most so long as each of [`WITHIN`], and longer than the one before; the rest last.
    pub within: [u64; WITHIN.len() + 1],
}

/// The counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The version of the format: 1.
    version: u32,
    /// Snapshots that were made.
    pub captures: Deeds,
    /// Snapshots that were fetched.
    pub pulls: Deeds,
    /// Snapshots that were put in place.
    pub restores: Deeds,
    /// Bytes that came over the network.
    pub received_bytes: u64,
    /// What failed, by the code of the error.
    pub failures: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            version: VERSION,
            captures: Deeds::default(),
            pulls: Deeds::default(),
            restores: Deeds::default(),
            received_bytes: 0,
            failures: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// Counts what was done, and how many bytes came over the network for it.
    pub fn done(&mut self, deed: Deed, took: Duration, received_bytes: u64) {
        let deeds = match deed {
            Deed::Capture => &mut self.captures,
            Deed::Pull => &mut self.pulls,
            Deed::Restore => &mut self.restores,
        };
        let seconds = took.as_secs_f64();
        let bucket = WITHIN.iter().position(|end| seconds <= *end).unwrap_or(WITHIN.len());
        deeds.count += 1;
        deeds.milliseconds += u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        deeds.within[bucket] += 1;
        self.received_bytes += received_bytes;
    }

    /// Counts a failure by its code.
    pub fn failed(&mut self, code: &str) {
        *self.failures.entry(code.to_owned()).or_default() += 1;
    }
}

impl DiskStore {
    /// The counts so far.
    ///
    /// # Errors
    /// When they cannot be read or understood.
    pub fn tally(&self) -> Result<Tally, StoreError> {
        let failed = |source| self.io("read", &self.root, OsStr::new(FILE), source);
        let file = match self.root.open_file(Path::new(FILE)) {
            Err(error) if error.is_missing() => return Ok(Tally::default()),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
        let tally: Tally = serde_json::from_slice(&bytes)
            .map_err(|error| failed(Error::new(ErrorKind::InvalidData, error)))?;
        match tally.version {
            VERSION => Ok(tally),
            other => Err(failed(Error::new(ErrorKind::InvalidData, format!("it has version {other}")))),
        }
    }

    /// Changes the counts.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub fn count(&self, change: impl FnOnce(&mut Tally)) -> Result<(), StoreError> {
        let _guard = self.lock()?;
        let mut tally = self.tally()?;
        change(&mut tally);
        let text = serde_json::to_vec(&tally).expect("counts serialise");
        let fresh = OsStr::new(FRESH);
        self.root.remove_tree(fresh)?;
        let mut file = self.root.create_file(fresh, 0o600)?;
        self.give(&self.root, fresh)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        written.map_err(|source| self.io("write", &self.root, fresh, source))?;
        self.root.rename(fresh, &self.root, OsStr::new(FILE))?;
        Ok(self.root.sync()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::Directory;

    #[test]
    fn counts_outlive_who_counted_and_what_is_no_count_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = || DiskStore::open(Directory::open(folder.path()).unwrap()).unwrap();
        assert_eq!(open().tally().unwrap(), Tally::default());
        open().count(|tally| tally.done(Deed::Pull, Duration::from_millis(1500), 7)).unwrap();
        open().count(|tally| tally.done(Deed::Pull, Duration::from_secs(7200), 8)).unwrap();
        open().count(|tally| tally.failed("EOS-T044")).unwrap();
        let tally = open().tally().unwrap();
        assert_eq!((tally.pulls.count, tally.pulls.milliseconds, tally.received_bytes), (2, 7_201_500, 15));
        assert_eq!(tally.pulls.within, [0, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(tally.failures["EOS-T044"], 1);
        for text in ["", "{}", &serde_json::to_string(&Tally { version: 2, ..tally }).unwrap()] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            open().tally().expect_err("it is no count");
            open().count(|tally| tally.failed("x")).expect_err("nothing is counted anew over it");
        }
    }

    #[test]
    fn what_was_counted_stays_readable() {
        let text = include_str!("../../../tests/fixtures/v1/snapshot/tally.json");
        let tally: Tally = serde_json::from_str(text).unwrap();
        assert_eq!((tally.captures.count, tally.restores.milliseconds, tally.received_bytes), (1, 2000, 9));
    }
}
