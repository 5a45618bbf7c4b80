//! Interfaces of other shapes: one of three, a bridge of the host's own, one whose first packet is lost.

use super::{discovered, found, joining};
use crate::support::{Host, Lab};

/// The cluster, heard there.
fn heard_on(interface: &str) -> (String, String) {
    ("prod".to_owned(), format!("{interface} IPv4"))
}

/// Joins whatever answers, with a token of this master.
fn join(host: &Host, master: &Host) {
    host.eos(&joining(host, &["--token", &master.token(&[])])).done();
}

#[test]
fn a_cluster_is_heard_on_the_one_of_three_interfaces_that_leads_to_it() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    joiner.without_ipv6();
    found(master, "prod");
    joiner.add_interface("aa0", "10.78.0.12");
    joiner.add_interface("zz0", "10.79.0.12");
    assert_eq!(discovered(joiner), [heard_on("eth0")]);
    join(joiner, master);
    master.converged(2);
    assert_eq!(master.node("node2").expect("a member")["address"], "10.77.0.12");
}

#[test]
fn a_host_whose_address_is_on_a_bridge_of_its_own_finds_its_cluster_and_is_found() {
    let lab = Lab::new(3);
    for host in &lab.all()[..2] {
        host.without_ipv6();
        host.ip(&["link", "add", "vmbr0", "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
        host.ip(&["addr", "flush", "dev", "eth0"]);
        host.ip(&["link", "set", "eth0", "master", "vmbr0"]);
        host.ip(&["addr", "add", &format!("{}/24", host.address), "broadcast", "+", "dev", "vmbr0"]);
        host.ip(&["link", "set", "vmbr0", "up"]);
        host.ip(&["route", "replace", "default", "dev", "vmbr0"]);
    }
    let [master, bridged, plain] = lab.hosts();
    plain.without_ipv6();
    found(master, "prod");
    assert_eq!(discovered(bridged), [heard_on("vmbr0")]);
    assert_eq!(discovered(plain), [heard_on("eth0")]);
    join(bridged, master);
    join(plain, master);
    master.converged(3);
}

#[test]
fn a_first_question_that_is_lost_is_asked_again_and_answered() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.without_ipv6();
    joiner.without_ipv6();
    found(master, "prod");
    // A question is longer than that, so it is the first alone.
    joiner.nft(
        "table inet t { chain output { type filter hook output priority 0; \
         udp dport 4505 quota until 1 bytes drop; }; }\n",
    );
    assert_eq!(discovered(joiner), [heard_on("eth0")]);
    joiner.heal();
    join(joiner, master);
    master.converged(2);
}
