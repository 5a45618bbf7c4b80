//! What the Salt master's pillar says of each node: one file for each value, as its `file_tree` reads them.

use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use serde_json::Value;
use std::path::Path;

/// Brings the files up to date with the plan; those of nodes that are not in it go.
///
/// # Errors
/// When they cannot be written.
pub fn keep(root: &Root, cluster: &str, plan: &Value) -> Result<(), FileError> {
    let hosts = root.join(paths::SALT_PILLAR).join("hosts");
    let plan = &plan["eos"]["plan"];
    let roles = plan["roles"].as_object();
    let open = Attributes { mode: 0o755, owner: None };
    for (name, role) in roles.into_iter().flatten() {
        let directory = hosts.join(name).join("eos");
        files::create_directory(&directory, open)?;
        let values = [("cluster", Some(cluster)), ("role", role.as_str()), ("scale", plan["scale"].as_str())];
        for (key, value) in values {
            write(&directory.join(key), &format!("{}\n", Value::from(value.unwrap_or_default())))?;
        }
    }
    for name in files::list(&hosts)? {
        if roles.is_none_or(|roles| !roles.contains_key(&name)) {
            files::remove_tree(&hosts.join(name))?;
        }
    }
    Ok(())
}

/// A file that is as it shall be is left alone: a plan names thousands.
fn write(path: &Path, value: &str) -> Result<(), FileError> {
    if files::read_optional(path)?.as_deref() == Some(value.as_bytes()) {
        return Ok(());
    }
    files::write_atomic(path, value.as_bytes(), Attributes::PUBLIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_node_of_the_plan_has_its_values_and_no_other_one_has_any() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let read =
            |name: &str| std::fs::read_to_string(root.join(paths::SALT_PILLAR).join("hosts").join(name));
        let plan = |roles: Value| json!({"eos": {"plan": {"roles": roles, "scale": "small"}}});
        keep(&root, "c1", &plan(json!({"n1": "edge", "n2": "core"})))?;
        keep(&root, "c1", &plan(json!({"n1": "data"})))?;
        assert_eq!(read("n1/eos/role")?, "\"data\"\n");
        assert_eq!(
            (read("n1/eos/scale")?, read("n1/eos/cluster")?),
            ("\"small\"\n".to_owned(), "\"c1\"\n".to_owned())
        );
        assert!(read("n2/eos/role").is_err());
        Ok(())
    }
}
