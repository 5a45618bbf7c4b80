//! Tests of which files a sweep takes, in which order, and where it ends.

use super::*;
use crate::host::directory::cut;

/// The names that were taken, in order.
fn taken(report: &Report) -> Vec<&str> {
    let paths = report.listed.iter().map(|listed| listed.path.as_str());
    paths.filter(|path| !path.ends_with('/')).collect()
}

#[test]
fn the_oldest_go_first_and_of_one_day_the_largest() -> anyhow::Result<()> {
    let place = Place::new()?;
    for (name, days, blocks) in [("a", 8, 1), ("b", 30, 1), ("c", 30, 4), ("d", 9, 9), ("e", 2, 50)] {
        let path = place.write(&format!("cache/{name}/{name}"), vec![1; blocks * 4096])?;
        age(&path, days)?;
    }
    let sweep = place.sweep(Work::Delete, "/cache", &[]);
    let all = ["/cache/c/c", "/cache/b/b", "/cache/d/d", "/cache/a/a"];
    assert_eq!(taken(&Sweep { dry_run: true, ..sweep }.run()?), all);
    let two = Sweep { budget: Budget { files: 2, ..ROOMY }, ..sweep }.run()?;
    assert_eq!((taken(&two), two.unfinished, two.taken), (all[..2].to_vec(), true, 5 * 4096));
    let rest = sweep.run()?;
    assert_eq!((taken(&rest), rest.unfinished), (all[2..].to_vec(), false));
    Ok(())
}

#[test]
fn a_directory_of_more_files_than_memory_shall_hold_is_swept_whole_and_in_order() -> anyhow::Result<()> {
    let place = Place::new()?;
    for n in 0..100u32 {
        let path = place.write(&format!("cache/{}/{n}", n % 7), "x")?;
        age(&path, 10 + n * 31 % 100)?;
    }
    let held = Budget { held: 8, listed: 1000, ..ROOMY };
    let sweep = Sweep { budget: held, ..place.sweep(Work::Delete, "/cache", &[]) };
    let planned = Sweep { dry_run: true, ..sweep }.run()?;
    assert_eq!((planned.files, planned.kept_count()), (100, 0));
    let whole = Sweep { budget: Budget { held: usize::MAX, ..held }, dry_run: true, ..sweep }.run()?;
    assert_eq!(taken(&planned), taken(&whole));
    let done = sweep.run()?;
    assert_eq!((taken(&done), done.unfinished), (taken(&whole), false));
    Ok(())
}

#[test]
fn archived_journals_go_by_their_last_entry_and_nothing_else_goes() -> anyhow::Result<()> {
    let place = Place::new()?;
    let old = place.write("var/log/journal/m/system@0a-1-0b.journal", [1; 8192])?;
    let young = place.write("var/log/journal/m/system@0a-2-0c.journal", [1; 8192])?;
    age(&young, 6)?;
    let active = place.write("var/log/journal/m/system.journal", [1; 8192])?;
    let report = place.sweep(Work::Vacuum, "/var/log/journal", &[]).run()?;
    assert_eq!((report.files, report.bytes, report.kept_for(Reason::Young)), (1, 8192, 1));
    assert!(!old.exists() && young.exists() && active.exists());
    Ok(())
}

#[test]
fn a_package_is_as_old_as_its_download_and_a_lock_stays() -> anyhow::Result<()> {
    let place = Place::new()?;
    let package = place.write("var/cache/apt/archives/curl_7.88_amd64.deb", [1; 8192])?;
    let lock = place.write("var/cache/apt/archives/lock", "")?;
    let ten_years_ago = SystemTime::now() - 3650 * DAY;
    fs::File::open(&package)?.set_modified(ten_years_ago)?;
    let sweep = place.sweep(Work::Packages, "/var/cache/apt/archives", &[]);
    let sweep = Sweep { now: SystemTime::now(), ..sweep };
    assert_eq!(sweep.run()?.kept_for(Reason::Young), 1, "it came a moment ago, whatever time it bears");
    let later = Sweep { now: sweep.now + 8 * DAY, ..sweep }.run()?;
    assert_eq!((later.files, package.exists(), lock.exists()), (1, false, true));
    Ok(())
}

#[test]
fn a_death_at_any_change_of_a_compression_leaves_the_log_or_all_of_it_compressed() -> anyhow::Result<()> {
    for changes in 0.. {
        let place = Place::new()?;
        for name in ["a.log", "b.log", "c.log"] {
            place.write(&format!("log/{name}"), log_lines())?;
        }
        let sweep = place.sweep(Work::Compress, "/log", &[]);
        let (_, died) = cut::after(changes, || sweep.run());
        let names = || -> anyhow::Result<Vec<String>> {
            let names = fs::read_dir(place.path("log"))?.map(|entry| Ok(entry?.file_name()));
            let names = names.collect::<std::io::Result<Vec<_>>>()?;
            Ok(names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
        };
        for name in names()? {
            let file = fs::File::open(place.path("log").join(&name))?;
            let whole = if name.ends_with(".zst") {
                zstd::decode_all(file)?
            } else {
                fs::read(place.path("log").join(&name))?
            };
            assert!(whole == log_lines(), "death before change {changes}: {name} is not whole");
            assert!(
                ["a.log", "b.log", "c.log"].contains(&name.trim_end_matches(".zst")),
                "{changes}: {name}"
            );
        }
        for name in ["log/a.log", "log/b.log", "log/c.log"] {
            let there = [place.path(name), place.path(&format!("{name}.zst"))].map(|path| path.exists());
            assert!(there.contains(&true), "death before change {changes}: {name} is gone");
        }
        sweep.run()?;
        let mut left = names()?;
        left.sort_unstable();
        assert_eq!(left, ["a.log.zst", "b.log.zst", "c.log.zst"], "after a death before change {changes}");
        if !died {
            assert!(changes >= 18, "{changes} deaths only");
            return Ok(());
        }
    }
    unreachable!("every sweep ends")
}

/// What is logged meanwhile.
#[derive(Clone, Default)]
struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn each_change_is_logged_with_its_bytes_before_it_is_made() -> anyhow::Result<()> {
    let place = Place::new()?;
    let lines = Lines::default();
    let writer = lines.clone();
    // With one dispatcher alone, a thread of another test that comes first to a place in the code decides for all
    // that nobody listens there.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let cases = [
        ("cache/a\nb", Work::Delete, "deleting an expendable file"),
        ("log/a\u{1b}.log", Work::Compress, "compressing an old log"),
        ("journal/system@0a-1-0b.journal", Work::Vacuum, "deleting an archived journal"),
    ];
    tracing::subscriber::with_default(subscriber, || {
        for (path, work, _) in cases {
            place.write(path, log_lines())?;
            let directory = format!("/{}", path.split('/').next().expect("a directory"));
            let (report, died) = cut::after(0, || place.sweep(work, &directory, &[]).run());
            assert!(died && report?.files == 0 && place.path(path).exists(), "{path} is as it was");
        }
        anyhow::Ok(())
    })?;
    let logged = String::from_utf8(lines.0.lock().expect("nobody panicked").clone())?;
    for (path, _, message) in cases {
        let bytes = fs::metadata(place.path(path))?.blocks() * 512;
        let told = logged.lines().find(|line| line.contains(message));
        let told = told.ok_or_else(|| anyhow::anyhow!("no {message} in {logged:?}"))?;
        let line: serde_json::Value = serde_json::from_str(told)?;
        assert_eq!(line["fields"]["bytes"], bytes, "{line}");
        let name = line["fields"]["path"].as_str().unwrap_or("");
        assert!(name.starts_with('/') && !name.chars().any(char::is_control), "{name:?}");
    }
    Ok(())
}

#[test]
fn a_death_in_the_middle_of_a_deletion_is_gone_on_with() -> anyhow::Result<()> {
    for changes in 0..4 {
        let place = Place::new()?;
        for name in ["a", "b", "c"] {
            place.write(&format!("cache/{name}"), [1; 8192])?;
        }
        let sweep = place.sweep(Work::Delete, "/cache", &[]);
        let (report, died) = cut::after(changes, || sweep.run());
        assert_eq!((report?.files as usize, died), (changes.min(3), changes < 3));
        assert_eq!(sweep.run()?.files as usize, 3 - changes.min(3));
    }
    Ok(())
}

#[test]
fn a_young_file_that_is_renamed_over_an_old_one_at_the_last_moment_stays() -> anyhow::Result<()> {
    let place = Place::new()?;
    let old = place.write("cache/thing", [1; 8192])?;
    let young = place.write("young", "fresh")?;
    let to = old.clone();
    let sweep = place.sweep(Work::Delete, "/cache", &[]);
    let replace = move || fs::rename(&young, &to).expect("one file system");
    let (report, came) = cut::meanwhile(0, replace, || sweep.run());
    let report = report?;
    assert_eq!((came, report.files, report.kept_for(Reason::Changed)), (true, 0, 1), "{report:?}");
    assert_eq!(fs::read(&old)?, b"fresh");
    Ok(())
}
