//! A crash, or a failing disk, at each change that a restore and its recovery make.

use super::*;
use crate::host::directory::cut;

/// How a restore shall end when nothing comes between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stays,
    Returns,
}

fn site(with_old: bool, end: End) -> Site {
    let site = if with_old { Site::with_old() } else { Site::new() };
    // What an earlier restore kept.
    tree(&site.root.join("srv/.metrics.eos/previous"), "older");
    site.stage("new");
    if end == End::Returns {
        site.fall_sick();
    }
    site
}

/// Every way in which a restore may end.
const WAYS: [(bool, End); 4] =
    [(true, End::Stays), (true, End::Returns), (false, End::Stays), (false, End::Returns)];

/// What stands at the target is whole, and not both are gone.
#[track_caller]
fn whole(site: &Site, with_old: bool, at: &str) -> String {
    let which = site.which();
    let old = if with_old { "old" } else { "nothing" };
    assert!(which == "new" || which == old, "{which} {at}");
    which
}

/// Whoever was stopped was started after it.
#[track_caller]
fn served(site: &Site, at: &str) {
    let log = site.log();
    let last = log.iter().rposition(|line| line == "before");
    if let Some(last) = last {
        assert!(log[last..].iter().any(|line| line == "after"), "{log:?} {at}");
    }
}

#[track_caller]
fn settled(site: &Site, with_old: bool, at: &str) {
    let which = whole(site, with_old, at);
    let records = site.names("var/lib/eos/restores");
    assert!(!records.iter().any(|name| name.contains(".json")), "{records:?} {at}");
    served(site, at);
    let previous = site.previous();
    match which.as_str() {
        "new" if with_old => assert_eq!(previous, "old", "{at}"),
        "new" => assert_eq!(previous, "older", "{at}"),
        _ => assert_eq!(previous, "older", "{at}"),
    }
    let recorded = last(&site.root, "metrics").unwrap().is_some();
    assert_eq!(recorded, which == "new", "{at}");
    assert!(recover(&site.root, &Silent).unwrap().is_empty(), "{at}");
}

#[test]
fn a_crash_at_any_change_of_a_restore_leaves_the_old_tree_or_the_new_one_and_is_recovered() {
    for (with_old, end) in WAYS {
        let mut changes = 0;
        loop {
            let at = format!("with_old {with_old}, {end:?}, crash after {changes} changes");
            let site = site(with_old, end);
            let (_, died) = cut::after(changes, || site.restore());
            whole(&site, with_old, &at);
            let recovered = recover(&site.root, &Silent).unwrap();
            assert!(!recovered.iter().any(|one| matches!(one.outcome, Outcome::Failed(_) | Outcome::Busy)));
            settled(&site, with_old, &at);
            if end == End::Returns {
                assert_ne!(site.which(), "new", "{at}");
            }
            if !died {
                break;
            }
            // What is left does not keep the next one from its end.
            fs::remove_file(site.root.join("sick")).ok();
            site.stage("new");
            site.restore().unwrap();
            assert_eq!(site.which(), "new", "{at}");
            changes += 1;
        }
        assert!(changes > 15, "only {changes} changes were cut");
    }
}

#[test]
fn a_recovery_that_is_interrupted_at_any_change_is_finished_by_the_next() {
    for (with_old, end) in WAYS {
        let mut changes = 0;
        loop {
            let mut again = 0;
            let mut died = false;
            loop {
                let at = format!("with_old {with_old}, {end:?}, crashes after {changes} and {again} changes");
                let site = site(with_old, end);
                // The health command is asked often enough elsewhere.
                let (_, first) = cut::after(changes, || site.restore());
                died |= first;
                let (_, second) = cut::after(again, || recover(&site.root, &Silent));
                whole(&site, with_old, &at);
                recover(&site.root, &Silent).unwrap();
                settled(&site, with_old, &at);
                if !second {
                    break;
                }
                again += 3;
            }
            if !died {
                break;
            }
            changes += 2;
        }
    }
}

#[test]
fn an_error_at_any_step_of_a_restore_leaves_the_same_names_inodes_and_bytes() {
    for (with_old, end) in WAYS {
        let mut changes = 0;
        loop {
            let at = format!("with_old {with_old}, {end:?}, error at change {changes}");
            let site = site(with_old, end);
            let before = with_old.then(|| site.inode("srv/metrics"));
            let (result, failed) = cut::failing(changes, || site.restore());
            match result {
                Ok(_) | Err(RestoreError::NotCleared { .. }) => assert_eq!(site.which(), "new", "{at}"),
                // Two failures at once, of the new tree and of the disk; the next recovery has the old one return.
                Err(RestoreError::NotReturned { .. }) if end == End::Returns => {}
                Err(error) => {
                    assert_eq!(site.which(), if with_old { "old" } else { "nothing" }, "{at}: {error:?}");
                    assert_eq!(with_old.then(|| site.inode("srv/metrics")), before, "{at}");
                }
            }
            recover(&site.root, &Silent).unwrap();
            settled(&site, with_old, &at);
            assert!(end == End::Stays || site.which() != "new", "{at}");
            if !failed {
                break;
            }
            changes += 1;
        }
    }
}

#[test]
fn somebody_who_moves_the_trees_meanwhile_is_told_and_nothing_is_touched() {
    let site = site(true, End::Stays);
    let mut changes = 0;
    while site.journals() == 0 {
        let _ = cut::after(changes, || site.restore());
        changes += 1;
    }
    fs::rename(site.root.join("srv/metrics"), site.root.join("srv/aside")).unwrap();
    tree(&site.root.join("srv/metrics"), "theirs");
    let error = site.begin().unwrap_err();
    let (target, journal) =
        (site.root.join("srv/metrics"), site.root.join("var/lib/eos/restores/metrics.json"));
    let text = format!(
        "{} is neither the old tree nor the new one that {} names",
        target.display(),
        journal.display()
    );
    tells(&error, "EOS-T212", &text);
    assert_eq!((site.which(), site.journals()), ("theirs".to_owned(), 1));
}

#[test]
fn the_journal_of_version_one_stays_readable() {
    let site = Site::with_old();
    let fixture = include_str!("../../../../tests/fixtures/v1/restore-journal.json");
    let folder = site.root.join("var/lib/eos/restores");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("metrics.json"), fixture).unwrap();
    let journal = Folder::open(&site.root).unwrap().journal("metrics").unwrap().unwrap();
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&journal).unwrap()), fixture);
    assert_eq!((journal.phase, journal.kind), (Phase::Begun, Kind::Restore));
}

#[test]
fn the_records_of_restores_of_version_one_stay_readable() {
    let site = Site::with_old();
    let fixture = include_str!("../../../../tests/fixtures/v1/restore-last.json");
    let folder = site.root.join("var/lib/eos/restores/last");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("metrics.json"), fixture).unwrap();
    let record = last(&site.root, "metrics").unwrap().unwrap();
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&record).unwrap()), fixture);
    assert_eq!(told(&site.root).unwrap()[0].last.as_ref(), Some(&record));
    let fixture = include_str!("../../../../tests/fixtures/v1/restore-ended.json");
    let folder = site.root.join("var/lib/eos/restores/ended");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("metrics.json"), fixture).unwrap();
    let record = told(&site.root).unwrap().remove(0).ended.unwrap();
    assert_eq!(format!("{}\n", serde_json::to_string_pretty(&record).unwrap()), fixture);
}

#[test]
fn a_death_while_the_tree_of_before_is_forgotten_leaves_it_whole_or_away_and_the_next_attempt_ends_it() {
    for changes in 0.. {
        let site = Site::with_old();
        site.stage("new");
        site.restore().unwrap();
        let kept = kept(&site.root, &site.source).unwrap().unwrap();
        assert_eq!((kept.path, kept.bytes > 0), (site.root.join("srv/.metrics.eos/previous"), true));
        site.stage("newer");
        let forget = || site.begin().and_then(|begun| begun.forget_previous());
        let (forgotten, died) = cut::after(changes, forget);
        assert!(
            ["old", "nothing"].contains(&site.previous().as_str()),
            "change {changes}: {}",
            site.previous()
        );
        if !died {
            assert_eq!(forgotten.unwrap().unwrap().bytes, kept.bytes);
            assert!(changes > 5, "{changes}");
        }
        forget().unwrap();
        // What was received of the next snapshot is not what was before.
        assert_eq!(
            (site.which(), site.names("srv/.metrics.eos")),
            ("new".to_owned(), vec!["incoming".to_owned()])
        );
        assert!(!last(&site.root, "metrics").unwrap().unwrap().has_previous);
        let error = site.begin().unwrap().previous(&|| false, &Silent).unwrap_err();
        assert!(matches!(error, RestoreError::NoPrevious { .. }), "{error:?}");
        if !died {
            break;
        }
    }
}
