//! What the master knows of a member while it runs the steps.

use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::wire::member::TaskDone;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A member at one instant.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its name.
    pub name: NodeName,
    /// The role that the plan gives it.
    pub role: Option<Role>,
    /// The scale of the cluster.
    pub scale: Scale,
    /// Its address, as text.
    pub address: String,
    /// Logical processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The newest generation that it has applied.
    pub applied: u64,
    /// Whether it was heard of lately.
    pub there: bool,
    /// Whether it is away for so long that nothing waits for it.
    pub gone: bool,
    /// The generation that it could not apply, and why.
    pub failure: Option<(u64, String)>,
    /// Whether its agent takes tasks besides generations, as far as is known.
    pub takes_tasks: bool,
    /// The tasks that it has done, by their ids.
    pub done: BTreeMap<String, TaskDone>,
}

impl Seen {
    /// The grains that the master knows of it: `id`, `host`, `role`, `ipv4`, `num_cpus`, `mem_total` (MiB), and `eos:role`, `eos:scale`.
    pub fn grains(&self) -> Value {
        let (name, role) = (self.name.as_str(), self.role.map(|role| role.to_string()));
        let mut grains = json!({
            "id": name,
            "host": name,
            "nodename": name,
            "eos": {"scale": self.scale.to_string()},
            "ipv4": [self.address],
            "num_cpus": self.cpus,
            "mem_total": self.memory_bytes >> 20,
        });
        if let Some(role) = role {
            grains["eos"]["role"] = json!(role);
            grains["role"] = json!(role);
            grains["roles"] = json!([role]);
        }
        grains
    }
}
