//! A host of the lab: an address, a root of its own, and the program under test.

use super::network::{Cut, Namespace};
use super::outcome::Outcome;
use super::running::{Running, Transcript};
use super::waiting::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Seconds of silence after which an impatient master takes a node to be gone.
const SILENT_SECONDS: u64 = 5;

/// The variables under which a process believes that it is another time: `-10m`, `+1y`.
pub fn fake_clock(offset: &str) -> Vec<(String, String)> {
    let library = "faketime/libfaketimeMT.so.1";
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let library = folders.iter().map(|folder| Path::new(folder).join(library)).find(|path| path.exists());
    let library = library.expect("libfaketime is missing: apt-get install --no-install-recommends faketime");
    [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", offset.to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A host.
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Variables for its commands.
    pub environment: Vec<(String, String)>,
    root: TempDir,
    namespace: Namespace,
    transcript: Transcript,
}

impl Host {
    pub(super) fn new(number: usize, address: String, namespace: Namespace, transcript: Transcript) -> Self {
        let name = format!("node{number}");
        let host = Self { name, address, environment: Vec::new(), root: new_root(), namespace, transcript };
        host.set_machine_id(&uuid::Uuid::new_v4().simple().to_string());
        host
    }

    /// Gives it this machine-id.
    pub fn set_machine_id(&self, id: &str) {
        std::fs::create_dir_all(self.path("etc")).expect("the root is ours");
        std::fs::write(self.path("etc/machine-id"), format!("{id}\n")).expect("the root is ours");
    }

    /// Its machine-id.
    pub fn machine_id(&self) -> String {
        self.read("etc/machine-id").trim().to_owned()
    }

    /// Installs the machine anew: only its machine-id stays. Its processes must have ended.
    pub fn reinstall(&mut self) {
        let id = self.machine_id();
        self.root = new_root();
        self.set_machine_id(&id);
    }

    /// A path below its root.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    /// The text of a file below its root.
    pub fn read(&self, inside: &str) -> String {
        let path = self.path(inside);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes a file below its root.
    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().expect("it is below the root")).expect("the root is ours");
        std::fs::write(path, text).expect("the root is ours");
    }

    /// Starts a command of eos on it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command("json", arguments);
        let what = format!("{}: eos {}", self.name, arguments.join(" "));
        Running::start(what, &mut command, self.transcript.clone())
    }

    /// A command of eos on it, with its output in this format.
    pub fn command(&self, format: &str, arguments: &[&str]) -> Command {
        let mut command = self.namespace.command("env");
        // It hears the signals that whoever runs the tests may ignore, as `nohup` does.
        command.args(["--default-signal=INT,HUP,TERM", env!("CARGO_BIN_EXE_eos")]);
        command.arg("--root").arg(self.root.path()).args(["--output", format]).args(arguments);
        command.env_remove("EOS_TOKEN").env_remove("EOS_LOG").envs(self.environment.iter().cloned());
        command
    }

    /// Another program on it.
    pub(super) fn command_of(&self, program: &str) -> Command {
        self.namespace.command(program)
    }

    /// Runs a command of eos on it.
    pub fn eos(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).finish()
    }

    /// Makes it the first node.
    pub fn bootstrap_single(&self) -> Outcome {
        self.eos(&self.single_arguments()).done()
    }

    /// The arguments that make it the first node.
    pub fn single_arguments(&self) -> [&str; 6] {
        ["bootstrap", "--single-node", "--advertise-address", &self.address, "--node-name", &self.name]
    }

    /// Starts to join the cluster of a master.
    pub fn start_join(&self, master: &Host, arguments: &[&str]) -> Running {
        let common = ["bootstrap", "--join-cluster", &master.address, "--node-name", &self.name];
        self.start(&[&common, arguments].concat())
    }

    /// Joins the cluster of a master, or fails to.
    pub fn join(&self, master: &Host, arguments: &[&str]) -> Outcome {
        self.start_join(master, arguments).finish()
    }

    /// The names of the steps of such a join, as it plans them itself.
    pub fn steps_of_join(&self, master: &Host, arguments: &[&str]) -> Vec<String> {
        let planned = self.join(master, &[&["--dry-run"], arguments].concat()).done();
        let steps = planned.result()["steps"].as_array().expect("a list").clone();
        let names: Vec<String> =
            steps.iter().map(|step| step["name"].as_str().expect("a text").to_owned()).collect();
        assert!(names.len() > 2, "{}", planned.story());
        names
    }

    /// Makes a token.
    pub fn token(&self, arguments: &[&str]) -> String {
        self.eos(&[&["token", "create"], arguments].concat()).done().text("token")
    }

    /// What it says of the cluster.
    pub fn status(&self) -> Value {
        self.eos(&["status"]).done().result().clone()
    }

    /// The node of this name in its status.
    pub fn node(&self, name: &str) -> Option<Value> {
        nodes(&self.status()).into_iter().find(|node| node["name"] == name)
    }

    /// The roles of all members by their names, in the order of the names.
    pub fn roles(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
        nodes(&self.status()).iter().map(|node| (text(&node["name"]), text(&node["role"]))).collect()
    }

    /// Waits until so many nodes are members that have applied the newest generation; returns the status.
    pub fn converged(&self, count: usize) -> Value {
        eventually(&format!("{count} members converged, as {} sees it", self.name), || {
            let status = self.status();
            let good = |node: &&Value| node["state"] == "active" && node["converged"] == true;
            let (all, converged) = (nodes(&status).len(), nodes(&status).iter().filter(good).count());
            if (all, converged) == (count, count) { Ok(status) } else { Err(status.to_string()) }
        })
    }

    /// Waits until exactly so many nodes are members, whatever others are known; returns the status.
    pub fn converged_members(&self, count: usize) -> Value {
        eventually(&format!("{count} members converged, as {} sees it", self.name), || {
            let status = self.status();
            let members: Vec<Value> =
                nodes(&status).into_iter().filter(|node| node["state"] == "active").collect();
            let good = members.len() == count && members.iter().all(|node| node["converged"] == true);
            if good { Ok(status) } else { Err(status.to_string()) }
        })
    }

    /// Waits until the master, just started again, has heard of the node.
    pub fn wait_until_heard_of(&self, name: &str) {
        eventually(&format!("{name} reports again"), || {
            let node = self.node(name).ok_or_else(|| "the master does not answer".to_owned())?;
            if node["last_seen_ms"].is_u64() { Ok(()) } else { Err(node.to_string()) }
        });
    }

    /// Has the master, which is not founded yet, take a node to be gone after a few seconds of silence.
    pub fn be_impatient(&self) {
        let text = format!("admission:\n  silent_seconds: {SILENT_SECONDS}\n");
        self.write("etc/eos/cluster.yaml.d/silence.yaml", &text);
    }

    /// Waits until the impatient master has not heard of the node for so long that another may take its
    /// place.
    pub fn wait_until_silent(&self, name: &str) {
        eventually(&format!("{name} is silent"), || {
            let node = self.node(name).ok_or_else(|| "the master does not answer".to_owned())?;
            let silent = node["last_seen_ms"].as_u64().is_some_and(|silent| silent >= SILENT_SECONDS * 1000);
            if silent { Ok(()) } else { Err(node.to_string()) }
        });
    }

    /// The process of a service, if it has one.
    pub fn service_pid(&self, service: &str) -> Option<i32> {
        let text = std::fs::read_to_string(self.path(&format!("run/eos/{service}.pid"))).ok()?;
        let record: Value = serde_json::from_str(&text).ok()?;
        record["child"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok())
    }

    /// Kills a service with SIGKILL; its supervisor starts it again.
    pub fn kill_service(&self, service: &str) {
        let pid = self.service_pid(service).unwrap_or_else(|| panic!("{service} does not run"));
        kill(pid);
    }

    /// Kills every process of the host in whose command this is, also who would start it again.
    pub fn kill_all(&self, program: &str) {
        let command = |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let is_meant = |pid: &i32| String::from_utf8_lossy(&command(pid)).contains(program);
        eventually(&format!("{program} has ended on {}", self.name), || {
            let alive: Vec<i32> = self.processes().into_iter().filter(is_meant).collect();
            alive.iter().copied().for_each(kill);
            if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?}")) }
        });
    }

    /// Has a service stand still: its connections are accepted, and nobody answers.
    pub fn stop_service(&self, service: &str) -> Stopped {
        let pid = self.service_pid(service).unwrap_or_else(|| panic!("{service} does not run"));
        let stopped = Stopped(Pid::from_raw(pid).expect("a process id is positive"));
        kill_process(stopped.0, Signal::STOP).expect("it runs");
        stopped
    }

    /// Ends every process of the host at once, as a crash of the machine does.
    pub fn crash(&self) {
        let mut killed = BTreeSet::new();
        while let alive @ [_, ..] = &self.namespace.processes()[..] {
            alive.iter().copied().for_each(kill);
            killed.extend(alive.iter().copied());
        }
        // A process leaves its namespace before the last of its sockets is closed, and so the port is free again.
        eventually(&format!("all processes of {} have ended", self.name), || {
            killed.iter().copied().try_for_each(ended)
        });
    }

    /// Has its services, none of which runs, start with the variables of its commands from now on.
    pub fn hand_environment_to_services(&self) {
        let lines: Vec<String> =
            self.environment.iter().map(|(name, value)| format!("Environment={name}={value}\n")).collect();
        for service in ["eos-master", "eos-agent", "eos-storage-monitor"] {
            let unit = format!("etc/systemd/system/{service}.service");
            if self.path(&unit).exists() {
                self.write(&format!("{unit}.d/environment.conf"), &format!("[Service]\n{}", lines.concat()));
            }
        }
    }

    /// The ids of all its processes.
    pub fn processes(&self) -> Vec<i32> {
        self.namespace.processes()
    }

    /// Cuts its line.
    pub fn cut(&self, cut: Cut) {
        self.namespace.cut(cut);
    }

    /// Mends its line.
    pub fn heal(&self) {
        self.namespace.heal();
    }

    /// Runs `ip` on it.
    pub fn ip(&self, arguments: &[&str]) {
        self.namespace.ip(arguments);
    }

    /// Adds rules of its firewall.
    pub fn nft(&self, rules: &str) {
        self.namespace.nft(rules);
    }

    /// Runs this on a thread whose sockets are on the host.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.inside(work)
    }

    /// Switches IPv6 off.
    pub fn without_ipv6(&self) {
        let set = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
        let done = self.namespace.command("sh").args(["-c", set]).status().expect("sh runs");
        assert!(done.success(), "{set}");
    }

    /// Takes its IPv4 address and gives it one of IPv6 alone.
    pub fn with_ipv6_alone(&mut self) {
        self.ip(&["addr", "flush", "dev", "eth0", "scope", "global"]);
        self.address = format!("fd00:77::{}", &self.address["10.77.0.".len()..]);
        self.ip(&["addr", "add", &format!("{}/64", self.address), "dev", "eth0", "nodad"]);
    }

    /// A line that joins it to another host, apart from the bridge.
    pub fn join_directly(&self, other: &Self, name: &str) {
        let peer = ["peer", "name", name, "netns", &other.namespace.name];
        self.ip(&[&["link", "add", name, "type", "veth"][..], &peer].concat());
        for host in [self, other] {
            let address = host.address.replace("10.77.0.", "10.79.0.");
            host.ip(&["addr", "add", &format!("{address}/24"), "dev", name]);
            host.ip(&["link", "set", name, "up"]);
        }
    }

    /// What its master counts under this name.
    pub fn counted(&self, name: &str) -> u64 {
        let url = format!("https://{}:4507/metrics", self.address);
        let output = self.namespace.command("curl").args(["-sk", &url]).output();
        let output = output.unwrap_or_else(|error| panic!("curl: {error}; apt-get install curl"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} is not in {text}"))
    }

    /// Gives it one more interface, which leads nowhere, with an address of its own.
    pub fn add_interface(&self, name: &str, address: &str) {
        let peer = format!("{name}-end");
        self.namespace.ip(&["link", "add", name, "type", "veth", "peer", "name", &peer]);
        self.namespace.ip(&["link", "set", &peer, "up"]);
        self.namespace.ip(&["addr", "add", &format!("{address}/24"), "dev", name]);
        self.namespace.ip(&["link", "set", name, "up"]);
    }

    /// From now on it reaches only those on its own network.
    pub fn forget_routes(&self) {
        self.namespace.ip(&["route", "del", "default"]);
    }

    /// Pulls its cable.
    pub fn unplug(&self) {
        self.namespace.ip(&["link", "set", "eth0", "down"]);
    }

    /// Plugs its cable in again.
    pub fn plug_in(&self) {
        self.namespace.ip(&["link", "set", "eth0", "up"]);
        self.namespace.ip(&["route", "replace", "default", "dev", "eth0"]);
    }
}

/// How often the tokens of this master were used, as it counts.
pub fn uses_of_token(master: &Host) -> u64 {
    let listed = master.eos(&["token", "list"]).done();
    let tokens = listed.result()["tokens"].as_array().expect("a list").clone();
    tokens.iter().filter_map(|token| token["used"].as_u64()).sum()
}

/// A process that stands still; it goes on when this is dropped.
pub struct Stopped(Pid);

impl Stopped {
    /// Lets it go on.
    pub fn go_on(self) {
        drop(self);
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

fn nodes(status: &Value) -> Vec<Value> {
    status["nodes"].as_array().cloned().unwrap_or_default()
}

fn kill(pid: i32) {
    let pid = Pid::from_raw(pid).expect("a process id is positive");
    // It may have ended meanwhile, which is what is wanted.
    let _ = kill_process(pid, Signal::KILL);
}

/// Whether a killed process holds nothing any more: it is gone, or all but its first thread are, and that is a zombie.
fn ended(pid: i32) -> Result<(), String> {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return Ok(()) };
    let is_left = ["\nState:\tZ", "\nThreads:\t1\n"].iter().all(|line| status.contains(line));
    is_left.then_some(()).ok_or(status)
}

fn new_root() -> TempDir {
    // Short, since Unix sockets lie in it.
    tempfile::Builder::new().prefix("eoslab").tempdir().expect("there is room for temporary files")
}
