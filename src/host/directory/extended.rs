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

/// Extended attributes by name.
pub type Extended = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the policy of each machine gives to its own files anew.
const LABEL: &[u8] = b"security.selinux";

/// The most bytes of all names, and of one value, that Linux keeps.
const MOST: usize = 64 << 10;

impl Directory {
    /// The extended attributes of this directory, by name.
    pub fn extended(&self) -> Result<Extended, DirectoryError> {
        Ok(self.extended_and_others()?.0)
    }

    /// The same, and whether it has others that grant rights and are not read here.
    pub fn extended_and_others(&self) -> Result<(Extended, bool), DirectoryError> {
        read(&self.fd, &self.path)
    }

    /// Sets extended attributes of this directory.
    pub fn set_extended(&self, values: &Extended) -> Result<(), DirectoryError> {
        set(&self.fd, &self.path, values)
    }
}

/// The extended attributes of an open file, by name; `path` serves the message only.
pub fn extended_of_file(file: &File, path: &Path) -> Result<Extended, DirectoryError> {
    Ok(read(file, path)?.0)
}

/// The same, and whether it has others that grant rights and are not read here.
pub fn extended_and_others_of_file(file: &File, path: &Path) -> Result<(Extended, bool), DirectoryError> {
    read(file, path)
}

/// Sets extended attributes of an open file; `path` serves the message only.
pub fn set_extended_of_file(file: &File, path: &Path, values: &Extended) -> Result<(), DirectoryError> {
    set(file, path, values)
}

fn read(fd: impl AsFd + Copy, path: &Path) -> Result<(Extended, bool), DirectoryError> {
    let failed = |errno| failure("read the extended attributes of", path, errno);
    let mut names = vec![0; 1024];
    let length = loop {
        match flistxattr(fd, names.as_mut_slice()) {
            // A file system without them has none.
            Err(Errno::NOTSUP) => return Ok((Extended::new(), false)),
            Err(Errno::RANGE) if names.len() < MOST => names.resize(MOST, 0),
            listed => break listed.map_err(failed)?,
        }
    };
    let (mut found, mut others) = (Extended::new(), false);
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if !name.starts_with(NAMESPACE) {
            others |= name != LABEL;
            continue;
        }
        let mut value = vec![0; MOST];
        let length = fgetxattr(fd, name, value.as_mut_slice()).map_err(failed)?;
        value.truncate(length);
        found.insert(name.to_vec(), value);
    }
    Ok((found, others))
}

fn set(fd: impl AsFd + Copy, path: &Path, values: &Extended) -> Result<(), DirectoryError> {
    values.iter().try_for_each(|(name, value)| {
        // What is set already is set again: a restore that goes on meets its own directories.
        fsetxattr(fd, name.as_slice(), value, XattrFlags::empty())
            .map_err(|errno| failure("set an extended attribute of", path, errno))
    })
}
