//! Two hosts made into a cluster the way an operator does it: one command here, the printed one there.

use super::conditions::until;
use super::host::Host;
use super::lab::Lab;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long a cluster may take to be as it is wanted.
pub const SETTLE: Duration = Duration::from_secs(60);

/// The services of the host with the master; the others have those after the first.
const SERVICES: [&str; 3] = ["eos-master", "eos-agent", "eos-storage-monitor"];

/// The first host has the master. Hosts end before their network does.
pub struct Cluster {
    pub first: Host,
    pub second: Host,
    /// What bootstrap printed at its end on the first host.
    pub printed: String,
    _lab: Lab,
}

impl Cluster {
    /// Boots the hosts and makes them a cluster.
    pub fn up() -> Self {
        let lab = Lab::new(2);
        let hosts = [1, 2].map(|number| Host::boot(&lab, number));
        Self::of(lab, hosts)
    }

    /// Makes hosts a cluster that are up.
    pub fn of(lab: Lab, hosts: [Host; 2]) -> Self {
        let [first, second] = hosts;
        Self { first, second, printed: String::new(), _lab: lab }.found()
    }

    /// Makes the hosts a cluster.
    pub fn found(mut self) -> Self {
        self.printed =
            timed("bootstrap of the first node", || self.first.run(&["eos", "bootstrap", "--single-node"]));
        timed("join of the second node", || self.join());
        timed("settling", || self.settled());
        self
    }

    /// Runs the command that bootstrap printed last on the second host.
    pub fn join(&self) -> String {
        let command = self.printed.lines().next_back().expect("a join command is printed");
        let argv: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(argv[..2], ["eos", "bootstrap"], "{command}");
        self.second.run(&argv)
    }

    /// Both hosts, with the services of each.
    pub fn hosts(&self) -> [(&Host, &'static [&'static str]); 2] {
        [(&self.first, &SERVICES), (&self.second, &SERVICES[1..])]
    }

    /// Returns when both hosts see two members that converged, and every service is healthy.
    pub fn settled(&self) {
        for (host, services) in self.hosts() {
            until(&format!("host {} sees a healthy cluster", host.number()), SETTLE, || {
                let status = host.try_eos(&["status"])?;
                match is_healthy(&status["result"], services) {
                    true => Ok(()),
                    false => Err(format!("{status}; of eos-apply: {}", host.journal("eos-apply"))),
                }
            });
        }
    }
}

fn is_healthy(status: &Value, services: &[&str]) -> bool {
    let list = |name: &str| status[name].as_array().cloned().unwrap_or_default();
    let nodes = list("nodes");
    let members = nodes.iter().all(|node| {
        node["state"] == "active" && node["converged"] == true && node["storage_level"].is_string()
    });
    let seen: Vec<_> = list("services");
    let up = seen.iter().all(|service| service["healthy"] == true);
    nodes.len() == 2 && members && up && seen.len() == services.len() && status["local"]["monitor"].is_null()
}

/// Does it, and prints how long that took.
pub fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    println!("{what}: {} ms", began.elapsed().as_millis());
    result
}
