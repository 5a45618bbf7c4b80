//! Which of its addresses a node is reached at: the one of the route to the master, and never a silent pick.

use crate::support::Lab;

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
