//! The guard before a cluster is given up: the only master does not go while others are members.

use crate::cli::context::{Context, failure};
use crate::cli::error::CliError;
use crate::host::{files, paths};
use crate::lifecycle::NodeState;
use crate::model::explain::Failure;
use crate::registry::Registry;
use crate::registry::sqlite::SqliteRegistry;

/// Refuses when this host runs the master of other nodes.
///
/// The registry itself is asked, since a master that is down has members all the same, and a host
/// whose own identity is damaged must be cleaned all the same.
///
/// # Errors
/// When there are other members, or the registry cannot be read.
pub fn refuse_with_members(context: &Context, command: &str) -> Result<(), Failure> {
    let registry = context.root.join(paths::REGISTRY);
    if !files::exists(&registry).map_err(failure)? {
        return Ok(());
    }
    let records = SqliteRegistry::read(&registry).and_then(|mut opened| opened.load()).map_err(failure)?;
    let others = records.nodes.into_iter().filter(|node| !node.master);
    let members = others.filter(|node| matches!(node.state, NodeState::Active | NodeState::Joining));
    let mut names: Vec<String> = members.map(|node| node.name.to_string()).collect();
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    Err(CliError::HasMembers { command: command.to_owned(), names }.failure())
}
