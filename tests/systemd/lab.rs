//! A network of hosts: namespaces joined by a bridge that lives in a namespace too, so that nothing
//! of it touches the machine's own network.
//!
//! All that a lab makes carries the number of the process that made it, and what a process left that
//! was killed is removed by the next one.

use super::conditions::until;
use super::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const PREFIX: &str = "eos-systemd";

static LABS: AtomicU32 = AtomicU32::new(0);

/// The network, and the place of its hosts' disks.
pub struct Lab {
    name: String,
    size: usize,
    folder: PathBuf,
}

impl Lab {
    /// So many hosts, none of them booted.
    pub fn new(size: usize) -> Self {
        tools::insist();
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        if number == 0 {
            sweep();
        }
        let name = format!("{PREFIX}-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
        fs::create_dir_all(&folder).unwrap();
        let lab = Self { name, size, folder };
        lab.lay();
        lab
    }

    fn lay(&self) {
        let switch = format!("{}-0", self.name);
        tools::run(&["ip", "netns", "add", &switch]);
        tools::run(&["ip", "-n", &switch, "link", "add", "bridge", "type", "bridge"]);
        tools::run(&["ip", "-n", &switch, "link", "set", "bridge", "up"]);
        for host in 1..=self.size {
            let (space, port, address) = (self.space(host), format!("port{host}"), Self::address(host));
            let with_length = format!("{address}/24");
            let on_switch = ["ip", "-n", &switch, "link"];
            tools::run(&["ip", "netns", "add", &space]);
            let pair = ["add", &port, "type", "veth", "peer", "name", "eth0", "netns", &space];
            tools::run(&[&on_switch[..], &pair].concat());
            tools::run(&[&on_switch[..], &["set", &port, "master", "bridge", "up"]].concat());
            tools::run(&["ip", "-n", &space, "link", "set", "lo", "up"]);
            tools::run(&["ip", "-n", &space, "address", "add", &with_length, "dev", "eth0"]);
            tools::run(&["ip", "-n", &space, "link", "set", "eth0", "up"]);
            tools::run(&["ip", "-n", &space, "route", "add", "default", "dev", "eth0"]);
        }
    }

    /// The address of a host, counted from 1.
    pub fn address(host: usize) -> String {
        format!("10.79.0.{}", 10 + host)
    }

    /// The name of a host's network namespace.
    pub fn space(&self, host: usize) -> String {
        format!("{}-{host}", self.name)
    }

    /// Where a host keeps its disk.
    pub fn place(&self, host: usize) -> PathBuf {
        self.folder.join(format!("host{host}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Removes what labs left whose process was killed.
fn sweep() {
    let mut names: Vec<String> = Vec::new();
    let mut folders = control_trees();
    folders.extend(["/run/netns", env!("CARGO_TARGET_TMPDIR")].map(PathBuf::from));
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        names.extend(entries.filter_map(|entry| entry.file_name().into_string().ok()));
    }
    for name in names {
        let Some(rest) = name.strip_prefix(&format!("{PREFIX}-")) else { continue };
        let mut parts = rest.split('-');
        let (Some(process), Some(number)) = (parts.next(), parts.next()) else { continue };
        if !Path::new("/proc").join(process).exists() {
            remove(&format!("{PREFIX}-{process}-{number}"));
        }
    }
}

/// Ends the processes of the lab of that name and removes its namespaces, control groups and folder.
/// It goes on where something is gone already: half of a lab may be left.
fn remove(name: &str) {
    for group in groups(name) {
        end_all(&group);
    }
    let spaces = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for space in spaces.filter_map(|entry| entry.file_name().into_string().ok()) {
        if space.starts_with(&format!("{name}-")) {
            tools::output(&["ip", "netns", "delete", &space]);
        }
    }
    for group in groups(name) {
        remove_groups(&group);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if let Err(error) = fs::remove_dir_all(&folder)
        && folder.exists()
    {
        println!("{} is not removed: {error}", folder.display());
    }
}

/// The control groups of the hosts of the lab of that name, in every hierarchy.
fn groups(name: &str) -> Vec<PathBuf> {
    let prefix = format!("{name}-");
    let trees = control_trees();
    let entries = trees.iter().filter_map(|tree| fs::read_dir(tree).ok()).flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect()
}

/// Kills every process of a host's control group, and returns when there is none. Only one of the
/// hierarchies can do that; every process is in it.
fn end_all(group: &Path) {
    if fs::write(group.join("cgroup.kill"), "1").is_err() {
        return;
    }
    until("all processes of the host are gone", Duration::from_secs(20), || {
        let events = fs::read_to_string(group.join("cgroup.events")).unwrap_or_default();
        if events.contains("populated 1") { Err(events) } else { Ok(()) }
    });
}

fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    fs::remove_dir(group).ok();
}

/// Where this machine mounts its hierarchies of control groups that systemd uses.
pub fn control_trees() -> Vec<PathBuf> {
    let hybrid = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"].map(PathBuf::from);
    let found: Vec<PathBuf> = hybrid.into_iter().filter(|tree| tree.exists()).collect();
    if found.is_empty() { vec![PathBuf::from("/sys/fs/cgroup")] } else { found }
}
