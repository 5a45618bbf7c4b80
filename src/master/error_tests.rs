//! What a master says of records that are damaged, gone or half there.

use crate::host::paths;
use crate::host::root::Root;
use crate::lifecycle::NodeState;
use crate::master::fixture::{self, MasterHost};
use crate::master::{planning, run};
use crate::model::config::Config;
use crate::model::explain::tells;
use crate::roles::RoleRules;
use rusqlite::Connection;
use std::net::SocketAddr;

/// The files of a master that was founded and has ended; what was done to them, and what it then says.
fn damaged(damage: impl FnOnce(&Root) -> anyhow::Result<()>, code: &str, text: &str) -> anyhow::Result<()> {
    let MasterHost { folder, app } = MasterHost::new()?;
    drop(app);
    let root = Root::new(folder.path())?;
    damage(&root)?;
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let error = run::open(&root, Config::default(), || Ok(Default::default()), address)
        .err()
        .expect("it does not start");
    tells(&error, code, text);
    Ok(())
}

fn in_registry(root: &Root, statement: &str) -> anyhow::Result<()> {
    Ok(Connection::open(root.join(paths::REGISTRY))?.execute_batch(statement)?)
}

#[test]
fn a_registry_without_a_cluster_or_with_a_damaged_generation_is_not_served() -> anyhow::Result<()> {
    let text = "the cluster's id is not set: this host was not bootstrapped as a master";
    damaged(|root| in_registry(root, "DELETE FROM value WHERE name = 'cluster'"), "EOS-M021", text)?;
    let text = "the registry's generation is not a number";
    let damage = "UPDATE value SET text = 'many' WHERE name = 'generation'";
    damaged(|root| in_registry(root, damage), "EOS-M025", text)
}

#[test]
fn files_of_the_master_that_cannot_be_used_are_told_apart() -> anyhow::Result<()> {
    let text = "the change could not be written down, so it was not made";
    damaged(|root| in_registry(root, "PRAGMA user_version = 2"), "EOS-M016", text)?;
    let text = "the node's identity could not be used";
    damaged(|root| Ok(std::fs::write(root.join(paths::AUTHORITY_CERTIFICATE), "x")?), "EOS-M017", text)?;
    let text = "a file of the master could not be used";
    damaged(|root| Ok(std::fs::create_dir(root.join(paths::AUDIT))?), "EOS-M019", text)
}

#[test]
fn a_member_without_a_role_and_a_cluster_without_nodes_get_no_plan() -> anyhow::Result<()> {
    let host = MasterHost::new()?;
    let cluster = host.app.cluster();
    let error = planning::plan_with(&cluster, &RoleRules::default(), &[]).expect_err("there is nobody");
    tells(&error, "EOS-M015", "roles could not be planned");
    drop(cluster);
    let mut member = fixture::node("node7", NodeState::Active, 0);
    member.role = None;
    host.put(member.clone())?;
    let error = host.app.desired(&host.app.cluster(), &member).expect_err("it was changed by hand");
    tells(&error, "EOS-M024", "the registry gives node7 no role");
    Ok(())
}

#[test]
fn a_slot_is_told_in_whole_seconds_that_are_not_too_few() {
    use crate::master::MasterError;
    use std::time::Duration;
    for (after, seconds) in [(5_200, 6), (6_000, 6), (1, 1)] {
        let error = MasterError::Busy { ahead: 37, after: Duration::from_millis(after) };
        assert_eq!(error.again(), Some(Duration::from_secs(seconds)));
        let text = "the master is busy with other nodes that want to join: 37 come before this one, in about";
        tells(&error, "EOS-J014", &format!("{text} {seconds} s"));
    }
}
