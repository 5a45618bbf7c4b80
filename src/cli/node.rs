//! `eos node`: who is in the cluster, and who may be.

use crate::cli::context::{Context, Decided};
use crate::cli::done::{Done, json};
use crate::client::MasterClient;
use crate::model::explain::Failure;
use crate::model::ids::{NodeId, NodeName};
use crate::view;
use crate::view::roles::Tense;
use crate::wire::admin::{AcceptNode, DecidedNode, MeantNode, Use};
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// List every node that the master knows
    List,
    /// Show one node
    Show {
        /// Its name or id
        #[arg(value_name = "NODE")]
        name: String,
    },
    /// Let a node in that waits, or bring a removed one back
    Accept {
        /// Its name or id
        #[arg(value_name = "NODE")]
        name: String,
        /// The member whose place it takes, by its name or id
        #[arg(long, value_name = "NODE")]
        replace: Option<String>,
        /// Only show what would change
        #[arg(long)]
        plan: bool,
    },
    /// Refuse a node that waits
    Reject {
        /// Its name or id
        #[arg(value_name = "NODE")]
        name: String,
    },
    /// Remove a node; its certificate is void at once
    Remove {
        /// Its name or id
        #[arg(value_name = "NODE")]
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
            let nodes = context.ask(async |master| master.status().await)?.nodes;
            Ok(Done::new(serde_json::json!({ "nodes": nodes }), view::node::list(&context.output, &nodes)))
        }
        NodeCommand::Show { name } => {
            let name = node_name(&name)?;
            let node = context.ask(async |master| master.node(&name).await)?;
            Ok(Done::new(json(&node), view::node::show(&context.output, &node)))
        }
        NodeCommand::Accept { name, replace, plan } => {
            let name = node_name(&name)?;
            let replace = replace.as_deref().map(node_name).transpose()?;
            let replaced = replace.map(|name| context.meant(what, &name, Use::Replace)).transpose()?;
            let how = AcceptNode { replace: replaced, plan };
            let call = async |master: &MasterClient, id: &NodeName| master.accept(id, &how).await;
            let accepted = context.decide_on(what, (&name, Use::Accept), call)?.answer;
            let (tense, head, outcome) = match plan {
                true => (Tense::Would, "would be accepted; once it confirms", "planned"),
                false => (Tense::Will, "is accepted; once it confirms", "done"),
            };
            let text = format!(
                "{} {head}:\n{}{}",
                meant(&accepted.meant),
                view::roles::text(tense, &accepted.plan),
                namesakes(&accepted.meant)
            );
            Ok(Done::new(json(&accepted), text).outcome(outcome))
        }
        NodeCommand::Reject { name } => {
            let name = node_name(&name)?;
            let call = async |master: &MasterClient, id: &NodeName| master.reject(id).await;
            let rejected = context.decide_on(what, (&name, Use::Reject), call)?.answer;
            let text = format!("{} is rejected\n{}", meant(&rejected), namesakes(&rejected));
            Ok(Done::new(json(&rejected), text))
        }
        NodeCommand::Remove { name } => {
            let name = node_name(&name)?;
            let call = async |master: &MasterClient, id: &NodeName| master.remove(id).await;
            let decided = context.decide_on(what, (&name, Use::Remove), call)?;
            let (changes, removed) = (changed(&decided), decided.answer);
            let text =
                format!("{} is removed\n{changes}{}", meant(&removed.meant), namesakes(&removed.meant));
            Ok(Done::new(json(&removed), text))
        }
    }
}

/// What a decision that is in force changed.
pub(super) fn changed(decided: &Decided<DecidedNode>) -> String {
    if decided.again {
        return "the master's first answer, with what it changed, was lost; the roles now: eos status\n"
            .to_owned();
    }
    view::roles::text(Tense::Did, &decided.answer.plan)
}

/// `node2 (n-0f73494f775b180f6f68, key sha256:...)`: whatever was given, all of them are told.
fn meant(node: &MeantNode) -> String {
    format!("{} ({}, key {})", node.name, node.node, node.key)
}

/// That others have the name as well, and were not meant.
fn namesakes(node: &MeantNode) -> String {
    let others: Vec<&str> = node.namesakes.iter().map(NodeId::as_str).collect();
    match others.as_slice() {
        [] => String::new(),
        others => format!("\nnothing is changed for others named {}: {}\n", node.name, others.join(", ")),
    }
}
