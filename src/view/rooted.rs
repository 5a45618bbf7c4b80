//! Commands and paths in texts as they have to be typed for the root that this command works on.
//!
//! Errors, checks and steps name commands and paths as they are on a machine of its own. Under another
//! root the bare command would look at that machine instead of at the node meant.

use crate::model::explain::Failure;
use crate::model::progress::Event;
use crate::view::Output;

/// The commands that work on a root; `master` and `agent` are words of every second sentence and no advice.
pub const VERBS: &[&str] = &[
    "audit",
    "bootstrap",
    "checkpoint",
    "config",
    "discover",
    "identity",
    "node",
    "preflight",
    "reset",
    "role",
    "rollback",
    "snapshot",
    "state",
    "status",
    "storage",
    "token",
];

/// The directories of eos.
const DIRECTORIES: [&str; 3] = ["/var/lib/eos", "/etc/eos", "/run/eos"];

/// What says that a sentence is about another host, whose root nobody here knows.
const ELSEWHERE: [&str; 5] = ["on the master", "on its host", "on each of them", "on that node", "ssh "];

impl Output {
    /// The text with the root in its commands and paths; sentences about other hosts are left alone.
    pub fn rooted(&self, text: &str) -> String {
        if self.root == "/" {
            return text.to_owned();
        }
        let sentence = |part: &str| if is_elsewhere(part) { part.to_owned() } else { self.here(part) };
        text.split_inclusive([';', '\n']).map(sentence).collect()
    }

    /// The failure with the root in its hints, and in the paths of what it tells.
    pub fn rooted_failure(&self, failure: &Failure) -> Failure {
        let paths = |text: &String| if self.root == "/" { text.clone() } else { self.paths(text) };
        Failure {
            message: paths(&failure.message),
            causes: failure.causes.iter().map(paths).collect(),
            hints: failure.hints.iter().map(|hint| self.rooted(hint)).collect(),
            ..failure.clone()
        }
    }

    /// The event with the root in its note or warning, and in the paths of what a step does.
    pub fn rooted_event(&self, event: Event) -> Event {
        match event {
            Event::Note { text } => Event::Note { text: self.rooted(&text) },
            Event::Warning { text } => Event::Warning { text: self.rooted(&text) },
            Event::StepStarted { number, total, step, description } => {
                let description = self.rooted(&description);
                Event::StepStarted { number, total, step, description }
            }
            other => other,
        }
    }

    fn here(&self, text: &str) -> String {
        let flag = format!("eos --root {} ", quoted(self.root));
        self.paths(&replaced(text, "eos ", &flag, |rest| {
            let word = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            VERBS.contains(&word)
        }))
    }

    fn paths(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for directory in DIRECTORIES {
            let inside = format!("{}{directory}", self.root.trim_end_matches('/'));
            let ends =
                |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'));
            text = replaced(&text, directory, &inside, ends);
        }
        text
    }
}

fn is_elsewhere(sentence: &str) -> bool {
    let named = sentence.trim_start().starts_with("on ") && !sentence.trim_start().starts_with("on a ");
    named || ELSEWHERE.iter().any(|words| sentence.contains(words))
}

/// The text with `to` for every `from` that begins a word and is followed by what is wanted.
fn replaced(text: &str, from: &str, to: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let begins = before.chars().next_back().or(done.chars().next_back());
        let begins = begins.is_none_or(|c| c.is_whitespace() || matches!(c, '`' | '(' | '"' | '\'' | '='));
        done.push_str(before);
        done.push_str(if begins && wanted(after) { to } else { from });
        rest = after;
    }
    done + rest
}

/// As a shell takes it for one word.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;

    fn output(root: &'static str) -> Output {
        Output { root, ..Output::plain(80) }
    }

    #[test]
    fn a_command_carries_the_root_of_the_node_it_is_for() {
        let cases = [
            ("let it in: eos node accept n2", "let it in: eos --root /srv/n1 node accept n2"),
            (
                "run `eos node accept n2`; or eos reset.",
                "run `eos --root /srv/n1 node accept n2`; or eos --root /srv/n1 reset.",
            ),
            ("eos reset && eos bootstrap", "eos --root /srv/n1 reset && eos --root /srv/n1 bootstrap"),
            ("EOS_LOG=eos=debug eos status", "EOS_LOG=eos=debug eos --root /srv/n1 status"),
            ("compare: eos --version", "compare: eos --version"),
            ("this eos reads version 1", "this eos reads version 1"),
            ("eos --root /x status", "eos --root /x status"),
        ];
        for (text, wanted) in cases {
            assert_eq!(output("/srv/n1").rooted(text), wanted);
            assert_eq!(output("/").rooted(text), text);
        }
    }

    #[test]
    fn a_command_for_another_host_stays_as_it_is() {
        for text in [
            "make a new one on the master: eos token create",
            "run it there: ssh 10.0.0.1 eos token create",
            "on 10.0.1.10:4507, find out what is damaged: eos snapshot verify",
            "see on the master whether it runs: ls /var/lib/eos",
        ] {
            assert_eq!(output("/srv/n1").rooted(text), text);
        }
        assert_eq!(
            output("/srv/n1").rooted("first, on each of them: eos reset; then here: eos reset --force"),
            "first, on each of them: eos reset; then here: eos --root /srv/n1 reset --force"
        );
    }

    #[test]
    fn a_place_that_is_called_there_is_no_other_host() {
        for text in ["read it there: sed -n 3p /etc/eos/a", "there is none: ls /etc/eos"] {
            assert_eq!(output("/srv/n1").rooted(text), text.replace("/etc", "/srv/n1/etc"));
        }
    }

    #[test]
    fn paths_of_eos_lie_under_the_root_once() {
        let text =
            "sed -n 3p /var/lib/eos/master/audit.jsonl /etc/eos /etc/eosx '/run/eos' /srv/n1/etc/eos/a";
        assert_eq!(
            output("/srv/n1").rooted(text),
            "sed -n 3p /srv/n1/var/lib/eos/master/audit.jsonl /srv/n1/etc/eos /etc/eosx '/srv/n1/run/eos' \
             /srv/n1/etc/eos/a"
        );
    }

    #[test]
    fn a_root_with_a_space_is_one_word() {
        assert_eq!(output("/srv/node 1").rooted("eos status"), "eos --root '/srv/node 1' status");
    }

    #[test]
    fn a_failure_and_an_event_are_told_for_the_root() {
        let failure = Failure {
            message: "/etc/eos/cluster.yaml is damaged while eos reset runs".to_owned(),
            hints: vec!["look: eos status".to_owned()],
            ..samples::failure()
        };
        let told = output("/n1").rooted_failure(&failure);
        assert_eq!(told.message, "/n1/etc/eos/cluster.yaml is damaged while eos reset runs");
        assert_eq!(told.hints, ["look: eos --root /n1 status"]);
        assert_eq!(output("/").rooted_failure(&failure), failure);
        assert_eq!(
            output("/n1").rooted_event(Event::Note { text: "undo it: eos rollback".to_owned() }),
            Event::Note { text: "undo it: eos --root /n1 rollback".to_owned() }
        );
        let started = |description: &str| Event::StepStarted {
            number: 5,
            total: 11,
            step: "write-configuration".to_owned(),
            description: description.to_owned(),
        };
        assert_eq!(
            output("/n1").rooted_event(started("write /etc/eos/cluster.yaml")),
            started("write /n1/etc/eos/cluster.yaml")
        );
    }
}
