//! `eos snapshot create`: captures sources of this node into its store.

use super::{LONGEST, counting, milliseconds};
use crate::agent::{holdings, monitor};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::directory::{Directory, Kind};
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::{clock, root::Root};
use crate::identity::key::PrivateKey;
use crate::identity::membership::Membership;
use crate::model::config::DEFAULT_AGENT_PORT;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::model::snapshots;
use crate::model::snapshots::{RetentionConfig, SourceConfig};
use crate::snapshot::create::{self, Made, Order};
use crate::snapshot::manifest::{SealError, Signer};
use crate::snapshot::retention::Rule;
use crate::snapshot::store::{Command, DiskStore, Ended};
use crate::view;
use crate::view::progress::Progress;
use clap::Args;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What `eos snapshot create` takes.
#[derive(Debug, Args)]
pub struct CreateArguments {
    /// Sources of snapshot.sources in the configuration; all of them unless given
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Capture this directory or SQLite database instead, which no configuration names
    #[arg(long, value_name = "PATH", requires = "name", conflicts_with = "sources")]
    path: Option<PathBuf>,
    /// How the source at --path is called
    #[arg(long, value_name = "NAME", requires = "path")]
    name: Option<String>,
    /// Make a snapshot although nothing changed since the one before
    #[arg(long)]
    force: bool,
    /// Borrow nothing from earlier snapshots, so that zstd and tar alone restore this one; implies --force
    #[arg(long)]
    full: bool,
}

/// Signs with the key of this node.
struct NodeSigner {
    key: PrivateKey,
    certificate: String,
}

impl NodeSigner {
    fn of(root: &Root) -> Result<Self, Failure> {
        let text = |path: &str| {
            files::read(&root.join(path))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(failure)
        };
        let key = PrivateKey::parse(&text(paths::NODE_KEY)?).map_err(failure)?;
        Ok(Self { key, certificate: text(paths::NODE_CERTIFICATE)? })
    }
}

impl Signer for NodeSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.sign(message).map_err(Into::into)
    }

    fn certificate_pem(&self) -> &str {
        &self.certificate
    }
}

/// What captures need.
struct Ready {
    membership: Membership,
    retention: RetentionConfig,
    signer: NodeSigner,
    sources: Vec<SourceConfig>,
    store: DiskStore,
    /// Where this node's agent hands snapshots out.
    port: u16,
}

impl Ready {
    fn of(context: &Context, arguments: &CreateArguments) -> Result<Self, Failure> {
        let config = context.resolve(Vec::new())?.config;
        let port = config.node.agent_port.unwrap_or(DEFAULT_AGENT_PORT);
        let config = config.snapshot;
        let membership = context.membership()?;
        let signer = NodeSigner::of(&context.root)?;
        let sources = chosen(context, config.sources, arguments)?;
        let path = context.root.join(paths::SNAPSHOTS);
        files::create_directory(&path, Attributes { mode: 0o700, owner: None }).map_err(failure)?;
        let store = DiskStore::open(Directory::open(&path).map_err(failure)?).map_err(failure)?;
        Ok(Self { membership, retention: config.retention, signer, sources, store, port })
    }
}

/// Captures the sources, one after the other; one that fails does not keep the others from it.
pub(super) fn run(context: &Context, arguments: &CreateArguments) -> Result<Done, Failure> {
    let missed = |failure: &Failure| counting::failed(context, Command::Capture, failure);
    let ready = Ready::of(context, arguments).inspect_err(missed)?;
    monitor::snapshots_refused(&context.root).map_err(failure).inspect_err(missed)?;
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    progress.emit(Event::Phase { name: "capture".to_owned() });
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    for source in &ready.sources {
        let began = Instant::now();
        match capture(context, &ready, arguments, source, &progress).inspect_err(missed) {
            Ok(one) => {
                counting::count(context, captured(&one, began.elapsed()));
                made.push((source, one, began.elapsed()));
            }
            Err(error) => failed.push((source, error)),
        }
    }
    // The snapshots are made, whatever becomes of old ones.
    let not_pruned = published(&ready.store, &ready.retention).inspect_err(missed).err();
    if let Some(error) = &not_pruned {
        let text = format!("old snapshots may stay: error[{}]: {}", error.code, error.message);
        progress.emit(Event::Warning { text });
    }
    if made.iter().any(|(_, one, _)| !one.unchanged)
        && let Err(error) = told(context, &ready)
    {
        let text = format!(
            "others have the snapshot before as the newest until this node's agent reaches the master: error[{}]: {}",
            error.code, error.message
        );
        progress.emit(Event::Warning { text });
    }
    progress.finish();
    conclude(context, &made, failed, not_pruned)
}

fn capture(
    context: &Context,
    ready: &Ready,
    arguments: &CreateArguments,
    source: &SourceConfig,
    progress: &Progress,
) -> Result<Made, Failure> {
    let order = Order {
        root: &context.root,
        source,
        cluster: &ready.membership.cluster,
        signer: &ready.signer,
        eos_version: env!("CARGO_PKG_VERSION"),
        now: clock::timestamp(),
        force: arguments.force || arguments.full,
        full: arguments.full,
    };
    let paused = Cell::new(None);
    let made = create::create(&order, &ready.store, (&context.interrupted, progress), &paused);
    if let (Err(_), Some(paused)) = (&made, paused.get()) {
        // Writers were held off all the same.
        counting::count(context, Ended::Paused { paused });
    }
    made.map_err(failure)
}

/// The same for the counts.
fn captured(made: &Made, took: Duration) -> Ended<'static> {
    let Made { unchanged, counts, stored_bytes, paused, .. } = made;
    Ended::Captured {
        took,
        unchanged: *unchanged,
        read_bytes: counts.read_bytes,
        // Nothing is borrowed for a snapshot that is not made.
        borrowed_bytes: if *unchanged { 0 } else { counts.borrowed_bytes },
        stored_bytes: *stored_bytes,
        excluded: counts.excluded,
        paused: paused.unwrap_or_default(),
    }
}

/// What is done once snapshots were published: old ones go, but never the newest, nor what is being read.
fn published(store: &DiskStore, retention: &RetentionConfig) -> Result<(), Failure> {
    let count = retention.count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let rule = Rule { count, age_seconds: retention.age_seconds, bytes: retention.bytes };
    if rule == Rule::default() {
        return Ok(());
    }
    let pruned = store.prune(&rule, clock::timestamp(), &BTreeSet::new(), false).map_err(failure)?;
    tracing::debug!(count = pruned.dropped().len(), "old snapshots were removed");
    Ok(())
}

/// The sources that were named.
fn chosen(
    context: &Context,
    configured: Vec<SourceConfig>,
    arguments: &CreateArguments,
) -> Result<Vec<SourceConfig>, Failure> {
    let usage = |line: String| CliError::Usage { line }.failure();
    if let (Some(path), Some(name)) = (&arguments.path, &arguments.name) {
        return ad_hoc(context, path, name).map_err(usage);
    }
    if arguments.sources.is_empty() && configured.is_empty() {
        let line = "no sources are configured on this node: name one by --path and --name, or list some in \
                    snapshot.sources";
        let hints = vec![
            "capture one without configuration: eos snapshot create --path DIR --name NAME".to_owned(),
            "see what is configured, and where: eos config show --origin".to_owned(),
        ];
        return Err(Failure { hints, ..usage(line.to_owned()) });
    }
    for name in &arguments.sources {
        if !configured.iter().any(|source| source.name.as_str() == name) {
            let known: Vec<&str> = configured.iter().map(|source| source.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let line = format!(
                "there is no source {name} in snapshot.sources of this node's configuration; there are: {known}"
            );
            let hints = vec![
                "see what is configured, and where: eos config show --origin".to_owned(),
                format!("or capture a path under this name: eos snapshot create --path DIR --name {name}"),
            ];
            return Err(Failure { hints, ..usage(line) });
        }
    }
    let wanted = |source: &SourceConfig| {
        arguments.sources.is_empty() || arguments.sources.iter().any(|name| source.name.as_str() == name)
    };
    Ok(configured.into_iter().filter(wanted).collect())
}

/// A source that no configuration names: a directory, or a database if a file is there.
fn ad_hoc(context: &Context, path: &Path, name: &str) -> Result<Vec<SourceConfig>, String> {
    let text = path.to_str().ok_or_else(|| format!("--path {}: it must be UTF-8", path.display()))?;
    let place = context.root.join(text.trim_start_matches('/'));
    let found = match (place.parent().map(Directory::open), place.file_name()) {
        (Some(Ok(parent)), Some(name)) => {
            parent.metadata_optional(name).map_err(|error| error.to_string())?
        }
        // The capture tells that there is nothing.
        _ => None,
    };
    let is_file = found.is_some_and(|found| found.kind == Kind::File);
    let engine = if is_file { "sqlite" } else { "directory" };
    let one: [(&str, &str); 3] = [("name", name), ("path", text), ("engine", engine)];
    let fields = one.map(|(key, value)| (serde_yaml::Value::from(key), serde_yaml::Value::from(value)));
    let one = serde_yaml::Value::Mapping(fields.into_iter().collect());
    snapshots::sources(&serde_yaml::Value::Sequence(vec![one])).map_err(|fault| fault.to_string())
}

/// Tells the master at once what this node's agent would tell it soon: whoever asks for the newest snapshot after this
/// command gets the one that it made.
fn told(context: &Context, ready: &Ready) -> Result<(), Failure> {
    holdings::settle(&ready.store, ready.port, |held| {
        context.ask(async |master| holdings::tell(master, held).await)
    })
}

fn conclude(
    context: &Context,
    made: &[(&SourceConfig, Made, Duration)],
    mut failed: Vec<(&SourceConfig, Failure)>,
    not_pruned: Option<Failure>,
) -> Result<Done, Failure> {
    let listed: Vec<Value> = made.iter().map(|(source, one, took)| json(source, one, *took)).collect();
    let text: String = made
        .iter()
        .map(|(source, one, took)| view::snapshot::created(source.name.as_str(), one, *took))
        .collect();
    let not_pruned = not_pruned.map(|error| json!({ "code": error.code, "message": error.message }));
    if failed.is_empty() {
        let unchanged = made.iter().all(|(_, one, _)| one.unchanged);
        let done = Done::new(json!({ "snapshots": listed, "not_pruned": not_pruned }), text);
        return Ok(if unchanged { done.outcome("no-change") } else { done });
    }
    view::stderr(&text);
    let told: Vec<Value> = failed
        .iter()
        .map(|(source, error)| json!({ "source": source.name, "code": error.code, "message": error.message }))
        .collect();
    context.put_beside(json!({ "snapshots": listed, "failed": told, "not_pruned": not_pruned }));
    let (source, first) = failed.remove(0);
    for (source, error) in &failed {
        view::stderr(&format!("source {}: error[{}]: {}\n", source.name, error.code, error.message));
    }
    view::stderr(&format!("source {}:\n", source.name));
    Err(first)
}

fn json(source: &SourceConfig, one: &Made, took: Duration) -> Value {
    json!({
        "id": one.id, "source": source.name, "generation": one.generation, "unchanged": one.unchanged,
        "new_bytes": one.stored_bytes, "borrowed_bytes": one.counts.borrowed_bytes,
        "read_bytes": one.counts.read_bytes, "files": one.counts.files, "files_read": one.counts.files_read,
        "excluded": one.counts.excluded,
        "milliseconds": milliseconds(took), "paused_milliseconds": one.paused.map(milliseconds),
    })
}
