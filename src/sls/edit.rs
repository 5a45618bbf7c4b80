//! What a text becomes by `file.append` and `file.blockreplace`, as Salt edits it.

use crate::sls::wants::{Block, InsertAt};

/// The text with each of these texts at its end that is not in it, whatever the white space between words.
pub fn appended(text: &str, wanted: &[String]) -> String {
    let missing: Vec<&str> =
        wanted.iter().filter(|chunk| !contains(text, chunk)).flat_map(|chunk| chunk.lines()).collect();
    if missing.is_empty() {
        return text.to_owned();
    }
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    for line in missing {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Whether the words of a chunk stand in the text from the beginning of a line to the end of one.
fn contains(text: &str, chunk: &str) -> bool {
    let words: Vec<&str> = chunk.split_whitespace().collect();
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    starts.into_iter().any(|start| {
        let mut rest = &text[start..];
        for word in &words {
            match rest.trim_start().strip_prefix(word) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
        rest.is_empty() || rest.starts_with('\n')
    })
}

/// The text with this block between its markers.
///
/// # Errors
/// When the markers are not there, or the end of the block is missing.
pub fn block(text: &str, wanted: &Block) -> Result<String, String> {
    let (mut out, mut inside, mut found) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        if line.contains(&wanted.start) {
            inside = true;
            out.push_str(line);
        } else if let Some(at) = line.find(&wanted.end).filter(|_| inside) {
            (inside, found) = (false, true);
            out.push_str(&closed(&wanted.content, &line[at..]));
        } else if !inside {
            out.push_str(line);
        }
    }
    if inside {
        return Err("Unterminated marked block. End of file reached before marker_end.".to_owned());
    }
    let whole = || format!("{}\n{}", wanted.start, closed(&wanted.content, &wanted.end));
    match (found, wanted.insert) {
        (true, _) => Ok(out),
        (false, InsertAt::Beginning) => Ok(whole() + &out),
        (false, InsertAt::End) => {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            Ok(out + &whole())
        }
        (false, InsertAt::Nowhere) => {
            Err("Cannot edit marked block. Markers were not found in file.".to_owned())
        }
    }
}

/// The content and the line that ends the block.
fn closed(content: &str, end: &str) -> String {
    let content = content.strip_suffix('\n').unwrap_or(content);
    format!("{content}\n{}\n", end.trim_end_matches(['\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_appended_once_whatever_its_white_space() {
        let wanted = ["a  b".to_owned(), "c\nd".to_owned()];
        assert_eq!(appended("x", &wanted), "x\na  b\nc\nd\n");
        assert_eq!(appended("", &wanted), "a  b\nc\nd\n");
        assert_eq!(appended("  a b \nc\n  d", &wanted), "  a b \nc\n  d");
        assert_eq!(appended("a b c\n", &["a b".to_owned()]), "a b c\na b\n");
        assert_eq!(appended("xa b\n", &["a b".to_owned()]), "xa b\na b\n");
    }

    fn wanted(content: &str, insert: InsertAt) -> Block {
        let text = str::to_owned;
        let (path, start, end) = (text("/f"), text("# <"), text("# >"));
        Block { path, start, end, content: text(content), insert, show_changes: true }
    }

    #[test]
    fn a_block_is_replaced_or_put_where_it_belongs() {
        let with = |text, content, insert| block(text, &wanted(content, insert));
        assert_eq!(
            with("a\n# <\nold\n# > x\nb\n", "new", InsertAt::Nowhere),
            Ok("a\n# <\nnew\n# > x\nb\n".into())
        );
        assert_eq!(with("a\n# <\n# >\n", "n\nm\n", InsertAt::Nowhere), Ok("a\n# <\nn\nm\n# >\n".into()));
        assert_eq!(with("a", "new", InsertAt::End), Ok("a\n# <\nnew\n# >\n".into()));
        assert_eq!(with("a\n", "new", InsertAt::Beginning), Ok("# <\nnew\n# >\na\n".into()));
    }

    #[test]
    fn a_block_without_its_markers_is_not_guessed() {
        assert!(block("a\n", &wanted("n", InsertAt::Nowhere)).is_err_and(|why| why.contains("not found")));
        assert!(
            block("# <\nx\n", &wanted("n", InsertAt::End)).is_err_and(|why| why.contains("Unterminated"))
        );
    }
}
