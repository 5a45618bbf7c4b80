//! Files that are here already.

use super::*;
use crate::model::digest::Digest;
use crate::model::glob::Glob;
use crate::snapshot::capture::tests::freezing::Mounted;
use crate::snapshot::capture::tests::shape;
use crate::snapshot::manifest::Name;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

/// What somebody does to a file between its check and its second name.
type Meddler = Box<dyn Fn(&fs::File) + Send>;

static MEDDLER: Mutex<Option<Meddler>> = Mutex::new(None);

/// Called where that is.
pub(in crate::snapshot::assemble) fn meddle(file: &fs::File) {
    if let Some(meddler) = MEDDLER.lock().unwrap().as_ref() {
        meddler(file);
    }
}

fn globs(texts: &[&str]) -> Vec<Glob> {
    texts.iter().map(|text| Glob::parse(text).unwrap()).collect()
}

impl Site {
    fn seeded(&self, old: &str, write_once: &[Glob], area: &str) -> Assembled {
        let (assembled, _) = self.knowing(old, write_once, None, area);
        self.assert_whole(area);
        assembled
    }

    /// The same, and what the next one may rely on.
    fn knowing(
        &self,
        old: &str,
        write_once: &[Glob],
        verified: Option<&Verified>,
        area: &str,
    ) -> (Assembled, Verified) {
        let tree = Directory::open(&self.path(old)).unwrap();
        let seeds = [Seed { tree: &tree, prefix: Name::new("data"), write_once, verified }];
        let sources: [&dyn Source; 1] = [&self.source];
        let order = Order { seeds: &seeds, ..self.order(&sources) };
        let assembled = self.with(&order, area).unwrap();
        let verified = assembled.verified(&order, &seeds[0]);
        (assembled, verified)
    }
}

#[test]
fn what_an_old_tree_has_is_not_fetched() {
    let site = Site::new();
    let before = shape(&site.path("tree"));
    let assembled = site.seeded("tree", &[], "area");
    let size = site.source.manifest.restore_size();
    assert_eq!((assembled.seeded.bytes, assembled.local_bytes), (size, 0));
    assert!(assembled.received_bytes < site.frames().0 / 2, "only what holds no content");
    let inode = |path: &str| fs::metadata(site.path(path)).unwrap().ino();
    assert_ne!(inode("area/incoming/data/sub/noise"), inode("tree/sub/noise"), "a copy of its own");
    assert_eq!(shape(&site.path("tree")), before, "the old tree is as it was");
}

#[test]
fn files_that_nobody_writes_to_get_a_second_name_if_their_attributes_agree() {
    let site = Site::new();
    let noise = fs::metadata(site.path("tree/sub/noise")).unwrap();
    site.seeded("tree", &globs(&["noise", "with*"]), "area");
    let inode = |path: &str| fs::metadata(site.path(path)).unwrap().ino();
    assert_eq!(inode("area/incoming/data/sub/noise"), noise.ino());
    assert_eq!(inode("area/incoming/data/sub/with space"), inode("tree/sub/with space"));
    assert_ne!(inode("area/incoming/data/holes"), inode("tree/holes"));
    // Another time of it is another file.
    let file = fs::File::open(site.path("tree/sub/noise")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let tree = Directory::open(&site.path("tree")).unwrap();
    let once = globs(&["noise"]);
    let seeds = [Seed { tree: &tree, prefix: Name::new("data"), write_once: &once, verified: None }];
    let sources: [&dyn Source; 1] = [&site.source];
    let order = Order { seeds: &seeds, ..site.order(&sources) };
    site.with(&order, "again").unwrap();
    assert_ne!(inode("again/incoming/data/sub/noise"), noise.ino());
    let restored = fs::metadata(site.path("again/incoming/data/sub/noise")).unwrap();
    assert_eq!((restored.mtime(), restored.mtime_nsec()), (noise.mtime(), noise.mtime_nsec()));
}

#[test]
fn what_an_old_tree_has_under_another_name_is_not_fetched() {
    for once in [globs(&[]), globs(&["noise", "moved"])] {
        let site = Site::new();
        copied(&site.path("tree"), &site.path("old"));
        fs::rename(site.path("old/sub"), site.path("old/was")).unwrap();
        fs::rename(site.path("old/was/noise"), site.path("old/was/moved")).unwrap();
        // Of the same size, and under its name.
        let size = fs::metadata(site.path("old/was/moved")).unwrap().len() as usize;
        fs::write(site.path("old/was/another"), vec![7; size]).unwrap();
        let assembled = site.seeded("old", &once, "area");
        site.assert_whole("area");
        let all = site.source.manifest.restore_size();
        assert_eq!(assembled.seeded.bytes, all, "of {all}");
        let inode = |path: &str| fs::metadata(site.path(path)).unwrap().ino();
        let linked = inode("area/incoming/data/sub/noise") == inode("old/was/moved");
        assert_eq!(linked, !once.is_empty(), "a second name where nobody writes to either");
    }
    // Where only the old name is of those that nobody writes to, the new one is a file of its own.
    let site = Site::new();
    copied(&site.path("tree"), &site.path("old"));
    fs::rename(site.path("old/sub/noise"), site.path("old/kept")).unwrap();
    site.seeded("old", &globs(&["kept"]), "area");
    let inode = |path: &str| fs::metadata(site.path(path)).unwrap().ino();
    assert_ne!(inode("area/incoming/data/sub/noise"), inode("old/kept"));
}

#[test]
fn a_tree_that_has_all_names_is_not_searched_for_others() {
    let site = Site::new();
    copied(&site.path("tree"), &site.path("old"));
    let noise = fs::read(site.path("old/sub/noise")).unwrap();
    let mut changed = noise.clone();
    changed[12_345] ^= 1;
    fs::write(site.path("old/sub/noise"), &changed).unwrap();
    fs::write(site.path("old/sub/copy"), &noise).unwrap();
    let assembled = site.seeded("old", &[], "area");
    site.assert_whole("area");
    assert_eq!(assembled.seeded.bytes, site.source.manifest.restore_size() - noise.len() as u64);
}

#[test]
fn of_a_database_only_the_files_that_nobody_writes_to_are_shared_with_the_old_tree() {
    let files = [("000012.sst", "sorted"), ("CURRENT", "MANIFEST-000011"), ("MANIFEST-000011", "log")];
    let site = Site::of(|tree| {
        fs::create_dir_all(tree).unwrap();
        for (name, content) in files {
            fs::write(tree.join(name), content.repeat(1000)).unwrap();
        }
    });
    copied(&site.path("tree"), &site.path("old"));
    let assembled = site.seeded("old", &globs(&["*.sst"]), "area");
    assert_eq!(assembled.seeded.files, 3);
    let inode = |path: String| fs::metadata(site.path(&path)).unwrap().ino();
    for (name, _) in files {
        let shared = inode(format!("area/incoming/data/{name}")) == inode(format!("old/{name}"));
        assert_eq!(shared, name.ends_with(".sst"), "{name}");
        // The old database goes on: what it writes in place reaches no restored file.
        if !shared {
            fs::write(site.path(&format!("old/{name}")), "went on").unwrap();
        }
    }
    site.assert_whole("area");
}

#[test]
fn a_file_that_differs_is_left_alone_and_fetched() {
    let site = Site::new();
    copied(&site.path("tree"), &site.path("old"));
    let mut noise = fs::read(site.path("old/sub/noise")).unwrap();
    noise[12_345] ^= 1;
    fs::write(site.path("old/sub/noise"), &noise).unwrap();
    fs::remove_file(site.path("old/holes")).unwrap();
    std::os::unix::fs::symlink("sub/noise", site.path("old/holes")).unwrap();
    fs::remove_dir_all(site.path("old/empty")).unwrap();
    let assembled = site.seeded("old", &globs(&["**"]), "area");
    assert!(assembled.seeded.files > 5);
    assert!(assembled.received_bytes > 30_000 / 2);
    assert_eq!(fs::read(site.path("old/sub/noise")).unwrap(), noise);
}

fn copied(from: &std::path::Path, to: &std::path::Path) {
    assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Writes other bytes to it that show in nothing but its content and its last change of anything.
fn forge(path: &std::path::Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"forged", 100).unwrap();
    file.set_modified(modified).unwrap();
}

#[test]
fn a_file_that_was_verified_and_that_nobody_wrote_to_is_not_read_again() {
    let site = Site::new();
    let once = globs(&["noise"]);
    copied(&site.path("tree"), &site.path("old"));
    let (first, verified) = site.knowing("old", &once, None, "area");
    site.assert_whole("area");
    assert!(!verified.is_empty() && first.seeded.files > 1);
    let (tree, noise) = ("area/incoming/data", "area/incoming/data/sub/noise");
    let inode = |path: &str| fs::metadata(site.path(path)).unwrap().ino();
    // Who wrote to it set the time of its content back, and could not do so with the other one.
    forge(&site.path(noise));
    site.knowing(tree, &once, Some(&verified), "told");
    site.assert_whole("told");
    assert_ne!(inode("told/incoming/data/sub/noise"), inode(noise));
    let there = Directory::open(&site.path("area/incoming/data")).unwrap();
    assert!(verified.clone().untouched(&there).is_empty());
    // As if it had been verified now: nothing but its content could tell, so it is taken for what it was.
    let verified = verified.renewed(&there);
    site.knowing(tree, &once, Some(&verified), "relied");
    assert_eq!(inode("relied/incoming/data/sub/noise"), inode(noise));
    site.knowing(tree, &once, None, "reread");
    site.assert_whole("reread");
    assert_ne!(inode("reread/incoming/data/sub/noise"), inode(noise));
}

#[test]
fn a_file_of_which_it_is_known_that_it_holds_something_else_is_not_read() {
    let site = Site::new();
    let once = globs(&["noise"]);
    copied(&site.path("tree"), &site.path("old"));
    let (first, verified) = site.knowing("old", &once, None, "area");
    let text = String::from_utf8(verified.to_bytes()).unwrap();
    let content = fs::read(site.path("tree/sub/noise")).unwrap();
    // It holds the same, so only that it was believed keeps it from being taken.
    let other = text.replace(&Digest::of(&content).to_string(), &Digest::of(b"another").to_string());
    assert_ne!(text, other);
    let other = Verified::read(other.as_bytes(), verified.source()).unwrap();
    let (assembled, _) = site.knowing("area/incoming/data", &once, Some(&other), "again");
    site.assert_whole("again");
    assert_eq!(assembled.seeded.files, first.seeded.files - 1);
}

#[test]
fn a_file_that_is_another_one_since_it_was_verified_or_that_is_written_to_is_read() {
    let site = Site::new();
    let once = globs(&["noise", "with*"]);
    copied(&site.path("tree"), &site.path("old"));
    let (_, verified) = site.knowing("old", &once, None, "area");
    let tree = site.path("area/incoming/data");
    let noise = tree.join("sub/noise");
    // A copy with all times and the like, which holds something else.
    copied(&noise, &tree.join("sub/other"));
    forge(&tree.join("sub/other"));
    fs::rename(tree.join("sub/other"), &noise).unwrap();
    // Of this one the time tells.
    fs::write(tree.join("sub/with space"), "written").unwrap();
    site.knowing("area/incoming/data", &once, Some(&verified), "again");
    site.assert_whole("again");
}

#[test]
fn what_was_seeded_before_a_kill_is_not_compared_with_the_old_tree_again() {
    let site = Site::new();
    site.seeded("tree", &[], "area");
    let again = site.seeded("tree", &[], "area");
    assert_eq!((again.seeded.bytes, again.resumed.bytes), (0, site.source.manifest.restore_size()));
}

#[test]
fn a_name_that_is_replaced_after_its_file_was_verified_brings_nothing_unverified() {
    let site = Site::new();
    let noise = site.path("tree/sub/noise");
    let (content, inode) = (fs::read(&noise).unwrap(), fs::metadata(&noise).unwrap().ino());
    let (replaced, aside) = (noise.clone(), site.path("aside"));
    // Files of other tests come by too.
    *MEDDLER.lock().unwrap() = Some(Box::new(move |file| {
        if file.metadata().unwrap().ino() == inode {
            fs::rename(&replaced, &aside).unwrap();
            fs::write(&replaced, "forged").unwrap();
        }
    }));
    let tree = Directory::open(&site.path("tree")).unwrap();
    let once = globs(&["noise"]);
    let seeds = [Seed { tree: &tree, prefix: Name::new("data"), write_once: &once, verified: None }];
    let sources: [&dyn Source; 1] = [&site.source];
    let order = Order { seeds: &seeds, ..site.order(&sources) };
    let assembled = site.with(&order, "area");
    *MEDDLER.lock().unwrap() = None;
    assembled.unwrap();
    let there = site.path("area/incoming/data/sub/noise");
    assert_eq!(fs::read(&there).unwrap(), content);
    assert_eq!(fs::read_to_string(&noise).unwrap(), "forged", "it was replaced");
    assert_eq!(fs::metadata(there).unwrap().ino(), inode, "the verified file itself");
}

/// A file whose blocks no other one has by chance.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    noise
}

#[test]
fn where_files_can_be_cloned_an_old_tree_seeds_a_new_one_for_which_there_is_no_room() {
    const SIZE: usize = 12 << 20;
    let site = Site::of(|tree| {
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(tree.join("sub/large"), noise(SIZE)).unwrap();
        fs::write(tree.join("small"), "content").unwrap();
    });
    fs::create_dir(site.path("disk")).unwrap();
    let _mounted = Mounted::at(&site.path("disk"), &site.path("image"));
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([site.path("tree"), site.path("disk/old")])
        .status()
        .unwrap();
    assert!(copied.success());
    // All but a few MiB is taken by somebody else.
    let disk = Directory::open(&site.path("disk")).unwrap();
    let ballast = fs::File::create(site.path("disk/ballast")).unwrap();
    let most = disk.free_bytes().unwrap() - (6 << 20);
    rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, most).unwrap();
    disk.sync_filesystem().unwrap();
    let before = disk.free_bytes().unwrap();
    assert!(before < SIZE as u64, "{before} bytes are free");

    let sources: [&dyn Source; 1] = [&site.source];
    let error = site.with(&site.order(&sources), "disk/refused").unwrap_err();
    assert!(matches!(error, AssembleError::Tree(unpack::UnpackError::Space { .. })), "{error:?}");
    site.assert_unasked();

    let assembled = site.seeded("disk/old", &[], "disk/area");
    assert_eq!(assembled.seeded.bytes, site.source.manifest.restore_size());
    disk.sync_filesystem().unwrap();
    let taken = before - disk.free_bytes().unwrap();
    assert!(taken < SIZE as u64 / 4, "{taken} bytes were taken, so they are not shared");
    let (old, new) = (site.path("disk/old/sub/large"), site.path("disk/area/incoming/data/sub/large"));
    assert_ne!(fs::metadata(&old).unwrap().ino(), fs::metadata(&new).unwrap().ino(), "a file of its own");
    // Whoever writes to the old one changes the old one alone.
    let file = fs::OpenOptions::new().write(true).open(&old).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"changed", 0).unwrap();
    site.assert_whole("disk/area");
}

#[test]
fn a_clone_of_a_file_that_differs_is_left_and_its_content_fetched() {
    let site = Site::of(|tree| {
        fs::create_dir_all(tree).unwrap();
        fs::write(tree.join("large"), noise(300_000)).unwrap();
        fs::write(tree.join("same"), noise(100_000)).unwrap();
    });
    fs::create_dir(site.path("disk")).unwrap();
    let _mounted = Mounted::at(&site.path("disk"), &site.path("image"));
    fs::create_dir(site.path("disk/old")).unwrap();
    let mut other = noise(300_000);
    other[200_000] ^= 1;
    fs::write(site.path("disk/old/large"), &other).unwrap();
    fs::write(site.path("disk/old/same"), noise(100_000)).unwrap();
    let assembled = site.seeded("disk/old", &[], "disk/area");
    assert_eq!((assembled.seeded.files, assembled.seeded.bytes), (1, 100_000));
    assert!(assembled.received_bytes > 250_000);
    assert!(fs::read(site.path("disk/old/large")).unwrap() == other, "the old one is as it was");
}
