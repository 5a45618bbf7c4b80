//! Networks of other shapes: several interfaces, a bridge on the host, a proxy, a line that swallows what is large, a
//! first question that is lost, and many machines at the same instant.

use crate::support::{Host, Lab, uses_of_token};
use serde_json::Value;

/// The clusters that the host finds, each with the interface on which it was heard.
fn discovered(host: &Host) -> Vec<(String, String)> {
    let found = host.eos(&["discover"]).done();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let clusters = found.result()["clusters"].as_array().expect("a list");
    clusters.iter().map(|one| (text(&one["cluster"]), text(&one["interface"]))).collect()
}

/// Makes it the first node of the cluster `prod`; gives a token.
fn found(host: &Host) -> String {
    host.eos(&[&host.single_arguments()[..], &["--cluster-id", "prod"]].concat()).done();
    host.token(&[])
}

/// Joins whatever answers.
fn join(host: &Host, token: &str) {
    let arguments = ["bootstrap", "--auto-discover", "--node-name", &host.name, "--token", token];
    host.eos(&arguments).done();
}

#[test]
fn a_cluster_is_heard_on_the_one_of_three_interfaces_that_leads_to_it() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    let token = found(master);
    joiner.add_interface("aa0", "10.78.0.12");
    joiner.add_interface("zz0", "10.79.0.12");
    assert_eq!(discovered(joiner), [("prod".to_owned(), "eth0".to_owned())]);
    join(joiner, &token);
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
    let token = found(master);
    assert_eq!(discovered(bridged), [("prod".to_owned(), "vmbr0".to_owned())]);
    assert_eq!(discovered(plain), [("prod".to_owned(), "eth0".to_owned())]);
    join(bridged, &token);
    join(plain, &token);
    master.converged(3);
}

#[test]
fn a_first_question_that_is_lost_is_asked_again_and_answered() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.without_ipv6();
    joiner.without_ipv6();
    let token = found(master);
    // A question is longer than that, so it is the first alone.
    joiner.nft(
        "table inet t { chain output { type filter hook output priority 0; \
         udp dport 4505 quota until 1 bytes drop; }; }\n",
    );
    assert_eq!(discovered(joiner), [("prod".to_owned(), "eth0".to_owned())]);
    joiner.heal();
    join(joiner, &token);
    master.converged(2);
}

#[test]
fn a_proxy_in_the_environment_is_warned_of_and_carries_nothing_of_a_join() {
    let mut lab = Lab::new(2);
    let proxy = |name: &str| (name.to_owned(), "http://10.77.0.99:3128".to_owned());
    lab.host_mut(2).environment =
        ["https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"].map(proxy).to_vec();
    let [master, joiner] = lab.hosts();
    let token = found(master);
    let joined = joiner.join(master, &["--token", &token]).done();
    assert!(joined.told("would send what is meant for 10.77.0.11 to a proxy"), "{}", joined.story());
    master.converged(2);
}

#[test]
fn a_line_that_swallows_what_is_large_is_told_and_nothing_is_changed() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    let token = found(master);
    // As on a path whose smallest MTU nobody tells: connections open, and certificates never arrive.
    joiner.nft(
        "table inet t { chain input { type filter hook input priority 0; meta length > 400 drop; }; }\n",
    );
    let told = ["no answer from 10.77.0.11:4507", "ping -c 3 -M do -s 1400 10.77.0.11"];
    let silent = joiner.join(master, &["--token", &token, "--timeout", "8s"]).failed(4, "EOS-J020", &told);
    assert!(silent.told("\"waiting\""), "{}", silent.story());
    assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
    joiner.heal();
    joiner.join(master, &["--token", &token]).done();
    master.converged(2);
}

#[test]
fn ten_machines_that_join_at_the_same_instant_are_all_members_of_fewer_generations() {
    let lab = Lab::new(11);
    let master = lab.host(1);
    found(master);
    let token = master.token(&["--uses", "10"]);
    let joining: Vec<_> =
        lab.all()[1..].iter().map(|host| host.start_join(master, &["--token", &token])).collect();
    joining.into_iter().for_each(|one| drop(one.finish().done()));
    let status = master.converged(11);
    assert_eq!(uses_of_token(master), 10);
    let generation = status["cluster"]["generation"].as_u64().expect("a number");
    assert!((2..=11).contains(&generation), "one at the beginning, and one for each crowd: {generation}");
}
