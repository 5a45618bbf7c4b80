//! Whose turn it is: which members may take the newest generation, and who has something else to do.

use crate::master::cluster::Cluster;
use crate::model::ids::{NodeId, NodeName};
use crate::wire::member::Task;
use std::collections::{BTreeMap, BTreeSet};

/// What agents that wait are told.
#[derive(Debug, Default)]
pub struct Turn {
    generation: u64,
    held: BTreeSet<NodeId>,
    tasks: BTreeMap<NodeId, Task>,
}

impl Turn {
    /// As the cluster stands.
    pub fn of(cluster: &Cluster) -> Self {
        let mut turn = Self { generation: cluster.generation, ..Self::default() };
        let Some(run) = cluster.current_run() else { return turn };
        if let Some(given) = run.given() {
            let behind = cluster.members().filter(|node| node.applied < cluster.generation);
            turn.held =
                behind.filter(|node| !given.contains(&node.name)).map(|node| node.id.clone()).collect();
        }
        let tasks = run.tasks();
        if !tasks.is_empty() {
            let ids: BTreeMap<&NodeName, &NodeId> =
                cluster.members().map(|node| (&node.name, &node.id)).collect();
            for (name, task) in tasks {
                let Some(id) = ids.get(&name) else { continue };
                let live = cluster.live.get(id);
                if live
                    .is_some_and(|live| live.takes_tasks == Some(true) && !live.done.contains_key(&task.id))
                {
                    turn.tasks.entry((*id).clone()).or_insert(task);
                }
            }
        }
        turn
    }

    /// Whether the node has something to do: a generation that it has not applied, or a task.
    pub fn concerns(&self, node: &NodeId, applied: u64) -> bool {
        (self.generation > applied && !self.holds(node)) || self.tasks.contains_key(node)
    }

    /// Whether the node keeps what it has until its turn comes.
    pub fn holds(&self, node: &NodeId) -> bool {
        self.held.contains(node)
    }

    /// What the node shall do besides.
    pub fn task(&self, node: &NodeId) -> Option<&Task> {
        self.tasks.get(node)
    }

    /// The members that keep what they have until their turn comes.
    pub fn held(&self) -> &BTreeSet<NodeId> {
        &self.held
    }
}
