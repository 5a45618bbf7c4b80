//! What is amiss in the cluster before a node comes in. Pure.

use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::model::ids::NodeId;
use crate::wire::version::Versions;

/// Free bytes below which a node's disk is worth a word.
const LOW_DISK: u64 = 512 << 20;

/// Of how many nodes each kind of trouble is told: the answer to a joining node is as short in a herd, and after the
/// loss of half a cluster, as on any other day.
const NAMED: usize = 5;

/// One kind of trouble, and the nodes that have it.
struct Kind {
    /// Of the nodes that are not named: `12 more nodes do not answer`.
    rest: &'static str,
    texts: Vec<String>,
    count: usize,
}

impl Kind {
    fn new(rest: &'static str) -> Self {
        Self { rest, texts: Vec::new(), count: 0 }
    }

    fn add(&mut self, text: impl FnOnce() -> String) {
        if self.count < NAMED {
            self.texts.push(text());
        }
        self.count += 1;
    }

    fn told(mut self) -> Vec<String> {
        match self.count - self.texts.len() {
            0 => {}
            more => self.texts.push(format!("{more} more {}", self.rest)),
        }
        self.texts
    }
}

/// What is amiss in the cluster before a node comes in: nodes that do not answer, full disks, other
/// versions, other joins. None of it holds the node up: a dead node must not keep its replacement out.
pub fn precheck(cluster: &Cluster, joining: &NodeId, now: u64) -> Vec<String> {
    let mut silent = Kind::new("do not answer");
    let mut full = Kind::new("have little disk left");
    let mut other = Kind::new("run another version of eos");
    let mut herd = Kind::new("are joining at the same time");
    let ours = Versions::own().version;
    for node in cluster.members().filter(|node| node.id != *joining) {
        let live = cluster.live.get(&node.id);
        if !cluster.alive(&node.id, now) {
            let seen = || cluster.seen(&node.id, now);
            silent.add(|| format!("{} does not answer (last seen {})", node.name, seen()));
        }
        if let Some(free) = live.and_then(|live| live.report.disk_free_bytes).filter(|free| *free < LOW_DISK)
        {
            full.add(|| format!("{} has only {} MiB of disk left", node.name, free >> 20));
        }
        if node.version != ours {
            other.add(|| format!("{} runs eos {}, the master {ours}", node.name, node.version));
        }
    }
    let joins = cluster.nodes.values().filter(|node| node.state == NodeState::Joining && node.id != *joining);
    for node in joins {
        herd.add(|| format!("{} is joining at the same time (stage {})", node.name, node.stage));
    }
    [silent, full, other, herd].into_iter().flat_map(Kind::told).collect()
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

    #[test]
    fn of_a_herd_and_of_half_a_cluster_that_is_gone_some_are_named_and_the_rest_is_counted()
    -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        for number in 0..40 {
            let state = if number % 2 == 0 { NodeState::Active } else { NodeState::Joining };
            host.put(fixture::node(&format!("n{number}"), state, 0))?;
        }
        let cluster = host.app.cluster();
        let joining = fixture::node("node3", NodeState::Joining, 0).id;
        let amiss = precheck(&cluster, &joining, cluster.started_ms + UNHEARD_MS);
        let (named, counted): (Vec<_>, Vec<_>) = amiss.into_iter().partition(|text| text.starts_with('n'));
        assert_eq!(named.len(), 2 * NAMED, "{named:?}");
        assert_eq!(counted, ["15 more do not answer", "15 more are joining at the same time"]);
        Ok(())
    }
}
