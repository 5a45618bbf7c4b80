//! What the agent writes down for `eos-apply.service` to carry out, and the answer to it: two files that root alone
//! may read, in a directory that no reboot leaves.
//!
//! An order is taken away before it is carried out, so none is carried out twice; a crash before leaves it to the next
//! start of the unit, and a newer order takes its place.

use crate::agent::error::AgentError;
use crate::host::files::{self, Attributes};
use crate::host::inventory::{Node, observe};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::key::random;
use crate::identity::membership::Membership;
use crate::model::explain::Failure;
use crate::wire::member::{Desired, Task, TaskDone};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of both formats.
const VERSION: u32 = 1;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The version of the format: 1.
    pub version: u32,
    /// By which its answer is known.
    pub id: String,
    /// The trace in which it came about, as `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What to do.
    pub work: Work,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Apply a generation.
    Generation(Desired),
    /// Do a task of an orchestration.
    Task(Task),
    /// Undo what a crash left of either.
    Restore,
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The version of the format: 1.
    pub version: u32,
    /// The order's id.
    pub id: String,
    /// How it ended.
    pub ended: Ended,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It is done.
    Done,
    /// Another operation is in progress on this host; nothing was done.
    Busy,
    /// It failed and was undone, unless the failure says otherwise.
    Failed(Failure),
    /// A task was done, or failed and was undone.
    Task(TaskDone),
}

impl Order {
    /// A new order.
    ///
    /// # Errors
    /// When the operating system gives no random number.
    pub fn new(work: Work, trace: Option<String>) -> Result<Self, AgentError> {
        let id = random::<16>().map_err(AgentError::Identity)?;
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { version: VERSION, id, trace, work })
    }

    /// Writes it down, in the place of an older one and of the answer to that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn give(&self, root: &Root) -> Result<(), AgentError> {
        files::remove_file(&root.join(paths::ANSWER)).map_err(AgentError::File)?;
        put(root, paths::ORDER, self)
    }

    /// Takes it back, if it is still there.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn withdraw(root: &Root) -> Result<(), AgentError> {
        files::remove_file(&root.join(paths::ORDER)).map_err(AgentError::File)
    }

    /// Takes the order that was given, if there is one.
    ///
    /// # Errors
    /// When somebody else could have written it, or it is damaged, of a later eos, or for another node. It is gone
    /// then, too.
    pub fn take(root: &Root) -> Result<Option<Self>, AgentError> {
        let order: Option<Self> = read(root, paths::ORDER)?;
        Self::withdraw(root)?;
        let Some(order) = order else { return Ok(None) };
        if let Work::Generation(desired) = &order.work {
            let membership = Membership::load(root).map_err(AgentError::Identity)?;
            let own = membership.ok_or(AgentError::NotMember)?;
            if (&own.cluster, &own.node) != (&desired.cluster, &desired.node) {
                let why = format!("it is for {} of {}", desired.name, desired.cluster);
                return Err(refused(root, paths::ORDER, why));
            }
        }
        Ok(Some(order))
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn answer(&self, root: &Root, ended: Ended) -> Result<(), AgentError> {
        put(root, paths::ANSWER, &Answer { version: VERSION, id: self.id.clone(), ended })
    }

    /// How it ended; nothing when nobody said.
    ///
    /// # Errors
    /// As [`Order::take`].
    pub fn answered(&self, root: &Root) -> Result<Option<Ended>, AgentError> {
        let answer: Option<Answer> = read(root, paths::ANSWER)?;
        Ok(answer.filter(|answer| answer.id == self.id).map(|answer| answer.ended))
    }
}

fn put(root: &Root, place: &str, value: &impl Serialize) -> Result<(), AgentError> {
    let text = serde_json::to_vec(value).expect("an order has no failing serialiser");
    files::write_atomic(&root.join(place), &text, Attributes::SECRET).map_err(AgentError::File)
}

/// Reads a file that nobody but this user could have written.
fn read<T: DeserializeOwned>(root: &Root, place: &str) -> Result<Option<T>, AgentError> {
    let path = root.join(place);
    let own = rustix::process::geteuid().as_raw();
    match observe(&path).map_err(AgentError::File)? {
        None => return Ok(None),
        Some(Node::File { mode, uid, .. }) if uid == own && mode & 0o077 == 0 => {}
        Some(_) => {
            remove(&path)?;
            return Err(refused(root, place, format!("it is no file that user {own} alone may read")));
        }
    }
    let text = files::read(&path).map_err(AgentError::File)?;
    let parsed = parse(&text);
    if parsed.is_err() {
        remove(&path)?;
    }
    parsed.map(Some).map_err(|why| refused(root, place, why))
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Format {
        version: u32,
    }
    match serde_json::from_slice::<Format>(text) {
        Ok(Format { version: found }) if found > VERSION => {
            Err(format!("it has format {found}, and this eos knows formats up to {VERSION}"))
        }
        _ => serde_json::from_slice(text).map_err(|error| format!("it is damaged: {error}")),
    }
}

fn remove(path: &Path) -> Result<(), AgentError> {
    crate::host::tree::remove_any(path).map_err(AgentError::File)
}

fn refused(root: &Root, place: &str, why: String) -> AgentError {
    AgentError::Order { path: root.join(place), why }
}
