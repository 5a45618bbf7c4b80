//! Takes every measurement of this machine; changes nothing and takes well under 300 ms on a
//! healthy one, because the slow ones (disk, master) run beside the others.

use crate::host::disk_probe;
use crate::host::facts;
use crate::host::files::{self, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::{routes, sockets, time_sync};
use crate::preflight::address;
use crate::preflight::error::PreflightError;
use crate::preflight::measurements::{
    Answers, MasterMeasured, Measurements, PortMeasured, Previous, Services,
};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// How many durable writes are timed.
const SYNC_WRITES: usize = 20;
/// After how long no further one is begun.
const SYNC_BUDGET: Duration = Duration::from_millis(150);
/// How long to wait for a local command.
const COMMAND_DEADLINE: Duration = Duration::from_millis(200);

/// What the node is to be.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The root.
    pub root: &'a Root,
    /// The name the operator gave; the hostname when none.
    pub node_name: Option<String>,
    /// The address the operator gave.
    pub advertise_address: Option<IpAddr>,
    /// The master to join; none for a first node.
    pub master: Option<SocketAddr>,
    /// How long to wait for the master's answer to a connection.
    pub master_timeout: Duration,
    /// The TCP ports the node's services want, and what wants them.
    pub ports: Vec<(u16, String)>,
    /// The proxy variables of the environment, name and value.
    pub proxy: Vec<(String, String)>,
}

/// Measures everything that this machine can tell by itself.
///
/// # Errors
/// When not even the facts can be had; any other failure is kept in its measurement.
pub fn measure(request: &Request<'_>) -> Result<Measurements, PreflightError> {
    let state = request.root.join(paths::STATE);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| disk_probe::sync_latency(&state, SYNC_WRITES, SYNC_BUDGET));
        let reach = request
            .master
            .map(|target| scope.spawn(move || (target, routes::reach(target, request.master_timeout))));
        let clock = scope.spawn(|| time_sync::ask(COMMAND_DEADLINE));
        let facts = facts::gather(request.root, &state).map_err(|source| PreflightError::Facts { source })?;
        let address = address::select_address(
            request.master.map(|m| m.ip()),
            &facts.addresses,
            request.advertise_address,
        );
        let local = address.as_ref().ok().map(|selected| selected.address);
        let master = reach.map(|thread| {
            let (target, reach) = thread.join().expect("a connection attempt does not panic");
            MasterMeasured { target, route: routes::source_for(target.ip(), &facts.addresses), reach }
        });
        Ok(Measurements {
            root: request.root.path().display().to_string(),
            root_is_host: request.root.is_host(),
            user_id: rustix::process::geteuid().as_raw(),
            root_writable: matches!(disk_probe::obstacle(request.root, ""), Ok(None)),
            node_name: request.node_name.clone().unwrap_or_else(|| facts.hostname.clone()),
            ports: local.map_or_else(Vec::new, |address| ports(address, &request.ports)),
            address,
            master,
            space: disk_probe::space(&state),
            memory: facts::memory(),
            open_files: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
            previous: previous(request.root),
            paths: writable(request.root),
            services: services(request.root),
            proxy: request.proxy.clone(),
            answers: Answers::default(),
            facts,
            time_sync: clock.join().expect("reading a clock's state does not panic"),
            sync_times: sync.join().expect("timing writes does not panic"),
        })
    })
}

fn ports(address: IpAddr, wanted: &[(u16, String)]) -> Vec<PortMeasured> {
    let measured = |(port, purpose): &(u16, String)| PortMeasured {
        port: *port,
        purpose: purpose.clone(),
        state: sockets::probe(address, *port),
    };
    wanted.iter().map(measured).collect()
}

fn writable(root: &Root) -> Vec<(String, Result<Option<disk_probe::Obstacle>, FileError>)> {
    [paths::ETC, paths::STATE, paths::RUN]
        .into_iter()
        .map(|relative| (relative.to_owned(), disk_probe::obstacle(root, relative)))
        .collect()
}

fn services(root: &Root) -> Services {
    if !root.is_host() {
        return Services::Processes(format!("the root is {}, not /", root.path().display()));
    }
    match files::exists(Path::new("/run/systemd/system")) {
        Ok(true) => Services::Systemd,
        Ok(false) => Services::Processes("systemd does not run here".to_owned()),
        Err(error) => Services::Processes(format!("systemd was not found: {error}")),
    }
}

fn previous(root: &Root) -> Result<Previous, FileError> {
    let has = |relative: &str| files::exists(&root.join(relative));
    Ok(Previous {
        member: has(paths::MEMBERSHIP)?,
        started: has(paths::IDENTITY)? || has(paths::MASTER)? || has(paths::CLUSTER_STATE)?,
        ledger: has(paths::LEDGER)?,
        foreign_state: foreign(
            root,
            paths::STATE,
            &[
                paths::IDENTITY,
                paths::MASTER,
                paths::SNAPSHOTS,
                paths::CLUSTER_STATE,
                paths::MEMBERSHIP,
                paths::ELECTION,
                paths::MACHINE,
                paths::JOURNAL,
                paths::CHECKPOINTS,
                paths::LEDGER,
                paths::LOGS,
            ],
        )?,
        foreign_configuration: foreign(
            root,
            paths::ETC,
            &[paths::CLUSTER_CONFIG, paths::CLUSTER_CONFIG_DROP_INS, paths::STORAGE_OPS],
        )?,
    })
}

/// The names in a directory that are not among the known paths. A mount point's `lost+found` and
/// hidden names, as temporary files have, and lock files are nobody's.
fn foreign(root: &Root, directory: &str, known: &[&str]) -> Result<Vec<String>, FileError> {
    let mut names = files::list(&root.join(directory))?;
    names.retain(|name| {
        !name.starts_with('.')
            && !name.ends_with("lock")
            && name != "lost+found"
            && !known.contains(&format!("{directory}/{name}").as_str())
    });
    Ok(names)
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
