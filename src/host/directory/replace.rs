//! Files that a crash leaves as they were or as they shall be: written under another name, made durable, then named.

use super::{Directory, DirectoryError};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;

/// What follows a name in the one under which a file is written before it gets its own.
pub const FRESH: &str = ".new";

/// The name under which a file is written before it gets its own: `NAME.new`.
pub fn fresh(name: &OsStr) -> OsString {
    [name, OsStr::new(FRESH)].into_iter().collect()
}

impl Directory {
    /// Puts a file with these bytes in the place of the one of this name, or of nothing; durable when it returns.
    ///
    /// It belongs to `owner` (user, group), or to this process. A crash leaves the old file or the new one under the
    /// name, and at most `NAME.new` beside it, which the next call replaces.
    ///
    /// # Errors
    /// When the disk refuses; the old file stands then, unless only the last sync failed.
    pub fn replace_file(
        &self,
        name: &OsStr,
        bytes: &[u8],
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<File, DirectoryError> {
        let fresh = fresh(name);
        let file = self.write_file(&fresh, bytes, mode, owner)?;
        self.rename(&fresh, self, name)?;
        self.sync()?;
        Ok(file)
    }

    /// Writes a file with these bytes anew; what is in it is durable when it returns, and its name is not yet.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_file(
        &self,
        name: &OsStr,
        bytes: &[u8],
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<File, DirectoryError> {
        self.remove_tree(name)?;
        let mut file = self.create_file(name, mode)?;
        if let Some((user, group)) = owner {
            self.set_owner(name, user, group)?;
        }
        let path = || self.path().join(name);
        #[cfg(test)]
        let written = super::cut::torn(bytes, |bytes| file.write_all(bytes));
        #[cfg(not(test))]
        let written = file.write_all(bytes);
        written.map_err(|source| DirectoryError::Io { action: "write", path: path(), source })?;
        self.sync_open_file(name, &file)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::cut;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_death_or_an_error_at_any_change_leaves_the_old_file_or_the_new_one() {
        for dies in [true, false] {
            for changes in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let here = Directory::open(folder.path()).unwrap();
                let (name, path) = (OsStr::new("record.json"), folder.path().join("record.json"));
                let replace =
                    |bytes: &str| here.replace_file(name, bytes.as_bytes(), 0o600, Some((1000, 100)));
                replace("old").unwrap();
                let (replaced, cut) = match dies {
                    true => cut::after(changes, || replace("new")),
                    false => cut::failing(changes, || replace("new")),
                };
                let found = std::fs::read_to_string(&path).unwrap();
                assert!(found == "new" || (found == "old" && replaced.is_err()), "change {changes}: {found}");
                // What is left of it is in nobody's way.
                replace("newer").unwrap();
                assert_eq!(std::fs::read_to_string(&path).unwrap(), "newer");
                assert_eq!(here.list().unwrap(), ["record.json"]);
                let metadata = std::fs::metadata(&path).unwrap();
                assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (0o600, 1000, 100));
                if !cut {
                    assert!(replaced.is_ok() && changes > 5, "{changes}");
                    break;
                }
            }
        }
    }
}
