//! One watched mount: its history, its level, when it was last acted on, and what people know of it.

use crate::host::mounts::MountSample;
use crate::storage::config::Action;
use crate::storage::errand::{Event, EventKind};
use crate::storage::growth::{History, Resource, Sample};
use crate::storage::level::{HYSTERESIS, Level};
use crate::storage::plan::Situation;
use crate::storage::status::{MountStatus, Notified};
use crate::storage::{StorageOps, plan};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the monitor remembers of a mount.
#[derive(Debug)]
pub(super) struct Mount {
    path: PathBuf,
    history: History,
    level: Level,
    level_since: Timestamp,
    acted: Level,
    /// Time since boot at which actions were last started.
    last_acted: Option<Duration>,
    unfinished: bool,
    notified: Option<Notified>,
}

impl Mount {
    /// A mount as an earlier monitor left it, if one did: a restart is no news to anybody.
    pub(super) fn new(path: &Path, before: Option<&MountStatus>, now: Timestamp) -> Self {
        let level = before.map_or(Level::Normal, |before| before.level);
        Self {
            path: path.to_owned(),
            history: History::default(),
            level,
            level_since: before.map_or(now, |before| before.level_since),
            acted: level,
            last_acted: None,
            unfinished: false,
            notified: before.and_then(|before| before.notified),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// Takes in a sample; returns what is to be planned from, and the level before.
    pub(super) fn take_in(
        &mut self,
        ops: &StorageOps,
        sample: &MountSample,
        now: Timestamp,
        since_boot: Duration,
    ) -> (Situation, Level) {
        self.history.push(Sample { at: since_boot, used: sample.used, inodes: sample.inodes_used });
        let previous = self.level;
        self.level = Level::next(previous, sample.percent(), &ops.thresholds, HYSTERESIS);
        if self.level != previous {
            self.level_since = now;
            self.log_change(previous, sample);
        }
        self.acted = self.acted.min(self.level);
        let since = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let situation = Situation {
            acted: self.acted,
            level: self.level,
            since_last: self.last_acted.map(|last| since_boot.saturating_sub(last)),
            unfinished: self.unfinished,
            notified: self.notified.map(|told| (told.level, since(told.at))),
            interval: ops.interval(),
        };
        (situation, previous)
    }

    fn log_change(&self, previous: Level, sample: &MountSample) {
        let (mount, level, of) = (self.path.display(), self.level, sample.decided_by().name());
        let percent = sample.percent();
        if level > previous {
            tracing::warn!(%mount, %level, %previous, percent, of, "a mount fills");
        } else {
            tracing::info!(%mount, %level, %previous, percent, of, "a mount has room again");
        }
    }

    /// Whether its level asks for more than what was begun for it.
    pub(super) fn is_more_urgent(&self) -> bool {
        self.level > self.acted
    }

    /// The actions that are due; counted as started now. While something is under way people are told, and all
    /// else stays due.
    pub(super) fn plan(
        &mut self,
        ops: &StorageOps,
        situation: &Situation,
        (since_boot, busy): (Duration, bool),
    ) -> Vec<Action> {
        let mut actions = plan::due(&ops.actions, situation);
        actions.retain(|action| !busy || *action == Action::Notify);
        if actions.iter().any(|action| *action != Action::Notify) {
            self.acted = self.level;
            self.last_acted = Some(since_boot);
            self.unfinished = false;
        }
        actions
    }

    /// What people are told now, and a note that they were.
    pub(super) fn tell(&mut self, previous: Level, sample: &MountSample, now: Timestamp) -> Event {
        let known = self.notified.map(|told| told.level);
        let kind =
            if known.is_none_or(|known| self.level > known) { EventKind::Raised } else { EventKind::Lasting };
        self.notified = Some(Notified { level: self.level, at: now });
        self.event(kind, known.unwrap_or(previous), sample)
    }

    /// What people are told when it is over, and a note that nobody is worried any more.
    pub(super) fn calm(&mut self, sample: &MountSample) -> Event {
        let known = self.notified.take().map_or(Level::Normal, |told| told.level);
        self.event(EventKind::Recovered, known, sample)
    }

    fn event(&self, kind: EventKind, previous: Level, sample: &MountSample) -> Event {
        Event {
            kind,
            previous,
            percent: sample.percent(),
            decided_by: sample.decided_by(),
            used: sample.used,
            total: sample.total,
            available: sample.available,
            inodes_used: sample.inodes_used,
            inodes_total: sample.inodes_total,
            time_to_full_seconds: self.time_to_full(sample).map(|(left, _)| left.as_secs()),
        }
    }

    /// Has its level entered anew at the next sample.
    pub(super) fn begin_anew(&mut self) {
        (self.acted, self.last_acted, self.notified) = (Level::Normal, None, None);
    }

    /// Notes that the last pass left work for the next sample.
    pub(super) fn leave_unfinished(&mut self) {
        self.unfinished = true;
    }

    /// When it will be out of bytes or of inodes, whichever comes first.
    fn time_to_full(&self, sample: &MountSample) -> Option<(Duration, Resource)> {
        let of = |resource, left| self.history.time_to_full(resource, left).map(|time| (time, resource));
        let inodes = sample.inodes_total.checked_sub(sample.inodes_used).filter(|_| sample.inodes_total > 0);
        [of(Resource::Bytes, sample.available), inodes.and_then(|left| of(Resource::Inodes, left))]
            .into_iter()
            .flatten()
            .min_by_key(|(time, _)| *time)
    }

    pub(super) fn status(&self, sample: &MountSample) -> MountStatus {
        let full = self.time_to_full(sample);
        MountStatus {
            path: self.path.clone(),
            level: self.level,
            level_since: self.level_since,
            percent: sample.percent(),
            decided_by: sample.decided_by(),
            bytes_percent: sample.bytes_percent(),
            inodes_percent: sample.inodes_percent(),
            total: sample.total,
            used: sample.used,
            available: sample.available,
            inodes_total: sample.inodes_total,
            inodes_used: sample.inodes_used,
            growth: self.history.growth(Resource::Bytes),
            inodes_growth: self.history.growth(Resource::Inodes),
            time_to_full_seconds: full.map(|(left, _)| left.as_secs()),
            full_by: full.map_or(Resource::Bytes, |(_, resource)| resource),
            notified: self.notified,
        }
    }
}
