//! The tree that a snapshot becomes: each frame is put in its place by itself, in any order.
//!
//! A frame's bytes are verified before they come here. What is between the files' contents is compared
//! with what the manifest implies, so an archive cannot say anything that the manifest does not.

use super::UnpackError;
use super::growing::Growing;
use super::place::{PRIVATE, Place, attributes, write_piece};
use super::plan::{Kind, Piece, Plan};
use crate::host::directory::{Aligned, Direct, Directory, DirectoryError};
use crate::model::digest::Digest;
use crate::snapshot::manifest::{Content, Entry, Manifest, Name};
use crate::snapshot::{frame, layout};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zstd::bulk::Decompressor;

/// A tree on its way.
pub(in crate::snapshot) struct Tree<'a> {
    manifest: &'a Manifest,
    plan: Plan,
    staging: &'a Directory,
    owners: bool,
    /// Whether each entry is whole.
    whole: Vec<AtomicBool>,
    /// Of each frame, whether an earlier process wrote what it holds.
    before: Vec<bool>,
    parts: Mutex<PartFiles>,
}

#[derive(Default)]
struct PartFiles {
    growing: HashMap<usize, Arc<Growing>>,
    /// Entries of which an earlier process wrote some frames.
    kept: HashSet<usize>,
}

/// What an earlier process left, after it was looked at.
#[derive(Debug, Default)]
pub(in crate::snapshot) struct Kept {
    /// Entries that are whole, their content verified.
    pub(in crate::snapshot) whole: Vec<usize>,
    /// Of each frame, whether what it holds was written.
    pub(in crate::snapshot) before: Vec<bool>,
    /// Files that are there and not whole.
    pub(in crate::snapshot) partial: HashSet<usize>,
}

/// What one thread needs to put frames in their place.
pub(in crate::snapshot) struct Worker<'a> {
    pub(in crate::snapshot) place: Place<'a>,
    decompressor: Decompressor<'static>,
    plain: Aligned,
    /// Content that was put in place: files that became whole, and bytes.
    pub(in crate::snapshot) placed: Count,
}

/// How much of the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Files.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
}

impl<'a> Tree<'a> {
    /// Nothing of it is there but the staging directory.
    pub(in crate::snapshot) fn new(manifest: &'a Manifest, staging: &'a Directory, owners: bool) -> Self {
        let whole = manifest.entries.iter().map(|_| AtomicBool::new(false)).collect();
        let before = vec![false; manifest.frames.len()];
        let plan = Plan::new(manifest);
        Self { manifest, plan, staging, owners, whole, before, parts: Mutex::default() }
    }

    pub(in crate::snapshot) fn worker(&self) -> Worker<'a> {
        let place = Place::new(self.staging, self.owners);
        Worker {
            place,
            decompressor: Decompressor::default(),
            plain: Aligned::default(),
            placed: Count::default(),
        }
    }

    pub(in crate::snapshot) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What an earlier process left is there: the directories, entries that are whole, frames whose content
    /// was written, and entries of which these hold only a part.
    pub(in crate::snapshot) fn resumed(
        manifest: &'a Manifest,
        staging: &'a Directory,
        owners: bool,
        kept: Kept,
    ) -> Self {
        let Kept { whole, before, partial } = kept;
        let tree = Self { before, ..Self::new(manifest, staging, owners) };
        whole.into_iter().for_each(|entry| tree.set_whole(entry));
        tree.parts().kept = partial;
        tree
    }

    /// Of each frame, whether nothing of it is needed any more.
    ///
    /// A frame without content is needed for its headers, unless an earlier process compared them.
    pub(in crate::snapshot) fn have(&self) -> Vec<bool> {
        let mut have = vec![true; self.before.len()];
        let mut empty = vec![true; self.before.len()];
        let kept = self.parts().kept.clone();
        for (index, entry) in self.manifest.entries.iter().enumerate().filter(|(_, entry)| entry.size() > 0) {
            debug_assert!(matches!(entry.content, Content::File { .. }), "only files have content");
            for frame in self.plan.frames_of(index) {
                empty[frame] = false;
                let written = kept.contains(&index) && self.before[frame];
                have[frame] &= self.is_whole(index) || written;
            }
        }
        for frame in self.plan.needed() {
            have[frame] &= !empty[frame] || self.before[frame];
        }
        have
    }

    /// Files with content and bytes of it that are there.
    pub(in crate::snapshot) fn there(&self) -> Count {
        let (mut count, kept) = (Count::default(), self.parts().kept.clone());
        for (index, entry) in self.manifest.entries.iter().enumerate() {
            if entry.size() > 0 && self.is_whole(index) {
                count.files += 1;
                count.bytes += entry.size();
            } else if kept.contains(&index) {
                let written = self.plan.frames_of(index).filter(|frame| self.before[*frame]);
                count.bytes += written.map(|frame| self.plan.content_in(index, frame)).sum::<u64>();
            }
        }
        count
    }

    pub(in crate::snapshot) fn staging(&self) -> &'a Directory {
        self.staging
    }

    /// Of each frame, whether an earlier process wrote what it holds.
    pub(in crate::snapshot) fn before(&self) -> Vec<bool> {
        self.before.clone()
    }

    /// The entries with content that are whole.
    pub(in crate::snapshot) fn whole_files(&self) -> Vec<usize> {
        let entries = self.manifest.entries.iter().enumerate();
        let whole = entries.filter(|(index, entry)| entry.size() > 0 && self.is_whole(*index));
        whole.map(|(index, _)| index).collect()
    }

    /// Whether an earlier process wrote a part of this entry.
    pub(in crate::snapshot) fn is_partial(&self, entry: usize) -> bool {
        self.parts().kept.contains(&entry)
    }

    /// Makes all directories that are not there, and the files without content, which no frame holds.
    pub(in crate::snapshot) fn make_directories(&self) -> Result<(), UnpackError> {
        let mut worker = self.worker();
        for (index, entry) in self.manifest.entries.iter().enumerate() {
            match entry.content {
                Content::Directory if !self.is_whole(index) => worker.place.directory(entry)?,
                Content::File { size: 0, digest, .. } if !self.is_whole(index) => {
                    self.whole_file(&mut worker, index, b"", digest)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts a frame in its place whose bytes were verified. No two threads do so with one frame at a time.
    ///
    /// Returns the frames to bring once more: what an earlier process left of a file was damaged.
    pub(in crate::snapshot) fn place(
        &self,
        worker: &mut Worker<'a>,
        index: usize,
        bytes: &[u8],
    ) -> Result<Vec<usize>, UnpackError> {
        let one = &self.manifest.frames[index];
        let mut plain = std::mem::take(&mut worker.plain);
        let room = plain.room(one.uncompressed as usize);
        let placed = match frame::decompress(&mut worker.decompressor, bytes, room) {
            Ok(()) => self.pieces(worker, index, room),
            Err(reason) => {
                let part = self.manifest.parts[one.part as usize].digest;
                Err(UnpackError::Frame { part, frame: index, offset: one.offset, reason })
            }
        };
        worker.plain = plain;
        placed
    }

    fn pieces(&self, worker: &mut Worker<'a>, frame: usize, plain: &[u8]) -> Result<Vec<usize>, UnpackError> {
        let mut again = Vec::new();
        for piece in self.plan.pieces(frame) {
            let bytes = &plain[piece.range.clone()];
            match piece.kind {
                Kind::Header => self.compare(&piece, bytes)?,
                Kind::Content => again.extend(self.content(worker, frame, &piece, bytes)?),
                Kind::Padding if bytes.iter().any(|byte| *byte != 0) => {
                    return Err(UnpackError::Padding {
                        path: self.manifest.entries[piece.entry].path.clone(),
                    });
                }
                Kind::End if bytes.iter().any(|byte| *byte != 0) => {
                    return Err(UnpackError::Extra { found: describe(&plain[piece.range.start..]) });
                }
                Kind::Beyond => return Err(UnpackError::Extra { found: describe(bytes) }),
                Kind::Padding | Kind::End => {}
            }
        }
        Ok(again)
    }

    fn compare(&self, piece: &Piece, bytes: &[u8]) -> Result<(), UnpackError> {
        let entry = &self.manifest.entries[piece.entry];
        let expected = layout::header(entry);
        if expected[piece.offset as usize..][..bytes.len()] == *bytes {
            return Ok(());
        }
        Err(UnpackError::Header { path: entry.path.clone(), found: describe(bytes) })
    }

    fn content(
        &self,
        worker: &mut Worker<'a>,
        frame: usize,
        piece: &Piece,
        bytes: &[u8],
    ) -> Result<Vec<usize>, UnpackError> {
        let entry = &self.manifest.entries[piece.entry];
        let Content::File { size, digest, sparse, .. } = entry.content else { return Ok(Vec::new()) };
        if self.is_whole(piece.entry) {
            return Ok(Vec::new());
        }
        if bytes.len() as u64 == size {
            self.whole_file(worker, piece.entry, bytes, digest)?;
            return Ok(Vec::new());
        }
        let growing = self.growing(worker, piece.entry, (size, sparse))?;
        worker.placed.bytes += bytes.len() as u64;
        if !growing.write(frame, piece.offset, bytes, size)? {
            return Ok(Vec::new());
        }
        let found = growing.finish(entry, self.owner(entry), size)?;
        let kept = {
            let mut parts = self.parts();
            parts.growing.remove(&piece.entry);
            parts.kept.remove(&piece.entry)
        };
        if found == digest {
            worker.placed.files += 1;
            self.set_whole(piece.entry);
            return Ok(Vec::new());
        }
        if !kept {
            return Err(UnpackError::Digest { path: entry.path.clone() });
        }
        worker.place.remove(entry)?;
        Ok(self.plan.frames_of(piece.entry).collect())
    }

    /// Creates a file with all its content.
    fn whole_file(
        &self,
        worker: &mut Worker<'a>,
        index: usize,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<(), UnpackError> {
        let entry = &self.manifest.entries[index];
        if Digest::of(bytes) != digest {
            return Err(UnpackError::Digest { path: entry.path.clone() });
        }
        // Nobody else gets into the staging directory, so the bits can be right from the start.
        let (file, path) = worker.place.create(entry, entry.mode & 0o777)?;
        let file = Direct::new(file);
        let sparse = matches!(entry.content, Content::File { sparse: true, .. });
        let written = write_piece(&file, sparse, 0, bytes)
            .and_then(|()| if sparse { file.file().set_len(bytes.len() as u64) } else { Ok(()) });
        written.map_err(|source| DirectoryError::Io { action: "write", path: path.clone(), source })?;
        attributes(file.file(), &path, entry, self.owner(entry))?;
        worker.placed.files += 1;
        worker.placed.bytes += bytes.len() as u64;
        self.set_whole(index);
        Ok(())
    }

    fn growing(
        &self,
        worker: &mut Worker<'a>,
        index: usize,
        form: (u64, bool),
    ) -> Result<Arc<Growing>, UnpackError> {
        let entry = &self.manifest.entries[index];
        let mut parts = self.parts();
        if let Some(growing) = parts.growing.get(&index) {
            return Ok(growing.clone());
        }
        let kept = parts.kept.contains(&index);
        let (file, path): (File, PathBuf) =
            if kept { worker.place.open(entry)? } else { worker.place.create(entry, PRIVATE)? };
        let there = |frame: usize| kept && self.before[frame];
        let growing = Arc::new(Growing::new(file, path, form, self.plan.frames_of(index), there));
        parts.growing.insert(index, growing.clone());
        Ok(growing)
    }

    /// After all frames: the links, and the directories' attributes.
    pub(in crate::snapshot) fn finish(&self) -> Result<(), UnpackError> {
        if self.plan.is_short() {
            return Err(UnpackError::Short);
        }
        let mut place = Place::new(self.staging, self.owners);
        place.links(&self.manifest.entries)?;
        place.directory_attributes(&self.manifest.entries)
    }

    pub(in crate::snapshot) fn is_whole(&self, entry: usize) -> bool {
        self.whole[entry].load(Ordering::Acquire)
    }

    pub(in crate::snapshot) fn set_whole(&self, entry: usize) {
        self.whole[entry].store(true, Ordering::Release);
    }

    pub(in crate::snapshot) fn owner(&self, entry: &Entry) -> Option<(u32, u32)> {
        self.owners.then_some((entry.uid, entry.gid))
    }

    fn parts(&self) -> MutexGuard<'_, PartFiles> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a tar reader would make of these bytes, for the message.
fn describe(bytes: &[u8]) -> String {
    let last = bytes.len().saturating_sub(512);
    let Some(block) = bytes.get(last..).filter(|block| block.len() == 512) else {
        return "no tar header".to_owned();
    };
    let header = tar::Header::from_byte_slice(block);
    let sound = header.cksum().is_ok_and(|stated| {
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        sum == stated
    });
    if !sound {
        return "no tar header".to_owned();
    }
    let name = Name::new(header.path_bytes().into_owned());
    let size = header.entry_size().unwrap_or(0);
    format!(
        "\"{name}\" of type {:?} with mode {:o} and {size} bytes",
        header.entry_type(),
        header.mode().unwrap_or(0)
    )
}
