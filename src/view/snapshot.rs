//! `eos snapshot list`, `show` and `prune`: the snapshots of this host.

use crate::snapshot::create::Made;
use crate::snapshot::manifest::{Content, Entry};
use crate::snapshot::restore::Kept;
use crate::snapshot::retention::Verdict;
use crate::snapshot::store::{Exported, Judged, Summary};
use crate::view::quoted;
use crate::view::table::{fields, table};
use crate::view::units::{bytes, plural, precise};
use crate::wire::snapshots::{ClusterHoldings, Held, Holder};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

/// A snapshot in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What its manifest says.
    pub summary: Summary,
    /// Whose store it is in: `master` or `node`.
    pub store: &'static str,
    /// Since when it stands at the path of its source, if it does.
    pub restored_at: Option<Timestamp>,
}

/// A table of snapshots.
pub fn list(all: &[Listed]) -> String {
    if all.is_empty() {
        return "no snapshots\n".to_owned();
    }
    let row = |one: &Listed| {
        let metadata = &one.summary.metadata;
        [
            one.summary.id.to_string(),
            metadata.source.clone(),
            metadata.generation.to_string(),
            time(metadata.created_at),
            bytes(one.summary.stored_bytes),
            if one.summary.is_full() { "full" } else { "incremental" }.to_owned(),
            one.store.to_owned(),
            one.restored_at.map_or_else(|| "-".to_owned(), time),
        ]
    };
    let rows: Vec<[String; 8]> = all.iter().map(row).collect();
    let header = ["SNAPSHOT", "SOURCE", "GENERATION", "CREATED", "SIZE", "KIND", "STORE", "IN PLACE SINCE"];
    table(usize::MAX, header, &rows)
}

/// One line of what became of a source.
pub fn created(source: &str, one: &Made, took: Duration) -> String {
    let (id, files) = (&one.id.as_str()[..8], one.counts.files);
    let took = precise(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    let files = format!("{files} {}", plural(usize::try_from(files).unwrap_or(usize::MAX), "file", "files"));
    if one.unchanged {
        return format!("{source}: no change since snapshot {id}, {files} ({took})\n");
    }
    let (new, borrowed) = (bytes(one.stored_bytes), bytes(one.counts.borrowed_bytes));
    let paused = one.paused.map(|paused| u64::try_from(paused.as_millis()).unwrap_or(u64::MAX));
    let paused = paused.map_or_else(String::new, |paused| format!(", writers held for {}", precise(paused)));
    format!("{source}: snapshot {id}, {files}, {new} new, {borrowed} borrowed ({took}{paused})\n")
}

/// A table of the snapshots of a cluster, with the nodes that hold them.
pub fn holdings(all: &ClusterHoldings) -> String {
    let name = |holder: &Holder| match holder.alive {
        true => holder.name.clone(),
        false => format!("{} (silent)", holder.name),
    };
    let row = |held: &Held| {
        let names: Vec<String> = held.holders.iter().map(name).collect();
        let one = &held.snapshot;
        let size = bytes(one.stored_bytes);
        [one.id.to_string(), one.source.clone(), time(one.created_at), size, names.join(", ")]
    };
    let rows: Vec<[String; 5]> = all.snapshots.iter().map(row).collect();
    let mut text = match rows.is_empty() {
        true => "no snapshots\n".to_owned(),
        false => table(usize::MAX, ["SNAPSHOT", "SOURCE", "CREATED", "SIZE", "HELD BY"], &rows),
    };
    if !all.untold.is_empty() {
        let names: Vec<&str> = all.untold.iter().map(|name| name.as_str()).collect();
        text.push_str(&format!("not heard yet what these hold: {}\n", names.join(", ")));
    }
    text
}

/// Who signed a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Whom the certificate names.
    pub by: String,
    /// Whether the cluster's authority vouches for it; `None` where no cluster is known.
    pub trusted: Option<bool>,
    /// Why it does not.
    pub why: Option<String>,
}

/// A snapshot with all that is known of it but its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What its manifest says.
    pub summary: Summary,
    /// Who signed it.
    pub signed: Signed,
    /// The directories of the stores that hold it.
    pub stores: Vec<String>,
    /// Who reads it, and since when.
    pub readers: Vec<String>,
    /// What restores on this host say of it.
    pub restored: Option<String>,
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// One line for each fact.
pub fn shown(shown: &Shown) -> String {
    let one = &shown.summary;
    let trusted = match (shown.signed.trusted, &shown.signed.why) {
        (Some(true), _) => "the cluster's authority vouches for it".to_owned(),
        (Some(false), Some(why)) => format!("REFUSED: {why}"),
        (Some(false), None) => "REFUSED".to_owned(),
        (None, _) => "not judged: this host knows no cluster's authority".to_owned(),
    };
    let readers = if shown.readers.is_empty() { "nobody".to_owned() } else { shown.readers.join("; ") };
    let (parts, frames) = (one.parts.len(), one.frames);
    let stored = format!(
        "{} in {parts} {}, {frames} {}",
        bytes(one.stored_bytes),
        plural(parts, "part", "parts"),
        plural(frames, "frame", "frames")
    );
    let kind = match one.is_full() {
        true => "full".to_owned(),
        false => format!("incremental, {} of earlier snapshots", bytes(one.borrowed_bytes())),
    };
    let by_hand = match one.is_full() {
        true => format!("eos snapshot export {} DIR", &one.id.as_str()[..one.id.as_str().len().min(8)]),
        false => "not by itself, since it borrows: eos snapshot create SOURCE --full makes one".to_owned(),
    };
    let mut rows = vec![
        ("snapshot", one.id.to_string()),
        ("source", one.metadata.source.clone()),
        ("cluster", one.metadata.cluster_id.to_string()),
        ("created", time(one.metadata.created_at)),
        ("generation", one.metadata.generation.to_string()),
        ("made by", format!("eos {}", one.metadata.eos_version)),
        ("entries", one.entries.to_string()),
        ("restored", bytes(one.restore_bytes)),
        ("kind", kind),
        ("stored", stored),
        ("by hand", by_hand),
        ("signed by", shown.signed.by.clone()),
        ("signature", trusted),
        ("in", shown.stores.join("; ")),
        ("read by", readers),
    ];
    rows.extend(shown.restored.iter().map(|text| ("restore", text.clone())));
    fields(usize::MAX, &rows)
}

/// The command that restores what was exported into this directory, in the directory in which it is run.
pub fn by_hand(directory: &Path) -> String {
    let directory = quoted(&directory.display().to_string());
    format!("zstd -dc {directory}/part-*.tar.zst | tar -xp --xattrs")
}

/// What was exported, and how it is restored.
pub fn exported(directory: &Path, exported: Exported, command: &str) -> String {
    let Exported { parts, bytes: size, linked } = exported;
    let (parts, size) = (format!("{parts} {}", plural(parts, "part", "parts")), bytes(size));
    let shared = match linked {
        0 => "",
        _ => "\nthey are second names of the store's own files: do not write to them",
    };
    format!("{parts}, {size} in {}{shared}\nrestore them, as root: {command}\n", directory.display())
}

/// A line for each entry: type, mode, owner, size, and its name as the manifest spells it.
pub fn entries(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let (kind, size, target) = match &entry.content {
            Content::Directory => ("d", "-".to_owned(), None),
            Content::File { size, .. } => ("-", size.to_string(), None),
            Content::Symlink { target } => ("l", "-".to_owned(), Some(("->", target))),
            Content::Hardlink { target } => ("h", "-".to_owned(), Some(("=", target))),
        };
        let owner = format!("{}:{}", entry.uid, entry.gid);
        let target = target.map(|(sign, target)| format!(" {sign} {target}")).unwrap_or_default();
        text.push_str(&format!("{kind} {:04o} {owner:>11} {size:>12} {}{target}\n", entry.mode, entry.path));
    }
    text
}

/// The row of a snapshot that was judged: id, source, time, size, fate and reason.
pub fn judged(one: &Judged) -> [String; 6] {
    let why = match one.verdict {
        Verdict::Within => "within the limits".to_owned(),
        Verdict::Newest => "the newest of its source".to_owned(),
        Verdict::Protected => {
            let readers: Vec<String> = one.holders.iter().map(ToString::to_string).collect();
            format!("read by {}", readers.join("; "))
        }
        Verdict::TooMany => "enough newer ones".to_owned(),
        Verdict::TooOld => "too old".to_owned(),
        Verdict::TooLarge => "over the size".to_owned(),
    };
    let fate = if one.verdict.drops() { "goes" } else { "stays" };
    let metadata = &one.summary.metadata;
    let size = bytes(one.summary.stored_bytes);
    [one.summary.id.to_string(), metadata.source.clone(), time(metadata.created_at), size, fate.into(), why]
}

/// What was pruned, and how much that freed.
pub fn pruned(rows: &[[String; 6]], removed: usize, freed_bytes: u64, dry_run: bool) -> String {
    if rows.is_empty() {
        return "no snapshots\n".to_owned();
    }
    let header = ["SNAPSHOT", "SOURCE", "CREATED", "SIZE", "FATE", "WHY"];
    let (would, freed) = if dry_run { (" would be", "would be freed") } else { ("", "freed") };
    let snapshots = plural(removed, "snapshot", "snapshots");
    let size = bytes(freed_bytes);
    format!("{}{removed} {snapshots}{would} removed, {size} {freed}\n", table(usize::MAX, header, rows))
}

/// What became of the tree from before the last restore of a source.
pub fn forgotten(source: &str, kept: Option<&Kept>, dry_run: bool) -> String {
    let Some(kept) = kept else {
        return format!("nothing is kept from before the last restore of {source}\n");
    };
    let (is, freed) = if dry_run { ("would be", "would be freed") } else { ("is", "freed") };
    let (path, size) = (kept.path.display(), bytes(kept.bytes));
    format!("what was there before the last restore of {source} {is} removed: {path}, {size} {freed}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;
    use crate::model::ids::{ClusterId, SnapshotId};
    use crate::snapshot::manifest::{Metadata, Name, Part, Time};
    use crate::snapshot::store::Holder;

    fn summary() -> Summary {
        Summary {
            id: SnapshotId::parse("abcdefgh").expect("an id"),
            metadata: Metadata {
                cluster_id: ClusterId::parse("c1").expect("an id"),
                created_at: "2026-01-02T03:04:05Z".parse().expect("a time"),
                eos_version: "0.1.0".to_owned(),
                generation: 7,
                source: "cluster".to_owned(),
            },
            entries: 12,
            frames: 2,
            restore_bytes: 7 << 10,
            stored_bytes: 6 << 10,
            parts: vec![Part { borrowed: false, digest: Digest::from_bytes([1; 32]), size: 6 << 10 }],
        }
    }

    #[test]
    fn snapshots_have_headings_and_none_are_said() {
        let one = Listed { summary: summary(), store: "master", restored_at: None };
        let mut other = Listed { store: "node", restored_at: Some(Timestamp::UNIX_EPOCH), ..one.clone() };
        other.summary.parts.insert(0, Part { borrowed: true, ..other.summary.parts[0] });
        assert_eq!(
            list(&[one, other]),
            "\
SNAPSHOT  SOURCE   GENERATION  CREATED              SIZE     KIND         STORE   IN PLACE SINCE
abcdefgh  cluster  7           2026-01-02 03:04:05  6.0 KiB  full         master  -
abcdefgh  cluster  7           2026-01-02 03:04:05  6.0 KiB  incremental  node    1970-01-01 00:00:00
"
        );
        assert_eq!(list(&[]), "no snapshots\n");
    }

    #[test]
    fn a_snapshot_is_shown_with_its_signer_and_its_readers() {
        let signed = Signed { by: "the master of cluster c1, key ab".into(), trusted: Some(true), why: None };
        let mut one = Shown {
            summary: summary(),
            signed,
            stores: vec!["/a".into(), "/b".into()],
            readers: vec![],
            restored: None,
        };
        assert_eq!(
            shown(&one),
            "\
snapshot    abcdefgh
source      cluster
cluster     c1
created     2026-01-02 03:04:05
generation  7
made by     eos 0.1.0
entries     12
restored    7.0 KiB
kind        full
stored      6.0 KiB in 1 part, 2 frames
by hand     eos snapshot export abcdefgh DIR
signed by   the master of cluster c1, key ab
signature   the cluster's authority vouches for it
in          /a; /b
read by     nobody
"
        );
        one.signed.trusted = Some(false);
        one.signed.why = Some("forged".into());
        one.readers = vec!["node n-1 since then".into()];
        let text = shown(&one);
        assert!(text.contains("signature   REFUSED: forged\n"), "{text}");
        assert!(text.ends_with("read by     node n-1 since then\n"), "{text}");
        one.restored = Some("stands at /srv since then".into());
        one.summary.parts[0].borrowed = true;
        let text = shown(&one);
        assert!(text.ends_with("restore     stands at /srv since then\n"), "{text}");
        assert!(text.contains("kind        incremental, 6.0 KiB of earlier snapshots\n"), "{text}");
        assert!(
            text.contains("by hand     not by itself, since it borrows: eos snapshot create SOURCE --full ")
        );
        one.signed = Signed { by: "it".into(), trusted: None, why: None };
        assert!(shown(&one).contains("signature   not judged: this host knows no cluster's authority\n"));
    }

    #[test]
    fn what_is_exported_is_said_with_the_command_that_restores_it() {
        let path = Path::new("/mnt/my disk");
        let mut one = Exported { parts: 2, bytes: 6 << 10, linked: 0 };
        let command = by_hand(path);
        assert_eq!(command, "zstd -dc '/mnt/my disk'/part-*.tar.zst | tar -xp --xattrs");
        let text = exported(path, one, &command);
        assert_eq!(text, format!("2 parts, 6.0 KiB in /mnt/my disk\nrestore them, as root: {command}\n"));
        one.linked = 1;
        assert!(exported(path, one, &command).contains("\nthey are second names of the store's own files: "));
    }

    #[test]
    fn a_name_that_would_drive_the_terminal_is_escaped() {
        let entry = |path: &[u8], content| Entry {
            path: Name::new(path),
            mode: 0o644,
            uid: 0,
            gid: 7,
            modified: Time(0, 0),
            extended: Default::default(),
            content,
        };
        let target = || Name::new("a\nb");
        let all = [
            entry(b"d", Content::Directory),
            entry(b"d/\x1b[2J", Content::File { size: 5, digest: Digest::of(b""), sparse: false, at: None }),
            entry(b"l", Content::Symlink { target: target() }),
            entry(b"m", Content::Hardlink { target: target() }),
        ];
        assert_eq!(
            entries(&all),
            "\
d 0644         0:7            - d
- 0644         0:7            5 d/%1B[2J
l 0644         0:7            - l -> a%0Ab
h 0644         0:7            - m = a%0Ab
"
        );
    }

    #[test]
    fn what_is_pruned_and_what_stays_is_said_with_the_reason() {
        let row = |verdict| {
            let holders = match verdict {
                Verdict::Protected => vec![Holder { who: "node n-1".into(), since: None }],
                _ => vec![],
            };
            judged(&Judged { summary: summary(), verdict, holders })
        };
        let rows = [row(Verdict::TooOld), row(Verdict::Newest)];
        assert_eq!(
            pruned(&rows, 1, 6 << 10, false),
            "\
SNAPSHOT  SOURCE   CREATED              SIZE     FATE   WHY
abcdefgh  cluster  2026-01-02 03:04:05  6.0 KiB  goes   too old
abcdefgh  cluster  2026-01-02 03:04:05  6.0 KiB  stays  the newest of its source
1 snapshot removed, 6.0 KiB freed
"
        );
        assert!(pruned(&rows, 2, 0, true).ends_with("\n2 snapshots would be removed, 0 B would be freed\n"));
        assert_eq!(pruned(&[], 0, 0, false), "no snapshots\n");
        let whys = [Verdict::Within, Verdict::Protected, Verdict::TooMany, Verdict::TooLarge]
            .map(|one| row(one)[5].clone());
        let expected = [
            "within the limits",
            "read by a reader that has just come",
            "enough newer ones",
            "over the size",
        ];
        assert_eq!(whys, expected);
    }
}
