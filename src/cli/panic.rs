//! What is said when eos itself fails: no secret, what was left unfinished, and how to go on or undo it.

use crate::cli::redact;
use crate::host::root::Root;
use crate::journal::file;
use crate::model::explain::{Exit, Failure};
use crate::view;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::path::Path;

/// What stands for a token in a text.
const HIDDEN: &str = "(token)";

/// How a token begins.
const TOKEN: &str = "eos1.";

/// A panic is told on the standard error without the tokens that its message may hold.
pub(super) fn tell_without_secrets() {
    std::panic::set_hook(Box::new(|panic| view::stderr(&without_tokens(&told(panic)))));
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    let message = panic.payload_as_str().unwrap_or("a panic without words");
    let thread = std::thread::current().name().unwrap_or("without a name").to_owned();
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("{trace}\n"),
        _ => String::new(),
    };
    format!("thread {thread} panicked{place}: {message}\n{trace}")
}

/// The text without the token that this command was given, and without what looks like one.
fn without_tokens(text: &str) -> String {
    let given = std::env::var(redact::VARIABLE).unwrap_or_default();
    let text = if given.is_empty() { text.to_owned() } else { text.replace(given.trim(), HIDDEN) };
    let mut parts = text.split(TOKEN);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|next: char| !(next.is_ascii_alphanumeric() || "._-".contains(next)));
        clean.push_str(HIDDEN);
        clean.push_str(&part[end.unwrap_or(part.len())..]);
    }
    clean
}

/// The failure of a command that panicked: what it began is in the journal, and never told as undone.
pub(super) fn failure(root: &Path) -> Failure {
    let root = Root::new(root).map_err(|error| error.to_string());
    let found = root.and_then(|root| file::unfinished(&root).map_err(|error| error.to_string()));
    told_of(&found.map(|found| found.map(|(saga, _)| saga.to_string())))
}

fn told_of(unfinished: &Result<Option<String>, String>) -> Failure {
    let report = "report it with the output of the same command and -vv: eos status -vv".to_owned();
    let left = match unfinished {
        Ok(None) => return failed("nothing is left unfinished", vec![report], Exit::Failed),
        Ok(Some(saga)) => format!("{saga} is unfinished"),
        Err(why) => format!("whether anything is unfinished is not known: {why}"),
    };
    let hints = [
        "see how far it came: eos status",
        "go on where it stopped: eos bootstrap",
        "or undo it: eos rollback",
    ];
    let hints = hints.map(str::to_owned).into_iter().chain([report]).collect();
    failed(&left, hints, Exit::Stuck)
}

fn failed(left: &str, hints: Vec<String>, exit: Exit) -> Failure {
    let message = format!("eos itself failed: a bug; {left}");
    Failure { code: "EOS-U001".to_owned(), message, causes: Vec::new(), hints, exit: exit as u8 }
}

/// One value of every kind, for the tests of texts and codes.
#[cfg(test)]
pub(super) fn samples() -> Vec<Failure> {
    let unreadable = Err("could not read /var/lib/eos/journal".to_owned());
    [Ok(None), Ok(Some("0001-bootstrap".to_owned())), unreadable].iter().map(told_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_token_is_hidden() {
        let text = "cannot parse Some(\"eos1.any.0a1b2c.SE-CR_ET.12ab34cd\") at eos1.x, y";
        assert_eq!(without_tokens(text), "cannot parse Some(\"(token)\") at (token), y");
    }

    #[test]
    fn only_what_left_nothing_behind_is_told_as_undone() -> anyhow::Result<()> {
        let told: Vec<String> =
            samples().iter().map(|failure| format!("{} {}", failure.exit, failure.message)).collect();
        assert_eq!(
            told,
            [
                "1 eos itself failed: a bug; nothing is left unfinished",
                "6 eos itself failed: a bug; 0001-bootstrap is unfinished",
                "6 eos itself failed: a bug; whether anything is unfinished is not known: could not read \
                 /var/lib/eos/journal",
            ]
        );
        assert_eq!(failure(tempfile::tempdir()?.path()).exit, 1);
        Ok(())
    }
}
