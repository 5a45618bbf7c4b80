//! What the agent does for the storage monitor, which is confined: it stops and starts services, tells people, and
//! has container engines clean up.
//!
//! The monitor's status says what is wanted and the agent's record says what was done. Both are replaced whole, so
//! either may die at any instant: what lasts is compared anew, and what is done once is done again only when the
//! agent died between doing it and recording it.

pub mod engines;
mod halting;
mod notices;
#[cfg(test)]
mod tests;

use crate::agent::monitor::{MonitorError, load, operator, record};
use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::Services;
use crate::host::watch::FileWatch;
use crate::model::explain::Failure;
use crate::storage::config::Action;
use crate::storage::errand::{Errand, Errands};
use crate::storage::status::{ActionRecord, MonitorStatus, Outcome};
use crate::storage::{Level, StorageOps, is_fresh};
use halting::Done;
use jiff::Timestamp;
use notices::{Next, Telling};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often the status is looked at when nothing tells that it changed.
const LOOK: Duration = Duration::from_secs(60);

/// Does what the monitor asks for.
pub struct Attendant {
    root: Root,
    node: String,
    services: Arc<dyn Services>,
    runtime: Handle,
    /// Errands under way, and when each goes on.
    tellings: BTreeMap<String, (Telling, Instant)>,
    problem: Option<String>,
}

impl Attendant {
    /// For this node, by the name that people know it by; within the runtime that it will work in.
    pub fn new(root: Root, node: String, services: Arc<dyn Services>) -> Self {
        let runtime = Handle::current();
        Self { root, node, services, runtime, tellings: BTreeMap::new(), problem: None }
    }

    /// Works until it is dropped.
    pub async fn work(mut self) {
        let status = self.root.join(paths::MONITOR_STATUS);
        let mut watch = FileWatch::new(&status).ok();
        loop {
            let tended = tokio::task::spawn_blocking(move || {
                let next = self.tend();
                (self, next)
            });
            let next = match tended.await {
                Ok((attendant, next)) => {
                    self = attendant;
                    next
                }
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            };
            let pause = next.map_or(LOOK, |next| next.saturating_duration_since(Instant::now()).min(LOOK));
            let pause = pause.max(Duration::from_millis(10));
            let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + pause, pause);
            let lost = tokio::select! {
                lost = changed(&mut watch) => lost,
                _ = tick.tick() => watch.is_none(),
            };
            if lost {
                watch = FileWatch::new(&status).ok();
            }
        }
    }

    /// Does what is asked for now; returns when something is to be tried again.
    pub fn tend(&mut self) -> Option<Instant> {
        match self.tended() {
            Ok(next) => {
                self.problem = None;
                next
            }
            Err(error) => {
                let text = error.to_string();
                if self.problem.as_ref() != Some(&text) {
                    tracing::error!(%error, "what the storage monitor asks for is not done");
                }
                self.problem = Some(text);
                None
            }
        }
    }

    fn tended(&mut self) -> Result<Option<Instant>, MonitorError> {
        let status = operator::last_status(&self.root);
        // What a monitor wanted that does not live any more, nobody knows to be wanted still.
        let Some(status) = status.filter(|status| is_fresh(status, Timestamp::now())) else {
            return Ok(None);
        };
        let mut told = record(&self.root)?.unwrap_or_default();
        // To start services again, nothing but the record is needed.
        let ops = load(&self.root).map(|loaded| loaded.ops);
        let names = ops.as_ref().map_or(&[][..], |ops| &ops.services);
        self.tend_services(&status, names, &mut told)?;
        let ops = ops?;
        self.tellings.retain(|id, _| status.errands.iter().any(|errand| errand.id == *id));
        for errand in &status.errands {
            if !told.answered(&errand.id)
                && let Some(record) = self.carry_out(errand, &ops)
            {
                told.answer(Some(errand.id.clone()), record);
                self.keep(&told)?;
            }
        }
        Ok(self.tellings.values().map(|(_, next)| *next).min())
    }

    fn keep(&self, told: &Errands) -> Result<(), FileError> {
        keep(&self.root, told)
    }

    fn tend_services(
        &self,
        status: &MonitorStatus,
        names: &[String],
        told: &mut Errands,
    ) -> Result<(), MonitorError> {
        let mut kept = |told: &Errands| keep(&self.root, told).map_err(|error| Failure::of(&error));
        let services = self.services.as_ref();
        let (verb, done) = if status.services_stopped {
            ("stopped", halting::stop(services, names, told, &mut kept))
        } else {
            ("started again", halting::start(services, told, &mut kept))
        };
        let Some(Done { names, failure }) = done else { return Ok(()) };
        let fullest = status.mounts.iter().max_by_key(|mount| mount.level);
        let (mount, level) =
            fullest.map_or((PathBuf::from("/"), Level::Normal), |mount| (mount.path.clone(), mount.level));
        let outcome = if failure.is_some() { Outcome::Failed } else { Outcome::Done };
        let names = if names.is_empty() { "none that ran".to_owned() } else { names.join(", ") };
        let record = ActionRecord {
            detail: Some(format!("{verb}: {names}")),
            failure,
            ..ActionRecord::of((&mount, level, Action::StopServices), outcome, Timestamp::now())
        };
        told.answer(None, record);
        Ok(self.keep(told)?)
    }

    /// Carries out an errand that is due; its record, once it is over.
    fn carry_out(&mut self, errand: &Errand, ops: &StorageOps) -> Option<ActionRecord> {
        let record = |outcome| {
            let key: (&Path, Level, Action) = (&errand.mount, errand.level, errand.action);
            ActionRecord::of(key, outcome, Timestamp::now())
        };
        match (errand.action, &ops.notify) {
            (Action::Notify, Some(to)) => {
                let (telling, next) = self
                    .tellings
                    .entry(errand.id.clone())
                    .or_insert_with(|| (Telling::default(), Instant::now()));
                if *next > Instant::now() {
                    return None;
                }
                match telling.go_on(to, errand, &self.node, &self.runtime) {
                    Next::Again(pause) => {
                        *next = Instant::now() + pause;
                        None
                    }
                    Next::Over(failure) => {
                        self.tellings.remove(&errand.id);
                        let outcome = if failure.is_some() { Outcome::Failed } else { Outcome::Done };
                        Some(ActionRecord { failure, ..record(outcome) })
                    }
                }
            }
            (Action::PruneContainers, _) => Some(pruned(&self.root, ops, record(Outcome::Done))),
            // Nobody is to be told any more.
            _ => Some(record(Outcome::Planned)),
        }
    }
}

/// Has engines clean up.
fn pruned(root: &Root, ops: &StorageOps, record: ActionRecord) -> ActionRecord {
    let asked = engines::prune(root, ops.retention.cache, false);
    let failure = asked.iter().find_map(|pruned| pruned.failure.clone());
    let said = asked
        .iter()
        .map(|pruned| format!("{}: {}", pruned.command[0], pruned.said.as_deref().unwrap_or("not told")));
    let detail = if asked.is_empty() {
        "no container engine is here".to_owned()
    } else {
        said.collect::<Vec<_>>().join(", ")
    };
    ActionRecord {
        bytes: asked.iter().filter_map(|pruned| pruned.bytes).sum(),
        outcome: if failure.is_some() { Outcome::Failed } else { record.outcome },
        detail: Some(detail),
        failure,
        ..record
    }
}

fn keep(root: &Root, told: &Errands) -> Result<(), FileError> {
    let bytes = serde_json::to_vec_pretty(told).expect("a record is plain data");
    files::write_atomic(&root.join(paths::STORAGE_ERRANDS), &bytes, Attributes::PUBLIC)
}

/// Returns when the status may have changed; whether the watch on it was lost.
async fn changed(watch: &mut Option<FileWatch>) -> bool {
    match watch {
        Some(watch) => watch.changed().await.is_err(),
        None => std::future::pending().await,
    }
}
