//! A writer that never rests: what is captured is of one moment, and the writer is held off no longer than it must.

use super::pausing::AtFirstByte;
use super::*;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// How many captures are made beside the writer.
const CAPTURES: usize = 6;

/// How many pairs the writer keeps.
const KEPT: u64 = 40;

/// A program that keeps pairs of files, the number of the last pair and perhaps a log in step, and stops when it is
/// asked to.
struct Writer {
    /// Whether it writes a log, line by line in the same file.
    logs: bool,
    top: PathBuf,
    folder: PathBuf,
    over: AtomicBool,
    /// The last pair, and told when it changes.
    last: (Mutex<u64>, Condvar),
    /// The last pair when it was held off.
    held: AtomicU64,
}

impl Writer {
    fn new(site: &Site, logs: bool) -> Self {
        let (top, folder) = (site.path("srv/metrics"), site.path("log"));
        for name in ["a", "b"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        for pipe in ["stopped", "go"] {
            let mode = rustix::fs::Mode::RWXU;
            rustix::fs::mknodat(rustix::fs::CWD, folder.join(pipe), rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
        }
        let last = (Mutex::new(0), Condvar::new());
        Self { logs, top, folder, over: AtomicBool::new(false), last, held: AtomicU64::new(0) }
    }

    /// A hook that returns once the writer stands still, and one that lets it go on.
    fn hooks(&self, site: &mut Site) {
        let folder = self.folder.display();
        let stop = format!("touch {folder}/hold; read stopped < {folder}/stopped");
        let go = format!("rm {folder}/hold; echo go > {folder}/go");
        site.source.hooks.before_capture = Some(site.hook("before", &stop));
        site.source.hooks.after_capture = Some(site.hook("after", &go));
    }

    /// Puts a file in place with one rename, as files that are never written to again come to be.
    fn put(&self, name: &str, text: &str) {
        fs::write(self.folder.join("fresh"), text).unwrap();
        fs::rename(self.folder.join("fresh"), self.top.join(name)).unwrap();
    }

    fn write(&self) {
        let mut log = self.logs.then(|| fs::File::create(self.top.join("log")).unwrap());
        for number in 1.. {
            self.put(&format!("a/{number}"), &format!("{number}"));
            if let Some(log) = &mut log {
                writeln!(log, "{number}").unwrap();
            }
            self.put(&format!("b/{number}"), &format!("{number}"));
            if number > KEPT {
                for name in ["a", "b"] {
                    fs::remove_file(self.top.join(format!("{name}/{}", number - KEPT))).unwrap();
                }
            }
            self.put("last", &format!("{number}"));
            *self.last.0.lock().unwrap() = number;
            self.last.1.notify_all();
            if self.folder.join("hold").exists() {
                self.held.store(number, Ordering::SeqCst);
                fs::write(self.folder.join("stopped"), "stopped\n").unwrap();
                let mut word = String::new();
                fs::File::open(self.folder.join("go")).unwrap().read_to_string(&mut word).unwrap();
                assert_eq!(word, "go\n");
            }
            if self.over.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Waits until it has written more than when it was held off.
    fn has_gone_on(&self) -> bool {
        let held = self.held.load(Ordering::SeqCst);
        let last = self.last.0.lock().unwrap();
        let waited = self.last.1.wait_timeout_while(last, Duration::from_secs(20), |last| *last <= held);
        !waited.unwrap().1.timed_out()
    }

    fn wait_for_more(&self) {
        let last = self.last.0.lock().unwrap();
        let before = *last;
        let wait = self.last.1.wait_timeout_while(last, Duration::from_secs(20), |last| *last < before + 3);
        assert!(!wait.unwrap().1.timed_out(), "the writer stands still");
    }
}

/// What is in a tree is of the moment when so many pairs had been written.
fn assert_of_one_moment(tree: &Path, number: u64, logs: bool) {
    let read = |name: &str| fs::read_to_string(tree.join(name)).unwrap();
    assert_eq!(read("last"), number.to_string());
    if logs {
        let lines: Vec<String> = (1..=number).map(|line| line.to_string()).collect();
        assert_eq!(read("log").lines().collect::<Vec<_>>(), lines, "every line of the log");
    }
    let expected: Vec<u64> = (number.saturating_sub(KEPT) + 1..=number).collect();
    for name in ["a", "b"] {
        let mut pairs: Vec<u64> = fs::read_dir(tree.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().parse().unwrap())
            .collect();
        pairs.sort_unstable();
        assert_eq!(pairs, expected, "{name}");
        assert!(pairs.iter().all(|pair| read(&format!("{name}/{pair}")) == pair.to_string()), "{name}");
    }
}

/// Ends the writer, also when the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Captures again and again beside the writer; says of each whether it wrote again before a byte was read.
fn beside_a_writer(extra: &str, logs: bool) -> Vec<bool> {
    let mut site = Site::of(extra);
    let writer = Writer::new(&site, logs);
    writer.hooks(&mut site);
    let went_on = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let _ends = Ends(&writer.over);
        scope.spawn(|| writer.write());
        let mut moments = vec![0];
        for _ in 0..CAPTURES {
            writer.wait_for_more();
            let look = || {
                let heard = site.heard();
                let goes_on = heard.last().is_some_and(|last| last == "after");
                went_on.lock().unwrap().push(goes_on && writer.has_gone_on());
            };
            let sink = AtFirstByte::new(&look);
            let made = site.create_with(&sink).unwrap();
            assert!(made.paused.is_some() && !made.unchanged);
            let held = writer.held.load(Ordering::SeqCst);
            assert_of_one_moment(&site.restored(&made.id).join("metrics"), held, logs);
            moments.push(held);
        }
        assert!(moments.windows(2).all(|pair| pair[0] + 2 < pair[1]), "it writes in between: {moments:?}");
    });
    assert_eq!(site.heard(), ["before", "after"].repeat(CAPTURES));
    site.is_clear();
    went_on.into_inner().unwrap()
}

#[test]
fn beside_a_writer_that_never_rests_each_capture_is_of_one_moment_and_it_goes_on_before_a_byte_is_read() {
    let went_on = beside_a_writer(", write_once: ['*']", false);
    assert_eq!(went_on, [true; CAPTURES]);
}

#[test]
fn a_writer_in_place_stands_still_until_its_last_byte_is_read_and_each_capture_is_of_one_moment() {
    let site = Site::of("");
    site.write("a", "content");
    let here = Directory::open(&site.path("srv/metrics")).unwrap();
    let clones = here.clone_file(OsStr::new("a"), &here, OsStr::new("clone")).unwrap();
    assert_eq!(beside_a_writer("", true), [clones; CAPTURES]);
}
