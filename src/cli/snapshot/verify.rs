//! `eos snapshot verify`: looks at what is stored and names what is damaged.

use super::{LONGEST, meant, reader, stores};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::clock;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::model::progress::Sink;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError};
use crate::view;
use crate::view::progress::Progress;
use serde_json::json;
use std::time::Instant;

/// Verifies one snapshot or all of them.
pub(super) fn run(context: &Context, id: Option<&str>, quick: bool) -> Result<Done, Failure> {
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    let result = verify(context, id, quick, &progress);
    progress.finish();
    let found = result?;
    if !found.damaged.is_empty() {
        view::stderr(&found.text);
        return Err(failure(StoreError::Damaged { damage: found.damaged }));
    }
    Ok(Done::new(json!({ "sound": found.sound, "damaged": found.damaged, "quick": quick }), found.text))
}

/// What was found of all snapshots.
#[derive(Default)]
struct Found {
    text: String,
    damaged: Vec<String>,
    sound: usize,
}

fn verify(context: &Context, id: Option<&str>, quick: bool, sink: &dyn Sink) -> Result<Found, Failure> {
    let stores = stores(context)?;
    let wanted = id.map(|id| meant(&stores, id)).transpose()?;
    let mut found = Found::default();
    for store in &stores {
        for id in store.ids().map_err(failure)? {
            if wanted.as_ref().is_some_and(|wanted| *wanted != id) {
                continue;
            }
            let Some(damage) = damage(store, &id, quick, sink)? else { continue };
            if damage.is_empty() {
                found.sound += 1;
                found.text.push_str(&format!("{id}  sound\n"));
            }
            for damage in damage {
                found.text.push_str(&format!("{id}  damaged: {damage}\n"));
                found.damaged.push(format!("{id}: {damage}"));
            }
        }
    }
    Ok(found)
}

/// What is damaged of a snapshot; `None` when it was removed meanwhile.
fn damage(
    store: &DiskStore,
    id: &SnapshotId,
    quick: bool,
    sink: &dyn Sink,
) -> Result<Option<Vec<String>>, Failure> {
    let _lease = match store.lease(id, &reader("verify"), clock::timestamp()) {
        Err(StoreError::Unknown { .. }) => return Ok(None),
        lease => lease.map_err(failure)?,
    };
    match if quick { store.verify_quickly(id) } else { store.verify_telling(id, sink) } {
        Ok(found) => Ok(Some(found.damage.iter().map(ToString::to_string).collect())),
        Err(StoreError::Manifest { source, .. }) => Ok(Some(vec![format!("its manifest: {source}")])),
        Err(error) => Err(failure(error)),
    }
}
