//! Files that share what they hold: clones, and where the holes of a sparse file are.

use super::{Directory, DirectoryError, failure};
use rustix::fs::{self, SeekFrom};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

impl Directory {
    /// Makes a new file that shares the blocks of another; says `false` where the file system cannot.
    pub fn clone_file(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<bool, DirectoryError> {
        self.plain("clone", name)?;
        let from = self.open_file(Path::new(name))?;
        let clone = to.create_file(to_name, 0o600)?;
        match fs::ioctl_ficlone(&clone, &from) {
            Ok(()) => return Ok(true),
            Err(
                Errno::OPNOTSUPP | Errno::XDEV | Errno::INVAL | Errno::NOTTY | Errno::NOSYS | Errno::TXTBSY,
            ) => {}
            Err(errno) => return Err(self.failed("clone", name, errno)),
        }
        to.remove_file(to_name)?;
        Ok(false)
    }
}

/// The next bytes of a file that are no hole, from this offset on; none when only a hole follows.
///
/// A file system that knows no holes has none. `path` serves the message only.
pub fn next_data(file: &File, path: &Path, offset: u64) -> Result<Option<Range<u64>>, DirectoryError> {
    let failed = |errno| failure("look for holes in", path, errno);
    let start = match fs::seek(file, SeekFrom::Data(offset)) {
        Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(offset..u64::MAX)),
        found => found.map_err(failed)?,
    };
    match fs::seek(file, SeekFrom::Hole(start)) {
        // It was cut off meanwhile.
        Err(Errno::NXIO) => Ok(None),
        end => Ok(Some(start..end.map_err(failed)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn the_holes_of_a_file_are_told_apart_from_its_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(b"island", 128 << 10).unwrap();
        let file = File::open(&path).unwrap();
        let island = next_data(&file, &path, 0).unwrap().unwrap();
        assert!(island.start > 0 && island.contains(&(128 << 10)) && island.end <= 192 << 10, "{island:?}");
        assert_eq!(next_data(&file, &path, island.end).unwrap(), None);
        assert_eq!(next_data(&file, &path, 1 << 20).unwrap(), None);
    }

    #[test]
    fn where_no_clone_can_be_made_nothing_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "content").unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        let cloned = directory.clone_file(OsStr::new("a"), &directory, OsStr::new("b")).unwrap();
        assert_eq!(folder.path().join("b").exists(), cloned);
        let missing = directory.clone_file(OsStr::new("c"), &directory, OsStr::new("d")).unwrap_err();
        assert!(missing.is_missing() && !folder.path().join("d").exists());
    }
}
