//! Journals of the first format stay readable, torn ends are left out, damage is named by its line.

use super::checkpoint::{self, Checkpoint, capture};
use super::error::JournalError;
use super::ledger::{Ledger, Origin};
use super::lock::Holder;
use super::record::{self, Begin, End, Entry, JournalRecord, Outcome, Reason};
use super::state::{Next, SagaState};
use super::summary::BootstrapCheckpoint;
use super::touch::Touch;
use crate::host::files::{self, Attributes};
use crate::host::inventory::Inventory;
use crate::host::root::Root;
use crate::model::explain::tells;
use jiff::Timestamp;
use proptest::prelude::*;
use std::path::Path;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1/journal/", $name))
    };
}

fn records(bytes: &[u8]) -> Vec<JournalRecord> {
    let read = record::parse(bytes, Path::new("fixture")).expect("the first format is readable");
    assert_eq!(read.length, bytes.len());
    read.entries.into_iter().map(|entry| entry.record).collect()
}

#[test]
fn journals_of_the_first_format_are_readable() {
    let completed = SagaState::of(&records(fixture!("completed.jsonl"))).expect("in order").expect("begun");
    assert_eq!((completed.next, completed.changed), (Next::Completed, true));
    assert_eq!(completed.begin.made, ["var", "var/lib", "var/lib/eos"]);
    let undone = records(fixture!("rolled-back.jsonl"));
    assert!(undone.contains(&JournalRecord::Unwinding { reason: Reason::Requested }));
    let undone = SagaState::of(&undone).expect("in order").expect("begun");
    assert_eq!(undone.next, Next::RolledBack);
    assert_eq!(undone.failure.expect("a step failed").0, "remove-old");
}

#[test]
fn other_records_of_the_first_format_are_readable() -> anyhow::Result<()> {
    let ledger: Ledger = serde_json::from_slice(fixture!("manifest.json"))?;
    assert_eq!(ledger.entries["etc/eos/cluster.yaml"].origin, Origin::Created);
    assert!(ledger.needs_checkpoint_of("0001-bootstrap") && !ledger.needs_checkpoint_of("0002-bootstrap"));
    let ledger: Ledger = serde_json::from_slice(fixture!("manifest-2.json"))?;
    assert_eq!((ledger.version, ledger.effects.len()), (2, 6));
    let checkpoint: Checkpoint = serde_json::from_slice(fixture!("entries.json"))?;
    assert_eq!((checkpoint.paths[0].nodes.len(), checkpoint.effects.len()), (5, 0));
    let checkpoint: Checkpoint = serde_json::from_slice(fixture!("entries-2.json"))?;
    assert_eq!((checkpoint.version, checkpoint.effects.len()), (2, 9));
    let summary: BootstrapCheckpoint = serde_json::from_slice(fixture!("checkpoint.json"))?;
    assert_eq!((summary.id.as_str(), summary.can_rollback), ("0001-bootstrap", true));
    let holder: Holder = serde_json::from_slice(fixture!("operation.lock"))?;
    assert_eq!((holder.pid, holder.made.len()), (4711, 3));
    Ok(())
}

#[test]
fn a_journal_cut_anywhere_is_its_complete_lines() {
    let bytes = fixture!("completed.jsonl");
    for length in 0..bytes.len() {
        let read = record::parse(&bytes[..length], Path::new("cut")).expect("a cut is no damage");
        let complete = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(read.entries.len(), complete, "cut at {length}");
        assert!(bytes[..length].starts_with(&bytes[..read.length]));
    }
}

#[test]
fn zeros_after_the_last_line_are_a_torn_line() {
    let bytes = [fixture!("completed.jsonl").as_slice(), &[0; 512]].concat();
    let read = record::parse(&bytes, Path::new("zeros")).expect("a torn line is no damage");
    assert_eq!(read.length, fixture!("completed.jsonl").len());
}

#[test]
fn a_changed_byte_is_damage_of_its_line() {
    let bytes = fixture!("rolled-back.jsonl");
    let mut line = 1;
    for index in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[index] ^= 0x10;
        match record::parse(&damaged, Path::new("j")) {
            Err(JournalError::Damaged { line: named, .. }) => assert_eq!(named, line, "byte {index}"),
            // Only the last newline, without which the last line counts as torn.
            Ok(read) => assert_eq!((index, read.entries.len()), (bytes.len() - 1, line - 1)),
            Err(other) => panic!("byte {index}: {other}"),
        }
        line += usize::from(bytes[index] == b'\n');
    }
}

#[test]
fn a_missing_or_repeated_line_is_damage() {
    let text = std::str::from_utf8(fixture!("completed.jsonl")).expect("it is text");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for index in 0..lines.len() - 1 {
        let without: String =
            lines.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, l)| *l).collect();
        let twice: String = lines[..=index].iter().chain(&lines[index..]).copied().collect();
        for (text, wanted) in [(without, index + 1), (twice, index + 2)] {
            match record::parse(text.as_bytes(), Path::new("j")) {
                Err(JournalError::Damaged { line, .. }) => assert_eq!(line, wanted),
                other => panic!("line {index}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_later_format_is_named_as_such() {
    let begin = Begin { version: 9, ..begin(&["a"]) };
    let entry = Entry { sequence: 1, at: Timestamp::UNIX_EPOCH, record: JournalRecord::Begin(begin) };
    let (line, _) = record::line(&entry, &record::start());
    let error = record::parse(line.as_bytes(), Path::new("j")).expect_err("it is newer");
    assert_eq!(error.to_string(), "j has format 9, and this eos knows formats up to 1");
}

fn begin(steps: &[&str]) -> Begin {
    Begin {
        version: 1,
        saga: "0001-test".to_owned(),
        kind: "test".to_owned(),
        plan: serde_json::Value::Null,
        steps: steps.iter().map(|&step| step.to_owned()).collect(),
        made: Vec::new(),
        first: true,
    }
}

#[test]
fn records_out_of_order_are_refused_by_name() {
    let step = || "a".to_owned();
    let done = JournalRecord::Done { step: step(), outcome: Outcome::Done };
    let cases = [
        (vec![done.clone()], "the outcome of step a cannot follow here"),
        (vec![JournalRecord::Started { step: "b".to_owned() }], "the start of step b cannot follow here"),
        (vec![JournalRecord::Undoing { step: step() }], "the undoing of step a cannot follow here"),
        (vec![JournalRecord::Finished { outcome: End::Completed }], "it cannot have ended so here"),
        (vec![JournalRecord::Begin(begin(&["a"]))], "a second beginning cannot follow here"),
    ];
    for (records, wanted) in cases {
        let all: Vec<_> = std::iter::once(JournalRecord::Begin(begin(&["a"]))).chain(records).collect();
        assert_eq!(SagaState::of(&all), Err((2, wanted.to_owned())));
    }
    assert_eq!(SagaState::of([&done]), Err((1, "it is not the beginning of a saga".to_owned())));
    assert_eq!(SagaState::of([]), Ok(None));
}

#[test]
fn a_socket_cannot_be_captured_and_nothing_counts_as_captured() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    files::create_directory(&root.join("run/eos"), Attributes { mode: 0o755, owner: None })?;
    let _socket = std::os::unix::net::UnixListener::bind(root.join("run/eos/s"))?;
    let error = capture(&root, "cp", &[Touch::Tree("run/eos".into())]).expect_err("a socket");
    assert!(matches!(&error, JournalError::Special { what, .. } if what == "socket"), "{error}");
    assert_eq!(checkpoint::load(&root, "cp")?, None);
    Ok(())
}

#[test]
fn eos_s_own_records_cannot_be_captured_into_themselves() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let error = capture(&root, "cp", &[Touch::Tree("var/lib/eos/journal".into())]).expect_err("its own");
    let text = "a step may not touch var/lib/eos/journal: eos keeps its own records there";
    tells(&error, "EOS-G005", text);
    Ok(())
}

#[test]
fn a_damaged_blob_is_never_put_back() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let file = root.join("file");
    files::write_atomic(&file, b"old", Attributes::PUBLIC)?;
    let checkpoint = capture(&root, "cp", &[Touch::File("file".into())])?;
    let blobs = root.join("cp/blobs");
    let blob = blobs.join(&files::list(&blobs)?[0]);
    files::write_atomic(&blob, b"bad", Attributes::SECRET)?;
    files::write_atomic(&file, b"new", Attributes::PUBLIC)?;
    let error = checkpoint::restore(&root, "cp", &checkpoint).expect_err("the blob is damaged");
    assert_eq!(error.to_string(), format!("could not restore {}", file.display()));
    assert_eq!(files::read(&file)?, b"new", "what is there stays until its replacement is proven");
    Ok(())
}

/// What a random step does to one of a few paths.
#[derive(Debug, Clone)]
enum Deed {
    Write(usize, u8),
    Remove(usize),
    MakeDirectory(usize),
    Link(usize),
}

const PLACES: [&str; 5] = ["t/a", "t/b/c", "t/b/d/e", "f", "g/h"];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let place = 0..PLACES.len();
    let deed = prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(place, byte)| Deed::Write(place, byte)),
        place.clone().prop_map(Deed::Remove),
        place.clone().prop_map(Deed::MakeDirectory),
        place.prop_map(Deed::Link),
    ];
    proptest::collection::vec(deed, 0..12)
}

fn perform(root: &Root, deeds: &[Deed]) -> anyhow::Result<()> {
    for deed in deeds {
        let (Deed::Write(place, _) | Deed::Remove(place) | Deed::MakeDirectory(place) | Deed::Link(place)) =
            deed;
        let path = root.join(PLACES[*place]);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        crate::host::tree::remove_any(&path)?;
        match deed {
            Deed::Write(_, byte) => {
                let mode = 0o600 | u32::from(*byte & 0o77);
                files::write_atomic(
                    &path,
                    &[*byte; 100],
                    Attributes { mode, owner: Some((u32::from(*byte), 7)) },
                )?;
            }
            Deed::Remove(_) => {}
            Deed::MakeDirectory(_) => std::fs::create_dir(&path)?,
            Deed::Link(_) => std::os::unix::fs::symlink("elsewhere", &path)?,
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_a_step_did_is_restored(before in deeds(), during in deeds()) {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        perform(&root, &before).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let look = || Inventory::of(&root, &["t", "f", "g"]);
        let wanted = look()?;
        let touches = [Touch::Tree("t".into()), Touch::File("f".into()), Touch::File("g/h".into())];
        let checkpoint = capture(&root, "cp", &touches)?;
        perform(&root, &during).map_err(|e| TestCaseError::fail(e.to_string()))?;
        for _ in 0..2 {
            prop_assert_eq!(checkpoint::restore(&root, "cp", &checkpoint)?, Vec::<String>::new());
            prop_assert_eq!(wanted.difference(&look()?), Vec::<String>::new());
        }
    }
}

#[test]
fn the_ledger_keeps_what_was_before_eos_of_what_is_not_in_files_and_forgets_what_is_so_again() {
    let of = |value: u64| std::collections::BTreeMap::from([("parameter:x".to_owned(), value.into())]);
    let mut ledger = Ledger::default();
    ledger.record_effects(&of(1), of(1));
    assert_eq!((ledger.version, ledger.effects.len()), (1, 0), "an earlier eos may read it");
    ledger.record_effects(&of(1), of(2));
    ledger.record_effects(&of(2), of(3));
    // Somebody else has made a 4 of it since, and the next step found that and changed nothing.
    ledger.record_effects(&of(4), of(4));
    let effect = &ledger.effects["parameter:x"];
    assert_eq!((&effect.before, &effect.written, ledger.version), (&1.into(), &3.into(), 2));
    ledger.record_effects(&of(3), of(1));
    assert_eq!((ledger.version, ledger.effects.len()), (1, 0));
    ledger.record_effects(&of(1), of(2));
    ledger.forget_effect("parameter:x");
    assert_eq!((ledger.version, ledger.effects.len()), (1, 0));
}
