//! Every verdict of the checks of the network and of the master, with its exact text.

use super::tests::{assert_verdicts, healthy};
use super::*;
use crate::host::files::FileError;
use crate::host::routes::{NetworkError, Reach, Route};
use crate::host::sockets::{Holder, Owner, PortState};
use crate::preflight::address::AddressError;
use crate::preflight::measurements::{MasterMeasured, PortMeasured, Previous};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const MASTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 10));

fn joiner(reach: Reach) -> Option<MasterMeasured> {
    let route =
        Route { destination: MASTER, source: [10, 0, 1, 12].into(), interface: Some("eth0".to_owned()) };
    Some(MasterMeasured { target: SocketAddr::new(MASTER, 4507), route: Ok(route), reach })
}

fn fast() -> Option<MasterMeasured> {
    joiner(Reach::Connected(Duration::from_micros(1500)))
}

fn wanted(state: PortState) -> PortMeasured {
    PortMeasured { port: 4507, purpose: "the master's API".to_owned(), state: Ok(state) }
}

fn held_by(program: &str) -> Vec<PortMeasured> {
    let owner = Some(Owner { program: program.to_owned(), pid: 812 });
    vec![wanted(PortState::Held(Holder { port: 4507, owner }))]
}

fn proxied(m: &mut Measurements, no_proxy: &str) {
    m.master = fast();
    m.proxy = vec![
        ("HTTPS_PROXY".to_owned(), "http://name:secret@proxy:3128".to_owned()),
        ("all_proxy".to_owned(), "socks5://proxy".to_owned()),
        ("no_proxy".to_owned(), no_proxy.to_owned()),
        ("HTTP_PROXY".to_owned(), "http://proxy".to_owned()),
    ];
}

#[test]
fn the_address_is_judged() {
    assert_verdicts(&[
        ("address", |_| {}, "passed: 10.0.1.12 on eth0: the only address of this machine"),
        (
            "address",
            |m| {
                if let Ok(selected) = &mut m.address {
                    selected.warning = Some("nobody can join".to_owned());
                }
            },
            "warning: 10.0.1.12 on eth0: the only address of this machine; nobody can join | \
             name another one if others shall join: --advertise-address IP",
        ),
        (
            "address",
            |m| m.address = Err(AddressError::MasterIsHere { master: MASTER }),
            "failed: the master's address 10.0.1.10 belongs to this machine, so this node needs another one | \
             name the address of this node: --advertise-address 127.0.0.2; \
             to look at the cluster that is here already: eos status",
        ),
    ]);
}

#[test]
fn ports_are_judged() {
    assert_verdicts(&[
        ("port-free", |_| {}, "not measured: no port is wanted"),
        (
            "port-free",
            |m| m.address = Err(AddressError::MasterIsHere { master: MASTER }),
            "not measured: there is no address to try them on",
        ),
        ("port-free", |m| m.ports = vec![wanted(PortState::Free)], "passed: 4507 (the master's API)"),
        (
            "port-free",
            |m| m.ports = held_by("nginx"),
            "failed: port 4507 is held by nginx (pid 812) and wanted by the master's API | \
             stop it: kill 812, or choose another port: cluster.port in /etc/eos/cluster.yaml",
        ),
        (
            "port-free",
            |m| m.ports = vec![wanted(PortState::Held(Holder { port: 4507, owner: None }))],
            "failed: port 4507 is held by a process that cannot be seen from here and wanted by the master's API | \
             find it: ss -ltnp sport = :4507, or choose another port: cluster.port in /etc/eos/cluster.yaml",
        ),
        (
            "port-free",
            |m| m.ports = vec![wanted(PortState::Unusable("no such address".to_owned()))],
            "failed: port 4507 cannot be used by the master's API: no such address | \
             choose another port: cluster.port in /etc/eos/cluster.yaml",
        ),
        (
            "port-free",
            |m| {
                m.ports = held_by("eos");
                m.previous = Ok(Previous { member: true, ..Previous::default() });
            },
            "passed: port 4507 is held by eos (pid 812)",
        ),
        (
            "port-free",
            |m| m.ports = held_by("eos"),
            "failed: port 4507 is held by eos (pid 812) and wanted by the master's API | \
             stop it: kill 812, or choose another port: cluster.port in /etc/eos/cluster.yaml",
        ),
        (
            "port-free",
            |m| {
                let error =
                    FileError::new("read", "/proc/net/tcp", std::io::ErrorKind::PermissionDenied.into());
                m.ports = vec![PortMeasured { port: 1, purpose: String::new(), state: Err(error) }];
            },
            "failed: could not read /proc/net/tcp: permission denied | \
             run the command as root, or with a --root that you own",
        ),
    ]);
}

#[test]
fn the_way_to_the_master_is_judged() {
    const FIRST: &str = "not measured: this is the first node: there is no master";
    assert_verdicts(&[
        ("route-to-master", |_| {}, FIRST),
        ("route-to-master", |m| m.master = fast(), "passed: to 10.0.1.10 from 10.0.1.12 on eth0"),
        (
            "route-to-master",
            |m| {
                let source = std::io::ErrorKind::NetworkUnreachable.into();
                let route = Err(NetworkError::NoRoute { destination: MASTER, source });
                m.master = fast().map(|master| MasterMeasured { route, ..master });
            },
            "failed: there is no route to 10.0.1.10: network unreachable | \
             look at the kernel's choice: ip route get 10.0.1.10",
        ),
        ("master-reachable", |_| {}, FIRST),
        ("master-reachable", |m| m.master = fast(), "passed: 10.0.1.10:4507 answered in 1.5 ms"),
        (
            "master-reachable",
            |m| m.master = joiner(Reach::Refused),
            "failed: 10.0.1.10:4507 refused the connection: nothing listens there | \
             see on the master whether it runs and listens there: eos status",
        ),
        (
            "master-reachable",
            |m| m.master = joiner(Reach::TimedOut(Duration::from_secs(2))),
            "failed: 10.0.1.10:4507 did not answer within 2.0 s | \
             open TCP port 4507 in the firewalls on the way, and see on the master: eos status",
        ),
        (
            "master-reachable",
            |m| m.master = joiner(Reach::Failed("no route to host".to_owned())),
            "failed: 10.0.1.10:4507 cannot be reached: no route to host | \
             look at the way there: ip route get 10.0.1.10",
        ),
    ]);
}

#[test]
fn proxies_are_judged_without_showing_what_they_are() {
    const CAUGHT: &str = "warning: HTTPS_PROXY and all_proxy would send what is meant for 10.0.1.10 to a proxy | \
                          spare the master: export NO_PROXY=\"$NO_PROXY,10.0.1.10\"";
    assert_verdicts(&[
        ("proxy", |_| {}, "not measured: this is the first node: there is no master"),
        ("proxy", |m| m.master = fast(), "passed: no proxy variable is set"),
        ("proxy", |m| proxied(m, ""), CAUGHT),
        ("proxy", |m| proxied(m, "localhost, 10.0.2.0/24,10.0.1.1"), CAUGHT),
        ("proxy", |m| proxied(m, "localhost, 10.0.1.10"), "passed: NO_PROXY spares 10.0.1.10"),
        ("proxy", |m| proxied(m, "10.0.0.0/8"), "passed: NO_PROXY spares 10.0.1.10"),
        ("proxy", |m| proxied(m, "*"), "passed: NO_PROXY spares 10.0.1.10"),
    ]);
}

#[test]
fn the_clocks_are_compared_in_both_directions() {
    assert_verdicts(&[
        ("clock-offset", |_| {}, "not measured: no master has been asked for its time"),
        (
            "clock-offset",
            |m| m.answers.clock_ahead_seconds = Some(0),
            "passed: this clock agrees with the master's to the second",
        ),
        (
            "clock-offset",
            |m| m.answers.clock_ahead_seconds = Some(-30),
            "passed: this clock is 30 s behind the master's",
        ),
        (
            "clock-offset",
            |m| m.answers.clock_ahead_seconds = Some(300),
            "warning: this clock is 300 s ahead of the master's: beyond 300 s it could not join | \
             set the one that is wrong: timedatectl set-ntp true, or chronyc makestep",
        ),
        (
            "clock-offset",
            |m| m.answers.clock_ahead_seconds = Some(-600),
            "failed: this clock is 600 s behind the master's, at most 300 s allowed | \
             set the one that is wrong: timedatectl set-ntp true, or chronyc makestep",
        ),
    ]);
}

#[test]
fn a_node_may_be_one_minor_version_behind_its_master() {
    let judged = |here: &str, there: Option<&str>| {
        let mut measurements = healthy();
        measurements.answers.master_version = there.map(str::to_owned);
        let requirements = Requirements { version: here.to_owned(), ..Requirements::default() };
        network::version(&measurements, &requirements).to_string()
    };
    for (here, there, wanted) in [
        ("0.3.1", None, "passed: eos 0.3.1; no master has been asked"),
        ("0.3.1", Some("0.3.0"), "passed: eos 0.3.1 here, 0.3.0 on the master"),
        (
            "0.2.9",
            Some("0.3.0"),
            "warning: eos 0.2.9 here, 0.3.0 on the master: one version behind is the most that works | \
             install eos 0.3.0 here",
        ),
        (
            "0.1.0",
            Some("0.3.0"),
            "failed: eos 0.1.0 here, 0.3.0 on the master: too old for this master | install eos 0.3.0 here",
        ),
        (
            "0.9.0",
            Some("1.0.0"),
            "failed: eos 0.9.0 here, 1.0.0 on the master: too old for this master | install eos 1.0.0 here",
        ),
        (
            "0.4.0",
            Some("0.3.0"),
            "failed: eos 0.4.0 here, 0.3.0 on the master: a node may not be newer than its master | \
             install eos 0.3.0 here, or a newer one on the master first",
        ),
        (
            "0.4.0",
            Some("latest"),
            "failed: eos 0.4.0 here, latest on the master: not both are versions | \
             compare them by hand: eos --version",
        ),
    ] {
        assert_eq!(judged(here, there), wanted);
    }
}
