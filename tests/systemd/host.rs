//! A host: a container that systemd boots, on a disk of its own laid over the common root.
//!
//! Its mounts are its own and go with its processes, which its control groups hold together.

use super::conditions::until;
use super::lab::{Lab, control_trees};
use super::{base, tools};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a host may take to boot or to power off.
const BOOT: Duration = Duration::from_secs(60);

/// The status of the container's monitor when the host asked for a reboot.
const REBOOT: i32 = 133;

/// What a shell does before it becomes the container: joins control groups of its own (which hosts
/// would share otherwise) and mounts the disk where only it sees it.
const PREPARE: &str = "set -e; lower=$1 place=$2 groups=$3; shift 3; \
    for group in $groups; do echo $$ > $group/cgroup.procs; done; \
    mount -t overlay overlay -o lowerdir=$lower,upperdir=$place/disk,workdir=$place/work $place/root; \
    exec \"$@\"";

/// One host of a lab.
pub struct Host {
    number: usize,
    space: String,
    place: PathBuf,
    /// What of the machine it sees, without being able to write there: from where, and where.
    shown: Vec<(PathBuf, &'static str)>,
    child: Option<Child>,
    leader: u32,
}

impl Host {
    /// Makes the disk, with eos on it, and boots.
    pub fn boot(lab: &Lab, number: usize) -> Self {
        Self::boot_with(lab, number, Vec::new())
    }

    /// The same, with directories of the machine in it that it only reads.
    pub fn boot_with(lab: &Lab, number: usize, shown: Vec<(PathBuf, &'static str)>) -> Self {
        Self::boot_from(lab, number, shown, &[])
    }

    /// The same, with files on the disk that are there at the first boot.
    pub fn boot_from(
        lab: &Lab,
        number: usize,
        shown: Vec<(PathBuf, &'static str)>,
        files: &[(&str, &str)],
    ) -> Self {
        let (space, place) = (lab.space(number), lab.place(number));
        let mut host = Self { number, space, place, shown, child: None, leader: 0 };
        for folder in ["disk/etc", "disk/usr/local/bin", "work", "root"] {
            fs::create_dir_all(host.place.join(folder)).unwrap();
        }
        fs::write(host.place.join("disk/etc/hostname"), format!("node{number}\n")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_eos"), host.place.join("disk/usr/local/bin/eos")).unwrap();
        files.iter().for_each(|(path, text)| host.put(path, text));
        host.start();
        host
    }

    /// Writes a file on the disk, while the host is not up.
    pub fn put(&self, path: &str, text: &str) {
        assert!(self.child.is_none(), "whoever runs there does not expect it");
        let path = self.place.join("disk").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Boots from the disk as it is, and returns when everything that boots is up.
    pub fn start(&mut self) {
        self.child = Some(self.container().spawn().unwrap());
        self.leader = until(&format!("{} has an init", self.space), BOOT, || self.find_leader());
        until(&format!("{} is up", self.space), BOOT, || {
            match self.output(&["systemctl", "is-system-running"]).trim() {
                "running" => Ok(()),
                "degraded" => panic!("{} failed: {}", self.space, self.output(&["systemctl", "--failed"])),
                state => Err(state.to_owned()),
            }
        });
    }

    fn container(&self) -> Command {
        let mut groups = Vec::new();
        for tree in control_trees() {
            let group = tree.join(&self.space);
            fs::create_dir_all(&group).unwrap();
            groups.push(group.display().to_string());
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", PREPARE, "sh"]);
        command.arg(base::folder()).arg(&self.place).arg(groups.join(" "));
        command.args(["systemd-nspawn", "--quiet", "--boot"]);
        command.arg(format!("--directory={}/root", self.place.display()));
        command.arg(format!("--machine={}", self.space));
        command.arg(format!("--network-namespace-path=/run/netns/{}", self.space));
        command.args(["--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off"]);
        command.args(["--link-journal=no", "--console=pipe"]);
        command.args(self.shown.iter().map(|(from, to)| format!("--bind-ro={}:{to}", from.display())));
        command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        // Parameters of its own network, and no others.
        command.env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network");
        let log = fs::File::options().create(true).append(true).open(self.place.join("boot.log")).unwrap();
        command.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
        command
    }

    /// The process that is the host's first.
    fn find_leader(&mut self) -> Result<u32, String> {
        let child = self.child.as_mut().unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            let log = fs::read_to_string(self.place.join("boot.log")).unwrap_or_default();
            panic!("{} did not boot, {status}:\n{log}", self.space);
        }
        let is_init = |process: &u32| {
            fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.trim() == "systemd")
        };
        children(child.id()).into_iter().find(is_init).ok_or_else(|| "no init yet".to_owned())
    }

    /// Runs a program within the host.
    pub fn try_run(&self, argv: &[&str]) -> Output {
        let leader = self.leader.to_string();
        tools::output(
            &[&["nsenter", "-t", &leader, "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"], argv]
                .concat(),
        )
    }

    /// What a program within the host printed, whether it succeeded or not.
    pub fn output(&self, argv: &[&str]) -> String {
        String::from_utf8_lossy(&self.try_run(argv).stdout).into_owned()
    }

    /// What a unit within the host has said.
    pub fn journal(&self, unit: &str) -> String {
        self.output(&["journalctl", "--no-pager", "--output=cat", "-u", unit])
    }

    /// Runs a program within the host that must succeed; gives what it printed.
    pub fn run(&self, argv: &[&str]) -> String {
        let done = self.try_run(argv);
        let (stdout, stderr) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(
            done.status.success(),
            "on {}: {argv:?} ended with {}:\n{stdout}{stderr}\n{}",
            self.space,
            done.status,
            self.output(&["journalctl", "--no-pager", "--lines=60", "--output=short-precise"])
        );
        stdout.into_owned()
    }

    /// Runs eos, which must succeed; gives the object of its last line.
    pub fn eos(&self, arguments: &[&str]) -> Value {
        self.try_eos(arguments).unwrap_or_else(|failed| panic!("on {}: {arguments:?}: {failed}", self.space))
    }

    /// Runs eos; gives the object of its last line, or what it printed when it failed.
    pub fn try_eos(&self, arguments: &[&str]) -> Result<Value, String> {
        let done = self.try_run(&[&["eos", "--output", "json"], arguments].concat());
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        if !done.status.success() {
            return Err(printed + &String::from_utf8_lossy(&done.stderr));
        }
        let last = printed.lines().next_back().unwrap_or_default();
        serde_json::from_str(last).map_err(|error| format!("{error}: {printed}"))
    }

    /// A property of a service as systemd tells it.
    pub fn property(&self, service: &str, name: &str) -> String {
        self.run(&["systemctl", "show", "--value", "--property", name, service]).trim().to_owned()
    }

    /// Has the host boot anew: its processes end in order and it comes up again by itself.
    pub fn reboot(&mut self) {
        self.try_run(&["systemctl", "reboot"]);
        let status = self.ended();
        assert_eq!(status, Some(REBOOT), "{} did not ask for a reboot", self.space);
        self.start();
    }

    /// Waits until it has powered itself off.
    pub fn off(&mut self) {
        assert_eq!(self.ended(), Some(0), "{} did not power off", self.space);
    }

    /// Takes the power away: every process ends at once.
    pub fn cut_power(&mut self) {
        tools::output(&["kill", "-KILL", &self.leader.to_string()]);
        self.ended();
    }

    fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("the host is up");
        wait(&mut child).unwrap_or_else(|| panic!("{} did not end in time", self.space))
    }

    /// Its number in the lab, from 1.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // The container's monitor ends when its init does, and takes it out of the table of processes.
        tools::output(&["kill", "-KILL", &self.leader.to_string()]);
        if self.leader == 0 || wait(&mut child).is_none() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Its status when it ended in time.
fn wait(child: &mut Child) -> Option<Option<i32>> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.code()),
            Ok(None) if began.elapsed() < BOOT => std::thread::park_timeout(Duration::from_millis(5)),
            Ok(None) | Err(_) => return None,
        }
    }
}

fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let listed = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    listed
        .flat_map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect()
}
