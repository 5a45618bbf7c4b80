//! Machines for tests: a root directory, a loopback address, and the real binary run on them.

mod before;
pub mod waiting;

use eos::host::inventory::Inventory;
use eos::host::root::Root;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The binary under test.
pub const EOS: &str = env!("CARGO_BIN_EXE_eos");

/// What a command did.
#[derive(Debug)]
pub struct Run {
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("eos prints UTF-8");
        Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Run {
    /// The same, when it ended with this status.
    #[track_caller]
    pub fn ends_with(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The last line of the standard output, after every line was parsed as JSON.
    #[track_caller]
    pub fn verdict(&self) -> Value {
        let lines: Vec<Value> = self
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in the line {line:?}")))
            .collect();
        let verdict = lines.last().unwrap_or_else(|| panic!("no verdict; stderr:\n{}", self.stderr));
        for key in ["schema", "command", "outcome", "result"] {
            assert!(verdict.get(key).is_some(), "no {key} in {verdict}");
        }
        verdict.clone()
    }
}

/// A machine: removed with everything that runs on it when it is dropped.
pub struct Machine {
    directory: TempDir,
    /// Its address, unique among all tests.
    pub address: String,
    /// Its name.
    pub name: String,
}

impl Machine {
    /// A machine with nothing under its root.
    pub fn empty(address: &str, name: &str) -> Self {
        let directory = TempDir::with_prefix("eos-it-").unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory, address: address.to_owned(), name: name.to_owned() }
    }

    /// A machine that somebody used before: files of others, also where eos will write.
    pub fn used(address: &str, name: &str) -> Self {
        let machine = Self::empty(address, name);
        before::put(&machine);
        machine
    }

    /// Writes a file, its directories included.
    pub fn put(&self, path: &str, text: &str, mode: u32) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A path under the root.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join(inside)
    }

    /// The root as the library knows it.
    pub fn root(&self) -> Root {
        Root::new(self.directory.path()).unwrap()
    }

    /// Everything under the root: path, type, mode, owner and content.
    pub fn tree(&self) -> Inventory {
        Inventory::of(&self.root(), &[""]).unwrap()
    }

    /// A command on this machine, without a token or a setting of whoever runs the tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(EOS);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EOS_")) {
            command.env_remove(name);
        }
        command.arg("--root").arg(self.directory.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command on this machine to its end.
    pub fn eos(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// The arguments that make it the first node.
    pub fn first_node(&self) -> Vec<&str> {
        vec!["bootstrap", "--single-node", "--advertise-address", &self.address, "--node-name", &self.name]
    }

    /// The arguments that make it a member of the master's cluster.
    pub fn join<'a>(&'a self, master: &'a Machine) -> Vec<&'a str> {
        let mut arguments = vec!["bootstrap", "--join-cluster", &master.address];
        arguments.extend(["--advertise-address", &self.address, "--node-name", &self.name]);
        arguments
    }

    /// Makes it the first node.
    #[track_caller]
    pub fn found(&self) {
        self.eos(&self.first_node()).ends_with(0);
    }

    /// A token of its cluster.
    #[track_caller]
    pub fn token(&self) -> String {
        let run = self.eos(&["token", "create", "--output", "json"]).ends_with(0);
        run.verdict()["result"]["token"].as_str().unwrap().to_owned()
    }

    /// What `eos status` tells of it.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.eos(&["status", "--output", "json"]).ends_with(0).verdict()["result"].clone()
    }

    /// The processes that run on this machine, by the root among their arguments.
    pub fn processes(&self) -> Vec<i32> {
        let root = self.directory.path().to_str().unwrap().as_bytes();
        let of_machine = |pid: &i32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|argument| argument == root)
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(of_machine).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let ended = eventually(Duration::from_secs(10), || {
            let running = self.processes();
            for pid in running.iter().filter_map(|pid| rustix::process::Pid::from_raw(*pid)) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            running.is_empty()
        });
        if !ended && !std::thread::panicking() {
            panic!("processes of {} cannot be ended", self.directory.path().display());
        }
    }
}

/// The same command as a terminal starts it: it hears the signals that whoever runs the tests may ignore, as `nohup`
/// does.
pub fn in_the_foreground(command: &Command) -> Command {
    let mut same = Command::new("env");
    same.arg("--default-signal=INT,HUP,TERM").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => same.env(name, value),
            None => same.env_remove(name),
        };
    }
    same.stdin(Stdio::null());
    same
}

/// Whether the condition comes to hold before the limit.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    let (_keep, never) = mpsc::channel::<()>();
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        let _ = never.recv_timeout(Duration::from_millis(20));
    }
}

/// Asserts that nothing under a root is different.
#[track_caller]
pub fn assert_same(before: &Inventory, now: &Inventory, what: &str) {
    let difference = before.difference(now);
    assert!(difference.is_empty(), "{what}: not as before:\n  {}", difference.join("\n  "));
}

/// A file of the package.
pub fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
