//! A file as a stream of bytes for an HTTP body, which makes no thread that serves wait for a disk.

use bytes::Bytes;
use futures_util::{Stream, stream};
use rustix::io::{ReadWriteFlags, preadv2};
use std::fs::File;
use std::io::{self, IoSliceMut, Seek};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// How much is read at a time.
const CHUNK: u64 = 1 << 18;

/// Buffers that wait to be used again; a connection has few on their way.
const SPARE: usize = 4;

/// The next `length` bytes of an open file, from where it stands.
///
/// What the page cache has is read at once, where it is sent: no thread is woken for it, and the bytes are still near
/// the processor that seals them. For the rest a thread waits, which reads the next piece while one is sent.
///
/// A file that ends before is an error, since its length was promised.
pub fn bytes(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let at = (&file).stream_position();
    let reading = Reading { file: Arc::new(file), at, left: length, next: None, spare: Arc::default() };
    stream::unfold(reading, |mut reading| async { Some((reading.piece().await?, reading)) })
}

struct Reading {
    file: Arc<File>,
    /// Where the next piece begins.
    at: io::Result<u64>,
    /// How much of the file comes after it, the next piece included.
    left: u64,
    /// The next piece, if a thread reads it already.
    next: Option<JoinHandle<io::Result<Bytes>>>,
    spare: Spare,
}

type Spare = Arc<Mutex<Vec<Vec<u8>>>>;

impl Reading {
    /// The next piece; none after the last one, and after an error.
    async fn piece(&mut self) -> Option<io::Result<Bytes>> {
        let length = self.left.min(CHUNK) as usize;
        let at = match &mut self.at {
            _ if length == 0 => return None,
            Ok(at) => *at,
            Err(_) => return self.ended(),
        };
        let (piece, waited) = match self.next.take() {
            Some(reading) => (reading.await, true),
            None => match self.at_once(at, length) {
                Some(piece) => (Ok(piece), false),
                None => (self.begin(at, length).await, true),
            },
        };
        let piece = piece.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
        self.left = if piece.is_ok() { self.left - length as u64 } else { 0 };
        self.at = Ok(at + length as u64);
        if waited && self.left > 0 {
            self.next = Some(self.begin(at + length as u64, self.left.min(CHUNK) as usize));
        }
        Some(piece)
    }

    /// Why it is not known where the file stands; nothing comes after it.
    fn ended(&mut self) -> Option<io::Result<Bytes>> {
        self.left = 0;
        std::mem::replace(&mut self.at, Ok(0)).err().map(Err)
    }

    /// The piece, if the page cache has all of it and the file system says so.
    fn at_once(&self, at: u64, length: usize) -> Option<io::Result<Bytes>> {
        let mut buffer = room(&self.spare, length);
        let read = preadv2(&self.file, &mut [IoSliceMut::new(&mut buffer)], at, ReadWriteFlags::NOWAIT);
        // Whatever else there is to say about it, the thread that waits finds out.
        (read == Ok(length)).then(|| Ok(lent(buffer, &self.spare)))
    }

    fn begin(&self, at: u64, length: usize) -> JoinHandle<io::Result<Bytes>> {
        let (file, spare) = (self.file.clone(), self.spare.clone());
        tokio::task::spawn_blocking(move || {
            let mut buffer = room(&spare, length);
            file.read_exact_at(&mut buffer, at)?;
            Ok(lent(buffer, &spare))
        })
    }
}

/// A buffer of this length, of any content.
fn room(spare: &Spare, length: usize) -> Vec<u8> {
    let mut buffer = spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    buffer.resize(length, 0);
    buffer
}

/// Its bytes, which give the buffer back once nobody has them any more.
fn lent(buffer: Vec<u8>, spare: &Spare) -> Bytes {
    Bytes::from_owner(Lent { buffer, spare: spare.clone() })
}

struct Lent {
    buffer: Vec<u8>,
    spare: Spare,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use std::io::{Seek, SeekFrom};

    async fn read(length: usize, from: u64, wanted: u64) -> io::Result<Vec<u8>> {
        let content: Vec<u8> = (0..length).map(|index| (index / 7) as u8).collect();
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        std::fs::write(&path, content)?;
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut pieces = std::pin::pin!(bytes(file, wanted));
        let mut read = Vec::new();
        while let Some(piece) = pieces.next().await {
            read.extend_from_slice(&piece?);
        }
        Ok(read)
    }

    #[tokio::test]
    async fn exactly_the_bytes_that_were_asked_for_are_sent() {
        let chunk = CHUNK as usize;
        for length in [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk] {
            let read = read(length + 20, 10, length as u64).await.expect("the file is long enough");
            let right = (10..length + 10).map(|index| (index / 7) as u8);
            assert!(read.into_iter().eq(right), "{length}");
        }
    }

    #[tokio::test]
    async fn what_the_page_cache_has_not_is_read_as_well() {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
        let content: Vec<u8> = (0..5 * CHUNK + 100).map(|index| (index / 7) as u8).collect();
        file.write_all_at(&content, 0).expect("written");
        file.sync_all().expect("clean pages can be dropped");
        let whole = Some(std::num::NonZeroU64::new(content.len() as u64).expect("it has a length"));
        rustix::fs::fadvise(&file, 0, whole, rustix::fs::Advice::DontNeed).expect("dropped");
        let read: Vec<_> = bytes(file, content.len() as u64).collect().await;
        let read: io::Result<Vec<Bytes>> = read.into_iter().collect();
        assert!(read.expect("all is there").concat() == content);
    }

    #[tokio::test]
    async fn a_file_that_ends_early_is_an_error() {
        let error = read(100, 0, 101).await.expect_err("a byte is missing");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
