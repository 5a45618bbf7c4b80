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
            Self::File { path, line: Some(line) } => write!(f, "{path}:{line}"),
            Self::File { path, line: None } => f.write_str(path),
            Self::Environment { name } | Self::Flag { name } => f.write_str(name),
        }
    }
}

/// The line, from 1, of the key in block style, or of the nearest section above it; none when
/// not even its first section is found.
pub fn line_of(text: &str, path: &str) -> Option<usize> {
    let wanted: Vec<&str> = path.split('.').collect();
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut best: Option<(usize, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        let Some((indent, key)) = key_on(line) else { continue };
        open.retain(|(outer, _)| *outer < indent);
        open.push((indent, key.to_owned()));
        let names = open.iter().map(|(_, name)| name.as_str());
        let is_prefix = open.len() <= wanted.len() && names.eq(wanted[..open.len()].iter().copied());
        if is_prefix && best.is_none_or(|(depth, _)| open.len() > depth) {
            best = Some((open.len(), index + 1));
        }
    }
    best.map(|(_, line)| line)
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
        for (path, line) in [
            ("cluster", Some(2)),
            ("cluster.id", Some(3)),
            ("cluster.discovery.port", Some(5)),
            ("cluster.port", Some(7)),
            ("cluster.nothing", Some(2)),
            ("node.name", Some(8)),
            ("port", None),
        ] {
            assert_eq!(line_of(TEXT, path), line, "{path}");
        }
    }
}
