//! Writes pieces of large files so that the disk works on them while the next ones are made.

use rustix::fs::{self, Advice};
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;

/// From this many bytes on, a piece is worth a request of its own; smaller ones go to the disk better together.
pub(super) const LARGE: usize = 256 << 10;

/// Writes all bytes at an offset of the file. A large piece is sent on to the disk at once, so that whoever makes
/// all of it durable later waits for little; nothing is durable when this returns.
///
/// # Errors
/// When the file cannot be written.
pub fn write_behind(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)?;
    if bytes.len() < LARGE {
        return Ok(());
    }
    // Linux begins to write what is dirty in the range, then drops what is not. Nothing of it is clean yet.
    let advised = fs::fadvise(file, offset, NonZeroU64::new(bytes.len() as u64), Advice::DontNeed);
    // Kernels and sandboxes without such advice write it when all is made durable: later, and as well.
    if let Err(error) = advised {
        tracing::debug!(%error, "the kernel takes no advice on when to write");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_and_order_are_where_they_belong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        let content: Vec<u8> = (0..3 * LARGE + 5).map(|index| (index % 251) as u8).collect();
        for (from, to) in [(2 * LARGE + 1, content.len()), (0, 7), (7, 2 * LARGE + 1)] {
            write_behind(&file, &content[from..to], from as u64).unwrap();
        }
        write_behind(&file, b"", 1 << 40).unwrap();
        assert!(std::fs::read(&path).unwrap() == content);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"kept").unwrap();
        let error = write_behind(&File::open(&path).unwrap(), &vec![1; LARGE], 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    }
}
