//! What is amiss in the cluster before a node comes in. Pure.

use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::model::ids::NodeId;
use crate::wire::version::Versions;

/// A node that was not heard of for this long counts as unreachable.
const UNREACHABLE_MS: u64 = 60_000;

/// Free bytes below which a node's disk is worth a word.
const LOW_DISK: u64 = 512 << 20;

/// What is amiss in the cluster before a node comes in: nodes that do not answer, full disks, other
/// versions, other joins. None of it holds the node up: a dead node must not keep its replacement out.
pub fn precheck(cluster: &Cluster, joining: &NodeId, now: u64) -> Vec<String> {
    let mut amiss = Vec::new();
    let ours = Versions::own().version;
    for node in cluster.members().filter(|node| node.id != *joining) {
        let live = cluster.live.get(&node.id);
        if cluster.silent_ms(&node.id, now).is_none_or(|silent| silent > UNREACHABLE_MS) {
            amiss.push(format!("{} does not answer (last seen {})", node.name, cluster.seen(&node.id, now)));
        }
        if let Some(free) = live.and_then(|live| live.report.disk_free_bytes).filter(|free| *free < LOW_DISK)
        {
            amiss.push(format!("{} has only {} MiB of disk left", node.name, free >> 20));
        }
        if node.version != ours {
            amiss.push(format!("{} runs eos {}, the master {ours}", node.name, node.version));
        }
    }
    let others =
        cluster.nodes.values().filter(|node| node.state == NodeState::Joining && node.id != *joining);
    amiss.extend(
        others.map(|node| format!("{} is joining at the same time (stage {})", node.name, node.stage)),
    );
    amiss
}
