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
    /// What it tells of a file that is there: the difference of its contents, its new mode, owner and group.
    pub what: BTreeSet<String>,
    /// The paths that it tells as changed, when it manages many; a new directory with a slash at its end.
    pub paths: BTreeSet<String>,
}

impl Ended {
    /// As lines, for comparing.
    fn line(&self, test: bool) -> String {
        // Salt makes the directories of a tree in no order, and tells those that it came to before it made one below.
        let told = |path: &&str| test || !path.ends_with('/');
        let paths: Vec<&str> = self.paths.iter().map(String::as_str).filter(told).collect();
        let what: String = self.what.iter().map(|what| format!("\n    {what}")).collect();
        let Self { id, name, result, changed, .. } = self;
        format!("{id} [{name}] {result} changed={changed} {}{what}", paths.join(" "))
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
        let (changes, comment) =
            (state["changes"].as_object(), state["comment"].as_str().unwrap_or_default());
        let paths = changes.into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
        let mut paths: BTreeSet<String> = paths
            .map(|(path, change)| {
                let slash = if change[path]["directory"] == "new" { "/" } else { "" };
                path.replace(root, "") + slash
            })
            .collect();
        let removed = state["changes"]["removed"].as_array().into_iter().flatten().filter_map(Value::as_str);
        paths.extend(removed.map(|path| path.replace(root, "")));
        paths.extend(would_remove(comment, root));
        // Of a file that makes way for a link a test run of Salt tells in words alone.
        let makes_way = comment.contains(" is set for removal to make way for a new symlink");
        Ended {
            id: parts[1].to_owned(),
            name: parts[2].replace(root, ""),
            result: result.to_owned(),
            changed: makes_way || changes.is_some_and(|changes| !changes.is_empty()),
            what: if parts[0] == "file" {
                told_by_salt(&state["changes"], (parts[2].replace(root, "").trim_end_matches('/'), root))
            } else {
                BTreeSet::new()
            },
            paths: if parts[3] == "recurse" { paths } else { BTreeSet::new() },
        }
    });
    Ok(ended.collect())
}

/// What Salt tells of files that are there, by their paths. Of a new one it tells mode and owner or not, by how it is
/// made.
fn told_by_salt(changes: &Value, (name, root): (&str, &str)) -> BTreeSet<String> {
    let below = changes.as_object().into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
    let below = below.map(|(path, change)| (path.replace(root, ""), change));
    let mut told = BTreeSet::new();
    for (path, change) in std::iter::once((name.to_owned(), changes)).chain(below) {
        match change["diff"].as_str() {
            // From nothing, as `file.append` makes a file.
            Some(text) if !text.starts_with("--- ") || text.contains("@@ -0,0 ") => continue,
            Some(text) => drop(told.insert(format!("{path}: {}", body(text)))),
            None => {}
        }
        told.extend(attributes(&path, |key| &change[key]));
    }
    told
}

/// What eos tells of them.
fn told_by_eos(changes: &[Value], (name, root): (&str, &str)) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    if changes.iter().any(|change| change.get("created").is_some()) {
        return told;
    }
    for change in changes {
        if let Some(text) = change["contents"].as_str() {
            told.insert(format!("{name}: {}", body(text)));
        }
        told.extend(attributes(name, |key| &change[key]["to"]));
        if let (Some(path), Some(below)) = (change["at"]["path"].as_str(), change["at"]["changes"].as_array())
        {
            told.extend(told_by_eos(below, (&path.replace(root, ""), root)));
        }
    }
    told
}

fn attributes<'a>(path: &str, of: impl Fn(&str) -> &'a Value) -> Vec<String> {
    let value = |key: &str| match of(key) {
        Value::String(text) => Some(text.trim_start_matches('0').to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let keys = ["mode", "user", "group"].into_iter();
    keys.filter_map(|key| Some(format!("{path}: {key} {}", value(key)?))).collect()
}

/// A difference without the names of the files; a length of one line, which may be left out, is written. A last line
/// that only gets its end is one that stays: `file.append` of Salt looks at no ends, and doubles those of the header.
fn body(difference: &str) -> String {
    let lines = difference.lines().skip_while(|line| !line.starts_with("@@ "));
    let mut kept: Vec<String> = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('\\')) {
        if line.starts_with("@@ ") {
            let words = line.split(' ').map(|word| {
                let range = word.starts_with(['-', '+']) && !word.contains(',');
                if range { format!("{word},1") } else { word.to_owned() }
            });
            kept.push(words.collect::<Vec<_>>().join(" "));
            continue;
        }
        match (kept.last_mut(), line.strip_prefix('+')) {
            (Some(before), Some(new)) if before.strip_prefix('-') == Some(new) => *before = format!(" {new}"),
            _ => kept.push(line.to_owned()),
        }
    }
    kept.join("\n    ")
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
                what: if text(&state["function"]).starts_with("file.") {
                    told_by_eos(changes, (text(&state["name"]).trim_end_matches('/'), root))
                } else {
                    BTreeSet::new()
                },
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
