//! Which line of a template each line of its output comes from, and where in the output a key stands.
//!
//! The template is rendered a second time with its line numbers written, in digits that Jinja takes for white
//! space, at the beginning and at the end of each line outside of tags: white-space control then strips them as it
//! strips the breaks beside them.

/// A digit is one of ten space characters that no state file uses.
const ZERO: u32 = 0x2000;
/// Before the number at the beginning of a line; the one at its end has none.
const START: char = '\u{200a}';

fn digits(line: usize) -> impl Iterator<Item = char> {
    let text = line.to_string().into_bytes();
    text.into_iter().filter_map(|byte| char::from_u32(ZERO + u32::from(byte - b'0')))
}

/// The template with its line numbers.
pub fn marked(source: &str) -> String {
    let mut out = String::with_capacity(source.len() * 2);
    let (mut line, mut closing, mut rest) = (1, None, source);
    out.push(START);
    out.extend(digits(line));
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
        }
        let breaks = character == '\n' && closing.is_none();
        if breaks {
            out.extend(digits(line));
        }
        line += usize::from(character == '\n');
        out.push(character);
        if breaks {
            out.push(START);
            out.extend(digits(line));
        }
        rest = &rest[character.len_utf8()..];
    }
    out
}

/// The source line of each line of the clean output, from the marked one; nothing when the two are not the
/// same text (a template that counts characters, say).
pub fn map(clean: &str, marked: &str) -> Option<Vec<usize>> {
    let read: Vec<(String, Option<usize>)> = marked.split('\n').map(unmarked).collect();
    let text: Vec<&str> = read.iter().map(|(text, _)| text.as_str()).collect();
    if text.join("\n") != clean {
        return None;
    }
    // A line that a value made has no mark: it belongs to the next mark.
    let mut next = read.iter().filter_map(|(_, line)| *line).max().unwrap_or(1);
    let mut lines: Vec<usize> = Vec::with_capacity(read.len());
    for (_, line) in read.iter().rev() {
        next = line.unwrap_or(next);
        lines.push(next);
    }
    lines.reverse();
    Some(lines)
}

/// A text without the marks of its lines.
pub fn without_marks(text: &str) -> String {
    text.chars().filter(|c| !(ZERO..=u32::from(START)).contains(&u32::from(*c))).collect()
}

/// A line without its marks, and the source line they say: the one at its beginning counts more.
fn unmarked(line: &str) -> (String, Option<usize>) {
    let (mut plain, mut begins, mut ends) = (String::new(), None, None);
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        let first = u32::from(character).checked_sub(ZERO).filter(|digit| *digit < 10);
        if character != START && first.is_none() {
            plain.push(character);
            continue;
        }
        let mut number = first.unwrap_or(0) as usize;
        while let Some(digit) =
            rest.chars().next().and_then(|c| u32::from(c).checked_sub(ZERO)).filter(|d| *d < 10)
        {
            number = number.saturating_mul(10).saturating_add(digit as usize);
            rest = &rest[START.len_utf8()..];
        }
        let slot = if character == START { &mut begins } else { &mut ends };
        *slot = slot.or(Some(number));
    }
    (plain, begins.or(ends))
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
    let (content, opener_content) = (line.trim_start(), opener.trim_start());
    if content.is_empty() || content.starts_with('#') {
        return false;
    }
    // The items of a list may stand as far left as the key that they belong to.
    let own_item = content.starts_with('-') && !opener_content.starts_with('-');
    indent(line) < indent(opener) || (indent(line) == indent(opener) && !own_item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_before_breaks_outside_of_tags_only() {
        let wanted = "\u{200a}\u{2001}a\u{2001}\n\u{200a}\u{2002}{% set x =\n1 %}\u{2003}\n\u{200a}\u{2004}";
        assert_eq!(marked("a\n{% set x =\n1 %}\n"), wanted);
    }

    #[test]
    fn a_line_made_by_a_value_belongs_to_the_next_mark() {
        assert_eq!(map("a\nb\nc\n", "a\nb\u{2002}\nc\u{2003}\n"), Some(vec![2, 2, 3, 3]));
        assert_eq!(map("a\n", "b\u{2001}\n"), None);
    }

    #[test]
    fn keys_are_found_under_their_parents() {
        let text =
            "a:\n  file.managed:\n    - mode: 1\n'b c':\n  file.managed:\n    - name: x\n    - mode: 2\n";
        assert_eq!(locate(text, &["a", "file.managed", "mode"]), 3);
        assert_eq!(locate(text, &["b c", "file.managed", "mode"]), 7);
        assert_eq!(locate(text, &["a", "file.managed", "name"]), 2);
        assert_eq!(locate(text, &["c"]), 1);
    }
}
