//! Databases: their side files never meet another database.

use super::*;
use crate::host::directory::cut;
use rusqlite::Connection;

const MAIN: &str = "srv/app.db";

fn site() -> Site {
    let mut site = Site::new();
    (site.source.engine, site.source.path) = (Engine::Sqlite, "/srv/app.db".to_owned());
    site
}

fn database(path: &Path, what: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    connection.execute("INSERT INTO t VALUES (?1)", [what]).unwrap();
}

fn stage(site: &Site) -> PathBuf {
    let staged = PathBuf::from("incoming/app.db");
    let path = site.root.join("srv/.app.db.eos").join(&staged);
    let _ = fs::remove_file(&path);
    database(&path, "new");
    staged
}

fn restore(site: &Site) -> Result<Activated, RestoreError> {
    let staged = stage(site);
    site.begin()?.activate(&staged, applied("aa", 10), &|| false, &Silent)
}

fn content(site: &Site, path: &str) -> String {
    let path = site.root.join(path);
    if !path.exists() {
        return "nothing".to_owned();
    }
    let connection = Connection::open(path).unwrap();
    let read = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let text = connection.query_row("SELECT group_concat(x) FROM t", [], read).unwrap();
    connection.query_row("PRAGMA integrity_check", [], read).map(|ok| assert_eq!(ok, "ok")).unwrap();
    text
}

fn copy_with_sides(site: &Site, from: &str, to: &str) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let from = site.root.join(format!("{from}{ending}"));
        if from.exists() {
            fs::copy(from, site.root.join(format!("{to}{ending}"))).unwrap();
        }
    }
}

/// A database in the write-ahead mode whose last writer died: most of it is in the side file.
fn unfolded(site: &Site) {
    unfolded_as(site, MAIN);
}

fn unfolded_as(site: &Site, name: &str) {
    let path = site.root.join("srv/live.db");
    let connection = Connection::open(&path).unwrap();
    let sql = "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t (x); \
               INSERT INTO t VALUES ('old');";
    connection.execute_batch(sql).unwrap();
    copy_with_sides(site, "srv/live.db", name);
    drop(connection);
    fs::remove_file(path).unwrap();
    assert!(fs::metadata(site.root.join(format!("{name}-wal"))).unwrap().len() > 0);
}

/// A database whose writer died in the middle of a transaction.
fn hot(site: &Site) {
    let path = site.root.join("srv/live.db");
    database(&path, "old");
    let connection = Connection::open(&path).unwrap();
    let sql = "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN; \
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
               INSERT INTO t SELECT 'half' || i FROM n;";
    connection.execute_batch(sql).unwrap();
    copy_with_sides(site, "srv/live.db", MAIN);
    drop(connection);
    fs::remove_file(path).unwrap();
    assert!(fs::metadata(site.root.join("srv/app.db-journal")).unwrap().len() > 0);
}

#[test]
fn an_unfolded_log_or_a_hot_journal_of_the_old_database_never_meets_the_new_one() {
    for make in [unfolded, hot] {
        let site = site();
        make(&site);
        restore(&site).unwrap();
        assert_eq!(site.names("srv"), [".app.db.eos", "app.db"]);
        assert_eq!(content(&site, MAIN), "new");
        assert_eq!(content(&site, "srv/.app.db.eos/previous"), "old", "what was committed is all there");
        site.begin().unwrap().previous(&|| false, &Silent).unwrap();
        assert_eq!(content(&site, MAIN), "old");
    }
}

#[test]
fn a_database_that_returns_has_all_its_transactions_and_its_mode() {
    let site = site();
    unfolded(&site);
    site.fall_sick();
    let inode = site.inode(MAIN);
    assert!(matches!(restore(&site), Err(RestoreError::Returned { .. })));
    assert_eq!((site.inode(MAIN), content(&site, MAIN)), (inode, "old".to_owned()));
    let connection = Connection::open(site.root.join(MAIN)).unwrap();
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_crash_at_any_change_leaves_one_whole_database_without_side_files_of_another() {
    for (is_wal, sick) in [(true, false), (true, true), (false, false), (false, true)] {
        let make = if is_wal { unfolded } else { hot };
        let mut changes = 0;
        loop {
            let site = site();
            make(&site);
            if sick {
                site.fall_sick();
            }
            let staged = stage(&site);
            let (_, died) = cut::after(changes, || {
                site.begin()?.activate(&staged, applied("aa", 10), &|| false, &Silent)
            });
            recover(&site.root, &Silent).unwrap();
            let now = content(&site, MAIN);
            assert!(now == "old" || now == "new" && !sick, "{now} after {changes} changes");
            assert_eq!(site.journals(), 0);
            if now == "old" && is_wal {
                let mode = Connection::open(site.root.join(MAIN)).unwrap();
                let mode: String = mode.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
                assert_eq!(mode, "wal", "after {changes} changes");
            }
            if !died {
                break;
            }
            changes += 1;
        }
        assert!(changes > 20, "{changes}");
    }
}

#[test]
fn a_database_that_somebody_has_open_is_refused_before_anything_moves() {
    let site = site();
    database(&site.root.join(MAIN), "old");
    let user = Connection::open(site.root.join(MAIN)).unwrap();
    user.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap();
    let error = restore(&site).unwrap_err();
    tells(&error, "EOS-T220", &format!("the database {} is in use", site.root.join(MAIN).display()));
    assert!(error.hints()[0].contains("before_restore"));
    assert_eq!((content(&site, MAIN), site.journals()), ("old".to_owned(), 0));
    assert_eq!(site.log(), ["before", "after"]);
    drop(user);
    restore(&site).unwrap();
    assert_eq!(content(&site, MAIN), "new");
}

#[test]
fn a_database_that_cannot_be_read_is_replaced_and_kept() {
    let site = site();
    fs::write(site.root.join(MAIN), vec![b'x'; 5000]).unwrap();
    restore(&site).unwrap();
    assert_eq!((content(&site, MAIN), site.names("srv").len()), ("new".to_owned(), 2));
    assert_eq!(fs::read(site.root.join("srv/.app.db.eos/previous")).unwrap(), vec![b'x'; 5000]);
}

#[test]
fn side_files_without_a_database_are_set_aside_and_return_with_what_was_there() {
    for sick in [false, true] {
        let site = site();
        for ending in ["-wal", "-journal"] {
            fs::write(site.root.join(format!("{MAIN}{ending}")), vec![b'x'; 5000]).unwrap();
        }
        if sick {
            site.fall_sick();
        }
        assert_eq!(restore(&site).is_err(), sick);
        if sick {
            assert_eq!(site.names("srv"), ["app.db-journal", "app.db-wal"]);
        } else {
            assert_eq!(content(&site, MAIN), "new");
            assert_eq!(site.names("srv"), [".app.db.eos", "app.db"]);
            assert_eq!(site.names("srv/.app.db.eos"), ["previous-journal", "previous-wal"]);
        }
    }
}

#[test]
fn a_damaged_database_is_not_put_in_place() {
    let site = site();
    database(&site.root.join(MAIN), "old");
    let staged = stage(&site);
    fs::write(site.root.join("srv/.app.db.eos").join(&staged), vec![b'x'; 9000]).unwrap();
    let restore = site.begin().unwrap();
    let error = restore.activate(&staged, applied("aa", 10), &|| false, &Silent).unwrap_err();
    tells(&error, "EOS-T222", "the database of the snapshot is damaged: file is not a database");
    assert_eq!((content(&site, MAIN), site.log().len()), ("old".to_owned(), 0));
}

#[test]
fn side_files_that_appear_beside_the_new_database_have_it_taken_back() {
    let mut site = site();
    database(&site.root.join(MAIN), "old");
    // A crash comes right after the exchange, and then somebody who does not heed locks.
    site.source.hooks = Hooks::default();
    let staged = stage(&site);
    let mut changes = 0;
    while content(&site, MAIN) == "old" {
        let begun = || site.begin()?.activate(&staged, applied("aa", 10), &|| false, &Silent);
        let _ = cut::after(changes, begun);
        changes += 1;
    }
    let side = site.root.join("srv/app.db-journal");
    fs::write(&side, "x").unwrap();
    let recovered = recover(&site.root, &Silent).unwrap();
    let Outcome::Returned(Some(RestoreError::Returned { cause, .. })) = &recovered[0].outcome else {
        panic!("{recovered:?}")
    };
    let path = side.display();
    tells(cause.as_ref(), "EOS-T223", &format!("{path} appeared beside the restored database"));
    assert_eq!((content(&site, MAIN), side.exists()), ("old".to_owned(), false));
}

#[test]
fn a_database_that_cannot_be_folded_is_left_alone() {
    let site = site();
    unfolded(&site);
    let side = site.root.join("srv/app.db-wal");
    fs::remove_file(&side).unwrap();
    fs::create_dir(&side).unwrap();
    let error = restore(&site).unwrap_err();
    let text = format!("the database {} cannot be folded into one file", site.root.join(MAIN).display());
    tells(&error, "EOS-T221", &text);
    assert!(side.is_dir() && site.journals() == 0);
}

#[test]
fn a_database_that_is_replaced_by_a_link_after_it_was_judged_is_refused_and_the_other_one_not_touched() {
    for link in [true, false] {
        let mut site = site();
        database(&site.root.join(MAIN), "old");
        unfolded_as(&site, "srv/other.db");
        let before = fs::read(site.root.join("srv/other.db")).unwrap();
        // The hook runs between the judgement and the opening.
        let swap = if link { "ln -s other.db app.db" } else { "cp other.db app.db" };
        let line = format!("cd {} && mv app.db aside.db && {swap}", site.root.join("srv").display());
        site.source.hooks.before_restore.as_mut().unwrap().command[2] = line;
        let error = restore(&site).unwrap_err();
        let target = site.root.join(MAIN);
        let text = format!("the database {} was replaced by another file or a link", target.display());
        tells(&error, "EOS-T227", &text);
        assert_eq!(fs::read(site.root.join("srv/other.db")).unwrap(), before);
        assert!(site.root.join("srv/other.db-wal").exists(), "it is not folded");
        assert_eq!(fs::symlink_metadata(&target).unwrap().is_symlink(), link);
        assert_eq!((content(&site, "srv/aside.db"), site.journals()), ("old".to_owned(), 0));
    }
}
