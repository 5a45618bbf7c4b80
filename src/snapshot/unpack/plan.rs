//! Which bytes of which entries each frame holds: it follows from the manifest alone (pure).

use crate::snapshot::layout;
use crate::snapshot::manifest::{Manifest, Spans};
use std::ops::Range;

/// Where everything of a snapshot lies.
pub(in crate::snapshot) struct Plan {
    spans: Spans,
    /// The first position after the last entry, and after the end of the archive.
    end: Range<u64>,
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

impl Plan {
    pub(in crate::snapshot) fn new(manifest: &Manifest) -> Self {
        let spans = manifest.spans();
        let end = spans.end();
        Self { spans, end: end..end.saturating_add(layout::END.len() as u64) }
    }

    /// Whether the frames hold less than the entries need.
    pub(in crate::snapshot) fn is_short(&self) -> bool {
        self.spans.own().end < self.end.end
    }

    /// The frames without which the snapshot cannot be restored, in order.
    pub(in crate::snapshot) fn needed(&self) -> Vec<usize> {
        self.spans.needed()
    }

    /// The frames that hold content of this entry.
    pub(in crate::snapshot) fn frames_of(&self, entry: usize) -> Range<usize> {
        self.spans.frames_in(&self.spans.entry(entry).content())
    }

    /// Bytes of this entry's content that a frame holds.
    pub(in crate::snapshot) fn content_in(&self, entry: usize, frame: usize) -> u64 {
        let (content, frame) = (self.spans.entry(entry).content(), self.spans.frame(frame));
        content.end.min(frame.end).saturating_sub(content.start.max(frame.start))
    }

    /// What a frame holds, in order. In a borrowed part, what no entry needs is nothing.
    pub(in crate::snapshot) fn pieces(&self, frame: usize) -> Vec<Piece> {
        let frame = self.spans.frame(frame);
        let mut pieces = Vec::new();
        let mut add = |kind, entry, from: u64, length: u64| {
            let (first, last) = (from.max(frame.start), from.saturating_add(length).min(frame.end));
            if first < last {
                let range = (first - frame.start) as usize..(last - frame.start) as usize;
                pieces.push(Piece { kind, entry, offset: first - from, range });
            }
        };
        for entry in self.spans.entries_in(&frame) {
            let span = self.spans.entry(*entry);
            let content = span.content();
            add(Kind::Header, *entry, span.start, span.header);
            add(Kind::Content, *entry, content.start, span.content);
            add(Kind::Padding, *entry, content.end, span.padding);
        }
        if frame.start >= self.spans.own().start {
            add(Kind::End, usize::MAX, self.end.start, self.end.end - self.end.start);
            add(Kind::Beyond, usize::MAX, self.end.end, u64::MAX);
        }
        pieces
    }
}
