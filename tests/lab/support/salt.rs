//! A Salt master and minions on hosts of the lab, as a package would have installed them below each host's root.

use super::host::Host;
use super::waiting::eventually;
use crate::installed::environment;
use serde_json::Value;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What runs the states of nodes.
pub fn salt_call() -> String {
    environment().join("bin/salt-call").display().to_string()
}

impl Host {
    /// Installs a Salt master, and starts it by hand: no service manager keeps it.
    pub fn install_salt_master(&self) {
        let root = self.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        // The two ports are Salt's own; the agent's metrics would have the second one.
        self.write("etc/eos/cluster.yaml.d/port.yaml", "node: {agent_port: 4516}\n");
        self.write(
            "etc/salt/master",
            &format!(
                "root_dir: {root}\ninterface: {}\nuser: root\nworker_threads: 3\nfile_roots: {{base: [{root}/srv/salt]}}\n\
                 pillar_roots: {{base: [{root}/srv/pillar]}}\n",
                self.address
            ),
        );
        self.write("srv/pillar/top.sls", "base: {'*': [site]}\n");
        self.write("srv/pillar/site.sls", "site: fleet\n");
        self.write("srv/salt/top.sls", "base: {}\n");
        self.start_salt("salt-master");
        let key = || fs::read_dir(self.path("etc/salt/pki/master")).ok()?.flatten().next();
        eventually("the Salt master has a key", || {
            key().map(drop).ok_or_else(|| self.salt_log("salt-master"))
        });
    }

    /// Installs a minion, which does not run.
    pub fn install_minion(&self, settings: &str) {
        let root = self.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        self.write("etc/salt/minion", &format!("root_dir: {root}\nuser: root\n{settings}"));
        let text = format!(
            "[Service]\nExecStart={} -c {}\nRestart=on-failure\n[Install]\nWantedBy=multi-user.target\n",
            environment().join("bin/salt-minion").display(),
            self.path("etc/salt").display()
        );
        self.write("etc/systemd/system/salt-minion.service", &text);
    }

    /// Starts a daemon of Salt by hand.
    pub fn start_salt(&self, name: &str) {
        let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
        let mut command = self.program(environment().join("bin").join(name));
        command.arg("-c").arg(self.path("etc/salt")).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut daemon = command.spawn().unwrap();
        let pid = self.path(&format!("{name}.pid"));
        fs::write(pid, daemon.id().to_string()).unwrap();
        std::thread::spawn(move || daemon.wait());
    }

    /// Ends a daemon of Salt that was started by hand, with its children.
    pub fn end_salt(&self, name: &str) {
        let pid: i32 = self.read(&format!("{name}.pid")).parse().unwrap();
        let group = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        eventually("it has ended", || {
            let alive = rustix::process::test_kill_process_group(group).is_ok();
            if alive { Err(format!("{name} still runs")) } else { Ok(()) }
        });
    }

    /// What a daemon of Salt that was started by hand said.
    pub fn salt_log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default()
    }

    /// Runs a program of Salt on the host.
    pub fn salt(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.program(environment().join("bin").join(program));
        command.arg("-c").arg(self.path("etc/salt")).args(arguments).stdin(Stdio::null());
        command.output().unwrap()
    }

    fn program(&self, path: PathBuf) -> Command {
        let mut command = self.command_of(path.to_str().unwrap());
        command.env("PYTHONWARNINGS", "ignore");
        command
    }

    /// What it says as JSON.
    #[track_caller]
    pub fn salt_says(&self, program: &str, arguments: &[&str]) -> Value {
        let output = self.salt(program, &[&["--out=json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// The names of minions whose keys are in this state: `minions`, `minions_pre`.
    pub fn keys(&self, state: &str) -> Vec<String> {
        let listed = self.salt_says("salt-key", &["--list-all"]);
        let names = listed[state].as_array().cloned().unwrap_or_default();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}
