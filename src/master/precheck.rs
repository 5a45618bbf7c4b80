//! What is amiss in the cluster before a node comes in. Pure.

use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::model::ids::NodeId;
use crate::wire::version::Versions;

/// Free bytes below which a node's disk is worth a word.
const LOW_DISK: u64 = 512 << 20;

/// What is amiss in the cluster before a node comes in: nodes that do not answer, full disks, other
/// versions, other joins. None of it holds the node up: a dead node must not keep its replacement out.
pub fn precheck(cluster: &Cluster, joining: &NodeId, now: u64) -> Vec<String> {
    let mut amiss = Vec::new();
    let ours = Versions::own().version;
    for node in cluster.members().filter(|node| node.id != *joining) {
        let live = cluster.live.get(&node.id);
        if !cluster.alive(&node.id, now) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::{self, MasterHost};
    use crate::master::presence::{ALIVE_MS, UNHEARD_MS};

    #[test]
    fn a_master_that_has_just_started_does_not_call_its_members_silent() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let member = fixture::node("node2", NodeState::Active, 0);
        host.put(member.clone())?;
        let mut cluster = host.app.cluster();
        let start = cluster.started_ms;
        let joining = fixture::node("node3", NodeState::Joining, 0).id;
        let amiss = |cluster: &Cluster, now| precheck(cluster, &joining, now);
        assert_eq!(amiss(&cluster, start + UNHEARD_MS - 1), [""; 0]);
        let silent = ["node2 does not answer (last seen not since the master started)"];
        assert_eq!(amiss(&cluster, start + UNHEARD_MS), silent);
        cluster.live.entry(member.id).or_default().presence.heard(start);
        assert_eq!(amiss(&cluster, start + ALIVE_MS - 1), [""; 0]);
        assert_eq!(amiss(&cluster, start + ALIVE_MS), ["node2 does not answer (last seen 45 s ago)"]);
        Ok(())
    }
}
