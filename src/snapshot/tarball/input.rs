//! The bytes of a tar archive: as they are, or decompressed when they are zstd.

use super::TarballError;
use super::header::{self, BLOCK};
use std::cell::Cell;
use std::io::{self, Cursor, ErrorKind, Read};
use std::rc::Rc;

/// The largest window that a frame may ask for, as a power of two: what `zstd --long` writes, 128 MiB.
const WINDOW_LOG: u32 = 27;

/// The most compressed bytes in a row that hold nothing: frames without content, and such as are skipped. No limit of
/// what is unpacked ends a stream of them.
const BARREN: u64 = 64 << 20;

const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BZIP: [u8; 3] = *b"BZh";
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// The tar stream within these bytes.
///
/// # Errors
/// When they are neither a tar archive nor compressed with zstd.
pub(super) fn open<'a>(mut input: impl Read + 'a) -> Result<Box<dyn Read + 'a>, TarballError> {
    let mut start = Vec::with_capacity(BLOCK);
    let read = input.by_ref().take(BLOCK as u64).read_to_end(&mut start);
    read.map_err(|source| TarballError::Input { offset: 0, source })?;
    let kind = kind(&start);
    let whole = Cursor::new(start).chain(input);
    match kind {
        Kind::Plain => Ok(Box::new(whole)),
        Kind::Compressed => {
            let failed = |source| TarballError::Input { offset: 0, source };
            let barren = Rc::new(Cell::new(0));
            let compressed = Compressed { input: whole, barren: barren.clone() };
            let mut decoder = zstd::stream::read::Decoder::new(compressed).map_err(failed)?;
            decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
            Ok(Box::new(Content { decoder, barren }))
        }
        Kind::Other(what) => Err(TarballError::Foreign { what }),
    }
}

/// What goes into the decoder, counted since something came out of it.
struct Compressed<R> {
    input: R,
    barren: Rc<Cell<u64>>,
}

impl<R: Read> Read for Compressed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.barren.get() > BARREN {
            return Err(io::Error::new(ErrorKind::InvalidData, "more than 64 MiB in a row hold nothing"));
        }
        let count = self.input.read(into)?;
        self.barren.set(self.barren.get() + count as u64);
        Ok(count)
    }
}

/// What comes out of the decoder.
struct Content<R> {
    decoder: R,
    barren: Rc<Cell<u64>>,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(into)?;
        if count > 0 {
            self.barren.set(0);
        }
        Ok(count)
    }
}

enum Kind {
    Plain,
    Compressed,
    Other(&'static str),
}

fn kind(start: &[u8]) -> Kind {
    let magic = start.first_chunk::<4>();
    let skippable = magic.is_some_and(|magic| u32::from_le_bytes(*magic) & 0xffff_fff0 == 0x184D_2A50);
    if start.starts_with(&ZSTD) || skippable {
        return Kind::Compressed;
    }
    match start.first_chunk::<BLOCK>() {
        Some(block) if header::is_header(block) || header::is_end(block) => Kind::Plain,
        _ if start.starts_with(&GZIP) => Kind::Other("compressed with gzip"),
        _ if start.starts_with(&BZIP) => Kind::Other("compressed with bzip2"),
        _ if start.starts_with(&XZ) => Kind::Other("compressed with xz"),
        _ => Kind::Other("neither a tar archive nor compressed with zstd"),
    }
}
