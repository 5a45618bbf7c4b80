//! What is done so far: an append-only file in the work area, version 1.
//!
//! A line is written when a frame is in its place, and not synced: after a kill all lines count. Now and
//! then everything is synced, and a line says so: after a power loss, told by another boot, only what
//! stands before the last such line counts. What it says is not believed but looked at (`resume`).

use super::AssembleError;
use crate::host::directory::{Directory, DirectoryError, fresh};
use crate::model::ids::SnapshotId;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const VERSION: u32 = 1;
const NAME: &str = "progress";

/// After so many bytes, or so much time with any, what was written is made durable. While that lasts, writers wait
/// too, so it is not done often; the disk works on the large pieces in the meantime.
const SYNC_BYTES: u64 = 1 << 30;
const SYNC_AFTER: Duration = Duration::from_secs(5);

/// The most bytes of such a file that are read: a line for each frame and file of the largest manifest.
const MOST: u64 = 1 << 30;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    snapshot: String,
    boot: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// These frames are in their place.
    Frames(Vec<usize>),
    /// These entries became whole without frames.
    Files(Vec<usize>),
    /// These frames are needed once more.
    Again(Vec<usize>),
    /// So many lines after the head are durable with all that they speak of.
    Synced(usize),
}

/// What an earlier process wrote down.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) frames: Vec<bool>,
    pub(super) files: Vec<usize>,
}

/// The open file.
pub(super) struct Record<'a> {
    area: &'a Directory,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    file: File,
    end: u64,
    lines: usize,
    /// Bytes of content since the last sync.
    unsynced: u64,
    over: bool,
}

/// Reads what an earlier process wrote down for this snapshot; none when there is nothing.
///
/// # Errors
/// When the disk refuses.
pub(super) fn read(
    area: &Directory,
    (id, boot): (&SnapshotId, Option<&str>),
    frames: usize,
) -> Result<Option<Claims>, AssembleError> {
    let mut file = match area.open_file(Path::new(NAME)) {
        Err(error) if error.is_missing() => return Ok(None),
        opened => opened.map_err(|source| AssembleError::Record { source })?,
    };
    let mut bytes = Vec::new();
    let read = Read::by_ref(&mut file).take(MOST).read_to_end(&mut bytes);
    read.map_err(|source| failed(area, "read", source))?;
    Ok(parse(&bytes, (id, boot), frames))
}

/// A line that is torn or strange ends it: what comes after it does not count.
fn parse(bytes: &[u8], (id, boot): (&SnapshotId, Option<&str>), frames: usize) -> Option<Claims> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let head: Head = serde_json::from_slice(lines.next()?).ok()?;
    if head.version != VERSION || head.snapshot != id.as_str() {
        return None;
    }
    let lines: Vec<Line> = lines.map_while(|line| serde_json::from_slice(line).ok()).collect();
    let synced = lines.iter().rev().find_map(|line| match line {
        Line::Synced(count) => Some((*count).min(lines.len())),
        _ => None,
    });
    let same_boot = boot.is_some() && head.boot.as_deref() == boot;
    let count = if same_boot { lines.len() } else { synced.unwrap_or(0) };
    let mut claims = Claims { frames: vec![false; frames], files: Vec::new() };
    for line in &lines[..count] {
        match line {
            Line::Frames(list) | Line::Again(list) => {
                let placed = matches!(line, Line::Frames(_));
                list.iter().filter(|frame| **frame < frames).for_each(|frame| claims.frames[*frame] = placed);
            }
            Line::Files(list) => claims.files.extend(list),
            Line::Synced(_) => {}
        }
    }
    Some(claims)
}

impl<'a> Record<'a> {
    /// Begins a file that says this much, which is durable, in the place of an earlier one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn begin(
        area: &'a Directory,
        (id, boot): (&SnapshotId, Option<&str>),
        claims: &Claims,
    ) -> Result<Self, AssembleError> {
        let head = Head { version: VERSION, snapshot: id.to_string(), boot: boot.map(str::to_owned) };
        let mut text = serde_json::to_vec(&head).expect("a head is plain JSON");
        let placed = claims.frames.iter().enumerate().filter(|(_, placed)| **placed);
        let frames = Line::Frames(placed.map(|(frame, _)| frame).collect());
        for line in [frames, Line::Files(claims.files.clone()), Line::Synced(2)] {
            text.push(b'\n');
            text.extend(encode(&line));
        }
        text.push(b'\n');
        let file = area.replace_file(OsStr::new(NAME), &text, 0o600, None).map_err(recorded)?;
        let state = State { file, end: text.len() as u64, lines: 3, unsynced: 0, over: false };
        Ok(Self { area, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// A frame is in its place, with so many bytes of content; others are needed once more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn placed(&self, frame: usize, bytes: u64, again: &[usize]) -> Result<(), AssembleError> {
        let mut state = self.state();
        state.append(self.area, &Line::Frames(vec![frame]))?;
        if !again.is_empty() {
            state.append(self.area, &Line::Again(again.to_vec()))?;
        }
        state.unsynced += bytes;
        if state.unsynced >= SYNC_BYTES {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// These entries became whole without frames.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn whole(&self, entries: Vec<usize>, bytes: u64) -> Result<(), AssembleError> {
        let mut state = self.state();
        state.append(self.area, &Line::Files(entries))?;
        state.unsynced += bytes;
        Ok(())
    }

    /// Makes what was written durable now and then, until it is told that all is over.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn keep(&self, staging: &Directory) -> Result<(), AssembleError> {
        loop {
            let mut state = self.state();
            let waiting = |state: &mut State| !state.over && state.unsynced < SYNC_BYTES;
            state = self
                .changed
                .wait_timeout_while(state, SYNC_AFTER, waiting)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if state.over {
                return Ok(());
            }
            if state.unsynced == 0 {
                continue;
            }
            drop(state);
            self.make_durable(staging)?;
        }
    }

    /// Makes what was written until now durable, and says so.
    fn make_durable(&self, staging: &Directory) -> Result<(), AssembleError> {
        let lines = {
            let mut state = self.state();
            state.unsynced = 0;
            state.lines
        };
        staging.sync_filesystem()?;
        let mut state = self.state();
        state.append(self.area, &Line::Synced(lines))?;
        let file = state.file.try_clone();
        drop(state);
        file.and_then(|file| file.sync_data()).map_err(|source| failed(self.area, "write", source))
    }

    /// Ends [`Record::keep`].
    pub(super) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, area: &Directory, line: &Line) -> Result<(), AssembleError> {
        let mut text = encode(line);
        text.push(b'\n');
        self.file.write_all_at(&text, self.end).map_err(|source| failed(area, "write", source))?;
        self.end += text.len() as u64;
        self.lines += 1;
        Ok(())
    }
}

fn encode(line: &Line) -> Vec<u8> {
    serde_json::to_vec(line).expect("a line is plain JSON")
}

/// Removes what is left of an earlier restore.
pub(super) fn remove(area: &Directory) -> Result<(), AssembleError> {
    let name = OsStr::new(NAME);
    area.remove_tree(&fresh(name)).and_then(|()| area.remove_tree(name)).map_err(recorded)
}

fn failed(area: &Directory, action: &'static str, source: std::io::Error) -> AssembleError {
    recorded(io(area, action, source))
}

/// A full disk is told as such.
fn recorded(source: DirectoryError) -> AssembleError {
    match AssembleError::from(source) {
        AssembleError::Tree(crate::snapshot::unpack::UnpackError::Disk { source }) => {
            AssembleError::Record { source }
        }
        full => full,
    }
}

fn io(area: &Directory, action: &'static str, source: std::io::Error) -> DirectoryError {
    let path: PathBuf = area.path().join(NAME);
    DirectoryError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> SnapshotId {
        SnapshotId::parse("ab").unwrap()
    }

    fn claims(frames: &[usize], files: &[usize]) -> Option<Claims> {
        let frames = (0..5).map(|frame| frames.contains(&frame)).collect();
        Some(Claims { frames, files: files.to_vec() })
    }

    #[test]
    fn after_a_kill_all_lines_count_and_after_a_power_loss_those_that_were_synced() {
        let folder = tempfile::tempdir().unwrap();
        let area = Directory::open(folder.path()).unwrap();
        let first = claims(&[0], &[7]).unwrap();
        let record = Record::begin(&area, (&id(), Some("boot")), &first).unwrap();
        record.placed(3, SYNC_BYTES, &[]).unwrap();
        record.whole(vec![8, 9], 10).unwrap();
        record.make_durable(&area).unwrap();
        record.placed(4, 1, &[0, 3]).unwrap();
        let again = |boot| read(&area, (&id(), boot), 5).unwrap();
        assert_eq!(again(Some("boot")), claims(&[4], &[7, 8, 9]));
        assert_eq!(again(Some("another")), claims(&[0, 3], &[7, 8, 9]));
        assert_eq!(again(None), claims(&[0, 3], &[7, 8, 9]), "an unknown boot may be another one");
        assert_eq!(read(&area, (&SnapshotId::parse("cd").unwrap(), Some("boot")), 5).unwrap(), None);
        remove(&area).unwrap();
        assert_eq!(again(Some("boot")), None);
    }

    #[test]
    fn a_torn_line_ends_it_and_numbers_beyond_the_snapshot_do_not_count() {
        let head = "{\"version\":1,\"snapshot\":\"ab\",\"boot\":\"b\"}\n";
        let of = |text: &str| parse(text.as_bytes(), (&id(), Some("b")), 5);
        assert_eq!(of(&format!("{head}{{\"frames\":[1,99]}}\n{{\"frames\":[2]")), claims(&[1], &[]));
        assert_eq!(of(&format!("{head}\0\0\0\n{{\"frames\":[2]}}\n")), claims(&[], &[]));
        assert_eq!(of(&head.replace(":1", ":2")), None);
        assert_eq!(of(head.trim_end()), None, "the head is torn");
        assert_eq!(of(""), None);
    }

    #[test]
    fn the_form_of_version_1_stays_readable() {
        let text = include_bytes!("../../../tests/fixtures/v1/snapshot/progress.jsonl");
        assert_eq!(parse(text, (&id(), Some("b")), 5), claims(&[0, 2, 3], &[7, 8]));
        assert_eq!(parse(text, (&id(), Some("c")), 5), claims(&[0, 2], &[7]));
    }
}
