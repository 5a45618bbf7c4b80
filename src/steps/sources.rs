//! The sources of snapshots that this node knows: its own, and those of the cluster.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::model::config::Config;
use crate::model::snapshots::{Hooks, SourceConfig, sources};
use crate::steps::error::StepFailure;
use serde_yaml::Value;
use std::path::Path;

/// The configuration of the cluster in what this node pulled of the cluster's own state.
const CONFIGURATION: &str = "cluster.yaml";

/// The sources of this node's configuration, then those of the cluster's that it has not. Hooks are programs of
/// the machine that a configuration was written for: those that came from elsewhere are left out.
///
/// # Errors
/// When the cluster's configuration cannot be read or understood.
pub fn known(root: &Root, own: &Config) -> Result<Vec<SourceConfig>, StepFailure> {
    let mut known = own.snapshot.sources.clone();
    let path = root.join(Path::new(paths::CLUSTER_STATE).join(CONFIGURATION));
    let Some(bytes) = files::read_optional(&path)? else { return Ok(known) };
    let not = |why: String| StepFailure::ClusterSources { path: path.display().to_string(), why };
    let value: Value = serde_yaml::from_slice(&bytes).map_err(|error| not(error.to_string()))?;
    // Other keys may be of a later eos, and are none of this.
    let Some(listed) = value.get("snapshot").and_then(|snapshot| snapshot.get("sources")) else {
        return Ok(known);
    };
    for source in sources(listed).map_err(|fault| not(fault.to_string()))? {
        if !known.iter().any(|own| own.name == source.name) {
            known.push(SourceConfig { hooks: Hooks::default(), ..source });
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    const CLUSTER: &str = "
cluster: {id: c1}
later: {key: 1}
snapshot:
  sources:
  - {name: metrics, path: /srv/metrics, hooks: {before_restore: {command: [/bin/stop]}}}
  - {name: logs, path: /srv/logs, roles: [data]}
";

    #[test]
    fn sources_of_the_cluster_are_known_without_hooks_and_the_nodes_own_come_first() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let mut own = Config::default();
        assert_eq!(known(&root, &own)?, []);
        std::fs::create_dir_all(root.join(paths::CLUSTER_STATE))?;
        let path = root.join("var/lib/eos/cluster/cluster.yaml");
        std::fs::write(&path, CLUSTER)?;
        let found = known(&root, &own)?;
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|source| source.hooks == Hooks::default()));
        let mine = "- {name: metrics, path: /srv/metrics, hooks: {before_restore: {command: [/bin/mine]}}}";
        own.snapshot.sources = sources(&serde_yaml::from_str(mine)?)?;
        let found = known(&root, &own)?;
        assert_eq!(
            found[0].hooks.before_restore.as_ref().map(|hook| hook.command[0].as_str()),
            Some("/bin/mine")
        );
        assert_eq!((found.len(), found[1].name.as_str()), (2, "logs"));
        std::fs::write(&path, "snapshot: {sources: [{name: x}]}")?;
        let error = known(&root, &own).expect_err("it has no path");
        let text =
            format!("the sources in {} are not understood: source x: missing field `path`", path.display());
        tells(&error, "EOS-S034", &text);
        Ok(())
    }
}
