//! The command line of this bootstrap as an operator would type it again: what hints are made of.
//!
//! A hint such as `eos bootstrap --node-name NAME` names only what changes. Typed as it stands it would
//! found a new cluster on a machine that was to join one, so the rest of the command is put back.

use crate::cli::bootstrap::decide::{Aim, BootstrapArguments};
use crate::model::config::NodeConfig;
use crate::model::explain::Failure;
use crate::steps::decision::{Decision, Kind};
use crate::view::quoted;
use std::net::SocketAddr;
use std::path::Path;

/// What every such hint has in it.
const COMMAND: &str = "eos bootstrap";

/// The option that says which cluster is joined.
const JOIN: &str = "--join-cluster";

/// The option that has several machines elect a founder.
const EXPECT: &str = "--expect";

/// Options without a value.
const SWITCHES: [&str; 5] =
    ["--single-node", "--new-cluster", "--auto-discover", "--dry-run", "--cloud-init"];

/// The words of a hint that stand for the value which the operator gave.
const PLACEHOLDER: &str = "ADDRESS";

/// An option and its value.
type Given = (String, Option<String>);

/// The command line, without the token's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    options: Vec<Given>,
    secret: bool,
}

impl CommandLine {
    /// Of these arguments.
    pub fn of(config: Option<&Path>, arguments: &BootstrapArguments) -> Self {
        let path = |path: &Path| path.display().to_string();
        let valued = [
            (JOIN, arguments.join_cluster.clone()),
            (EXPECT, arguments.expect.map(|machines| machines.to_string())),
            ("--cluster-id", arguments.cluster_id.clone()),
            ("--ca-fingerprint", arguments.ca_fingerprint.clone()),
            ("--node-name", arguments.node_name.clone()),
            ("--advertise-address", arguments.advertise_address.clone()),
            ("--preferred-role", arguments.preferred_role.clone()),
            ("--token-file", arguments.token_file.as_deref().map(path)),
            ("--engine", arguments.engine.clone()),
            ("--salt-call", arguments.salt_call.clone()),
            ("--salt-master", arguments.salt_master.clone()),
            ("--config", config.map(path)),
            ("--timeout", arguments.timeout.map(|time| format!("{}s", time.as_secs()))),
        ];
        let switches = [
            ("--single-node", arguments.single_node),
            ("--new-cluster", arguments.new_cluster),
            ("--auto-discover", arguments.auto_discover),
            ("--cloud-init", arguments.cloud_init),
        ];
        let given = switches.iter().filter(|(_, set)| *set).map(|(name, _)| ((*name).to_owned(), None));
        let valued = valued.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Some(value?))));
        let skipped = arguments.skip_check.iter().map(|name| ("--skip-check".to_owned(), Some(name.clone())));
        Self { options: given.chain(valued).chain(skipped).collect(), secret: false }
    }

    /// Says that a token came in a way that must not be repeated.
    pub fn with_secret(&mut self, given: bool) {
        self.secret = given && !self.options.iter().any(|(name, _)| name == "--token-file");
    }

    /// What is meant, also when a file or an earlier run said it and not the command line.
    pub fn aims(&mut self, aim: Aim) {
        if let Aim::Join(master) = aim
            && !self.options.iter().any(|(name, _)| name == JOIN)
        {
            self.joins(master);
        }
    }

    /// The cluster that a member belongs to, or belonged to.
    pub fn joins(&mut self, master: SocketAddr) {
        self.put((JOIN.to_owned(), Some(master.to_string())));
    }

    /// What an unfinished run had decided and this one goes on with, with what this one says of the node.
    pub fn follow(&mut self, before: &Decision, node: &NodeConfig) {
        let taken = [
            ("--node-name", node.name.as_ref().map(ToString::to_string)),
            ("--advertise-address", node.advertise_address.map(|address| address.to_string())),
            ("--preferred-role", node.preferred_role.map(|role| role.to_string())),
        ];
        for (name, value) in taken.into_iter().filter(|(_, value)| value.is_some()) {
            if !self.options.iter().any(|(known, _)| known == name) {
                self.options.push((name.to_owned(), value));
            }
        }
        match before.kind {
            Kind::Join => self.aims(Aim::Join(before.master)),
            Kind::FirstNode => {}
        }
    }

    fn put(&mut self, (name, value): Given) {
        let opposite: &[&str] = match name.as_str() {
            JOIN => &["--single-node", "--new-cluster", "--auto-discover", EXPECT],
            "--single-node" | "--new-cluster" => &[JOIN, "--auto-discover", EXPECT],
            "--auto-discover" => &[JOIN, "--single-node", "--new-cluster"],
            _ => &[],
        };
        self.options.retain(|(known, _)| !opposite.contains(&known.as_str()));
        match self.options.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) if value.as_deref() == Some(PLACEHOLDER) && old.is_some() => {}
            Some((_, old)) => *old = value,
            None => self.options.push((name, value)),
        }
    }

    /// The failure with hints that can be typed as they stand.
    pub fn told(&self, failure: Failure) -> Failure {
        Failure { hints: failure.hints.iter().map(|hint| self.hint(hint)).collect(), ..failure }
    }

    fn hint(&self, hint: &str) -> String {
        let Some((before, rest)) = hint.split_once(COMMAND).filter(|(_, rest)| ends_a_word(rest)) else {
            return hint.to_owned();
        };
        let (changed, rest) = options(rest);
        let shows_token = changed.iter().any(|(name, _)| name.starts_with("--token"));
        let mut line = self.clone();
        changed.into_iter().for_each(|given| line.put(given));
        let note = if self.secret && !shows_token { "with the same token, " } else { "" };
        format!("{note}{before}{}{rest}", line.typed())
    }

    /// As it is typed.
    pub fn typed(&self) -> String {
        let each = self.options.iter().map(|(name, value)| match value {
            None => format!(" {name}"),
            Some(value) => format!(" {name}={}", quoted(value)),
        });
        format!("{COMMAND}{}", each.collect::<String>())
    }
}

fn ends_a_word(rest: &str) -> bool {
    !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-')
}

/// The options at the beginning of a text, and what follows them.
fn options(text: &str) -> (Vec<Given>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = word(rest).filter(|(name, _)| name.starts_with("--")) {
        rest = after;
        if let Some((name, value)) = name.split_once('=') {
            found.push((name.to_owned(), Some(value.to_owned())));
        } else if SWITCHES.contains(&name) {
            found.push((name.to_owned(), None));
        } else if let Some((value, after)) = word(rest) {
            found.push((name.to_owned(), Some(value.to_owned())));
            rest = after;
        }
    }
    (found, rest)
}

/// The next word after a space, up to a space or a mark that ends a command in a sentence.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(' ')?;
    let end = text.find([' ', ';', ',', '`', ')']).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(options: &[(&str, Option<&str>)]) -> CommandLine {
        let owned = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        CommandLine { options: options.iter().map(owned).collect(), secret: false }
    }

    fn joining() -> CommandLine {
        line(&[(JOIN, Some("10.0.1.10")), ("--node-name", Some("node2"))])
    }

    #[test]
    fn a_hint_names_the_whole_command_with_the_change() {
        for (hint, told) in [
            (
                "ask again: eos bootstrap",
                "ask again: eos bootstrap --join-cluster=10.0.1.10 --node-name=node2",
            ),
            (
                "join under another name: eos bootstrap --node-name NAME",
                "join under another name: eos bootstrap --join-cluster=10.0.1.10 --node-name=NAME",
            ),
            (
                "ask for that role: eos bootstrap --preferred-role=core",
                "ask for that role: eos bootstrap --join-cluster=10.0.1.10 --node-name=node2 --preferred-role=core",
            ),
            (
                "eos reset && eos bootstrap --join-cluster ADDRESS; or not",
                "eos reset && eos bootstrap --join-cluster=10.0.1.10 --node-name=node2; or not",
            ),
            (
                "give the port: eos bootstrap --join-cluster ADDRESS:PORT",
                "give the port: eos bootstrap --join-cluster=ADDRESS:PORT --node-name=node2",
            ),
            ("see the master: eos status", "see the master: eos status"),
            ("about eos bootstrapping", "about eos bootstrapping"),
        ] {
            assert_eq!(joining().hint(hint), told);
        }
    }

    #[test]
    fn a_hint_to_join_takes_the_place_of_founding() {
        let hint = line(&[("--single-node", None)]).hint("join it: eos bootstrap --join-cluster ADDRESS");
        assert_eq!(hint, "join it: eos bootstrap --join-cluster=ADDRESS");
    }

    #[test]
    fn the_secret_of_the_token_is_not_repeated() {
        let mut with_token = joining();
        with_token.with_secret(true);
        assert_eq!(
            with_token.hint("eos reset && eos bootstrap"),
            "with the same token, eos reset && eos bootstrap --join-cluster=10.0.1.10 --node-name=node2"
        );
        assert_eq!(with_token.hint("undo it: eos rollback"), "undo it: eos rollback");
    }
}
