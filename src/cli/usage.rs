//! What the parser of the command line says, as a failure of eos.

use crate::cli::arguments::Arguments;
use crate::cli::error::CliError;
use crate::model::explain::Failure;
use clap::CommandFactory;
use clap::error::ErrorKind;

/// The failure behind a text of the parser: its whole message in one line, and the help of the command that was
/// meant.
pub fn failure(kind: ErrorKind, text: &str) -> Failure {
    let root = Arguments::command();
    let usage = text.split("Usage: eos ").nth(1).unwrap_or_default();
    let mut command = &root;
    let mut path = String::from("eos ");
    for word in usage.split_whitespace() {
        let Some(below) = command.find_subcommand(word) else { break };
        command = below;
        path.push_str(&format!("{word} "));
    }
    let line = match kind {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
            let mut names: Vec<&str> =
                shown.map(clap::Command::get_name).filter(|name| *name != "help").collect();
            names.sort_unstable();
            format!("a command is missing: {}", names.join(", "))
        }
        _ => message(text),
    };
    let mut failure = CliError::Usage { line }.failure();
    failure.hints = vec![format!("see what can be said: {path}--help")];
    failure
}

/// The first paragraph, and the tips after it, in one line.
fn message(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let told = paragraphs.enumerate().filter(|(index, part)| *index == 0 || part.starts_with("tip: "));
    let told: Vec<String> = told.map(|(_, part)| part.trim_start_matches("error: ").to_owned()).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> (String, String) {
        let error = Arguments::command().try_get_matches_from(line.split(' ')).unwrap_err();
        let failure = failure(error.kind(), &error.render().to_string());
        (failure.message, failure.hints.join("; "))
    }

    #[test]
    fn the_whole_message_and_the_help_of_the_command_are_told() {
        let cases = [
            (
                "eos storage cleanup",
                "the following required arguments were not provided: --level <LEVEL>",
                "eos storage cleanup --help",
            ),
            ("eos node", "a command is missing: accept, list, reject, remove, show", "eos node --help"),
            (
                "eos bootstrap --sinlge-node",
                "unexpected argument '--sinlge-node' found; tip: a similar argument exists: '--single-node'",
                "eos bootstrap --help",
            ),
        ];
        for (line, message, help) in cases {
            assert_eq!(told(line), (message.to_owned(), format!("see what can be said: {help}")));
        }
    }
}
