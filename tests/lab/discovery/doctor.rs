//! The doctor, with each fault that it names injected.

use super::{assert_untouched, discovered, found, joining};
use crate::support::{Host, Lab};
use std::time::{Duration, Instant};

/// The host finds nobody, within five seconds, and says this.
fn assert_told(host: &Host, words: &[&str]) {
    for arguments in [joining(host, &[]), vec!["discover"]] {
        let began = Instant::now();
        let silent = host.eos(&arguments);
        let took = began.elapsed();
        let silent = silent.failed(4, "EOS-D001", words);
        assert!(took < Duration::from_secs(5), "{took:?}: {}", silent.story());
        assert!(silent.result()["diagnosis"]["findings"].is_array(), "{}", silent.story());
    }
}

/// A chain of the firewall.
fn chain(hook: &str, rule: &str) -> String {
    format!("table inet t {{ chain {hook} {{ type filter hook {hook} priority 0; {rule}; }}; }}\n")
}

#[test]
fn an_interface_without_the_multicast_flag_is_named() {
    let lab = Lab::new(2);
    let [master, host] = lab.hosts();
    found(master, "prod");
    host.ip(&["link", "set", "dev", "eth0", "multicast", "off"]);
    assert_told(host, &["the interface eth0 lacks the multicast flag", "ip link set dev eth0 multicast on"]);
    host.ip(&["link", "set", "dev", "eth0", "multicast", "on"]);
    assert_eq!(discovered(host).len(), 1, "the command that was told helps");
}

#[test]
fn an_interface_that_is_off_or_has_no_address_is_named() {
    let lab = Lab::new(1);
    let host = lab.host(1);
    host.without_ipv6();
    host.ip(&["addr", "flush", "dev", "eth0"]);
    assert_told(host, &["the interface eth0 has no address", "ip address show dev eth0"]);
    host.unplug();
    assert_told(host, &["the interface eth0 is switched off", "ip link set dev eth0 up"]);
    host.ip(&["link", "del", "eth0"]);
    assert_told(host, &["this machine has no interface to a network", "ip link show"]);
    assert_untouched(host);
}

#[test]
fn a_missing_route_for_multicast_is_named_and_ipv4_needs_none() {
    let mut lab = Lab::new(2);
    let (master, host) = (lab.host(1), lab.host(2));
    master.without_ipv6();
    host.without_ipv6();
    found(master, "prod");
    host.forget_routes();
    assert_eq!(discovered(host).len(), 1, "the interface is named to the kernel");
    drop(lab);
    lab = Lab::new(1);
    lab.host_mut(1).with_ipv6_alone();
    let host = lab.host(1);
    host.ip(&["-6", "route", "flush", "table", "local", "type", "multicast"]);
    let told =
        ["no route for IPv6 multicast on eth0", "ip -6 route add multicast ff00::/8 dev eth0 table local"];
    assert_told(host, &told);
}

#[test]
fn a_firewall_of_this_machine_is_named_in_either_direction() {
    let lab = Lab::new(2);
    let [master, host] = lab.hosts();
    found(master, "prod");
    host.nft(&chain("output", "udp dport 4505 drop"));
    assert_told(host, &["drops what it sends to UDP port 4505", "output udp dport 4505 accept"]);
    host.heal();
    host.nft(&chain("input", "meta l4proto udp drop"));
    assert_told(host, &["drops what comes in on UDP port 4505", "input udp dport 4505 accept"]);
    host.heal();
    assert_eq!(discovered(host).len(), 1);
}

#[test]
fn a_port_that_is_held_by_another_program_is_named() {
    let lab = Lab::new(1);
    let host = lab.host(1);
    let holders = host.inside(|| {
        ["0.0.0.0", "::"].map(|any| std::net::UdpSocket::bind((any, 4505)).map_err(|error| error.kind()))
    });
    assert!(holders[0].is_ok(), "{holders:?}");
    host.without_ipv6();
    assert_told(host, &["another program holds UDP port 4505", "ss -ulpn sport = :4505"]);
}

#[test]
fn a_master_on_another_subnet_is_found_to_answer_when_it_is_asked_alone() {
    let lab = Lab::new(2);
    let [master, host] = lab.hosts();
    found(master, "prod");
    lab.move_behind_a_router(2);
    assert_told_by_discover(host, "carries no multicast");
}

#[test]
fn a_firewall_at_the_master_is_told_from_a_master_that_is_away() {
    let lab = Lab::new(2);
    let [master, host] = lab.hosts();
    found(master, "prod");
    master.nft(&chain("input", "udp dport 4505 drop"));
    assert_told_by_discover(host, "a firewall in between, or its discovery is off");
    master.crash();
    host.write("etc/eos/cluster.yaml", &format!("cluster:\n  master: {}\n", master.address));
    let away = host.eos(&["discover"]);
    away.failed(4, "EOS-D001", &["the configured master 10.77.0.11:4507 is not reached"]);
}

/// With the master configured, the diagnosis names it with this.
fn assert_told_by_discover(host: &Host, words: &str) {
    let nobody = host.eos(&["discover"]);
    nobody.failed(4, "EOS-D001", &["no master is on this network"]);
    host.write("etc/eos/cluster.yaml", "cluster:\n  master: 10.77.0.11\n");
    let began = Instant::now();
    let silent = host.eos(&["discover"]);
    let hint = "join without multicast: eos bootstrap --join-cluster 10.77.0.11:4507";
    // Hints name the root.
    let (before, after) = hint.split_once("eos bootstrap").expect("it is a command");
    silent.failed(4, "EOS-D001", &["10.77.0.11:4507", words, before, after]);
    assert!(began.elapsed() < Duration::from_secs(5));
}
