//! Kills, and what somebody did to the work area before the next call.

use super::*;
use crate::snapshot::manifest::Name;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};

impl Site {
    /// Has the source die after so many bytes, and tries.
    fn killed_after(&self, bytes: u64, area: &str) {
        self.source.allow(bytes);
        let sources: [&dyn Source; 1] = [&self.source];
        let order = self.order(&sources);
        let order = Order { terms: Terms { connections: 1, ..order.terms }, ..order };
        let killed = self.with(&order, area).unwrap_err();
        assert!(matches!(killed, AssembleError::Fetch(FetchError::Unreachable { .. })), "{killed:?}");
        self.source.allow(u64::MAX);
    }
}

#[test]
fn a_kill_at_every_frame_costs_less_than_one_frame() {
    let site = Site::new();
    let ((frames, largest), mut end) = (site.frames(), 0);
    for (index, frame) in site.source.manifest.frames.iter().enumerate() {
        let area = format!("area-{index}");
        end += u64::from(frame.compressed);
        let before = site.source.served();
        site.killed_after(end - 1, &area);
        let assembled = site.assemble(&area).unwrap();
        let again = site.source.served() - before - frames;
        assert!(again < largest, "{again} bytes fetched again, the largest frame has {largest}");
        assert_eq!(assembled.received_bytes, frames - (end - u64::from(frame.compressed)));
        site.assert_whole(&area);
    }
}

#[test]
fn a_whole_tree_is_verified_and_not_fetched_again() {
    let site = Site::new();
    site.assemble("area").unwrap();
    let again = site.assemble("area").unwrap();
    assert_eq!(again.received_bytes, 0);
    assert_eq!(again.resumed.bytes, site.source.manifest.restore_size());
    site.assert_whole("area");
}

#[test]
fn what_was_altered_or_deleted_is_found_and_only_that_is_fetched_again() {
    let site = Site::new();
    site.assemble("area").unwrap();
    let data = site.path("area/incoming/data");
    let noise = fs::OpenOptions::new().write(true).open(data.join("sub/noise")).unwrap();
    noise.write_all_at(b"altered", 20_000).unwrap();
    fs::remove_file(data.join("sub/with space")).unwrap();
    fs::remove_dir_all(data.join("empty")).unwrap();
    fs::write(data.join("sub/not listed"), "x").unwrap();
    fs::remove_file(data.join("sub/quote\"back\\slash%25")).unwrap();
    symlink("/etc/passwd", data.join("sub/quote\"back\\slash%25")).unwrap();
    let assembled = site.assemble("area").unwrap();
    site.assert_whole("area");
    assert!(assembled.received_bytes > 30_000 / 2 && assembled.received_bytes < site.frames().0);
    assert!(assembled.resumed.bytes > 0);
}

#[test]
fn what_was_altered_in_a_file_that_is_not_whole_is_fetched_once_more() {
    let site = Site::new();
    let noise =
        site.source.manifest.entries.iter().position(|entry| entry.path.as_bytes().ends_with(b"noise"));
    let frames = unpack::Plan::new(&site.source.manifest).frames_of(noise.unwrap());
    assert!(frames.len() > 5);
    let until: u64 =
        site.source.manifest.frames[..frames.start + 4].iter().map(|frame| u64::from(frame.compressed)).sum();
    site.killed_after(until, "area");
    let path = site.path("area/incoming/data/sub/noise");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"altered", 2000).unwrap();
    let assembled = site.assemble("area").unwrap();
    site.assert_whole("area");
    let all: u64 = site.source.manifest.frames[frames].iter().map(|frame| u64::from(frame.compressed)).sum();
    assert!(assembled.received_bytes >= site.frames().0 - until + all / 2);
}

#[test]
fn a_file_that_got_a_second_name_elsewhere_is_not_written_to() {
    let site = Site::new();
    site.killed_after(site.frames().0 / 2, "area");
    let data = site.path("area/incoming/data");
    let noise = data.join("sub/noise");
    assert!(noise.exists() || data.join("holes").exists());
    let victim = if noise.exists() { noise } else { data.join("holes") };
    fs::hard_link(&victim, site.path("stolen")).unwrap();
    let before = fs::read(site.path("stolen")).unwrap();
    site.assemble("area").unwrap();
    site.assert_whole("area");
    assert_eq!(fs::read(site.path("stolen")).unwrap(), before);
    assert_eq!(fs::metadata(site.path("stolen")).unwrap().nlink(), 1);
}

#[test]
fn a_record_of_another_snapshot_or_none_begins_anew() {
    let site = Site::new();
    site.assemble("area").unwrap();
    let other = Site::of(|tree| {
        fs::create_dir_all(tree).unwrap();
        fs::write(tree.join("only"), "this").unwrap();
    });
    let sources: [&dyn Source; 1] = [&other.source];
    site.with(&other.order(&sources), "area").unwrap();
    assert_eq!(shape(&site.path("area/incoming/data")), shape(&other.path("tree")));
    fs::remove_file(site.path("area/progress")).unwrap();
    fs::write(site.path("area/incoming/data/only"), "that").unwrap();
    let assembled = site.assemble("area").unwrap();
    site.assert_whole("area");
    assert_eq!(assembled.received_bytes, site.frames().0);
}

#[test]
fn who_gives_up_can_go_on() {
    let site = Site::new();
    let sources: [&dyn Source; 1] = [&site.source];
    site.source.hangs.store(true, Ordering::Relaxed);
    let area = site.area("area");
    let error = assemble(&site.order(&sources), &WorkArea(&area), &|| true, &Silent).unwrap_err();
    assert!(matches!(error, AssembleError::Fetch(FetchError::Interrupted { .. })), "{error:?}");
    site.source.hangs.store(false, Ordering::Relaxed);
    site.assemble("area").unwrap();
    let error = assemble(&site.order(&sources), &WorkArea(&area), &|| true, &Silent).unwrap_err();
    let text = format!("the restore into {} was interrupted", site.path("area/incoming").display());
    crate::model::explain::tells(&error, "EOS-T183", &text);
    site.assemble("area").unwrap();
    site.assert_whole("area");
}

#[test]
fn a_full_disk_is_told_as_such_and_what_was_written_stays() {
    let site = Site::new();
    let small = site.path("small");
    fs::create_dir(&small).unwrap();
    let mount = |options: &std::ffi::CStr, flags| {
        rustix::mount::mount("tmpfs", &small, "tmpfs", flags, Some(options)).unwrap();
    };
    // Files run out before bytes do: that cannot be foreseen.
    mount(c"size=8m,nr_inodes=12", rustix::mount::MountFlags::empty());
    let full = site.assemble("small");
    rustix::mount::mount_remount(&small, rustix::mount::MountFlags::empty(), c"size=8m,nr_inodes=200")
        .unwrap();
    let again = site.assemble("small").map(|assembled| assembled.received_bytes);
    let shape_there = shape(&small.join("incoming/data"));
    rustix::mount::unmount(&small, rustix::mount::UnmountFlags::DETACH).unwrap();
    let error = full.unwrap_err();
    let AssembleError::Full { path, .. } = &error else { panic!("{error:?}") };
    let text = format!("there is no room left for {}", path.display());
    crate::model::explain::tells(&error, "EOS-T181", &text);
    again.unwrap();
    assert_eq!(shape_there, shape(&site.path("tree")));
}

#[test]
fn a_disk_that_cannot_hold_it_is_told_before_anything_is_copied_from_an_old_tree() {
    let site = Site::of(|tree| {
        fs::create_dir_all(tree).unwrap();
        fs::write(tree.join("large"), vec![b'x'; 3 << 20]).unwrap();
        fs::File::create(tree.join("holes")).unwrap().set_len(1 << 30).unwrap();
    });
    let tree = Directory::open(&site.path("tree")).unwrap();
    let seeds = [Seed { tree: &tree, prefix: Name::new("data"), write_once: &[], verified: None }];
    let sources: [&dyn Source; 1] = [&site.source];
    let (error, copied) = on_a_small_disk(&site, || {
        let error = site.with(&Order { seeds: &seeds, ..site.order(&sources) }, "small");
        (error, site.path("small/incoming/data/large").exists())
    });
    let error = error.unwrap_err();
    assert!(matches!(error, AssembleError::Tree(unpack::UnpackError::Space { .. })), "{error:?}");
    assert!(!copied);
    site.assert_unasked();
}

#[test]
fn a_record_that_cannot_be_written_says_so() {
    let site = Site::new();
    let area = site.area("area");
    fs::create_dir(site.path("area/progress")).unwrap();
    let sources: [&dyn Source; 1] = [&site.source];
    let error = assemble(&site.order(&sources), &WorkArea(&area), &|| false, &Silent).unwrap_err();
    crate::model::explain::tells(&error, "EOS-T180", "the progress of the restore cannot be kept");
}

#[test]
fn a_tree_that_was_whole_with_its_attributes_when_it_was_killed_is_gone_on_with() {
    let site = Site::new();
    site.assemble("area").unwrap();
    let again = site.assemble("area").unwrap();
    assert_eq!((again.received_bytes, again.resumed.bytes), (0, site.source.manifest.restore_size()));
    site.assert_whole("area");
}
