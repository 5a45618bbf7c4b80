//! Tests of compression by a sweep.

use super::*;

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
    assert_eq!((report.files, report.kept_for(Reason::NameTaken)), (1, 2), "{report:?}");
    assert!(!log.exists() && half.exists() && other.exists() && cut.exists());
    assert_eq!(zstd::decode_all(fs::File::open(&foreign)?)?, b"other");
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
    assert_eq!((report.files, report.kept_for(Reason::Failed)), (0, 1), "{report:?}");
    assert_eq!(fs::read(directory.join("a.log"))?, text);
    assert_eq!(fs::read_dir(&directory)?.count(), 2);
    drop(mount);
    Ok(())
}
