//! A command of eos that runs, watched for how long it says nothing.

use super::waiting::LIMIT;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// The longest that a command may say nothing: two seconds, and what a loaded machine needs to wake up.
const SILENCE: Duration = Duration::from_millis(2500);

/// A command that runs; killed when dropped.
pub struct Watched {
    child: Child,
    lines: Receiver<(Instant, String)>,
    last: Instant,
    said: String,
}

impl Watched {
    /// Starts the command.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let (sender, lines) = channel();
        read_lines(child.stdout.take().expect("it is piped"), sender.clone());
        read_lines(child.stderr.take().expect("it is piped"), sender);
        Self { child, lines, last: Instant::now(), said: String::new() }
    }

    /// Reads until a line has these words; false when it ended before.
    pub fn until(&mut self, words: &str) -> bool {
        while let Some(line) = self.line(LIMIT) {
            if line.contains(words) {
                return true;
            }
        }
        false
    }

    /// Reads for so long, in which no two lines may be farther apart than allowed; the lines, and whether it
    /// still runs.
    pub fn never_silent_for(&mut self, time: Duration) -> (Vec<String>, bool) {
        let end = Instant::now() + time;
        let mut read = Vec::new();
        while Instant::now() < end {
            let before = self.last;
            let Some(line) = self.line(SILENCE) else { return (read, false) };
            let gap = self.last - before;
            assert!(gap <= SILENCE, "silent for {gap:?} before {line}\n{}", self.said);
            read.push(line);
        }
        (read, true)
    }

    /// Reads to the end, which must be a success.
    pub fn done(mut self) {
        while self.line(LIMIT).is_some() {}
        let status = self.child.wait().expect("it is our child");
        assert!(status.success(), "{status}\n{}", self.said);
    }

    fn line(&mut self, most: Duration) -> Option<String> {
        match self.lines.recv_timeout(most) {
            Ok((at, line)) => {
                self.last = at;
                self.said.push_str(&line);
                self.said.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("silent for {most:?} after\n{}", self.said),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stream: impl Read + Send + 'static, sender: Sender<(Instant, String)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
}
