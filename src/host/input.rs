//! Files and pipes that are read to their end, and can be given up while nothing comes.

use super::files::FileError;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How often it is looked whether the reading shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of a pipe that are handed on at a time.
const CHUNK: usize = 64 << 10;

/// Pieces of a pipe that are read ahead.
const AHEAD: usize = 4;

/// What is read, and from where.
pub struct Input {
    from: From,
    stop: Arc<AtomicBool>,
}

enum From {
    /// Its bytes are always there.
    File(File),
    /// A thread waits for its bytes; it ends with the process, or with the next bytes.
    Pipe { pieces: Receiver<io::Result<Vec<u8>>>, piece: Vec<u8>, used: usize },
}

impl Input {
    /// Opens a path, with the length of what it holds in bytes: 0 for a pipe.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> Result<(Self, u64), FileError> {
        let failed = |error| FileError::new("open", path, error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        match metadata.is_file() {
            true => Ok((Self { from: From::File(file), stop }, metadata.len())),
            false => Ok((Self::pipe(file, stop), 0)),
        }
    }

    /// The standard input.
    pub fn standard(stop: Arc<AtomicBool>) -> Self {
        Self::pipe(io::stdin(), stop)
    }

    fn pipe(mut source: impl Read + Send + 'static, stop: Arc<AtomicBool>) -> Self {
        let (sender, pieces) = sync_channel(AHEAD);
        let read = move || {
            loop {
                let mut piece = vec![0; CHUNK];
                let read = source.read(&mut piece).map(|length| {
                    piece.truncate(length);
                    piece
                });
                let last = !matches!(&read, Ok(piece) if !piece.is_empty());
                if sender.send(read).is_err() || last {
                    return;
                }
            }
        };
        std::thread::spawn(read);
        Self { from: From::Pipe { pieces, piece: Vec::new(), used: 0 }, stop }
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stopped = || io::Error::other("interrupted");
        if self.stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let (pieces, piece, used) = match &mut self.from {
            From::File(file) => return file.read(into),
            From::Pipe { pieces, piece, used } => (pieces, piece, used),
        };
        while *used == piece.len() {
            match pieces.recv_timeout(LOOK) {
                Ok(next) => (*piece, *used) = (next?, 0),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => return Err(stopped()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if piece.is_empty() {
                return Ok(0);
            }
        }
        let length = into.len().min(piece.len() - *used);
        into[..length].copy_from_slice(&piece[*used..*used + length]);
        *used += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_pipe_is_read_to_its_end_and_given_up_while_nothing_comes() -> anyhow::Result<()> {
        let (reader, mut writer) = io::pipe()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut input = Input::pipe(reader, stop.clone());
        writer.write_all(&[7; 100_000])?;
        let mut first = vec![0; 100_000];
        input.read_exact(&mut first)?;
        assert!(first.iter().all(|byte| *byte == 7));
        stop.store(true, Ordering::Relaxed);
        let error = input.read(&mut first).expect_err("it was stopped");
        assert_eq!(error.to_string(), "interrupted");
        stop.store(false, Ordering::Relaxed);
        drop(writer);
        assert_eq!(input.read(&mut first)?, 0);
        Ok(())
    }

    #[test]
    fn a_file_has_a_length_and_a_pipe_has_none() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        std::fs::write(&path, b"twelve bytes")?;
        let (mut input, length) = Input::open(&path, Arc::default())?;
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        assert_eq!((text.as_str(), length), ("twelve bytes", 12));
        assert!(Input::open(&folder.path().join("nothing"), Arc::default()).is_err());
        Ok(())
    }
}
