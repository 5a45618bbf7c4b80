//! `eos snapshot`: the snapshots of the cluster's own state that this node holds.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::cli::tarball::{self, PackArguments, UnpackArguments};
use crate::host::directory::Directory;
use crate::host::files;
use crate::host::paths;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::snapshot::store::{DiskStore, SnapshotStore, StoreError};
use crate::view;
use crate::view::units::bytes;
use clap::Subcommand;
use serde_json::json;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// List the snapshots
    List,
    /// Read every byte of a snapshot and name what is damaged
    Verify {
        /// Its id; all of them unless given
        id: Option<String>,
    },
    /// Pack a directory into one .tar.zst, which any zstd and tar restore; needs no cluster
    Pack(PackArguments),
    /// Unpack a .tar.zst from anywhere: all of it, or nothing; needs no cluster
    Unpack(UnpackArguments),
}

impl SnapshotCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::List => "snapshot list",
            Self::Verify { .. } => "snapshot verify",
            Self::Pack(_) => "snapshot pack",
            Self::Unpack(_) => "snapshot unpack",
        }
    }

    /// Whether Ctrl-C asks it to stop and to leave nothing behind.
    pub fn undoes_on_interrupt(&self) -> bool {
        matches!(self, Self::Pack(_) | Self::Unpack(_))
    }
}

/// The stores of this host that exist: the master's, and what the node pulled.
fn stores(context: &Context) -> Result<Vec<DiskStore>, Failure> {
    let mut stores = Vec::new();
    for path in [paths::MASTER_SNAPSHOTS, paths::SNAPSHOTS] {
        let path = context.root.join(path);
        if files::exists(&path).map_err(failure)? {
            stores.push(DiskStore::open(Directory::open(&path).map_err(failure)?).map_err(failure)?);
        }
    }
    Ok(stores)
}

/// Runs the command.
///
/// # Errors
/// When a store cannot be read, there is no such snapshot, or one is damaged.
pub fn run(context: &Context, command: SnapshotCommand) -> Result<Done, Failure> {
    match command {
        SnapshotCommand::List => list(context),
        SnapshotCommand::Verify { id } => verify(context, id.as_deref()),
        SnapshotCommand::Pack(arguments) => tarball::pack(context, &arguments),
        SnapshotCommand::Unpack(arguments) => tarball::unpack(context, &arguments),
    }
}

fn list(context: &Context) -> Result<Done, Failure> {
    let mut lines = Vec::new();
    for store in stores(context)? {
        lines.extend(store.list().map_err(failure)?.snapshots);
    }
    let rows: Vec<[String; 4]> = lines
        .iter()
        .map(|one| {
            let made = one.metadata.created_at.strftime("%Y-%m-%d %H:%M:%S");
            [one.id.to_string(), one.metadata.source.clone(), made.to_string(), bytes(one.stored_bytes)]
        })
        .collect();
    let text = view::snapshot::list(&rows);
    let listed: Vec<_> = lines
        .iter()
        .map(|one| {
            json!({
                "id": one.id, "source": one.metadata.source, "created_at": one.metadata.created_at,
                "bytes": one.stored_bytes, "restore_bytes": one.restore_bytes, "entries": one.entries,
            })
        })
        .collect();
    Ok(Done::new(json!({ "snapshots": listed }), text))
}

fn verify(context: &Context, id: Option<&str>) -> Result<Done, Failure> {
    let wanted = id.map(SnapshotId::parse).transpose();
    let wanted = wanted.map_err(|error| CliError::Usage { line: error.to_string() }.failure())?;
    let (mut text, mut damaged, mut sound) = (String::new(), Vec::new(), 0);
    for store in stores(context)? {
        for one in store.list().map_err(failure)?.snapshots {
            if wanted.as_ref().is_some_and(|wanted| *wanted != one.id) {
                continue;
            }
            let verification = store.verify(&one.id).map_err(failure)?;
            if verification.damage.is_empty() {
                sound += 1;
                text.push_str(&format!("{}  sound\n", one.id));
            }
            for damage in verification.damage {
                text.push_str(&format!("{}  damaged: {damage}\n", one.id));
                damaged.push(format!("{}: {damage}", one.id));
            }
        }
    }
    if let Some(id) = wanted.filter(|_| sound == 0 && damaged.is_empty()) {
        return Err(failure(StoreError::Unknown { id: id.to_string() }));
    }
    if !damaged.is_empty() {
        view::stderr(&text);
        return Err(failure(StoreError::Damaged { damage: damaged }));
    }
    Ok(Done::new(json!({ "sound": sound, "damaged": damaged }), text))
}
