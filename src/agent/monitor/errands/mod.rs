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

use crate::agent::monitor::{MonitorError, clock, load, operator, record};
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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often the status is looked at when nothing tells that it changed.
const LOOK: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// What the agent does for the monitor, each beside the others: a program that takes its time, or an engine that has
/// much to remove, holds up no service that is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// To stop and start services.
    Services,
    /// To tell people.
    Notices,
    /// To have container engines clean up.
    Engines,
}

impl Duty {
    const ALL: [Self; 3] = [Self::Services, Self::Notices, Self::Engines];

    /// Whose errand it is.
    fn of(errand: &Errand) -> Self {
        if errand.action == Action::PruneContainers { Self::Engines } else { Self::Notices }
    }
}

/// Does what the monitor asks for.
pub struct Attendant {
    root: Root,
    node: String,
    services: Arc<dyn Services>,
    runtime: Handle,
    duties: Vec<Duty>,
    /// Held while the record is read and replaced.
    writing: Arc<Mutex<()>>,
    /// Errands under way, and when each goes on.
    tellings: BTreeMap<String, (Telling, Instant)>,
    /// When it was last noted that the node is up.
    noted: Option<Instant>,
    problem: Option<String>,
}

impl Attendant {
    /// For this node, by the name that people know it by; within the runtime that it will work in.
    pub fn new(root: Root, node: String, services: Arc<dyn Services>) -> Self {
        let (runtime, duties, writing) = (Handle::current(), Duty::ALL.to_vec(), Arc::default());
        let tellings = BTreeMap::new();
        Self { root, node, services, runtime, duties, writing, tellings, noted: None, problem: None }
    }

    /// Works until it is dropped.
    pub async fn work(self) {
        let [services, notices, engines] = Duty::ALL.map(|duty| Self {
            root: self.root.clone(),
            node: self.node.clone(),
            services: Arc::clone(&self.services),
            runtime: self.runtime.clone(),
            duties: vec![duty],
            writing: Arc::clone(&self.writing),
            tellings: BTreeMap::new(),
            noted: None,
            problem: None,
        });
        tokio::join!(services.watch(), notices.watch(), engines.watch());
    }

    /// Does its duties whenever the status changes, until it is dropped.
    async fn watch(mut self) {
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

    /// Does what is asked for at this moment; returns when something is to be tried again.
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
        for duty in self.duties.clone() {
            match duty {
                Duty::Services => self.tend_services(&status)?,
                Duty::Notices | Duty::Engines => self.tend_errands(&status, duty)?,
            }
        }
        Ok(self.tellings.values().map(|(_, next)| *next).min())
    }

    fn tend_errands(&mut self, status: &MonitorStatus, duty: Duty) -> Result<(), MonitorError> {
        let ops = load(&self.root)?.ops;
        self.tellings.retain(|id, _| status.errands.iter().any(|errand| errand.id == *id));
        for errand in status.errands.iter().filter(|errand| Duty::of(errand) == duty) {
            if !record(&self.root)?.unwrap_or_default().answered(&errand.id)
                && let Some(done) = self.carry_out(errand, &ops)
            {
                let _alone = self.alone();
                let mut told = record(&self.root)?.unwrap_or_default();
                told.answer(Some(errand.id.clone()), done);
                self.keep(&told)?;
            }
        }
        Ok(())
    }

    /// Nobody else replaces the record meanwhile.
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes once an hour that the node is up, while the monitor takes its clock for right.
    fn note_clock(&mut self, status: &MonitorStatus) -> Result<(), FileError> {
        let due = self.noted.is_none_or(|noted| noted.elapsed() >= HOUR);
        if due && status.clock.is_some() && status.clock_jumped_seconds.is_none() {
            clock::note(&self.root)?;
            self.noted = Some(Instant::now());
        }
        Ok(())
    }

    fn keep(&self, told: &Errands) -> Result<(), FileError> {
        keep(&self.root, told)
    }

    fn tend_services(&mut self, status: &MonitorStatus) -> Result<(), MonitorError> {
        self.stop_or_start(status)?;
        // After them: a disk that is too full for a note is the one for which services are stopped.
        Ok(self.note_clock(status)?)
    }

    fn stop_or_start(&self, status: &MonitorStatus) -> Result<(), MonitorError> {
        let _alone = self.alone();
        let mut told = record(&self.root)?.unwrap_or_default();
        let mut kept = |told: &Errands| keep(&self.root, told).map_err(|error| Failure::of(&error));
        let services = self.services.as_ref();
        // To start services again, nothing but the record is needed.
        let ops = load(&self.root).map(|loaded| loaded.ops);
        let names = ops.as_ref().map_or(&[][..], |ops| &ops.services);
        let (verb, done) = if status.services_stopped {
            ("stopped", halting::stop(services, names, &mut told, &mut kept))
        } else {
            ("started again", halting::start(services, &mut told, &mut kept))
        };
        let Some(Done { names, failure }) = done else { return ops.map(drop) };
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
        self.keep(&told)?;
        ops.map(drop)
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
