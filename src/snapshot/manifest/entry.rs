//! One entry of a manifest: a file, a directory or a link, with all its attributes.

use super::Name;
use crate::model::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A point in time: seconds since 1970 (negative before) and nanoseconds after that; in JSON `[s,ns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time(pub i64, pub u32);

/// Where a borrowed content lies: the index of its part, and the offset in the uncompressed stream of
/// that part in bytes; in JSON `[part,offset]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct At(pub u32, pub u64);

/// One entry, named relative to the snapshot's top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct Entry {
    /// Where it lies.
    pub path: Name,
    /// The 12 permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Last change of the content.
    pub modified: Time,
    /// Extended attributes of the `user` namespace: name and value, byte for byte; of files and
    /// directories only.
    pub extended: BTreeMap<Name, Name>,
    /// What it is.
    pub content: Content,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Bytes of content.
        size: u64,
        /// BLAKE3 of the content.
        digest: Digest,
        /// Whether the source had holes; runs of zeros become holes again.
        sparse: bool,
        /// Where an earlier snapshot's part has the content, which then is not in the own stream.
        at: Option<At>,
    },
    /// A symbolic link.
    Symlink {
        /// What it says, byte for byte.
        target: Name,
    },
    /// A further name of a file listed before; it shares that file's attributes.
    Hardlink {
        /// The path of that file in the manifest.
        target: Name,
    },
}

impl Entry {
    /// Whether it is a file whose content lies in a borrowed part.
    pub fn is_borrowed(&self) -> bool {
        matches!(self.content, Content::File { at: Some(_), .. })
    }

    /// Whether it restores to the same, wherever its content lies.
    pub fn is_same(&self, other: &Self) -> bool {
        let nowhere = |content: &Content| match content {
            Content::File { size, digest, sparse, .. } => {
                Content::File { size: *size, digest: *digest, sparse: *sparse, at: None }
            }
            other => other.clone(),
        };
        let rest = |entry: &Self| (entry.mode, entry.uid, entry.gid, entry.modified);
        rest(self) == rest(other)
            && self.path == other.path
            && self.extended == other.extended
            && nowhere(&self.content) == nowhere(&other.content)
    }

    /// Bytes of content that the parts carry for it.
    pub fn size(&self) -> u64 {
        match self.content {
            Content::File { size, .. } => size,
            _ => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Directory,
    File,
    Symlink,
    Hardlink,
}

/// The JSON form: fields in alphabetical order, absent where they do not apply.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<At>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    gid: u32,
    mode: u32,
    mtime: Time,
    path: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sparse: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Name>,
    r#type: Type,
    uid: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<Name, Name>,
}

impl From<Entry> for Flat {
    fn from(entry: Entry) -> Self {
        let mut flat = Self {
            at: None,
            digest: None,
            gid: entry.gid,
            mode: entry.mode,
            mtime: entry.modified,
            path: entry.path,
            size: None,
            sparse: None,
            target: None,
            r#type: Type::Directory,
            uid: entry.uid,
            xattrs: entry.extended,
        };
        match entry.content {
            Content::Directory => {}
            Content::File { size, digest, sparse, at } => {
                (flat.r#type, flat.at) = (Type::File, at);
                (flat.size, flat.digest, flat.sparse) = (Some(size), Some(digest), sparse.then_some(true));
            }
            Content::Symlink { target } => (flat.r#type, flat.target) = (Type::Symlink, Some(target)),
            Content::Hardlink { target } => (flat.r#type, flat.target) = (Type::Hardlink, Some(target)),
        }
        flat
    }
}

/// An entry whose fields do not fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fields of an entry do not fit its type")]
pub struct Contradiction;

impl TryFrom<Flat> for Entry {
    type Error = Contradiction;

    fn try_from(flat: Flat) -> Result<Self, Contradiction> {
        let Flat { at, .. } = flat;
        let content = match (flat.r#type, flat.size, flat.digest, flat.sparse, at, flat.target) {
            (Type::Directory, None, None, None, None, None) => Content::Directory,
            (Type::File, Some(size), Some(digest), sparse, at, None) => {
                Content::File { size, digest, sparse: sparse.unwrap_or(false), at }
            }
            (Type::Symlink, None, None, None, None, Some(target)) => Content::Symlink { target },
            (Type::Hardlink, None, None, None, None, Some(target)) => Content::Hardlink { target },
            _ => return Err(Contradiction),
        };
        let Flat { path, mode, uid, gid, mtime, xattrs, .. } = flat;
        Ok(Self { path, mode, uid, gid, modified: mtime, extended: xattrs, content })
    }
}
