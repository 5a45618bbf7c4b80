//! A file as a stream of bytes for an HTTP body, read away from the threads that serve.

use bytes::Bytes;
use futures_util::Stream;
use std::fs::File;
use std::io;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// How much is read at a time.
const CHUNK: usize = 1 << 18;

/// The next `length` bytes of an open file.
pub fn bytes(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(length), CHUNK)
}
