//! Which known word a mistyped one was meant to be.

/// The known word nearest to the given one, when it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The number of letters to insert, delete, replace or swap with the next to turn one word into
/// the other; upper and lower case are the same, and so are `_` and `-`.
pub fn distance(left: &str, right: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    let (left, right) = (letters(left), letters(right));
    let mut before = vec![0; right.len() + 1];
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, &a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &b) in right.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a == right[j - 1] && left[i - 1] == b {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_an_omission_and_a_wrong_letter_cost_one() {
        for (wrong, right, cost) in
            [("prot", "port", 1), ("por", "port", 1), ("pork", "port", 1), ("port", "port", 0), ("", "id", 2)]
        {
            assert_eq!(distance(wrong, right), cost, "{wrong} {right}");
        }
        assert_eq!(distance("Disk_Space", "disk-space"), 0);
    }

    #[test]
    fn the_nearest_word_is_named_only_when_it_is_near() {
        let known = ["disk-space", "disk-fsync", "memory"];
        assert_eq!(nearest("disk-spce", known), Some("disk-space"));
        assert_eq!(nearest("memroy", known), Some("memory"));
        assert_eq!(nearest("network", known), None);
        assert_eq!(nearest("", known), None);
    }
}
