//! By what a compressed log is known to be of eos's making: a frame at its end that every reader of zstd skips.

use crate::host::sweep::take::Found;
use crate::host::sweep::walk::open_entry;
use rustix::fs::OFlags;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// The magic number of a frame to be skipped, the length of what is in it, and `eos log 1`.
pub(super) const MARK: [u8; 17] = *b"\x5e\x2a\x4d\x18\x09\0\0\0eos log 1";

/// Whether the file ends with the mark. It tells nothing of a file that is not the one that was found.
pub(in crate::host::sweep) fn is_marked(found: &Found<'_>) -> io::Result<bool> {
    let mut file = File::from(open_entry(found.directory, found.name, OFlags::RDONLY | OFlags::NOATIME)?);
    if !found.is_same(&rustix::fs::fstat(&file)?) {
        return Ok(false);
    }
    let mut end = [0; MARK.len()];
    match file.seek(SeekFrom::End(-(MARK.len() as i64))).and_then(|_| file.read_exact(&mut end)) {
        Ok(()) => Ok(end == MARK),
        // Shorter than the mark.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::UnexpectedEof) => Ok(false),
        Err(error) => Err(error),
    }
}
