//! `salt.wheel` `key.accept` and `key.reject`: the master's own admission, for nodes that wait.

use crate::host::clock;
use crate::lifecycle::{Next, NodeEvent, NodeState, next};
use crate::master::admission;
use crate::master::cluster::Cluster;
use crate::master::entry::PATIENCE_MS;
use crate::orchestration::judge::Verdict;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use crate::sls::matching::glob;

/// What an admission comes to: the changes, and whom they are about.
#[derive(Default)]
pub struct Admitted {
    /// The changes, for the transaction of the run.
    pub changes: Vec<Change>,
    /// Action, name and key of each, for the audit log.
    pub told: Vec<(&'static str, String, String)>,
}

impl Admitted {
    fn nodes(&self) -> Vec<NodeRecord> {
        let nodes = self.changes.iter().filter_map(|change| match change {
            Change::PutNode(node) => Some((**node).clone()),
            _ => None,
        });
        nodes.collect()
    }
}

/// Lets in, or refuses, the nodes that wait and match the pattern.
///
/// One that was let in already counts as such, so that the step may come again. Who waits under the name of a node that
/// was let in is not meant: anybody may ask under any name, and whoever does so must hold up nobody. Of several that
/// wait under one name none is chosen.
pub fn admit(cluster: &Cluster, pattern: &str, accept: bool, admitted: &mut Admitted) -> Verdict {
    let now = clock::now_ms();
    // What an earlier step of the same look decided is not in the registry yet.
    let decided = admitted.nodes();
    let matching = cluster.nodes.values().filter(|node| glob(pattern, node.name.as_str()));
    let matching: Vec<&NodeRecord> =
        matching.map(|node| decided.iter().find(|one| one.id == node.id).unwrap_or(node)).collect();
    let named_so = |node: &NodeRecord, state: &dyn Fn(NodeState) -> bool| {
        matching.iter().any(|other| other.id != node.id && other.name == node.name && state(other.state))
    };
    let is_in = |state| matches!(state, NodeState::Joining | NodeState::Active);
    let waiting = matching.iter().copied().filter(|node| node.state == NodeState::Pending);
    let waiting: Vec<&NodeRecord> = waiting.filter(|node| !(accept && named_so(node, &is_in))).collect();
    if waiting.is_empty() {
        return match matching.iter().any(|node| (node.state != NodeState::Rejected) == accept) {
            true => Verdict::well(false, "nothing to decide".to_owned()),
            false => Verdict::ill(format!("no node that waits is named {pattern}")),
        };
    }
    let (event, action) =
        if accept { (NodeEvent::Accepted, "accept") } else { (NodeEvent::Rejected, "reject") };
    let mut names = Vec::new();
    for found in waiting {
        if accept && named_so(found, &|state| state == NodeState::Pending) {
            return Verdict::ill(format!("several nodes wait as {}: accept one by its id", found.name));
        }
        if accept && let Err(error) = admission::name_is_free(cluster, found, now) {
            return Verdict::ill(error.to_string());
        }
        let Ok(Next::State(state)) = next(Some(found.state), event) else { continue };
        let node = NodeRecord { state, lease_until_ms: now + PATIENCE_MS, ..found.clone() };
        names.push(node.name.to_string());
        admitted.told.push((action, node.name.to_string(), node.key.to_string()));
        admitted.changes.push(Change::PutNode(Box::new(node)));
    }
    Verdict::well(true, format!("{action}: {}", names.join(", ")))
}
