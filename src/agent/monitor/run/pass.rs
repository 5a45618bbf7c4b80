//! One pass of the monitor: sample every mount, decide what is due, and write down what was found.

use super::outbox::Outbox;
use crate::agent::monitor::actions::Order;
use crate::agent::monitor::mount::Mount;
use crate::agent::monitor::{Loaded, MonitorError, clock, load, record};
use crate::host::files::FileError;
use crate::host::mounts::{self, MountSample};
use crate::host::root::Root;
use crate::host::time_sync::is_synchronised;
use crate::host::uptime::since_boot;
use crate::model::explain::{Explain, Failure};
use crate::storage::clock::{Clock, Reading};
use crate::storage::config::{Action, Mode};
use crate::storage::status::{ActionRecord, MonitorStatus, MountStatus, Outcome, Total};
use crate::storage::{Level, StorageOps, plan};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

/// What the monitor knows.
pub(super) struct Monitor {
    pub(super) root: Root,
    pub(super) loaded: Loaded,
    pub(super) clock: Clock,
    /// Whether something keeps the clock right, when that is asked.
    pub(super) synchronised: fn() -> bool,
    mounts: Vec<Mount>,
    pub(super) found: Vec<MountStatus>,
    pub(super) actions: VecDeque<ActionRecord>,
    pub(super) totals: BTreeMap<Action, Total>,
    pub(super) outbox: Outbox,
    /// Whether a pass left its orders to the next one, since something was under way.
    put_off: bool,
    /// By how many seconds the clock had jumped at the last pass.
    pub(super) jumped: Option<i64>,
    /// Problems of the last pass.
    pub(super) problems: Vec<Failure>,
    /// Problems that last until they are gone.
    pub(super) config_problem: Option<Failure>,
    pub(super) watch_problem: Option<Failure>,
    pub(super) status_problem: Option<Failure>,
    pub(super) agent_problem: Option<Failure>,
}

impl Monitor {
    /// Goes on where an earlier monitor ended, as far as its status tells.
    pub(super) fn new(root: Root, loaded: Loaded, before: Option<&MonitorStatus>) -> Self {
        let now = Timestamp::now();
        let clock = clock::known(&root, before);
        // What an observer planned was never done.
        let before = before.filter(|before| before.mode == loaded.ops.mode);
        let known = |path: &Path| before.and_then(|it| it.mounts.iter().find(|mount| mount.path == path));
        let mounts = loaded.ops.mounts.iter().map(|path| Mount::new(path, known(path), now)).collect();
        Self {
            root,
            loaded,
            clock,
            synchronised: is_synchronised,
            mounts,
            found: Vec::new(),
            actions: before.map(|before| before.actions.iter().cloned().collect()).unwrap_or_default(),
            totals: before.map(|before| before.totals.clone()).unwrap_or_default(),
            outbox: Outbox::new(before, now),
            put_off: false,
            jumped: None,
            problems: Vec::new(),
            config_problem: None,
            watch_problem: None,
            status_problem: None,
            agent_problem: None,
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
        // What was only planned so far, or is asked for since now, is due at once.
        let anew = loaded.ops.mode != self.loaded.ops.mode || loaded.ops.actions != self.loaded.ops.actions;
        if anew {
            before.iter_mut().for_each(Mount::begin_anew);
        }
        for path in &loaded.ops.mounts {
            let known = before.iter().position(|mount| mount.path() == path);
            let mount = known.map_or_else(|| Mount::new(path, None, now), |index| before.swap_remove(index));
            self.mounts.push(mount);
        }
        self.loaded = loaded;
    }

    /// Notes whether changes of the configuration are still noticed at once.
    pub(super) fn note_watch(&mut self, problem: Option<&FileError>) {
        self.watch_problem = problem.map(|error| Failure::of(error));
    }

    /// Takes over what the agent did.
    pub(super) fn hear(&mut self) {
        match record(&self.root) {
            Ok(told) => {
                self.agent_problem = None;
                let records = self.outbox.hear(&told.unwrap_or_default());
                self.record(records);
            }
            Err(error) => {
                let failure = Failure::of(&error);
                if self.agent_problem.as_ref() != Some(&failure) {
                    tracing::error!(%error, "what the agent did cannot be known");
                }
                self.agent_problem = Some(failure);
            }
        }
        let given_up = self.outbox.give_up(Timestamp::now());
        self.record(given_up);
    }

    /// Whether a pass is owed, now that nothing is under way any more.
    pub(super) fn owes_a_pass(&self) -> bool {
        self.put_off
    }

    /// Samples every mount; returns the orders to execute now, none while `busy`, compressions last.
    pub(super) fn pass(&mut self, busy: bool) -> Vec<Order> {
        let (reading, uptime) = (clock::now(), since_boot());
        let now = reading.wall;
        self.problems.clear();
        self.found.clear();
        self.put_off = busy;
        self.jumped = self.check_clock(&reading);
        if let Some(seconds) = self.jumped {
            self.problem(&MonitorError::ClockJumped { seconds });
        }
        let mut orders = Vec::new();
        let mut mounts = std::mem::take(&mut self.mounts);
        for mount in &mut mounts {
            match mounts::sample(&self.root.join(mount.path())) {
                Ok(sample) => {
                    let (situation, previous) = mount.take_in(&self.loaded.ops, &sample, now, uptime);
                    let due = mount.plan(&self.loaded.ops, &situation, (uptime, busy));
                    let moment = Moment { sample: &sample, previous, now, jumped: self.jumped.is_some() };
                    orders.extend(due.into_iter().filter_map(|it| self.settle(mount, it, &moment)));
                    if plan::recovered(&self.loaded.ops.actions, &situation) {
                        self.calm(mount, &moment);
                    }
                    self.found.push(mount.status(&sample));
                }
                Err(error) => self.problem(&error),
            }
        }
        self.mounts = mounts;
        // To delete is quick and makes room for what is compressed.
        orders.sort_by_key(|order| order.action == Action::CompressLogs);
        orders
    }

    /// Whether a mount asks for more than what is under way, which is better begun anew.
    pub(super) fn is_more_urgent(&self) -> bool {
        self.put_off && self.mounts.iter().any(Mount::is_more_urgent)
    }

    /// By how many seconds the clock jumped, unless a person took it for right since.
    fn check_clock(&mut self, now: &Reading) -> Option<i64> {
        self.clock.check(now, self.synchronised).err()?;
        if let Some(accepted) = clock::accepted(&self.root) {
            self.clock.accept(&accepted);
        }
        self.clock.check(now, self.synchronised).err()
    }

    fn problem(&mut self, error: &dyn Explain) {
        tracing::warn!(%error, "a pass of the storage monitor met a problem");
        self.problems.push(Failure::of(error));
    }

    /// Deals with one action that is due; returns what is still to be executed here.
    fn settle(&mut self, mount: &mut Mount, action: Action, moment: &Moment<'_>) -> Option<Order> {
        let Moment { sample, previous, now, jumped } = *moment;
        let (path, level) = (mount.path().to_owned(), mount.level());
        let key = (path.as_path(), level, action);
        let event = (action == Action::Notify).then(|| mount.tell(previous, sample, now));
        if self.loaded.ops.mode == Mode::Observe || (jumped && action.goes_by_age()) {
            self.record(vec![ActionRecord::of(key, Outcome::Planned, now)]);
            return None;
        }
        match action {
            action if action.sweeps() => {
                return Some(Order { mount: path, device: sample.device, level, action, now });
            }
            // The status says so, and whoever it concerns looks there; the agent tells of services itself.
            Action::StopServices => {}
            Action::RefuseSnapshots => {
                tracing::warn!(mount = %path.display(), %level, "new snapshots are refused");
                self.record(vec![ActionRecord::of(key, Outcome::Done, now)]);
            }
            Action::Notify => {
                tracing::warn!(mount = %path.display(), %level, "a mount is nearly full: a person is needed");
                match self.loaded.ops.notify {
                    Some(_) => self.outbox.ask(action, (&path, level), event, now),
                    None => self.record(vec![ActionRecord::of(key, Outcome::Done, now)]),
                }
            }
            action => self.outbox.ask(action, (&path, level), None, now),
        }
        None
    }

    /// Has people told that it is over.
    fn calm(&mut self, mount: &mut Mount, moment: &Moment<'_>) {
        let event = mount.calm(moment.sample);
        let ops = &self.loaded.ops;
        if ops.mode == Mode::Act && ops.notify.is_some() {
            let to = (mount.path(), mount.level());
            self.outbox.ask(Action::Notify, to, Some(event), moment.now);
        }
    }

    /// Whether the level of any mount asks for something that lasts. A mount that cannot be looked at keeps
    /// the level that it had.
    pub(super) fn lasts(&self, action: Action) -> bool {
        let asks = |level: Level| plan::up_to(&self.loaded.ops.actions, level).contains(&action);
        self.loaded.ops.mode == Mode::Act && self.mounts.iter().any(|mount| asks(mount.level()))
    }

    /// Notes that a mount has work left for the next sample.
    pub(super) fn leave_unfinished(&mut self, record: &ActionRecord) {
        let same = |known: &&mut Mount| known.path() == record.mount;
        self.mounts.iter_mut().filter(same).for_each(Mount::leave_unfinished);
    }
}

/// What a mount is looked at with.
struct Moment<'a> {
    sample: &'a MountSample,
    previous: Level,
    now: Timestamp,
    jumped: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::monitor::tests::node::Node;
    use crate::storage::level::Level;
    use std::fs;

    #[test]
    fn after_a_jump_of_the_clock_nothing_is_removed_by_its_age() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&node.acting())?;
        node.old_file("disk/cache/old", 7_800_000)?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        let mut right = clock::now();
        right.wall -= jiff::SignedDuration::from_hours(48);
        monitor.clock = Clock::new(right, &[], None, None);
        assert_eq!(monitor.pass(false), []);
        let status = monitor.status();
        assert_eq!(status.problems[0].code, "EOS-V021");
        assert!(status.clock_jumped_seconds.is_some_and(|seconds| seconds > 47 * 3600), "{status:?}");
        let records: Vec<(Action, Outcome)> =
            status.actions.iter().map(|it| (it.action, it.outcome)).collect();
        let planned = |action| (action, Outcome::Planned);
        let withheld = [planned(Action::CompressLogs), planned(Action::DeleteExpendable)];
        assert_eq!(records[..2], withheld);
        assert_eq!(records[2..], [(Action::RefuseSnapshots, Outcome::Done), (Action::Notify, Outcome::Done)]);
        monitor.write_status()?;
        let error = crate::agent::monitor::cleanup(&node.root, Level::Cleanup, false).expect_err("a jump");
        assert!(matches!(error, MonitorError::ClockJumped { .. }), "{error}");
        // Whoever starts another monitor, such as a new generation, makes nothing right by that.
        let before = crate::agent::monitor::operator::last_status(&node.root);
        let acting = node.acting().replace("mode: act", "mode: observe");
        node.configure(&acting)?;
        let mut next = Monitor::new(node.root.clone(), load(&node.root)?, before.as_ref());
        next.pass(false);
        assert!(next.jumped.is_some_and(|seconds| seconds > 47 * 3600), "{:?}", next.jumped);
        node.configure(&node.acting())?;
        crate::agent::monitor::accept_clock(&node.root)?;
        let mut later = Monitor::new(node.root.clone(), load(&node.root)?, before.as_ref());
        for monitor in [&mut next, &mut later] {
            monitor.pass(false);
            assert_eq!(monitor.jumped, None, "a person took it for right");
        }
        crate::agent::monitor::cleanup(&node.root, Level::Cleanup, true)?;
        Ok(())
    }

    #[test]
    fn after_two_weeks_off_nothing_is_removed_by_its_age_until_the_clock_is_synchronised()
    -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&node.acting())?;
        node.old_file("disk/cache/old", 6_500_000)?;
        let now = clock::now();
        let wall = now.wall - jiff::SignedDuration::from_hours(14 * 24);
        let seen = Reading { wall, boot_id: "the boot before".to_owned(), ..now };
        let noted = node.root.join(crate::host::paths::LAST_SEEN);
        fs::create_dir_all(noted.parent().expect("a directory"))?;
        fs::write(noted, serde_json::to_vec(&seen)?)?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        monitor.synchronised = || false;
        assert_eq!(monitor.pass(false), []);
        assert!(monitor.jumped.is_some_and(|seconds| seconds / 86_400 == 14), "{:?}", monitor.jumped);
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        monitor.synchronised = || true;
        let orders: Vec<Action> = monitor.pass(false).iter().map(|order| order.action).collect();
        assert_eq!((orders.first(), monitor.jumped), (Some(&Action::DeleteExpendable), None));
        Ok(())
    }

    #[test]
    fn a_clock_that_jumps_between_a_pass_and_its_work_removes_nothing_that_was_young_then()
    -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&node.acting())?;
        let file = node.old_file("disk/cache/old", 6_500_000)?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        let mut orders = monitor.pass(false);
        let delete = orders.remove(0);
        assert_eq!(delete.action, Action::DeleteExpendable);
        // By the clock of the pass the file is a few hours old; by that of now it is ten days old.
        let then = delete.now - jiff::SignedDuration::from_hours(10 * 24 - 6);
        let (ops, stop) = (monitor.ops().clone(), std::sync::atomic::AtomicBool::new(false));
        let execute = |order: &Order| {
            order.execute(&node.root, &ops, &mut crate::agent::monitor::actions::budget(&ops), &stop)
        };
        assert_eq!((execute(&Order { now: then, ..delete.clone() }).files, file.exists()), (0, true));
        assert_eq!((execute(&delete).files, file.exists()), (1, false));
        Ok(())
    }

    #[test]
    fn a_budget_bounds_a_pass_over_all_its_directories_and_the_next_one_goes_on() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&format!("{}budget: {{files: 3}}\n", node.acting()))?;
        for n in 0..4 {
            node.old_file(&format!("disk/cache/{n}"), 300_000)?;
            node.old_file(&format!("disk/log/{n}.log"), 300_000)?;
        }
        // What no class holds keeps the mount full.
        node.old_file("disk/filler", 5_500_000)?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        let stop = std::sync::atomic::AtomicBool::new(false);
        let mut passes = Vec::new();
        for _ in 0..2 {
            let (orders, ops) = (monitor.pass(false), monitor.ops().clone());
            let mut left = crate::agent::monitor::actions::budget(&ops);
            let done: Vec<_> =
                orders.iter().map(|it| it.execute(&node.root, &ops, &mut left, &stop)).collect();
            passes.push(done.iter().map(|record| record.files).sum::<u64>());
            monitor.record(done);
        }
        assert_eq!(passes, [3, 3]);
        let files = |action| monitor.totals[&action].files;
        assert_eq!((files(Action::DeleteExpendable), files(Action::CompressLogs)), (4, 2));
        Ok(())
    }

    #[test]
    fn a_level_entered_while_busy_is_acted_on_afterwards() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&node.acting())?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        assert_eq!(monitor.pass(false), []);
        node.old_file("disk/cache/old", 6_500_000)?;
        assert!(!monitor.is_more_urgent());
        assert_eq!(monitor.pass(true), []);
        assert_eq!(monitor.mounts[0].level(), Level::Cleanup);
        assert!(monitor.is_more_urgent(), "what is under way makes way");
        let orders: Vec<Action> = monitor.pass(false).iter().map(|order| order.action).collect();
        assert_eq!(orders, [Action::DeleteExpendable, Action::CompressLogs]);
        assert_eq!(monitor.pass(false), []);
        assert!(!monitor.is_more_urgent());
        Ok(())
    }

    #[test]
    fn people_are_told_while_something_is_under_way() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.configure(&format!("{}notify: {{command: [/bin/true]}}\n", node.acting()))?;
        let mut monitor = Monitor::new(node.root.clone(), load(&node.root)?, None);
        monitor.pass(false);
        node.old_file("disk/filler", 7_800_000)?;
        assert_eq!(monitor.pass(true), []);
        let asked: Vec<Action> = monitor.outbox.errands.iter().map(|errand| errand.action).collect();
        assert_eq!(asked, [Action::Notify]);
        assert!(monitor.lasts(Action::RefuseSnapshots));
        monitor.pass(true);
        assert_eq!(monitor.outbox.errands.len(), 1, "once");
        fs::remove_file(node.root.join("disk/filler"))?;
        monitor.pass(true);
        let last = monitor.outbox.errands.last().and_then(|errand| errand.event.clone());
        assert_eq!(last.map(|event| event.kind), Some(crate::storage::errand::EventKind::Recovered));
        Ok(())
    }
}
