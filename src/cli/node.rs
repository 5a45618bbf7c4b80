//! `eos node`: who is in the cluster, and who may be.

use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::view;
use crate::wire::admin::AcceptNode;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// List every node that the master knows
    List,
    /// Show one node
    Show {
        /// Its name
        name: String,
    },
    /// Let a node in that waits, or bring a removed one back
    Accept {
        /// Its name, or its id when several of the name wait
        name: String,
        /// The member whose place it takes
        #[arg(long, value_name = "NAME")]
        replace: Option<String>,
        /// Only show what would change
        #[arg(long)]
        plan: bool,
    },
    /// Refuse a node that waits
    Reject {
        /// Its name, or its id when several of the name wait
        name: String,
    },
    /// Remove a node; its certificate is void at once
    Remove {
        /// Its name
        name: String,
    },
}

impl NodeCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::List => "node list",
            Self::Show { .. } => "node show",
            Self::Accept { .. } => "node accept",
            Self::Reject { .. } => "node reject",
            Self::Remove { .. } => "node remove",
        }
    }
}

pub(super) fn node_name(text: &str) -> Result<NodeName, Failure> {
    NodeName::parse(text)
        .map_err(|error| crate::cli::error::CliError::Usage { line: error.to_string() }.failure())
}

/// Runs the command.
///
/// # Errors
/// When the master refuses or does not answer.
pub fn run(context: &Context, command: NodeCommand) -> Result<Done, Failure> {
    let what = command.name();
    match command {
        NodeCommand::List => {
            let nodes = context.block_on(context.member()?.status()).map_err(failure)?.nodes;
            Ok(Done::new(serde_json::json!({ "nodes": nodes }), view::node::list(&context.output, &nodes)))
        }
        NodeCommand::Show { name } => {
            let node = context.block_on(context.member()?.node(&node_name(&name)?)).map_err(failure)?;
            Ok(Done::new(json(&node), view::node::show(&context.output, &node)))
        }
        NodeCommand::Accept { name, replace, plan } => {
            let replace = replace.as_deref().map(node_name).transpose()?;
            let (name, how) = (node_name(&name)?, AcceptNode { replace, plan });
            let accepted = context.block_on(context.operator(what)?.accept(&name, &how)).map_err(failure)?;
            let changes = view::roles::text(&accepted.plan);
            let head = if plan { "would be accepted" } else { "is accepted; once it confirms" };
            let outcome = if plan { "planned" } else { "done" };
            let text = format!("{name} ({}, key {}) {head}:\n{changes}", accepted.node, accepted.key);
            Ok(Done::new(json(&accepted), text).outcome(outcome))
        }
        NodeCommand::Reject { name } => {
            let name = node_name(&name)?;
            context.block_on(context.operator(what)?.reject(&name)).map_err(failure)?;
            Ok(Done::new(serde_json::json!({ "node": name }), format!("{name} is rejected\n")))
        }
        NodeCommand::Remove { name } => {
            let name = node_name(&name)?;
            let planned = context.block_on(context.operator(what)?.remove(&name)).map_err(failure)?;
            let changes = view::roles::text(&planned);
            Ok(Done::new(json(&planned), format!("{name} is removed:\n{changes}")))
        }
    }
}
