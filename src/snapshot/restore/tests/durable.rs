//! The order in which a restore is made durable: each sync that is there is needed, so none may go.

use super::*;
use crate::host::directory::cut;

/// What a restore changes and syncs, in its order, with short names for the directories.
fn told<T>(site: &Site, work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let (done, trace) = cut::traced(work);
    let short = |line: String| {
        let line = line.replace("var/lib/eos/restores", "R");
        line.replace("srv/.metrics.eos", "AREA").replace("srv/.app.db.eos", "AREA")
    };
    (done, cut::told(&trace, site.root.path()).into_iter().map(short).collect())
}

/// A record that is replaced: its content before its name, and that before anything that builds upon it.
fn saved(path: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').unwrap().0;
    vec![format!("sync file {path}.new"), format!("rename {path}.new -> {path}"), format!("sync {folder}")]
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// The line in the history, and the record of the last restore before it; then the journal goes.
fn remembered() -> Vec<String> {
    let history = [
        "append to R/history/entries.jsonl",
        "sync file R/history/entries.jsonl",
        "sync R/history",
        "sync R",
    ];
    [saved("R/last/metrics.json"), lines(&history)].concat()
}

const JOURNAL: &str = "R/metrics.json";

#[test]
fn a_restore_that_stays_syncs_its_journal_before_the_exchange_and_that_before_its_commit() {
    let site = Site::with_old();
    site.stage("new");
    let (restored, told) = told(&site, || site.restore());
    restored.unwrap();
    let expected = [
        saved(JOURNAL),
        lines(&["exchange AREA/incoming -> srv/metrics", "sync srv", "sync AREA"]),
        saved(JOURNAL),
        lines(&["rename AREA/incoming -> AREA/previous", "sync AREA", "sync AREA"]),
        remembered(),
    ];
    assert_eq!(told, expected.concat());
}

#[test]
fn a_restore_that_is_taken_back_syncs_the_way_back_before_it_forgets_its_journal() {
    let site = Site::with_old();
    site.stage("new");
    site.fall_sick();
    let (restored, told) = told(&site, || site.restore());
    restored.unwrap_err();
    let there = lines(&["exchange AREA/incoming -> srv/metrics", "sync srv", "sync AREA"]);
    let expected =
        [saved(JOURNAL), there.clone(), saved(JOURNAL), there, lines(&["sync AREA", "sync R", "sync srv"])];
    assert_eq!(told, expected.concat());
}

#[test]
fn what_lay_beside_a_database_is_set_aside_durably_before_the_exchange_and_returns_so() {
    for sick in [false, true] {
        let mut site = Site::new();
        (site.source.engine, site.source.path) = (Engine::Sqlite, "/srv/app.db".to_owned());
        let staged = site.root.join("srv/.app.db.eos/incoming/app.db");
        fs::create_dir_all(staged.parent().unwrap()).unwrap();
        let connection = rusqlite::Connection::open(&staged).unwrap();
        connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES ('new')").unwrap();
        drop(connection);
        fs::write(site.root.join("srv/app.db-wal"), vec![b'x'; 5000]).unwrap();
        if sick {
            site.fall_sick();
        }
        let restore = || {
            let begun = site.begin().unwrap();
            begun.activate(Path::new("incoming/app.db"), applied("aa", 10), &|| false, &Silent)
        };
        let (restored, told) = told(&site, restore);
        assert_eq!(restored.is_err(), sick);
        let aside = ["rename srv/app.db-wal -> AREA/replaced-wal", "sync srv", "sync AREA"];
        let there = ["rename AREA/incoming/app.db -> srv/app.db", "sync srv", "sync AREA/incoming"];
        let begun = [saved(JOURNAL), saved(JOURNAL), lines(&aside), lines(&there), saved(JOURNAL)];
        let end = match sick {
            false => {
                let kept = ["rename AREA/replaced-wal -> AREA/previous-wal", "sync AREA", "sync AREA"];
                [lines(&kept), remembered()].concat()
            }
            true => lines(&[
                "rename srv/app.db -> AREA/incoming/app.db",
                "sync srv",
                "sync AREA/incoming",
                "rename AREA/replaced-wal -> srv/app.db-wal",
                "sync srv",
                "sync AREA",
                "sync R",
                "sync srv",
            ]),
        };
        assert_eq!(told, [begun.concat(), end].concat(), "sick {sick}");
    }
}

#[test]
fn the_tree_of_before_is_forgotten_durably() {
    let site = Site::with_old();
    site.stage("new");
    site.restore().unwrap();
    let begun = site.begin().unwrap();
    let (forgotten, told) = told(&site, || begun.forget_previous());
    forgotten.unwrap();
    let gone = ["rename AREA/previous -> AREA/going", "sync AREA", "sync AREA", "sync srv"];
    assert_eq!(told, [saved("R/last/metrics.json"), lines(&gone)].concat());
}
