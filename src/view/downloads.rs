//! Downloads of snapshots that are not finished, in `eos snapshot list` and `prune`.

use crate::snapshot::store::Download;
use crate::view::table::table;
use crate::view::units::{bytes, plural};

/// A table of them with what to do about them; nothing when there are none.
pub fn list(all: &[Download]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let row = |one: &Download| {
        let touched = one.touched_at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let state = if one.runs { "runs" } else { "interrupted" };
        [one.id.to_string(), source(one), touched, bytes(one.bytes), state.to_owned()]
    };
    let rows: Vec<[String; 5]> = all.iter().map(row).collect();
    let header = ["DOWNLOAD", "SOURCE", "LAST BYTES", "SIZE", "STATE"];
    let mut text = format!("\n{}", table(usize::MAX, header, &rows));
    if all.iter().any(|one| !one.runs) {
        text.push_str("carry one on: eos snapshot pull ID; remove what is interrupted: eos snapshot prune --downloads\n");
    }
    text
}

/// A line for each that went or would go.
pub fn given_up(all: &[Download], dry_run: bool) -> String {
    let (is, freed) = if dry_run { ("would be", "would be freed") } else { ("is", "freed") };
    let line = |one: &Download| {
        let (id, size) = (&one.id, bytes(one.bytes));
        format!("the unfinished download of {id} ({}) {is} removed, {size} {freed}\n", source(one))
    };
    let mut text: String = all.iter().map(line).collect();
    if all.len() > 1 {
        let sum = all.iter().map(|one| one.bytes).fold(0, u64::saturating_add);
        let count = all.len();
        text.push_str(&format!(
            "{count} {}, {} {freed}\n",
            plural(count, "download", "downloads"),
            bytes(sum)
        ));
    }
    text
}

fn source(one: &Download) -> String {
    one.metadata.as_ref().map_or_else(|| "-".to_owned(), |metadata| metadata.source.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SnapshotId;
    use crate::snapshot::manifest::Metadata;
    use crate::snapshot::manifest::tests::metadata;
    use jiff::Timestamp;

    #[test]
    fn what_is_not_finished_is_shown_with_its_size_its_age_and_what_to_do() {
        let named = Some(Metadata { source: "metrics".to_owned(), ..metadata() });
        let one = |id: &str, metadata, runs| Download {
            id: SnapshotId::parse(id).expect("an id"),
            metadata,
            bytes: 6 << 10,
            touched_at: Timestamp::UNIX_EPOCH,
            runs,
        };
        let (begun, runs) = (one("abcdefgh", named, false), one("ijklmnop", None, true));
        assert_eq!(
            list(&[begun.clone(), runs.clone()]),
            "
DOWNLOAD  SOURCE   LAST BYTES           SIZE     STATE
abcdefgh  metrics  1970-01-01 00:00:00  6.0 KiB  interrupted
ijklmnop  -        1970-01-01 00:00:00  6.0 KiB  runs
carry one on: eos snapshot pull ID; remove what is interrupted: eos snapshot prune --downloads
"
        );
        assert!(!list(std::slice::from_ref(&runs)).contains("carry"));
        assert_eq!(list(&[]), "");
        let line = "the unfinished download of abcdefgh (metrics) is removed, 6.0 KiB freed\n";
        assert_eq!(given_up(std::slice::from_ref(&begun), false), line);
        let text = given_up(&[begun, runs], true);
        assert!(text.ends_with(
            "(-) would be removed, 6.0 KiB would be freed\n2 downloads, 12.0 KiB would be freed\n"
        ));
        assert_eq!(given_up(&[], false), "");
    }
}
