//! A network of hosts: namespaces joined by a bridge that lives in a namespace too, so that nothing
//! of it touches the machine's own network.
//!
//! All that a lab makes carries the number of the process that made it, and what a process left that
//! was killed is removed by the next one.

use super::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

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
    for folder in ["/run/netns", env!("CARGO_TARGET_TMPDIR")] {
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

/// Removes namespaces, control groups and folder of the lab of that name. It goes on where something
/// is gone already: half of a lab may be left.
fn remove(name: &str) {
    let spaces = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for space in spaces.filter_map(|entry| entry.file_name().into_string().ok()) {
        if space.starts_with(&format!("{name}-")) {
            tools::output(&["ip", "netns", "delete", &space]);
        }
    }
    for tree in control_trees() {
        let groups = fs::read_dir(&tree).into_iter().flatten().flatten();
        for group in
            groups.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{name}-")))
        {
            remove_groups(&group.path());
        }
    }
    if let Err(error) = fs::remove_dir_all(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)) {
        println!("{name} is not removed: {error}");
    }
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
