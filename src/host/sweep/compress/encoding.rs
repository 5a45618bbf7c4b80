//! Text as zstd, and whether a compressed file holds a text.

use super::Work;
use super::mark;
use super::room::{Bounded, TooLarge};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The level of zstd: the default, fast enough for the disks that logs lie on.
const LEVEL: i32 = 3;
/// Bytes read at once, and looked at to tell text from binary data.
const CHUNK: usize = 64 * 1024;
/// Bytes by which the rest of a file is judged.
const PART: u64 = 1 << 20;

/// What came of a compression.
pub(super) enum Encoded<W> {
    /// All of it is in the target.
    Whole(W),
    /// Stopped, or left for another pass.
    Stopped,
    /// There is no room for this many bytes.
    TooLarge(u64),
}

impl Work<'_> {
    /// Whether a file is left as it is, in the middle of it.
    fn is_over(&self) -> bool {
        self.sweep.stop.load(Ordering::Relaxed) || self.until.is_some_and(|until| until <= Instant::now())
    }
}

/// Text is UTF-8 without NUL: journals, login records, databases and compressed files are none.
pub(super) fn is_text(source: &mut File) -> io::Result<bool> {
    let mut start = Vec::with_capacity(CHUNK);
    Read::take(&mut *source, CHUNK as u64).read_to_end(&mut start)?;
    source.seek(SeekFrom::Start(0))?;
    let cut_off_at_most = |error: std::str::Utf8Error| error.error_len().is_none();
    Ok(!start.contains(&0) && std::str::from_utf8(&start).err().is_none_or(cut_off_at_most))
}

/// About how large all of the source becomes, by its first part; nothing when the sweep is over.
pub(super) fn estimate(work: &Work<'_>, source: &mut File, size: u64) -> io::Result<Option<u64>> {
    let part = size.min(PART);
    let compressed = through(work, Read::take(&mut *source, PART), Count(0))?.map(|target| target.0);
    source.seek(SeekFrom::Start(0))?;
    Ok(compressed.map(|bytes| (u128::from(bytes) * u128::from(size) / u128::from(part.max(1))) as u64))
}

/// Compresses all of the source, with the mark, into a target that takes what there is room for.
pub(super) fn encode<W: Write>(
    work: &Work<'_>,
    source: File,
    target: Bounded<'_, W>,
) -> io::Result<Encoded<W>> {
    let marked = through(work, source, target).and_then(|target| {
        let Some(mut target) = target else { return Ok(None) };
        target.write_all(&mark::MARK)?;
        Ok(Some(target))
    });
    match marked {
        Ok(Some(target)) => Ok(Encoded::Whole(target.target)),
        Ok(None) => Ok(Encoded::Stopped),
        Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<TooLarge>()) {
            Some(TooLarge { bytes }) => Ok(Encoded::TooLarge(*bytes)),
            None => Err(error),
        },
    }
}

fn through<W: Write>(work: &Work<'_>, mut source: impl Read, target: W) -> io::Result<Option<W>> {
    let mut encoder = zstd::Encoder::new(target, LEVEL)?;
    encoder.include_checksum(true)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        if work.is_over() {
            return Ok(None);
        }
        match source.read(&mut chunk)? {
            0 => return encoder.finish().map(Some),
            length => encoder.write_all(&chunk[..length])?,
        }
    }
}

/// Whether the compressed file holds exactly the original; nothing when the sweep is over.
pub(super) fn holds_the_same(
    work: &Work<'_>,
    mut original: &File,
    compressed: &File,
) -> io::Result<Option<bool>> {
    original.seek(SeekFrom::Start(0))?;
    let mut decoder = zstd::Decoder::new(compressed)?;
    let (mut expected, mut held) = (vec![0; CHUNK], vec![0; CHUNK]);
    let same = loop {
        if work.is_over() {
            return Ok(None);
        }
        let length = original.read(&mut expected)?;
        if length == 0 {
            // The compressed file must end here too, and properly.
            break matches!(decoder.read(&mut held), Ok(0));
        }
        // What cannot be read as zstd is somebody else's file.
        if decoder.read_exact(&mut held[..length]).is_err() || held[..length] != expected[..length] {
            break false;
        }
    };
    original.seek(SeekFrom::Start(0))?;
    Ok(Some(same))
}

/// Counts what is written to it.
pub(super) struct Count(pub(super) u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
