//! What orchestration files say, and what is wrong with them.

use super::*;

#[test]
fn the_shipped_file_updates_the_new_node_first_and_then_the_others_role_by_role() {
    let plan =
        plan(&[("n1", Role::Edge), ("n2", Role::Core), ("n3", Role::Data), ("n4", Role::Data)], Some("n4"));
    let steps = shipped("orchestration.node_addition", &plan);
    let ids: Vec<_> = steps.iter().map(|step| (step.id.as_str(), step.function.as_str())).collect();
    assert_eq!(
        ids,
        [
            ("accept_new_node", "salt.wheel"),
            ("new_node_answers", "salt.function"),
            ("update_new_node", "salt.state"),
            ("update_core_nodes", "salt.state"),
            ("update_data_nodes", "salt.state"),
            ("update_edge_nodes", "salt.state"),
            ("refresh_mine", "salt.function"),
        ]
    );
    let targets = steps.iter().filter(|step| step.gives()).map(|step| match &step.work {
        Work::Nodes(work) => work.target.clone(),
        _ => Target::Glob(String::new()),
    });
    let list = |node: &str| Target::List(vec![node.to_owned()]);
    assert_eq!(targets.collect::<Vec<_>>(), [list("n4"), list("n2"), list("n3"), list("n1")]);
    assert_eq!(steps[3].needs.require, [2], "the others wait for the new node");
    assert!(steps[3..6].iter().all(|step| step.parallel) && !steps[2].parallel);
}

#[test]
fn a_change_of_roles_without_a_new_node_updates_all_at_once() {
    let plan = plan(&[("n1", Role::Edge), ("n2", Role::Core)], None);
    let steps = shipped("orchestration.role_update", &plan);
    assert!(steps.iter().all(|step| step.parallel && step.needs == Default::default()));
    assert_eq!(steps.len(), 2);
}

#[test]
fn the_steps_of_five_thousand_nodes_are_few() {
    let nodes: Vec<String> = (0..5000).map(|number| format!("n{number}")).collect();
    let roles = [Role::Edge, Role::Core, Role::Data, Role::Compute];
    let roles: Vec<_> =
        nodes.iter().zip(roles.iter().cycle()).map(|(node, role)| (node.as_str(), *role)).collect();
    let steps = shipped("orchestration.node_addition", &plan(&roles, Some("n7")));
    assert_eq!(steps.len(), 8);
}

#[test]
fn targets_are_globs_lists_grains_and_compounds() {
    let nodes = [seen("n1", Role::Edge), seen("n2", Role::Core), seen("web1", Role::Data)];
    let of = |target: Target| -> Vec<&str> {
        nodes.iter().filter(|node| target.matches(node)).map(|node| node.name.as_str()).collect()
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(of(Target::Glob(text("n*"))), ["n1", "n2"]);
    assert_eq!(of(Target::List(vec![text("web1"), text("gone")])), ["web1"]);
    for grain in ["role:data", "eos:role:data", "eos:role:d*", "id:web1"] {
        assert_eq!(of(Target::Grain(text(grain))), ["web1"], "{grain}");
    }
    assert_eq!(of(Target::Grain(text("os:Debian"))), [""; 0], "the master does not know it");
    for (compound, wanted) in [
        ("G@role:data or n1", vec!["n1", "web1"]),
        ("n* and not G@role:core", vec!["n1"]),
        ("not ( n1 or L@n2,gone )", vec!["web1"]),
        ("n1 or n2 and web1", vec!["n1"]),
    ] {
        assert_eq!(of(Target::Compound(text(compound))), wanted, "{compound}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_file_and_line() {
    let at = "orchestration/site.sls";
    for (text, code, problem) in [
        (
            "a:\n  salt.wheel:\n    - name: key.finger\n",
            "EOS-S080",
            ":2: the master has no function salt.wheel: key.finger",
        ),
        (
            "a:\n  salt.function:\n    - name: cmd.run\n    - tgt: n1\n",
            "EOS-S080",
            ":2: the master has no function salt.function: cmd.run",
        ),
        ("a:\n  file.managed: []\n", "EOS-S080", ":2: the master has no function file.managed"),
        (
            "a:\n  salt.state:\n    - tgt: 'G@x or'\n    - tgt_type: compound\n    - sls: b\n",
            "EOS-S081",
            ":3: target: G@grain:value expected",
        ),
        (
            "a:\n  salt.state:\n    - tgt: 'n1 or'\n    - tgt_type: compound\n    - sls: b\n",
            "EOS-S081",
            ":3: target: a term expected",
        ),
        (
            "a:\n  salt.state:\n    - tgt: role\n    - tgt_type: grain\n    - sls: b\n",
            "EOS-S081",
            ":3: target: grain:value expected",
        ),
        (
            "a:\n  salt.state:\n    - tgt: n1\n    - sls: [roles.edge, site.proxy]\n",
            "EOS-S082",
            ":4: salt.state: the state of a role and others need a step each",
        ),
        ("a:\n  salt.state:\n    - sls: b\n", "EOS-S012", ":2: salt.state needs the argument tgt"),
        (
            "a:\n  salt.state:\n    - tgt: n1\n    - tgtype: x\n    - sls: b\n",
            "EOS-S010",
            ":4: salt.state takes no argument tgtype",
        ),
        (
            "a:\n  salt.state:\n    - tgt: n1\n    - sls: b\n    - batch: 0\n",
            "EOS-S011",
            ":5: batch of salt.state: a number of nodes",
        ),
        (
            "a:\n  salt.state:\n    - tgt: n1\n    - sls: b\n    - require:\n      - salt: c\n",
            "EOS-S014",
            ":5: require of a: no state salt: c",
        ),
        (
            "a:\n  test.nop:\n    - require:\n      - test: b\nb:\n  test.nop:\n    - require:\n      - test: a\n",
            "EOS-S015",
            ":2: states wait for each other: a -> b -> a",
        ),
    ] {
        let error = site(text).expect_err(text);
        let told = (crate::model::explain::Explain::code(&error).to_string(), error.to_string());
        assert_eq!(told.0, code, "{text}: {}", told.1);
        assert!(told.1.starts_with(&format!("{at}{problem}")), "{}", told.1);
    }
}

#[test]
fn each_error_has_its_text_and_its_way_out() {
    let error = site("a:\n  salt.wheel:\n    - name: key.acept\n").expect_err("misspelled");
    tells(&error, "EOS-S080", "orchestration/site.sls:2: the master has no function salt.wheel: key.acept");
    let hints = crate::model::explain::Explain::hints(&error);
    assert_eq!(hints[0], "did you mean salt.wheel: key.accept?");
    let error = site("a:\n  salt.state:\n    - tgt: n1\n    - sls: a\n    - highstate: True\n")
        .expect_err("two things");
    tells(
        &error,
        "EOS-S082",
        "orchestration/site.sls:4: salt.state: sls and highstate are two different things",
    );
    let error = site("a:\n  salt.state:\n    - tgt: (n1\n    - tgt_type: compound\n    - sls: a\n")
        .expect_err("open");
    tells(&error, "EOS-S081", "orchestration/site.sls:3: target: a closing parenthesis expected");
}

#[test]
fn the_pillar_of_a_role_is_the_plan_and_nothing_else() {
    let text = "a:\n  salt.state:\n    - tgt: n1\n    - sls: roles.edge\n    - pillar: {site: 1}\n";
    let error = site(text).expect_err("it would get lost");
    assert!(
        error.to_string().starts_with("orchestration/site.sls:5: pillar of salt.state: only eos"),
        "{error}"
    );
}
