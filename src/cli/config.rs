//! `eos config`: what is configured, and where it came from.

use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::identity::membership::Membership;
use crate::model::explain::Failure;
use crate::model::layers::{self, Leaf, Origin, Resolved};
use crate::steps::settings;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every key with its value
    Show {
        /// And where the value came from
        #[arg(long)]
        origin: bool,
    },
    /// Check the configuration
    Validate,
}

impl ConfigCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Show { .. } => "config show",
            Self::Validate => "config validate",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// With everything that is wrong at once.
pub fn run(context: &Context, command: ConfigCommand) -> Result<Done, Failure> {
    let resolved = context.resolve_for_all_roles(Vec::new())?;
    let origins = match command {
        ConfigCommand::Validate => {
            // Here a tree that makes nothing of it is a finding, too.
            settings::check(&context.root, &resolved).map_err(Failure::from)?;
            return validated(context, &resolved);
        }
        ConfigCommand::Show { origin } => origin,
    };
    // Every key of storage once more for each role: those that nobody set would hide the others.
    let of_a_role = |leaf: &Leaf| leaf.key.starts_with("storage.roles.");
    let shown = |leaf: &&Leaf| leaf.origin != Origin::Default || !of_a_role(leaf);
    let leaves: Vec<&Leaf> = resolved.origins.0.iter().filter(shown).collect();
    let width = leaves.iter().map(|leaf| leaf.key.len()).max().unwrap_or_default();
    let mut text = String::new();
    for leaf in leaves {
        let value = match &leaf.value {
            serde_yaml::Value::Null => "-".to_owned(),
            value => serde_json::to_string(value).expect("values serialise"),
        };
        match origins {
            true => text.push_str(&format!("{:<width$}  {value:<24}  {}\n", leaf.key, leaf.origin)),
            false => text.push_str(&format!("{:<width$}  {value}\n", leaf.key)),
        }
    }
    Ok(Done::new(settings(&resolved), text))
}

/// It is valid; what of it has no effect on this node is told.
fn validated(context: &Context, resolved: &Resolved) -> Result<Done, Failure> {
    let membership = Membership::load(&context.root).map_err(failure)?;
    let runs_master = membership.is_none_or(|membership| membership.runs_master);
    let warnings = layers::without_effect(resolved, runs_master);
    let told = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>();
    let mut result = settings(resolved);
    result["warnings"] = json(&warnings);
    Ok(Done::new(result, format!("the configuration is valid\n{told}")))
}

/// Every setting with its value and where it came from, for programs.
fn settings(resolved: &Resolved) -> serde_json::Value {
    serde_json::json!({ "settings": json(&resolved.origins) })
}
