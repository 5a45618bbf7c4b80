//! Results of states, from Salt and from eos, in a form in which they can be compared.

use serde_json::Value;
use std::collections::BTreeSet;

/// How one state ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `True`, `False` or `None`.
    pub result: String,
    /// Whether it tells changes.
    pub changed: bool,
    /// The paths that it tells as changed, when it manages many; a new directory with a slash at its end.
    pub paths: BTreeSet<String>,
}

impl Ended {
    /// As a line, for comparing: in a test run Salt tells the changes of some functions and not of others, so that only
    /// the result counts there.
    fn line(&self, test: bool) -> String {
        // Salt makes the directories of a tree in no order, and tells those that it came to before it made one below.
        let told = |path: &&str| test || !path.ends_with('/');
        let paths: Vec<&str> = self.paths.iter().map(String::as_str).filter(told).collect();
        let changed = if test { String::new() } else { format!(" changed={}", self.changed) };
        format!("{} [{}] {}{changed} {}", self.id, self.name, self.result, paths.join(" "))
    }
}

/// What Salt answered, in the order in which the states ended; or its errors.
pub fn of_salt(answer: &Value, root: &str) -> Result<Vec<Ended>, String> {
    let states = answer.as_object().ok_or_else(|| answer.to_string())?;
    let mut states: Vec<(&String, &Value)> = states.iter().collect();
    states.sort_by_key(|(_, state)| state["__run_num__"].as_u64());
    let ended = states.into_iter().map(|(key, state)| {
        let parts: Vec<&str> = key.split("_|-").collect();
        let result = match state["result"].as_bool() {
            Some(true) => "True",
            Some(false) => "False",
            None => "None",
        };
        let changes = state["changes"].as_object();
        let paths = changes.into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
        let mut paths: BTreeSet<String> = paths
            .map(|(path, change)| {
                let slash = if change[path]["directory"] == "new" { "/" } else { "" };
                path.replace(root, "") + slash
            })
            .collect();
        let removed = state["changes"]["removed"].as_array().into_iter().flatten().filter_map(Value::as_str);
        paths.extend(removed.map(|path| path.replace(root, "")));
        paths.extend(would_remove(state["comment"].as_str().unwrap_or_default(), root));
        Ended {
            id: parts[1].to_owned(),
            name: parts[2].replace(root, ""),
            result: result.to_owned(),
            changed: changes.is_some_and(|changes| !changes.is_empty()),
            paths: if parts[3] == "recurse" { paths } else { BTreeSet::new() },
        }
    });
    Ok(ended.collect())
}

/// What a test run says that would be removed: Salt tells that in words, with all that is below; eos the highest.
fn would_remove(comment: &str, root: &str) -> Vec<String> {
    let listed = comment.split("#### removed ####\n").nth(1).unwrap_or_default();
    let mut paths: Vec<String> = listed.lines().map(|path| path.replace(root, "")).collect();
    paths.sort();
    let mut highest: Vec<String> = Vec::new();
    for path in paths {
        if !highest.last().is_some_and(|above| path.starts_with(&format!("{above}/"))) {
            highest.push(path);
        }
    }
    highest
}

/// What eos answered.
pub fn of_eos(states: &Value, root: &str) -> Vec<Ended> {
    let states = states.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().replace(root, "");
    states
        .iter()
        .map(|state| {
            let changes = state["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
            let result = match state["outcome"].as_str().unwrap_or_default() {
                "unchanged" | "changed" => "True",
                "would-change" => "None",
                _ => "False",
            };
            let paths = changes.iter().filter_map(|change| change.get("at")).map(|at| {
                let new = at["changes"][0]["created"] == "directory";
                text(&at["path"]) + if new { "/" } else { "" }
            });
            let many = state["function"] == "file.recurse";
            Ended {
                id: text(&state["id"]),
                name: text(&state["name"]),
                result: result.to_owned(),
                changed: !changes.is_empty(),
                paths: if many { paths.collect() } else { BTreeSet::new() },
            }
        })
        .collect()
}

/// Asserts that both ended in the same order in the same way.
#[track_caller]
pub fn assert_same(salt: &[Ended], eos: &[Ended], test: bool, what: &str) {
    let lines = |all: &[Ended]| all.iter().map(|one| one.line(test)).collect::<Vec<_>>().join("\n");
    let (salt, eos) = (lines(salt), lines(eos));
    assert!(salt == eos, "{what} (test={test}): Salt (-) and eos (+) differ:\n{}", difference(&salt, &eos));
}

fn difference(old: &str, new: &str) -> String {
    eos::sls::unified::unified("results", &format!("{old}\n"), &format!("{new}\n"))
}
