//! What joining nodes will be once they confirm: one plan for all that join at this moment, not one for each.
//!
//! A herd that was planned one by one would have every node of it prepare for the place that only the first one gets.
//! It is a forecast: the plan that counts is made when they confirm, and a crash loses nothing.

use crate::host::clock;
use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::master::planning;
use crate::model::ids::{NodeId, NodeName};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::registry::record::NodeRecord;
use crate::roles::{RolePlan, RoleRules};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long a plan is good for those that it was made for.
const FRESH: Duration = Duration::from_secs(1);

/// The newest plan of nodes that join.
#[derive(Default)]
pub struct Forecast {
    newest: Mutex<Option<Made>>,
}

struct Made {
    at: Instant,
    generation: u64,
    /// The nodes that join, with what each of them asks for.
    joining: BTreeMap<NodeId, Option<Role>>,
    plan: RolePlan,
}

impl Made {
    fn new(cluster: &Cluster, rules: &RoleRules, node: &NodeRecord) -> Result<Self, MasterError> {
        let herd = herd(cluster, node);
        let joining = herd.iter().map(|node| (node.id.clone(), node.preferred)).collect();
        let plan = planning::plan_with(cluster, rules, &herd)?;
        Ok(Self { at: Instant::now(), generation: cluster.generation, joining, plan })
    }

    fn is_for(&self, cluster: &Cluster, node: &NodeRecord) -> bool {
        self.generation == cluster.generation
            && self.at.elapsed() < FRESH
            && self.joining.get(&node.id) == Some(&node.preferred)
    }
}

impl Forecast {
    /// The role and the scale of this node once it confirms with all others that join now.
    ///
    /// # Errors
    /// When the planner refuses.
    pub fn of(
        &self,
        cluster: &Cluster,
        rules: &RoleRules,
        node: &NodeRecord,
    ) -> Result<(Role, Scale), MasterError> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match newest.take().filter(|made| made.is_for(cluster, node)) {
            Some(made) => made,
            None => Made::new(cluster, rules, node)?,
        };
        let made = newest.insert(made);
        let role =
            made.plan.role_of(&node.name).ok_or_else(|| MasterError::NoRole { name: node.name.clone() })?;
        Ok((role, made.plan.scale))
    }
}

/// The node, and the others that join and are there; of those that cannot all be members the first one counts, as
/// where they bear one name or take one place.
fn herd<'a>(cluster: &'a Cluster, node: &'a NodeRecord) -> Vec<&'a NodeRecord> {
    let now = clock::now_ms();
    let joins = |other: &&NodeRecord| {
        other.state == NodeState::Joining && other.id != node.id && cluster.alive(&other.id, now)
    };
    let mut names: BTreeSet<&NodeName> = cluster.members().map(|member| &member.name).collect();
    let mut places: BTreeSet<&NodeId> = BTreeSet::new();
    let mut herd = Vec::new();
    for one in std::iter::once(node).chain(cluster.nodes.values().filter(joins)) {
        let replaced = one.replaces.as_ref().and_then(|id| cluster.nodes.get(id));
        let own_name = replaced.is_some_and(|replaced| replaced.name == one.name);
        let free = names.insert(&one.name) || own_name;
        if one.id == node.id || (free && one.replaces.as_ref().is_none_or(|id| places.insert(id))) {
            places.extend(one.replaces.as_ref());
            herd.push(one);
        }
    }
    herd
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::{self, MasterHost};

    fn joining(name: &str) -> NodeRecord {
        fixture::node(name, NodeState::Joining, 0)
    }

    fn named(herd: &[&NodeRecord]) -> Vec<String> {
        let mut names: Vec<String> = herd.iter().map(|node| node.name.to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn one_plan_serves_all_that_join_now_and_is_made_anew_for_whoever_comes_later() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        host.put(NodeRecord { master: true, ..fixture::node("node1", NodeState::Active, 0) })?;
        let herd: Vec<NodeRecord> = (0..4).map(|at| joining(&format!("n{at}"))).collect();
        herd.iter().try_for_each(|node| host.put(node.clone()))?;
        let (forecast, rules) = (Forecast::default(), RoleRules::default());
        let made = |node: &NodeRecord| -> anyhow::Result<(Role, Scale, Instant)> {
            let (role, scale) = forecast.of(&host.app.cluster(), &rules, node)?;
            let newest = forecast.newest.lock().expect("nobody panicked");
            Ok((role, scale, newest.as_ref().expect("it was made").at))
        };
        let first = made(&herd[0])?;
        let mut roles = vec![first.0];
        for node in &herd[1..] {
            let (role, scale, at) = made(node)?;
            assert_eq!((scale, at), (Scale::of(5), first.2), "the same plan, of all five");
            roles.push(role);
        }
        assert!(
            roles.iter().any(|role| *role != roles[0]),
            "they do not all prepare for one place: {roles:?}"
        );
        let late = joining("late");
        host.put(late.clone())?;
        let (_, scale, at) = made(&late)?;
        assert!(scale == Scale::of(6) && at > first.2);
        let other = NodeRecord { preferred: Some(Role::Compute), ..late };
        host.put(other.clone())?;
        assert!(made(&other)?.2 > at, "what it asks for changed");
        Ok(())
    }

    #[test]
    fn of_those_that_cannot_all_be_members_one_is_counted_and_who_is_silent_is_not() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let old = fixture::node("old", NodeState::Active, 0);
        host.put(old.clone())?;
        let anew = NodeRecord { replaces: Some(old.id.clone()), ..joining("old") };
        let other = NodeRecord { replaces: Some(old.id.clone()), ..joining("other") };
        let (twin, twins, silent) = (joining("twin"), joining("twin"), joining("silent"));
        for node in [&anew, &other, &twin, &twins, &silent] {
            host.put(node.clone())?;
        }
        host.app.cluster().live.entry(silent.id.clone()).or_default().presence.heard(0);
        let cluster = host.app.cluster();
        let of = |node: &NodeRecord| named(&herd(&cluster, node));
        assert_eq!(of(&anew), ["old", "twin"]);
        assert_eq!(of(&other), ["other", "twin"]);
        assert_eq!(of(&silent).iter().filter(|name| *name == "silent").count(), 1, "it asks itself");
        let plan = planning::plan_with(&cluster, &RoleRules::default(), &herd(&cluster, &anew))?;
        assert_eq!(plan.assignments.len(), 2, "the replaced one is not planned for");
        Ok(())
    }
}
