//! Where each frame and each entry lies in the stream of all parts: the one definition of it (pure).
//!
//! The parts are decompressed side by side in thought, in the order of the manifest: the borrowed ones,
//! then its own. A position is a number of bytes from the beginning of that. So a frame is a range of
//! positions, what an entry needs is another, and any frame can be placed by itself, in any order.

use super::{At, Content, Entry, Manifest};
use crate::snapshot::layout;
use std::ops::Range;

/// The place of everything, made once for a manifest that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    /// Where each frame begins, and the end of the last.
    frames: Vec<u64>,
    /// The first frame of each part, and the number of frames.
    parts: Vec<usize>,
    /// How many parts are borrowed; they come first.
    borrowed: usize,
    /// The span of each entry, by its index.
    entries: Vec<Span>,
    /// The indices of the entries in the order of their positions.
    order: Vec<usize>,
}

/// What belongs to one entry: a header, its content and zeros up to the next block, in this order.
///
/// One whose content is borrowed has neither header nor zeros there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: u64,
    /// Bytes of the header, `layout::header`.
    pub header: u64,
    /// Bytes of content.
    pub content: u64,
    /// Zeros after the content.
    pub padding: u64,
}

impl Span {
    /// The positions of the content.
    pub fn content(&self) -> Range<u64> {
        let start = self.start.saturating_add(self.header);
        start..start.saturating_add(self.content)
    }

    /// All its positions.
    pub fn range(&self) -> Range<u64> {
        self.start..self.content().end.saturating_add(self.padding)
    }

    fn own(entry: &Entry, start: u64) -> Self {
        let content = entry.size();
        let padding = layout::padding(content) as u64;
        Self { start, header: layout::header_length(entry) as u64, content, padding }
    }
}

impl Spans {
    pub(super) fn of(manifest: &Manifest) -> Self {
        let mut frames = Vec::with_capacity(manifest.frames.len() + 1);
        let mut position = 0u64;
        for frame in &manifest.frames {
            frames.push(position);
            position = position.saturating_add(frame.uncompressed.into());
        }
        frames.push(position);
        let first = |part| manifest.frames.partition_point(|frame| (frame.part as usize) < part);
        let parts = (0..=manifest.parts.len()).map(first).collect();
        let borrowed = manifest.parts.iter().take_while(|part| part.borrowed).count();
        let mut spans = Self { frames, parts, borrowed, entries: Vec::new(), order: Vec::new() };
        let mut own = spans.own().start;
        for entry in &manifest.entries {
            let span = match spans.borrowed_at(entry) {
                Some(span) => span,
                None => {
                    let span = Span::own(entry, own);
                    own = span.range().end;
                    span
                }
            };
            spans.entries.push(span);
        }
        spans.order = (0..spans.entries.len()).collect();
        spans.order.sort_by_key(|index| spans.entries[*index].start);
        spans
    }

    fn borrowed_at(&self, entry: &Entry) -> Option<Span> {
        let Content::File { size, at: Some(at), .. } = entry.content else { return None };
        let start = self.part(at.0 as usize).start.saturating_add(at.1);
        Some(Span { start, header: 0, content: size, padding: 0 })
    }

    /// The positions that a frame holds.
    pub fn frame(&self, frame: usize) -> Range<u64> {
        self.frames[frame]..self.frames[frame + 1]
    }

    /// The positions that a part holds; one that there is not is empty.
    pub fn part(&self, part: usize) -> Range<u64> {
        let last = self.parts.len() - 1;
        let at = |part: usize| self.frames[self.parts[part.min(last)]];
        at(part)..at(part.saturating_add(1))
    }

    /// The frames of a part, by their indices in the manifest.
    pub fn frames_of(&self, part: usize) -> Range<usize> {
        self.parts[part]..self.parts[part + 1]
    }

    /// The positions of the snapshot's own stream; it ends with `layout::END`.
    pub fn own(&self) -> Range<u64> {
        self.frames[self.parts[self.borrowed]]..self.frames[self.frames.len() - 1]
    }

    /// Where the own stream's `layout::END` begins: after the last entry.
    pub fn end(&self) -> u64 {
        let own = self.own().start;
        self.order.last().map_or(own, |last| self.entries[*last].range().end.max(own))
    }

    /// What belongs to an entry, by its index.
    pub fn entry(&self, entry: usize) -> Span {
        self.entries[entry]
    }

    /// Where another snapshot that borrows the part finds the content of an entry; nothing to borrow has none.
    pub fn at(&self, entry: usize) -> Option<At> {
        let content = self.entries[entry].content();
        let part = self.part_of(content.start)?;
        let range = self.part(part);
        let inside = !content.is_empty() && content.end <= range.end;
        inside.then(|| At(part as u32, content.start - range.start))
    }

    /// The part that holds this position.
    fn part_of(&self, position: u64) -> Option<usize> {
        let after = self.parts.partition_point(|first| self.frames[*first] <= position);
        after.checked_sub(1).filter(|part| self.part(*part).contains(&position))
    }

    /// The indices of all entries in the order of their positions: first those that are borrowed.
    ///
    /// No two have a position in common.
    pub fn in_order(&self) -> &[usize] {
        &self.order
    }

    /// The entries that have a position in this range, by their indices, in the order of positions.
    pub fn entries_in(&self, range: &Range<u64>) -> &[usize] {
        let first = self.order.partition_point(|index| self.entries[*index].range().end <= range.start);
        let last = self.order.partition_point(|index| self.entries[*index].start < range.end);
        &self.order[first..last.max(first)]
    }

    /// The frames that hold a position of this range, by their indices.
    pub fn frames_in(&self, range: &Range<u64>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let count = self.frames.len() - 1;
        let first = self.frames.partition_point(|start| *start <= range.start).saturating_sub(1);
        let last = self.frames.partition_point(|start| *start < range.end);
        first.min(count)..last.min(count)
    }

    /// The frames without which it cannot be restored, in order: its own, and what of others it needs.
    pub fn needed(&self) -> Vec<usize> {
        let own = self.parts[self.borrowed];
        let needed = |frame: &usize| *frame >= own || !self.entries_in(&self.frame(*frame)).is_empty();
        (0..self.frames.len() - 1).filter(needed).collect()
    }
}
