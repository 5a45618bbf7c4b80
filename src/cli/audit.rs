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
    let path = context.root.join(paths::AUDIT);
    let membership = context.membership()?;
    if !membership.runs_master && !files::exists(&path).map_err(failure)? {
        let master = membership.master.ip().to_string();
        return Err(failure(CliError::NotMaster { what: "audit verify".to_owned(), master }));
    }
    let bytes = files::read(&path).map_err(failure)?;
    let text = String::from_utf8_lossy(&bytes);
    let count = audit::verify(&text)
        .map_err(|broken| failure(CliError::AuditBroken { line: broken.line, why: broken.why.to_owned() }))?;
    Ok(Done::new(
        serde_json::json!({ "lines": count }),
        format!("{count} lines, each follows from the one before\n"),
    ))
}
