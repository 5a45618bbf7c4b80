//! Tests of compression by a sweep.

use super::*;
use crate::host::directory::cut;

#[test]
fn a_compressed_log_keeps_content_mode_owner_and_times() -> anyhow::Result<()> {
    let place = Place::new()?;
    let log = place.write("log/app/old.log", log_lines())?;
    std::os::unix::fs::chown(&log, Some(1234), Some(2345))?;
    fs::set_permissions(&log, fs::Permissions::from_mode(0o640))?;
    let before = fs::metadata(&log)?;
    let sweep = place.sweep(Work::Compress, "/log", &[]);
    let planned = Sweep { dry_run: true, ..sweep }.run()?;
    assert_eq!(fs::metadata(&log)?.atime_nsec(), before.atime_nsec(), "measuring is not access");
    let done = sweep.run()?;
    assert_eq!((planned.files, done.files), (1, 1));
    assert!(done.bytes > 0 && planned.bytes.abs_diff(done.bytes) <= 8192, "{planned:?} {done:?}");
    let compressed = place.path("log/app/old.log.zst");
    let after = fs::metadata(&compressed)?;
    assert_eq!(zstd::decode_all(fs::File::open(&compressed)?)?, log_lines());
    let facts = |it: &fs::Metadata| (it.mode(), it.uid(), it.gid(), it.mtime(), it.mtime_nsec(), it.atime());
    assert_eq!(facts(&after), facts(&before));
    assert_eq!(fs::read_dir(place.path("log/app"))?.count(), 1, "nothing else is left");
    assert_eq!(sweep.run()?.files, 0);
    Ok(())
}

#[test]
fn what_is_not_text_or_gains_nothing_is_not_compressed() -> anyhow::Result<()> {
    let place = Place::new()?;
    let mut noise = vec![0u8; 65_536];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    place.write("log/wtmp", [0; 65_536])?;
    place.write("log/noise", &noise)?;
    let random_text: String = noise.iter().map(|byte| char::from(b'!' + byte % 90)).take(7000).collect();
    place.write("log/short.log", "short")?;
    place.write("log/random.log", random_text)?;
    place.write("log/old.log.zst", log_lines())?;
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!(report.files, 0, "{report:?}");
    assert_eq!((report.kept_for(Reason::NotText), report.kept_for(Reason::NoGain)), (3, 2), "{report:?}");
    Ok(())
}

#[test]
fn an_interrupted_compression_is_finished_and_a_foreign_file_is_never_overwritten() -> anyhow::Result<()> {
    let place = Place::new()?;
    let log = place.write("log/a.log", log_lines())?;
    let half = place.write("log/a.log.zst", zstd::encode_all(log_lines().as_slice(), 3)?)?;
    let time = fs::metadata(&log)?.modified()?;
    fs::File::open(&half)?.set_modified(time)?;
    let other = place.write("log/b.log", log_lines())?;
    let foreign = place.write("log/b.log.zst", zstd::encode_all(&b"other"[..], 3)?)?;
    fs::File::open(&foreign)?.set_modified(fs::metadata(&other)?.modified()?)?;
    let cut = place.write("log/c.log", log_lines())?;
    let whole = zstd::encode_all(log_lines().as_slice(), 3)?;
    let damaged = place.write("log/c.log.zst", &whole[..whole.len() - 2])?;
    fs::File::open(&damaged)?.set_modified(fs::metadata(&cut)?.modified()?)?;
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::NotText)), (3, 3), "{report:?}");
    assert!(!log.exists() && half.exists());
    assert_eq!(zstd::decode_all(fs::File::open(&foreign)?)?, b"other");
    assert_eq!(fs::read(&damaged)?, whole[..whole.len() - 2]);
    assert_eq!(fs::read_dir(place.path("log"))?.count(), 5, "b.log and c.log got other names");
    Ok(())
}

#[test]
fn a_log_whose_name_was_compressed_before_is_compressed_again_under_the_day_of_its_last_line()
-> anyhow::Result<()> {
    let place = Place::new()?;
    let sweep = place.sweep(Work::Compress, "/log", &[]);
    let day = |days: u32| {
        let time = jiff::Timestamp::try_from(now() - DAY * days)?.to_zoned(jiff::tz::TimeZone::UTC);
        anyhow::Ok(time.strftime("%Y%m%d").to_string())
    };
    for (round, days) in [30, 20, 20, 10].into_iter().enumerate() {
        let log = place.write("log/app.log", [log_lines(), vec![b'x'; round]].concat())?;
        age(&log, days)?;
        assert_eq!((sweep.run()?.files, log.exists()), (1, false), "round {round}");
    }
    let names = fs::read_dir(place.path("log"))?.map(|entry| Ok(entry?.file_name().into_string()));
    let names = names.collect::<std::io::Result<Result<std::collections::BTreeSet<_>, _>>>()?;
    let (second, last) = (day(20)?, day(10)?);
    let wanted = [
        "app.log.zst",
        &format!("app.log-{second}.zst"),
        &format!("app.log-{second}.1.zst"),
        &format!("app.log-{last}.zst"),
    ]
    .map(str::to_owned);
    assert_eq!(names.expect("letters"), std::collections::BTreeSet::from(wanted));
    Ok(())
}

#[test]
fn what_logrotate_manages_keeps_its_name() -> anyhow::Result<()> {
    let place = Place::new()?;
    let state = "logrotate state -- version 2\n\"/log/dpkg.log\" 2026-11-30-6:25:1\n";
    place.write("var/lib/logrotate/status", state)?;
    for name in ["dpkg.log", "dpkg.log.1", "old/dpkg.log-20260102", "app.log", "app.log.1"] {
        place.write(&format!("log/{name}"), log_lines())?;
    }
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::Rotated)), (2, 3), "{report:?}");
    assert!(place.path("log/dpkg.log.1").exists() && place.path("log/app.log.1.zst").exists());
    Ok(())
}

#[test]
fn lines_that_are_written_while_the_disk_makes_the_name_durable_are_not_lost() -> anyhow::Result<()> {
    // Before the name of the compressed file is made, before it is synced, and before the original is removed.
    for changes in 2..5 {
        let place = Place::new()?;
        let log = place.write("log/a.log", log_lines())?;
        let late = log.clone();
        let append = move || {
            let mut file = fs::File::options().append(true).open(late).expect("it is there");
            std::io::Write::write_all(&mut file, b"a late line\n").expect("there is room");
        };
        let sweep = place.sweep(Work::Compress, "/log", &[]);
        let (report, came) = cut::meanwhile(changes, append, || sweep.run());
        let report = report?;
        assert!(came && fs::read(&log).is_ok_and(|text| text.ends_with(b"a late line\n")), "{changes}");
        assert_eq!((report.files, report.kept_for(Reason::Changed)), (0, 1), "{changes}: {report:?}");
        assert_eq!(fs::read_dir(place.path("log"))?.count(), 1, "{changes}: no half of it is left");
    }
    Ok(())
}

#[test]
fn a_full_disk_leaves_every_log_whole() -> anyhow::Result<()> {
    let place = Place::new()?;
    let directory = place.path("log");
    fs::create_dir(&directory)?;
    rustix::mount::mount("tmpfs", &directory, "tmpfs", rustix::mount::MountFlags::empty(), Some(c"size=1m"))?;
    let mount = Mounted(directory.clone());
    let text: Vec<u8> = log_lines().into_iter().take(300_000).collect();
    place.write("log/a.log", &text)?;
    // Fill what is left to the last byte.
    let mut filler = fs::File::create(directory.join("filler"))?;
    while std::io::Write::write(&mut filler, &[1; 4096]).is_ok() {}
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::NoRoom)), (0, 1), "{report:?}");
    assert_eq!(fs::read(directory.join("a.log"))?, text);
    assert_eq!(fs::read_dir(&directory)?.count(), 2);
    drop(mount);
    Ok(())
}

/// A file system in memory of 16 MiB, with a watch on how little was free at any time.
struct Watched {
    mount: Mounted,
    ended: std::sync::Arc<AtomicBool>,
    watch: std::thread::JoinHandle<u64>,
}

fn free(directory: &Path) -> u64 {
    let found = rustix::fs::statvfs(directory).expect("it is mounted");
    found.f_bavail * found.f_frsize
}

impl Watched {
    fn new(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir(directory)?;
        let options = Some(c"size=16m");
        rustix::mount::mount("tmpfs", directory, "tmpfs", rustix::mount::MountFlags::empty(), options)?;
        let (ended, place) = (std::sync::Arc::new(AtomicBool::new(false)), directory.to_owned());
        let stop = std::sync::Arc::clone(&ended);
        let watch = std::thread::spawn(move || {
            let mut least = u64::MAX;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                least = least.min(free(&place));
                std::thread::yield_now();
            }
            least
        });
        Ok(Self { mount: Mounted(directory.to_owned()), ended, watch })
    }

    fn least(self) -> u64 {
        self.ended.store(true, std::sync::atomic::Ordering::Relaxed);
        let least = self.watch.join().expect("it only looks");
        drop(self.mount);
        least
    }
}

/// Letters that compress to three quarters at best.
fn random_text(length: usize) -> Vec<u8> {
    let mut noise = vec![0u8; length];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    noise.into_iter().map(|byte| b'0' + byte % 64).collect()
}

#[test]
fn a_log_that_would_fill_the_disk_when_compressed_is_left_and_a_small_one_is_not() -> anyhow::Result<()> {
    let place = Place::new()?;
    let directory = place.path("log");
    let watched = Watched::new(&directory)?;
    let large = place.write("log/large.log", random_text(12 << 20))?;
    place.write("log/small.log", log_lines())?;
    let before = free(&directory);
    let sweep = place.sweep(Work::Compress, "/log", &[]);
    let planned = Sweep { dry_run: true, ..sweep }.run()?;
    let report = sweep.run()?;
    assert_eq!(planned.kept, report.kept);
    assert_eq!((report.files, report.kept_for(Reason::NoRoom)), (1, 1), "{report:?}");
    assert!(large.exists() && place.path("log/small.log.zst").exists());
    let least = watched.least();
    assert!(least > before * 9 / 10, "{least} of {before} were free: it was not even tried");
    Ok(())
}

#[test]
fn a_log_that_compresses_worse_than_its_beginning_takes_no_more_than_half_of_what_is_free()
-> anyhow::Result<()> {
    let place = Place::new()?;
    let directory = place.path("log");
    let watched = Watched::new(&directory)?;
    let text = [b"all is well\n".repeat(200_000), random_text(9 << 20)].concat();
    let large = place.write("log/large.log", &text)?;
    let before = free(&directory);
    let report = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((report.files, report.kept_for(Reason::NoRoom)), (0, 1), "{report:?}");
    assert_eq!((fs::read(&large)?, free(&directory)), (text, before));
    let least = watched.least();
    assert!(least >= before / 2 - (256 << 10), "{least} of {before} were free");
    Ok(())
}

#[test]
fn a_large_file_is_left_when_the_time_is_over_and_is_done_whole_by_the_next_sweep() -> anyhow::Result<()> {
    let place = Place::new()?;
    let first = place.write("log/first.log", log_lines())?;
    age(&first, 20)?;
    let large = place.write("log/large.log", log_lines().repeat(160))?;
    // Time for the first one, and for a part of the second one.
    let budget = Budget { time: Duration::from_millis(20), ..ROOMY };
    let sweep = Sweep { budget, ..place.sweep(Work::Compress, "/log", &[]) };
    let report = sweep.run()?;
    assert_eq!((report.files, report.unfinished, large.exists()), (1, true, true), "{report:?}");
    assert_eq!(fs::read_dir(place.path("log"))?.count(), 2, "nothing of it is left");
    let report = sweep.run()?;
    assert_eq!((report.files, large.exists()), (1, false), "{report:?}");
    Ok(())
}
