//! What the monitor asks of the agent, and what the agent did: `run/eos/storage-errands.json`, version 1.
//!
//! The monitor decides and is confined; the agent has the network, the service manager and other programs.

use crate::model::explain::{Code, Explain};
use crate::storage::config::Action;
use crate::storage::growth::Resource;
use crate::storage::level::Level;
use crate::storage::status::ActionRecord;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The version of the file that this eos reads and writes.
pub const VERSION: u32 = 1;
/// Results that the file keeps; the monitor takes them over at once.
pub const KEPT: usize = 32;

/// Something that the agent is to do once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    /// Unlike that of any other errand on this node.
    pub id: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// The mount whose level asked for it.
    pub mount: PathBuf,
    /// That level.
    pub level: Level,
    /// What is to be done: to tell people or to have container engines clean up.
    pub action: Action,
    /// What people are told.
    #[serde(default)]
    pub event: Option<Event>,
}

/// What people are told of a mount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The level before.
    pub previous: Level,
    /// Percent used, of what there is least of.
    pub percent: f64,
    /// What there is least of.
    pub decided_by: Resource,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that the mount holds.
    pub total: u64,
    /// Bytes that an unprivileged process may still write.
    pub available: u64,
    /// Inodes in use.
    pub inodes_used: u64,
    /// Inodes that it holds; 0 where their number is not fixed.
    pub inodes_total: u64,
    /// Seconds until it is full; missing when it does not grow.
    pub time_to_full_seconds: Option<u64>,
}

/// What happened to a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// It reached a higher level.
    Raised,
    /// It is still at a level that was told before.
    Lasting,
    /// It is below every level at which people are told.
    Recovered,
}

impl EventKind {
    /// The word for people and for `EOS_EVENT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Lasting => "lasting",
            Self::Recovered => "recovered",
        }
    }
}

/// The whole file, written by the agent alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Errands {
    /// The version of the format: 1.
    pub version: u32,
    /// What came of the last errands, oldest first.
    pub results: Vec<Answer>,
    /// The services that were looked at since they were to be stopped; empty when they are not.
    pub services: Vec<Halted>,
}

impl Default for Errands {
    fn default() -> Self {
        Self { version: VERSION, results: Vec::new(), services: Vec::new() }
    }
}

/// What came of an errand, or of stopping and starting services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Rises by one with each answer on this node.
    pub number: u64,
    /// The errand; missing when services were stopped or started.
    pub errand: Option<String>,
    /// What was done.
    pub record: ActionRecord,
}

/// A service that was to be stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// Its name, as the configuration has it.
    pub name: String,
    /// Whether it ran, so that it is stopped now and is to be started again.
    pub ran: bool,
    /// When it was looked at.
    pub at: Timestamp,
}

impl Errands {
    /// Reads the file's content.
    ///
    /// # Errors
    /// When it is of another form or version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ErrandsError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(bytes).map_err(ErrandsError::Form)?;
        if version != VERSION {
            return Err(ErrandsError::Version { found: version });
        }
        serde_json::from_slice(bytes).map_err(ErrandsError::Form)
    }

    /// Whether the errand was carried out.
    pub fn answered(&self, id: &str) -> bool {
        self.results.iter().any(|answer| answer.errand.as_deref() == Some(id))
    }

    /// Adds a result and forgets the oldest when there are too many.
    pub fn answer(&mut self, errand: Option<String>, record: ActionRecord) {
        let number = self.results.last().map_or(1, |last| last.number + 1);
        self.results.push(Answer { number, errand, record });
        let surplus = self.results.len().saturating_sub(KEPT);
        self.results.drain(..surplus);
    }
}

/// A file of errands that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ErrandsError {
    /// Not JSON of this form.
    #[error("the record of stopped services is not of the expected form")]
    Form(#[source] serde_json::Error),
    /// Written by another eos.
    #[error("the record of stopped services has version {found}: 1 expected")]
    Version {
        /// The version it has.
        found: u32,
    },
}

impl ErrandsError {
    /// One value of every variant.
    #[cfg(test)]
    pub(crate) fn samples() -> Vec<Self> {
        let source = serde_json::from_str::<u32>("{").expect_err("half an object");
        vec![Self::Form(source), Self::Version { found: 2 }]
    }
}

impl Explain for ErrandsError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Form(_) => "V042",
            Self::Version { .. } => "V043",
        })
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "start by hand what was stopped, then have the record begun anew: rm /run/eos/storage-errands.json"
                .to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/v1/storage-ops/errands.json");

    #[test]
    fn the_record_of_stopped_services_of_version_1_stays_readable() -> anyhow::Result<()> {
        let errands = Errands::parse(FIXTURE)?;
        assert!(errands.answered("1767322800000-1") && !errands.answered("1767322800000-2"));
        assert_eq!((errands.services[0].name.as_str(), errands.services[0].ran), ("nginx", true));
        assert_eq!(Errands::parse(&serde_json::to_vec(&errands)?)?, errands);
        Ok(())
    }

    #[test]
    fn results_are_numbered_on_and_bounded() -> anyhow::Result<()> {
        let mut errands = Errands::parse(FIXTURE)?;
        let (first, record) = (errands.results[0].number, errands.results[0].record.clone());
        for n in 0..40 {
            errands.answer(Some(format!("e{n}")), record.clone());
        }
        assert_eq!(errands.results.len(), KEPT);
        assert_eq!(errands.results.last().map(|last| last.number), Some(first + 40));
        assert!(errands.answered("e39") && !errands.answered("e0"));
        Ok(())
    }

    #[test]
    fn another_version_and_a_broken_file_are_told_apart() {
        let broken = Errands::parse(b"[]").expect_err("no record");
        tells(&broken, "EOS-V042", "the record of stopped services is not of the expected form");
        let other = Errands::parse(br#"{"version":2}"#).expect_err("of another version");
        tells(&other, "EOS-V043", "the record of stopped services has version 2: 1 expected");
    }

    #[test]
    fn every_error_says_what_helps() {
        assert!(ErrandsError::samples().iter().all(|error| error.hints()[0].contains("rm ")));
    }
}
