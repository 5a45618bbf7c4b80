//! `eos explain`: cause, evidence and remedy of an error code.

use crate::cli::catalogue;
use crate::cli::context::failure;
use crate::cli::done::Done;
use crate::model::explain::Failure;
use serde_json::json;

/// Runs the command.
///
/// # Errors
/// When there is no such code.
pub fn run(code: &str) -> Result<Done, Failure> {
    let entry = catalogue::find(code).map_err(failure)?;
    let retry =
        if entry.retry { "running the same command again can help" } else { "a retry alone does not help" };
    let text = format!(
        "EOS-{}: {}\n\ncause:    {}\nevidence: {}\nremedy:   {}\nretry:    {retry}\n",
        entry.code, entry.title, entry.cause, entry.evidence, entry.remedy
    );
    let result = json!({
        "code": format!("EOS-{}", entry.code), "title": entry.title, "cause": entry.cause,
        "evidence": entry.evidence, "remedy": entry.remedy, "retry": entry.retry,
    });
    Ok(Done::new(result, text))
}
