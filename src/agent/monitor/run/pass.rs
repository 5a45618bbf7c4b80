//! One pass of the monitor: sample every mount, decide what is due, and write down what was found.

use crate::agent::monitor::actions::{Order, goes_by_age};
use crate::agent::monitor::clock::Clock;
use crate::agent::monitor::mount::Mount;
use crate::agent::monitor::{Loaded, MonitorError, load};
use crate::host::files::{self, Attributes, FileError};
use crate::host::root::Root;
use crate::host::uptime::since_boot;
use crate::host::{mounts, paths};
use crate::model::explain::{Explain, Failure};
use crate::storage::config::{Action, Mode};
use crate::storage::status::{self, ActionRecord, MonitorStatus, MountStatus, Outcome};
use crate::storage::{StorageOps, plan};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Actions that the status remembers.
const REMEMBERED: usize = 16;

/// What the monitor knows.
pub(super) struct Monitor {
    root: Root,
    loaded: Loaded,
    clock: Clock,
    mounts: Vec<Mount>,
    found: Vec<MountStatus>,
    actions: VecDeque<ActionRecord>,
    /// Problems of the last pass.
    problems: Vec<Failure>,
    /// Problems that last until they are gone.
    config_problem: Option<Failure>,
    watch_problem: Option<Failure>,
    status_problem: Option<Failure>,
}

impl Monitor {
    pub(super) fn new(root: Root, loaded: Loaded) -> Self {
        let now = Timestamp::now();
        let mounts = loaded.ops.mounts.iter().map(|path| Mount::new(path, now)).collect();
        Self {
            root,
            loaded,
            clock: Clock::start(now, since_boot()),
            mounts,
            found: Vec::new(),
            actions: VecDeque::new(),
            problems: Vec::new(),
            config_problem: None,
            watch_problem: None,
            status_problem: None,
        }
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    pub(super) fn ops(&self) -> &StorageOps {
        &self.loaded.ops
    }

    pub(super) fn interval(&self) -> Duration {
        self.loaded.ops.interval()
    }

    /// Takes over the configuration on disk if it changed; an invalid one is told, and the old one kept.
    pub(super) fn reload(&mut self) {
        match load(&self.root) {
            Ok(loaded) => {
                self.config_problem = None;
                if loaded != self.loaded {
                    tracing::info!(digest = %loaded.digest, "the configuration of storage operations changed");
                    self.take_over(loaded);
                }
            }
            Err(error) => {
                let failure = Failure::of(&error);
                if self.config_problem.as_ref() != Some(&failure) {
                    tracing::error!(%error, "the new configuration is not taken over");
                }
                self.config_problem = Some(failure);
            }
        }
    }

    /// Mounts that stay keep their history and level.
    fn take_over(&mut self, loaded: Loaded) {
        let now = Timestamp::now();
        let mut before = std::mem::take(&mut self.mounts);
        for path in &loaded.ops.mounts {
            let known = before.iter().position(|mount| mount.path() == path);
            let mount = known.map_or_else(|| Mount::new(path, now), |index| before.swap_remove(index));
            self.mounts.push(mount);
        }
        self.loaded = loaded;
    }

    /// Notes whether changes of the configuration are still noticed at once.
    pub(super) fn note_watch(&mut self, problem: Option<&FileError>) {
        self.watch_problem = problem.map(|error| Failure::of(error));
    }

    /// Samples every mount; returns the orders to execute now, none while `busy`.
    pub(super) fn pass(&mut self, busy: bool) -> Vec<Order> {
        let (now, uptime) = (Timestamp::now(), since_boot());
        self.problems.clear();
        self.found.clear();
        let clock = self.clock.check(now, uptime).err();
        if let Some(error) = &clock {
            self.problem(error);
        }
        let mut orders = Vec::new();
        let mut mounts = std::mem::take(&mut self.mounts);
        for mount in &mut mounts {
            match mounts::sample(&self.root.join(mount.path())) {
                Ok(sample) => {
                    let situation = mount.take_in(&self.loaded.ops, &sample, now, uptime);
                    self.found.push(mount.status(&sample));
                    if !busy {
                        let due = mount.plan(&self.loaded.ops, &situation, uptime);
                        let (path, device, level) = (mount.path().to_owned(), sample.device, mount.level());
                        let order = |action| Order { mount: path.clone(), device, level, action };
                        orders.extend(due.into_iter().map(order));
                    }
                }
                Err(error) => self.problem(&error),
            }
        }
        self.mounts = mounts;
        self.withhold(&mut orders, clock.is_some(), now);
        orders
    }

    fn problem(&mut self, error: &dyn Explain) {
        tracing::warn!(%error, "a pass of the storage monitor met a problem");
        self.problems.push(Failure::of(error));
    }

    /// Takes out what is only planned: everything when observing, what goes by age when the clock jumped.
    fn withhold(&mut self, orders: &mut Vec<Order>, clock_jumped: bool, now: Timestamp) {
        let observing = self.loaded.ops.mode == Mode::Observe;
        let withheld = |order: &mut Order| observing || (clock_jumped && goes_by_age(order.action));
        let records: Vec<ActionRecord> =
            orders.extract_if(.., withheld).map(|order| order.record(Outcome::Planned, now)).collect();
        self.record(records);
    }

    /// Remembers what came of actions.
    pub(super) fn record(&mut self, records: Vec<ActionRecord>) {
        for record in records {
            let (action, mount) = (record.action.name(), record.mount.display());
            let (outcome, files, bytes) = (record.outcome, record.files, record.bytes);
            if outcome == Outcome::Planned {
                tracing::info!(action, %mount, "an action is due and not executed");
            } else {
                tracing::info!(action, %mount, ?outcome, files, bytes, kept = record.kept, "an action ended");
            }
            if record.outcome == Outcome::Unfinished {
                let same = |known: &&mut Mount| known.path() == record.mount;
                self.mounts.iter_mut().filter(same).for_each(Mount::leave_unfinished);
            }
            if self.actions.len() == REMEMBERED {
                self.actions.pop_front();
            }
            self.actions.push_back(record);
        }
    }

    /// Writes the status; that it could not be written is told by its age, the log and the next one.
    pub(super) fn report(&mut self) {
        self.status_problem = self.write_status().err().map(|error| {
            tracing::error!(%error, "the status of the storage monitor could not be written");
            Failure::of(&error)
        });
    }

    /// Writes `run/eos/storage-monitor.json`.
    pub(super) fn write_status(&self) -> Result<(), MonitorError> {
        let bytes = serde_json::to_vec_pretty(&self.status()).expect("a status is plain data");
        files::create_directory(&self.root.join(paths::RUN), Attributes { mode: 0o755, owner: None })?;
        Ok(files::write_atomic(&self.root.join(paths::MONITOR_STATUS), &bytes, Attributes::PUBLIC)?)
    }

    fn status(&self) -> MonitorStatus {
        let ops = &self.loaded.ops;
        let lasting = [&self.config_problem, &self.watch_problem, &self.status_problem];
        let refuses =
            |mount: &MountStatus| plan::up_to(&ops.actions, mount.level).contains(&Action::RefuseSnapshots);
        MonitorStatus {
            version: status::VERSION,
            pid: std::process::id(),
            at: Timestamp::now(),
            interval_seconds: ops.interval_seconds,
            config_digest: self.loaded.digest,
            scale: ops.scale,
            role: ops.role,
            mode: ops.mode,
            mounts: self.found.clone(),
            actions: self.actions.iter().cloned().collect(),
            snapshots_refused: ops.mode == Mode::Act && self.found.iter().any(refuses),
            problems: lasting.into_iter().flatten().chain(&self.problems).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::monitor::tests::node::Node;
    use crate::storage::level::Level;

    #[test]
    fn after_a_jump_of_the_clock_nothing_is_removed_by_its_age() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&node.acting())?;
        node.old_file("disk/cache/old", 7_800_000)?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?);
        let two_days_ago = Timestamp::now() - jiff::SignedDuration::from_hours(48);
        monitor.clock = Clock::start(two_days_ago, since_boot());
        let orders: Vec<Action> = monitor.pass(false).iter().map(|order| order.action).collect();
        assert_eq!(orders, [Action::RefuseSnapshots, Action::Notify]);
        let status = monitor.status();
        assert_eq!(status.problems[0].code, "EOS-V021");
        let withheld: Vec<(Action, Outcome)> =
            status.actions.iter().map(|it| (it.action, it.outcome)).collect();
        let planned = |action| (action, Outcome::Planned);
        assert_eq!(withheld, [planned(Action::CompressLogs), planned(Action::DeleteExpendable)]);
        Ok(())
    }

    #[test]
    fn a_level_entered_while_busy_is_acted_on_afterwards() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&node.acting())?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?);
        assert_eq!(monitor.pass(false), []);
        node.old_file("disk/cache/old", 6_500_000)?;
        assert_eq!(monitor.pass(true), []);
        assert_eq!(monitor.mounts[0].level(), Level::Cleanup);
        let orders: Vec<Action> = monitor.pass(false).iter().map(|order| order.action).collect();
        assert_eq!(orders, [Action::CompressLogs, Action::DeleteExpendable]);
        assert_eq!(monitor.pass(false), []);
        Ok(())
    }
}
