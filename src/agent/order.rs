//! What the agent writes down for `eos-apply.service` to carry out, and the answer to it: two files that root alone
//! may read, in a directory that no reboot leaves.
//!
//! An order is taken away before it is carried out, so none is carried out twice; a crash before leaves it to the next
//! start of the unit, and a newer order takes its place. It names the node that it is for, so that none is
//! carried out for a node that this host was before.

use crate::agent::addressee::Addressee;
use crate::agent::error::AgentError;
use crate::host::files::{self, Attributes};
use crate::host::inventory::{Node, observe};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::key::random;
use crate::model::explain::Failure;
use crate::wire::member::{Desired, Task, TaskDone};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of both formats. An order of version 1 names no node, unless its work does.
const VERSION: u32 = 2;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The version of the format: 2.
    pub version: u32,
    /// By which its answer is known.
    pub id: String,
    /// The node that it is for; version 1 does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Addressee>,
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
    /// The version of the format: that of its order, so that whoever gave that reads it.
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
    /// A new order for the node of this root.
    ///
    /// # Errors
    /// When this is no member, or the operating system gives no random number.
    pub fn new(root: &Root, work: Work, trace: Option<String>) -> Result<Self, AgentError> {
        let node = Some(Addressee::own(root)?);
        let id = random::<16>().map_err(AgentError::Identity)?;
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { version: VERSION, id, node, trace, work })
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
        order.is_for(root)?;
        Ok(Some(order))
    }

    /// That it is for this node.
    fn is_for(&self, root: &Root) -> Result<(), AgentError> {
        let named = match &self.work {
            Work::Generation(desired) => {
                Some(Addressee { cluster: desired.cluster.clone(), id: desired.node.clone() })
            }
            Work::Task(_) | Work::Restore => None,
        };
        // What a crash left is undone when nobody orders it, too: for whom that was meant is no matter.
        if self.version < VERSION && self.work == Work::Restore {
            return Ok(());
        }
        if self.node.is_none() && (self.version >= VERSION || named.is_none()) {
            return Err(refused(root, paths::ORDER, "it does not say for which node it is".to_owned()));
        }
        let own = Addressee::own(root)?;
        match [&self.node, &named].into_iter().flatten().find(|meant| **meant != own) {
            Some(meant) => Err(AgentError::OtherNode {
                path: root.join(paths::ORDER),
                meant: meant.to_string(),
                own: own.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn answer(&self, root: &Root, ended: Ended) -> Result<(), AgentError> {
        put(root, paths::ANSWER, &Answer { version: self.version, id: self.id.clone(), ended })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::fixture::Node;
    use crate::model::explain::tells;
    use std::os::unix::fs::PermissionsExt;

    /// Of version 1, a generation for node2 of c-prod.
    const GENERATION: &str = include_str!("../../tests/fixtures/v1/agent-order.json");

    /// Of version 1, a task.
    const TASK: &str = include_str!("../../tests/fixtures/v1/agent-order-task.json");

    /// Of version 2, a task for a node of c-prod.
    const ADDRESSED: &str = include_str!("../../tests/fixtures/v1/agent-order-addressed.json");

    fn task() -> Work {
        let task = Task {
            id: "7/update/0".to_owned(),
            sls: vec!["site".to_owned()],
            pillar: serde_json::json!({"secret": "x"}),
            test: false,
        };
        Work::Task(task)
    }

    #[test]
    fn an_order_is_carried_out_once_and_its_answer_is_known_by_its_id() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.join("127.0.71.9:4507".parse()?)?;
        std::fs::create_dir_all(node.root.join(paths::RUN))?;
        assert!(Order::take(&node.root)?.is_none());
        let first = Order::new(&node.root, task(), Some("00-a-b-01".to_owned()))?;
        first.give(&node.root)?;
        let mode = |place: &str| -> anyhow::Result<u32> {
            Ok(std::fs::metadata(node.root.join(place))?.permissions().mode() & 0o777)
        };
        assert_eq!(mode(paths::ORDER)?, 0o600);
        let taken = Order::take(&node.root)?.expect("it was given");
        assert_eq!(taken, first);
        assert!(Order::take(&node.root)?.is_none(), "it was taken");
        assert_eq!(first.answered(&node.root)?, None);
        taken.answer(&node.root, Ended::Busy)?;
        assert_eq!((first.answered(&node.root)?, mode(paths::ANSWER)?), (Some(Ended::Busy), 0o600));
        let second = Order::new(&node.root, Work::Restore, None)?;
        assert_eq!(second.answered(&node.root)?, None, "that is the answer to another one");
        second.give(&node.root)?;
        assert!(!node.root.join(paths::ANSWER).exists(), "an older answer goes");
        Order::withdraw(&node.root)?;
        assert!(Order::take(&node.root)?.is_none());
        Ok(())
    }

    #[test]
    fn an_order_that_others_could_have_written_or_that_is_damaged_is_refused_and_gone() -> anyhow::Result<()>
    {
        let node = Node::new()?;
        node.join("127.0.71.9:4507".parse()?)?;
        let path = node.root.join(paths::ORDER);
        std::fs::create_dir_all(node.root.join(paths::RUN))?;
        let refused = |why: &str| {
            let error = Order::take(&node.root).expect_err(why);
            tells(&error, "EOS-A004", &format!("{} is not believed: {why}", path.display()));
            assert!(!path.exists(), "{why}");
        };
        let own = rustix::process::geteuid().as_raw();
        let open = format!("it is no file that user {own} alone may read");
        Order::new(&node.root, Work::Restore, None)?.give(&node.root)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
        refused(&open);
        std::os::unix::fs::symlink("/etc/passwd", &path)?;
        refused(&open);
        for (text, why) in [
            ("x", "it is damaged: expected value at line 1 column 1"),
            (r#"{"version": 3, "more": 1}"#, "it has format 3, and this eos knows formats up to 2"),
            (TASK, "it does not say for which node it is"),
            (r#"{"version": 2, "id": "x", "work": "restore"}"#, "it does not say for which node it is"),
        ] {
            std::fs::write(&path, text)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            refused(why);
        }
        Ok(())
    }

    #[test]
    fn an_order_for_another_node_or_another_cluster_is_refused_and_gone() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.join("127.0.71.9:4507".parse()?)?;
        std::fs::create_dir_all(node.root.join(paths::RUN))?;
        let path = node.root.join(paths::ORDER);
        let put = |text: &str| -> anyhow::Result<()> {
            std::fs::write(&path, text)?;
            Ok(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?)
        };
        let own = Addressee::own(&node.root)?;
        let refused = |meant: &str| {
            let error = Order::take(&node.root).expect_err(meant);
            let text = format!("{} is an order for {meant}, and this host is {own}", path.display());
            tells(&error, "EOS-A006", &text);
            assert!(!path.exists(), "{meant}");
        };
        // What this node was before, or what came with a copy of the disk of another one.
        put(GENERATION)?;
        refused("n-9752d06ff34392e3da20 of c-prod");
        put(ADDRESSED)?;
        refused("n-9752d06ff34392e3da20 of c-prod");
        let order = Order::new(&node.root, task(), None)?;
        // Of this node, but with work of another one in it.
        let Order { work, .. } = parse(GENERATION.as_bytes()).map_err(anyhow::Error::msg)?;
        Order { work, ..order.clone() }.give(&node.root)?;
        refused("n-9752d06ff34392e3da20 of c-prod");
        order.give(&node.root)?;
        assert_eq!(Order::take(&node.root)?, Some(order));
        // Whose it was is no matter: it undoes what this host's own journal has.
        put(r#"{"version": 1, "id": "x", "work": "restore"}"#)?;
        assert_eq!(Order::take(&node.root)?.map(|order| order.work), Some(Work::Restore));
        Ok(())
    }

    #[test]
    fn orders_of_version_2_stay_readable() -> anyhow::Result<()> {
        let order: Order = parse(ADDRESSED.as_bytes()).map_err(anyhow::Error::msg)?;
        let node = order.node.as_ref().map(ToString::to_string);
        assert_eq!(node.as_deref(), Some("n-9752d06ff34392e3da20 of c-prod"));
        assert_eq!(serde_json::to_value(&order)?, serde_json::from_str::<serde_json::Value>(ADDRESSED)?);
        Ok(())
    }

    #[test]
    fn orders_and_answers_of_version_1_stay_readable() -> anyhow::Result<()> {
        let text = GENERATION;
        let order: Order = parse(text.as_bytes()).map_err(anyhow::Error::msg)?;
        let Work::Generation(desired) = &order.work else { anyhow::bail!("{order:?}") };
        assert_eq!((order.id.as_str(), desired.generation), ("0badc0de", 4));
        assert_eq!(serde_json::to_value(&order)?, serde_json::from_str::<serde_json::Value>(text)?);
        let order: Order = parse(TASK.as_bytes()).map_err(anyhow::Error::msg)?;
        assert_eq!((&order.node, &order.work), (&None, &task()));
        assert_eq!(serde_json::to_value(&order)?, serde_json::from_str::<serde_json::Value>(TASK)?);
        let text = include_str!("../../tests/fixtures/v1/agent-answer.json");
        let answer: Answer = parse(text.as_bytes()).map_err(anyhow::Error::msg)?;
        let Ended::Failed(failure) = &answer.ended else { anyhow::bail!("{answer:?}") };
        assert_eq!((answer.id.as_str(), failure.code.as_str()), ("0badc0de", "EOS-S033"));
        assert_eq!(serde_json::to_value(&answer)?, serde_json::from_str::<serde_json::Value>(text)?);
        Ok(())
    }
}
