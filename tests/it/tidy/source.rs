//! Reads Rust source just deeply enough to judge it: tokens, test regions, paths and functions.
//!
//! Comments, strings and character literals are dropped, so a rule never trips over text.

/// A word, a number, `::` or one punctuation character.
#[derive(Debug, Clone)]
pub struct Token {
    /// The text itself.
    pub text: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// Whether it belongs to an item under `#[cfg(test)]` or `#[test]`.
    pub in_test: bool,
    /// How many inline modules (`mod name {`) are open around it.
    pub inline_modules: usize,
}

impl Token {
    /// Whether it can be a segment of a path.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// One path as used, with its `use` group spread out: `use std::{fs, io}` gives two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathUse {
    /// The segments as written; a glob ends in `*`.
    pub segments: Vec<String>,
    /// The line of its last segment.
    pub line: usize,
    /// Whether it is used by test code only.
    pub in_test: bool,
    /// How many inline modules are open around it.
    pub inline_modules: usize,
}

/// One function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of the word `fn`.
    pub line: usize,
    /// The lines between its braces.
    pub body_lines: usize,
}

/// A text in double quotes, which is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// What is between the quotes, escapes as written.
    pub text: String,
    /// The index of the token that follows it.
    pub at: usize,
}

/// One Rust file.
#[derive(Debug)]
pub struct Source {
    /// Where it lies in the package, with `/`.
    pub path: String,
    /// Its whole text.
    pub text: String,
    /// Its tokens in order.
    pub tokens: Vec<Token>,
    /// Its texts in order.
    pub literals: Vec<Literal>,
}

impl Source {
    /// Takes the file apart.
    pub fn parse(path: &str, text: &str) -> Self {
        let (mut tokens, literals) = tokenize(text);
        mark_tests(&mut tokens, is_test_path(path));
        mark_inline_modules(&mut tokens);
        Self { path: path.to_owned(), text: text.to_owned(), tokens, literals }
    }

    /// The module that the file is: `src/host/files.rs` is `[host, files]`, `src/lib.rs` is `[]`.
    /// Files outside `src` and the binary's `main.rs` are not part of the library: `None`.
    pub fn module(&self) -> Option<Vec<&str>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut segments: Vec<&str> = inside.split('/').collect();
        match (segments.as_slice(), segments.last()) {
            (["main"], _) => return None,
            (["lib"], _) => segments.clear(),
            (_, Some(&"mod")) => _ = segments.pop(),
            _ => {}
        }
        Some(segments)
    }

    /// The part of the package that rules speak of: the first folder or file under `src`.
    pub fn part(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        inside.split('/').next().map(|first| first.strip_suffix(".rs").unwrap_or(first))
    }

    /// Makes the whole file test code, for one that is declared by `#[cfg(test)] mod name;`.
    pub fn set_all_test(&mut self) {
        self.tokens.iter_mut().for_each(|token| token.in_test = true);
    }

    /// The modules that only tests declare, as paths from the crate root.
    pub fn test_modules(&self) -> Vec<Vec<String>> {
        let Some(here) = self.module() else { return Vec::new() };
        self.tokens
            .windows(3)
            .filter(|window| window[0].text == "mod" && window[2].text == ";" && window[0].in_test)
            .map(|window| here.iter().map(|s| (*s).to_owned()).chain([window[1].text.clone()]).collect())
            .collect()
    }

    /// Every path of two or more segments, and every `use` of one.
    pub fn paths(&self) -> Vec<PathUse> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let follows_path = at > 0 && self.text_at(at - 1) == "::" && at > 1 && self.ends_path(at - 2);
            if self.tokens[at].is_word() && !follows_path {
                let in_use = at > 0 && self.text_at(at - 1) == "use";
                let before = found.len();
                at = self.path_from(at, &mut Vec::new(), &mut found);
                if !in_use {
                    let kept: Vec<PathUse> = found.drain(before..).filter(|p| p.segments.len() > 1).collect();
                    found.extend(kept);
                }
            } else {
                at += 1;
            }
        }
        found
    }

    /// Every function that has a body.
    pub fn functions(&self) -> Vec<Function> {
        (0..self.tokens.len()).filter_map(|at| self.function_at(at)).collect()
    }

    /// The name of every function with the tokens of its body, braces included.
    pub fn bodies(&self) -> Vec<(&str, std::ops::RangeInclusive<usize>)> {
        let starts = (0..self.tokens.len()).filter(|at| self.function_at(*at).is_some());
        starts
            .map(|at| {
                let open = (at..self.tokens.len()).find(|i| self.text_at(*i) == "{").unwrap_or(at);
                (self.text_at(at + 1), open..=closing(&self.tokens, open))
            })
            .collect()
    }

    /// The text of a token, empty past the end.
    pub fn text_at(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn ends_path(&self, at: usize) -> bool {
        (self.tokens[at].is_word() && self.tokens[at].text != "use") || self.tokens[at].text == ">"
    }

    /// Reads one path from a word or `{` on, adds what it spreads to, and returns where it ended.
    fn path_from(&self, mut at: usize, prefix: &mut Vec<String>, found: &mut Vec<PathUse>) -> usize {
        let depth = prefix.len();
        while at < self.tokens.len() && (self.tokens[at].is_word() || self.text_at(at) == "*") {
            prefix.push(self.text_at(at).to_owned());
            at += 1;
            let goes_on = self.text_at(at) == "::"
                && self.tokens.get(at + 1).is_some_and(|t| t.is_word() || t.text == "*" || t.text == "{");
            if !goes_on {
                self.push_path(at - 1, prefix, found);
                prefix.truncate(depth);
                return at;
            }
            at += 1;
        }
        if self.text_at(at) == "{" {
            at += 1;
            while at < self.tokens.len() && self.text_at(at) != "}" {
                let item = self.tokens[at].is_word() || matches!(self.text_at(at), "*" | "{");
                let renaming = self.text_at(at) == "as" || self.text_at(at - 1) == "as";
                at = if item && !renaming { self.path_from(at, prefix, found) } else { at + 1 };
            }
            at += 1;
        }
        prefix.truncate(depth);
        at
    }

    fn push_path(&self, at: usize, segments: &[String], found: &mut Vec<PathUse>) {
        let Token { line, in_test, inline_modules, .. } = self.tokens[at];
        let segments = match segments {
            [outer @ .., last] if last == "self" && !outer.is_empty() => outer.to_vec(),
            all => all.to_vec(),
        };
        found.push(PathUse { segments, line, in_test, inline_modules });
    }

    fn function_at(&self, at: usize) -> Option<Function> {
        let named = self.tokens.get(at + 1).is_some_and(|next| next.is_word() || next.text == "$");
        if self.text_at(at) != "fn" || !named {
            return None;
        }
        let mut nesting = 0_usize;
        let open = (at..self.tokens.len()).find(|&i| {
            match self.text_at(i) {
                "(" | "[" => nesting += 1,
                ")" | "]" => nesting = nesting.saturating_sub(1),
                _ => {}
            }
            nesting == 0 && matches!(self.text_at(i), "{" | ";" | "}")
        })?;
        if self.text_at(open) != "{" {
            return None;
        }
        let close = closing(&self.tokens, open);
        let body_lines = (self.tokens[close].line - self.tokens[open].line).saturating_sub(1);
        Some(Function { name: self.text_at(at + 1).to_owned(), line: self.tokens[at].line, body_lines })
    }
}

/// Whether everything in a file at this place is test code.
pub fn is_test_path(path: &str) -> bool {
    !path.starts_with("src/")
}

/// The token that closes the bracket at `open`, or the last one when the file ends before.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}

fn mark_tests(tokens: &mut [Token], whole_file: bool) {
    if whole_file {
        tokens.iter_mut().for_each(|token| token.in_test = true);
        return;
    }
    let mut at = 0;
    while at + 2 < tokens.len() {
        let inner = tokens[at + 1].text == "!";
        let bracket = at + 1 + usize::from(inner);
        if tokens[at].text != "#" || tokens[bracket].text != "[" {
            at += 1;
            continue;
        }
        let end = closing(tokens, bracket);
        if is_test_attribute(&tokens[bracket..end]) {
            let last = if inner { tokens.len() - 1 } else { item_end(tokens, end + 1) };
            tokens[at..=last].iter_mut().for_each(|token| token.in_test = true);
        }
        at = end + 1;
    }
}

/// `[test`, `[tokio::test`, `[cfg(test)`, `[cfg(all(test, ...))`, but not `[cfg(not(test))`.
fn is_test_attribute(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().filter(|t| t.is_word()).map(|t| t.text.as_str()).collect();
    match words.as_slice() {
        ["test"] | ["tokio", "test", ..] => true,
        ["cfg", rest @ ..] => rest.contains(&"test") && !rest.contains(&"not"),
        _ => false,
    }
}

/// Where the item that starts at `at` ends: at its `;` or at the brace that closes its body.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" | "}" => return at,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    tokens.len() - 1
}

fn mark_inline_modules(tokens: &mut [Token]) {
    let mut depth = 0_usize;
    let mut open: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        match tokens[at].text.as_str() {
            "{" => {
                if at >= 2 && tokens[at - 2].text == "mod" && tokens[at - 1].is_word() {
                    open.push(depth);
                }
                depth += 1;
            }
            "}" => {
                depth = depth.saturating_sub(1);
                open.pop_if(|opened| *opened == depth);
            }
            _ => {}
        }
        tokens[at].inline_modules = open.len();
    }
}

fn tokenize(text: &str) -> (Vec<Token>, Vec<Literal>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut literals) = (Vec::new(), Vec::new());
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let end = skip_text(&chars, at).unwrap_or(at);
        if end > at {
            if chars[at] == '"' && end > at + 1 {
                literals.push(Literal { text: chars[at + 1..end - 1].iter().collect(), at: tokens.len() });
            }
            line += chars[at..end].iter().filter(|c| **c == '\n').count();
            at = end;
            continue;
        }
        let end = token_end(&chars, at);
        if chars[at] == '\n' {
            line += 1;
        }
        if !chars[at].is_whitespace() {
            let text = chars[at..end].iter().collect();
            tokens.push(Token { text, line, in_test: false, inline_modules: 0 });
        }
        at = end;
    }
    (tokens, literals)
}

fn token_end(chars: &[char], at: usize) -> usize {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    if is_word(&chars[at]) {
        return at + chars[at..].iter().take_while(|c| is_word(c)).count();
    }
    if chars[at..].starts_with(&[':', ':']) { at + 2 } else { at + 1 }
}

/// Where the comment, string, character or lifetime that starts at `at` ends; `None` if none does.
fn skip_text(chars: &[char], at: usize) -> Option<usize> {
    let after = |count: usize| chars.get(at + count).copied();
    match (chars[at], after(1)) {
        ('/', Some('/')) => Some(at + chars[at..].iter().take_while(|c| **c != '\n').count()),
        ('/', Some('*')) => Some(block_comment_end(chars, at)),
        ('"', _) => Some(string_end(chars, at)),
        ('\'', Some('\\')) => {
            let close = (at + 3..chars.len()).find(|&i| chars[i] == '\'');
            Some(close.map_or(chars.len(), |i| i + 1))
        }
        ('\'', Some(_)) if after(2) == Some('\'') => Some(at + 3),
        ('\'', Some(_)) => Some(token_end(chars, at + 1)),
        ('r' | 'b' | 'c', _) if at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') => {
            prefixed_string_end(chars, at)
        }
        _ => None,
    }
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0_usize, at);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    i
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// `b"`, `c"`, `b'`, `r"`, `r#"`, `br##"` and so on; a raw identifier (`r#type`) is none.
fn prefixed_string_end(chars: &[char], at: usize) -> Option<usize> {
    let letters = chars[at..].iter().take_while(|c| c.is_alphanumeric()).count();
    let prefix: String = chars[at..at + letters].iter().collect();
    let open = at + letters;
    match prefix.as_str() {
        "b" if chars.get(open) == Some(&'\'') => skip_text(chars, open),
        "b" | "c" if chars.get(open) == Some(&'"') => Some(string_end(chars, open)),
        "r" | "br" | "cr" => {
            let hashes = chars[open..].iter().take_while(|c| **c == '#').count();
            if chars.get(open + hashes) != Some(&'"') {
                return None;
            }
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = open + hashes + 1;
            let found = (body..chars.len()).find(|&i| chars[i..].starts_with(&close));
            Some(found.map_or(chars.len(), |i| i + close.len()))
        }
        _ => None,
    }
}
