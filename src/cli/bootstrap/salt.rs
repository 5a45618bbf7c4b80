//! Whether the Salt that is to apply states can do so, for preflight.

use crate::host::command;
use crate::model::config::StatesConfig;
use crate::preflight::Answer;
use std::time::Duration;

/// The oldest release whose states are eos's: 3006 is the oldest that its makers maintain.
const OLDEST: u32 = 3006;

/// How long it may take to say its version; a cold start reads hundreds of files.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks the program for its version; none when eos applies states itself.
pub fn answer(states: &StatesConfig) -> Option<Answer> {
    let program = states.salt_call()?;
    let install = format!(
        "install Salt {OLDEST} or later, or name it with --salt-call=PATH, or let eos apply the states: --engine=embedded"
    );
    let bad = |measured: String| Answer::Bad { measured, fix: install.clone() };
    Some(match command::run_hook(&[&program, "--version"], &[], LIMIT) {
        Err(error) => bad(match std::error::Error::source(&error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }),
        Ok(output) => match release(&output.stdout) {
            Some(found) if found >= OLDEST => Answer::Good(output.stdout.trim().to_owned()),
            Some(_) => bad(format!("{}, {OLDEST} or later needed", output.stdout.trim())),
            None => bad(format!("{program} says no version: {:?}", output.stdout.trim())),
        },
    })
}

/// `3008` of `salt-call 3008.3 (Argon)`.
fn release(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::StatesEngine;

    #[test]
    fn a_release_is_the_number_before_the_first_dot() {
        assert_eq!(release("salt-call 3008.3 (Argon)\n"), Some(3008));
        assert_eq!(release("salt-call 2019.2.0 (Fluorine)"), Some(2019));
        assert_eq!(release("salt-call 3006rc1"), Some(3006));
        assert_eq!(release("nonsense"), None);
    }

    #[test]
    fn a_salt_that_is_not_there_is_told_with_what_helps_and_none_is_asked_unless_wanted() {
        assert_eq!(answer(&StatesConfig::default()), None);
        let missing =
            StatesConfig { engine: StatesEngine::Salt, salt_call: Some("/nonexistent/salt-call".to_owned()) };
        let Some(Answer::Bad { measured, fix }) = answer(&missing) else { panic!("it is missing") };
        assert!(measured.starts_with("could not start /nonexistent/salt-call: "), "{measured}");
        assert!(fix.contains("--salt-call=PATH"), "{fix}");
    }
}
