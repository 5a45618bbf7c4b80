//! A file as a stream of bytes for an HTTP body, read away from the threads that serve.

use bytes::Bytes;
use futures_util::{Stream, stream};
use std::fs::File;
use std::io::{self, Read};
use tokio::task::JoinHandle;

/// How much is read at a time.
const CHUNK: u64 = 1 << 18;

/// The next `length` bytes of an open file; the next piece is read while one is sent.
///
/// A file that ends before is an error, since its length was promised.
pub fn bytes(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let first = (length > 0).then(|| begin(file, length));
    stream::unfold(first, |reading| async {
        let (file, left, piece) = match reading?.await {
            Ok(done) => done,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let next = (piece.is_ok() && left > 0).then(|| begin(file, left));
        Some((piece, next))
    })
}

/// What a read gives back: the file, how much of it is left to read, and a piece.
type Done = (File, u64, io::Result<Bytes>);

fn begin(mut file: File, left: u64) -> JoinHandle<Done> {
    tokio::task::spawn_blocking(move || {
        let want = left.min(CHUNK);
        let mut piece = Vec::with_capacity(want as usize);
        let read = Read::by_ref(&mut file).take(want).read_to_end(&mut piece);
        let whole = read.and_then(|length| match length as u64 == want {
            true => Ok(Bytes::from(piece)),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        });
        (file, left - want, whole)
    })
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
    async fn a_file_that_ends_early_is_an_error() {
        let error = read(100, 0, 101).await.expect_err("a byte is missing");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
