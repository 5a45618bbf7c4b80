//! Files that grow by whole lines: a crash leaves at most a torn last line, which the next one cuts off.

use super::{Directory, DirectoryError};
use std::ffi::OsStr;
use std::os::unix::fs::FileExt;
use std::path::Path;

impl Directory {
    /// Appends a line to the file of this name, made when it is missing, behind the first `whole` bytes of it; what
    /// stood behind these is cut off. Durable when it returns, the file's name too.
    ///
    /// # Errors
    /// When the disk refuses; a part of the line may stand there then.
    pub fn append_line(
        &self,
        name: &OsStr,
        whole: u64,
        line: &[u8],
        mode: u32,
    ) -> Result<(), DirectoryError> {
        self.plain("append to", name)?;
        let file = match self.open_for_update(Path::new(name)) {
            Err(error) if error.is_missing() => self.create_file(name, mode)?,
            opened => opened?,
        };
        let failed =
            |source| DirectoryError::Io { action: "append to", path: self.path().join(name), source };
        #[cfg(test)]
        super::cut::here().map_err(|errno| failed(errno.into()))?;
        file.set_len(whole).map_err(failed)?;
        let bytes = [line, b"\n"].concat();
        #[cfg(test)]
        let written = super::cut::torn(&bytes, |bytes| file.write_all_at(bytes, whole));
        #[cfg(not(test))]
        let written = file.write_all_at(&bytes, whole);
        written.map_err(failed)?;
        self.sync_open_file(name, &file)?;
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_behind_what_is_whole_and_what_is_torn_goes() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (here, name) = (Directory::open(folder.path())?, OsStr::new("lines"));
        here.append_line(name, 0, b"one", 0o600)?;
        std::fs::write(folder.path().join(name), "one\ntw")?;
        here.append_line(name, 4, b"two", 0o600)?;
        assert_eq!(std::fs::read_to_string(folder.path().join(name))?, "one\ntwo\n");
        Ok(())
    }
}
