//! Which line of a template each line of its output comes from, and where in the output a key stands.
//!
//! The template is rendered a second time with its line numbers written, in digits that Jinja takes for white
//! space, before each line break outside of tags: white-space control then strips them as it strips the breaks.

/// A digit is one of ten space characters that no state file uses.
const ZERO: u32 = 0x2000;

/// The template with its line numbers.
pub fn marked(source: &str) -> String {
    let mut out = String::with_capacity(source.len() * 2);
    let (mut line, mut closing, mut rest) = (1, None, source);
    while let Some(character) = rest.chars().next() {
        if let Some(end) = closing
            && rest.starts_with(end)
        {
            closing = None;
            out.push_str(end);
            rest = &rest[2..];
            continue;
        }
        if closing.is_none() {
            closing = match rest.get(..2) {
                Some("{%") => Some("%}"),
                Some("{{") => Some("}}"),
                Some("{#") => Some("#}"),
                _ => None,
            };
            if character == '\n' {
                out.extend(line.to_string().bytes().filter_map(|b| char::from_u32(ZERO + u32::from(b - b'0'))));
            }
        }
        line += usize::from(character == '\n');
        out.push(character);
        rest = &rest[character.len_utf8()..];
    }
    out
}

/// The source line of each line of the clean output, from the marked one; nothing when the two are not the
/// same text (a template that counts characters, say).
pub fn map(clean: &str, marked: &str) -> Option<Vec<usize>> {
    let mut lines: Vec<Option<usize>> = Vec::new();
    let mut text = String::with_capacity(clean.len());
    for line in marked.split('\n') {
        let (mut plain, mut digits, mut first) = (String::new(), String::new(), None);
        for character in line.chars().chain(['\0']) {
            match u32::from(character).checked_sub(ZERO).filter(|digit| *digit < 10) {
                Some(digit) => digits.extend(char::from_digit(digit, 10)),
                None if !digits.is_empty() => {
                    first = first.or_else(|| digits.parse().ok());
                    digits.clear();
                }
                None => {}
            }
            if digits.is_empty() && character != '\0' {
                plain.push(character);
            }
        }
        if !lines.is_empty() {
            text.push('\n');
        }
        text.push_str(&plain);
        lines.push(first);
    }
    if text != clean {
        return None;
    }
    // A line that a value made has no mark: it belongs to the next mark.
    let mut next = lines.iter().flatten().copied().max().unwrap_or(1);
    for line in lines.iter_mut().rev() {
        next = line.unwrap_or(next);
        *line = Some(next);
    }
    Some(lines.into_iter().flatten().collect())
}

/// The line (from 1) of a top-level key, of a key below it, and of an argument below that; as far as they are
/// found, from the output's text.
pub fn locate(text: &str, path: &[&str]) -> usize {
    let lines: Vec<&str> = text.split('\n').collect();
    let (mut at, mut end, mut found) = (0, lines.len(), 1);
    for (depth, key) in path.iter().enumerate() {
        let hit = (at..end).find(|index| {
            let indented = lines[*index].starts_with([' ', '-']);
            (depth == 0) != indented && names(lines[*index], key)
        });
        let Some(hit) = hit else { break };
        found = hit + 1;
        at = hit + 1;
        end = (at..end).find(|index| closes(lines[*index], lines[hit])).unwrap_or(end);
    }
    found
}

fn names(line: &str, key: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start();
    let unquoted = line.strip_prefix(['"', '\'']).unwrap_or(line);
    unquoted.strip_prefix(key).is_some_and(|rest| {
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        rest.is_empty() || rest.starts_with(':') || rest.trim().is_empty()
    })
}

/// Whether a line ends the block that another one opened.
fn closes(line: &str, opener: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let content = line.trim_start();
    !content.is_empty()
        && !content.starts_with('#')
        && indent(line) <= indent(opener)
        && !(content.starts_with('-') && !opener.trim_start().starts_with('-') && indent(line) == indent(opener))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_before_breaks_outside_of_tags_only() {
        assert_eq!(marked("a\n{% set x =\n1 %}\n"), "a\u{2001}\n{% set x =\n1 %}\u{2003}\n");
    }

    #[test]
    fn a_line_made_by_a_value_belongs_to_the_next_mark() {
        assert_eq!(map("a\nb\nc\n", "a\nb\u{2002}\nc\u{2003}\n"), Some(vec![2, 2, 3, 3]));
        assert_eq!(map("a\n", "b\u{2001}\n"), None);
    }

    #[test]
    fn keys_are_found_under_their_parents() {
        let text = "a:\n  file.managed:\n    - mode: 1\n'b c':\n  file.managed:\n    - name: x\n    - mode: 2\n";
        assert_eq!(locate(text, &["a", "file.managed", "mode"]), 3);
        assert_eq!(locate(text, &["b c", "file.managed", "mode"]), 7);
        assert_eq!(locate(text, &["a", "file.managed", "name"]), 2);
        assert_eq!(locate(text, &["c"]), 1);
    }
}
