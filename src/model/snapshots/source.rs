//! One source of snapshots: a directory or a database, with what is special about it.

use crate::model::glob::Glob;
use crate::model::ids::SourceName;
use crate::model::role::Role;
use crate::model::yaml;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;
use std::collections::BTreeSet;

/// The source that is the cluster's own state; none in the configuration has its name.
const CLUSTER: &str = "cluster";

/// The keys of a source, for "did you mean".
const KEYS: [&str; 10] = [
    "name",
    "engine",
    "path",
    "roles",
    "exclude",
    "write_once",
    "outside_links",
    "setuid",
    "hooks",
    "keep_previous",
];

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// How it is called; unique.
    pub name: SourceName,
    /// How it is captured.
    #[serde(default)]
    pub engine: Engine,
    /// Its absolute path, the same on every node.
    pub path: String,
    /// Nodes of these roles restore it when they join.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// What is left out of a directory, with all beneath it.
    #[serde(default)]
    pub exclude: Vec<Glob>,
    /// Files that are replaced or removed, but never written to once they are complete: they are captured and
    /// seeded by hard link.
    #[serde(default)]
    pub write_once: Vec<Glob>,
    /// Whether symbolic links may be absolute or lead out of it.
    #[serde(default)]
    pub outside_links: bool,
    /// Whether files may be setuid or setgid.
    #[serde(default)]
    pub setuid: bool,
    /// Programs of this machine that run around a capture and a restore.
    #[serde(default)]
    pub hooks: Hooks,
    /// Whether the tree that a restore replaced stays until the next one.
    #[serde(default = "yes")]
    pub keep_previous: bool,
}

impl SourceConfig {
    /// Whether the path of one is that of the other, or lies below it.
    pub fn overlaps(&self, other: &Self) -> bool {
        overlap(&self.path, &other.path)
    }
}

fn yes() -> bool {
    true
}

/// How a source is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// A directory with all beneath it.
    #[default]
    Directory,
    /// An SQLite database, by its online backup.
    Sqlite,
}

/// Programs that run around a capture and a restore; they come from the local configuration only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hooks {
    /// Before a capture: bring what is on disk to a rest.
    pub before_capture: Option<Hook>,
    /// After a capture, however it ended, also after a crash.
    pub after_capture: Option<Hook>,
    /// For how long the two hold writers off at most, 600 unless given; a capture that takes
    /// longer ends in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_pause_seconds: Option<u32>,
    /// Before the exchange of a restore: stop whoever uses the old tree.
    pub before_restore: Option<Hook>,
    /// After the exchange, and after a return to the old tree, also after a crash.
    pub after_restore: Option<Hook>,
    /// Whether the restored tree is in good health: it must end with status 0 within its time.
    pub healthy: Option<Hook>,
}

/// For how long a capture may hold writers off, in seconds, unless its source says.
pub const LONGEST_PAUSE_SECONDS: u32 = 600;

impl Hooks {
    /// For how long a capture may hold writers off, in seconds.
    pub fn longest_pause_seconds(&self) -> u32 {
        self.longest_pause_seconds.unwrap_or(LONGEST_PAUSE_SECONDS)
    }
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The program's absolute path and its arguments; no shell reads them.
    pub command: Vec<String>,
    /// For how long it may run.
    #[serde(default = "hook_seconds")]
    pub timeout_seconds: u32,
}

fn hook_seconds() -> u32 {
    30
}

/// Why a list of sources is refused, as the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceFault(String);

/// Reads the list of sources and checks each by itself and against the others.
///
/// # Errors
/// With the first thing that is wrong, and where.
pub fn sources(value: &Value) -> Result<Vec<SourceConfig>, SourceFault> {
    let list = value.as_sequence().ok_or_else(|| SourceFault("must be a list".to_owned()))?;
    let mut found: Vec<SourceConfig> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let told = |reason: String| {
            let name = value.get("name").and_then(Value::as_str);
            let which = name.map_or_else(|| format!("source {}", index + 1), |name| format!("source {name}"));
            SourceFault(format!("{which}: {reason}"))
        };
        if let Some(reason) = unknown_key(value) {
            return Err(told(reason));
        }
        let one: SourceConfig =
            serde_yaml::from_value(value.clone()).map_err(|error| told(error.to_string()))?;
        check(&one).map_err(told)?;
        for other in &found {
            if other.name == one.name {
                return Err(told("its name is given twice".to_owned()));
            }
            if overlap(&other.path, &one.path) {
                return Err(told(format!("its path overlaps with that of source {}", other.name)));
            }
        }
        found.push(one);
    }
    Ok(found)
}

fn unknown_key(value: &Value) -> Option<String> {
    let entries = value.as_mapping()?;
    let key = entries.keys().filter_map(Value::as_str).find(|key| !KEYS.contains(key))?;
    Some(match yaml::nearest(key, KEYS.iter().copied()) {
        Some(near) => format!("unknown key {key}; did you mean {near}?"),
        None => format!("unknown key {key}; there are {}", KEYS.join(", ")),
    })
}

fn check(one: &SourceConfig) -> Result<(), String> {
    if one.name.as_str() == CLUSTER {
        return Err("its name is that of the cluster's own state".to_owned());
    }
    let names = one.path.strip_prefix('/').map(|path| path.split('/').collect::<Vec<_>>());
    let normal = |names: &Vec<&str>| !names.iter().any(|name| matches!(*name, "" | "." | ".."));
    if !names.as_ref().is_some_and(normal) || one.path.contains('\0') {
        return Err(format!("{:?} is not an absolute path without . and ..", one.path));
    }
    let top = names.is_some_and(|names| names.len() == 1);
    if top || ["/etc/eos", "/var/lib/eos", "/run/eos"].iter().any(|ours| overlap(ours, &one.path)) {
        return Err(format!("{} cannot be replaced as a whole", one.path));
    }
    if one.engine == Engine::Sqlite && !(one.exclude.is_empty() && one.write_once.is_empty()) {
        return Err("exclude and write_once are for directories".to_owned());
    }
    let hooks = &one.hooks;
    let given = [
        &hooks.before_capture,
        &hooks.after_capture,
        &hooks.before_restore,
        &hooks.after_restore,
        &hooks.healthy,
    ];
    for hook in given.into_iter().flatten() {
        if !hook.command.first().is_some_and(|program| program.starts_with('/')) {
            return Err("a hook's command must begin with the absolute path of a program".to_owned());
        }
        if !(1..=86_400).contains(&hook.timeout_seconds) {
            return Err("a hook's timeout_seconds must be from 1 to 86400".to_owned());
        }
    }
    if !(1..=86_400).contains(&hooks.longest_pause_seconds()) {
        return Err("longest_pause_seconds must be from 1 to 86400".to_owned());
    }
    Ok(())
}

/// Whether one path is the other, or lies below it.
fn overlap(one: &str, other: &str) -> bool {
    let below = |path: &str, top: &str| {
        path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<SourceConfig>, String> {
        let value = yaml::value("test.yaml", text.as_bytes()).expect("it is YAML");
        sources(&value).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_source_has_a_name_and_a_path_and_defaults_for_the_rest() {
        let found = read("- {name: metrics, path: /srv/metrics}").expect("it is one");
        assert_eq!(found[0].engine, Engine::Directory);
        assert_eq!((found[0].keep_previous, found[0].setuid, found[0].roles.len()), (true, false, 0));
        let all = "- name: db\n  engine: sqlite\n  path: /srv/app/app.db\n  roles: [data, core]\n  hooks:\n    \
                   healthy: {command: [/bin/true], timeout_seconds: 5}\n";
        let found = read(all).expect("it is one");
        assert!(found[0].roles.contains(&Role::Data));
        assert_eq!(found[0].hooks.healthy.as_ref().map(|hook| hook.timeout_seconds), Some(5));
    }

    #[test]
    fn what_is_wrong_with_a_source_is_told_with_its_name() {
        for (text, told) in [
            ("{}", "must be a list"),
            ("- {path: /srv/x}", "source 1: missing field `name`"),
            ("- {name: a, pth: /srv/x}", "source a: unknown key pth; did you mean path?"),
            ("- {name: a, path: srv/x}", "source a: \"srv/x\" is not an absolute path without . and .."),
            (
                "- {name: a, path: /srv/../etc}",
                "source a: \"/srv/../etc\" is not an absolute path without . and ..",
            ),
            ("- {name: a, path: /srv}", "source a: /srv cannot be replaced as a whole"),
            ("- {name: a, path: /var/lib}", "source a: /var/lib cannot be replaced as a whole"),
            (
                "- {name: cluster, path: /srv/x}",
                "source cluster: its name is that of the cluster's own state",
            ),
            ("- {name: a, path: /srv/x}\n- {name: a, path: /srv/y}", "source a: its name is given twice"),
            (
                "- {name: a, path: /srv/x}\n- {name: b, path: /srv/x/y}",
                "source b: its path overlaps with that of source a",
            ),
            (
                "- {name: a, path: /srv/x, hooks: {healthy: {command: ['true']}}}",
                "source a: a hook's command must begin with the absolute path of a program",
            ),
            (
                "- {name: a, engine: sqlite, path: /srv/x, write_once: ['*']}",
                "source a: exclude and write_once are for directories",
            ),
        ] {
            let found = read(text).expect_err(text);
            assert!(found.starts_with(told), "{text}: {found}");
        }
    }
}
