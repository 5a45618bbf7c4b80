//! Tests of deleting logs that were compressed long ago.

use super::*;

/// By the time of the sweeps everything was compressed a thousand days ago.
const LONG_AGO: Duration = Duration::from_secs(900 * 86_400);

/// A file whose last line is older than that.
fn write(place: &Place, path: &str, content: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
    let path = place.write(path, content)?;
    age(&path, 1500)?;
    Ok(path)
}

#[test]
fn a_log_that_was_compressed_long_ago_goes_and_what_others_compressed_or_is_young_stays() -> anyhow::Result<()>
{
    let place = Place::new()?;
    write(&place, "log/app/old.log", log_lines())?;
    let zst = place.path("log/app/old.log.zst");
    assert_eq!(place.sweep(Work::Compress, "/log", &[]).run()?.files, 1);
    // The same content by the hand of a person, and what is shorter than the mark.
    let foreign = write(&place, "log/app/hand.log.zst", zstd::encode_all(log_lines().as_slice(), 3)?)?;
    let short = write(&place, "log/app/short.zst", "x")?;
    let log = write(&place, "log/app/young.log", "a line\n")?;
    let sweep = Sweep { older_than: LONG_AGO, ..place.sweep(Work::Compressed, "/log", &[]) };
    // The last line is older than that, so the age is since it was compressed.
    let young = Sweep { older_than: 1001 * DAY, ..sweep }.run()?;
    assert_eq!((young.files, young.kept_for(Reason::Young)), (0, 3), "{young:?}");
    let open = fs::File::open(&zst)?;
    assert_eq!(sweep.run()?.kept_for(Reason::Open), 1);
    drop(open);
    let planned = Sweep { dry_run: true, ..sweep }.run()?;
    assert!(zst.exists());
    let done = sweep.run()?;
    assert_eq!((done.files, done.kept_for(Reason::Foreign), &done), (1, 2, &planned));
    assert!(!zst.exists() && foreign.exists() && short.exists() && log.exists());
    assert!(zst.parent().is_some_and(Path::exists), "the directory of a log stays");
    Ok(())
}

#[test]
fn compressed_logs_that_logrotate_manages_or_has_put_away_stay_its_own() -> anyhow::Result<()> {
    let place = Place::new()?;
    for name in ["log/a.log", "log/b.log", "log/old/c.log"] {
        write(&place, name, log_lines())?;
    }
    assert_eq!(place.sweep(Work::Compress, "/log", &[]).run()?.files, 3);
    fs::rename(place.path("log/a.log.zst"), place.path("log/a.log.1.zst"))?;
    place.write(
        "var/lib/logrotate/status",
        "logrotate state -- version 2\n\"/log/a.log\" 2026-11-30-6:25:1\n",
    )?;
    place.write("etc/logrotate.d/a", "/log/a.log {\n    olddir /log/old\n}\n")?;
    write(&place, "log/old/d.log", log_lines())?;
    let compressed = place.sweep(Work::Compress, "/log", &[]).run()?;
    assert_eq!((compressed.files, compressed.kept_for(Reason::Rotated)), (0, 3), "{compressed:?}");
    let sweep = Sweep { older_than: LONG_AGO, ..place.sweep(Work::Compressed, "/log", &[]) };
    let report = sweep.run()?;
    assert_eq!((report.files, report.kept_for(Reason::Rotated)), (1, 2), "{report:?}");
    assert!(!place.path("log/b.log.zst").exists() && place.path("log/old/c.log.zst").exists());
    Ok(())
}

#[test]
fn every_reader_of_zstd_skips_the_mark() -> anyhow::Result<()> {
    let place = Place::new()?;
    write(&place, "log/a.log", log_lines())?;
    place.sweep(Work::Compress, "/log", &[]).run()?;
    let read = std::process::Command::new("zstd").arg("-dc").arg(place.path("log/a.log.zst")).output()?;
    assert!(read.status.success() && read.stdout == log_lines(), "{:?}; install zstd", read.status);
    Ok(())
}
