//! Snapshots that are handed out: as clones or second names, or as copies on another file system.

use super::*;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicBool;

static NEVER: AtomicBool = AtomicBool::new(false);

fn exported(store: &DiskStore, id: &SnapshotId, into: &Path) -> Result<Exported, StoreError> {
    store.export(id, &Directory::open(into).unwrap(), &NEVER, &Silent)
}

fn restored_by_hand(folder: &Path, site: &Site) {
    fs::create_dir(folder.join("out")).unwrap();
    let script = "set -o pipefail; zstd -dc part-*.tar.zst | tar --warning=no-timestamp -xp --xattrs -C out";
    let done = std::process::Command::new("bash").args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(shape(&folder.join("out/data")), shape(&site.path("tree")));
}

/// A directory on another file system than the store.
fn elsewhere(site: &Site) -> tempfile::TempDir {
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    let found = ["/dev/shm", "/tmp", "/run"]
        .map(Path::new)
        .into_iter()
        .find(|path| device(path) != device(&site.path("store")));
    tempfile::tempdir_in(found.expect("a second file system: /dev/shm")).unwrap()
}

#[test]
fn an_exported_snapshot_is_restored_by_zstd_and_tar_alone() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let parts = store.summary(&id).unwrap().parts;
    let (here, there) = (site.path("hand"), elsewhere(&site));
    fs::create_dir(&here).unwrap();
    for (folder, copied) in [(here.as_path(), false), (there.path(), true)] {
        let exported = exported(&store, &id, folder).unwrap();
        let bytes = parts.iter().map(|part| part.size).sum();
        assert_eq!((exported.parts, exported.bytes), (parts.len(), bytes));
        assert!(parts.len() > 1 && (!copied || exported.linked == 0));
        let manifest = fs::read(folder.join("manifest.json")).unwrap();
        assert_eq!(manifest, store.manifest(&id).unwrap().to_bytes());
        restored_by_hand(folder, &site);
    }
    store.delete(&id).unwrap();
    assert_eq!(fs::read_dir(&here).unwrap().count(), parts.len() + 2, "it is of nobody else");
}

#[test]
fn an_export_that_fails_or_is_interrupted_leaves_nothing_behind() {
    let site = Site::new();
    let store = site.store();
    let id = site.published(&store, 1);
    let part = store.summary(&id).unwrap().parts[1];
    let path = site.path("store/parts").join(part.file_name());
    let sound = fs::read(&path).unwrap();
    let there = elsewhere(&site);
    let left = || fs::read_dir(there.path()).unwrap().count();

    let into = Directory::open(there.path()).unwrap();
    let error = store.export(&id, &into, &AtomicBool::new(true), &Silent).unwrap_err();
    let text = format!(
        "interrupted while a snapshot was exported; nothing of it is left in {}",
        there.path().display()
    );
    tells(&error, "EOS-T132", &text);
    assert_eq!(left(), 0);

    let mut rotten = sound.clone();
    rotten[9] ^= 1;
    fs::write(&path, rotten).unwrap();
    let error = exported(&store, &id, there.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { damage } if damage[0].contains(&part.digest.to_string())));
    assert_eq!(left(), 0);

    fs::write(&path, &sound[1..]).unwrap();
    assert!(matches!(exported(&store, &id, there.path()), Err(StoreError::PartSize { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(exported(&store, &id, there.path()), Err(StoreError::PartMissing { .. })));
    assert_eq!(left(), 0);
}
