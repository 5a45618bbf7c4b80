//! Tests of sweeps on real directories.

mod compress;
mod compressed;
mod order;

use super::*;
use crate::model::explain::tells;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

const DAY: Duration = Duration::from_secs(86_400);
const ROOMY: Budget =
    Budget { files: u64::MAX, bytes: u64::MAX, time: Duration::from_secs(60), listed: 100, held: usize::MAX };
static GO: AtomicBool = AtomicBool::new(false);

/// A root with files that are ten days old by the time of its sweeps, which is far ahead: nobody can set when a file
/// last changed, so that they were made just now must be long ago.
struct Place {
    _folder: tempfile::TempDir,
    root: Root,
}

impl Place {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        Ok(Self { _folder: folder, root })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a parent"))?;
        fs::write(&path, content)?;
        age(&path, 10)?;
        Ok(path)
    }

    fn sweep<'a>(&'a self, work: Work, directory: &'a str, protected: &'a [PathBuf]) -> Sweep<'a> {
        Sweep {
            root: &self.root,
            directory: Path::new(directory),
            protected,
            spared: &[],
            lasting: Some(&[]),
            work,
            older_than: 7 * DAY,
            now: now(),
            budget: ROOMY,
            dry_run: false,
            stop: &GO,
        }
    }
}

/// The time by which ages are counted.
fn now() -> SystemTime {
    SystemTime::now() + 1000 * DAY
}

fn age(path: &Path, days: u32) -> anyhow::Result<()> {
    let time = now() - DAY * days;
    let times = fs::FileTimes::new().set_accessed(time).set_modified(time);
    fs::File::options().read(true).open(path)?.set_times(times)?;
    Ok(())
}

fn log_lines() -> Vec<u8> {
    (0..20_000).flat_map(|n| format!("line {n}: all is well\n").into_bytes()).collect()
}

#[test]
fn old_files_are_deleted_and_young_ones_kept() -> anyhow::Result<()> {
    let place = Place::new()?;
    let old = place.write("cache/a/old", [1; 8192])?;
    let young = place.write("cache/young", "x")?;
    age(&young, 6)?;
    let future = place.write("cache/future", "x")?;
    fs::File::open(&future)?.set_modified(now() + 400 * DAY)?;
    let sweep = place.sweep(Work::Delete, "/cache", &[]);
    let planned = Sweep { dry_run: true, ..sweep }.run()?;
    assert!(old.exists(), "a dry run deletes nothing");
    let done = sweep.run()?;
    assert_eq!((planned.files, planned.bytes, &planned.listed), (done.files, done.bytes, &done.listed));
    assert_eq!((done.files, done.kept_for(Reason::Young)), (1, 2));
    let listed: Vec<&str> = done.listed.iter().map(|listed| listed.path.as_str()).collect();
    assert_eq!(listed, ["/cache/a/old", "/cache/a/"]);
    assert_eq!(done.listed.iter().map(|listed| listed.bytes).sum::<u64>(), done.bytes);
    assert!(!old.exists() && young.exists() && future.exists());
    Ok(())
}

#[test]
fn directories_that_are_left_empty_go_and_others_stay() -> anyhow::Result<()> {
    let place = Place::new()?;
    for path in ["jobs/1/a/old", "jobs/1/b/old", "jobs/2/old", "jobs/2/young", "jobs/3/in-use/old"] {
        place.write(&format!("cache/{path}"), "x")?;
    }
    age(&place.path("cache/jobs/2/young"), 6)?;
    for path in ["empty/deep", "fresh", "young", "kept/x", "scratch"] {
        fs::create_dir_all(place.path("cache").join(path))?;
    }
    // Something in it went six days before.
    age(&place.path("cache/young"), 6)?;
    let mut program = std::process::Command::new("/bin/sleep");
    let mut working = program.arg("900").current_dir(place.path("cache/jobs/3/in-use")).spawn()?;
    let protected = [PathBuf::from("/cache/kept/x")];
    let lasting = [PathBuf::from("/cache/scratch")];
    let sweep = Sweep { lasting: Some(&lasting), ..place.sweep(Work::Delete, "/cache", &protected) };
    let few = Sweep { budget: Budget { files: 2, ..ROOMY }, ..sweep };
    let planned = Sweep { dry_run: true, ..sweep }.run()?;
    few.run()?;
    let report = sweep.run()?;
    working.kill()?;
    working.wait()?;
    assert_eq!(planned.directories, 6, "{planned:?}");
    let there = |path: &str| place.path("cache").join(path).exists();
    for gone in ["jobs/1", "empty", "fresh"] {
        assert!(!there(gone), "{gone}: {report:?}");
    }
    for kept in ["jobs/2/young", "young", "kept/x", "jobs/3/in-use", "scratch", ""] {
        assert!(there(kept), "{kept}: {report:?}");
    }
    Ok(())
}

#[test]
fn a_file_that_came_with_an_old_time_is_as_young_as_its_coming() -> anyhow::Result<()> {
    let place = Place::new()?;
    place.write("origin/old", "x")?;
    let ten_years_ago = SystemTime::now() - 3650 * DAY;
    fs::File::open(place.path("origin/old"))?.set_modified(ten_years_ago)?;
    fs::create_dir(place.path("cache"))?;
    let (from, to) = (place.path("origin/old"), place.path("cache/unpacked"));
    let copied = std::process::Command::new("cp").arg("-a").args([&from, &to]).status()?;
    assert!(copied.success());
    // A rename is a coming too.
    fs::rename(from, place.path("cache/moved"))?;
    let sweep = place.sweep(Work::Delete, "/cache", &[]);
    let soon = Sweep { now: SystemTime::now() + 6 * DAY, ..sweep }.run()?;
    assert_eq!((soon.files, soon.kept_for(Reason::Young)), (0, 2), "{soon:?}");
    assert_eq!(fs::metadata(&to)?.modified()?, ten_years_ago, "their own time is ten years old");
    let later = Sweep { now: SystemTime::now() + 8 * DAY, ..sweep }.run()?;
    assert_eq!((later.files, to.exists()), (2, false));
    Ok(())
}

#[test]
fn a_directory_that_is_not_there_has_nothing_to_sweep() -> anyhow::Result<()> {
    assert_eq!(Place::new()?.sweep(Work::Delete, "/cache/eos", &[]).run()?, Report::default());
    Ok(())
}

#[test]
fn no_link_leads_out_of_the_directory() -> anyhow::Result<()> {
    let place = Place::new()?;
    let outside = place.write("precious/file", "x")?;
    place.write("cache/file", "x")?;
    symlink(place.path("precious"), place.path("cache/directory-link"))?;
    symlink(&outside, place.path("cache/file-link"))?;
    symlink("../precious", place.path("cache/relative-link"))?;
    let report = place.sweep(Work::Delete, "/cache", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::Link)), (1, 3));
    assert!(outside.exists());
    symlink("precious", place.path("linked"))?;
    let error = place.sweep(Work::Delete, "/linked", &[]).run().expect_err("the directory is a link");
    assert_eq!(error.to_string(), "/linked is not swept: a symbolic link stands in its path");
    assert!(outside.exists());
    Ok(())
}

#[test]
fn what_is_protected_stays_by_name_and_by_identity() -> anyhow::Result<()> {
    let place = Place::new()?;
    let by_name = place.write("data/keep/deep/file", "x")?;
    let by_link = place.write("data/real/file", "x")?;
    let file = place.write("data/one-file", "x")?;
    fs::create_dir(place.path("etc"))?;
    symlink(place.path("data/real"), place.path("etc/alias"))?;
    place.write("data/loose", "x")?;
    let protected = ["/data/keep", "/etc/alias", "/data/one-file"].map(PathBuf::from);
    let report = place.sweep(Work::Delete, "/data", &protected).run()?;
    assert_eq!((report.files, report.kept_for(Reason::Protected)), (1, 3));
    assert!(by_name.exists() && by_link.exists() && file.exists());
    for inside in ["/data/keep", "/data/keep/deep", "/data/real"] {
        let error = place.sweep(Work::Delete, inside, &protected).run().expect_err("protected");
        assert_eq!(error.code(), Code("V010"), "{inside}");
    }
    Ok(())
}

#[test]
fn what_is_protected_is_not_swept_under_the_name_that_a_bind_mount_gives_it() -> anyhow::Result<()> {
    let place = Place::new()?;
    let precious = place.write("srv/deep/precious", "x")?;
    let other = place.write("other/thing", "x")?;
    let cache = place.path("var/cache/eos");
    fs::create_dir_all(&cache)?;
    let protected = ["/srv", "/srv/not-there"].map(PathBuf::from);
    let sweep = place.sweep(Work::Delete, "/var/cache/eos", &protected);
    for shown in ["srv", "srv/deep"] {
        let mount = Mounted::bind(&place.path(shown), &cache)?;
        let error = sweep.run().expect_err("it is protected");
        tells(&error, "EOS-V010", "/var/cache/eos is not swept: it lies in /srv, which is protected");
        drop(mount);
    }
    assert!(precious.exists());
    let mount = Mounted::bind(&place.path("other"), &cache)?;
    assert_eq!((sweep.run()?.files, other.exists()), (1, false), "what nothing protects is swept there");
    drop(mount);
    // A protected directory inside of what a mount shows is met by the walk.
    let protected = [PathBuf::from("/srv/deep")];
    let mount = Mounted::bind(&place.path("srv"), &cache)?;
    let report = place.sweep(Work::Delete, "/var/cache/eos", &protected).run()?;
    assert_eq!((report.files, report.kept_for(Reason::Protected)), (0, 1));
    drop(mount);
    Ok(())
}

#[test]
fn what_another_class_holds_is_spared_behind_a_link_and_the_directory_may_lie_in_it() -> anyhow::Result<()> {
    let place = Place::new()?;
    let log = place.write("scratch/log/a.log", "x")?;
    place.write("scratch/tmp/old", "x")?;
    fs::create_dir(place.path("var"))?;
    symlink(place.path("scratch/log"), place.path("var/log"))?;
    let spared = [PathBuf::from("/var/log")];
    let sweep = Sweep { spared: &spared, ..place.sweep(Work::Delete, "/scratch", &[]) };
    let report = sweep.run()?;
    assert_eq!((report.files, report.kept_for(Reason::Protected)), (1, 1), "{report:?}");
    assert!(log.exists());
    let error = Sweep { directory: Path::new("/scratch/log"), ..sweep }.run().expect_err("of two classes");
    assert_eq!(error.code(), Code("V010"));
    place.write("scratch/log/old/b", "x")?;
    let inner = Sweep { directory: Path::new("/scratch/log/old"), ..sweep }.run()?;
    assert_eq!((inner.files, log.exists()), (1, true), "the deepest class decides");
    Ok(())
}

#[test]
fn another_mount_is_not_entered() -> anyhow::Result<()> {
    let place = Place::new()?;
    place.write("cache/file", "x")?;
    let mounted = place.path("cache/mounted");
    fs::create_dir(&mounted)?;
    let mount = Mounted::tmpfs(&mounted)?;
    let inside = place.write("cache/mounted/file", "x")?;
    let bound = place.path("cache/bound");
    fs::create_dir(&bound)?;
    let elsewhere = place.write("elsewhere/file", "x")?;
    let bind = Mounted::bind(&place.path("elsewhere"), &bound)?;
    let report = place.sweep(Work::Delete, "/cache", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::OtherMount)), (1, 2), "{report:?}");
    assert!(inside.exists() && elsewhere.exists());
    drop((mount, bind));
    Ok(())
}

/// A mount that ends with the test.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(path: &Path) -> anyhow::Result<Self> {
        rustix::mount::mount("tmpfs", path, "tmpfs", rustix::mount::MountFlags::empty(), None)?;
        Ok(Self(path.to_owned()))
    }

    fn bind(from: &Path, path: &Path) -> anyhow::Result<Self> {
        rustix::mount::mount_bind(from, path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH).expect("the mount is ours");
    }
}

#[test]
fn a_file_that_is_open_stays() -> anyhow::Result<()> {
    let place = Place::new()?;
    let deleted = place.write("cache/open", "x")?;
    let compressed = place.write("log/open.log", log_lines())?;
    let held = (fs::File::open(&deleted)?, fs::File::options().append(true).open(&compressed)?);
    let report = place.sweep(Work::Delete, "/cache", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::Open)), (0, 1));
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::Open)), (0, 1));
    drop(held);
    assert_eq!(place.sweep(Work::Delete, "/cache", &[]).run()?.files, 1);
    Ok(())
}

#[test]
fn a_program_that_runs_and_a_file_that_is_mapped_or_behind_a_block_device_stay() -> anyhow::Result<()> {
    let place = Place::new()?;
    let program = place.write("cache/program", "")?;
    fs::copy("/bin/sleep", &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let library = place.write("cache/library.so", "")?;
    let of_this = fs::read_to_string("/proc/self/maps")?;
    let libc = of_this
        .lines()
        .find_map(|line| Some(line[line.find('/')?..].to_owned()).filter(|path| is_libc(path)));
    let libc = libc.ok_or_else(|| anyhow::anyhow!("no C library in\n{of_this}"))?;
    fs::copy(libc, &library)?;
    let image = place.write("cache/disk.img", "")?;
    fs::File::options().write(true).open(&image)?.set_len(1 << 20)?;
    for file in [&program, &library, &image] {
        age(file, 10)?;
    }
    let mut command = std::process::Command::new(&program);
    let mut running = command.arg("900").env("LD_PRELOAD", &library).spawn()?;
    let seen = || {
        fs::read_to_string(format!("/proc/{}/maps", running.id()))
            .is_ok_and(|maps| maps.contains("cache/library.so") && maps.contains("cache/program"))
    };
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while !seen() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    let device = LoopDevice::of(&image)?;
    let sweep = place.sweep(Work::Delete, "/cache", &[]);
    let report = sweep.run()?;
    running.kill()?;
    running.wait()?;
    assert_eq!((report.files, report.kept_for(Reason::Open)), (0, 3), "{report:?}");
    drop(device);
    assert_eq!(sweep.run()?.files, 3);
    Ok(())
}

fn is_libc(path: &str) -> bool {
    path.contains("/libc.so") || path.contains("/libc-")
}

/// A block device that shows a file, until the test ends.
struct LoopDevice(String);

impl LoopDevice {
    fn of(file: &Path) -> anyhow::Result<Self> {
        let shown = std::process::Command::new("losetup").args(["--find", "--show"]).arg(file).output()?;
        anyhow::ensure!(shown.status.success(), "losetup: {shown:?}; this test needs root and a loop device");
        Ok(Self(String::from_utf8(shown.stdout)?.trim().to_owned()))
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let detached = std::process::Command::new("losetup").args(["--detach", &self.0]).status();
        assert!(detached.is_ok_and(|status| status.success()), "the device is ours");
    }
}

#[test]
fn a_hostile_name_is_harmless() -> anyhow::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new()?;
    place.write("precious", "x")?;
    place.write("cache/-rf ..; rm *\n\u{1b}[2J", "x")?;
    place.write("cache/...", "x")?;
    let broken = place.path("cache").join(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    fs::write(&broken, "x")?;
    age(&broken, 10)?;
    let mut report = place.sweep(Work::Delete, "/cache", &[]).run()?;
    report.listed.sort_by(|one, other| one.path.cmp(&other.path));
    let names: Vec<&str> = report.listed.iter().map(|listed| listed.path.as_str()).collect();
    assert_eq!(names, ["/cache/-rf ..; rm *\\n\\u{1b}[2J", "/cache/...", "/cache/\u{fffd}\u{fffd}"]);
    assert!(place.path("precious").exists());
    Ok(())
}

#[test]
fn a_sweep_ends_at_its_budget_and_when_stopped() -> anyhow::Result<()> {
    let place = Place::new()?;
    for n in 0..10 {
        place.write(&format!("cache/{n}"), [1; 8192])?;
    }
    let sweep = place.sweep(Work::Delete, "/cache", &[]);
    let small = Budget { bytes: 20_000, listed: 2, ..ROOMY };
    let report = Sweep { budget: small, ..sweep }.run()?;
    assert_eq!((report.files, report.listed.len(), report.unfinished), (3, 2, true));
    let stop = AtomicBool::new(true);
    let stopped = Sweep { stop: &stop, ..sweep }.run()?;
    assert_eq!((stopped.files, stopped.unfinished), (0, true));
    let none = Budget { time: Duration::ZERO, ..ROOMY };
    assert_eq!(Sweep { budget: none, ..sweep }.run()?.files, 0);
    assert_eq!(sweep.run()?.files, 7);
    Ok(())
}

#[test]
fn a_file_with_another_name_frees_nothing_and_is_not_compressed() -> anyhow::Result<()> {
    let place = Place::new()?;
    let log = place.write("log/a.log", log_lines())?;
    fs::hard_link(&log, place.path("kept.log"))?;
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::HardLinked)), (0, 1));
    let report = place.sweep(Work::Delete, "/log", &[]).run()?;
    assert_eq!((report.files, report.bytes), (1, 0));
    assert_eq!(fs::read(place.path("kept.log"))?, log_lines());
    Ok(())
}

#[test]
fn a_directory_behind_a_link_and_one_that_is_a_file_are_not_swept() -> anyhow::Result<()> {
    let place = Place::new()?;
    let kept = place.write("real/old", "x")?;
    symlink("real", place.path("link"))?;
    let error = place.sweep(Work::Delete, "/link", &[]).run().expect_err("a link");
    tells(&error, "EOS-V011", "/link is not swept: a symbolic link stands in its path");
    let error = place.sweep(Work::Delete, "/real/old", &[]).run().expect_err("a file");
    tells(&error, "EOS-V012", "could not sweep /real/old");
    assert!(kept.exists());
    Ok(())
}

#[test]
fn every_error_says_what_and_what_helps() {
    let texts: Vec<String> = SweepError::samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "/var/cache/eos is not swept: it lies in /var, which is protected",
            "/var/cache/eos is not swept: a symbolic link stands in its path",
            "could not sweep /var/cache/eos",
        ]
    );
    let codes: Vec<&str> = SweepError::samples().iter().map(|error| error.code().0).collect();
    assert_eq!(codes, ["V010", "V011", "V012"]);
    assert!(SweepError::samples().iter().all(|error| !error.hints().is_empty()));
}
