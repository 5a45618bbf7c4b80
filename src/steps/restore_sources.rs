//! Restores on a joining node what the nodes of its role have: each source of the cluster's configuration.
//!
//! The trees are not in the checkpoint of the saga, since they may be of any size: each restore keeps the tree
//! that was there before, and undoing exchanges again. A crash in the middle of one is dealt with by its journal.

use crate::client::holders::{self, Found};
use crate::client::snapshots::HttpSource;
use crate::client::{ClientError, MasterClient};
use crate::host::clock;
use crate::host::directory::Directory;
use crate::host::files::{self, Attributes};
use crate::host::inventory::decode;
use crate::host::paths;
use crate::host::root::Root;
use crate::journal::touch::absent;
use crate::model::explain::{Exit, Failure};
use crate::model::ids::SnapshotId;
use crate::model::progress::Event;
use crate::model::role::Role;
use crate::model::snapshots::{SnapshotConfig, SourceConfig};
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::snapshot::fetch::{Limiter, Patience, Request, Source};
use crate::snapshot::restore::{self, Order, Restore, RestoreError};
use crate::snapshot::store::{Command, DiskStore, Ended, count};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::restoring::{self, Job, Restored};
use crate::steps::tried::{self, Tried};
use crate::steps::trusted::Trusted;
use crate::steps::{Decision, Env, env, sources};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// What this step restored, in the order in which it did.
const RESTORED: &str = "var/lib/eos/restores/joined.yaml";

/// Its format.
const VERSION: u32 = 1;

/// How long holders are insisted on when others may have an older snapshot that does, as for a join.
pub(crate) const PATIENCE: Patience =
    Patience { failures: 5, first: Duration::from_millis(500), longest: Duration::from_secs(4) };

/// The step.
pub struct RestoreSources {
    decision: Decision,
}

/// What was begun, so that it can be undone: written before each restore.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    version: u32,
    sources: Vec<OneBegun>,
}

/// One restore of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneBegun {
    /// As it is configured.
    source: SourceConfig,
    /// The directories leading to it that were not there, the shallowest first.
    made: Vec<String>,
    /// When it was restored before, by another operation.
    before: Option<Timestamp>,
}

impl RestoreSources {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { decision: decision.clone() }
    }

    fn restore_all(&self, env: &Env) -> Result<Outcome, StepFailure> {
        let known = sources::known(&env.root, &self.decision.config)?;
        if known.iter().all(|source| source.roles.is_empty()) {
            return Ok(Outcome::Unchanged);
        }
        let client = env.member_client()?;
        let desired = |client: MasterClient| async move { client.desired().await };
        let role = env.until_answered("say what this node shall be", &client, desired)?.role;
        let mut begun = begun(env)?;
        let mut outcome = Outcome::Unchanged;
        for source in known.iter().filter(|source| source.roles.contains(&role)) {
            if self.restore_one(env, &client, &mut begun, source, role)? {
                outcome = Outcome::Done;
            }
        }
        Ok(outcome)
    }

    /// Whether there was a snapshot of it.
    fn restore_one(
        &self,
        env: &Env,
        client: &MasterClient,
        begun: &mut Begun,
        source: &SourceConfig,
        role: Role,
    ) -> Result<bool, StepFailure> {
        let note = |text: String| env.sink.emit(Event::Note { text });
        let name = &source.name;
        if let Some(before) = begun.sources.iter().find(|one| one.source.name == *name)
            && restored_at(env, source)? != before.before
        {
            // A run before this one was interrupted after it: another restore would take its place as that which
            // undoing returns to.
            return Ok(true);
        }
        let mut tried = Tried::default();
        // The master is asked each time, since it may know of other holders meanwhile.
        while let Some(found) = find(env, client, source, &tried)? {
            let (path, holders) = (&source.path, listed(&found));
            note(format!("nodes of role {role} have {name}: restoring {path} from {holders}"));
            begun.note(env, source)?;
            let failure = match counted(env, source, || self.pull(env, &undoable(source), &found)) {
                Ok(Restored { entries, restored_bytes, .. }) => {
                    note(format!("{name} is restored: {entries} entries, {restored_bytes} bytes"));
                    return Ok(true);
                }
                Err(failure) => Failure::from(failure),
            };
            if tried.failed(&found, &failure).is_err() {
                return Err(StepFailure::Below(failure));
            }
            note(tried::told(&found, name.as_str(), &failure));
        }
        match tried.fault {
            // Somebody has it, and it is not to be believed.
            Some(fault) => Err(StepFailure::Below(fault)),
            None => {
                env.sink.emit(missing(source, !tried.is_empty()));
                Ok(false)
            }
        }
    }

    fn pull(&self, env: &Env, source: &SourceConfig, found: &Found) -> Result<Restored, StepFailure> {
        let membership = env.membership()?;
        let connector = env::connector(&env.root, membership.address, env.runtime.clone())?.on(env.terms());
        let holders: Vec<HttpSource> =
            found.holders.iter().map(|holder| connector.source(holder)).collect::<Result<_, _>>()?;
        let asked: Vec<&dyn Source> = holders.iter().map(|holder| holder as &dyn Source).collect();
        let trusted = Trusted::of(&env.root)?;
        let config = &self.decision.config.snapshot;
        let limiter = config.bandwidth_bytes.map(Limiter::new);
        let request = Request {
            patience: PATIENCE,
            ..request(config, (&found.id, &asked), &trusted, limiter.as_ref())
        };
        let store = store(env)?;
        let order = order(env, source, true);
        let lease = || store.lease(&found.id, "eos bootstrap", clock::timestamp());
        let _lease = store.ids()?.contains(&found.id).then(lease).transpose()?;
        let (told, store) = (found.told.as_ref(), Some(&store));
        let job = Job { order, older: true, request, told, store, reread: false };
        let stop = || env.is_interrupted() || Instant::now() >= env.deadline;
        let (began, asked) = (Instant::now(), found.holders.first().map(|holder| holder.address));
        let restored = restoring::restore(&job, &stop, env.sink.as_ref());
        let restored = restored.map_err(|failure| match (Failure::from(failure), asked) {
            // Nobody but the clock stopped it.
            (failure, Some(address)) if failure.exit == Exit::Interrupted as u8 && !env.is_interrupted() => {
                let action = format!("GET /v1/snapshots/{} with all its parts", found.id);
                ClientError::TimedOut { address, action, waited: began.elapsed() }.into()
            }
            (failure, _) => StepFailure::Below(failure),
        });
        holders.iter().for_each(|holder| holder.leave(&found.id));
        restored
    }

    fn undo_all(env: &Env) -> Result<(), StepFailure> {
        for OneBegun { source, made, before } in begun(env)?.sources.iter().rev() {
            match Restore::begin(order(env, &undoable(source), false), env.sink.as_ref()) {
                // It was not even begun.
                Err(RestoreError::NoFolder { .. }) => {}
                begun if restored_at(env, source)? != *before => begun?.undo(env.sink.as_ref())?,
                begun => begun?.forget_progress()?,
            }
            for directory in made.iter().rev() {
                files::remove_empty_directory(&env.root.join(decode(directory)))?;
            }
        }
        Ok(())
    }
}

/// Has the node's store remember how a restore ended, for the agent's metrics; no restore fails for that.
fn counted(
    env: &Env,
    source: &SourceConfig,
    restore: impl FnOnce() -> Result<Restored, StepFailure>,
) -> Result<Restored, StepFailure> {
    let began = Instant::now();
    let restored = restore();
    let counted = match &restored {
        Ok(Restored { received_bytes, applying, .. }) => {
            let (took, received_bytes, applying) = (began.elapsed(), *received_bytes, *applying);
            count(&env.root, Ended::Restored { took, received_bytes, applying })
        }
        Err(failure) => {
            let code = failure.told_code();
            count(&env.root, Ended::Failed { command: Command::Restore, code: &code })
        }
    };
    if let Err(error) = counted {
        let text = format!("the metrics miss how the restore of {} ended: {error}", source.name);
        env.sink.emit(Event::Warning { text });
    }
    restored
}

fn order<'a>(env: &'a Env, source: &'a SourceConfig, make_folder: bool) -> Order<'a> {
    Order { root: &env.root, source, into: None, make_folder, holder: "eos bootstrap" }
}

/// What was there before is what undoing returns to, whatever the configuration says of later restores.
fn undoable(source: &SourceConfig) -> SourceConfig {
    SourceConfig { keep_previous: true, ..source.clone() }
}

/// How a snapshot is asked for.
pub(crate) fn request<'a>(
    config: &SnapshotConfig,
    (id, sources): (&'a SnapshotId, &'a [&'a dyn Source]),
    verifier: &'a Trusted,
    limiter: Option<&'a Limiter>,
) -> Request<'a> {
    Request {
        sources,
        connections: config.connections as usize,
        id,
        verifier,
        reserve_bytes: None,
        patience: Patience::default(),
        embed_bytes: config.embed_limit(),
        limiter,
    }
}

/// What is told when there is nothing to restore: a join does not fail for it.
fn missing(source: &SourceConfig, tried: bool) -> Event {
    let SourceConfig { name, path, .. } = source;
    match tried {
        false => {
            Event::Note { text: format!("no node has a snapshot of {name} yet, so {path} stays as it is") }
        }
        true => Event::Warning {
            text: format!(
                "no node that has a snapshot of {name} delivers it, so {path} stays as it is; when one is back: \
                 eos snapshot restore {name}"
            ),
        },
    }
}

/// Who has the newest snapshot of the source that was not tried; none when nobody has one.
fn find(
    env: &Env,
    client: &MasterClient,
    source: &SourceConfig,
    tried: &Tried,
) -> Result<Option<Found>, StepFailure> {
    let own = env.membership()?.node;
    let ask = |client: MasterClient| {
        let own = own.clone();
        async move {
            match holders::find(&client, source.name.as_str(), Some(&own)).await {
                Ok(found) => {
                    let held = |one: &Found| !one.holders.is_empty();
                    Ok(tried.next(found.candidates().into_iter().filter(held), &BTreeSet::new()))
                }
                Err(ClientError::Refused { failure, .. }) if UNKNOWN.contains(&failure.code.as_str()) => {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        }
    };
    env.until_answered(&format!("say who has {}", source.name), client, ask)
}

/// The codes of a master that knows of no such snapshot, or of none at all.
pub(crate) const UNKNOWN: [&str; 2] = ["EOS-M012", "EOS-M027"];

/// What was restored is the node's own from now on: no later rollback takes it away. What was there before goes
/// where the configuration says so.
///
/// # Errors
/// When that, or the record, cannot be removed.
pub(crate) fn keep(env: &Env) -> Result<(), StepFailure> {
    for OneBegun { source, .. } in begun(env)?.sources.iter().filter(|one| !one.source.keep_previous) {
        match Restore::begin(order(env, source, false), env.sink.as_ref()) {
            // It was begun, and there was no snapshot of it after all.
            Err(RestoreError::NoFolder { .. }) => {}
            begun => {
                begun?.forget_previous()?;
            }
        }
    }
    Ok(files::remove_file(&env.root.join(RESTORED))?)
}

/// Whether the join of this node restored sources and is not confirmed: undoing it needs what was there before.
///
/// # Errors
/// When the record cannot be looked for.
pub(crate) fn is_unconfirmed(root: &Root) -> Result<bool, StepFailure> {
    Ok(files::exists(&root.join(RESTORED))?)
}

/// When the source was restored last on this node.
fn restored_at(env: &Env, source: &SourceConfig) -> Result<Option<Timestamp>, StepFailure> {
    let last = restore::last(&env.root, source.name.as_str())?;
    Ok(last.and_then(|last| last.now).map(|now| now.restored_at))
}

fn listed(found: &Found) -> String {
    let names: Vec<&str> = found.holders.iter().map(|holder| holder.name.as_str()).collect();
    names.join(", ")
}

fn store(env: &Env) -> Result<DiskStore, StepFailure> {
    let path = env.root.join(paths::SNAPSHOTS);
    files::create_directory(&path, Attributes { mode: 0o700, owner: None })?;
    Ok(DiskStore::open(Directory::open(&path)?)?)
}

fn begun(env: &Env) -> Result<Begun, StepFailure> {
    let path = env.root.join(RESTORED);
    let Some(bytes) = files::read_optional(&path)? else { return Ok(Begun::default()) };
    let path = path.display().to_string();
    Begun::read(&bytes).map_err(|why| StepFailure::ClusterSources { path, why })
}

impl Begun {
    /// Reads a record of this version; says why it is none.
    fn read(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct OnlyVersion {
            version: u32,
        }
        // A later version may have fields that are unknown here.
        match serde_yaml::from_slice(bytes) {
            Ok(OnlyVersion { version: VERSION }) => {
                serde_yaml::from_slice(bytes).map_err(|error| error.to_string())
            }
            Ok(OnlyVersion { version }) => {
                Err(format!("it has version {version}, and this eos reads version {VERSION}"))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn note(&mut self, env: &Env, source: &SourceConfig) -> Result<(), StepFailure> {
        self.version = VERSION;
        // A run after a crash must not take what the one before it made for what was there.
        if self.sources.iter().any(|one| one.source.name == source.name) {
            return Ok(());
        }
        let folder = Path::new(source.path.trim_start_matches('/')).parent().unwrap_or(Path::new(""));
        let (made, before) = (absent(&env.root, folder)?, restored_at(env, source)?);
        self.sources.push(OneBegun { source: source.clone(), made, before });
        let path = env.root.join(RESTORED);
        if let Some(folder) = path.parent() {
            files::create_directory(folder, Attributes { mode: 0o700, owner: None })?;
        }
        let text = serde_yaml::to_string(self).expect("it has no failing serialiser");
        Ok(files::write_atomic(&path, text.as_bytes(), Attributes::SECRET)?)
    }
}

impl Step<Env> for RestoreSources {
    fn name(&self) -> &'static str {
        "restore-sources"
    }

    fn stage(&self) -> Stage {
        Stage::Snapshot
    }

    fn describe(&self) -> String {
        "restore the data that nodes of this role have".to_owned()
    }

    /// The trees themselves are put back by `undo`, and the records are of the step that makes directories.
    fn touches(&self) -> Vec<Touch> {
        Vec::new()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.restore_all(env).map_err(to_step)
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        Self::undo_all(env).map_err(to_step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_version_1_stays_readable() {
        let fixture = include_str!("../../tests/fixtures/v1/restore-joined.yaml");
        let begun = Begun::read(fixture.as_bytes()).expect("it is of version 1");
        let [one] = &begun.sources[..] else { panic!("{begun:?}") };
        assert_eq!((one.source.name.as_str(), one.source.keep_previous), ("metrics", false));
        assert_eq!((one.made.as_slice(), one.before), (&["srv".to_owned()][..], None));
        let written = serde_yaml::to_string(&begun).expect("it has no failing serialiser");
        assert_eq!(written, fixture);
        let later = fixture.replace("version: 1", "version: 2\nmore: 1");
        let why = Begun::read(later.as_bytes()).expect_err("a later one");
        assert_eq!(why, "it has version 2, and this eos reads version 1");
    }
}
