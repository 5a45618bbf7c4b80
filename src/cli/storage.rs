//! `eos storage`: the storage monitor of this node.

use crate::agent::monitor as operator;
use crate::cli::context::{Context, failure};
use crate::cli::daemon;
use crate::cli::done::{Done, json};
use crate::cli::error::CliError;
use crate::model::explain::Failure;
use crate::storage::level::Level;
use crate::view;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Show how full the watched mounts are and what the monitor did
    Status,
    /// Run the monitor in the foreground
    Monitor,
    /// Do now what a level says
    Cleanup {
        /// warning, compress, cleanup, degraded, emergency or critical
        #[arg(long, value_name = "LEVEL")]
        level: String,
        /// Only list what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Take the wall clock for right after a jump (EOS-V021)
    AcceptClock,
}

impl StorageCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status => "storage status",
            Self::Monitor => "storage monitor",
            Self::Cleanup { .. } => "storage cleanup",
            Self::AcceptClock => "storage accept-clock",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the configuration cannot be read, or a cleanup fails.
pub fn run(context: &Context, command: StorageCommand) -> Result<Done, Failure> {
    match command {
        StorageCommand::Monitor => daemon::monitor(context),
        StorageCommand::Status => {
            let report = operator::status(&context.root).map_err(failure)?;
            Ok(Done::new(json(&report), view::storage::text(&context.output, &report)))
        }
        StorageCommand::AcceptClock => {
            // Only a member has what goes by it.
            context.membership()?;
            let accepted = operator::accept_clock(&context.root).map_err(failure)?;
            let text = format!("the clock shows {} and is taken for right\n", accepted.wall);
            Ok(Done::new(json(&accepted), text))
        }
        StorageCommand::Cleanup { level, dry_run } => {
            let unknown = || CliError::Usage { line: format!("{level:?} is not a level") }.failure();
            let level = Level::parse(&level).ok_or_else(unknown)?;
            let cleaned = operator::cleanup(&context.root, level, dry_run).map_err(failure)?;
            let outcome = if dry_run { "planned" } else { "done" };
            let text = view::cleanup::text(&context.output, &cleaned, dry_run);
            Ok(Done::new(json(&cleaned), text).outcome(outcome))
        }
    }
}
