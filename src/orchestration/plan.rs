//! The pillar of orchestration files: the plan of roles as they read it, `pillar['eos']['plan']`.

use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::model::storage_ops::{Retention, Thresholds};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The plan of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolesPlan {
    /// The role of each node.
    pub roles: BTreeMap<NodeName, Role>,
    /// The scale of the cluster.
    pub scale: Scale,
    /// Percent used at which each level is entered.
    pub thresholds: Thresholds,
    /// Days for which data is kept.
    pub retention: Retention,
    /// The node that has just joined.
    pub new_node: Option<NodeName>,
}

impl RolesPlan {
    /// The pillar.
    pub fn pillar(&self) -> Value {
        let mut nodes: BTreeMap<Role, Vec<&NodeName>> = BTreeMap::new();
        for (node, role) in &self.roles {
            nodes.entry(*role).or_default().push(node);
        }
        let mut plan = json!({
            "roles": self.roles,
            "nodes": nodes.iter().map(|(role, names)| (role.name(), names)).collect::<BTreeMap<_, _>>(),
            "scale": self.scale,
            "thresholds": self.thresholds,
            "retention": self.retention,
        });
        if let Some(node) = &self.new_node {
            plan["new_node"] = json!(node);
        }
        json!({"eos": {"plan": plan}})
    }

    /// The pillar for Salt: a node takes this generation by itself, through its minion. The nodes without a minion
    /// that answers are in `roles` and not in `nodes`: they get the generation when the run is over.
    pub fn pillar_of_minions(&self, generation: u64, minions: &BTreeSet<NodeName>) -> Value {
        let mut pillar = self.pillar();
        let plan = &mut pillar["eos"]["plan"];
        plan["generation"] = json!(generation);
        let reached = |name: &Value| minions.iter().any(|minion| name == minion.as_str());
        for names in plan["nodes"].as_object_mut().into_iter().flat_map(|nodes| nodes.values_mut()) {
            names.as_array_mut().expect("the names of a role are a list").retain(reached);
        }
        if !plan["new_node"].is_null() && !reached(&plan["new_node"]) {
            plan.as_object_mut().expect("the plan is an object").remove("new_node");
        }
        pillar
    }
}
