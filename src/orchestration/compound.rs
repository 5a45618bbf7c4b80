//! Compound targets: `G@`, `L@` and globs with `and`, `or`, `not` and parentheses, as Salt reads them.

use crate::orchestration::seen::Seen;
use crate::orchestration::target::{Target, grain};
use crate::sls::matching::glob;

/// How deep parentheses and `not` may go: far more than a person writes.
const DEEPEST: usize = 32;

/// A compound target, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compound {
    /// One matcher.
    Term(Target),
    /// The opposite.
    Not(Box<Compound>),
    /// Each of them.
    All(Vec<Compound>),
    /// One of them.
    Any(Vec<Compound>),
}

impl Compound {
    /// Whether the node is meant.
    pub fn matches(&self, node: &Seen) -> bool {
        match self {
            Self::Term(Target::Grain(text)) => grain(text, node),
            Self::Term(Target::Glob(pattern)) => glob(pattern, node.name.as_str()),
            Self::Term(target) => target.matches(node),
            Self::Not(inner) => !inner.matches(node),
            Self::All(parts) => parts.iter().all(|part| part.matches(node)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(node)),
        }
    }
}

/// Parses a compound target.
///
/// # Errors
/// Says in a few words what is wrong with it.
pub fn parse(text: &str) -> Result<Compound, &'static str> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let parsed = any(&mut words, 0)?;
    match words.next() {
        None => Ok(parsed),
        Some(_) => Err("and, or or the end expected after a term"),
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, depth: usize) -> Result<Compound, &'static str> {
    let mut parts = vec![all(words, depth)?];
    while words.next_if_eq(&"or").is_some() {
        parts.push(all(words, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Compound::Any(parts) })
}

fn all(words: &mut Words<'_>, depth: usize) -> Result<Compound, &'static str> {
    let mut parts = vec![term(words, depth)?];
    while words.next_if_eq(&"and").is_some() {
        parts.push(term(words, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Compound::All(parts) })
}

fn term(words: &mut Words<'_>, depth: usize) -> Result<Compound, &'static str> {
    if depth > DEEPEST {
        return Err("fewer than 32 parentheses expected");
    }
    match words.next() {
        None | Some("and" | "or" | ")") => Err("a term expected"),
        Some("not") => Ok(Compound::Not(Box::new(term(words, depth + 1)?))),
        Some("(") => {
            let inner = any(words, depth + 1)?;
            words.next_if_eq(&")").map(|_| inner).ok_or("a closing parenthesis expected")
        }
        Some(word) => matcher(word).map(Compound::Term),
    }
}

fn matcher(word: &str) -> Result<Target, &'static str> {
    match word.split_once('@') {
        None => Ok(Target::Glob(word.to_owned())),
        Some(("G", text)) if text.contains(':') => Ok(Target::Grain(text.to_owned())),
        Some(("G", _)) => Err("G@grain:value expected"),
        Some(("L", names)) => Ok(Target::List(names.split(',').map(str::to_owned).collect())),
        Some(_) => Err("G@ and L@ are the matchers that the master knows"),
    }
}
