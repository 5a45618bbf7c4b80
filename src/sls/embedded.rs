//! The shipped tree and the templates, compiled in: a machine needs no other file than the program.

use crate::sls::tree::StateTree;

/// The shipped tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded;

/// Every file of the shipped tree, by its path, in the order of the paths.
pub const FILES: &[(&str, &[u8])] = &[
    ("_grains/eos_node.py", include_bytes!("../../states/_grains/eos_node.py")),
    ("_modules/eos_node.py", include_bytes!("../../states/_modules/eos_node.py")),
    ("_modules/eos_roles.py", include_bytes!("../../states/_modules/eos_roles.py")),
    ("orchestration/node_addition.sls", include_bytes!("../../states/orchestration/node_addition.sls")),
    ("orchestration/role_update.sls", include_bytes!("../../states/orchestration/role_update.sls")),
    ("roles/compute.sls", include_bytes!("../../states/roles/compute.sls")),
    ("roles/core.sls", include_bytes!("../../states/roles/core.sls")),
    ("roles/data.sls", include_bytes!("../../states/roles/data.sls")),
    ("roles/edge.sls", include_bytes!("../../states/roles/edge.sls")),
    ("roles/monolith.sls", include_bytes!("../../states/roles/monolith.sls")),
    ("roles/settings.sls", include_bytes!("../../states/roles/settings.sls")),
    ("storage/config.sls", include_bytes!("../../states/storage/config.sls")),
    (
        "storage/files/storage-monitor.service",
        include_bytes!("../../states/storage/files/storage-monitor.service"),
    ),
    (
        "storage/files/storage-ops.yaml.jinja",
        include_bytes!("../../states/storage/files/storage-ops.yaml.jinja"),
    ),
    ("storage/init.sls", include_bytes!("../../states/storage/init.sls")),
    ("storage/map.jinja", include_bytes!("../../states/storage/map.jinja")),
    ("storage/monitor.sls", include_bytes!("../../states/storage/monitor.sls")),
    ("storage/thresholds.sls", include_bytes!("../../states/storage/thresholds.sls")),
    ("top.sls", include_bytes!("../../states/top.sls")),
];

/// The unit of the master, a template over `binary`, `root` and `user` (empty for the one who starts it).
pub const MASTER_UNIT: &str = include_str!("../../templates/eos-master.service.jinja");
/// The unit of the agent, a template over `binary`, `root` and `writable`.
pub const AGENT_UNIT: &str = include_str!("../../templates/eos-agent.service.jinja");
/// The unit that deals with what a crash left of captures and restores, a template over `binary` and `root`.
pub const RECOVERY_UNIT: &str = include_str!("../../templates/eos-recovery.service.jinja");
/// The unit that applies what the agent was told to, a template over `binary` and `root`.
pub const APPLY_UNIT: &str = include_str!("../../templates/eos-apply.service.jinja");
/// User data for cloud-init, a template over `made_by`, `program`, `files` and `command`.
pub const CLOUD_INIT: &str = include_str!("../../templates/cloud-init.yaml.jinja");
/// `/etc/eos/cluster.yaml`, a template over the keys of its file.
pub const CLUSTER_CONFIG: &str = include_str!("../../templates/cluster.yaml.jinja");

impl StateTree for Embedded {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| bytes.to_vec())
    }

    fn below(&self, directory: &str) -> Vec<String> {
        let directory = format!("{directory}/");
        let names = FILES.iter().map(|(name, _)| (*name).to_owned());
        names.filter(|name| name.starts_with(&directory)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn walk(directory: &Path, base: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).expect("the tree is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, base, found);
            } else {
                let name = path.strip_prefix(base).expect("below").to_str().expect("UTF-8").to_owned();
                found.push(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_tree_is_compiled_in() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("states");
        let mut found = Vec::new();
        walk(&base, &base, &mut found);
        found.sort();
        let listed: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(listed, found);
    }
}
