//! What the monitor remembers of its actions, and the status that it writes.

use super::pass::Monitor;
use crate::agent::monitor::MonitorError;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::model::explain::Failure;
use crate::storage::config::Action;
use crate::storage::status::{self, ActionRecord, MonitorStatus, Outcome};
use jiff::Timestamp;

/// Actions that the status remembers.
const REMEMBERED: usize = 16;

impl Monitor {
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
                self.leave_unfinished(&record);
            }
            self.totals.entry(record.action).or_default().add(&record);
            while self.actions.len() >= REMEMBERED {
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

    pub(super) fn status(&self) -> MonitorStatus {
        let ops = &self.loaded.ops;
        let lasting = [&self.config_problem, &self.watch_problem, &self.status_problem, &self.agent_problem];
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
            snapshots_refused: self.lasts(Action::RefuseSnapshots),
            services_stopped: self.lasts(Action::StopServices),
            errands: self.outbox.errands.clone(),
            heard: self.outbox.heard,
            clock_jumped_seconds: self.jumped,
            clock: Some(self.clock.start().clone()),
            totals: self.totals.clone(),
            problems: lasting.into_iter().flatten().chain(&self.problems).cloned().collect(),
        }
    }
}
