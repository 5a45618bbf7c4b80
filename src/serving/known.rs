//! What a store says of its snapshots, kept in memory: no request costs a manifest that was read before.

use crate::host::directory::Moment;
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError, Summary};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known so far.
#[derive(Debug, Default)]
pub struct Known {
    read: Mutex<BTreeMap<SnapshotId, Read>>,
}

/// A manifest that was read; it is read again only when its file is another one.
#[derive(Debug)]
struct Read {
    file: Stamp,
    /// None for one that cannot be read.
    summary: Option<Arc<Summary>>,
}

/// Inode, size and last change.
type Stamp = (u64, u64, Moment);

impl Known {
    /// What the manifest says without its entries.
    ///
    /// # Errors
    /// When there is no such snapshot, its manifest is damaged, or the disk refuses.
    pub fn summary(&self, store: &DiskStore, id: &SnapshotId) -> Result<Arc<Summary>, StoreError> {
        // The lock is held while the disk is read: those who come together cost one read.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = stamp(store, id)? else {
            read.remove(id);
            return Err(StoreError::Unknown { id: id.to_string() });
        };
        if let Some(Read { file: then, summary: Some(summary) }) = read.get(id)
            && *then == file
        {
            return Ok(summary.clone());
        }
        let summary = Arc::new(store.summary(id)?);
        read.insert(id.clone(), Read { file, summary: Some(summary.clone()) });
        Ok(summary)
    }

    /// The snapshots that have this part, newest first. A part that is not there costs one look for its file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn with_part(&self, store: &DiskStore, part: &Digest) -> Result<Vec<Arc<Summary>>, StoreError> {
        if !store.holds_part(part)? {
            return Ok(Vec::new());
        }
        let read = self.looked(store)?;
        let has = |one: &&Arc<Summary>| one.parts.iter().any(|listed| listed.digest == *part);
        let all = read.values().filter_map(|one| one.summary.as_ref());
        let mut found: Vec<Arc<Summary>> = all.filter(has).cloned().collect();
        found.sort_by_key(|one| Reverse((one.metadata.created_at, one.metadata.generation)));
        Ok(found)
    }

    /// All snapshots whose manifests can be read, in the order of their ids.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn all(&self, store: &DiskStore) -> Result<Vec<Arc<Summary>>, StoreError> {
        Ok(self.looked(store)?.values().filter_map(|one| one.summary.clone()).collect())
    }

    /// What is there now; only manifests that are new or changed are read.
    fn looked(&self, store: &DiskStore) -> Result<MutexGuard<'_, BTreeMap<SnapshotId, Read>>, StoreError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let ids: BTreeSet<SnapshotId> = store.ids()?.into_iter().collect();
        read.retain(|id, _| ids.contains(id));
        for id in ids {
            match stamp(store, &id)? {
                // It was removed since the names were read.
                None => drop(read.remove(&id)),
                Some(file) if read.get(&id).is_some_and(|one| one.file == file) => {}
                Some(file) => {
                    let summary = store.summary(&id).map(Arc::new);
                    if let Err(error) = &summary {
                        tracing::warn!(%id, %error, "a snapshot cannot be handed out");
                    }
                    read.insert(id, Read { file, summary: summary.ok() });
                }
            }
        }
        Ok(read)
    }
}

fn stamp(store: &DiskStore, id: &SnapshotId) -> Result<Option<Stamp>, StoreError> {
    Ok(store.manifest_metadata(id)?.map(|file| (file.inode, file.size, file.changed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::Directory;
    use crate::serving::tests::published;

    #[test]
    fn what_is_not_there_costs_no_look_at_any_manifest() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (id, part) = published(folder.path(), "metrics", b"bytes")?;
        let (store, known) = (DiskStore::open(Directory::open(folder.path())?)?, Known::default());
        for number in 0..100u8 {
            assert!(known.with_part(&store, &Digest::of(&[number]))?.is_empty());
            let other = SnapshotId::parse(&Digest::of(&[number]).to_string())?;
            known.summary(&store, &other).expect_err("there is none");
        }
        assert!(known.read.lock().expect("nobody panicked").is_empty(), "no manifest was read or remembered");
        assert_eq!(known.with_part(&store, &part)?.len(), 1);
        let all = known.all(&store)?;
        assert!(all.len() == 1 && all[0].id == id && Arc::ptr_eq(&all[0], &known.summary(&store, &id)?));
        store.delete(&id)?;
        assert!(known.all(&store)?.is_empty());
        Ok(())
    }
}
