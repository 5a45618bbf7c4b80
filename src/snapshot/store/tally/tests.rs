//! Counts: kept, of commands at once, across a death, and refused when they are none.

use super::*;
use crate::host::directory::cut;

/// A root with a store.
fn site() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(paths::SNAPSHOTS)).unwrap();
    let root = Root::new(folder.path()).unwrap();
    (folder, root)
}

fn tally(root: &Root) -> Result<Tally, StoreError> {
    DiskStore::open(Directory::open(&root.join(paths::SNAPSHOTS)).unwrap())?.tally()
}

fn pulled(milliseconds: u64) -> Ended<'static> {
    Ended::Pulled { took: Duration::from_millis(milliseconds), received_bytes: 7 }
}

#[test]
fn each_command_is_counted_with_its_time_its_bytes_and_its_failures_by_code() {
    let (_folder, root) = site();
    assert_eq!(tally(&root).unwrap(), Tally::default());
    let captured = |unchanged, stored_bytes| Ended::Captured {
        took: Duration::from_millis(50),
        unchanged,
        read_bytes: 10,
        borrowed_bytes: 20,
        stored_bytes,
        excluded: 3,
        paused: Duration::from_millis(8),
    };
    for ended in [
        captured(false, 5),
        captured(true, 0),
        Ended::Paused { paused: Duration::from_millis(5) },
        pulled(1500),
        pulled(7_200_000),
        Ended::Restored {
            took: Duration::from_secs(1),
            received_bytes: 9,
            applying: Duration::from_millis(30),
        },
        Ended::Failed { command: Command::Restore, code: "EOS-T216" },
        Ended::Failed { command: Command::Restore, code: "EOS-T216" },
        Ended::Failed { command: Command::Capture, code: "EOS-T216" },
        Ended::Failed { command: Command::Pull, code: "EOS-T044" },
        Ended::Recovered { outcome: "kept" },
        Ended::Recovered { outcome: "kept" },
        Ended::Recovered { outcome: "returned" },
    ] {
        count(&root, ended).unwrap();
    }
    let Tally { captures, pulls, restores, applying_milliseconds, recovered, .. } = tally(&root).unwrap();
    assert_eq!((captures.excluded, captures.paused_milliseconds, applying_milliseconds), (6, 21, 30));
    assert_eq!(recovered, BTreeMap::from([("kept".to_owned(), 2), ("returned".to_owned(), 1)]));
    let sums = (captures.read_bytes, captures.borrowed_bytes, captures.stored_bytes);
    assert_eq!((captures.deeds.count, captures.unchanged, sums), (2, 1, (20, 40, 5)));
    assert_eq!((captures.deeds.milliseconds, captures.deeds.within[0]), (100, 2));
    assert_eq!((pulls.deeds.count, pulls.deeds.milliseconds, pulls.received_bytes), (2, 7_201_500, 14));
    assert_eq!(pulls.deeds.within, [0, 0, 1, 0, 0, 0, 0, 0, 1]);
    assert_eq!((restores.deeds.count, restores.received_bytes, restores.deeds.within[1]), (1, 9, 1));
    let failures = [captures.deeds, pulls.deeds, restores.deeds].map(|deeds| deeds.failures);
    let expected = [("EOS-T216", 1), ("EOS-T044", 1), ("EOS-T216", 2)];
    assert_eq!(failures, expected.map(|(code, count)| BTreeMap::from([(code.to_owned(), count)])));
}

#[test]
fn commands_that_end_at_once_are_all_counted() {
    let (_folder, root) = site();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| count(&root, pulled(1)).unwrap()));
        }
    });
    let pulls = tally(&root).unwrap().pulls;
    assert_eq!((pulls.deeds.count, pulls.received_bytes), (20, 140));
}

#[test]
fn a_death_at_any_change_leaves_the_counts_before_or_after_and_the_next_command_is_counted() {
    for changes in 0.. {
        let (_folder, root) = site();
        count(&root, pulled(1)).unwrap();
        let (ended, died) = cut::after(changes, || count(&root, pulled(1)));
        let before = tally(&root).unwrap().pulls.deeds.count;
        assert!(before == 2 || (before == 1 && ended.is_err()), "death before change {changes}");
        count(&root, pulled(1)).unwrap();
        assert_eq!(tally(&root).unwrap().pulls.deeds.count, before + 1);
        if !died {
            assert!(ended.is_ok() && changes > 2, "{changes}");
            break;
        }
    }
}

#[test]
fn a_host_without_a_store_counts_nothing_and_what_is_no_count_is_not_counted_over() {
    let (folder, root) = site();
    let path = folder.path().join(paths::SNAPSHOTS).join(FILE);
    let most = serde_json::to_string(&Tally { version: 2, ..Tally::default() }).unwrap();
    for text in ["", "{}", &most] {
        std::fs::write(&path, text).unwrap();
        tally(&root).expect_err("it is no count");
        count(&root, pulled(1)).expect_err("nothing is counted anew over it");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    count(&root, pulled(1)).unwrap();
    assert!(!path.exists());
}

#[test]
fn what_was_counted_stays_readable() {
    let text = include_str!("../../../../tests/fixtures/v1/snapshot/tally.json");
    let read: Tally = serde_json::from_str(text).unwrap();
    assert_eq!((read.captures.deeds.count, read.captures.unchanged, read.captures.read_bytes), (3, 2, 9000));
    assert_eq!((read.restores.deeds.milliseconds, read.restores.received_bytes), (2000, 9));
    assert_eq!(read.pulls.deeds.failures["EOS-T044"], 3);
    let text = include_str!("../../../../tests/fixtures/v1/snapshot/tally-with-pauses.json");
    let later: Tally = serde_json::from_str(text).unwrap();
    assert_eq!((later.captures.excluded, later.captures.paused_milliseconds), (4, 12));
    assert_eq!(later.applying_milliseconds, 70);
    assert_eq!(serde_json::to_string(&later).unwrap(), text.trim_end());
}
