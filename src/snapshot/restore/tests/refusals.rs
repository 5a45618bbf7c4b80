//! What is refused before anything is changed.

use super::*;
use std::os::unix::fs::symlink;

#[test]
fn a_snapshot_older_than_the_one_restored_last_is_refused_and_nothing_is_stopped_or_changed() {
    let site = Site::with_old();
    site.stage("new");
    site.restore().unwrap();
    let hooks = site.log().len();
    let restore = site.begin().unwrap();
    let age = |seconds, generation| Age {
        id: "older",
        created_at: Timestamp::from_second(seconds).unwrap(),
        generation,
    };
    assert!(restore.refuse_older(age(10, 1)).is_ok(), "the same again");
    assert!(restore.refuse_older(age(11, 0)).is_ok());
    assert!(restore.refuse_older(age(10, 0)).is_err());
    let error = restore.refuse_older(age(9, 7)).unwrap_err();
    let text = "snapshot older of metrics was made at 1970-01-01T00:00:09Z, and aa of 1970-01-01T00:00:10Z was \
                restored already";
    tells(&error, "EOS-T209", text);
    assert!(error.hints()[0].contains("--older"));
    assert_eq!((site.which(), site.log().len()), ("new".to_owned(), hooks));
}

#[test]
fn what_cannot_be_exchanged_is_refused_by_name_with_the_way_out() {
    let site = Site::new();
    let target = site.root.join("srv/metrics");
    let shown = target.display();
    symlink("elsewhere", &target).unwrap();
    let text = format!("{shown} is a symbolic link, and only what it leads to can be exchanged");
    tells(&site.begin().unwrap_err(), "EOS-T202", &text);
    fs::remove_file(&target).unwrap();
    fs::write(&target, "").unwrap();
    tells(&site.begin().unwrap_err(), "EOS-T204", &format!("{shown} is no directory"));
    fs::remove_file(&target).unwrap();
    fs::remove_dir(site.root.join("srv")).unwrap();
    let error = site.begin().unwrap_err();
    let folder = site.root.join("srv");
    let text = format!("{shown} cannot be restored, because there is no directory {}", folder.display());
    tells(&error, "EOS-T205", &text);
    let order = Order { make_folder: true, ..site.order() };
    drop(Restore::begin(order, &Silent).unwrap());
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_work_area_that_somebody_exchanged_while_the_tree_was_built_is_refused_and_nothing_is_stopped_or_changed()
{
    let lead_away = |site: &Site, area: &Path| {
        let outside = site.root.join("outside");
        tree(&outside.join(INCOMING), "forged");
        symlink(outside, area).unwrap();
    };
    let of_another = |_: &Site, area: &Path| {
        tree(&area.join(INCOMING), "forged");
        std::os::unix::fs::chown(area, Some(1000), None).unwrap();
    };
    let only_a_link = |site: &Site, area: &Path| {
        fs::create_dir(area).unwrap();
        tree(&site.root.join("outside"), "forged");
        symlink("../../outside", area.join(INCOMING)).unwrap();
    };
    let nothing = |_: &Site, area: &Path| fs::create_dir(area).unwrap();
    type Deed<'a> = &'a dyn Fn(&Site, &Path);
    let deeds: [(Deed<'_>, &str); 4] = [
        (&lead_away, "EOS-T200"),
        (&of_another, "EOS-T207"),
        (&only_a_link, "EOS-T226"),
        (&nothing, "EOS-T226"),
    ];
    for (number, (deed, code)) in deeds.into_iter().enumerate() {
        let site = Site::with_old();
        site.stage("new");
        let (restore, area) = (site.begin().unwrap(), site.root.join("srv/.metrics.eos"));
        let inode = site.inode("srv/metrics");
        fs::rename(&area, site.root.join("srv/aside")).unwrap();
        deed(&site, &area);
        let error = restore.activate(Path::new(INCOMING), applied("aa", 10), &|| false, &Silent).unwrap_err();
        assert_eq!(error.code().to_string(), code, "{number}: {error:?}");
        assert_eq!((site.which(), site.inode("srv/metrics")), ("old".to_owned(), inode), "{number}");
        assert_eq!((site.log().len(), site.journals()), (0, 0), "{number}");
        let outside = site.root.join("outside");
        assert!(!outside.exists() || fs::read_dir(&outside).unwrap().count() > 0, "{number}: it stays");
    }
}

#[test]
fn a_link_out_of_the_root_has_no_directories_made_behind_it() {
    let mut site = Site::new();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), site.root.join("srv/link")).unwrap();
    site.source.path = "/srv/link/deep/metrics".to_owned();
    let error = Restore::begin(Order { make_folder: true, ..site.order() }, &Silent).unwrap_err();
    tells(&error, "EOS-T200", "the restore cannot go on");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

/// A mount, until it is dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).expect("the mount is ours");
    }
}

#[test]
fn a_mount_point_is_refused_by_its_name_and_so_is_a_tree_with_one_in_it() {
    let site = Site::with_old();
    for mount in ["srv/metrics/sub", "srv/metrics"] {
        let mount = site.root.join(mount);
        rustix::mount::mount_bind(&mount, &mount).unwrap();
        let _mounted = Mounted(mount.clone());
        let error = site.begin().unwrap_err();
        let target = site.root.join("srv/metrics");
        let (target, mount) = (target.display(), mount.display());
        let text = format!("{target} cannot be exchanged, because a file system is mounted on {mount}");
        tells(&error, "EOS-T203", &text);
    }
    assert_eq!((site.which(), site.names("srv")), ("old".to_owned(), vec!["metrics".to_owned()]));
}

#[test]
fn a_second_restore_of_the_same_target_is_refused_while_the_first_runs() {
    let site = Site::with_old();
    let first = site.begin().unwrap();
    let error = site.begin().unwrap_err();
    let holder = format!("a test (process {})", std::process::id());
    let target = site.root.join("srv/metrics");
    tells(&error, "EOS-T208", &format!("{} is in use by another operation: {holder}", target.display()));
    assert!(error.retry_helps());
    drop(first);
    drop(site.begin().unwrap());
}

#[test]
fn a_work_area_of_somebody_else_is_not_used() {
    let site = Site::with_old();
    let area = site.root.join("srv/.metrics.eos");
    fs::create_dir(&area).unwrap();
    std::os::unix::fs::chown(&area, Some(1000), None).unwrap();
    let error = site.begin().unwrap().area().unwrap_err();
    tells(&error, "EOS-T207", &format!("the work area {} belongs to user 1000", area.display()));
}

#[test]
fn a_restore_of_nothing_is_refused() {
    let site = Site::with_old();
    let error = site.restore().unwrap_err();
    let path = site.root.join("srv/.metrics.eos/incoming");
    tells(&error, "EOS-T226", &format!("there is nothing to restore at {}", path.display()));
    let error = site.begin().unwrap().previous(&|| false, &Silent).unwrap_err();
    let target = site.root.join("srv/metrics");
    tells(
        &error,
        "EOS-T224",
        &format!("there is no tree of before the last restore of {}", target.display()),
    );
    assert_eq!((site.which(), site.log().len()), ("old".to_owned(), 0));
}

#[test]
fn a_journal_that_is_damaged_or_of_a_later_eos_is_left_for_a_person() {
    let site = Site::with_old();
    let folder = site.root.join("var/lib/eos/restores");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("metrics.json");
    fs::write(&path, "{").unwrap();
    let text = format!("{} cannot be read as a record of a restore", path.display());
    tells(&site.begin().unwrap_err(), "EOS-T210", &text);
    fs::write(&path, r#"{"version":2,"more":1}"#).unwrap();
    let text = format!("{} has version 2, and this eos reads version 1", path.display());
    tells(&site.begin().unwrap_err(), "EOS-T211", &text);
    let recovered = recover(&site.root, &Silent).unwrap();
    assert!(matches!(recovered[0].outcome, Outcome::Failed(RestoreError::Version { found: 2, .. })));
    assert!(path.exists());
}

#[test]
fn a_disk_that_refuses_is_told_by_what_was_tried() {
    let mut codes = std::collections::BTreeSet::new();
    for change in 0.. {
        let site = Site::with_old();
        site.stage("new");
        let (result, failed) = crate::host::directory::cut::failing(change, || site.restore());
        if !failed {
            break;
        }
        codes.extend(result.err().map(|error| error.code().to_string()));
    }
    assert!(codes.contains("EOS-T200"), "{codes:?}");
    assert!(codes.contains("EOS-T215"), "{codes:?}");
    let site = Site::with_old();
    fs::create_dir_all(site.root.join("var/lib/eos")).unwrap();
    fs::write(site.root.join("var/lib/eos/restores"), "").unwrap();
    tells(&site.begin().unwrap_err(), "EOS-T201", "the restore cannot keep its records");
}

#[test]
fn where_names_cannot_be_exchanged_that_is_found_before_anything_is_brought_or_stopped() {
    use crate::host::directory::cut;
    let site = Site::with_old();
    let refused = cut::without_exchange(|| site.begin().unwrap().probe().unwrap_err());
    let target = site.root.join("srv/metrics");
    let text = format!("{} cannot be exchanged with the restored one in one step", target.display());
    tells(&refused, "EOS-T215", &text);
    assert!(refused.hints()[0].contains("df -T"));
    assert!(site.names("srv/.metrics.eos").is_empty(), "nothing is left of the trial");
    site.begin().unwrap().probe().unwrap();
    assert!(site.names("srv/.metrics.eos").is_empty());

    site.stage("new");
    site.restore().unwrap();
    let hooks = site.log().len();
    let again = cut::without_exchange(|| site.begin().unwrap().previous(&|| false, &Silent).unwrap_err());
    tells(&again, "EOS-T215", &text);
    assert_eq!(
        (site.which(), site.previous(), site.log().len()),
        ("new".to_owned(), "old".to_owned(), hooks)
    );

    // Where nothing stands there is nothing to exchange.
    fs::remove_dir_all(&target).unwrap();
    cut::without_exchange(|| site.begin().unwrap().probe().unwrap());
}
