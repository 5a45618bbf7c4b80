//! The work area beside a source, `.NAME.eos`: for its owner alone, and for one process at a time.
//!
//! Captures freeze in it and restores build in it, so both have to have it to themselves. The lock is of the place,
//! by the inode of the directory that holds the source, so it is one lock whatever the path is called and whatever
//! is made of it. The kernel ends it with the process.

use crate::host::directory::{Directory, DirectoryError};
use crate::host::files::{self, Attributes, FileError};
use crate::host::lock_file::{Attempt, LockFile};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::digest::Digest;
use crate::model::explain::{Code, Explain};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A work area that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AreaError {
    /// It belongs to somebody else, who may have put anything there.
    #[error("the work area {} belongs to user {user}", area.display())]
    Foreign {
        /// The work area.
        area: PathBuf,
        /// The owner's number.
        user: u32,
    },
    /// The disk refused, or it is a link.
    #[error(transparent)]
    Disk(#[from] DirectoryError),
    /// The lock could not be made.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for AreaError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Foreign { .. } => "T207",
            Self::Disk(error) => return error.code(),
            Self::File(error) => return error.code(),
        })
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Foreign { area, .. } => {
                vec![format!("see what lies there, and move it elsewhere: ls -la {}", area.display())]
            }
            Self::Disk(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }
}

/// The name of the work area of a source that has this name.
pub(super) fn name_of(source: &OsStr) -> OsString {
    [OsStr::new("."), source, OsStr::new(".eos")].into_iter().collect()
}

/// The work area of this name, made when it is missing.
pub(super) fn ensure(parent: &Directory, name: &OsStr) -> Result<Directory, AreaError> {
    checked(parent.ensure_directory(name, 0o700)?)
}

/// The work area of this name, if there is one.
pub(super) fn existing(parent: &Directory, name: &OsStr) -> Result<Option<Directory>, AreaError> {
    match parent.open_directory(Path::new(name)) {
        Err(error) if error.is_missing() => Ok(None),
        opened => checked(opened?).map(Some),
    }
}

/// One of this user, closed to all others from now on.
fn checked(area: Directory) -> Result<Directory, AreaError> {
    let found = area.own_metadata()?;
    if found.uid != rustix::process::geteuid().as_raw() {
        return Err(AreaError::Foreign { area: area.path().to_owned(), user: found.uid });
    }
    if found.mode != 0o700 {
        area.set_own_mode(0o700)?;
    }
    Ok(area)
}

/// The lock of the place of a source.
#[derive(Debug)]
pub(super) struct Hold(LockFile);

impl Hold {
    /// Takes the place of this name in a directory for this process, or says who has it.
    pub(super) fn take(
        root: &Root,
        parent: &Directory,
        name: &OsStr,
        holder: &str,
    ) -> Result<Result<Self, String>, AreaError> {
        let found = parent.own_metadata()?;
        let mut place = format!("{}:{}:", found.device, found.inode).into_bytes();
        place.extend(name.as_encoded_bytes());
        let file = format!("@{}", &Digest::of(&place).to_string()[..32]);
        Ok(Self::named(root, &file, holder)?)
    }

    /// Takes the lock of this name for this process, or says who has it.
    pub(super) fn named(root: &Root, name: &str, holder: &str) -> Result<Result<Self, String>, FileError> {
        let folder = root.join(paths::RESTORES).join("locks");
        let prepare = || files::create_directory(&folder, Attributes { mode: 0o700, owner: None });
        match LockFile::attempt(&folder.join(name), prepare)? {
            Attempt::Held(mut file, _) => {
                file.write(format!("{holder} (process {})", std::process::id()).as_bytes())?;
                Ok(Ok(Self(file)))
            }
            Attempt::Busy(text) => Ok(Err(told(&text))),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // While it is still locked, so nobody's lock is removed but this one; a file that stays is nobody's lock.
        if let Err(error) = self.0.remove() {
            tracing::debug!(%error, "the file of a lock stays");
        }
    }
}

/// What a lock says of its holder, who may be about to write it.
pub(super) fn told(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if text.is_empty() { "another process".to_owned() } else { text.into_owned() }
}

/// What to do about a process that holds something.
pub(super) fn hint(holder: &str) -> String {
    let number = holder.rsplit_once("(process ").and_then(|(_, rest)| rest.strip_suffix(')'));
    match number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(number) => {
            format!("wait until process {number} has ended, then run the same command again: ps -fp {number}")
        }
        None => "wait until it has ended, then run the same command again: pgrep -a eos".to_owned(),
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<AreaError> {
    vec![AreaError::Foreign { area: "/srv/.metrics.eos".into(), user: 1000 }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn an_area_of_another_user_or_a_link_is_refused_and_one_that_is_open_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let parent = Directory::open(folder.path()).unwrap();
        let (name, path) = (name_of(OsStr::new("metrics")), folder.path().join(".metrics.eos"));
        assert!(existing(&parent, &name).unwrap().is_none());
        let opens = || [ensure(&parent, &name).map(Some), existing(&parent, &name)];
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(opens().iter().all(Result::is_ok));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        std::os::unix::fs::chown(&path, Some(1000), None).unwrap();
        for opened in opens() {
            let text = format!("the work area {} belongs to user 1000", path.display());
            crate::model::explain::tells(&opened.unwrap_err(), "EOS-T207", &text);
        }
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        symlink("elsewhere", &path).unwrap();
        for opened in opens() {
            let error = opened.unwrap_err();
            assert!(error.to_string().starts_with(&format!("{} leads through", path.display())), "{error}");
        }
    }

    #[test]
    fn the_lock_of_a_place_is_one_for_all_its_paths_and_names_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path()).unwrap();
        fs::create_dir_all(folder.path().join("srv/a")).unwrap();
        let open = |path: &str| Directory::open(&folder.path().join(path)).unwrap();
        let take = |path: &str| {
            Hold::take(&root, &open(path), OsStr::new("metrics"), "eos snapshot create").unwrap()
        };
        let held = take("srv").unwrap();
        let holder = take("srv/a/..").unwrap_err();
        assert_eq!(holder, format!("eos snapshot create (process {})", std::process::id()));
        assert_eq!(
            hint(&holder),
            format!(
                "wait until process {0} has ended, then run the same command again: ps -fp {0}",
                std::process::id()
            )
        );
        assert!(take("srv/a").is_ok(), "another place");
        drop(held);
        assert!(take("srv").is_ok());
        assert_eq!(
            hint(&told(b"")),
            "wait until it has ended, then run the same command again: pgrep -a eos"
        );
    }
}
