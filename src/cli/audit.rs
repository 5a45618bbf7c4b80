//! `eos audit`: the hash-chained log of every decision of the master.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::files;
use crate::host::paths;
use crate::master::audit;
use crate::model::explain::Failure;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no line was changed, moved or removed
    Verify,
}

/// Runs the command, on the master's host.
///
/// # Errors
/// When the log cannot be read, or a line does not fit.
pub fn run(context: &Context, command: AuditCommand) -> Result<Done, Failure> {
    let AuditCommand::Verify = command;
    let bytes = files::read(&context.root.join(paths::AUDIT)).map_err(failure)?;
    let text = String::from_utf8_lossy(&bytes);
    let count = audit::verify(&text)
        .map_err(|broken| failure(CliError::AuditBroken { line: broken.line, why: broken.why.to_owned() }))?;
    Ok(Done::new(
        serde_json::json!({ "lines": count }),
        format!("{count} lines, each follows from the one before\n"),
    ))
}
