//! `eos identity`: who this machine is in its cluster, and whether it is the machine that it should be.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::cli::reset::{self, ResetArguments};
use crate::host::paths;
use crate::identity::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::machine::{self, Machine};
use crate::identity::membership::Membership;
use crate::model::explain::Failure;
use crate::view;
use clap::Subcommand;
use serde_json::json;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Show which node this machine is, and what tells it from others
    Show,
    /// For a copy of a node's disk: give that node's identity up without a word to the master, to join as another one
    New {
        /// Although nothing says that this machine is a copy
        #[arg(long)]
        force: bool,
    },
    /// For a node's disk in another machine: this machine is the node from now on
    Keep,
}

impl IdentityCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Show => "identity show",
            Self::New { .. } => "identity new",
            Self::Keep => "identity keep",
        }
    }

    /// Whether it takes anything away.
    pub fn changes(&self) -> bool {
        matches!(self, Self::New { .. })
    }
}

/// Runs the command.
///
/// # Errors
/// When this machine is no node, is no copy, or something of it cannot be read or removed.
pub fn run(context: &Context, command: &IdentityCommand) -> Result<Done, Failure> {
    let membership = context.membership()?;
    match command {
        IdentityCommand::Show => show(context, &membership),
        IdentityCommand::New { force } => new(context, &membership, *force),
        IdentityCommand::Keep => keep(context, &membership),
    }
}

fn show(context: &Context, membership: &Membership) -> Result<Done, Failure> {
    let key = PrivateKey::load(&context.root.join(paths::NODE_KEY)).map_err(failure)?.fingerprint();
    let recorded = Machine::load(&context.root).map_err(failure)?;
    let here = Machine::here(&context.root).map_err(failure)?;
    let evidence = recorded.as_ref().map(|recorded| here.differs_from(recorded)).unwrap_or_default();
    let text = view::identity::text(&context.output, membership, &key, recorded.as_ref(), &here, &evidence);
    let result = json!({
        "node": membership.node, "name": membership.name, "cluster": membership.cluster,
        "authority": membership.authority, "key": key.to_string(),
        "recorded": recorded, "here": here, "evidence": evidence, "elsewhere": !evidence.is_empty(),
    });
    Ok(Done::new(result, text))
}

fn keep(context: &Context, membership: &Membership) -> Result<Done, Failure> {
    let here = Machine::here(&context.root).map_err(failure)?;
    let known = matches!(Machine::load(&context.root), Ok(Some(recorded)) if recorded == here);
    if !known {
        here.save(&context.root).map_err(failure)?;
    }
    let (name, cluster) = (&membership.name, &membership.cluster);
    let next = context.output.rooted("to start what stands still: eos bootstrap\n");
    let text = format!("this machine is {name} of {cluster} from now on\n{next}");
    let result = json!({ "node": membership.node, "name": name, "cluster": cluster, "machine": here });
    Ok(Done::new(result, text).outcome(if known { "no-change" } else { "done" }))
}

fn new(context: &Context, membership: &Membership, force: bool) -> Result<Done, Failure> {
    let elsewhere = match machine::check(&context.root) {
        Ok(()) => false,
        Err(IdentityError::OtherMachine { .. }) => true,
        Err(_) if force => false,
        Err(error) => return Err(failure(error)),
    };
    if !(force || elsewhere || is_copied(context, membership)) {
        let (name, cluster) = (membership.name.to_string(), membership.cluster.to_string());
        return Err(failure(CliError::NoCopy { name, cluster }));
    }
    // The master of a copy is a copy, and its members are those of the other one.
    let done = reset::carry_out(context, &ResetArguments { verify: false, force: true }, false)?;
    let line = format!("eos bootstrap --join-cluster={}", membership.master);
    let next = context.output.rooted(&format!("to join as another node, under a name of its own: {line}\n"));
    Ok(Done { text: done.text + &next, ..done })
}

/// Whether the master hears more than one machine speak as this node; one that cannot be asked does not say so.
fn is_copied(context: &Context, membership: &Membership) -> bool {
    let asked = context.ask(async |master| master.status().await);
    let nodes = asked.map(|status| status.nodes).unwrap_or_default();
    nodes.iter().any(|node| node.id == membership.node && !node.copies.is_empty())
}
