//! Publication and removal with a death before every change on the disk, and both at once.

use super::*;
use crate::host::directory::cut;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The store opens, every snapshot in it is whole, and nothing else is left.
#[track_caller]
fn sound(site: &Site, case: &str) -> BTreeSet<SnapshotId> {
    let store = site.store();
    let listing = store.list().unwrap();
    assert!(listing.unreadable.is_empty(), "{case}");
    let mut parts = BTreeSet::new();
    for one in &listing.snapshots {
        assert!(store.verify(&one.id).unwrap().damage.is_empty(), "{case}");
        parts.extend(one.parts.iter().map(|part| part.digest));
    }
    assert_eq!(site.names("store/parts"), parts.len(), "{case}");
    assert_eq!(site.names("store/manifests"), listing.snapshots.len(), "{case}");
    assert_eq!(site.names("store/incoming") + site.names("store/leases"), 0, "{case}");
    listing.snapshots.into_iter().map(|one| one.id).collect()
}

/// Runs `work` with a death before the first change, the second, and so on, each in a store of its own
/// that `prepare` fills; returns how many deaths there were.
fn at_every_change<P>(
    prepare: impl Fn(&Site, &DiskStore) -> P,
    work: impl Fn(&DiskStore, P) -> Result<(), StoreError>,
    check: impl Fn(&Site, bool, &str),
) -> usize {
    for changes in 0.. {
        let site = Site::new();
        let store = site.store();
        let prepared = prepare(&site, &store);
        let (result, died) = cut::after(changes, || {
            let result = work(&store, prepared);
            drop(store);
            result
        });
        assert!(died || result.is_ok(), "{changes}");
        check(&site, result.is_ok(), &format!("death before change {changes}"));
        if !died {
            return changes;
        }
    }
    unreachable!("every work ends")
}

#[test]
fn a_death_at_any_change_of_publication_leaves_the_old_or_the_new() {
    let deaths = at_every_change(
        |site, store| {
            let old = site.published(store, 1);
            fs::write(site.path("tree/plain"), "changed").unwrap();
            (site.staged(store, 2), old)
        },
        |store, ((staging, signed, _), _)| store.publish(staging, &signed).map(|_| ()),
        |site, done, case| {
            let left = sound(site, case).len();
            assert!(left == 2 || (left == 1 && !done), "{case}");
        },
    );
    assert!(deaths > 12, "{deaths}");
}

#[test]
fn a_death_at_any_change_of_pruning_leaves_whole_snapshots_and_is_ended_by_the_next() {
    let newest = Rule { count: Some(1), ..Rule::default() };
    let deaths = at_every_change(
        |site, store| {
            for generation in 1..=3 {
                fs::write(site.path("tree/plain"), format!("{generation}")).unwrap();
                site.published(store, generation);
            }
        },
        |store, ()| store.prune(&newest, NOW, &BTreeSet::new(), false).map(|_| ()),
        |site, done, case| {
            let left = sound(site, case).len();
            assert!((1..=3).contains(&left) && (left == 1 || !done), "{case}");
            site.store().prune(&newest, NOW, &BTreeSet::new(), false).unwrap();
            assert_eq!(sound(site, case).len(), 1, "{case}");
        },
    );
    assert!(deaths > 8, "{deaths}");
}

#[test]
fn a_death_at_any_change_of_clearing_up_is_cleared_up_by_the_next() {
    let deaths = at_every_change(
        |site, store| {
            let id = site.published(store, 1);
            drop(site.staged(store, 2));
            let manifests = site.path("store/manifests");
            fs::write(manifests.join("half.json.new"), "{").unwrap();
            fs::copy(manifests.join(manifest_name(&id)), manifests.join("ab.json.gone")).unwrap();
            fs::write(site.path("store/parts/unnamed"), "x").unwrap();
            fs::write(site.path("store/leases/ab.0"), "").unwrap();
        },
        |store, ()| store.sweep(),
        |site, _, case| assert_eq!(sound(site, case).len(), 1, "{case}"),
    );
    assert!(deaths > 6, "{deaths}");
}

#[test]
fn captures_and_prunes_at_the_same_time_lose_nothing_that_is_published() {
    let site = Site::new();
    site.store();
    let newest = Rule { count: Some(1), ..Rule::default() };
    std::thread::scope(|scope| {
        // Each has the store open by itself, as two processes do.
        let capture = scope.spawn(|| {
            let store = site.store();
            for generation in 1..=12 {
                let id = site.published(&store, generation);
                // The newest is never pruned, and all of its parts are there.
                assert!(store.verify(&id).unwrap().damage.is_empty(), "{generation}");
            }
        });
        let mut passes = 0;
        while !capture.is_finished() {
            site.store().prune(&newest, NOW, &BTreeSet::new(), false).unwrap();
            passes += 1;
        }
        assert!(passes > 0);
    });
    site.store().prune(&newest, NOW, &BTreeSet::new(), false).unwrap();
    assert_eq!(sound(&site, "after both").len(), 1);
}

#[test]
fn a_dry_run_says_what_a_prune_does_and_changes_nothing() {
    let site = Site::new();
    let store = site.store();
    for generation in 1..=3 {
        fs::write(site.path("tree/zz last"), format!("{generation}")).unwrap();
        site.published(&store, generation);
    }
    let rule = Rule { bytes: Some(0), ..Rule::default() };
    let prune = |dry_run| store.prune(&rule, NOW, &BTreeSet::new(), dry_run).unwrap();
    let before = site.names("store/parts");
    let planned = prune(true);
    assert_eq!((store.ids().unwrap().len(), site.names("store/parts")), (3, before));
    let bytes = |path: &str| -> u64 {
        let all = fs::read_dir(site.path(path)).unwrap();
        all.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    let held = bytes("store/parts");
    let done = prune(false);
    let verdicts = |pruned: &Pruned| {
        pruned.judged.iter().map(|one| (one.summary.id.clone(), one.verdict)).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&planned), verdicts(&done));
    assert_eq!(done.dropped().len(), 2);
    assert_eq!((planned.freed_bytes, done.freed_bytes), (held - bytes("store/parts"), planned.freed_bytes));
    assert!(done.freed_bytes > 0 && site.names("store/parts") < before);
}
