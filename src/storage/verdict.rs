//! Whether the storage monitor of this node is alive and runs with the configuration on disk.

use crate::model::digest::Digest;
use crate::storage::status::MonitorStatus;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Intervals after which a status is stale.
pub const STALE_INTERVALS: i64 = 3;

/// The verdict on the monitor; how full the mounts are is not its matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Health {
    /// The status is fresh and the configuration on disk is in force.
    Healthy,
    /// Something is wrong.
    Unhealthy {
        /// One line, with the measured values.
        why: String,
    },
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_healthy(&self) -> bool {
        *self == Self::Healthy
    }
}

/// Judges the content of the status file (nothing when there is none) against the digest of the
/// `storage-ops.yaml` on disk (nothing when there is none) and the time.
pub fn health(status: Option<&[u8]>, config_on_disk: Option<Digest>, now: Timestamp) -> Health {
    match weakness(status, config_on_disk, now) {
        None => Health::Healthy,
        Some(why) => Health::Unhealthy { why },
    }
}

/// Whether the monitor that wrote the status still lives, as far as its age tells.
pub fn is_fresh(status: &MonitorStatus, now: Timestamp) -> bool {
    staleness(status, now).is_none()
}

/// Why the status is not of now.
fn staleness(status: &MonitorStatus, now: Timestamp) -> Option<String> {
    let age = now.duration_since(status.at);
    let oldest = SignedDuration::from_secs(i64::from(status.interval_seconds) * STALE_INTERVALS);
    if age > oldest {
        let (age, oldest) = (age.as_secs(), oldest.as_secs());
        return Some(format!("the storage monitor last reported {age} s ago: at most {oldest} s expected"));
    }
    let ahead = age.abs().as_secs();
    (age < -oldest)
        .then(|| format!("the storage monitor reported {ahead} s in the future: the clock was set back"))
}

fn weakness(status: Option<&[u8]>, config_on_disk: Option<Digest>, now: Timestamp) -> Option<String> {
    let Some(bytes) = status else {
        return Some("the storage monitor has not reported yet".to_owned());
    };
    let status = match MonitorStatus::parse(bytes) {
        Ok(status) => status,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(why) = staleness(&status, now) {
        return Some(why);
    }
    match config_on_disk {
        None => Some("there is no storage-ops.yaml, and the storage monitor keeps the last one".to_owned()),
        Some(digest) if digest != status.config_digest => {
            let problem = status.problems.first().map_or(String::new(), |it| format!(": {}", it.message));
            Some(format!("the storage monitor does not run with the storage-ops.yaml on disk{problem}"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::Failure;

    const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/v1/storage-ops/monitor-status.json");

    fn at(seconds: i64) -> Timestamp {
        let status = MonitorStatus::parse(FIXTURE).expect("the fixture is valid");
        status.at + SignedDuration::from_secs(seconds)
    }

    fn in_force() -> Option<Digest> {
        Some(Digest::from_bytes([0x77; 32]))
    }

    fn why(health: Health) -> String {
        match health {
            Health::Healthy => "healthy".to_owned(),
            Health::Unhealthy { why } => why,
        }
    }

    #[test]
    fn a_status_is_fresh_for_three_intervals() {
        assert!(health(Some(FIXTURE), in_force(), at(0)).is_healthy());
        assert!(health(Some(FIXTURE), in_force(), at(90)).is_healthy());
        let status = MonitorStatus::parse(FIXTURE).expect("the fixture is valid");
        assert_eq!([-91, -90, 90, 91].map(|age| is_fresh(&status, at(age))), [false, true, true, false]);
        assert_eq!(
            why(health(Some(FIXTURE), in_force(), at(91))),
            "the storage monitor last reported 91 s ago: at most 90 s expected"
        );
        assert_eq!(
            why(health(Some(FIXTURE), in_force(), at(-100))),
            "the storage monitor reported 100 s in the future: the clock was set back"
        );
    }

    #[test]
    fn the_configuration_on_disk_must_be_the_one_in_force() -> anyhow::Result<()> {
        let other = Some(Digest::of(b"another"));
        assert_eq!(
            why(health(Some(FIXTURE), other, at(1))),
            "the storage monitor does not run with the storage-ops.yaml on disk"
        );
        let mut status = MonitorStatus::parse(FIXTURE)?;
        let message = "storage-ops.yaml names no mounts".to_owned();
        let failure = Failure { code: String::new(), message, causes: vec![], hints: vec![], exit: 2 };
        status.problems.push(failure);
        assert_eq!(
            why(health(Some(&serde_json::to_vec(&status)?), other, at(1))),
            "the storage monitor does not run with the storage-ops.yaml on disk: storage-ops.yaml names no mounts"
        );
        assert_eq!(
            why(health(Some(FIXTURE), None, at(1))),
            "there is no storage-ops.yaml, and the storage monitor keeps the last one"
        );
        Ok(())
    }

    #[test]
    fn a_missing_or_broken_status_is_unhealthy() {
        assert_eq!(why(health(None, in_force(), at(0))), "the storage monitor has not reported yet");
        assert_eq!(
            why(health(Some(b"{"), in_force(), at(0))),
            "the status of the storage monitor is not of the expected form"
        );
    }
}
