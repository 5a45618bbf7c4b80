//! Which bytes of which entries each frame holds: it follows from the manifest alone (pure).

use crate::snapshot::layout;
use crate::snapshot::manifest::{Content, Manifest};
use std::ops::Range;

/// Where everything of a snapshot lies in its tar stream.
pub(in crate::snapshot) struct Plan<'a> {
    manifest: &'a Manifest,
    /// Where each entry begins in the stream.
    entries: Vec<u64>,
    /// Where each frame begins in the stream.
    frames: Vec<u64>,
    /// Bytes of the stream that the entries imply, and of the one that the frames hold.
    implied: u64,
    framed: u64,
}

/// What some bytes of a frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::snapshot) enum Kind {
    /// A header of an entry.
    Header,
    /// Content of a file.
    Content,
    /// The zeros after a file.
    Padding,
    /// The end of the archive.
    End,
    /// What no entry has a place for.
    Beyond,
}

/// Bytes of a frame that are one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) struct Piece {
    pub(in crate::snapshot) kind: Kind,
    /// The entry; of no meaning at the end.
    pub(in crate::snapshot) entry: usize,
    /// How far into the header, the content, the padding or the end it begins.
    pub(in crate::snapshot) offset: u64,
    /// Where it is in the frame.
    pub(in crate::snapshot) range: Range<usize>,
}

impl<'a> Plan<'a> {
    pub(in crate::snapshot) fn new(manifest: &'a Manifest) -> Self {
        let (mut entries, mut implied) = (Vec::with_capacity(manifest.entries.len()), 0u64);
        for entry in &manifest.entries {
            entries.push(implied);
            let length = layout::header_length(entry) as u64 + layout::padding(entry.size()) as u64;
            implied = implied.saturating_add(length).saturating_add(entry.size());
        }
        let (mut frames, mut framed) = (Vec::with_capacity(manifest.frames.len()), 0u64);
        for frame in &manifest.frames {
            frames.push(framed);
            framed = framed.saturating_add(frame.uncompressed.into());
        }
        implied = implied.saturating_add(layout::END.len() as u64);
        Self { manifest, entries, frames, implied, framed }
    }

    /// Whether the frames hold less than the entries need.
    pub(in crate::snapshot) fn is_short(&self) -> bool {
        self.framed < self.implied
    }

    /// The frames that hold content of this entry.
    pub(in crate::snapshot) fn frames_of(&self, entry: usize) -> Range<usize> {
        let one = &self.manifest.entries[entry];
        if one.size() == 0 {
            return 0..0;
        }
        let start = self.entries[entry].saturating_add(layout::header_length(one) as u64);
        let end = start.saturating_add(one.size());
        let first = self.frames.partition_point(|begin| *begin <= start).saturating_sub(1);
        first..self.frames.partition_point(|begin| *begin < end).max(first)
    }

    /// What a frame holds, in order.
    pub(in crate::snapshot) fn pieces(&self, frame: usize) -> Vec<Piece> {
        let begin = self.frames[frame];
        let end = begin.saturating_add(self.manifest.frames[frame].uncompressed.into());
        let mut pieces = Vec::new();
        let mut add = |kind, entry, from: u64, length: u64| {
            let (first, last) = (from.max(begin), from.saturating_add(length).min(end));
            if first < last {
                let range = (first - begin) as usize..(last - begin) as usize;
                pieces.push(Piece { kind, entry, offset: first - from, range });
            }
        };
        let first = self.entries.partition_point(|start| *start <= begin).saturating_sub(1);
        for (entry, one) in self.manifest.entries.iter().enumerate().skip(first) {
            let start = self.entries[entry];
            if start >= end {
                break;
            }
            let header = layout::header_length(one) as u64;
            add(Kind::Header, entry, start, header);
            if let Content::File { size, .. } = one.content {
                let content = start.saturating_add(header);
                add(Kind::Content, entry, content, size);
                add(Kind::Padding, entry, content.saturating_add(size), layout::padding(size) as u64);
            }
        }
        let zeros = layout::END.len() as u64;
        add(Kind::End, usize::MAX, self.implied.saturating_sub(zeros), zeros);
        add(Kind::Beyond, usize::MAX, self.implied, u64::MAX);
        pieces
    }
}
