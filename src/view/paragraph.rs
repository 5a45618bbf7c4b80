//! Lines of a bounded width, from texts that may come from another machine.

/// The text with its control characters made visible: what a node reports of itself must not move
/// the cursor, change colours or begin lines of its own.
pub fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hidden) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| {
            let (kept, escaped) = if hidden(c) { (None, Some(c.escape_default())) } else { (Some(c), None) };
            kept.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// Breaks a text at its spaces into lines of at most `width` columns: `first` before the first line,
/// as many spaces before the others. A word that is too long stands alone, and what is between
/// backquotes, a command to copy, is one word.
pub fn wrap(first: &str, text: &str, width: usize) -> String {
    let indent = first.chars().count();
    let mut lines = vec![first.to_owned()];
    let mut used = indent;
    let mut empty = true;
    for word in words(&clean(text)) {
        let length = word.chars().count();
        if !empty && used + 1 + length > width {
            lines.push(" ".repeat(indent));
            (used, empty) = (indent, true);
        }
        let line = lines.last_mut().expect("it begins with one");
        if !empty {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += length;
        empty = false;
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '`';
        match words.last_mut() {
            Some(word) if c != ' ' || quoted => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_another_machine_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(clean("größe"), "größe");
    }

    #[test]
    fn lines_break_at_spaces_and_commands_do_not() {
        let text = "pending: node2 waits for approval: run `eos node accept node2` soon";
        assert_eq!(
            wrap("  ! ", text, 40),
            "  ! pending: node2 waits for approval:\n    run `eos node accept node2` soon\n"
        );
        assert_eq!(wrap("", "run `eos node accept node2`", 10), "run\n`eos node accept node2`\n");
        assert_eq!(wrap("- ", "", 10), "-\n");
    }
}
