//! Removes trees of any depth with a bounded number of open directories.
//!
//! What lies too deep is first moved up into the directory that is removed, and goes in a later round. A crash leaves
//! the rest below the name that was to be removed, and removing that again finishes it.

use super::{Directory, DirectoryError, Kind};
use rustix::fs::{self, AtFlags};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;

/// How many levels below the directory that is removed are open at once.
const LEVELS: usize = 16;

impl Directory {
    /// Removes a name and all beneath it, following nothing; a name that is not there is fine.
    ///
    /// # Errors
    /// When the disk refuses; some of it is gone then.
    pub fn remove_tree(&self, name: &OsStr) -> Result<(), DirectoryError> {
        match self.metadata(name) {
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.kind != Kind::Directory => return self.remove_file(name),
            Ok(_) => {}
        }
        Removal { forced: false, ..Removal::of(&self.open_directory(Path::new(name))?) }.all()?;
        self.remove_directory(name)
    }

    /// Removes all beneath this directory, following nothing, also from directories whose owner, who must be this
    /// user, took the right to change them from himself.
    ///
    /// # Errors
    /// When the disk refuses; some of it is gone then.
    pub fn clear(&self) -> Result<(), DirectoryError> {
        self.set_own_mode(0o700)?;
        Removal { forced: true, ..Removal::of(self) }.all()
    }

    fn remove_directory(&self, name: &OsStr) -> Result<(), DirectoryError> {
        self.plain("remove", name)?;
        fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR).map_err(|e| self.failed("remove", name, e))
    }
}

/// The removal of all below a directory.
struct Removal<'a> {
    top: &'a Directory,
    forced: bool,
    /// What was moved up so far.
    moved: u64,
}

impl<'a> Removal<'a> {
    fn of(top: &'a Directory) -> Self {
        Self { top, forced: false, moved: 0 }
    }

    fn all(&mut self) -> Result<(), DirectoryError> {
        loop {
            let before = self.moved;
            self.empty(self.top, 0)?;
            if self.moved == before {
                return Ok(());
            }
        }
    }

    fn empty(&mut self, directory: &Directory, level: usize) -> Result<(), DirectoryError> {
        directory.list()?.iter().try_for_each(|name| self.remove(directory, name, level))
    }

    fn remove(&mut self, of: &Directory, name: &OsStr, level: usize) -> Result<(), DirectoryError> {
        match of.metadata(name) {
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.kind != Kind::Directory => return of.remove_file(name),
            Ok(_) => {}
        }
        if level == LEVELS {
            return self.move_up(of, name);
        }
        match self.open(of, name).and_then(|inner| self.empty(&inner, level + 1)) {
            Ok(()) => of.remove_directory(name),
            // Those above keep the descriptors that it takes to go on.
            Err(error) if level > 0 && error.lacks_descriptors() => self.move_up(of, name),
            Err(error) => Err(error),
        }
    }

    fn open(&self, of: &Directory, name: &OsStr) -> Result<Directory, DirectoryError> {
        let opened = of.open_directory(Path::new(name));
        if !self.forced {
            return opened;
        }
        let inner = match opened {
            Err(error) if error.kind() == Some(ErrorKind::PermissionDenied) => {
                of.set_mode(name, 0o700)?;
                of.open_directory(Path::new(name))?
            }
            opened => opened?,
        };
        inner.set_own_mode(0o700)?;
        Ok(inner)
    }

    /// Moves a directory into the one that is removed, under a name that nothing there has.
    fn move_up(&mut self, of: &Directory, name: &OsStr) -> Result<(), DirectoryError> {
        if of.remove_empty_directory(name)? {
            return Ok(());
        }
        if self.forced {
            // What is moved to another parent has to be writable itself.
            of.set_mode(name, 0o700)?;
        }
        loop {
            self.moved += 1;
            let free = OsString::from(format!(".removed-{}", self.moved));
            match of.rename_new(name, self.top, &free) {
                Err(error) if error.is_present() => {}
                renamed => return renamed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::cut;
    use rustix::process::{Resource, Rlimit, setrlimit};
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// A chain of directories with a file and a link in each, opened one at a time.
    fn chain(top: &Directory, depth: usize) {
        let mut here = top.open_directory(Path::new("")).unwrap();
        for _ in 0..depth {
            here.create_file(OsStr::new("file"), 0o600).unwrap();
            here.make_symlink(OsStr::new("link"), OsStr::new("/etc")).unwrap();
            here = here.ensure_directory(OsStr::new("d"), 0o700).unwrap();
        }
    }

    const POOR: &str = "EOS_TEST_REMOVAL_DESCRIPTORS";

    #[test]
    fn a_tree_that_is_deeper_than_there_are_descriptors_is_removed_whole() {
        if std::env::var_os(POOR).is_none() {
            let name = "a_tree_that_is_deeper_than_there_are_descriptors_is_removed_whole";
            let name = format!("host::directory::removal::tests::{name}");
            let mut poor = std::process::Command::new(std::env::current_exe().unwrap());
            let ended = poor.args(["--exact", &name, "--nocapture"]).env(POOR, "1").output().unwrap();
            let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let here = Directory::open(temporary.path()).unwrap();
        // Longer than any path may be, and the names of moved directories are taken.
        let top = here.ensure_directory(OsStr::new("top"), 0o700).unwrap();
        for name in [".removed-1", ".removed-2"] {
            chain(&top.ensure_directory(OsStr::new(name), 0o700).unwrap(), 40);
        }
        chain(&top, 3000);
        drop(top);
        let spent = || std::iter::from_fn(|| here.open_directory(Path::new("")).ok()).collect::<Vec<_>>();
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) }).unwrap();
        let mut spent = spent();
        assert!(spent.len() < 64);
        let error = here.remove_tree(OsStr::new("top")).unwrap_err();
        assert!(error.lacks_descriptors(), "{error:?}");
        assert!(crate::model::explain::Explain::hints(&error)[0].ends_with(": ulimit -n 1024"), "{error:?}");
        // One for the top, one below it, and one to list that.
        spent.truncate(spent.len() - 3);
        here.remove_tree(OsStr::new("top")).unwrap();
        drop(spent);
        assert_eq!(here.list().unwrap(), [""; 0]);
    }

    #[test]
    fn a_removal_that_dies_anywhere_is_finished_by_the_next() {
        for changes in 0.. {
            let temporary = tempfile::tempdir().unwrap();
            let here = Directory::open(temporary.path()).unwrap();
            std::fs::create_dir_all(temporary.path().join("kept/x")).unwrap();
            let top = here.ensure_directory(OsStr::new("top"), 0o700).unwrap();
            chain(&top, 2 * LEVELS + 3);
            let (_, died) = cut::after(changes, || here.remove_tree(OsStr::new("top")));
            assert_eq!(here.list().unwrap().len(), if died { 2 } else { 1 }, "{changes}");
            here.remove_tree(OsStr::new("top")).unwrap();
            assert_eq!(here.list().unwrap(), ["kept"]);
            assert!(temporary.path().join("kept/x").is_dir() && Path::new("/etc/passwd").exists());
            if !died {
                assert!(changes > 3 * LEVELS);
                break;
            }
        }
    }

    #[test]
    fn what_its_owner_may_not_change_is_cleared_and_nothing_outside_changes_its_mode() {
        let temporary = tempfile::tempdir().unwrap();
        let outside = temporary.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::set_permissions(&outside, std::fs::Permissions::from_mode(0o755)).unwrap();
        let top = temporary.path().join("top");
        std::fs::create_dir_all(top.join("closed/below")).unwrap();
        symlink("../../outside", top.join("closed/out")).unwrap();
        for (path, mode) in [("closed/below", 0), ("closed", 0o500), ("", 0o500)] {
            std::fs::set_permissions(top.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        Directory::open(&top).unwrap().clear().unwrap();
        assert!(std::fs::read_dir(&top).unwrap().next().is_none());
        assert_eq!(std::fs::metadata(&outside).unwrap().permissions().mode() & 0o7777, 0o755);
    }
}
