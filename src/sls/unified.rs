//! A unified difference of two texts, small and bounded.

/// Above this many pairs of lines the texts are compared end to end only.
const PAIRS: usize = 4_000_000;

/// Lines of context around a change.
const AROUND: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    Keep,
    Remove,
    Add,
}

/// The difference in unified form with two header lines; empty when the texts are equal.
pub fn unified(path: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old_lines, new_lines) = (lines(old), lines(new));
    let edits = edits(&old_lines, &new_lines);
    let mut out = format!("--- {path}\n+++ {path}\n");
    for (start, end) in hunks(&edits) {
        write_hunk(&mut out, &edits, start, end, &old_lines, &new_lines);
    }
    out
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The shortest edit of the middle, after equal beginnings and ends are set aside.
fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    let mut edits = vec![Edit::Keep; head];
    if a.len().saturating_mul(b.len()) > PAIRS {
        edits.extend(vec![Edit::Remove; a.len()]);
        edits.extend(vec![Edit::Add; b.len()]);
    } else {
        edits.extend(middle(a, b));
    }
    edits.extend(vec![Edit::Keep; tail]);
    edits
}

/// Longest common subsequence, by a table of the lengths of what is still common.
fn middle(a: &[&str], b: &[&str]) -> Vec<Edit> {
    let width = b.len() + 1;
    let mut common = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            edits.push(Edit::Keep);
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            edits.push(Edit::Remove);
            i += 1;
        } else {
            edits.push(Edit::Add);
            j += 1;
        }
    }
    edits
}

/// Ranges of edits with their context; those that touch are one.
fn hunks(edits: &[Edit]) -> Vec<(usize, usize)> {
    let mut hunks: Vec<(usize, usize)> = Vec::new();
    for (index, _) in edits.iter().enumerate().filter(|(_, edit)| **edit != Edit::Keep) {
        let (start, end) = (index.saturating_sub(AROUND), (index + 1 + AROUND).min(edits.len()));
        match hunks.last_mut() {
            Some(last) if last.1 >= start => last.1 = end,
            _ => hunks.push((start, end)),
        }
    }
    hunks
}

fn write_hunk(out: &mut String, edits: &[Edit], start: usize, end: usize, old: &[&str], new: &[&str]) {
    let count = |edits: &[Edit], other: Edit| edits.iter().filter(|edit| **edit != other).count();
    let (mut old_at, mut new_at) = (count(&edits[..start], Edit::Add), count(&edits[..start], Edit::Remove));
    let (old_count, new_count) =
        (count(&edits[start..end], Edit::Add), count(&edits[start..end], Edit::Remove));
    // An empty side is named by the line before it.
    let first = |at: usize, count: usize| at + usize::from(count > 0);
    let (old_first, new_first) = (first(old_at, old_count), first(new_at, new_count));
    out.push_str(&format!("@@ -{old_first},{old_count} +{new_first},{new_count} @@\n"));
    for edit in &edits[start..end] {
        let (sign, line) = match edit {
            Edit::Keep => (' ', old[old_at]),
            Edit::Remove => ('-', old[old_at]),
            Edit::Add => ('+', new[new_at]),
        };
        old_at += usize::from(*edit != Edit::Add);
        new_at += usize::from(*edit != Edit::Remove);
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_three_lines_around_them() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(
            unified("f", old, &old.replace("5\n", "five\n")),
            "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(unified("f", old, old), "");
    }

    #[test]
    fn distant_changes_are_hunks_of_their_own() {
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replacen("2\n", "two\n", 1).replace("19\n", "");
        let shown = unified("f", &old, &new);
        assert_eq!(shown.matches("@@ -").count(), 2);
        assert!(shown.ends_with("@@ -16,5 +16,4 @@\n 16\n 17\n 18\n-19\n 20\n"), "{shown}");
    }

    #[test]
    fn empty_sides_and_missing_line_breaks_are_said() {
        assert_eq!(unified("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(
            unified("f", "a", "a\n"),
            "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n"
        );
    }

    #[test]
    fn huge_texts_are_replaced_as_a_whole_and_fast() {
        let old: String = (0..5_000).map(|n| format!("a{n}\n")).collect();
        let new = old.replace('a', "b");
        assert_eq!(unified("f", &old, &new).lines().count(), 2 + 1 + 10_000);
    }
}
