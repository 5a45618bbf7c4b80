//! What stands under some paths: kind, mode, owner and content of each, comparable and storable.

use super::directory::Directory;
use super::files::FileError;
use super::root::Root;
use crate::model::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// One thing in the file system: all that makes it identical to another, times aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Node {
    /// A regular file.
    File {
        /// Permission bits, setuid and sticky included.
        mode: u32,
        /// Owning user.
        uid: u32,
        /// Owning group.
        gid: u32,
        /// Digest of the content.
        digest: Digest,
    },
    /// A directory; what it holds are nodes of their own.
    Directory {
        /// Permission bits, setgid and sticky included.
        mode: u32,
        /// Owning user.
        uid: u32,
        /// Owning group.
        gid: u32,
    },
    /// A symbolic link, never followed.
    Symlink {
        /// Owning user.
        uid: u32,
        /// Owning group.
        gid: u32,
        /// Where it points, as written, in the form of [`encode`].
        target: String,
    },
    /// A socket, a pipe or a device.
    Special {
        /// `socket`, `pipe` or `device`.
        what: String,
    },
}

impl Node {
    /// What people call it.
    pub fn kind(&self) -> &str {
        match self {
            Self::File { .. } => "file",
            Self::Directory { .. } => "directory",
            Self::Symlink { .. } => "symlink",
            Self::Special { what } => what,
        }
    }

    /// Whether the content (bytes, or link target) is the same, whatever mode and owner are.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { digest: one, .. }, Self::File { digest: two, .. }) => one == two,
            (Self::Symlink { target: one, .. }, Self::Symlink { target: two, .. }) => one == two,
            (Self::Directory { .. }, Self::Directory { .. }) => true,
            _ => self == other,
        }
    }
}

/// What stands at the path now, without following links; nothing when there is nothing.
///
/// # Errors
/// When it is there and cannot be read.
pub fn observe(path: &Path) -> Result<Option<Node>, FileError> {
    let failed = |e| FileError::new("look at", path, e);
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    node(path, &metadata).map(Some).map_err(failed)
}

fn node(path: &Path, metadata: &Metadata) -> io::Result<Node> {
    let (mode, uid, gid) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
    let kind = metadata.file_type();
    Ok(if kind.is_dir() {
        Node::Directory { mode, uid, gid }
    } else if kind.is_symlink() {
        Node::Symlink { uid, gid, target: encode(&std::fs::read_link(path)?) }
    } else if kind.is_file() {
        let digest = digest_of(path)?;
        Node::File { mode, uid, gid, digest }
    } else {
        let what = if kind.is_socket() {
            "socket"
        } else if kind.is_fifo() {
            "pipe"
        } else {
            "device"
        };
        Node::Special { what: what.to_owned() }
    })
}

/// The digest of a file's content, read as a stream.
fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(super::files::open_real(path).map_err(|error| error.source)?)?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// Everything under some paths at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inventory {
    nodes: BTreeMap<String, Node>,
}

impl Inventory {
    /// Looks at every path and at all below those that are directories; a path that is not there
    /// simply is not in the result. Paths are relative to the root and keep that form.
    ///
    /// # Errors
    /// When something is there and cannot be read.
    pub fn of<P: AsRef<Path>>(root: &Root, paths: &[P]) -> Result<Self, FileError> {
        let mut nodes = BTreeMap::new();
        for path in paths {
            walk(root, path.as_ref(), &mut nodes)?;
        }
        Ok(Self { nodes })
    }

    /// The nodes by path, in the form of [`encode`], parents before children.
    pub fn nodes(&self) -> &BTreeMap<String, Node> {
        &self.nodes
    }

    /// Forgets one path, not what is below it.
    pub fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
    }

    /// Adds the other's nodes; those known already stay as they are.
    pub fn absorb(&mut self, other: Self) {
        for (path, node) in other.nodes {
            self.nodes.entry(path).or_insert(node);
        }
    }

    /// What is different now, one line for each path: `added`, `missing` or `changed`.
    pub fn difference(&self, now: &Self) -> Vec<String> {
        let mut lines: Vec<(&str, String)> = Vec::new();
        for (path, node) in &self.nodes {
            match now.nodes.get(path) {
                None => lines.push((path, format!("missing {}: {path}", node.kind()))),
                Some(other) if other != node => lines.push((path, changed(path, node, other))),
                Some(_) => {}
            }
        }
        for (path, node) in now.nodes.iter().filter(|(path, _)| !self.nodes.contains_key(*path)) {
            lines.push((path, format!("added {}: {path}", node.kind())));
        }
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

fn changed(path: &str, before: &Node, now: &Node) -> String {
    let what = if before.kind() != now.kind() {
        format!("{} instead of {}", now.kind(), before.kind())
    } else if !before.same_content(now) {
        "content".to_owned()
    } else {
        "mode or owner".to_owned()
    };
    format!("changed {}: {path} ({what})", before.kind())
}

fn walk(root: &Root, path: &Path, nodes: &mut BTreeMap<String, Node>) -> Result<(), FileError> {
    let absolute = root.join(path);
    let Some(node) = observe(&absolute)? else { return Ok(()) };
    let directory = matches!(node, Node::Directory { .. });
    nodes.insert(encode(path), node);
    if directory {
        for name in names(&absolute)? {
            walk(root, &path.join(name), nodes)?;
        }
    }
    Ok(())
}

/// The names in a directory as they are, sorted.
pub(super) fn names(path: &Path) -> Result<Vec<std::ffi::OsString>, FileError> {
    let listed = Directory::reach(path).and_then(|directory| directory.list());
    listed.map_err(|error| FileError::below("list", path, error))
}

/// A path as text from which [`decode`] makes the same path: what is not UTF-8, and the backslash
/// itself, become `\xHH`.
pub fn encode(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\x5c"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The path that [`encode`] wrote; an escape that it would not write stands for itself.
pub fn decode(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escape = bytes.get(index..index + 4).filter(|four| four.starts_with(b"\\x"));
        let byte = escape.and_then(|four| u8::from_str_radix(std::str::from_utf8(&four[2..]).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(bytes[index]));
        index += if byte.is_some() { 4 } else { 1 };
    }
    PathBuf::from(std::ffi::OsString::from_vec(decoded))
}

/// A name as text, in the form of [`encode`].
pub fn encode_name(name: &OsStr) -> String {
    encode(Path::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn every_kind_of_difference_is_one_line() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        fs::create_dir_all(root.join("etc/eos/sub"))?;
        for name in ["mode", "content", "kind", "gone"] {
            fs::write(root.join(format!("etc/eos/{name}")), name)?;
        }
        let before = Inventory::of(&root, &["etc/eos", "run/eos"])?;
        assert_eq!(before.difference(&before), Vec::<String>::new());
        fs::set_permissions(root.join("etc/eos/mode"), fs::Permissions::from_mode(0o4711))?;
        fs::write(root.join("etc/eos/content"), "other")?;
        fs::remove_file(root.join("etc/eos/kind"))?;
        symlink("mode", root.join("etc/eos/kind"))?;
        fs::remove_file(root.join("etc/eos/gone"))?;
        fs::write(root.join("etc/eos/sub/new"), "")?;
        let now = Inventory::of(&root, &["etc/eos", "run/eos"])?;
        assert_eq!(
            before.difference(&now),
            [
                "changed file: etc/eos/content (content)",
                "missing file: etc/eos/gone",
                "changed file: etc/eos/kind (symlink instead of file)",
                "changed file: etc/eos/mode (mode or owner)",
                "added file: etc/eos/sub/new",
            ]
        );
        Ok(())
    }

    #[test]
    fn a_name_that_is_not_text_survives_storage() -> anyhow::Result<()> {
        let name = std::ffi::OsString::from_vec(b"a\\x41\xff\xc3\xa9".to_vec());
        assert_eq!(encode_name(&name), "a\\x5cx41\\xffé");
        assert_eq!(decode(&encode_name(&name)).as_os_str(), name);
        assert_eq!(decode("tail\\x"), Path::new("tail\\x"));
        Ok(())
    }
}
