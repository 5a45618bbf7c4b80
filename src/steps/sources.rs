//! The sources of snapshots that this node knows: its own, and those of the cluster.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::model::config::Config;
use crate::model::role::Role;
use crate::model::snapshots::{Hooks, SourceConfig, sources};
use crate::steps::error::StepFailure;
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};
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
    for source in of_cluster(root)? {
        if known.iter().any(|own| own.name == source.name) {
            continue;
        }
        if let Some(other) = known.iter().find(|own| own.overlaps(&source)) {
            let why = format!(
                "source {}: its path overlaps with that of source {} of this node's own configuration",
                source.name, other.name
            );
            return Err(StepFailure::ClusterSources { path: path.display().to_string(), why });
        }
        known.push(source);
    }
    Ok(known)
}

/// For each source of the cluster's configuration, as it was when this node joined, the roles that may have its
/// snapshots; everybody if none is named.
///
/// # Errors
/// When the cluster's configuration cannot be read or understood.
pub fn pulled_roles(root: &Root) -> Result<BTreeMap<String, BTreeSet<Role>>, StepFailure> {
    Ok(of_cluster(root)?.into_iter().map(|source| (source.name.to_string(), source.roles)).collect())
}

/// The sources of the cluster's configuration, without hooks.
fn of_cluster(root: &Root) -> Result<Vec<SourceConfig>, StepFailure> {
    let path = root.join(Path::new(paths::CLUSTER_STATE).join(CONFIGURATION));
    let Some(bytes) = files::read_optional(&path)? else { return Ok(Vec::new()) };
    let not = |why: String| StepFailure::ClusterSources { path: path.display().to_string(), why };
    let value: Value = serde_yaml::from_slice(&bytes).map_err(|error| not(error.to_string()))?;
    // Other keys may be of a later eos, and are none of this.
    let Some(listed) = value.get("snapshot").and_then(|snapshot| snapshot.get("sources")) else {
        return Ok(Vec::new());
    };
    let listed = sources(listed).map_err(|fault| not(fault.to_string()))?;
    Ok(listed.into_iter().map(|source| SourceConfig { hooks: Hooks::default(), ..source }).collect())
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
        let limited = pulled_roles(&root)?;
        let told = |(name, roles): (String, BTreeSet<Role>)| format!("{name}: {roles:?}");
        assert_eq!(limited.into_iter().map(told).collect::<Vec<_>>(), ["logs: {Data}", "metrics: {}"]);
        let mine = "- {name: mine, path: /srv/metrics/mine}";
        own.snapshot.sources = sources(&serde_yaml::from_str(mine)?)?;
        let error = known(&root, &own).expect_err("they overlap");
        let text = format!(
            "the sources in {} are not understood: source metrics: its path overlaps with that of source mine of \
             this node's own configuration",
            path.display()
        );
        tells(&error, "EOS-S034", &text);
        own.snapshot.sources.clear();
        std::fs::write(&path, "snapshot: {sources: [{name: x}]}")?;
        let error = known(&root, &own).expect_err("it has no path");
        let text =
            format!("the sources in {} are not understood: source x: missing field `path`", path.display());
        tells(&error, "EOS-S034", &text);
        Ok(())
    }
}
