//! Which of the nodes that were asked for a snapshot sent any of it.

use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::fetch::{Source, SourceError};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source, and how many bytes of parts it sent.
pub(super) struct Asked<'a> {
    source: &'a dyn Source,
    sent: AtomicU64,
}

impl<'a> Asked<'a> {
    /// It has sent nothing so far.
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, sent: AtomicU64::new(0) }
    }

    /// Bytes of parts that it sent, those that turned out to be wrong included.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Source for Asked<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.source.manifest(id, each)
    }

    fn embedded(
        &self,
        id: &SnapshotId,
        at_most: u64,
        come: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let body = self.source.embedded(id, at_most, come)?;
        self.sent.fetch_add(body.as_ref().map_or(0, Vec::len) as u64, Ordering::Relaxed);
        Ok(body)
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.source.read_range(part, offset, length, &mut |bytes| {
            self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            each(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::restoring::origins;

    /// Sends so many bytes at once, whatever it is asked for.
    struct Sends(&'static str, &'static [u8]);

    impl Source for Sends {
        fn name(&self) -> &str {
            self.0
        }

        fn manifest(
            &self,
            _id: &SnapshotId,
            each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
        ) -> Result<(), SourceError> {
            let _flow = each(b"manifest");
            Ok(())
        }

        fn embedded(
            &self,
            _id: &SnapshotId,
            _at_most: u64,
            _come: &mut dyn FnMut(u64) -> ControlFlow<()>,
        ) -> Result<Option<Vec<u8>>, SourceError> {
            Ok((self.1.len() > 3).then(|| self.1.to_vec()))
        }

        fn read_range(
            &self,
            _part: &Digest,
            _offset: u64,
            _length: u64,
            each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
        ) -> Result<(), SourceError> {
            let _flow = each(self.1);
            Ok(())
        }
    }

    #[test]
    fn only_who_sent_something_of_a_snapshot_is_recorded_as_where_it_came_from() -> anyhow::Result<()> {
        let id = SnapshotId::parse("abcd")?;
        let sources = [Sends("silent", b""), Sends("ranges", b"abc"), Sends("whole", b"abcdef")];
        let asked: Vec<Asked<'_>> = sources.iter().map(|source| Asked::new(source)).collect();
        for one in &asked {
            one.manifest(&id, &mut |_| ControlFlow::Continue(()))?;
        }
        assert!(origins(None, &asked, 0).is_empty(), "a manifest is not what was restored");
        asked[2].embedded(&id, 10, &mut |_| ControlFlow::Continue(()))?;
        for one in &asked[..2] {
            one.read_range(&Digest::of(b""), 0, 3, &mut |_| ControlFlow::Continue(()))?;
            one.embedded(&id, 10, &mut |_| ControlFlow::Continue(()))?;
        }
        assert_eq!(asked.iter().map(Asked::sent_bytes).collect::<Vec<_>>(), [0, 3, 6]);
        assert_eq!(origins(None, &asked, 0), ["ranges", "whole"]);
        Ok(())
    }
}
