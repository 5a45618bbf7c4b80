//! Somebody writes to the target all the while: no write that was confirmed is lost.

use super::*;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The lines that were written to a tree.
fn lines(path: &Path) -> usize {
    fs::read_to_string(path.join("lines")).map_or(0, |text| text.lines().count())
}

/// Appends lines to the target until it is told to end, but not while it is told to stop; counts them.
fn write(site: &Site, confirmed: &AtomicUsize, ended: &AtomicBool) {
    let (target, stop, stopped) =
        (site.root.join("srv/metrics"), site.root.join("stop"), site.root.join("stopped"));
    while !ended.load(Ordering::SeqCst) {
        if stop.exists() {
            fs::write(&stopped, "").unwrap();
            std::thread::yield_now();
            continue;
        }
        let mut file = fs::File::options().append(true).create(true).open(target.join("lines")).unwrap();
        writeln!(file, "a line").unwrap();
        file.sync_all().unwrap();
        confirmed.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn no_write_that_was_confirmed_is_lost_and_what_is_new_is_read_and_written_after_it() {
    let mut site = Site::with_old();
    let (stop, stopped) = (site.root.join("stop"), site.root.join("stopped"));
    let hook =
        |line: String| Some(Hook { command: vec!["/bin/sh".into(), "-c".into(), line], timeout_seconds: 60 });
    let (stop, stopped) = (stop.display(), stopped.display());
    // The writer says that it has stopped after its last line; only then its tree goes.
    let before = format!("rm -f {stopped}; touch {stop}; until test -e {stopped}; do :; done");
    site.source.hooks.before_restore = hook(before);
    site.source.hooks.after_restore = hook(format!("rm -f {stop} {stopped}"));
    let (target, previous) = (site.root.join("srv/metrics"), site.root.join("srv/.metrics.eos/previous"));
    let (confirmed, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let await_more = |than: usize| {
        while confirmed.load(Ordering::SeqCst) <= than {
            std::thread::yield_now();
        }
    };
    let rounds = 5;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&site, &confirmed, &ended));
        let mut gone = 0;
        for round in 0..rounds {
            await_more(confirmed.load(Ordering::SeqCst) + 20);
            site.stage("new");
            site.restore().unwrap();
            gone += lines(&previous);
            assert_eq!(fs::read_to_string(target.join("which")).unwrap(), "new", "round {round}");
            await_more(gone);
        }
        ended.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        assert_eq!(gone + lines(&target), confirmed.load(Ordering::SeqCst));
        assert!(lines(&target) > 0, "the new tree is written to");
    });
}
