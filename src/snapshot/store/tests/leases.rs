//! Leases of readers: against removal, over processes, and through the death of their holder.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn newest() -> Rule {
    Rule { count: Some(1), ..Rule::default() }
}

#[test]
fn what_is_read_is_neither_pruned_nor_deleted_and_the_reader_is_named() {
    let site = Site::new();
    let store = site.store();
    let (read, other, newer) =
        (site.published(&store, 1), site.published(&store, 2), site.published(&store, 3));
    // From another opening of the store, as another process has it.
    let lease = site.store().lease(&read, "node n-1\nat 10.0.0.7", NOW).unwrap();
    let error = store.delete(&read).unwrap_err();
    let who = "node n-1 at 10.0.0.7 since 1970-01-01 00:00:00";
    tells(&error, "EOS-T029", &format!("snapshot {read} is being read by {who}"));
    let pruned = store.prune(&newest(), NOW, &BTreeSet::new(), false).unwrap();
    let verdicts: Vec<_> = pruned.judged.iter().map(|one| (&one.summary.id, one.verdict)).collect();
    assert_eq!(
        verdicts,
        [(&read, Verdict::Protected), (&other, Verdict::TooMany), (&newer, Verdict::Newest)]
    );
    assert_eq!(pruned.judged[0].holders[0].to_string(), who);
    assert!(store.verify(&read).unwrap().damage.is_empty());
    drop(lease);
    assert_eq!(site.names("store/leases"), 0);
    assert_eq!(store.compact(&newest(), NOW, &BTreeSet::new()).unwrap(), [read]);
}

#[test]
fn a_lease_of_what_is_not_there_is_refused_and_leaves_nothing() {
    let site = Site::new();
    let store = site.store();
    let unknown = SnapshotId::parse("ab").unwrap();
    assert!(matches!(store.lease(&unknown, "me", NOW), Err(StoreError::Unknown { .. })));
    assert_eq!(site.names("store/leases"), 0);
}

#[test]
fn two_readers_have_two_leases_and_the_last_one_lets_go() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let leases = ["one", "two"].map(|who| store.lease(&id, who, NOW).unwrap());
    let who: Vec<_> = store.holders().unwrap()[&id].iter().map(|holder| holder.who.clone()).collect();
    assert_eq!(who, ["one", "two"]);
    let [first, second] = leases;
    drop(first);
    assert!(matches!(store.delete(&id), Err(StoreError::Leased { .. })));
    drop(second);
    store.delete(&id).unwrap();
}

#[test]
fn the_lease_of_a_process_ends_when_it_is_killed() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let path = site.path("store/leases").join(format!("{id}.7"));
    // Another process that holds the lock of a lease, and waits for a line that never comes.
    let script = "exec 9>\"$0\"; flock -x 9; echo 1970-01-01T00:00:00Z it >&9; echo held; read line";
    let mut child = Command::new("sh");
    child.args(["-c", script]).arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    let error = store.delete(&id).unwrap_err();
    tells(&error, "EOS-T029", &format!("snapshot {id} is being read by it since 1970-01-01 00:00:00"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.exists(), "the dead do not clear up");
    assert!(store.holders().unwrap().is_empty());
    site.store();
    assert!(!path.exists(), "who opens the store next does");
    store.delete(&id).unwrap();
}

#[test]
fn a_removal_that_died_halfway_is_undone_for_a_reader_and_else_ended() {
    for read in [true, false] {
        let site = Site::new();
        let store = site.store();
        let (id, newer) = (site.published(&store, 1), site.published(&store, 2));
        let lease = read.then(|| store.lease(&id, "me", NOW).unwrap());
        let aside = |id: &SnapshotId| site.path("store/manifests").join(format!("{id}.json.gone"));
        fs::rename(site.path("store/manifests").join(manifest_name(&id)), aside(&id)).unwrap();
        // Another one that has the store open removes what it may, without opening it anew.
        fs::write(site.path("store/parts").join("nobody's"), "x").unwrap();
        store.delete(&newer).unwrap();
        assert!(!aside(&id).exists());
        let left = if read { vec![id.clone()] } else { vec![] };
        assert_eq!(site.store().ids().unwrap(), left);
        if read {
            assert!(store.verify(&id).unwrap().damage.is_empty());
        } else {
            assert_eq!(site.names("store/parts"), 0);
        }
        drop(lease);
    }
}

#[test]
fn root_leaves_everything_in_a_store_to_the_owner_of_the_store() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let site = Site::new();
    let place = Directory::open(&site.path(".")).unwrap();
    place.set_owner(OsStr::new("store"), 4711, 4712).unwrap();
    let store = site.store();
    let id = site.published(&store, 1);
    let lease = store.lease(&id, "root", NOW).unwrap();
    site.published(&store, 2);
    store.prune(&newest(), NOW, &BTreeSet::new(), false).unwrap();
    for folder in ["parts", "manifests", "incoming", "partial", "leases"] {
        let folder = Directory::open(&site.path("store").join(folder)).unwrap();
        let own = folder.own_metadata().unwrap();
        assert_eq!((own.uid, own.gid), (4711, 4712), "{}", folder.path().display());
        for name in folder.list().unwrap() {
            let file = folder.metadata(&name).unwrap();
            assert_eq!((file.uid, file.gid), (4711, 4712), "{name:?}");
        }
    }
    drop(lease);
    let mut file = fs::File::create(site.path("store/leases/notes")).unwrap();
    file.write_all(b"no lease").unwrap();
    site.store();
    assert_eq!(site.names("store/leases"), 0);
}
