//! `eos snapshot list`: the snapshots of this host's stores.

use super::stores;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::paths;
use crate::model::explain::Failure;
use crate::snapshot::restore;
use crate::snapshot::store::{Download, SnapshotStore};
use crate::view;
use crate::view::snapshot::Listed;
use serde_json::{Value, json};

/// Lists them, store by store, the newest first.
pub(super) fn run(context: &Context) -> Result<Done, Failure> {
    let told = restore::told(&context.root).map_err(failure)?;
    let standing = |id: &str| {
        let now = told.iter().filter_map(|told| told.last.as_ref()?.now.as_ref());
        now.filter(|now| now.id.as_str() == id).map(|now| now.restored_at).max()
    };
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    let (mut downloads, mut begun) = (Vec::new(), Vec::new());
    for store in stores(context)? {
        let path = store.path().to_owned();
        let of_master = path == context.root.join(paths::MASTER_SNAPSHOTS);
        for summary in store.list().map_err(failure)?.snapshots {
            let restored_at = standing(summary.id.as_str());
            let store = if of_master { "master" } else { "node" };
            let one = Listed { summary, store, restored_at };
            listed.push(entry(&one, &path.display().to_string()));
            rows.push(one);
        }
        for one in store.downloads().map_err(failure)? {
            begun.push(download(&one, &path.display().to_string()));
            downloads.push(one);
        }
    }
    let text = view::snapshot::list(&rows) + &view::downloads::list(&downloads);
    Ok(Done::new(json!({ "snapshots": listed, "downloads": begun }), text))
}

/// What is told of a download that is not finished.
pub(super) fn download(one: &Download, store: &str) -> Value {
    let metadata = one.metadata.as_ref();
    json!({
        "id": one.id, "source": metadata.map(|of| &of.source), "created_at": metadata.map(|of| of.created_at),
        "bytes": one.bytes, "touched_at": one.touched_at, "runs": one.runs, "store": store,
    })
}

fn entry(one: &Listed, store: &str) -> Value {
    let summary = &one.summary;
    json!({
        "id": summary.id, "source": summary.metadata.source, "created_at": summary.metadata.created_at,
        "generation": summary.metadata.generation, "bytes": summary.stored_bytes,
        "restore_bytes": summary.restore_bytes, "entries": summary.entries,
        "full": summary.is_full(), "borrowed_bytes": summary.borrowed_bytes(),
        "store": store, "restored_at": one.restored_at,
    })
}
