//! A command that runs until it is interrupted, once it said what it waits for.

use super::Run;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Where the command says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The standard output.
    Output,
    /// The standard error.
    Error,
}

/// The command.
pub struct Waiting {
    child: Child,
    stream: Stream,
    stdout: BufReader<std::process::ChildStdout>,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Waiting {
    /// Starts the command and reads the stream until it says `what`.
    #[track_caller]
    pub fn until(command: &mut Command, stream: Stream, what: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains(what) {
            let length = match stream {
                Stream::Output => stdout.read_line(&mut said),
                Stream::Error => stderr.read_line(&mut said),
            };
            assert!(length.unwrap() > 0, "it ended without {what:?}:\n{said}");
        }
        Self { child, stream, stdout, stderr, said }
    }

    /// Kills it, as a crash does.
    pub fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Reads on until `is` likes a line.
    #[track_caller]
    pub fn and_until(&mut self, is: impl Fn(&str) -> bool) {
        loop {
            let before = self.said.len();
            let length = match self.stream {
                Stream::Output => self.stdout.read_line(&mut self.said),
                Stream::Error => self.stderr.read_line(&mut self.said),
            };
            assert!(length.unwrap() > 0, "it ended too soon:\n{}", self.said);
            if is(&self.said[before..]) {
                return;
            }
        }
    }

    /// Kills it, as a crash does, and reads what it said until then.
    pub fn killed_and_read(mut self) -> Run {
        self.child.kill().unwrap();
        self.finished()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Interrupts it as Ctrl-C does and reads the rest.
    pub fn interrupted(self) -> Run {
        self.signalled(Signal::INT)
    }

    /// Sends it the signal and reads the rest.
    pub fn signalled(self, signal: Signal) -> Run {
        self.signal(signal);
        self.finished()
    }

    /// Sends it the signal twice, as `timeout` and closing terminals do, and reads the rest.
    pub fn signalled_twice(self, signal: Signal) -> Run {
        self.signal(signal);
        self.signal(signal);
        self.finished()
    }

    /// Sends it the signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads the rest until it ends.
    pub fn finished(mut self) -> Run {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        match self.stream {
            Stream::Output => stdout = self.said,
            Stream::Error => stderr = self.said,
        }
        self.stderr.read_to_string(&mut stderr).unwrap();
        self.stdout.read_to_string(&mut stdout).unwrap();
        Run { status: self.child.wait().unwrap().code(), stdout, stderr }
    }
}
