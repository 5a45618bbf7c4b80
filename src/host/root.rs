//! The root under which every path that eos reads or writes lies.

use std::path::{Component, Path, PathBuf};

/// The directory that `--root` names; `/` for the machine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// Makes the path absolute (against the working directory) without resolving links.
    ///
    /// # Errors
    /// When the working directory is gone.
    pub fn new(path: impl AsRef<Path>) -> std::io::Result<Self> {
        Ok(Self { path: std::path::absolute(path)? })
    }

    /// The root itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is the machine's own root, with its own service manager.
    pub fn is_host(&self) -> bool {
        self.path == Path::new("/")
    }

    /// A path under the root; a leading `/` and any `..` of `relative` are dropped.
    pub fn join(&self, relative: impl AsRef<Path>) -> PathBuf {
        let mut joined = self.path.clone();
        for part in relative.as_ref().components() {
            if let Component::Normal(name) = part {
                joined.push(name);
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_root() -> std::io::Result<()> {
        let root = Root::new("/srv/node1")?;
        assert_eq!(root.join("/etc/eos"), Path::new("/srv/node1/etc/eos"));
        assert_eq!(root.join("../../etc/passwd"), Path::new("/srv/node1/etc/passwd"));
        Ok(())
    }
}
