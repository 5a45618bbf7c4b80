//! `eos snapshot verify`: looks at what is stored and names what is damaged.

use super::{meant, reader, stores};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::clock;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError};
use crate::view;
use serde_json::json;

/// Verifies one snapshot or all of them.
pub(super) fn run(context: &Context, id: Option<&str>, quick: bool) -> Result<Done, Failure> {
    let stores = stores(context)?;
    let wanted = id.map(|id| meant(&stores, id)).transpose()?;
    let (mut text, mut damaged, mut sound) = (String::new(), Vec::new(), 0);
    for store in &stores {
        for id in store.ids().map_err(failure)? {
            if wanted.as_ref().is_some_and(|wanted| *wanted != id) {
                continue;
            }
            let Some(damage) = damage(store, &id, quick)? else { continue };
            if damage.is_empty() {
                sound += 1;
                text.push_str(&format!("{id}  sound\n"));
            }
            for damage in damage {
                text.push_str(&format!("{id}  damaged: {damage}\n"));
                damaged.push(format!("{id}: {damage}"));
            }
        }
    }
    if !damaged.is_empty() {
        view::stderr(&text);
        return Err(failure(StoreError::Damaged { damage: damaged }));
    }
    Ok(Done::new(json!({ "sound": sound, "damaged": damaged, "quick": quick }), text))
}

/// What is damaged of a snapshot; `None` when it was removed meanwhile.
fn damage(store: &DiskStore, id: &SnapshotId, quick: bool) -> Result<Option<Vec<String>>, Failure> {
    let _lease = match store.lease(id, &reader("verify"), clock::timestamp()) {
        Err(StoreError::Unknown { .. }) => return Ok(None),
        lease => lease.map_err(failure)?,
    };
    match if quick { store.verify_quickly(id) } else { store.verify(id) } {
        Ok(found) => Ok(Some(found.damage.iter().map(ToString::to_string).collect())),
        Err(StoreError::Manifest { source, .. }) => Ok(Some(vec![format!("its manifest: {source}")])),
        Err(error) => Err(failure(error)),
    }
}
