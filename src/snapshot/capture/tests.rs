//! Real trees: captured, unpacked by eos and by zstd and tar, and compared.

use super::*;

pub(crate) mod freezing;
mod incremental;

use crate::model::explain::tells;
use crate::model::progress::Silent;
use crate::snapshot::manifest::tests::{TestSeal, metadata};
use crate::snapshot::store::DiskStore;
use crate::snapshot::unpack::{Policy, unpack};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::process::Command;

/// Small frames and parts, so that small trees have many.
pub(crate) const SMALL: Cut = Cut { level: 1, frame_bytes: 4096, part_bytes: 16 << 10 };

/// What is compared: type, mode, owner, time, content or target, which names share a file, and extended attributes.
type Shape = BTreeMap<OsString, (u32, u32, u32, i64, i64, Vec<u8>, OsString, Extended)>;

/// Extended attributes by name.
type Extended = BTreeMap<Vec<u8>, Vec<u8>>;

pub(crate) fn shape(top: &Path) -> Shape {
    let mut shape = Shape::new();
    let mut first_names = BTreeMap::new();
    let mut left = vec![top.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.push((path, metadata));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, metadata) in found {
        let name = path.strip_prefix(top).unwrap().as_os_str().to_owned();
        let content = if metadata.is_symlink() {
            fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
        } else if metadata.is_file() {
            fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        let mode = if metadata.is_symlink() { 0o120777 } else { metadata.mode() };
        let shared = if metadata.is_file() { Some(metadata.ino()) } else { None };
        let first =
            shared.map_or_else(OsString::new, |ino| first_names.entry(ino).or_insert(name.clone()).clone());
        let times = (metadata.mtime(), metadata.mtime_nsec());
        let extended = match metadata.file_type() {
            kind if kind.is_dir() => Directory::open(&path).unwrap().extended().unwrap(),
            kind if kind.is_file() => {
                directory::extended_of_file(&fs::File::open(&path).unwrap(), &path).unwrap()
            }
            _ => Extended::new(),
        };
        shape
            .insert(name, (mode, metadata.uid(), metadata.gid(), times.0, times.1, content, first, extended));
    }
    shape
}

/// A tree with everything that must survive.
pub(crate) fn rich_tree(top: &Path) {
    fs::create_dir_all(top.join("empty")).unwrap();
    fs::create_dir_all(top.join("sub/deep")).unwrap();
    let odd: [&[u8]; 6] =
        [b"plain", b"with space", b"new\nline", b"\xff\xfe", b"quote\"back\\slash%25", "ä€".as_bytes()];
    for (number, name) in odd.iter().enumerate() {
        let path = top.join("sub").join(OsStr::from_bytes(name));
        fs::write(&path, format!("content {number}")).unwrap();
        set_time(&path, 1_700_000_000 + number as i64, 123_456_789);
    }
    fs::write(top.join("nothing"), "").unwrap();
    let noise: Vec<u8> =
        (0..30_000u32).flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..1].to_vec()).collect();
    fs::write(top.join("sub/noise"), noise).unwrap();
    fs::hard_link(top.join("sub/plain"), top.join("another name")).unwrap();
    fs::hard_link(top.join("sub/plain"), top.join("sub/deep/third name")).unwrap();
    symlink("sub/plain", top.join("link")).unwrap();
    symlink("../nowhere", top.join("sub/dangling")).unwrap();
    symlink("x".repeat(150), top.join("sub/long link")).unwrap();
    let long = top.join("sub").join("d".repeat(120)).join("e".repeat(200));
    fs::create_dir_all(&long).unwrap();
    fs::write(long.join(OsStr::from_bytes(b"f\xe4")), "far down").unwrap();
    let holes = fs::File::create(top.join("holes")).unwrap();
    holes.set_len(160 << 10).unwrap();
    holes.write_all_at(b"an island", 64 << 10).unwrap();
    fs::set_permissions(top.join("nothing"), fs::Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(top.join("sub/deep"), fs::Permissions::from_mode(0o1770)).unwrap();
    for (name, path) in ["", "sub/deep", "sub/plain", "nothing"].iter().enumerate() {
        let value = [b"\0\n=%".as_slice(), &vec![name as u8; 900 * name]].concat();
        let flags = rustix::fs::XattrFlags::CREATE;
        rustix::fs::setxattr(top.join(path), "user.note", &value, flags).unwrap();
        rustix::fs::setxattr(top.join(path), "user.empty", b"", flags).unwrap();
    }
    set_time(&top.join("empty"), -1000, 999_999_999);
    set_time(&top.join("sub"), 5_000_000_000, 1);
    std::os::unix::fs::lchown(top.join("link"), Some(3_000_000), Some(7)).unwrap();
    std::os::unix::fs::chown(top.join("nothing"), Some(1234), Some(3_000_000)).unwrap();
}

fn set_time(path: &Path, seconds: i64, nanoseconds: u32) {
    let parent = Directory::open(path.parent().unwrap()).unwrap();
    let moment = directory::Moment { seconds, nanoseconds };
    parent.set_modified(path.file_name().unwrap(), moment).unwrap();
}

/// Captures a tree under `data` into a new directory of part files.
pub(crate) fn captured(tree: &Path, parts: &Path) -> (Manifest, Directory) {
    fs::create_dir_all(parts).unwrap();
    let (tree, parts) = (Directory::open(tree).unwrap(), Directory::open(parts).unwrap());
    let sources = [Source::Tree { directory: &tree, prefix: Name::new("data"), exclude: vec![] }];
    let manifest = capture(&sources, &parts, &metadata(), SMALL, &Silent).unwrap();
    (manifest, parts)
}

#[test]
fn a_rich_tree_is_the_same_after_capture_and_unpacking() {
    let temporary = tempfile::tempdir().unwrap();
    let tree = temporary.path().join("tree");
    rich_tree(&tree);
    let before = shape(&tree);
    let (manifest, parts) = captured(&tree, &temporary.path().join("parts"));
    assert!(manifest.parts.len() > 2 && manifest.frames.len() > 20, "{}", manifest.frames.len());
    assert_eq!(shape(&tree), before, "a capture changes nothing");
    let here = Directory::open(temporary.path()).unwrap();
    unpack(&manifest, &parts, &here, OsStr::new("out"), &Policy::default(), &Silent).unwrap();
    assert_eq!(shape(&temporary.path().join("out/data")), before);
    let holes = fs::metadata(temporary.path().join("out/data/holes")).unwrap();
    assert!(holes.blocks() * 512 < holes.size(), "holes stay holes");
    assert_eq!(fs::metadata(temporary.path().join("out")).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn ordinary_zstd_and_tar_restore_the_same_tree() {
    let temporary = tempfile::tempdir().unwrap();
    let tree = temporary.path().join("tree");
    rich_tree(&tree);
    let (manifest, _) = captured(&tree, &temporary.path().join("parts"));
    let out = temporary.path().join("out");
    fs::create_dir(&out).unwrap();
    for (number, part) in manifest.parts.iter().enumerate() {
        let from = temporary.path().join("parts").join(part.file_name());
        fs::rename(from, temporary.path().join(format!("part-{number:04}.tar.zst"))).unwrap();
    }
    let script = "set -o pipefail; zstd -dc part-*.tar.zst | tar --warning=no-timestamp --numeric-owner -xp --xattrs -C out";
    let done = Command::new("bash").args(["-c", script]).current_dir(&temporary).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(shape(&out.join("data")), shape(&tree));
    let alone = Command::new("bash")
        .args(["-c", "set -o pipefail; for p in part-*; do zstd -dc $p | tar -t > /dev/null || exit 1; done"])
        .current_dir(&temporary)
        .output()
        .unwrap();
    assert!(alone.status.success(), "each part is a tar file: {}", String::from_utf8_lossy(&alone.stderr));
}

#[test]
fn files_bytes_and_excluded_trees_come_under_their_own_paths() {
    let temporary = tempfile::tempdir().unwrap();
    let tree = temporary.path().join("tree");
    fs::create_dir_all(tree.join("skip/inner")).unwrap();
    fs::write(tree.join("backup.tmp"), "database").unwrap();
    fs::write(tree.join("keep"), "k").unwrap();
    fs::create_dir(temporary.path().join("parts")).unwrap();
    let from = Directory::open(&tree).unwrap();
    let parts = Directory::open(&temporary.path().join("parts")).unwrap();
    let exclude = vec!["skip".into(), "backup.tmp".into()];
    let sources = [
        Source::Tree { directory: &from, prefix: Name::new("etc/eos"), exclude },
        Source::File { directory: &from, relative: "backup.tmp".into(), path: Name::new("var/registry.db") },
        Source::Bytes { path: Name::new("etc/note"), bytes: b"hello", mode: 0o640 },
    ];
    let manifest = capture(&sources, &parts, &metadata(), Cut::default(), &Silent).unwrap();
    let paths: Vec<String> = manifest.entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(paths, ["etc", "etc/eos", "etc/eos/keep", "etc/note", "var", "var/registry.db"]);
    let again = capture(&sources, &parts, &metadata(), Cut::default(), &Silent).unwrap();
    assert_eq!(again.id(), manifest.id(), "an unchanged tree has the same snapshot");
}

#[test]
fn overlapping_sources_and_special_files_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let tree = temporary.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::create_dir(temporary.path().join("parts")).unwrap();
    let from = Directory::open(&tree).unwrap();
    let parts = Directory::open(&temporary.path().join("parts")).unwrap();
    let source = || Source::Tree { directory: &from, prefix: Name::new("a"), exclude: vec![] };
    let refused = capture(&[source(), source()], &parts, &metadata(), SMALL, &Silent).unwrap_err();
    tells(&refused, "EOS-T033", "\"a\" cannot be a path in a snapshot: two sources claim it");
    let _socket = std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap();
    let refused = capture(&[source()], &parts, &metadata(), SMALL, &Silent).unwrap_err();
    assert!(matches!(refused, CaptureError::Special { .. }), "{refused:?}");
}

/// Changes a file whenever the capture reports progress: a writer that never stands still.
struct Meddler(std::path::PathBuf, std::sync::Mutex<usize>);

impl Sink for Meddler {
    fn emit(&self, _event: crate::model::progress::Event) {
        let mut left = self.1.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            let file = fs::OpenOptions::new().append(true).open(&self.0).unwrap();
            std::io::Write::write_all(&mut &file, b"more").unwrap();
        }
    }

    fn expect(&self, _wait: Option<crate::model::progress::Wait>) {}
}

#[test]
fn a_file_that_changes_meanwhile_is_tried_again_and_then_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let tree = temporary.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::create_dir(temporary.path().join("parts")).unwrap();
    fs::write(tree.join("log"), "line").unwrap();
    let from = Directory::open(&tree).unwrap();
    let parts = Directory::open(&temporary.path().join("parts")).unwrap();
    let sources = [Source::Tree { directory: &from, prefix: Name::new("a"), exclude: vec![] }];
    let once = Meddler(tree.join("log"), 1.into());
    let manifest = capture(&sources, &parts, &metadata(), SMALL, &once).unwrap();
    assert_eq!(manifest.restore_size(), 8);
    let always = Meddler(tree.join("log"), usize::MAX.into());
    let refused = capture(&sources, &parts, &metadata(), SMALL, &always).unwrap_err();
    assert!(matches!(refused, CaptureError::Changed { ref path } if path.ends_with("log")), "{refused:?}");
}

#[test]
fn a_capture_that_nobody_can_write_sign_store_or_describe_says_which() {
    struct Locked;
    impl crate::snapshot::manifest::Signer for Locked {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, crate::snapshot::manifest::SealError> {
            Err("the key is locked".into())
        }
        fn certificate_pem(&self) -> &str {
            "none"
        }
    }
    let temporary = tempfile::tempdir().unwrap();
    fs::create_dir(temporary.path().join("store")).unwrap();
    fs::create_dir(temporary.path().join("parts")).unwrap();
    let place = || Directory::open(&temporary.path().join("store")).unwrap();
    let store = DiskStore::open(place()).unwrap();
    let sources = [Source::Bytes { path: Name::new("note"), bytes: b"hello", mode: 0o640 }];
    let create = |signer: &dyn crate::snapshot::manifest::Signer| {
        super::create(&store, &sources, &metadata(), SMALL, signer, &Silent).unwrap_err()
    };

    let CaptureError::Manifest { source } = create(&Locked) else { panic!("it is signed") };
    tells(&source, "EOS-T012", "the snapshot manifest could not be signed");
    let nameless = Metadata { source: String::new(), ..metadata() };
    let parts = Directory::open(&temporary.path().join("parts")).unwrap();
    let error = capture(&sources, &parts, &nameless, SMALL, &Silent).unwrap_err();
    tells(&error, "EOS-T034", "the captured snapshot has no valid manifest");
    let CaptureError::Manifest { source } = error else { panic!("{error:?}") };
    let text = "the source of the snapshot manifest is empty, has control characters or more than 255 bytes";
    tells(&source, "EOS-T006", text);

    let held = place();
    assert!(held.try_lock().unwrap(), "another process changes the store");
    tells(&create(&TestSeal("ours")), "EOS-T035", "the captured snapshot could not be stored");
    fs::remove_dir_all(temporary.path().join("parts")).unwrap();
    let error = capture(&sources, &parts, &metadata(), SMALL, &Silent).unwrap_err();
    tells(&error, "EOS-T030", "the snapshot cannot be captured");
}
