//! Writes to the standard streams; a reader that went away is no error.

use std::io::{self, ErrorKind, Write};

/// Writes to the standard output and flushes it. A closed pipe is ignored; any other failure, such
/// as a full disk behind a redirection, is told on the standard error.
pub fn stdout(text: &str) {
    if let Err(error) = write(&mut io::stdout().lock(), text) {
        stderr(&format!("warning: the standard output cannot be written: {error}\n"));
    }
}

/// Writes to the standard error and flushes it. Nobody is left to be told when that fails.
pub fn stderr(text: &str) {
    let _ = write(&mut io::stderr().lock(), text);
}

fn write(stream: &mut impl Write, text: &str) -> io::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_error() -> anyhow::Result<()> {
        let (reader, mut writer) = std::io::pipe()?;
        drop(reader);
        write(&mut writer, "nobody reads this\n")?;
        Ok(())
    }

    #[test]
    fn a_full_disk_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = write(&mut Full, "x").expect_err("the disk is full");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}
