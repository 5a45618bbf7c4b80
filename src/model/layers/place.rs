//! Where a value came from, and on which line of a file a key stands.

use serde::Serialize;
use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file.
    File {
        /// Its path.
        path: String,
        /// The line, from 1, where it can be told.
        line: Option<usize>,
        /// The column, from 1, where it can be told.
        #[serde(skip)]
        column: Option<usize>,
    },
    /// A variable of the environment.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// Its name, `--node-name`.
        name: String,
    },
}

/// `default`, `/etc/eos/cluster.yaml:5`, `EOS_CLUSTER_PORT`, `--node-name`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line), .. } => write!(f, "{path}:{line}"),
            Self::File { path, line: None, .. } => f.write_str(path),
            Self::Environment { name } | Self::Flag { name } => f.write_str(name),
        }
    }
}

impl Origin {
    /// With the column, as errors name a place: `/etc/eos/cluster.yaml:5:9`.
    pub fn exact(&self) -> String {
        match self {
            Self::File { column: Some(column), .. } => format!("{self}:{column}"),
            _ => self.to_string(),
        }
    }
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// Where the key stands, or the nearest section above it; none when not even its first section is found.
pub fn key_at(text: &str, path: &str) -> Option<Spot> {
    Block::of(text, path).map(|block| block.spot(block.key))
}

/// Where the value of the key begins, or this one of its entries; where the key stands, when neither is found.
pub fn value_at(text: &str, path: &str, entry: Option<&str>) -> Option<Spot> {
    let block = Block::of(text, path)?;
    if let Some(entry) = entry.filter(|entry| !entry.is_empty()).and_then(|entry| block.find(entry, "")) {
        return Some(block.spot(entry));
    }
    let (line, after) = block.value;
    let rest = block.lines.get(line).map_or("", |text| &text[after..]);
    let blank = rest.len() - rest.trim_start().len();
    let is_there = block.whole && !rest.trim_start().is_empty() && !rest.trim_start().starts_with('#');
    Some(block.spot(if is_there { (line, after + blank) } else { block.key }))
}

/// A key with the lines that belong to it, or with those of the nearest section above it.
struct Block<'a> {
    /// Its lines, the first one with the key.
    lines: Vec<&'a str>,
    /// How many lines are above.
    above: usize,
    /// Where the key begins: a line of these, and a byte of it.
    key: (usize, usize),
    /// Where its value may begin.
    value: (usize, usize),
    /// Whether it is the whole path, and not a section above.
    whole: bool,
}

impl<'a> Block<'a> {
    fn of(text: &'a str, path: &str) -> Option<Self> {
        let wanted: Vec<&str> = path.split('.').collect();
        let (depth, first) = deepest(text, &wanted)?;
        let mut rest = text.lines().skip(first);
        let head = rest.next()?;
        let indent = key_on(head).map_or(0, |(indent, _)| indent);
        // A list may stand as far to the left as its key.
        let inner = rest.take_while(|line| {
            let bare = line.trim_start();
            let at = line.len() - bare.len();
            bare.is_empty()
                || bare.starts_with('#')
                || at > indent
                || (at == indent && bare.starts_with("- "))
        });
        let lines: Vec<&str> = std::iter::once(head).chain(inner).collect();
        let after = head.find(':').map_or(head.len(), |colon| colon + 1);
        let (key, value) = ((0, indent), (0, after));
        let mut block = Self { lines, above: first, key, value, whole: depth == wanted.len() };
        for (index, name) in wanted.iter().enumerate().skip(depth) {
            // Flow style: a name on one of these lines.
            let Some((line, at)) = block.find(name, ":") else { break };
            let after = block.lines[line][at..].find(':').map_or(at, |colon| at + colon + 1);
            (block.key, block.value) = ((line, at), (line, after));
            block.whole = index + 1 == wanted.len();
        }
        Some(block)
    }

    /// The first place of a word at or after the value, with this behind it.
    fn find(&self, word: &str, behind: &str) -> Option<(usize, usize)> {
        let part = |c: char| c.is_alphanumeric() || "-_./*".contains(c);
        for (number, line) in self.lines.iter().enumerate().skip(self.value.0) {
            let from = if number == self.value.0 { self.value.1 } else { 0 };
            for (at, _) in line.match_indices(word).filter(|(at, _)| *at >= from) {
                let (before, after) = (&line[..at], &line[at + word.len()..]);
                let ends = after.trim_start_matches(['"', '\'']).trim_start();
                let stands_alone = !before.ends_with(part) && !after.starts_with(part);
                let in_comment = before.trim_start().starts_with('#') || before.contains(" #");
                if stands_alone && !in_comment && ends.starts_with(behind) {
                    return Some((number, at));
                }
            }
        }
        None
    }

    fn spot(&self, (line, at): (usize, usize)) -> Spot {
        let column = self.lines[line][..at].chars().count() + 1;
        Spot { line: self.above + line + 1, column }
    }
}

/// How much of the path stands in block style, and on which line, from 0, that ends.
fn deepest(text: &str, wanted: &[&str]) -> Option<(usize, usize)> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut best: Option<(usize, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        let Some((indent, key)) = key_on(line) else { continue };
        open.retain(|(outer, _)| *outer < indent);
        open.push((indent, key.to_owned()));
        let names = open.iter().map(|(_, name)| name.as_str());
        let is_prefix = open.len() <= wanted.len() && names.eq(wanted[..open.len()].iter().copied());
        if is_prefix && best.is_none_or(|(depth, _)| open.len() > depth) {
            best = Some((open.len(), index));
        }
    }
    best
}

/// The key that a line of block style begins with, and its indentation.
fn key_on(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches(' ');
    if rest.starts_with(['#', '-', '{', '[']) {
        return None;
    }
    let (key, value) = rest.split_once(':')?;
    let is_key = value.is_empty() || value.starts_with([' ', '\t', '\r']);
    is_key.then(|| (line.len() - rest.len(), key.trim_end().trim_matches(['"', '\''])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# port: 1\ncluster:\n  id: a\n  \"discovery\":\n    port: 4505\n\n  port: 9\n\
                        node: {name: x}\nlist:\n- port: 3\n";

    #[test]
    fn keys_are_found_by_their_whole_path() {
        for (path, wanted) in [
            ("cluster", Some((2, 1))),
            ("cluster.id", Some((3, 3))),
            ("cluster.discovery.port", Some((5, 5))),
            ("cluster.port", Some((7, 3))),
            ("cluster.nothing", Some((2, 1))),
            ("node.name", Some((8, 8))),
            ("node.nothing", Some((8, 1))),
            ("port", None),
        ] {
            assert_eq!(key_at(TEXT, path).map(|spot| (spot.line, spot.column)), wanted, "{path}");
        }
    }

    #[test]
    fn values_and_their_entries_are_found_in_block_and_in_flow_style() {
        let text = "storage:\n  actions: # comb\n    cleanup:\n    # comb is no action\n    - delete\n    - comb\n\
                    \x20   degraded: [notify, \"comb\"]\n  roles: {data: {retention: {logs: 0}},\n    core: {mode: äct}}\n";
        for (path, entry, wanted) in [
            ("storage.actions.cleanup", Some("comb"), (6, 7)),
            ("storage.actions.degraded", Some("comb"), (7, 25)),
            ("storage.actions.degraded", Some("absent"), (7, 15)),
            ("storage.actions.cleanup", None, (3, 5)),
            ("storage.roles.data.retention.logs", None, (8, 36)),
            ("storage.roles.core.mode", None, (9, 18)),
            ("storage.roles.edge.mode", None, (8, 3)),
        ] {
            let spot = value_at(text, path, entry).expect("it is found");
            assert_eq!((spot.line, spot.column), wanted, "{path} {entry:?}");
        }
    }
}
