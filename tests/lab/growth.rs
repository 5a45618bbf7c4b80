//! From one node to five: roles, scales, and the new generation of the old nodes.

use crate::support::{Fault, Lab};

/// The first node, and so many joiners one after the other.
fn grown(lab: &Lab, nodes: usize) {
    lab.host(1).bootstrap_single();
    let token = lab.host(1).token(&[]);
    for number in 2..=nodes {
        let joined = lab.host(number).join(lab.host(1), &["--token", &token]).done();
        assert_eq!(joined.verdict["outcome"], "done", "{}", joined.story());
        assert!(joined.told("trust: the authority of"), "{}", joined.story());
    }
}

fn roles(lab: &Lab) -> Vec<(String, String)> {
    let nodes = lab.host(1).roles();
    nodes.iter().map(|(name, role)| (name.clone(), role.clone())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
}

/// Every host has the role on its own disk that the master says.
fn assert_roles_on_disk(lab: &Lab, scale: &str, expected: &[(&str, &str)]) {
    for (number, (name, role)) in expected.iter().enumerate() {
        let text = lab.host(number + 1).read("etc/eos/storage-ops.yaml");
        assert!(text.contains(&format!("\nrole: {role}\n")), "{name}: {text}");
        assert!(text.contains(&format!("\nscale: {scale}\n")), "{name}: {text}");
    }
}

#[test]
fn one_node_is_a_monolith_of_scale_single() {
    let lab = Lab::new(1);
    let done = lab.host(1).bootstrap_single();
    assert_eq!((done.text("role"), done.text("scale")), ("monolith".into(), "single".into()));
    let status = lab.host(1).converged(1);
    assert_eq!(
        (&status["cluster"]["scale"], &status["cluster"]["generation"]),
        (&"single".into(), &1.into())
    );
    assert_roles_on_disk(&lab, "single", &[("node1", "monolith")]);
    let again = lab.host(1).eos(&lab.host(1).single_arguments()).done();
    assert_eq!(again.verdict["outcome"], "no-change");
}

#[test]
fn two_nodes_are_edge_and_core_and_the_first_changes_only_after_the_second_confirmed() {
    let lab = Lab::new(2);
    let [first, second] = lab.hosts();
    first.bootstrap_single();
    let token = first.token(&[]);
    first.plan(second, &[("POST /v1/member/confirm", Fault::Hold)]);
    let joining = second.start_join(first, &["--token", &token]);
    first.wait_for_fault(Fault::Hold);
    assert_eq!(first.status()["cluster"]["generation"], 1, "the second has done all but confirm");
    assert_eq!(first.node("node2").expect("it is known")["state"], "joining");
    assert_eq!(first.node("node1").expect("a member")["role"], "monolith");
    assert_roles_on_disk(&lab, "single", &[("node1", "monolith")]);
    assert!(second.read("etc/eos/storage-ops.yaml").contains("\nrole: core\n"), "it is ready");
    first.release();
    joining.finish().done();
    let status = lab.host(1).converged(2);
    assert_eq!(status["cluster"]["generation"], 2);
    let expected = [("node1", "edge"), ("node2", "core")];
    assert_eq!(roles(&lab), pairs(&expected));
    assert_roles_on_disk(&lab, "small", &expected);
}

#[test]
fn three_nodes_are_edge_core_and_data() {
    let lab = Lab::new(3);
    grown(&lab, 3);
    let before = lab.host(3).converged(3);
    let expected = [("node1", "edge"), ("node2", "core"), ("node3", "data")];
    assert_eq!(roles(&lab), pairs(&expected));
    let planned = lab.host(1).eos(&["role", "set", "node2", "data", "--plan"]).done();
    assert_eq!(planned.verdict["outcome"], "planned");
    assert!(planned.result()["changes"].to_string().contains("node2"), "{}", planned.story());
    assert_eq!(lab.host(1).status()["cluster"]["generation"], before["cluster"]["generation"]);
    assert_roles_on_disk(&lab, "small", &expected);
}

#[test]
fn four_and_five_nodes_are_planned_and_all_old_nodes_follow() {
    let lab = Lab::new(5);
    grown(&lab, 4);
    let status = lab.host(1).converged(4);
    assert_eq!(
        (&status["cluster"]["scale"], &status["cluster"]["generation"]),
        (&"medium".into(), &4.into())
    );
    // By default one edge, one core, and of the rest three quarters data and a quarter compute.
    let four = roles(&lab);
    let expected = [("node1", "edge"), ("node2", "core"), ("node3", "data"), ("node4", "data")];
    assert_eq!(four, pairs(&expected));
    assert_roles_on_disk(&lab, "medium", &expected);

    let token = lab.host(1).token(&[]);
    lab.host(5).join(lab.host(1), &["--token", &token, "--preferred-role", "data"]).done();
    let status = lab.host(5).converged(5);
    assert_eq!(
        (&status["cluster"]["scale"], &status["cluster"]["generation"]),
        (&"medium".into(), &5.into())
    );
    let five = roles(&lab);
    assert_eq!(five[4].1, "data", "it is what it asked to be: {five:?}");
    assert_eq!(sorted(&five), ["compute", "core", "data", "data", "edge"]);
    let moved = four.iter().zip(&five).filter(|(before, after)| before != after).count();
    assert_eq!(moved, 1, "one other makes room: {four:?} -> {five:?}");
    let owned: Vec<(&str, &str)> = five.iter().map(|(name, role)| (name.as_str(), role.as_str())).collect();
    assert_roles_on_disk(&lab, "medium", &owned);

    // The same node as what the cluster lacks moves nobody.
    lab.host(5).eos(&["reset"]).done();
    lab.host(1).converged(4);
    let four = roles(&lab);
    assert_eq!(sorted(&four), ["core", "data", "data", "edge"]);
    lab.host(5).join(lab.host(1), &["--token", &token, "--preferred-role", "compute"]).done();
    lab.host(1).converged(5);
    let mut five = four;
    five.push(("node5".to_owned(), "compute".to_owned()));
    assert_eq!(roles(&lab), five);
}

/// The roles alone, in the order of the alphabet.
fn sorted(nodes: &[(String, String)]) -> Vec<&str> {
    let mut roles: Vec<&str> = nodes.iter().map(|(_, role)| role.as_str()).collect();
    roles.sort_unstable();
    roles
}

#[test]
fn a_plan_is_made_by_the_rules_of_the_master_on_every_host() {
    let lab = Lab::new(2);
    let [master, member] = lab.hosts();
    grown(&lab, 2);
    let plan = &["role", "plan", "--add", "node3:data:16:64:4000"];
    let before = master.eos(plan).done();
    member.write("etc/eos/cluster.yaml.d/own.yaml", "cluster:\n  roles:\n    assignment: manual\n");
    assert_eq!(member.eos(plan).done().result(), before.result());
}
