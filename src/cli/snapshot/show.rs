//! `eos snapshot show`: what a snapshot holds, who signed it, and who reads it.

use super::{meant, reader, stores};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::clock;
use crate::identity::certificate::{self, Subject};
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::snapshot::manifest::{Entry, Limits, ManifestError, SignedManifest};
use crate::snapshot::restore;
use crate::snapshot::store::{SnapshotStore, StoreError};
use crate::steps::trusted::{CLUSTER, Trusted};
use crate::view;
use crate::view::snapshot::{Shown, Signed};
use serde_json::json;
use std::error::Error;

/// Shows one snapshot.
pub(super) fn run(context: &Context, text: &str, with_entries: bool) -> Result<Done, Failure> {
    let stores = stores(context)?;
    let id = meant(&stores, text)?;
    let mut holding = Vec::new();
    let mut readers = Vec::new();
    for store in &stores {
        if store.ids().map_err(failure)?.contains(&id) {
            readers.extend(store.holders().map_err(failure)?.remove(&id).unwrap_or_default());
            holding.push(store);
        }
    }
    let unknown = || failure(StoreError::Unknown { id: id.to_string() });
    let store = holding.first().ok_or_else(unknown)?;
    let _lease = store.lease(&id, &reader("show"), clock::timestamp()).map_err(failure)?;
    let manifest = store.manifest(&id).map_err(failure)?;
    let summary = store.summary(&id).map_err(failure)?;
    let told = restore::told(&context.root).map_err(failure)?;
    let told = told.iter().find(|told| told.source == summary.metadata.source);
    let shown = Shown {
        restored: told.and_then(|told| view::restores::of(told, id.as_str())),
        signed: signed(context, &id, &manifest, summary.metadata.source == CLUSTER)?,
        summary,
        stores: holding.iter().map(|store| store.path().display().to_string()).collect(),
        readers: readers.iter().map(ToString::to_string).collect(),
    };
    let entries = match with_entries {
        true => Some(entries(&id, &manifest)?),
        false => None,
    };
    let mut text = view::snapshot::shown(&shown);
    if let Some(entries) = &entries {
        text.push_str(&view::snapshot::entries(entries));
    }
    Ok(Done::new(json(&shown, entries.as_deref()), text))
}

fn entries(id: &SnapshotId, manifest: &SignedManifest) -> Result<Vec<Entry>, Failure> {
    let read = manifest.read(&Limits::default());
    let damaged = |source| failure(StoreError::Manifest { id: id.to_string(), source });
    read.map(|manifest| manifest.entries).map_err(damaged)
}

/// Who signed, and whether that is to be believed by what this host knows.
fn signed(
    context: &Context,
    id: &SnapshotId,
    manifest: &SignedManifest,
    is_cluster: bool,
) -> Result<Signed, Failure> {
    let what = "the signer's certificate";
    let read = certificate::parse_pem(manifest.certificate_pem(), what)
        .and_then(|chain| certificate::summarize(&chain[0], what));
    let by = match read {
        Ok(summary) => {
            let who = match summary.subject {
                Subject::Master => "the master".to_owned(),
                Subject::Admin => "the operator".to_owned(),
                Subject::Node(id) => format!("node {id}"),
            };
            format!("{who} of cluster {}, key {}", summary.cluster, summary.key)
        }
        Err(error) => format!("nobody that can be named: {error}"),
    };
    let Some(trusted) = Trusted::find(&context.root).map_err(Failure::from)? else {
        return Ok(Signed { by, trusted: None, why: None });
    };
    let trusted = if is_cluster { trusted.master_alone() } else { trusted };
    match manifest.judge(id, &trusted) {
        Ok(()) => Ok(Signed { by, trusted: Some(true), why: None }),
        Err(error @ ManifestError::Signature { .. }) => {
            let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Ok(Signed { by, trusted: Some(false), why: Some(why) })
        }
        Err(source) => Err(failure(StoreError::Manifest { id: id.to_string(), source })),
    }
}

fn json(shown: &Shown, entries: Option<&[Entry]>) -> serde_json::Value {
    let one = &shown.summary;
    let mut value = json!({
        "id": one.id, "source": one.metadata.source, "cluster": one.metadata.cluster_id,
        "created_at": one.metadata.created_at, "generation": one.metadata.generation,
        "eos_version": one.metadata.eos_version, "entries": one.entries,
        "restore_bytes": one.restore_bytes, "bytes": one.stored_bytes,
        "parts": one.parts, "frames": one.frames, "full": one.is_full(),
        "borrowed_bytes": one.borrowed_bytes(), "restore": shown.restored,
        "signature": { "by": shown.signed.by, "trusted": shown.signed.trusted, "why": shown.signed.why },
        "stores": shown.stores, "readers": shown.readers,
    });
    if let Some(entries) = entries {
        value["entry_list"] = json!(entries);
    }
    value
}
