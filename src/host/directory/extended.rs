//! Extended attributes of the `user` namespace, read and set by handle.

use super::{Directory, DirectoryError, failure};
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

/// How the names of the attributes begin that are read and set here.
///
/// The others grant rights (`security`, `trusted`), or belong to the machine (`system`).
pub const NAMESPACE: &[u8] = b"user.";

/// The most bytes of all names, and of one value, that Linux keeps.
const MOST: usize = 64 << 10;

impl Directory {
    /// The extended attributes of this directory, by name.
    pub fn extended(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, DirectoryError> {
        read(&self.fd, &self.path)
    }

    /// Sets extended attributes of this directory.
    pub fn set_extended(&self, values: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), DirectoryError> {
        set(&self.fd, &self.path, values)
    }
}

/// The extended attributes of an open file, by name; `path` serves the message only.
pub fn extended_of_file(file: &File, path: &Path) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, DirectoryError> {
    read(file, path)
}

/// Sets extended attributes of an open file; `path` serves the message only.
pub fn set_extended_of_file(
    file: &File,
    path: &Path,
    values: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<(), DirectoryError> {
    set(file, path, values)
}

fn read(fd: impl AsFd + Copy, path: &Path) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, DirectoryError> {
    let failed = |errno| failure("read the extended attributes of", path, errno);
    let mut names = vec![0; 1024];
    let length = loop {
        match flistxattr(fd, names.as_mut_slice()) {
            // A file system without them has none.
            Err(Errno::NOTSUP) => return Ok(BTreeMap::new()),
            Err(Errno::RANGE) if names.len() < MOST => names.resize(MOST, 0),
            listed => break listed.map_err(failed)?,
        }
    };
    let mut found = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(NAMESPACE)) {
        let mut value = vec![0; MOST];
        let length = fgetxattr(fd, name, value.as_mut_slice()).map_err(failed)?;
        value.truncate(length);
        found.insert(name.to_vec(), value);
    }
    Ok(found)
}

fn set(fd: impl AsFd + Copy, path: &Path, values: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), DirectoryError> {
    values.iter().try_for_each(|(name, value)| {
        fsetxattr(fd, name.as_slice(), value, XattrFlags::CREATE)
            .map_err(|errno| failure("set an extended attribute of", path, errno))
    })
}
