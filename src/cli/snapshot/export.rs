//! `eos snapshot export`: a full snapshot as files that any zstd and tar restore, with its signed manifest.

use super::{LONGEST, meant, reader, stores};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::tarball::place;
use crate::host::clock;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::snapshot::store::StoreError;
use crate::snapshot::tarball::TarballError;
use crate::view;
use crate::view::progress::Progress;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

/// What `eos snapshot export` takes.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Its id, or at least 8 characters of the beginning
    id: String,
    /// The directory to make; it must not exist or be empty, and its path is taken as it is, not below --root
    directory: PathBuf,
}

/// Exports one snapshot.
pub(super) fn run(context: &Context, arguments: &ExportArguments) -> Result<Done, Failure> {
    let stores = stores(context)?;
    let id = meant(&stores, &arguments.id)?;
    let mut holding = None;
    for store in &stores {
        if holding.is_none() && store.ids().map_err(failure)?.contains(&id) {
            holding = Some(store);
        }
    }
    let store = holding.ok_or_else(|| failure(StoreError::Unknown { id: id.to_string() }))?;
    let _lease = store.lease(&id, &reader("export"), clock::timestamp()).map_err(failure)?;
    let (parent, path) = place(&arguments.directory)?;
    let name = path.file_name().unwrap_or_default();
    let is_new = parent.metadata_optional(name).map_err(failure)?.is_none();
    let into = parent.ensure_directory(name, 0o700).map_err(failure)?;
    if !into.list().map_err(failure)?.is_empty() {
        return Err(failure(TarballError::Occupied { path }));
    }
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    progress.emit(Event::Phase { name: "export".to_owned() });
    let exported = store.export(&id, &into, &context.interrupted, &progress);
    progress.finish();
    if exported.is_err() && is_new {
        parent.remove_empty_directory(name).map_err(failure)?;
    }
    let exported = exported.map_err(failure)?;
    parent.sync().map_err(failure)?;
    let command = view::snapshot::by_hand(&path);
    let result = json!({
        "id": id, "directory": path.display().to_string(), "parts": exported.parts, "bytes": exported.bytes,
        "linked": exported.linked, "restore_command": command,
    });
    Ok(Done::new(result, view::snapshot::exported(&path, exported, &command)))
}
