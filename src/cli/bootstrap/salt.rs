//! Whether the Salt that is to apply states can do so, for preflight.

use crate::cli::context::{Context, failure};
use crate::host::{command, files};
use crate::model::config::{NO_SALT_MASTER, StatesConfig, StatesEngine};
use crate::model::explain::Failure;
use crate::preflight::Answer;
use crate::salt::{self, programs};
use crate::steps::decision::Kind;
use std::time::Duration;

/// The oldest release whose states are eos's: 3006 is the oldest that its makers maintain.
const OLDEST: u32 = 3006;

/// How long it may take to say its version; a cold start reads hundreds of files.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks the programs for their versions: on the first node, where there is a Salt master, also those that it needs.
/// None when eos applies states itself.
///
/// # Errors
/// When the root cannot be looked at.
pub fn answers(context: &Context, states: &StatesConfig, kind: Kind) -> Result<Option<Answer>, Failure> {
    let Some(own) = answer(states) else { return Ok(None) };
    let Answer::Good(version) = own else { return Ok(Some(own)) };
    let named = states.salt_master.is_some();
    let states = StatesConfig { salt_master: master(context, states, kind)?, ..states.clone() };
    let Some(directory) = states.salt_master().filter(|_| kind == Kind::FirstNode) else {
        return Ok(Some(Answer::Good(version)));
    };
    let fix =
        "install salt-master and salt-minion of the same release, or say that no Salt master is to be used: \
               --salt-master=none"
            .to_owned();
    if !is_master(context, directory)? {
        let measured = format!("{directory} holds no configuration of a Salt master (file master)");
        return Ok(Some(Answer::Bad { measured, fix }));
    }
    if let Some(fix) = replaced(context, directory)? {
        let measured =
            format!("{directory}/master sets ext_pillar, whose place eos's master.d/eos.conf would take");
        return Ok(Some(Answer::Bad { measured, fix }));
    }
    for name in ["salt-run", "salt-key", "salt-minion"] {
        let program = programs::beside(&states.salt_call().expect("the engine is Salt"), name);
        if let Err(error) = command::run_hook(&[&program, "--version"], &[], LIMIT) {
            let why = std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
            let used = if named { "named" } else { "found" };
            let measured = format!("a Salt master was {used} in {directory}, and {error}{why}");
            return Ok(Some(Answer::Bad { measured, fix }));
        }
    }
    Ok(Some(Answer::Good(format!("{version}, with the Salt master of {directory}"))))
}

/// Asks `salt-call` for its version; none when eos applies states itself.
fn answer(states: &StatesConfig) -> Option<Answer> {
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

/// The directory of the Salt master that the cluster is to use, or that there is none: what is settled here holds for
/// as long as the cluster lives. Only the first node's machine has it.
///
/// # Errors
/// When the root cannot be looked at.
pub fn master(context: &Context, states: &StatesConfig, kind: Kind) -> Result<Option<String>, Failure> {
    if kind != Kind::FirstNode || states.engine != StatesEngine::Salt || states.salt_master.is_some() {
        return Ok(states.salt_master.clone());
    }
    let found = is_master(context, salt::DIRECTORY)?;
    Ok(Some(if found { salt::DIRECTORY } else { NO_SALT_MASTER }.to_owned()))
}

/// Whether the directory holds the configuration of a Salt master.
fn is_master(context: &Context, directory: &str) -> Result<bool, Failure> {
    let path = context.root.join(directory.trim_start_matches('/')).join("master");
    files::exists(&path).map_err(failure)
}

/// What to do about an `ext_pillar` of the Salt master itself: it merges lists of the files in `master.d` with each other
/// only, and puts what comes of them in the place of its own.
fn replaced(context: &Context, directory: &str) -> Result<Option<String>, Failure> {
    let path = context.root.join(directory.trim_start_matches('/')).join("master");
    let text = files::read_optional(&path).map_err(failure)?.unwrap_or_default();
    let sets = sets_external_pillar(&String::from_utf8_lossy(&text));
    let fix = format!(
        "move it to a file of its own in {directory}/master.d, to which eos adds its own, or leave the Salt master \
         alone: --salt-master=none"
    );
    Ok(sets.then_some(fix))
}

/// Whether a line at the top level of this YAML sets it.
fn sets_external_pillar(text: &str) -> bool {
    let key = |line: &str| {
        line.split_once(':').map(|(key, _)| key.trim_end().trim_matches(['"', '\'']) == "ext_pillar")
    };
    text.lines().filter_map(key).any(|found| found)
}

/// `3008` of `salt-call 3008.3 (Argon)`.
fn release(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_release_is_the_number_before_the_first_dot() {
        assert_eq!(release("salt-call 3008.3 (Argon)\n"), Some(3008));
        assert_eq!(release("salt-call 2019.2.0 (Fluorine)"), Some(2019));
        assert_eq!(release("salt-call 3006rc1"), Some(3006));
        assert_eq!(release("nonsense"), None);
    }

    #[test]
    fn only_a_line_at_the_top_level_that_is_no_comment_sets_an_external_pillar() {
        for text in ["ext_pillar:\n  - git:\n", "a: 1\n\"ext_pillar\" : []\n"] {
            assert!(sets_external_pillar(text), "{text}");
        }
        for text in ["#ext_pillar:\n", "ext_pillar_first: true\n", "of:\n  ext_pillar: 1\n", ""] {
            assert!(!sets_external_pillar(text), "{text}");
        }
    }

    #[test]
    fn a_salt_that_is_not_there_is_told_with_what_helps_and_none_is_asked_unless_wanted() {
        assert_eq!(answer(&StatesConfig::default()), None);
        let missing = StatesConfig {
            engine: StatesEngine::Salt,
            salt_call: Some("/nonexistent/salt-call".to_owned()),
            salt_master: None,
        };
        let Some(Answer::Bad { measured, fix }) = answer(&missing) else { panic!("it is missing") };
        assert!(measured.starts_with("could not start /nonexistent/salt-call: "), "{measured}");
        assert!(fix.contains("--salt-call=PATH"), "{fix}");
    }
}
