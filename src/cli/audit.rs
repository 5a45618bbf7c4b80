//! `eos audit`: the hash-chained log of every decision of the master.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::files;
use crate::host::paths;
use crate::master::audit;
use crate::model::explain::Failure;
use crate::view;
use clap::Subcommand;

/// The most lines that the master tells at once.
const MOST: u64 = 10_000;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List the newest lines, the newest last
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=MOST))]
        count: u64,
    },
    /// Check that no line was changed, moved or removed
    Verify,
}

impl AuditCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "audit list",
            Self::Verify => "audit verify",
        }
    }
}

/// Runs the command, on the master's host.
///
/// # Errors
/// When this is not the master's host, the log cannot be read, or a line does not fit.
pub fn run(context: &Context, command: AuditCommand) -> Result<Done, Failure> {
    match command {
        AuditCommand::List { count } => list(context, count),
        AuditCommand::Verify => verify(context),
    }
}

fn list(context: &Context, count: u64) -> Result<Done, Failure> {
    let client = context.operator("audit list")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let lines = context.block_on(client.audit(count)).map_err(failure)?;
    Ok(Done::new(serde_json::json!({ "lines": lines }), view::audit::list(&lines)))
}

fn verify(context: &Context) -> Result<Done, Failure> {
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
