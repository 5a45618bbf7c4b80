//! Compresses frames on several threads at once, and hands them back in their order.
//!
//! The first frame is compressed where it is: a small snapshot has one, and starts no thread.

use super::frame;
use super::row::{Row, Work};
use crate::model::digest::Digest;
use std::io;
use zstd::bulk::Compressor;

/// A compressed frame.
pub(super) struct Compressed {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// Their digest.
    pub(super) digest: Digest,
    /// How many bytes it holds.
    pub(super) uncompressed: u32,
}

/// Frames on their way.
pub(super) struct Compression {
    level: i32,
    own: Option<Compressor<'static>>,
    first: Option<Compressed>,
    row: Option<Row<Vec<u8>, io::Result<Compressed>>>,
}

impl Compression {
    /// At this zstd level.
    pub(super) fn new(level: i32) -> io::Result<Self> {
        Ok(Self { level, own: Some(frame::compressor(level)?), first: None, row: None })
    }

    /// Takes a frame; gives the oldest one back once there are enough on their way.
    pub(super) fn push(&mut self, frame: Vec<u8>) -> io::Result<Option<Compressed>> {
        if let Some(mut own) = self.own.take() {
            self.first = Some(compress(&mut own, &frame)?);
            return Ok(None);
        }
        let full = self.row.as_ref().is_some_and(Row::is_full);
        let oldest = if self.first.is_some() || full { self.pop()? } else { None };
        let row = match &mut self.row {
            Some(row) => row,
            none => none.insert(Row::start(|| {
                let mut compressor = frame::compressor(self.level)?;
                Ok(Box::new(move |frame: Vec<u8>| compress(&mut compressor, &frame)) as Work<_, _>)
            })?),
        };
        row.push(frame)?;
        Ok(oldest)
    }

    /// The oldest frame on its way; none when there is none.
    pub(super) fn pop(&mut self) -> io::Result<Option<Compressed>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(row) = &mut self.row else { return Ok(None) };
        row.pop()?.transpose()
    }
}

fn compress(compressor: &mut Compressor<'static>, frame: &[u8]) -> io::Result<Compressed> {
    let bytes = compressor.compress(frame)?;
    Ok(Compressed { digest: Digest::of(&bytes), bytes, uncompressed: frame.len() as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_their_order_and_none_is_lost() {
        for count in [0usize, 1, 2, 7, 40] {
            let mut compression = Compression::new(1).expect("a compressor");
            let length = |number: usize| if number.is_multiple_of(3) { 900_000 } else { 10 } + number;
            let mut done = Vec::new();
            for number in 0..count {
                done.extend(compression.push(vec![number as u8; length(number)]).expect("taken"));
            }
            while let Some(one) = compression.pop().expect("compressed") {
                done.push(one);
            }
            let found: Vec<usize> = done.iter().map(|done| done.uncompressed as usize).collect();
            assert_eq!(found, (0..count).map(length).collect::<Vec<_>>());
            assert!(done.iter().all(|done| done.digest == Digest::of(&done.bytes)));
        }
    }
}
