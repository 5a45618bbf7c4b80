//! A lab: hosts with their own addresses on one bridge, in namespaces of this test alone.

use super::host::Host;
use super::network::Namespace;
use super::running::Transcript;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Programs that the lab runs, with the package of each.
const PROGRAMS: [(&str, &str, &str); 3] =
    [("ip", "-V", "iproute2"), ("nft", "--version", "nftables"), ("faketime", "--version", "faketime")];

/// Hosts on one bridge; everything of them ends with it.
pub struct Lab {
    hosts: Vec<Host>,
    // After the hosts: their ends of the cables go first.
    switch: Namespace,
    prefix: String,
    transcript: Transcript,
}

impl Lab {
    /// So many hosts: the first is called `node1` and has the address 10.77.0.11.
    pub fn new(hosts: usize) -> Self {
        for (program, version, package) in PROGRAMS {
            let there = Command::new(program).arg(version).output().is_ok();
            assert!(there, "{program} is missing: apt-get install --no-install-recommends {package}");
        }
        static LABS: AtomicU32 = AtomicU32::new(0);
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("eoslab-{}-{number}", std::process::id());
        let switch = Namespace::new(format!("{prefix}-sw"));
        switch.ip(&["link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
        switch.ip(&["link", "set", "br0", "up"]);
        let mut lab = Self { hosts: Vec::new(), switch, prefix, transcript: Transcript::default() };
        for _ in 0..hosts {
            lab.add();
        }
        lab
    }

    /// One more host.
    pub fn add(&mut self) -> &mut Host {
        let number = self.hosts.len() + 1;
        let namespace = Namespace::new(format!("{}-n{number}", self.prefix));
        let (port, address) = (format!("p{number}"), format!("10.77.0.{}", 10 + number));
        let cable = ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace.name];
        self.switch.ip(&cable);
        self.switch.ip(&["link", "set", &port, "master", "br0", "up"]);
        namespace.ip(&["addr", "add", &format!("{address}/24"), "broadcast", "+", "dev", "eth0"]);
        namespace.ip(&["link", "set", "eth0", "up"]);
        namespace.ip(&["route", "add", "default", "dev", "eth0"]);
        self.hosts.push(Host::new(number, address, namespace, self.transcript.clone()));
        self.hosts.last_mut().expect("it was put there")
    }

    /// Moves the host of this number to a network of its own behind a router, 10.78.0.0/24.
    pub fn move_behind_a_router(&self, number: usize) {
        let host = self.host(number);
        self.switch.ip(&["link", "add", "br1", "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
        for (bridge, address) in [("br0", "10.77.0.1/24"), ("br1", "10.78.0.1/24")] {
            self.switch.ip(&["link", "set", bridge, "up"]);
            self.switch.ip(&["addr", "add", address, "dev", bridge]);
        }
        let forward = "echo 1 >/proc/sys/net/ipv4/ip_forward";
        let done = self.switch.command("sh").args(["-c", forward]).status().expect("sh runs");
        assert!(done.success(), "{forward}");
        self.switch.ip(&["link", "set", &format!("p{number}"), "master", "br1"]);
        host.ip(&["addr", "flush", "dev", "eth0", "scope", "global"]);
        let address = host.address.replace("10.77.", "10.78.");
        host.ip(&["addr", "add", &format!("{address}/24"), "dev", "eth0"]);
        host.ip(&["route", "add", "default", "via", "10.78.0.1"]);
        for other in self.hosts.iter().filter(|other| other.name != host.name) {
            other.ip(&["route", "replace", "default", "via", "10.77.0.1"]);
        }
    }

    /// Puts the hosts of these numbers on a bridge of their own, apart from all others.
    pub fn part(&self, numbers: &[usize]) {
        self.switch.ip(&["link", "add", "br2", "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
        self.switch.ip(&["link", "set", "br2", "up"]);
        self.plug("br2", numbers);
    }

    /// Puts them back.
    pub fn unite(&self, numbers: &[usize]) {
        self.plug("br0", numbers);
    }

    fn plug(&self, bridge: &str, numbers: &[usize]) {
        for number in numbers {
            self.switch.ip(&["link", "set", &format!("p{number}"), "master", bridge]);
        }
    }

    /// The hosts of a lab with so many.
    pub fn hosts<const N: usize>(&self) -> [&Host; N] {
        let all: Vec<&Host> = self.hosts.iter().collect();
        all.try_into().unwrap_or_else(|all: Vec<_>| panic!("the lab has {} hosts", all.len()))
    }

    /// The host of this number, the first is 1.
    pub fn host(&self, number: usize) -> &Host {
        &self.hosts[number - 1]
    }

    /// The host of this number, to be changed.
    pub fn host_mut(&mut self, number: usize) -> &mut Host {
        &mut self.hosts[number - 1]
    }

    /// All hosts.
    pub fn all(&self) -> &[Host] {
        &self.hosts
    }

    /// Everything that every command wrote so far.
    pub fn transcript(&self) -> String {
        self.transcript.lock().expect("no test panics while it holds it").clone()
    }
}
