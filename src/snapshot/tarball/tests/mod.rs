//! Archives packed and unpacked again, by eos and by the tools that everybody has.

mod hostile;
mod limits;

use super::*;
use crate::host::directory::{Directory, extended_of_file, set_extended_of_file};
use crate::host::inventory::Inventory;
use crate::host::root::Root;
use crate::model::progress::Silent;
use crate::snapshot::capture::Source;
use crate::snapshot::manifest::Name;
use jiff::Timestamp;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

/// A folder in which an archive is unpacked into `target`.
pub(super) struct Place {
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        Self { path: folder.path().to_owned(), _folder: Some(folder) }
    }

    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), _folder: None }
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.path.join(inside)
    }

    pub(super) fn unpack(&self, archive: &[u8], allowed: &Allowed) -> Result<Unpacked, TarballError> {
        crate::snapshot::seeds::keep("archive", archive);
        let parent = Directory::open(&self.path).expect("it is there");
        let go_on = AtomicBool::new(false);
        unpack(archive, archive.len() as u64, &parent, OsStr::new("target"), allowed, &go_on, &Silent)
    }

    fn pack(&self, directory: &str, archive: &str) -> Result<Packed, TarballError> {
        self.pack_until(directory, archive, false)
    }

    pub(super) fn pack_until(
        &self,
        directory: &str,
        archive: &str,
        stop: bool,
    ) -> Result<Packed, TarballError> {
        let directory = Directory::open(&self.path(directory)).expect("it is there");
        let folder = Directory::open(&self.path).expect("it is there");
        let source = Source::Tree { directory: &directory, prefix: Name::new(""), exclude: Vec::new() };
        let packing = Packing { source, level: 3, now: Timestamp::UNIX_EPOCH };
        pack(&packing, &folder, OsStr::new(archive), &AtomicBool::new(stop), &Silent)
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.path)
            .expect("readable")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// A tree with everything that an archive carries.
fn furnish(top: &Path) {
    let put = |name: &str, bytes: &[u8], mode: u32| {
        let path = top.join(name);
        fs::create_dir_all(path.parent().expect("below the top")).expect("made");
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
    };
    put("plain", b"some text\n", 0o644);
    put("deep/er/large", &vec![7; 5 << 20], 0o600);
    put("empty", b"", 0o400);
    put("run", b"#!/bin/sh\n", 0o755);
    put(&format!("{}/{}", "d".repeat(120), "f".repeat(200)), b"a long name", 0o640);
    fs::create_dir(top.join("empty-directory")).expect("made");
    let odd = OsString::from_vec(b"odd \n\xff name".to_vec());
    fs::write(top.join(odd), b"odd").expect("written");
    symlink("deep/er/large", top.join("link")).expect("made");
    symlink("nowhere", top.join("dangling")).expect("made");
    fs::hard_link(top.join("plain"), top.join("second-name")).expect("made");
    for (name, seconds, nanoseconds) in [("plain", 1_234_567_890, 123_456_789), ("run", -7, 500)] {
        let file = fs::File::options().append(true).open(top.join(name)).expect("opened");
        let modified = crate::host::directory::Moment { seconds, nanoseconds };
        let mode = file.metadata().expect("known").permissions().mode() & 0o7777;
        crate::host::directory::set_file_attributes(&file, Path::new(name), None, mode, modified)
            .expect("set");
    }
    for name in ["plain", "deep", "."] {
        let values = [(b"user.a=b%".to_vec(), b"v\0\xff".to_vec()), (b"user.empty".to_vec(), Vec::new())];
        Directory::open(top)
            .and_then(|top| match name {
                "plain" => {
                    let file = top.open_for_update(Path::new(name))?;
                    set_extended_of_file(&file, Path::new(name), &values.into())
                }
                "." => top.set_extended(&values.into()),
                name => top.open_directory(Path::new(name))?.set_extended(&values.into()),
            })
            .expect("set");
    }
    fs::set_permissions(top, fs::Permissions::from_mode(0o751)).expect("set");
}

/// Everything below a directory, itself included, with times and hard links.
fn tree(top: &Path) -> Vec<String> {
    let inventory = Inventory::of(&Root::new(top).expect("absolute"), &[""]).expect("readable");
    let mut lines: Vec<String> = Vec::new();
    for (path, node) in inventory.nodes() {
        let real = top.join(crate::host::inventory::decode(path));
        let metadata = fs::symlink_metadata(&real).expect("it is there");
        let links = if metadata.is_file() { metadata.nlink() } else { 0 };
        let time = (metadata.mtime(), metadata.mtime_nsec());
        lines.push(format!("{path} {node:?} {links} {time:?} {:?}", extended(&real)));
    }
    let own = fs::metadata(top).expect("it is there");
    lines.push(format!(". {:o} {:?} {:?}", own.mode(), (own.mtime(), own.mtime_nsec()), extended(top)));
    lines
}

/// What `getfattr` would show.
fn extended(path: &Path) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
    let metadata = fs::symlink_metadata(path).expect("it is there");
    if metadata.is_symlink() {
        return Default::default();
    }
    extended_of_file(&fs::File::open(path).expect("readable"), path).expect("readable")
}

fn owned() -> Allowed {
    Allowed { owners: rustix::process::geteuid().is_root(), ..Allowed::default() }
}

#[test]
fn what_is_packed_is_unpacked_as_it_was() {
    let place = Place::new();
    fs::create_dir(place.path("source")).expect("made");
    furnish(&place.path("source"));
    let before = tree(&place.path("source"));
    let packed = place.pack("source", "a.tar.zst").expect("packed");
    assert_eq!(place.names(), ["a.tar.zst", "source"]);
    let archive = fs::read(place.path("a.tar.zst")).expect("readable");
    assert_eq!(packed.archive_bytes, archive.len() as u64);
    let unpacked = place.unpack(&archive, &owned()).expect("unpacked");
    assert_eq!((unpacked.entries, unpacked.bytes), (packed.entries + 1, packed.content_bytes));
    assert_eq!(tree(&place.path("target")), before);
    assert_eq!(place.names(), ["a.tar.zst", "source", "target"]);
}

#[test]
fn zstd_and_tar_restore_what_eos_packs() {
    let place = Place::new();
    fs::create_dir(place.path("source")).expect("made");
    furnish(&place.path("source"));
    place.pack("source", "a.tar.zst").expect("packed");
    fs::create_dir(place.path("target")).expect("made");
    let script = "zstd -dc a.tar.zst | tar -xp --xattrs -C target";
    let done = Command::new("sh").args(["-c", script]).current_dir(place.path("")).status();
    assert!(done.expect("sh").success(), "zstd and tar: apt-get install zstd tar");
    assert_eq!(tree(&place.path("target")), tree(&place.path("source")));
}

#[test]
fn what_tar_packs_in_each_of_its_forms_is_unpacked_by_eos() {
    for form in ["gnu", "pax", "ustar", "oldgnu", "v7"] {
        let place = Place::new();
        fs::create_dir(place.path("source")).expect("made");
        furnish(&place.path("source"));
        if matches!(form, "ustar" | "v7") {
            // These have no place for such names.
            fs::remove_dir_all(place.path("source").join("d".repeat(120))).expect("removed");
        }
        // Only PAX knows what is between two seconds, and before 1970.
        let exact = form == "pax";
        if !exact {
            for path in ["plain", "deep", ""] {
                for name in ["user.a=b%", "user.empty"] {
                    rustix::fs::removexattr(place.path("source").join(path), name).expect("removed");
                }
            }
            let script = "find source -depth -exec touch -h -d @1000000000 {} +";
            let done = Command::new("sh").args(["-c", script]).current_dir(place.path("")).status();
            assert!(done.expect("sh").success());
        }
        let archive = Command::new("tar")
            .args(if exact { &["-c", "--xattrs", "--format"][..] } else { &["-c", "--format"] })
            .args([form, "-C", "source", "."])
            .current_dir(place.path(""))
            .output()
            .expect("tar: apt-get install tar");
        assert!(archive.status.success(), "{}", String::from_utf8_lossy(&archive.stderr));
        place.unpack(&archive.stdout, &owned()).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(tree(&place.path("target")), tree(&place.path("source")), "{form}");
    }
}

#[test]
fn an_empty_directory_is_filled_and_anything_else_is_kept() {
    let place = Place::new();
    let archive = hostile::archive(&[hostile::file("a", b"content")]);
    fs::create_dir(place.path("target")).expect("made");
    place.unpack(&archive, &Allowed::default()).expect("unpacked");
    assert_eq!(fs::read(place.path("target/a")).expect("readable"), b"content");
    let error = place.unpack(&archive, &Allowed::default()).expect_err("it is not empty");
    assert_eq!(
        error.to_string(),
        format!("{} exists and is no empty directory", place.path("target").display())
    );
    fs::remove_dir_all(place.path("target")).expect("removed");
    fs::write(place.path("target"), b"mine").expect("written");
    place.unpack(&archive, &Allowed::default()).expect_err("it is a file");
    assert_eq!(fs::read(place.path("target")).expect("readable"), b"mine");
    assert_eq!(place.names(), ["target"]);
}

#[test]
fn an_archive_is_not_written_over_another_file() {
    let place = Place::new();
    fs::create_dir(place.path("source")).expect("made");
    fs::write(place.path("a.tar.zst"), b"mine").expect("written");
    let error = place.pack("source", "a.tar.zst").expect_err("it is there");
    assert_eq!(error.to_string(), format!("{} exists already", place.path("a.tar.zst").display()));
    assert_eq!(fs::read(place.path("a.tar.zst")).expect("readable"), b"mine");
}

#[test]
fn what_a_crash_left_is_removed_by_the_next_one_and_what_runs_is_not() {
    let place = Place::new();
    let archive = hostile::archive(&[hostile::file("a", b"content")]);
    fs::create_dir_all(place.path(".target.unpacking-0/half")).expect("made");
    fs::create_dir(place.path(".target.unpacking-1")).expect("made");
    let running = Directory::open(&place.path(".target.unpacking-1")).expect("it is there");
    assert!(running.try_lock().expect("lockable"));
    place.unpack(&archive, &Allowed::default()).expect("unpacked");
    assert_eq!(place.names(), [".target.unpacking-1", "target"]);
}
