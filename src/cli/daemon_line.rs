//! The command lines by which units run daemons, read without the tree of all commands: what builds and walks that
//! would count as memory of each daemon for as long as it lives.

use crate::cli::arguments::{Arguments, Command, Global, OutputFormat, When};
use crate::cli::storage::StorageCommand;
use std::ffi::OsString;
use std::path::PathBuf;

/// What such a line says: a daemon, and at most the root. Nothing when it is any other line, or when the root comes
/// from the environment: then the parser of all commands reads it.
pub fn read(line: &[OsString], environment_names_root: bool) -> Option<Arguments> {
    let words: Vec<&str> = line.iter().skip(1).map(|word| word.to_str()).collect::<Option<_>>()?;
    let (command, rest) = match words.as_slice() {
        ["master", rest @ ..] => (Command::Master, rest),
        ["agent", rest @ ..] => (Command::Agent, rest),
        ["storage", "monitor", rest @ ..] => (Command::Storage(StorageCommand::Monitor), rest),
        _ => return None,
    };
    let root = match rest {
        [] if !environment_names_root => "/",
        ["--root", root] if !root.is_empty() && !root.starts_with('-') => root,
        _ => return None,
    };
    let text = OutputFormat::Text;
    let (verbose, color, config) = (0, When::Auto, None);
    let global = Global { root: PathBuf::from(root), output: text, log_format: text, verbose, color, config };
    Some(Arguments { global, command })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn what_units_say_is_read_as_the_parser_of_all_commands_reads_it() -> anyhow::Result<()> {
        for daemon in ["master", "agent", "storage monitor"] {
            for root in ["", " --root /srv/a", " --root relative"] {
                let line = words(&format!("eos {daemon}{root}"));
                let read = read(&line, false).ok_or_else(|| anyhow::anyhow!("{line:?} was not read"))?;
                let parsed = Arguments::try_parse_from(&line)?;
                assert_eq!(format!("{read:?}"), format!("{parsed:?}"));
            }
        }
        Ok(())
    }

    #[test]
    fn every_other_line_is_left_to_that_parser() {
        for line in [
            "eos",
            "eos status",
            "eos storage status",
            "eos storage",
            "eos agent --help",
            "eos agent --root",
            "eos agent --root --verbose",
            "eos agent --root /a --root /b",
            "eos --root /a agent",
            "eos agent -v",
            "eos storage monitor --output json",
        ] {
            assert!(read(&words(line), false).is_none(), "{line}");
        }
        assert!(read(&words("eos agent"), true).is_none());
        assert!(read(&words("eos agent --root /a"), true).is_some(), "what is said counts more");
    }
}
