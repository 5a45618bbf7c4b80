//! SQLite databases from one node to another: captured beside a writer, pulled over HTTPS, put in place of another one.

use crate::pulls::{is_held, result};
use crate::restores::joined;
use crate::support::Machine;
use rusqlite::Connection;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const ROLES: &str = "core, data, edge, compute";

fn configure(machine: &Machine, roles: &str) {
    let source = format!("{{name: app, engine: sqlite, path: /srv/app/app.db, roles: [{roles}]}}");
    machine.put("etc/eos/cluster.yaml", &format!("snapshot: {{sources: [{source}]}}\n"), 0o644);
}

/// A database in the write-ahead mode with so many rows, whose log nobody has folded yet.
fn database(path: &Path, what: &str, rows: u32) -> Connection {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    connection.execute_batch("CREATE TABLE IF NOT EXISTS a(x INTEGER PRIMARY KEY, y TEXT, z BLOB)").unwrap();
    for row in 0..rows {
        let values = (format!("{what} {row}"), vec![row as u8; 3000]);
        connection.execute("INSERT INTO a(y, z) VALUES (?1, ?2)", values).unwrap();
    }
    connection
}

fn sides(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"]
        .map(|ending| [path.as_os_str(), ending.as_ref()].into_iter().collect::<OsString>().into())
}

/// Leaves the database as a crash of its last user does: with its log beside it.
fn crash(connection: Connection, path: &Path) {
    let all = [&[path.to_owned()][..], &sides(path)[..]].concat();
    let kept: Vec<Vec<u8>> = all.iter().map(|path| fs::read(path).unwrap()).collect();
    drop(connection);
    all.iter().zip(kept).for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
}

type Rows = Vec<(i64, String, Vec<u8>)>;

/// The rows of a database that is sound and has no side files.
#[track_caller]
fn rows(path: &Path) -> Rows {
    for side in sides(path) {
        assert!(!side.exists(), "{} met another database", side.display());
    }
    let connection = Connection::open(path).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut query = connection.prepare("SELECT x, y, z FROM a ORDER BY x").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn of_connection(connection: &Connection) -> Rows {
    let mut query = connection.prepare("SELECT x, y, z FROM a ORDER BY x").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_database_is_pulled_from_another_node_and_restored_over_one_whose_side_files_it_never_meets() {
    let [master, node] =
        [(40, "node1"), (41, "node2")].map(|(last, name)| Machine::empty(&format!("127.0.41.{last}"), name));
    configure(&master, ROLES);
    master.found();
    // Nobody has a snapshot yet, so the join brings none.
    joined(&node, &master, &[]).ends_with(0);
    let (there, here) = (master.path("srv/app/app.db"), node.path("srv/app/app.db"));
    let writer = database(&there, "theirs", 300);
    crash(database(&here, "ours", 500), &here);
    assert!(fs::metadata(&sides(&here)[0]).unwrap().len() > 1_000_000, "its rows are in the log alone");

    let made = result(&master, "snapshot create app");
    let id = made["snapshots"][0]["id"].as_str().unwrap().to_owned();
    let captured = of_connection(&writer);
    writer.execute("INSERT INTO a(y) VALUES ('after the capture')", []).unwrap();
    is_held(&master, &id, &["node1"]);
    let pulled = result(&node, "snapshot pull app");
    assert_eq!((&pulled["id"], &pulled["sources"][0]["name"]), (&id.as_str().into(), &"node1".into()));
    assert!(pulled["received_bytes"].as_u64().unwrap() > 0, "{pulled}");

    let restored = result(&node, "snapshot restore app");
    assert_eq!((&restored["id"], &restored["received_bytes"]), (&Value::from(id.as_str()), &0.into()));
    let now = rows(&here);
    assert!(now == captured && now.len() == 300, "{} rows", now.len());
    // What was only in the log of the old one is in what is kept of it.
    result(&node, "snapshot restore app --previous");
    let before = rows(&here);
    assert_eq!(before.len(), 500);
    assert!(before.iter().all(|(_, text, _)| text.starts_with("ours ")));
    result(&node, "snapshot restore app --previous");
    assert!(rows(&here) == captured);
}

#[test]
fn a_joining_node_has_the_database_of_its_role_in_place_of_the_one_that_it_had() {
    let [master, node] =
        [(42, "node1"), (43, "node2")].map(|(last, name)| Machine::empty(&format!("127.0.41.{last}"), name));
    configure(&master, ROLES);
    master.found();
    let (there, here) = (master.path("srv/app/app.db"), node.path("srv/app/app.db"));
    let writer = database(&there, "theirs", 300);
    let made = result(&master, "snapshot create app");
    let id = made["snapshots"][0]["id"].as_str().unwrap().to_owned();
    is_held(&master, &id, &["node1"]);
    crash(database(&here, "ours", 20), &here);
    joined(&node, &master, &[]).ends_with(0);
    assert!(rows(&here) == of_connection(&writer));
    let last = node.path("var/lib/eos/restores/last/app.json");
    let last: Value = serde_json::from_slice(&fs::read(last).unwrap()).unwrap();
    assert_eq!((&last["now"]["id"], &last["has_previous"]), (&Value::from(id), &true.into()));
    assert!(last["now"]["received_bytes"].as_u64().unwrap() > 0, "{last}");
    result(&node, "snapshot restore app --previous");
    assert_eq!(rows(&here).len(), 20);
}
