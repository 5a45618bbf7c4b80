//! The leases of joining and waiting nodes: ended when they run out, and given anew after a time in
//! which the master could not hear anybody.
//!
//! They are wall-clock times in the registry, so a crash forgets none of them. Each node is handled
//! and committed on its own: a crash in between leaves the rest for the next look.

use crate::host::{clock, uptime};
use crate::lifecycle::{NodeEvent, next};
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::entry::PATIENCE_MS;
use crate::master::error::MasterError;
use crate::master::handlers::forget;
use crate::model::explain::Explain;
use crate::model::ids::NodeId;
use crate::registry::Change;
use crate::registry::record::NodeRecord;
use std::collections::BTreeSet;
use std::time::Duration;

/// A look that comes this much later than the one before means that the master stood still.
const STALL: Duration = Duration::from_secs(10);

/// A wall clock that went this much further or less far than time was stepped, in milliseconds.
const STEP_MS: i64 = 5_000;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, in milliseconds since 1970.
    pub wall_ms: u64,
    /// The time since the machine started, which no step of the wall clock changes.
    pub since_boot: Duration,
}

impl Now {
    /// Reads both clocks.
    pub fn read() -> Self {
        Self { wall_ms: clock::now_ms(), since_boot: uptime::since_boot() }
    }

    /// Whether the leases cannot be judged by what passed since `before`: the master stood still, or
    /// the wall clock was stepped.
    fn is_torn_from(&self, before: &Self) -> bool {
        let passed = self.since_boot.saturating_sub(before.since_boot);
        let wall = i64::try_from(self.wall_ms).unwrap_or(i64::MAX)
            - i64::try_from(before.wall_ms).unwrap_or(i64::MAX);
        let stepped = wall - i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        passed > STALL || stepped.abs() > STEP_MS
    }
}

/// The watch over the leases.
#[derive(Debug, Default)]
pub struct Leases {
    before: Option<Now>,
    /// The nodes whose end is in the audit log and could not be carried out yet.
    told: BTreeSet<NodeId>,
}

impl Leases {
    /// Looks once. At the first look, and after a stall or a step of the clock, every lease is given
    /// anew, since the nodes could not be heard or the times mean something else now; else those that
    /// ran out are ended.
    ///
    /// Whatever fails is counted and tried again at the next look; until then the node stays visible in
    /// the status, and its end stands in the audit log once. One node's failure does not hold up the others.
    pub fn look(&mut self, app: &App, now: Now) {
        let known = self.before.is_some_and(|before| !now.is_torn_from(&before));
        if !known {
            match extend(app, now.wall_ms) {
                Ok(0) => {}
                Ok(count) => {
                    tracing::info!(count, "leases were given anew: nobody could be heard for a while")
                }
                Err(error) => return failed(app, "given anew", &error),
            }
        }
        self.before = Some(now);
        // Not in the head of the loop, where the lock would be held for all of it.
        let ended = ended(&app.cluster(), now.wall_ms);
        self.told.retain(|id| ended.contains(id));
        for id in ended {
            if let Err(error) = self.end(app, &id, now.wall_ms) {
                failed(app, "ended", &error);
            }
        }
    }

    /// Forgets the node if its lease has still run out; nothing else changes.
    fn end(&mut self, app: &App, id: &NodeId, now: u64) -> Result<(), MasterError> {
        let mut cluster = app.cluster();
        let found = cluster.nodes.get(id).filter(|node| has_lease(node) && now >= node.lease_until_ms);
        let Some(node) = found.cloned() else { return Ok(()) };
        if !self.told.contains(id) {
            let detail = format!("{} in stage {}", node.state, node.stage);
            app.audit("master", "lease-expired", node.name.as_str(), &detail)?;
            self.told.insert(id.clone());
        }
        let changes = forget(app, &cluster, &node)?;
        cluster.commit(changes)?;
        self.told.remove(id);
        app.metrics.expired.inc();
        Ok(())
    }
}

fn failed(app: &App, action: &str, error: &MasterError) {
    app.metrics.upkeep_failures.inc();
    tracing::error!(%error, code = %error.code(), "a lease could not be {action}; trying again");
}

fn has_lease(node: &NodeRecord) -> bool {
    next(Some(node.state), NodeEvent::LeaseExpired).is_ok()
}

/// Gives every lease at least its full time, and none more than the longest; says how many changed.
fn extend(app: &App, now: u64) -> Result<usize, MasterError> {
    let (least, most) = (now + app.lease_ms(), now + app.lease_ms().max(PATIENCE_MS));
    let mut cluster = app.cluster();
    let mut changes = Vec::new();
    for node in cluster.nodes.values().filter(|node| has_lease(node)) {
        let lease_until_ms = node.lease_until_ms.clamp(least, most);
        if lease_until_ms != node.lease_until_ms {
            changes.push(Change::PutNode(Box::new(NodeRecord { lease_until_ms, ..node.clone() })));
        }
    }
    let count = changes.len();
    if count > 0 {
        cluster.commit(changes)?;
    }
    Ok(count)
}

fn ended(cluster: &Cluster, now: u64) -> Vec<NodeId> {
    let ended = cluster.nodes.values().filter(|node| has_lease(node) && now >= node.lease_until_ms);
    ended.map(|node| node.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::NodeState;
    use crate::master::fixture::{self, MasterHost};

    const LEASE: u64 = 120_000;
    const START: u64 = 1_800_000_000_000;

    fn at(wall_ms: u64, seconds: u64) -> Now {
        Now { wall_ms, since_boot: Duration::from_secs(seconds) }
    }

    fn names(host: &MasterHost) -> Vec<String> {
        host.app.cluster().nodes.values().map(|node| node.name.to_string()).collect()
    }

    fn until(host: &MasterHost) -> u64 {
        host.app.cluster().nodes.values().map(|node| node.lease_until_ms).max().unwrap_or_default()
    }

    #[test]
    fn a_master_that_was_away_for_longer_than_the_lease_kills_no_join() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        host.put(fixture::node("node2", NodeState::Joining, START + LEASE))?;
        let back = START + 10 * LEASE;
        let mut leases = Leases::default();
        leases.look(&host.app, at(back, 0));
        assert_eq!((names(&host), until(&host)), (vec!["node2".to_owned()], back + LEASE));
        for second in 1..LEASE / 1000 {
            leases.look(&host.app, at(back + second * 1000, second));
        }
        assert_eq!(names(&host), ["node2"]);
        leases.look(&host.app, at(back + LEASE, LEASE / 1000));
        assert_eq!(names(&host), [""; 0], "a joiner that stays away is forgotten after its full lease");
        Ok(())
    }

    #[test]
    fn a_stall_and_a_step_of_the_clock_either_way_give_the_lease_anew() -> anyhow::Result<()> {
        for (what, wall_ms, seconds) in [
            ("a stall", START + 300_000, 301),
            ("a step ahead", START + 86_400_000, 2),
            ("a step back", START - 86_400_000, 2),
        ] {
            let host = MasterHost::new()?;
            let mut leases = Leases::default();
            leases.look(&host.app, at(START, 1));
            host.put(fixture::node("node2", NodeState::Joining, START + LEASE))?;
            leases.look(&host.app, at(wall_ms, seconds));
            assert_eq!(names(&host), ["node2"], "{what}");
            let left = until(&host) - wall_ms;
            assert!((LEASE..=PATIENCE_MS).contains(&left), "{what}: {left} ms left");
        }
        Ok(())
    }

    #[test]
    fn one_node_that_cannot_be_ended_does_not_hold_up_the_others() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let mut leases = Leases::default();
        leases.look(&host.app, at(START, 0));
        for name in ["node2", "node3"] {
            host.put(fixture::node(name, NodeState::Joining, START + 1000))?;
        }
        host.refuse("node2")?;
        leases.look(&host.app, at(START + 2000, 2));
        assert_eq!(names(&host), ["node2"]);
        assert_eq!((host.app.metrics.upkeep_failures.get(), host.app.metrics.expired.get()), (1, 1));
        for second in 3..6 {
            leases.look(&host.app, at(START + second * 1000, second));
        }
        assert_eq!(host.app.metrics.upkeep_failures.get(), 4);
        let lines = host.app.audit_lines(100)?;
        let of = |name: &str| {
            lines.iter().filter(|line| line.action == "lease-expired" && line.subject == name).count()
        };
        assert_eq!((of("node2"), of("node3")), (1, 1), "what is tried again is not written again");
        Ok(())
    }

    #[test]
    fn a_member_has_no_lease() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        host.put(fixture::node("node2", NodeState::Active, 0))?;
        let mut leases = Leases::default();
        leases.look(&host.app, at(START, 0));
        leases.look(&host.app, at(START + 1000, 1));
        assert_eq!((names(&host), until(&host)), (vec!["node2".to_owned()], 0));
        Ok(())
    }
}
