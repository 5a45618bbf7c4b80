//! What is remembered of files that nobody writes to, over restores that give them names and take names away.

use super::*;
use crate::host::directory::Metadata;
use crate::snapshot::capture::Stamp;

/// What was verified of the file `which` in a tree, as whoever assembled it would say.
fn verified(tree: &Path) -> Verified {
    let file = fs::File::open(tree.join("which")).unwrap();
    let stamp = Stamp::of(&Metadata::of_file(&file, tree).unwrap());
    let files = serde_json::json!({ "which": (stamp, Digest::of(b"old")) });
    let text = serde_json::json!({ "files": files, "source": "metrics", "version": 1 }).to_string();
    Verified::read(text.as_bytes(), "metrics").unwrap()
}

/// Restores a tree whose files are those of the one that is there; whether the next restore may rely on that.
fn restored(site: &Site) -> bool {
    let (target, staged) = (site.root.join("srv/metrics"), site.root.join("srv/.metrics.eos/incoming"));
    fs::create_dir_all(staged.parent().unwrap()).unwrap();
    let linked = std::process::Command::new("cp").arg("-al").args([&target, &staged]).status().unwrap();
    assert!(linked.success());
    let restore = site.begin().unwrap().knowing(verified(&staged));
    restore.activate(Path::new(INCOMING), applied("aa", 10), &|| false, &Silent).unwrap();
    let tree = Directory::open(&target).unwrap();
    let known = site.begin().unwrap().verified().unwrap();
    known.is_some_and(|known| !known.untouched(&tree).is_empty())
}

#[test]
fn names_that_come_and_go_with_the_trees_of_before_are_no_change_of_a_file() {
    for keep_previous in [true, false] {
        let mut site = Site::with_old();
        site.source.keep_previous = keep_previous;
        for round in 0..4 {
            assert!(restored(&site), "{keep_previous}, {round}");
        }
    }
}

#[test]
fn a_file_that_is_rewritten_in_place_with_its_old_time_and_size_is_read_again() {
    let site = Site::with_old();
    assert!(restored(&site));
    let path = site.root.join("srv/metrics/which");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let forge = || {
        let file = fs::File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"bad", 0).unwrap();
        file.set_modified(modified).unwrap();
    };
    forge();
    let tree = Directory::open(path.parent().unwrap()).unwrap();
    assert!(site.begin().unwrap().verified().unwrap().unwrap().untouched(&tree).is_empty());

    // By whoever the hook started, while the restore was not over yet.
    let mut site = Site::with_old();
    let path = site.root.join("srv/metrics/which");
    let script =
        format!("touch -r {0} {0}.time && printf bad > {0} && touch -r {0}.time {0}", path.display());
    let hook = Hook { command: vec!["/bin/sh".into(), "-c".into(), script], timeout_seconds: 20 };
    site.source.hooks.after_restore = Some(hook);
    assert!(!restored(&site));
}
