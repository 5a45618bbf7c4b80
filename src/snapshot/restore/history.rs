//! What was put in place on this node and when, one line for each restore that stayed or was undone: for audits.
//!
//! `history/entries.jsonl`, version 1. A line is durable before the journal of its restore goes, so none is missing
//! after a crash, and one that is there already is not written again. A file of over 1 MiB becomes
//! `entries.1.jsonl`, and the one that had that name goes.

use super::RestoreError;
use super::journal::{Applied, Folder, Journal, Kind};
use crate::host::clock;
use crate::host::directory::{Directory, DirectoryError};
use crate::model::ids::SnapshotId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

const VERSION: u32 = 1;
const NAME: &str = "entries.jsonl";
const BEFORE: &str = "entries.1.jsonl";

/// More bytes than that, and the file is moved aside.
const LONGEST: usize = 1 << 20;

/// The most that is read of a file, whoever wrote it.
const READ: u64 = 8 << 20;

/// How long another restore may take to write its line.
const PATIENCE: Duration = Duration::from_secs(30);

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The version of the format.
    pub(super) version: u32,
    /// When it stayed, or was undone.
    pub(super) at: Timestamp,
    /// What was meant.
    pub(super) kind: Kind,
    /// The source.
    pub(super) source: String,
    /// Its absolute path, below the root.
    pub(super) target: String,
    /// What stands there now; none when that is what was there before the first restore, or nothing.
    pub(super) now: Option<Applied>,
    /// What stood there before, as far as it was restored.
    pub(super) before: Option<SnapshotId>,
}

impl Entry {
    /// Of a restore that ends now.
    pub(super) fn of(journal: &Journal, before: Option<SnapshotId>) -> Self {
        let Journal { kind, source, target, applied, .. } = journal.clone();
        Self { version: VERSION, at: clock::timestamp(), kind, source, target, now: applied, before }
    }

    /// Whether both tell of one restore. A target never gets the same twice in a row: who restores it again does so
    /// at another time, and the tree of before is another one.
    fn is_of_same(&self, other: &Self) -> bool {
        let Self { at, .. } = *other;
        Self { at, ..self.clone() } == *other
    }
}

impl Folder {
    /// Writes down a restore; durable when it returns.
    pub(super) fn note(&self, entry: &Entry) -> Result<(), RestoreError> {
        let folder = self.history()?;
        let name = OsStr::new(NAME);
        if !folder.lock_within(PATIENCE)? {
            let (path, source) = (folder.path().to_owned(), ErrorKind::TimedOut.into());
            return Err(DirectoryError::Io { action: "lock", path, source }.into());
        }
        let bytes = read(&folder)?;
        let mut whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // A line of a later version, or one that is damaged, stays and is none of this restore.
        let lines = bytes[..whole].split(|byte| *byte == b'\n').rev();
        let mut entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        if entries.find(|one| one.target == entry.target).is_some_and(|last| last.is_of_same(entry)) {
            return Ok(());
        }
        if whole > LONGEST {
            folder.rename(name, &folder, OsStr::new(BEFORE))?;
            whole = 0;
        }
        let line = serde_json::to_vec(entry).expect("it has no failing serialiser");
        Ok(folder.append_line(name, whole as u64, &line, 0o600)?)
    }
}

fn read(folder: &Directory) -> Result<Vec<u8>, DirectoryError> {
    let file = match folder.open_file(Path::new(NAME)) {
        Err(error) if error.is_missing() => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    let filled = file.take(READ).read_to_end(&mut bytes);
    filled.map_err(|source| DirectoryError::Io { action: "read", path: folder.path().join(NAME), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Site, applied};
    use super::*;
    use crate::host::directory::cut;
    use crate::model::progress::Silent;
    use crate::snapshot::restore::{INCOMING, recover};
    use std::fs;

    fn entries(site: &Site) -> Vec<Entry> {
        let text = fs::read_to_string(site.root.join("var/lib/eos/restores/history/entries.jsonl"));
        text.unwrap_or_default().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_restore_that_stays_has_one_line_whatever_it_crashed_at() {
        let mut changes = 0;
        loop {
            let site = Site::with_old();
            site.stage("new");
            let (_, died) = cut::after(changes, || site.restore());
            let stays = recover(&site.root, &Silent).unwrap().is_empty();
            let told = entries(&site);
            let kinds: Vec<_> = told.iter().map(|one| one.kind).collect();
            assert_eq!(kinds, vec![Kind::Restore; usize::from(site.which() == "new")], "change {changes}");
            if !died {
                let now = told[0].now.as_ref().unwrap();
                assert_eq!((&now.id, &now.from), (&applied("aa", 10).id, &applied("aa", 10).from));
                assert!(stays && changes > 15, "{changes}");
                break;
            }
            changes += 1;
        }
    }

    #[test]
    fn what_returns_has_a_line_too_and_what_did_not_stay_has_none() {
        let site = Site::with_old();
        site.stage("new");
        site.restore().unwrap();
        let previous = || site.begin().unwrap().previous(&|| false, &Silent).unwrap();
        previous();
        previous();
        site.fall_sick();
        site.stage("newer");
        site.begin()
            .unwrap()
            .activate(Path::new(INCOMING), applied("bb", 20), &|| false, &Silent)
            .unwrap_err();
        fs::remove_file(site.root.join("sick")).unwrap();
        site.begin().unwrap().undo(&Silent).unwrap();
        let told = entries(&site);
        let lines: Vec<_> = told
            .iter()
            .map(|one| (one.kind, one.now.as_ref().map(|now| now.id.as_str()), one.before.as_ref()))
            .collect();
        let id = applied("aa", 10).id;
        assert_eq!(
            lines,
            [
                (Kind::Restore, Some(id.as_str()), None),
                (Kind::Previous, None, Some(&id)),
                (Kind::Previous, Some(id.as_str()), None),
                (Kind::Undo, None, Some(&id)),
            ]
        );
        assert!(told.iter().all(|one| one.source == "metrics" && one.target == "/srv/metrics"));
    }

    #[test]
    fn a_torn_line_goes_a_strange_one_stays_and_a_long_file_makes_room() {
        let site = Site::with_old();
        let folder = site.root.join("var/lib/eos/restores/history");
        fs::create_dir_all(&folder).unwrap();
        let strange = "{\"version\":2,\"more\":1}\n";
        fs::write(folder.join(NAME), format!("{strange}{{\"version\":1,\"at\"")).unwrap();
        site.stage("new");
        site.restore().unwrap();
        let text = fs::read_to_string(folder.join(NAME)).unwrap();
        assert!(text.starts_with(strange) && text.lines().count() == 2 && text.ends_with("}\n"), "{text}");
        let long = strange.repeat(LONGEST / strange.len() + 1);
        fs::write(folder.join(NAME), &long).unwrap();
        site.stage("newer");
        site.restore().unwrap();
        assert_eq!(fs::read_to_string(folder.join(BEFORE)).unwrap(), long);
        assert_eq!(entries(&site).len(), 1);
    }

    #[test]
    fn the_history_of_version_1_stays_readable() {
        let fixture = include_str!("../../../tests/fixtures/v1/restore-history.jsonl");
        let entries: Vec<Entry> = fixture.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let text: String = entries.iter().map(|one| serde_json::to_string(one).unwrap() + "\n").collect();
        assert_eq!((text.as_str(), entries.len()), (fixture, 2));
    }
}
