//! Pulls the cluster's own snapshot, verifies every frame, and puts it in place with one exchange.
//!
//! What was downloaded and verified stays on disk, so a crash costs less than one frame; the old
//! tree stays until the new one is in place, by one exchange of names.

use crate::client::snapshots::HttpSource;
use crate::client::{ClientError, MasterClient};
use crate::host::clock;
use crate::host::directory::{Directory, DirectoryError};
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::model::snapshots::SnapshotConfig;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::snapshot::fetch::{self, FetchError, Fetched, Limiter, Source};
use crate::snapshot::store::{DiskStore, SnapshotStore};
use crate::snapshot::unpack::{self, Policy};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::restore_sources::request;
use crate::steps::trusted::Trusted;
use crate::steps::{Decision, Env};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

const STAGING: &str = "cluster.new";
const TARGET: &str = "cluster";

/// The step.
pub struct PullSnapshot {
    config: SnapshotConfig,
}

impl PullSnapshot {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { config: decision.config.snapshot.clone() }
    }
}

fn download(env: &Env, store: &DiskStore, config: &SnapshotConfig) -> Result<Fetched, StepFailure> {
    let client = env.member_client()?;
    let master = client.address();
    let verifier = Trusted::of(&env.root)?.master_alone();
    let latest = |client: MasterClient| async move { client.latest_snapshot().await };
    let id = env.until_answered("name its newest snapshot", &client, latest)?.id;
    let source = HttpSource::new(client, env.runtime.clone());
    let staging = store.begin_download(&id)?;
    let limiter = config.bandwidth_bytes.map(Limiter::new);
    let sources: [&dyn Source; 1] = [&source];
    let request = request(config, (&id, &sources), &verifier, limiter.as_ref());
    let began = Instant::now();
    let stop = || env.is_interrupted() || Instant::now() >= env.deadline;
    let fetched = fetch::fetch(&request, staging.directory(), &stop, env.sink.as_ref());
    let fetched = fetched.map_err(|error| match error {
        // Nobody but the clock stopped it.
        FetchError::Interrupted { .. } if !env.is_interrupted() => {
            let action = format!("GET /v1/snapshots/{id} with all its parts");
            ClientError::TimedOut { address: master, action, waited: began.elapsed() }.into()
        }
        other => StepFailure::from(other),
    })?;
    store.publish(staging, &fetched.signed)?;
    Ok(fetched)
}

fn pull(env: &Env, config: &SnapshotConfig) -> Result<(), StepFailure> {
    let path = env.root.join(paths::SNAPSHOTS);
    files::create_directory(&path, Attributes { mode: 0o700, owner: None })?;
    let state = Directory::open(&env.root.join(paths::STATE))?;
    // Of a run before this one: what was not put in place, or what was replaced.
    state.remove_tree(OsStr::new(STAGING))?;
    let store = DiskStore::open(Directory::open(&path)?)?;
    let fetched = download(env, &store, config)?;
    let _lease = store.lease(&fetched.signed.id(), "eos bootstrap", clock::timestamp())?;
    // Under another user than root, owners cannot be given away; modes and contents hold all the same.
    let policy = Policy { owners: rustix::process::geteuid().is_root(), ..Policy::default() };
    unpack::unpack(&fetched.manifest, &store, &state, OsStr::new(STAGING), &policy, env.sink.as_ref())?;
    Ok(put_in_place(&state)?)
}

/// One exchange, so that a crash leaves the old tree or the new one under the name, and a run after it begins anew.
/// The way back is the checkpoint, and the journal that of the bootstrap.
fn put_in_place(state: &Directory) -> Result<(), DirectoryError> {
    let (staged, target) = (OsStr::new(STAGING), OsStr::new(TARGET));
    match state.metadata_optional(target)? {
        Some(_) => state.exchange(staged, state, target)?,
        None => state.rename_new(staged, state, target)?,
    }
    state.sync()?;
    state.remove_tree(staged)
}

impl Step<Env> for PullSnapshot {
    fn name(&self) -> &'static str {
        "pull-snapshot"
    }

    fn stage(&self) -> Stage {
        Stage::Snapshot
    }

    fn describe(&self) -> String {
        "pull and verify the cluster's snapshot".to_owned()
    }

    fn touches(&self) -> Vec<Touch> {
        let state = |name: &str| Touch::Tree(Path::new(paths::STATE).join(name));
        vec![Touch::Tree(paths::SNAPSHOTS.into()), state(TARGET), state(STAGING)]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        pull(env, &self.config).map(|()| Outcome::Done).map_err(to_step)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::cut;
    use std::fs;

    #[test]
    fn a_death_or_an_error_at_any_change_leaves_the_old_tree_or_the_new_one() {
        for (with_old, dies) in [(true, true), (true, false), (false, true), (false, false)] {
            for changes in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let tree = |name: &str, which: &str| {
                    fs::create_dir_all(folder.path().join(name).join("sub")).unwrap();
                    for file in ["which", "sub/which"] {
                        fs::write(folder.path().join(name).join(file), which).unwrap();
                    }
                };
                tree(STAGING, "new");
                if with_old {
                    tree(TARGET, "old");
                }
                let state = Directory::open(folder.path()).unwrap();
                let (placed, cut) = match dies {
                    true => cut::after(changes, || put_in_place(&state)),
                    false => cut::failing(changes, || put_in_place(&state)),
                };
                let read = |file: &str| fs::read_to_string(folder.path().join(TARGET).join(file)).ok();
                let found = read("which");
                assert_eq!(found, read("sub/which"), "change {changes}");
                match found.as_deref() {
                    Some("new") => {}
                    Some("old") => assert!(with_old && placed.is_err(), "change {changes}"),
                    other => assert!(other.is_none() && !with_old && placed.is_err(), "change {changes}"),
                }
                if !cut {
                    placed.unwrap();
                    assert_eq!(state.list().unwrap(), [TARGET]);
                    break;
                }
            }
        }
    }
}
