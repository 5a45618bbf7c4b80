//! What was configured and has no effect on the node where it stands.

use super::place::Origin;
use super::resolve::{Layers, Leaf, Resolved, resolve};

/// Sections that only the master reads, for all nodes.
const OF_THE_MASTER: [&str; 3] = ["cluster.roles", "admission", "storage"];

/// One sentence for each section with settings of its own that have no effect on a member, since only the master
/// reads them. A value that is the default's anyway is none.
pub fn without_effect(resolved: &Resolved, runs_master: bool) -> Vec<String> {
    let defaults = resolve(&Layers::default()).map(|defaults| defaults.origins).unwrap_or_default();
    let set = |leaf: &&Leaf| {
        leaf.origin != Origin::Default
            && defaults.get(leaf.key).is_none_or(|default| default.value != leaf.value)
    };
    let in_section = |section: &str| {
        let below = |leaf: &&Leaf| leaf.key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        let named = |leaf: &Leaf| format!("{} ({})", leaf.key, leaf.origin);
        let keys = resolved.origins.0.iter().filter(below).filter(set).map(named).collect::<Vec<_>>();
        (!keys.is_empty()).then(|| keys.join(", "))
    };
    let masters = OF_THE_MASTER.iter().filter(|_| !runs_master).filter_map(|section| {
        let keys = in_section(section)?;
        Some(format!("{section}: on this node has no effect; set it in the master's cluster.yaml: {keys}"))
    });
    masters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::layers::ConfigFile;

    fn of(text: &str) -> Resolved {
        let file = ConfigFile { path: "/etc/eos/cluster.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        resolve(&Layers { files: vec![file], ..Layers::default() }).expect("it is valid")
    }

    #[test]
    fn what_only_the_master_reads_has_no_effect_on_a_member() {
        let resolved = of("storage:\n  interval_seconds: 77\n  mode: act\nadmission:\n  names: [a]\n\
                           cluster:\n  roles:\n    assignment: manual\n    rebalance_on_join: true\n\
                           node:\n  agent_port: 4606\n");
        let head = |section: &str| {
            format!("{section}: on this node has no effect; set it in the master's cluster.yaml: ")
        };
        assert_eq!(
            without_effect(&resolved, false),
            [
                head("cluster.roles") + "cluster.roles.assignment (/etc/eos/cluster.yaml:8)",
                head("admission") + "admission.names (/etc/eos/cluster.yaml:5)",
                head("storage")
                    + "storage.interval_seconds (/etc/eos/cluster.yaml:2), storage.mode (/etc/eos/cluster.yaml:3)",
            ]
        );
        assert_eq!(without_effect(&resolved, true), [""; 0]);
    }
}
