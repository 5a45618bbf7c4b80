//! Writes large pieces of a file past the page cache, where the file system lets us.
//!
//! What is restored is written once and read later, if at all: a copy of it in the page cache costs the processor a copy
//! and the kernel the pages, and has to be sent to the disk all the same.

use super::behind::{LARGE, write_behind};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

/// Offsets and lengths of what goes past the cache are multiples of this: the block size of the common file systems, so
/// that no block is written both ways.
const BLOCK: usize = 4096;

/// At least so are the addresses of buffers aligned that go past the cache; the sector size of common disks.
const SECTOR: usize = 512;

/// A file whose large pieces go past the cache, from any thread.
#[derive(Debug)]
pub struct Direct {
    file: File,
    /// The same file opened for that; none when it is refused. Opened for the first large piece.
    past: OnceLock<Option<File>>,
}

impl Direct {
    /// A file that is open for reading and writing.
    pub fn new(file: File) -> Self {
        Self { file, past: OnceLock::new() }
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Writes all bytes at an offset; nothing is durable when this returns.
    ///
    /// What is no whole block, and all of it where the buffer does not lie as the disk wants it or the file system
    /// refuses, goes through the cache.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let Some((head, blocks, tail)) = cut(bytes, offset) else {
            return write_behind(&self.file, bytes, offset);
        };
        let Some(past) = self.past.get_or_init(|| reopened(&self.file)) else {
            return write_behind(&self.file, bytes, offset);
        };
        let begin = offset + head.len() as u64;
        match past.write_all_at(blocks, begin) {
            Err(error) if is_refused(&error) => return write_behind(&self.file, bytes, offset),
            written => written?,
        }
        self.file.write_all_at(head, offset)?;
        self.file.write_all_at(tail, begin + blocks.len() as u64)
    }
}

/// What lies before the first whole block, the whole blocks, and the rest; none when it is not worth it, or the blocks do
/// not lie as the disk wants them.
fn cut(bytes: &[u8], offset: u64) -> Option<(&[u8], &[u8], &[u8])> {
    let head = (BLOCK - (offset % BLOCK as u64) as usize) % BLOCK;
    let (head, rest) = bytes.split_at_checked(head)?;
    let (blocks, tail) = rest.split_at(rest.len() / BLOCK * BLOCK);
    let fits = blocks.len() >= LARGE && blocks.as_ptr().align_offset(SECTOR) == 0;
    fits.then_some((head, blocks, tail))
}

/// The same file, whatever its name is by now; none where there is no `/proc`, or the file system refuses.
fn reopened(file: &File) -> Option<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(past) => Some(past.into()),
        Err(error) => {
            tracing::debug!(%error, "a file is written through the page cache");
            None
        }
    }
}

/// Whether only this way of writing is refused: wrong alignment for the disk, or none at all.
fn is_refused(error: &io::Error) -> bool {
    let refusals = [rustix::io::Errno::INVAL, rustix::io::Errno::OPNOTSUPP];
    error.raw_os_error().is_some_and(|code| refusals.iter().any(|refusal| refusal.raw_os_error() == code))
}

/// A buffer whose bytes lie as disks want them.
#[derive(Debug, Default)]
pub struct Aligned(Vec<u8>);

impl Aligned {
    /// At least so many bytes of any content, with whole blocks from the first one on. It only grows.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        if self.0.len() < length + BLOCK {
            // What is there is of no interest, so it is not copied.
            self.0 = vec![0; length + BLOCK];
        }
        let skew = self.0.as_ptr().align_offset(BLOCK);
        &mut self.0[skew..skew + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn only_whole_blocks_of_a_large_piece_that_lies_well_go_past_the_cache() {
        let mut buffer = Aligned::default();
        let room = &*buffer.room(LARGE + 3 * BLOCK);
        let lengths = |bytes: &[u8], offset| {
            cut(bytes, offset).map(|(head, blocks, tail)| (head.len(), blocks.len(), tail.len()))
        };
        assert_eq!(lengths(&room[..LARGE], 0), Some((0, LARGE, 0)));
        assert_eq!(lengths(&room[..LARGE - 1], 0), None);
        assert_eq!(lengths(&room[512..LARGE + BLOCK + 7], BLOCK as u64 + 512), Some((3584, LARGE, 7)));
        assert_eq!(lengths(&room[1..], 1), Some((BLOCK - 1, LARGE + 2 * BLOCK, 0)));
        assert_eq!(lengths(&room[1..], 0), None, "the blocks lie one byte too far");
        assert_eq!(lengths(&room[..9], 7), None);
    }

    #[test]
    fn pieces_of_any_size_and_order_are_where_they_belong_whichever_way_they_went() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let open = || File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        let content = content(3 * LARGE + 4 * BLOCK + 77);
        for shift in [0, 512, 1536, 7] {
            let direct = Direct::new(open());
            let bounds = [0, 100, LARGE + 5 * 512 + 100, 2 * LARGE + BLOCK, content.len()];
            for index in [2, 0, 3, 1] {
                let (from, to) = (bounds[index], bounds[index + 1]);
                let mut buffer = Aligned::default();
                let room = &mut buffer.room(to - from + shift)[shift..];
                room.copy_from_slice(&content[from..to]);
                direct.write_all_at(room, from as u64).unwrap();
            }
            assert!(std::fs::read(&path).unwrap() == content, "{shift}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"kept").unwrap();
        let mut buffer = Aligned::default();
        // Through the cache as well as past it.
        let direct = Direct { file: File::open(&path).unwrap(), past: OnceLock::from(None) };
        let error = direct.write_all_at(buffer.room(LARGE), 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
        let past = OnceLock::from(Some(File::open(&path).unwrap()));
        let direct = Direct { file: File::open(&path).unwrap(), past };
        let error = direct.write_all_at(buffer.room(LARGE), 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::BADF.raw_os_error()));
    }

    #[test]
    fn where_the_file_system_knows_no_such_way_all_goes_through_the_cache() {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(tempfile::tempdir_in("/dev/shm").unwrap().keep().join("file"));
        let direct = Direct::new(file.unwrap());
        let mut buffer = Aligned::default();
        let room = buffer.room(LARGE + 9);
        room.copy_from_slice(&content(LARGE + 9));
        direct.write_all_at(room, 3).unwrap();
        let mut found = vec![0; LARGE + 9];
        direct.file().read_exact_at(&mut found, 3).unwrap();
        assert!(found == content(LARGE + 9));
    }
}
