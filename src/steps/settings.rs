//! Checks that what `storage:` says makes a storage configuration for every role at every scale, before it is used: by
//! the states that will be applied, a site's own changes among them.

use crate::host::root::Root;
use crate::model::config::StorageConfig;
use crate::model::layers::{Leaf, Origin, Resolved};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::sls::embedded::Embedded;
use crate::sls::plan::{self, Wanted};
use crate::sls::tree::StateTree;
use crate::sls::{Context, Function, Inputs};
use crate::steps::error::StepFailure;
use crate::steps::states_tree::DiskTree;
use crate::storage::{ConfigError, StorageOps};

const FILE: &str = "/etc/eos/storage-ops.yaml";

/// Every role with the scales at which it is given.
pub fn places() -> impl Iterator<Item = (Role, Scale)> {
    let pairs = Role::ALL.into_iter().flat_map(|role| Scale::ALL.map(|scale| (role, scale)));
    pairs.filter(|(role, scale)| (*role == Role::Monolith) == (*scale == Scale::Single))
}

/// What the states of this tree make of it for a node of this role and scale, which nothing else is mounted on than what
/// the configuration names.
///
/// # Errors
/// When the tree cannot be rendered, or what it makes is not what the monitor reads.
pub fn storage_ops(
    tree: &dyn StateTree,
    storage: &StorageConfig,
    role: Role,
    scale: Scale,
) -> Result<Result<StorageOps, ConfigError>, StepFailure> {
    let inputs = Inputs::of("node", role, scale).configured(storage);
    let wanted = Wanted::Named(vec!["storage.config".to_owned()]);
    let plan = plan::render(tree, &wanted, &Context::new(&inputs.node, inputs.pillar()))?;
    let text = plan.states.into_iter().find_map(|state| match state.function {
        Function::FileManaged { path, contents: Some(bytes), .. } if path == FILE => Some(bytes),
        _ => None,
    });
    let why = || "no state writes it".to_owned();
    let text = text.ok_or_else(|| StepFailure::Template { name: "storage-ops.yaml", why: why() })?;
    Ok(StorageOps::parse(&String::from_utf8_lossy(&text)))
}

/// Looks at every role and scale; costs nothing where `storage:` says nothing.
///
/// # Errors
/// The first that does not fit, with the place of what is wrong ([`StepFailure::Misfit`]); or why the tree makes nothing
/// of it, which is no fault of the configuration.
pub fn check(root: &Root, resolved: &Resolved) -> Result<(), StepFailure> {
    let storage = &resolved.config.storage;
    if *storage == StorageConfig::default() {
        return Ok(());
    }
    let disk = DiskTree::in_force(root)?;
    let tree: &dyn StateTree = disk.as_ref().map_or(&Embedded, |tree| tree);
    for (role, scale) in places() {
        let fits = storage_ops(tree, storage, role, scale);
        // The engine takes a file that cannot be read for a missing one: the reason is told instead.
        disk.as_ref().map_or(Ok(()), DiskTree::all_read)?;
        if let Err(source) = fits? {
            let (place, key) = culprit(resolved, role, &source);
            return Err(StepFailure::Misfit { place, key, role, scale, source });
        }
    }
    Ok(())
}

/// The key that is to blame, and where it stands: of those that the fault is about, the first that somebody set.
fn culprit(resolved: &Resolved, role: Role, fault: &ConfigError) -> (String, String) {
    let about: Vec<String> = match fault {
        ConfigError::Order { level, lower, .. } => [level, lower].map(|at| format!("thresholds.{at}")).into(),
        ConfigError::InsideCritical { key, .. } => vec![(*key).to_owned(), "classes.critical".to_owned()],
        ConfigError::Path { key, .. } if key.starts_with("classes.") => {
            let others = ["expendable", "standard", "important", "critical"];
            std::iter::once((*key).to_owned()).chain(others.map(|class| format!("classes.{class}"))).collect()
        }
        ConfigError::Path { key, .. } | ConfigError::Range { key, .. } => vec![(*key).to_owned()],
        _ => Vec::new(),
    };
    let set = |key: &str| resolved.origins.get(key).filter(|leaf| leaf.origin != Origin::Default);
    let own = format!("storage.roles.{role}.");
    let named = about.iter().flat_map(|key| [format!("{own}{key}"), format!("storage.{key}")]);
    let concerns = |leaf: &&Leaf| {
        let general = leaf.key.starts_with("storage.") && !leaf.key.starts_with("storage.roles.");
        leaf.origin != Origin::Default && (general || leaf.key.starts_with(&own))
    };
    let found = named.filter_map(|key| set(&key)).next();
    match found.or_else(|| resolved.origins.0.iter().find(concerns)) {
        Some(leaf) => (leaf.origin.exact(), leaf.key.to_owned()),
        None => (Origin::Default.exact(), "storage".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use crate::model::layers::{ConfigFile, Layers, resolve};

    fn checked(text: &str) -> Result<(), StepFailure> {
        let folder = tempfile::tempdir().expect("a folder");
        checked_on(&Root::new(folder.path()).expect("a root"), text)
    }

    fn checked_on(root: &Root, text: &str) -> Result<(), StepFailure> {
        let file = ConfigFile { path: "c.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        let layers = Layers { files: vec![file], ..Layers::default() };
        check(root, &resolve(&layers).expect("each value is right by itself"))
    }

    #[test]
    fn the_tree_that_will_be_applied_decides_and_not_the_shipped_one() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let text = "storage: {thresholds: {warning: 50}}\n";
        checked_on(&root, text)?;
        // An installation's tree first, then the cluster's own, with a level that a site wants at 45.
        for place in [crate::host::paths::SHARED_STATES, crate::host::paths::CLUSTER_STATES] {
            for (name, bytes) in crate::sls::embedded::FILES {
                let path = root.join(place).join(name);
                std::fs::create_dir_all(path.parent().expect("it has one"))?;
                std::fs::write(path, bytes)?;
            }
            checked_on(&root, text)?;
            let template = root.join(place).join("storage/files/storage-ops.yaml.jinja");
            let own = std::fs::read_to_string(&template)?;
            let site = own.replace("{{ thresholds['compress'] }}", "45");
            assert_ne!(site, own);
            std::fs::write(&template, site)?;
            let error = checked_on(&root, text).expect_err("the site's does not fit");
            assert!(matches!(error, StepFailure::Misfit { .. }), "{error}");
            std::fs::write(&template, "{{ nothing.of.this }}")?;
            let error = checked_on(&root, text).expect_err("it cannot be rendered");
            assert!(matches!(error, StepFailure::Below(_)), "{error}");
        }
        Ok(())
    }

    #[test]
    fn every_role_and_scale_has_a_configuration_that_the_monitor_reads() -> anyhow::Result<()> {
        assert_eq!(places().count(), 13);
        for (role, scale) in places() {
            let ops = storage_ops(&Embedded, &StorageConfig::default(), role, scale)??;
            assert_eq!((ops.role, ops.scale), (role, scale));
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_a_role_is_told_with_its_place_role_and_reason() {
        for (text, told, cause) in [
            (
                "storage:\n  classes:\n    expendable: [/etc/x]\n",
                "c.yaml:3:17: storage.classes.expendable does not fit role monolith at scale single",
                "classes.expendable lists /etc/x, which lies inside critical /etc",
            ),
            (
                "storage:\n  roles:\n    data:\n      classes:\n        critical:\n        - /var\n",
                "c.yaml:5:9: storage.roles.data.classes.critical does not fit role data at scale small",
                "classes.standard lists /var/log, which lies inside critical /var",
            ),
            (
                "storage: {thresholds: {warning: 72}}\n",
                "c.yaml:1:33: storage.thresholds.warning does not fit role monolith at scale single",
                "threshold compress is 70, which is not above warning at 72",
            ),
            (
                "storage:\n  roles:\n    core: {thresholds: {cleanup: 86}}\n",
                "c.yaml:3:34: storage.roles.core.thresholds.cleanup does not fit role core at scale small",
                "threshold degraded is 85, which is not above cleanup at 86",
            ),
            (
                "storage:\n  classes:\n    important: [/var/log]\n",
                "c.yaml:3:16: storage.classes.important does not fit role monolith at scale single",
                "classes.standard lists /var/log, which is listed twice",
            ),
        ] {
            let error = checked(text).expect_err("it does not fit");
            tells(&error, "EOS-C029", told);
            let source = std::error::Error::source(&error).expect("a cause").to_string();
            assert_eq!(source, cause, "{text}");
        }
    }

    #[test]
    fn what_fits_is_taken() {
        for text in [
            "",
            "storage: {mode: act}",
            "storage: {retention: {logs: 60}, roles: {data: {thresholds: {warning: 50}, services: [rsync]}}}",
            "storage: {classes: {critical: [/boot], expendable: [/var/lib/cache]}}",
            "storage: {notify: {webhook: 'https://h/x'}, budget: {files: 7}, actions: {warning: [notify]}}",
        ] {
            checked(text).expect("it fits");
        }
    }
}
