//! Paths below a root that no symbolic link leads out of: refused before they are worked on, and
//! removed by the handle of their real directory, so that a link that comes later is not followed.
//!
//! Links that stay within the root are followed; under `/` that is every link.

use super::directory::{Directory, DirectoryError};
use super::files;
use super::root::Root;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Refuses a path that a symbolic link, itself included, leads out of the root.
///
/// # Errors
/// When one does, leads nowhere, or cannot be looked at.
pub fn check(root: &Root, relative: &Path) -> Result<(), DirectoryError> {
    if root.is_host() {
        return Ok(());
    }
    let Some(real_root) = real(root.path())? else { return Ok(()) };
    let target = root.join(relative);
    let mut path = root.path().to_owned();
    for name in target.strip_prefix(root.path()).unwrap_or(relative) {
        path.push(name);
        match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                if !real(&path)?.is_some_and(|real| real.starts_with(&real_root)) {
                    return Err(DirectoryError::LeadsOut { link: path, root: root.path().to_owned() });
                }
            }
            Ok(_) => {}
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(failed("look at", &path, error)),
        }
    }
    Ok(())
}

/// As [`check`], for a path that is itself never followed, such as a link that is replaced.
///
/// # Errors
/// As [`check`].
pub fn check_parents(root: &Root, relative: &Path) -> Result<(), DirectoryError> {
    relative.parent().map_or(Ok(()), |parent| check(root, parent))
}

/// Removes a file, a link or a whole tree; nothing there is no error.
///
/// # Errors
/// When something is there and cannot be removed, or is not below the root.
pub fn remove(root: &Root, relative: &Path) -> Result<(), DirectoryError> {
    let Some((directory, name)) = place(root, relative)? else { return Ok(()) };
    directory.remove_tree(&name)?;
    directory.sync()
}

/// Removes what interrupted writes of this file left beside it.
///
/// # Errors
/// As [`remove`].
pub fn remove_leftovers(root: &Root, relative: &Path) -> Result<(), DirectoryError> {
    let Some((directory, name)) = place(root, relative)? else { return Ok(()) };
    let prefix = files::leftover_prefix(&name);
    let left: Vec<OsString> =
        directory.list()?.into_iter().filter(|left| left.to_string_lossy().starts_with(&prefix)).collect();
    for name in &left {
        directory.remove_tree(name)?;
    }
    if left.is_empty() { Ok(()) } else { directory.sync() }
}

/// Removes a directory if it is empty; says whether it is gone now.
///
/// # Errors
/// When it cannot be removed for another reason than what it holds, or is not below the root.
pub fn remove_empty_directory(root: &Root, relative: &Path) -> Result<bool, DirectoryError> {
    let Some((directory, name)) = place(root, relative)? else { return Ok(true) };
    let gone = directory.remove_empty_directory(&name)?;
    directory.sync()?;
    Ok(gone)
}

/// The directory that holds the path, as a handle, and the name in it; none when it is not there.
fn place(root: &Root, relative: &Path) -> Result<Option<(Directory, OsString)>, DirectoryError> {
    let target = root.join(relative);
    let (Some(parent), Some(name)) = (target.parent(), target.file_name().map(OsStr::to_owned)) else {
        return Ok(None);
    };
    check_parents(root, relative)?;
    let (Some(real_root), Some(real_parent)) = (real(root.path())?, real(parent)?) else {
        return Ok(None);
    };
    let Ok(below) = real_parent.strip_prefix(&real_root) else {
        return Err(DirectoryError::LeadsOut { link: parent.to_owned(), root: root.path().to_owned() });
    };
    match Directory::open(&real_root)?.open_directory(below) {
        Ok(directory) => Ok(Some((directory, name))),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path without links; none when there is nothing.
fn real(path: &Path) -> Result<Option<PathBuf>, DirectoryError> {
    match path.canonicalize() {
        Ok(real) => Ok(Some(real)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("look at", path, error)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_out_of_the_root_is_refused_at_every_level() -> anyhow::Result<()> {
        for level in ["a", "a/b", "a/b/c"] {
            let folder = tempfile::tempdir()?;
            let root = Root::new(folder.path().join("root"))?;
            let outside = folder.path().join("outside");
            fs::create_dir_all(outside.join("b/c/file"))?;
            fs::create_dir_all(outside.join("c/file"))?;
            fs::create_dir_all(outside.join("file"))?;
            let link = root.join(level);
            fs::create_dir_all(link.parent().expect("below the root"))?;
            symlink(&outside, &link)?;
            let path = Path::new("a/b/c/file");
            for error in [
                check(&root, path).expect_err("it leads out"),
                remove(&root, path).expect_err("it leads out"),
                remove_empty_directory(&root, path).expect_err("it leads out"),
            ] {
                assert!(
                    matches!(&error, DirectoryError::LeadsOut { link: found, .. } if *found == link),
                    "{error}"
                );
            }
            assert!(outside.join("file").is_dir() && outside.join("c/file").is_dir());
        }
        Ok(())
    }

    #[test]
    fn links_within_the_root_are_followed_and_the_last_name_never_is() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path().join("root"))?;
        let outside = folder.path().join("outside");
        fs::create_dir_all(outside.join("kept"))?;
        fs::create_dir_all(root.join("run/eos/deep"))?;
        fs::create_dir_all(root.join("var"))?;
        symlink("../run", root.join("var/run"))?;
        symlink(&outside, root.join("run/eos/link"))?;
        check_parents(&root, Path::new("var/run/eos/link"))?;
        check(&root, Path::new("var/run/eos/link")).expect_err("it is followed there");
        remove(&root, Path::new("var/run/eos/link"))?;
        assert!(!remove_empty_directory(&root, Path::new("var/run/eos"))?, "it is not empty");
        remove(&root, Path::new("var/run/eos/deep"))?;
        assert!(remove_empty_directory(&root, Path::new("var/run/eos"))?);
        assert!(outside.join("kept").is_dir() && !root.join("run/eos").exists());
        remove(&root, Path::new("not/there"))?;
        symlink("/nowhere/at/all", root.join("etc"))?;
        check(&root, Path::new("etc/eos")).expect_err("it may lead out at any time");
        Ok(())
    }

    #[test]
    fn what_interrupted_writes_of_a_file_left_goes_and_nothing_else() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        fs::create_dir(root.join("state"))?;
        for name in [".node.crt.eos-77-0", ".node.crt.eos-78-3", ".node.crt.mine", ".other.eos-1-0"] {
            fs::write(root.join("state").join(name), "secret")?;
        }
        remove_leftovers(&root, Path::new("state/node.crt"))?;
        assert_eq!(files::list(&root.join("state"))?, [".node.crt.mine", ".other.eos-1-0"]);
        remove_leftovers(&root, Path::new("not/there"))?;
        Ok(())
    }

    #[test]
    fn under_the_machines_own_root_ordinary_links_are_followed() -> anyhow::Result<()> {
        let host = Root::new("/")?;
        let folder = tempfile::tempdir()?;
        let real = folder.path().join("real");
        fs::create_dir_all(real.join("eos"))?;
        symlink(&real, folder.path().join("link"))?;
        let path = folder.path().join("link/eos");
        let relative = path.strip_prefix("/")?;
        check(&host, relative)?;
        check(&host, Path::new("var/run/eos"))?;
        remove(&host, relative)?;
        assert!(!real.join("eos").exists());
        Ok(())
    }
}
