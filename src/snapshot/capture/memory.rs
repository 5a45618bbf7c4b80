//! What a capture remembers for the next one: which files it saw in which state, so that they need not be read.
//!
//! `memory/SOURCE.json` in the store, replaced atomically. It only ever saves work: one that is missing, or of
//! another version, or names a snapshot that is gone, makes the next capture read more.

use crate::host::directory::{Metadata, Moment};
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::{Name, Time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version that this eos reads and writes.
pub const VERSION: u32 = 1;

/// By how many seconds a time must be older than a capture: clocks of file systems tick slowly, and a file that
/// is written twice within a tick looks the same.
const TICK: i64 = 2;

/// What was seen of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// When the capture began.
    pub captured_at: Timestamp,
    /// The files that had come to rest, by their paths in the snapshot.
    pub files: BTreeMap<Name, Stamp>,
    /// The generation of the snapshot.
    pub generation: u64,
    /// The snapshot in which their contents are.
    pub snapshot: SnapshotId,
    /// The source.
    pub source: String,
    /// `VERSION`.
    pub version: u32,
}

/// What `stat` said: device, inode, size, last change of the content, last change of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(pub u64, pub u64, pub u64, pub Time, pub Time);

impl Stamp {
    /// The stamp of a file.
    pub fn of(file: &Metadata) -> Self {
        let time = |moment: Moment| Time(moment.seconds, moment.nanoseconds);
        Self(file.device, file.inode, file.size, time(file.modified), time(file.changed))
    }

    /// Whether a capture that began then can rely on it: what happens later shows in one of its times.
    ///
    /// Of a file that is never written to once it is complete, a new name is no news.
    pub fn is_at_rest(&self, began: Timestamp, written_once: bool) -> bool {
        let limit = Time(began.as_second() - TICK, 0);
        self.3 < limit && (written_once || self.4 < limit)
    }
}

impl Memory {
    /// The bytes for the disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a memory has only string keys")
    }

    /// Reads what an earlier capture wrote; nothing when it is of no use any more.
    pub fn read(bytes: &[u8], source: &str) -> Option<Self> {
        let read: Result<Self, _> = serde_json::from_slice(bytes);
        match read {
            Ok(memory) if memory.version == VERSION && memory.source == source => Some(memory),
            Ok(_) => None,
            Err(error) => {
                tracing::info!(%error, source, "what was remembered of the source is no use: it is read anew");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Memory {
        Memory {
            captured_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            files: [(
                Name::new(b"srv/\xff"),
                Stamp(1, 2, 3, Time(1_700_000_000, 5), Time(1_700_000_001, 999_999_999)),
            )]
            .into(),
            generation: 4,
            snapshot: SnapshotId::parse("abcdefgh").unwrap(),
            source: "metrics".to_owned(),
            version: VERSION,
        }
    }

    #[test]
    fn the_memory_of_version_1_stays_readable() {
        let fixture = include_str!("../../../tests/fixtures/v1/snapshot/memory.json");
        assert_eq!(Memory::read(fixture.as_bytes(), "metrics"), Some(sample()));
        assert_eq!(String::from_utf8(sample().to_bytes()).unwrap(), fixture);
    }

    #[test]
    fn what_is_of_another_source_or_version_or_damaged_is_of_no_use() {
        let bytes = sample().to_bytes();
        assert_eq!(Memory::read(&bytes, "other"), None);
        assert_eq!(Memory::read(&bytes[1..], "metrics"), None);
        let newer = Memory { version: 2, ..sample() };
        assert_eq!(Memory::read(&newer.to_bytes(), "metrics"), None);
    }

    #[test]
    fn a_file_that_changed_within_the_tick_of_a_clock_is_not_at_rest() {
        let began: Timestamp = "2026-01-02T03:04:05.5Z".parse().unwrap();
        let at = |modified: i64, changed: i64| {
            let second = began.as_second();
            Stamp(1, 2, 3, Time(second + modified, 0), Time(second + changed, 0))
        };
        assert!(at(-3, -3).is_at_rest(began, false));
        assert!(!at(-3, -2).is_at_rest(began, false) && !at(-2, -3).is_at_rest(began, false));
        assert!(at(-3, 5).is_at_rest(began, true) && !at(-2, -9).is_at_rest(began, true));
    }
}
