//! A command of eos that runs, and what it says line by line.

use super::outcome::Outcome;
use super::waiting::LIMIT;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Everything that every command of a lab wrote.
pub type Transcript = Arc<Mutex<String>>;

enum Line {
    Out(String),
    Err(String),
}

/// A command that runs; killed when dropped.
pub struct Running {
    what: String,
    child: Child,
    lines: Receiver<Line>,
    said: Vec<Value>,
    stderr: String,
    transcript: Transcript,
}

impl Running {
    /// Starts the command.
    pub fn start(what: String, command: &mut Command, transcript: Transcript) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        let (sender, lines) = channel();
        read_lines(child.stdout.take().expect("it is piped"), Line::Out, sender.clone());
        read_lines(child.stderr.take().expect("it is piped"), Line::Err, sender);
        Self { what, child, lines, said: Vec::new(), stderr: String::new(), transcript }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it tells an event like this one and returns it.
    pub fn wait_for(&mut self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.next_line(deadline) {
                Some(Some(value)) if like(&value) => return value,
                Some(_) => {}
                None => {
                    panic!("{} ended before it told of {what}: {:?}\n{}", self.what, self.said, self.stderr)
                }
            }
        }
    }

    /// Waits until it says that a step begins.
    pub fn wait_for_step(&mut self, step: &str) {
        self.wait_for(step, |event| event["event"] == "step_started" && event["step"] == step);
    }

    /// Waits until it waits for something with these words, and returns the cause.
    pub fn wait_for_wait(&mut self, words: &str) -> String {
        let like = |event: &Value| {
            event["event"] == "waiting" && event["cause"].as_str().is_some_and(|cause| cause.contains(words))
        };
        self.wait_for(words, like)["cause"].as_str().expect("it was compared").to_owned()
    }

    /// Sends it the signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id fits");
        let process = rustix::process::Pid::from_raw(id).expect("a process id is positive");
        rustix::process::kill_process(process, signal).expect("it is our child");
    }

    /// Waits until it ends.
    pub fn finish(mut self) -> Outcome {
        let deadline = Instant::now() + LIMIT;
        while self.next_line(deadline).is_some() {}
        let status = self.child.wait().expect("it is our child");
        let (said, stderr) = (std::mem::take(&mut self.said), std::mem::take(&mut self.stderr));
        Outcome::new(self.what.clone(), status.code().unwrap_or(-1), said, stderr)
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) -> Outcome {
        self.child.kill().expect("it is our child");
        self.finish()
    }

    /// The next line: none at the end, an empty one from the standard error.
    fn next_line(&mut self, deadline: Instant) -> Option<Option<Value>> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = match self.lines.recv_timeout(left) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("{} took over {LIMIT:?}: {:?}\n{}", self.what, self.said, self.stderr)
            }
        };
        let (Line::Out(text) | Line::Err(text)) = &line;
        let mut transcript = self.transcript.lock().expect("no test panics while it holds it");
        transcript.push_str(text);
        transcript.push('\n');
        drop(transcript);
        match line {
            Line::Err(text) => {
                self.stderr.push_str(&text);
                self.stderr.push('\n');
                Some(None)
            }
            Line::Out(text) => {
                let value: Value = serde_json::from_str(&text)
                    .unwrap_or_else(|error| panic!("{}: {error} in {text:?}", self.what));
                self.said.push(value.clone());
                Some(Some(value))
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stream: impl Read + Send + 'static, wrap: fn(String) -> Line, sender: Sender<Line>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(wrap(line)).is_err() {
                return;
            }
        }
    });
}
