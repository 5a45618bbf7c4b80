//! Discovery: clusters that are found, or not, by machines that were told no address.

mod doctor;
mod hostile;
mod impostor;
mod interfaces;
mod rivals;

use crate::support::{Host, Lab, eventually};
use serde_json::Value;

/// What `eos discover` finds on the host: each cluster with the interface and family on which it was heard.
fn discovered(host: &Host) -> Vec<(String, String)> {
    let found = host.eos(&["discover"]).done();
    let clusters = found.result()["clusters"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let heard = |one: &Value| format!("{} {}", text(&one["interface"]), text(&one["family"]));
    clusters.iter().map(|one| (text(&one["cluster"]), heard(one))).collect()
}

/// Waits until a host finds a cluster in this way.
fn eventually_discovered(host: &Host, cluster: &str, heard: &str) {
    let wanted = (cluster.to_owned(), heard.to_owned());
    eventually(&format!("{cluster} is heard over {heard}"), || {
        let outcome = host.eos(&["discover", "--timeout", "1s"]);
        if outcome.code != 0 {
            return Err(outcome.story());
        }
        let found = discovered(host);
        if found.contains(&wanted) { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

/// Makes it the first node of a cluster of this name.
fn found(host: &Host, cluster: &str) {
    host.eos(&[&host.single_arguments()[..], &["--cluster-id", cluster]].concat()).done();
}

/// The arguments of a node that is only to join.
fn joining<'a>(host: &'a Host, more: &[&'a str]) -> Vec<&'a str> {
    [&["bootstrap", "--auto-discover", "--node-name", &host.name][..], more].concat()
}

fn assert_untouched(host: &Host) {
    assert!(
        !host.path("etc/eos").exists() && !host.path("var/lib/eos").exists(),
        "{} was changed",
        host.name
    );
}

#[test]
fn a_node_finds_and_joins_its_cluster_over_ipv4_alone() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.without_ipv6();
    joiner.without_ipv6();
    found(master, "prod");
    let token = master.token(&[]);
    assert_eq!(discovered(joiner), [("prod".to_owned(), "eth0 IPv4".to_owned())]);
    let joined = joiner.eos(&joining(joiner, &["--token", &token])).done();
    assert!(joined.told("the cluster prod ("), "{}", joined.story());
    assert!(joined.told("answered on eth0 over IPv4"), "{}", joined.story());
    master.converged(2);
}

#[test]
fn a_node_finds_and_joins_its_cluster_over_ipv6_alone() {
    let mut lab = Lab::new(2);
    lab.host_mut(1).with_ipv6_alone();
    lab.host_mut(2).with_ipv6_alone();
    let [master, joiner] = lab.hosts();
    found(master, "prod");
    let token = master.token(&[]);
    eventually_discovered(joiner, "prod", "eth0 IPv6");
    let joined = joiner.eos(&joining(joiner, &["--token", &token])).done();
    assert!(joined.told("answered on eth0 over IPv6"), "{}", joined.story());
    master.converged(2);
}

#[test]
fn a_cluster_that_answers_over_both_families_is_listed_once() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    found(master, "prod");
    eventually("both families work", || {
        let seen = joiner.eos(&["discover"]).done();
        let ways = seen.result()["interfaces"].as_array().expect("a list").clone();
        let working: Vec<&Value> = ways.iter().filter(|way| way["heard_back"] == true).collect();
        let clusters = seen.result()["clusters"].as_array().expect("a list").len();
        if (working.len(), clusters) == (2, 1) { Ok(()) } else { Err(seen.story()) }
    });
    // The verdict is the same on the master's own host.
    assert_eq!(discovered(master).len(), 1);
}

#[test]
fn a_bootstrap_without_a_word_joins_the_one_cluster_that_answers_and_founds_one_on_silence() {
    let lab = Lab::new(2);
    let [first, second] = lab.hosts();
    let plain = |host: &Host| host.eos(&["bootstrap", "--node-name", &host.name]).done();
    let founded = plain(first);
    assert!(founded.told("none answered on the network within 2."), "{}", founded.story());
    assert_eq!(founded.text("role"), "monolith");
    first.write("etc/eos/cluster.yaml.d/admission.yaml", "admission:\n  names: [node*]\n");
    first.kill_service("eos-master");
    let planned = eventually("the master is back", || {
        let planned = second.eos(&["bootstrap", "--dry-run", "--node-name", &second.name]);
        if planned.code == 0 && planned.told("this joins it") { Ok(planned) } else { Err(planned.story()) }
    });
    assert_eq!(planned.result()["decision"]["kind"], "join", "{}", planned.story());
    let joined = plain(second);
    assert!(joined.told("this joins it"), "{}", joined.story());
    first.converged(2);
    let again = plain(second);
    assert_eq!(again.verdict["outcome"], "no-change", "a member asks nobody: {}", again.story());
}

#[test]
fn a_node_that_is_only_to_join_founds_nothing_on_silence_and_says_why_within_five_seconds() {
    let lab = Lab::new(1);
    let host = lab.host(1);
    let began = std::time::Instant::now();
    let silent = host.eos(&joining(host, &[]));
    let took = began.elapsed();
    let silent = silent.failed(4, "EOS-D001", &["no master is on this network", "--join-cluster=ADDRESS"]);
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    assert!(silent.told("eth0 IPv4: asked"), "{}", silent.story());
    assert!(silent.told("\"waiting\"") && silent.told("clusters that answer"), "{}", silent.story());
    assert_untouched(host);
}

#[test]
fn of_several_clusters_none_is_guessed_and_the_one_that_is_named_is_joined() {
    let lab = Lab::new(3);
    let [one, two, joiner] = lab.hosts();
    found(one, "alpha");
    found(two, "beta");
    let names: Vec<String> = discovered(joiner).into_iter().map(|(cluster, _)| cluster).collect();
    assert_eq!(names, ["alpha", "beta"]);
    for arguments in [joining(joiner, &[]), vec!["bootstrap", "--node-name", &joiner.name]] {
        let several = joiner.eos(&arguments);
        several.failed(2, "EOS-D002", &["alpha (", "10.77.0.11:4507", "beta (", "--cluster-id=beta"]);
    }
    let nowhere = joiner.eos(&joining(joiner, &["--cluster-id", "gamma"]));
    nowhere.failed(4, "EOS-D003", &["the cluster gamma did not answer", "alpha (", "beta ("]);
    assert_untouched(joiner);
    // The token knows its cluster by the authority.
    let token = two.token(&[]);
    let joined = joiner.eos(&joining(joiner, &["--token", &token])).done();
    assert_eq!(joined.text("cluster"), "beta");
    two.converged(2);
}

#[test]
fn a_token_of_a_cluster_never_makes_another_one_and_a_cluster_is_chosen_by_its_id() {
    let lab = Lab::new(4);
    let [one, two, joiner, late] = lab.hosts();
    found(one, "alpha");
    found(two, "beta");
    let token = two.token(&[]);
    two.crash();
    let silent = late.eos(&["bootstrap", "--node-name", &late.name, "--token", &token]);
    silent.failed(4, "EOS-D003", &["of the authority", "alpha ("]);
    assert_untouched(late);
    let named = joiner.eos(&joining(joiner, &["--cluster-id", "alpha", "--token", &one.token(&[])])).done();
    assert_eq!(named.text("cluster"), "alpha");
}

#[test]
fn interfaces_that_come_and_go_are_answered_on() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.without_ipv6();
    joiner.without_ipv6();
    found(master, "prod");
    eventually_discovered(joiner, "prod", "eth0 IPv4");
    master.unplug();
    joiner.eos(&["discover", "--timeout", "1s"]).failed(4, "EOS-D001", &[]);
    master.plug_in();
    eventually_discovered(joiner, "prod", "eth0 IPv4");
    joiner.unplug();
    master.join_directly(joiner, "eth7");
    eventually_discovered(joiner, "prod", "eth7 IPv4");
    master.ip(&["link", "del", "eth7"]);
    joiner.plug_in();
    eventually_discovered(joiner, "prod", "eth0 IPv4");
}
