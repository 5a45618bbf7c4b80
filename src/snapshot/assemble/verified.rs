//! Which files of a source's tree were verified and are never written to, so that the next restore need not read them.
//!
//! It only ever saves work: one that is missing, damaged, or of another version makes the next restore read more.

use super::seeds::{Near, Seed};
use crate::host::directory::{Directory, Kind, Metadata};
use crate::model::digest::Digest;
use crate::snapshot::capture::Stamp;
use crate::snapshot::manifest::{Content, Manifest, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version that this eos reads and writes.
const VERSION: u32 = 1;

/// What was verified of the tree of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// The files by their paths in the tree: in which state they were, and what they hold.
    files: BTreeMap<Name, (Stamp, Digest)>,
    /// The source.
    source: String,
    /// `VERSION`.
    version: u32,
}

impl Verified {
    /// The files of a tree that was assembled just now of which the seed says that nobody writes to them.
    pub(super) fn of(assembled: &Directory, manifest: &Manifest, seed: &Seed<'_>) -> Self {
        let (mut near, mut files) = (Near::default(), BTreeMap::new());
        for entry in &manifest.entries {
            let Content::File { digest, .. } = entry.content else { continue };
            let Some(path) = seed.path_of(&entry.path).filter(|path| seed.is_written_once(path)) else {
                continue;
            };
            // What cannot be looked at now is read the next time.
            if let Some((parent, name)) = near.parent((0, assembled), entry.path.as_bytes())
                && let Ok(Some(there)) = parent.metadata_optional(name)
                && there.kind == Kind::File
            {
                files.insert(Name::new(path), (Stamp::of(&there), digest));
            }
        }
        Self { files, source: manifest.metadata.source.clone(), version: VERSION }
    }

    /// What the file at this path of the tree was found to hold, if it is still the same file to which nothing was done
    /// since: device, inode, size, last change of its content and last change of anything. Whoever writes to it may set
    /// the former back, and never the latter.
    pub(super) fn known(&self, path: &[u8], there: &Metadata) -> Option<Digest> {
        let (stamp, digest) = self.files.get(&Name::new(path))?;
        (*stamp == Stamp::of(there)).then_some(*digest)
    }

    /// Without the files of the tree to which something was done since they were verified.
    pub(in crate::snapshot) fn untouched(self, tree: &Directory) -> Self {
        self.looked_at(tree, |known, now| (*known == now).then_some(now))
    }

    /// As the files are now that other names of them went, which shows in the last change of anything: to be asked
    /// right after [`Verified::untouched`] and their removal.
    pub(in crate::snapshot) fn renewed(self, tree: &Directory) -> Self {
        self.looked_at(tree, |known, now| {
            (Stamp(known.0, known.1, known.2, known.3, now.4) == now).then_some(now)
        })
    }

    fn looked_at(self, tree: &Directory, judge: impl Fn(&Stamp, Stamp) -> Option<Stamp>) -> Self {
        let mut near = Near::default();
        let mut now = |path: &Name, known: &Stamp| {
            // What cannot be looked at is read the next time.
            let (parent, name) = near.parent((0, tree), path.as_bytes())?;
            let there = parent.metadata_optional(name).ok()??;
            judge(known, Stamp::of(&there)).filter(|_| there.kind == Kind::File)
        };
        let kept = self.files.into_iter().filter_map(|(path, (known, digest))| {
            let stamp = now(&path, &known)?;
            Some((path, (stamp, digest)))
        });
        Self { files: kept.collect(), ..self }
    }

    /// Whether there is nothing that the next restore could rely on.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The source whose tree it is.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The bytes for the disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("it has only string keys")
    }

    /// Reads what an earlier restore wrote; nothing when it is of no use any more.
    pub fn read(bytes: &[u8], source: &str) -> Option<Self> {
        match serde_json::from_slice::<Self>(bytes) {
            Ok(verified) if verified.version == VERSION && verified.source == source => Some(verified),
            Ok(_) => None,
            Err(error) => {
                tracing::info!(%error, source, "what was verified of the source is no use: it is read anew");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::manifest::Time;

    fn sample() -> Verified {
        let stamp = Stamp(1, 2, 3, Time(1_700_000_000, 5), Time(1_700_000_001, 999_999_999));
        let files = [(Name::new(b"sub/\xff"), (stamp, Digest::of(b"abc")))].into();
        Verified { files, source: "metrics".to_owned(), version: VERSION }
    }

    #[test]
    fn what_version_1_wrote_of_verified_files_stays_readable() {
        let fixture = include_str!("../../../tests/fixtures/v1/snapshot/verified.json");
        assert_eq!(Verified::read(fixture.as_bytes(), "metrics"), Some(sample()));
        assert_eq!(String::from_utf8(sample().to_bytes()).unwrap(), fixture);
    }

    #[test]
    fn what_is_of_another_source_or_version_or_damaged_is_not_relied_on() {
        let bytes = sample().to_bytes();
        assert_eq!(Verified::read(&bytes, "other"), None);
        assert_eq!(Verified::read(&bytes[1..], "metrics"), None);
        let newer = Verified { version: 2, ..sample() };
        assert_eq!(Verified::read(&newer.to_bytes(), "metrics"), None);
    }
}
