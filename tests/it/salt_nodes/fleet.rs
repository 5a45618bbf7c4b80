//! A Salt fleet: a real master and real minions on loopback, each with directories of its own, killed when dropped.

use crate::salt::installed::environment;
use crate::support::eventually;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a daemon of Salt may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The fleet.
pub struct Fleet {
    directory: TempDir,
    programs: PathBuf,
    daemons: Vec<Child>,
}

impl Fleet {
    /// A master on this address that serves the tree of states, with this pillar for all minions.
    pub fn new(address: &str, states: &Path, pillar: &str) -> Self {
        let mut fleet = Self {
            directory: TempDir::with_prefix("eos-salt-").unwrap(),
            programs: environment().join("bin"),
            daemons: Vec::new(),
        };
        fleet.put("pillar/top.sls", "base: {'*': [eos]}\n");
        fleet.put("pillar/eos.sls", pillar);
        let config = format!(
            "root_dir: {}\ninterface: {address}\npublish_port: 14505\nret_port: 14506\nworker_threads: 3\nuser: root\n\
             file_roots: {{base: [{}]}}\npillar_roots: {{base: [{}]}}\n",
            fleet.path("master/run").display(),
            states.display(),
            fleet.path("pillar").display()
        );
        fleet.put("master/master", &config);
        fleet.daemon("salt-master", "master");
        fleet
    }

    /// Starts a minion of this name and waits until it asks the master for its acceptance.
    #[track_caller]
    pub fn minion(&mut self, address: &str, name: &str) {
        // Ten seconds otherwise, which the minion sleeps after its first refusal.
        let config = format!(
            "root_dir: {}\nmaster: {address}\npublish_port: 14505\nmaster_port: 14506\nid: {name}\n\
             acceptance_wait_time: 1\nuser: root\n",
            self.path(&format!("{name}/run")).display()
        );
        self.put(&format!("{name}/minion"), &config);
        self.daemon("salt-minion", name);
        let asks = self.path(&format!("master/run/etc/salt/pki/master/minions_pre/{name}"));
        assert!(eventually(PATIENCE, || asks.exists()), "{}", self.logs());
    }

    /// Runs a program of Salt on the master's host.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let config = self.path("master");
        self.command(program).arg("-c").arg(config).args(arguments).output().unwrap()
    }

    /// Runs a script as it stands in the documentation, on the host of the eos master with this root: its `eos` is the
    /// program under test, its Salt this one, and its `/var/lib/eos` that of the root, in a mount namespace of its own.
    pub fn script(&self, text: &str, root: &Path) -> Output {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["salt-call", "salt-run"] {
            let line = format!(
                "exec {} -c {} \"$@\"",
                self.programs.join(program).display(),
                self.path("master").display()
            );
            self.executable(&format!("bin/{program}"), &line);
        }
        self.executable("bin/eos", &format!("exec {} --root {} \"$@\"", crate::support::EOS, root.display()));
        let own = root.join("var/lib/eos");
        let mounted = format!(
            "set -eu\nmount -t tmpfs none /var/lib\nmkdir /var/lib/eos\nmount --bind {} /var/lib/eos\n{text}\n",
            own.display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &mounted]).env_clear();
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()));
        command.env("HOME", self.directory.path()).stdin(Stdio::null());
        command.output().unwrap_or_else(|error| panic!("unshare: {error}; apt-get install util-linux"))
    }

    fn executable(&self, inside: &str, line: &str) {
        self.put(inside, &format!("#!/bin/sh\n{line}\n"));
        fs::set_permissions(self.path(inside), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", self.directory.path());
        command.stdin(Stdio::null());
        command
    }

    fn daemon(&mut self, program: &str, name: &str) {
        let log = fs::File::create(self.path(&format!("{name}/log"))).unwrap();
        let mut command = self.command(program);
        command.arg("-c").arg(self.path(name)).process_group(0);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.daemons.push(command.spawn().unwrap());
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join(inside)
    }

    fn put(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn logs(&self) -> String {
        let entries = fs::read_dir(self.directory.path()).unwrap().flatten();
        entries.filter_map(|entry| fs::read_to_string(entry.path().join("log")).ok()).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            // Its children too: a master has ten, and ends only after ten seconds by itself.
            let _ = kill_process_group(Pid::from_child(daemon), Signal::KILL);
            let _ = daemon.wait();
        }
    }
}
