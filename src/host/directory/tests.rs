//! Directory handles on a real file system.

use super::*;
use crate::model::explain::tells;
use std::io::Write;

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

#[test]
fn a_path_never_leads_through_a_link_or_out() {
    let temporary = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(temporary.path().join("in/sub")).unwrap();
    std::fs::write(temporary.path().join("secret"), "s").unwrap();
    let inside = Directory::open(&temporary.path().join("in")).unwrap();
    inside.make_symlink(name("out"), name("..")).unwrap();
    inside.make_symlink(name("near"), name("sub")).unwrap();
    for path in ["../secret", "out/secret", "near", "/etc/passwd", "out"] {
        let refusal = inside.open_file(Path::new(path)).unwrap_err();
        assert!(matches!(refusal, DirectoryError::Escape { .. }), "{path}: {refusal:?}");
    }
    for bad in ["", ".", "..", "a/b"] {
        assert!(matches!(inside.create_file(name(bad), 0o600), Err(DirectoryError::Name { .. })), "{bad:?}");
    }
    assert!(Directory::open(&temporary.path().join("in/out")).is_err());
    let missing = inside.open_file(Path::new("sub/none")).unwrap_err();
    let text = format!("cannot open {}", temporary.path().join("in/sub/none").display());
    tells(&missing, "EOS-H092", &text);
}

#[test]
fn two_trees_are_exchanged_in_one_step() {
    let temporary = tempfile::tempdir().unwrap();
    let here = Directory::open(temporary.path()).unwrap();
    for tree in ["a", "b"] {
        let inner = here.ensure_directory(name(tree), 0o755).unwrap();
        inner.create_file(name("which"), 0o644).unwrap().write_all(tree.as_bytes()).unwrap();
    }
    here.exchange(name("a"), &here, name("b")).unwrap();
    assert_eq!(std::fs::read_to_string(temporary.path().join("a/which")).unwrap(), "b");
    assert!(here.rename_new(name("a"), &here, name("b")).unwrap_err().is_present());
    assert!(here.exchange(name("a"), &here, name("absent")).unwrap_err().is_missing());
}

#[test]
fn removing_a_tree_follows_no_link() {
    let temporary = tempfile::tempdir().unwrap();
    let here = Directory::open(temporary.path()).unwrap();
    std::fs::create_dir_all(temporary.path().join("kept/x")).unwrap();
    std::fs::create_dir_all(temporary.path().join("gone/deep")).unwrap();
    std::os::unix::fs::symlink("../../kept", temporary.path().join("gone/deep/link")).unwrap();
    here.remove_tree(name("gone")).unwrap();
    here.remove_tree(name("gone")).unwrap();
    assert_eq!(here.list().unwrap(), ["kept"]);
    assert!(temporary.path().join("kept/x").is_dir());
}

#[test]
fn a_lock_is_held_by_one_handle_and_released_with_it() {
    let temporary = tempfile::tempdir().unwrap();
    let first = Directory::open(temporary.path()).unwrap();
    let second = Directory::open(temporary.path()).unwrap();
    assert!(first.try_lock().unwrap());
    assert!(!second.try_lock().unwrap());
    drop(first);
    assert!(second.try_lock().unwrap());
}

#[test]
fn attributes_are_set_and_read_back_exactly() {
    let temporary = tempfile::tempdir().unwrap();
    let here = Directory::open(temporary.path()).unwrap();
    let file = here.create_file(name("f"), 0o600).unwrap();
    let moment = Moment { seconds: -7, nanoseconds: 123_456_789 };
    metadata::set_file_attributes(&file, Path::new("f"), None, 0o640, moment).unwrap();
    let seen = here.metadata(name("f")).unwrap();
    assert_eq!((seen.mode, seen.modified, seen.kind), (0o640, moment, Kind::File));
    here.make_symlink(name("l"), name("nowhere")).unwrap();
    here.set_modified(name("l"), moment).unwrap();
    assert_eq!(here.metadata(name("l")).unwrap().modified, moment);
    assert_eq!(here.read_link(name("l")).unwrap(), "nowhere");
}

#[test]
fn an_open_file_gets_a_name_although_its_own_leads_to_another_by_now() {
    let temporary = tempfile::tempdir().unwrap();
    let here = Directory::open(temporary.path()).unwrap();
    std::fs::write(temporary.path().join("a"), "verified").unwrap();
    let file = here.open_file(Path::new("a")).unwrap();
    std::fs::rename(temporary.path().join("a"), temporary.path().join("b")).unwrap();
    std::fs::write(temporary.path().join("a"), "another").unwrap();
    here.link_file(&file, name("c")).unwrap();
    assert_eq!(std::fs::read_to_string(temporary.path().join("c")).unwrap(), "verified");
    assert!(here.link_file(&file, name("c")).unwrap_err().is_present());
    for gone in ["b", "c"] {
        std::fs::remove_file(temporary.path().join(gone)).unwrap();
    }
    assert!(here.link_file(&file, name("d")).unwrap_err().is_missing());
}
