//! `eos snapshot`: the snapshots that this node makes and holds, and those of others.

mod counting;
mod create;
mod export;
mod instead;
mod list;
mod previous;
mod prune;
pub mod pull;
mod recover;
pub mod restore;
mod show;
mod verify;

use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::cli::tarball::{self, PackArguments, UnpackArguments};
use crate::host::directory::Directory;
use crate::host::files;
use crate::host::paths;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::snapshot::store::{DiskStore, resolve};
use crate::view;
use clap::Subcommand;
use create::CreateArguments;
use export::ExportArguments;
use prune::PruneArguments;
use pull::PullArguments;
use restore::RestoreArguments;
use std::collections::BTreeSet;
use std::time::Duration;

/// Until when progress counts on an end: what goes on has no deadline of its own.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// A time as it stands in a result.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Capture sources of this node, reading only what changed since the snapshot before
    Create(CreateArguments),
    /// List the snapshots of this host, or of the whole cluster
    List {
        /// Every snapshot that a node holds, with the nodes; only on the master's host
        #[arg(long)]
        cluster: bool,
    },
    /// Show what a snapshot holds, who signed it and who reads it
    Show {
        /// Its id, or at least 8 characters of the beginning
        id: String,
        /// List its entries too
        #[arg(long)]
        entries: bool,
    },
    /// Read every byte of a snapshot and name what is damaged
    Verify {
        /// Its id, or at least 8 characters of the beginning; all of them unless given
        id: Option<String>,
        /// Look only at manifests and at the sizes of parts, and read no part
        #[arg(long)]
        quick: bool,
    },
    /// Put a snapshot in the place of what is there, by one exchange, with the hooks of its source
    Restore(RestoreArguments),
    /// Finish or take back what a crash left of captures and restores; the agent has it run whenever it starts
    Recover,
    /// Remove old snapshots, but never the newest of a source or what is being read; or what restores replaced
    Prune(PruneArguments),
    /// Fetch a snapshot from those who hold it, so that this node holds it too
    Pull(PullArguments),
    /// Put a full snapshot into a directory as part-000000.tar.zst and so on, which any zstd and tar restore
    Export(ExportArguments),
    /// Pack a directory into one .tar.zst, which any zstd and tar restore; needs no cluster
    Pack(PackArguments),
    /// Unpack a .tar.zst from anywhere: all of it, or nothing; needs no cluster
    Unpack(UnpackArguments),
}

impl SnapshotCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "snapshot create",
            Self::List { .. } => "snapshot list",
            Self::Show { .. } => "snapshot show",
            Self::Verify { .. } => "snapshot verify",
            Self::Restore(_) => "snapshot restore",
            Self::Recover => "snapshot recover",
            Self::Prune(_) => "snapshot prune",
            Self::Pull(_) => "snapshot pull",
            Self::Export(_) => "snapshot export",
            Self::Pack(_) => "snapshot pack",
            Self::Unpack(_) => "snapshot unpack",
        }
    }

    /// Whether Ctrl-C asks it to stop and to leave nothing behind.
    pub fn undoes_on_interrupt(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Export(_) | Self::Pack(_) | Self::Unpack(_) | Self::Restore(_))
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

/// The snapshot that a person means by an id or its beginning, in any of the stores.
fn meant(stores: &[DiskStore], text: &str) -> Result<SnapshotId, Failure> {
    let mut known = BTreeSet::new();
    for store in stores {
        known.extend(store.ids().map_err(failure)?);
    }
    resolve(&known, text).map_err(failure)
}

/// As whom this process reads a snapshot.
fn reader(command: &str) -> String {
    format!("eos snapshot {command} (process {})", std::process::id())
}

/// Runs the command.
///
/// # Errors
/// When a store cannot be read or changed, there is no such snapshot, or one is damaged.
pub fn run(context: &Context, command: SnapshotCommand) -> Result<Done, Failure> {
    match command {
        SnapshotCommand::Create(arguments) => create::run(context, &arguments),
        SnapshotCommand::List { cluster: true } => holdings(context),
        SnapshotCommand::List { cluster: false } => list::run(context),
        SnapshotCommand::Show { id, entries } => show::run(context, &id, entries),
        SnapshotCommand::Verify { id, quick } => verify::run(context, id.as_deref(), quick),
        SnapshotCommand::Restore(arguments) => restore::run(context, &arguments),
        SnapshotCommand::Recover => recover::run(context),
        SnapshotCommand::Prune(arguments) => prune::run(context, &arguments),
        SnapshotCommand::Pull(arguments) => pull::run(context, &arguments),
        SnapshotCommand::Export(arguments) => export::run(context, &arguments),
        SnapshotCommand::Pack(arguments) => tarball::pack(context, &arguments),
        SnapshotCommand::Unpack(arguments) => tarball::unpack(context, &arguments),
    }
}

/// Who holds what in the whole cluster.
fn holdings(context: &Context) -> Result<Done, Failure> {
    let client = context.operator("snapshot list --cluster")?;
    let held = context.block_on(client.holdings()).map_err(failure)?;
    let text = view::snapshot::holdings(&held);
    Ok(Done::new(json(&held), text))
}
