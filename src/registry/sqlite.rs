//! The registry in SQLite: one connection, write-ahead log, every commit fsynced.

use crate::host::files;
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::registry::{
    CLUSTER, Change, Export, Exporter, GENERATION, ORCHESTRATION, Records, Registry, RegistryError, SALT,
    SETTINGS,
};
use rusqlite::{Connection, OpenFlags, Transaction, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The format this version writes (`PRAGMA user_version`).
const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE value (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE node (id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE token (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
";

/// A registry in a file.
pub struct SqliteRegistry {
    connection: Connection,
    path: PathBuf,
}

impl SqliteRegistry {
    /// Opens the file, and makes it with its tables when it is missing.
    ///
    /// # Errors
    /// When it cannot be opened, or a newer version wrote it.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        let failed = |source| RegistryError::Database { action: "open", source };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
            )
            .map_err(failed)?;
        let found: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        match found {
            0 => {
                let transaction = connection.transaction().map_err(failed)?;
                transaction.execute_batch(SCHEMA).and_then(|()| transaction.commit()).map_err(failed)?;
            }
            FORMAT => {}
            ..FORMAT => return Err(RegistryError::NotOne { path: path.display().to_string() }),
            _ => return Err(RegistryError::Newer { found, supported: FORMAT }),
        }
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Opens the file only to be read: it is not made, and must not be a link. What is only in the
    /// write-ahead log is read too, whether the master runs or not.
    ///
    /// # Errors
    /// When it cannot be opened, or a newer version wrote it.
    pub fn read(path: &Path) -> Result<Self, RegistryError> {
        let failed = |source| RegistryError::Database { action: "open", source };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let path = files::with_real_directory(path).map_err(RegistryError::File)?;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(failed)?;
        let found: i64 =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        match found {
            FORMAT => Ok(Self { connection, path }),
            // SQLite takes a file without a header for an empty database.
            ..FORMAT => Err(RegistryError::NotOne { path: path.display().to_string() }),
            _ => Err(RegistryError::Newer { found, supported: FORMAT }),
        }
    }

    fn records<T: serde::de::DeserializeOwned>(
        &self,
        query: &'static str,
        kind: &'static str,
    ) -> Result<Vec<T>, RegistryError> {
        let failed = |source| RegistryError::Database { action: "read", source };
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
        rows.map(|row| {
            serde_json::from_str(&row.map_err(failed)?)
                .map_err(|source| RegistryError::Record { kind, source })
        })
        .collect()
    }
}

impl Registry for SqliteRegistry {
    fn load(&mut self) -> Result<Records, RegistryError> {
        let failed = |source| RegistryError::Database { action: "read", source };
        let nodes: Vec<NodeRecord> = self.records("SELECT record FROM node ORDER BY id", "node")?;
        let tokens: Vec<TokenRecord> = self.records("SELECT record FROM token ORDER BY id", "token")?;
        let mut statement = self.connection.prepare("SELECT name, text FROM value").map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
        let values = rows.collect::<Result<_, _>>().map_err(failed)?;
        Ok(Records { values, nodes, tokens })
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), RegistryError> {
        let failed = |source| RegistryError::Database { action: "write", source };
        let transaction = self.connection.transaction().map_err(failed)?;
        for change in changes {
            write(&transaction, change)?;
        }
        transaction.commit().map_err(failed)
    }

    fn exporter(&self) -> Exporter {
        let path = self.path.clone();
        Box::new(move || export(&path))
    }
}

/// Copies what is not secret over a connection of its own, in one pass: no token is ever in the copy.
fn export(path: &Path) -> Result<Export, RegistryError> {
    let copy = path.with_extension("export");
    files::remove_file(&copy).map_err(RegistryError::File)?;
    let values = copy_into(&copy, path).map_err(|source| RegistryError::Database { action: "copy", source });
    let bytes = values.and_then(|values| Ok((values, files::read(&copy).map_err(RegistryError::File)?)));
    files::remove_file(&copy).map_err(RegistryError::File)?;
    bytes.map(|(values, bytes)| Export { bytes, values })
}

fn copy_into(copy: &Path, path: &Path) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut connection = Connection::open(copy)?;
    // Nobody needs what a crash leaves of it: the next export begins anew.
    connection.execute_batch("PRAGMA main.journal_mode = OFF; PRAGMA main.synchronous = OFF;")?;
    connection.execute_batch(SCHEMA)?;
    connection.execute("ATTACH ?1 AS source", params![path.to_string_lossy()])?;
    connection.execute_batch("PRAGMA busy_timeout = 5000;")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "INSERT INTO main.value SELECT * FROM source.value; INSERT INTO main.node SELECT * FROM source.node;",
    )?;
    transaction.commit()?;
    let mut statement = connection.prepare("SELECT name, text FROM main.value")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn write(transaction: &Transaction<'_>, change: &Change) -> Result<(), RegistryError> {
    let failed = |source| RegistryError::Database { action: "write", source };
    let json = |kind| move |source| RegistryError::Record { kind, source };
    let written = match change {
        Change::Cluster(id) => {
            transaction.execute("REPLACE INTO value VALUES (?1, ?2)", params![CLUSTER, id.as_str()])
        }
        Change::Generation(generation) => transaction
            .execute("REPLACE INTO value VALUES (?1, ?2)", params![GENERATION, generation.to_string()]),
        Change::Settings(digest) => {
            transaction.execute("REPLACE INTO value VALUES (?1, ?2)", params![SETTINGS, digest.to_string()])
        }
        Change::PutNode(node) => transaction.execute(
            "REPLACE INTO node VALUES (?1, ?2, ?3, ?4)",
            params![
                node.id.as_str(),
                node.name.as_str(),
                node.state.name(),
                serde_json::to_string(node).map_err(json("node"))?
            ],
        ),
        Change::DropNode(id) => transaction.execute("DELETE FROM node WHERE id = ?1", params![id.as_str()]),
        Change::PutRun(run) => transaction.execute(
            "REPLACE INTO value VALUES (?1, ?2)",
            params![ORCHESTRATION, serde_json::to_string(run).map_err(json("orchestration"))?],
        ),
        Change::PutSalt(salt) => transaction.execute(
            "REPLACE INTO value VALUES (?1, ?2)",
            params![SALT, serde_json::to_string(salt).map_err(json("salt"))?],
        ),
        Change::PutToken(token) => transaction.execute(
            "REPLACE INTO token VALUES (?1, ?2)",
            params![token.id.as_str(), serde_json::to_string(token).map_err(json("token"))?],
        ),
    };
    written.map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use crate::model::ids::{ClusterId, NodeId, TokenId};

    fn token(id: &str) -> TokenRecord {
        TokenRecord {
            id: TokenId::parse(id).expect("valid"),
            key: "derived-key-of-the-token".to_owned(),
            created_ms: 1,
            expires_ms: 2,
            uses: Some(1),
            used: 0,
            role: None,
            revoked: false,
        }
    }

    #[test]
    fn what_is_committed_is_there_after_reopening() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("registry.db");
        let mut registry = SqliteRegistry::open(&path)?;
        registry.commit(&[
            Change::Cluster(ClusterId::parse("c1").expect("valid")),
            Change::PutToken(token("t1")),
        ])?;
        drop(registry);
        let records = SqliteRegistry::open(&path)?.load()?;
        assert_eq!(records.values["cluster"], "c1");
        assert_eq!(records.tokens, [token("t1")]);
        Ok(())
    }

    #[test]
    fn what_a_master_that_died_left_in_its_log_is_read_without_writing() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (path, copy) = (folder.path().join("registry.db"), folder.path().join("dead.db"));
        let mut registry = SqliteRegistry::open(&path)?;
        registry.commit(&[Change::PutToken(token("t1"))])?;
        assert_eq!(SqliteRegistry::read(&path)?.load()?.tokens, [token("t1")], "while it runs");
        for suffix in ["", "-wal"] {
            std::fs::copy(format!("{}{suffix}", path.display()), format!("{}{suffix}", copy.display()))?;
        }
        let mut opened = SqliteRegistry::read(&copy)?;
        assert_eq!(opened.load()?.tokens, [token("t1")], "the log counts");
        opened.commit(&[Change::PutToken(token("t2"))]).expect_err("it is read only");
        Ok(())
    }

    #[test]
    fn to_read_follows_no_link_and_makes_no_file() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("registry.db");
        drop(SqliteRegistry::open(&path)?);
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link)?;
        assert!(SqliteRegistry::read(&link).is_err());
        assert!(SqliteRegistry::read(&folder.path().join("missing.db")).is_err());
        assert!(!folder.path().join("missing.db").exists());
        Ok(())
    }

    #[test]
    fn an_export_holds_no_token_key_not_even_in_free_pages() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut registry = SqliteRegistry::open(&folder.path().join("registry.db"))?;
        registry.commit(&[Change::PutToken(token("t1"))])?;
        let bytes = registry.exporter()()?.bytes;
        let needle = b"derived-key-of-the-token";
        assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        assert_eq!(files::list(folder.path())?.iter().filter(|name| name.contains("export")).count(), 0);
        Ok(())
    }

    #[test]
    fn an_export_is_a_registry_of_its_own_and_needs_no_hold_of_the_first() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut registry = SqliteRegistry::open(&folder.path().join("registry.db"))?;
        registry.commit(&[Change::Generation(7), Change::PutToken(token("t1"))])?;
        let exporter = registry.exporter();
        let exported = std::thread::spawn(exporter);
        registry.commit(&[Change::Generation(8)])?;
        let exported = exported.join().expect("no panic")?;
        assert!(["7", "8"].contains(&exported.values["generation"].as_str()), "{:?}", exported.values);
        let copy = folder.path().join("copy.db");
        files::write_atomic(&copy, &exported.bytes, files::Attributes::SECRET)?;
        let records = SqliteRegistry::open(&copy)?.load()?;
        assert_eq!((records.values, records.tokens), (exported.values, Vec::new()));
        Ok(())
    }

    #[test]
    fn a_damaged_file_a_damaged_record_and_one_of_no_format_are_told_apart() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("registry.db");
        std::fs::write(&path, "this was a database once ".repeat(40))?;
        let error = SqliteRegistry::read(&path).err().expect("no database");
        tells(&error, "EOS-M001", "could not open the registry");
        std::fs::write(&path, "x")?;
        let error = SqliteRegistry::read(&path).err().expect("no tables");
        tells(
            &error,
            "EOS-M005",
            &format!("{} is no registry: it is damaged, or was cut off", path.display()),
        );
        std::fs::remove_file(&path)?;
        let mut registry = SqliteRegistry::open(&path)?;
        registry.commit(&[Change::PutToken(token("t1"))])?;
        Connection::open(&path)?.execute("UPDATE token SET record = '{\"id\": \"t1\"}'", [])?;
        tells(
            &registry.load().expect_err("half a token"),
            "EOS-M002",
            "the registry holds a damaged token record",
        );
        let error = SqliteRegistry::read(&folder.path().join("gone/registry.db")).err().expect("no folder");
        tells(&error, "EOS-M004", "a file of the registry could not be used");
        Ok(())
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("registry.db");
        Connection::open(&path)?.execute_batch("PRAGMA user_version = 2;")?;
        let error = SqliteRegistry::open(&path).err().expect("newer");
        tells(&error, "EOS-M003", "the registry has format 2, and this eos reads up to 1");
        Ok(())
    }

    #[test]
    fn a_registry_of_format_1_stays_readable() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("registry.db");
        let fixture = include_str!("../../tests/fixtures/v1/registry.sql");
        Connection::open(&path).and_then(|made| made.execute_batch(fixture)).expect("it is SQL");
        let records = SqliteRegistry::open(&path).and_then(|mut opened| opened.load()).expect("it is read");
        assert_eq!(records.values[CLUSTER], "eos-44db1faad7");
        assert_eq!(records.values[GENERATION], "2");
        let [first, second] = &records.nodes[..] else { panic!("{records:?}") };
        assert!(first.master && first.replaces.is_none(), "fields that came later have defaults");
        assert_eq!(second.replaces.as_ref().map(NodeId::as_str), Some("n-0000000000000000000a"));
        assert_eq!(records.tokens[0].uses, Some(3));
    }
}
