//! Which of its addresses a node is reached at: the one of the route to the master, and never a silent pick.

use crate::support::{Host, Lab, eventually};

#[test]
fn a_host_with_two_addresses_founds_nothing_until_one_is_named_and_joins_by_the_route() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    for host in [master, joiner] {
        host.add_interface("eth1", &format!("10.78.0.{}", &host.address["10.77.0.".len()..]));
    }
    let both = [
        "2 addresses and nothing tells which one to use: 10.77.0.11 on eth0, 10.78.0.11 on eth1",
        "--advertise-address 10.77.0.11",
        "--advertise-address 10.78.0.11",
    ];
    let founding = ["bootstrap", "--single-node", "--node-name", "node1"];
    master.eos(&founding).failed(3, "EOS-P020", &both);
    // No check that is skipped makes it a choice.
    master.eos(&[&founding[..], &["--skip-check", "address"]].concat()).failed(3, "EOS-P002", &both);
    assert!(!master.path("etc/eos").exists() && !master.path("var/lib/eos").exists());

    master.bootstrap_single();
    let token = master.token(&[]);
    let joined = joiner.join(master, &["--token", &token]).done();
    let note = "address: 10.77.0.12 on eth0: the kernel's route to 10.77.0.11";
    assert!(joined.told(note), "{}", joined.story());
    master.converged(2);
    assert_eq!(master.node("node2").expect("a member")["address"], "10.77.0.12");
}

#[test]
fn a_host_without_a_way_to_the_master_is_told_so_and_how_to_look() {
    let lab = Lab::new(1);
    let host = lab.host(1);
    host.forget_routes();
    let joining = ["bootstrap", "--join-cluster", "192.0.2.7", "--node-name", "node1"];
    let way = ["no address can be chosen without a way to the master 192.0.2.7", "ip route get 192.0.2.7"];
    host.eos(&joining).failed(3, "EOS-P020", &way);
    let skipped =
        ["--skip-check", "address", "--skip-check", "route-to-master", "--skip-check", "master-reachable"];
    host.eos(&[&joining[..], &skipped].concat()).failed(3, "EOS-P004", &way);
    assert!(!host.path("etc/eos").exists() && !host.path("var/lib/eos").exists());
}

/// Gives the host this address in place of the one that it has.
fn renumber(host: &Host, address: &str) {
    host.ip(&["addr", "flush", "dev", "eth0", "scope", "global"]);
    host.ip(&["addr", "add", &format!("{address}/24"), "broadcast", "+", "dev", "eth0"]);
    host.ip(&["route", "replace", "default", "dev", "eth0"]);
}

#[test]
fn a_member_whose_address_changed_is_told_so_and_takes_the_new_one_with_one_command() {
    let lab = Lab::new(2);
    let [master, node] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    node.join(master, &["--token", &token]).done();
    master.converged(2);
    renumber(node, "10.77.0.99");
    let status = node.eos(&["status"]);
    let told = &status.result()["local"]["identity"];
    assert_eq!(told["code"], "EOS-I034", "{}", status.story());
    assert!(told["hints"][0].as_str().is_some_and(|hint| hint.ends_with(" bootstrap")), "{told}");
    let bootstrap = ["bootstrap", "--node-name", "node2"];
    let planned = node.eos(&[&bootstrap[..], &["--dry-run"]].concat()).done();
    assert!(planned.told("it would be reached at 10.77.0.99 on eth0"), "{}", planned.story());
    let taken = node.eos(&bootstrap).done();
    assert_eq!((taken.text("address"), taken.text("moved_from")), ("10.77.0.99".into(), "10.77.0.12".into()));
    eventually("the master knows the new address", || {
        let known = master.node("node2").expect("a member")["address"].clone();
        if known == "10.77.0.99" { Ok(()) } else { Err(known.to_string()) }
    });
    master.converged(2);
    assert_eq!(node.eos(&bootstrap).verdict["outcome"], "no-change");
    assert!(node.eos(&["status"]).result()["local"]["identity"].is_null());
    master.eos(&["role", "set", "node2", "data"]).done();
    master.converged(2);
}

#[test]
fn an_address_that_was_written_down_by_a_command_that_died_is_taken_by_the_agent_itself() {
    let lab = Lab::new(2);
    let [master, node] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    node.join(master, &["--token", &token]).done();
    let agent = node.service_pid("eos-agent");
    renumber(node, "10.77.0.99");
    let membership = node.read("var/lib/eos/membership.json");
    node.write("var/lib/eos/membership.json", &membership.replace("10.77.0.12", "10.77.0.99"));
    eventually("the master knows the new address", || {
        let known = master.node("node2").expect("a member")["address"].clone();
        if known == "10.77.0.99" && node.service_pid("eos-agent") != agent {
            Ok(())
        } else {
            Err(known.to_string())
        }
    });
    master.converged(2);
}

#[test]
fn a_master_whose_address_is_gone_says_so_and_works_again_once_it_has_it_back() {
    let lab = Lab::new(2);
    let [master, node] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    node.join(master, &["--token", &token]).done();
    renumber(master, "10.77.0.98");
    let helps = ["10.77.0.11, at which others reach this node", "ip address add 10.77.0.11/"];
    master.eos(&["bootstrap", "--node-name", "node1"]).failed(7, "EOS-I034", &helps);
    renumber(master, "10.77.0.11");
    master.converged(2);
}
