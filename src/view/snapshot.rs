//! `eos snapshot list`: the snapshots that this node holds.

use crate::view::table::table;

/// A table of snapshots: id, source, time and size.
pub fn list(rows: &[[String; 4]]) -> String {
    if rows.is_empty() {
        return "no snapshots\n".to_owned();
    }
    table(usize::MAX, ["SNAPSHOT", "SOURCE", "CREATED", "SIZE"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_have_headings_and_none_are_said() {
        let row = ["ab", "cluster", "2026-01-02 03:04:05", "7.0 KiB"].map(str::to_owned);
        assert_eq!(
            list(&[row]),
            "\
SNAPSHOT  SOURCE   CREATED              SIZE
ab        cluster  2026-01-02 03:04:05  7.0 KiB
"
        );
        assert_eq!(list(&[]), "no snapshots\n");
    }
}
