//! How clusters of known sizes are planned, and what is said about it.

use super::input::{ScaleTargets, Target};
use super::*;
use crate::model::config::RolesConfig;
use crate::model::facts::Resources;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use Role::{Compute, Core, Data, Edge, Monolith};

fn name(text: &str) -> NodeName {
    NodeName::parse(text).expect("a valid name")
}

const GIB: u64 = 1 << 30;

/// A node large enough for every role.
fn node(text: &str, joined_order: u64, current: Option<Role>) -> PlanNode {
    let resources =
        Resources { cpus: 8, memory_bytes: 16 * GIB, disk_bytes: 200 * GIB, disk_free_bytes: 100 * GIB };
    PlanNode { current, resources, ..PlanNode::new(name(text), joined_order) }
}

fn roles(nodes: &[PlanNode], rules: &RoleRules) -> Vec<Role> {
    let plan = plan(nodes, rules).expect("a sound plan");
    nodes.iter().map(|node| plan.role_of(&node.name).expect("every node has a role")).collect()
}

fn automatic() -> RoleRules {
    RoleRules::default()
}

fn manual() -> RoleRules {
    RoleRules { assignment: Assignment::Manual, ..RoleRules::default() }
}

fn reason(nodes: &[PlanNode], rules: &RoleRules, of: &str) -> String {
    let plan = plan(nodes, rules).expect("a sound plan");
    let found = plan.assignments.iter().find(|assignment| assignment.node == name(of));
    found.expect("the node is in the plan").reason.to_string()
}

fn warnings(nodes: &[PlanNode], rules: &RoleRules) -> Vec<String> {
    plan(nodes, rules).expect("a sound plan").warnings.iter().map(ToString::to_string).collect()
}

/// Plans a growing cluster, one join after the other, and gives the roles after each.
fn grown(nodes: &[PlanNode]) -> Vec<Vec<Role>> {
    let mut live: Vec<PlanNode> = Vec::new();
    let mut history = Vec::new();
    for joiner in nodes {
        live.push(joiner.clone());
        let now = roles(&live, &automatic());
        live.iter_mut().zip(&now).for_each(|(node, role)| node.current = Some(*role));
        history.push(now);
    }
    history
}

#[test]
fn a_cluster_grows_from_monolith_over_edge_core_data_and_moves_nobody_but_the_monolith() {
    let nodes: Vec<_> = (1u64..=7).map(|order| node(&format!("n{order}"), order, None)).collect();
    let history = grown(&nodes);
    let last = [Edge, Core, Data, Data, Compute, Data];
    assert_eq!(history[0], [Monolith]);
    for size in 2..=6 {
        assert_eq!(history[size - 1], last[..size], "{size} nodes");
    }
    assert_eq!(history[6][..6], last);
}

#[test]
fn two_and_three_nodes_take_their_roles_in_the_order_of_joining_a_monolith_first() {
    let late_monolith = [node("a", 1, None), node("b", 5, Some(Monolith))];
    assert_eq!(roles(&late_monolith, &automatic()), [Core, Edge]);
    assert_eq!(
        roles(&[node("c", 3, None), node("a", 2, None), node("b", 1, None)], &automatic()),
        [Data, Core, Edge]
    );
    assert_eq!(roles(&[node("b", 1, None), node("a", 1, None)], &automatic()), [Core, Edge]);
    assert_eq!(reason(&late_monolith, &automatic(), "b"), "is number 1 of 2 in the order of joining");
}

#[test]
fn a_preference_is_honoured_where_the_targets_have_a_place_and_warned_of_where_not() {
    let mut nodes = vec![node("a", 1, Some(Edge)), node("b", 2, Some(Core)), node("c", 3, None)];
    nodes[1].preferred = Some(Data);
    assert_eq!(roles(&nodes, &automatic()), [Edge, Data, Core]);
    assert_eq!(reason(&nodes, &automatic(), "b"), "asks for this role, and the targets have a place for it");
    assert_eq!(
        warnings(&nodes[..2], &automatic()),
        ["b does not get the role it asks for: it is core, data has no place for it"]
    );
}

#[test]
fn the_last_node_becomes_the_monolith_again_whatever_holds_it() {
    let mut last = node("a", 1, Some(Core));
    last.pinned = Some(Core);
    assert_eq!(roles(&[last.clone()], &manual()), [Monolith]);
    assert_eq!(
        warnings(&[last], &manual()),
        ["a is not core as given by hand: while it is alone it is the monolith"]
    );
}

#[test]
fn resources_decide_where_a_node_without_a_role_goes() {
    let mut nodes: Vec<_> = (1u64..=5).map(|order| node(&format!("n{order}"), order, None)).collect();
    nodes[0].resources.disk_bytes = 900 * GIB;
    nodes[3].resources.disk_bytes = 800 * GIB;
    nodes[2].resources = Resources { cpus: 1, memory_bytes: GIB, disk_bytes: GIB, disk_free_bytes: 0 };
    nodes[4].resources.cpus = 64;
    assert_eq!(roles(&nodes, &automatic()), [Data, Core, Edge, Data, Compute]);
    assert_eq!(warnings(&nodes, &automatic()), Vec::<String>::new());
    assert_eq!(reason(&nodes, &automatic(), "n5"), "had no role; compute wants 1, had 0");
}

#[test]
fn processors_are_given_up_before_memory_and_memory_before_disk() {
    let small = |text: &str, cpus, memory: u64, disk: u64| PlanNode {
        resources: Resources { cpus, memory_bytes: memory * GIB, disk_bytes: disk * GIB, disk_free_bytes: 0 },
        ..node(text, 1, None)
    };
    let mut rules = automatic();
    rules.targets.medium = ScaleTargets {
        edge: None,
        core: None,
        data: Some(Target::Share(25)),
        compute: Some(Target::Share(75)),
    };
    rules.minimum.data = input::Minimum { cpus: 4, memory_bytes: 4 * GIB, disk_bytes: 50 * GIB };
    rules.minimum.compute = input::Minimum::default();
    let nodes =
        [small("cpu", 1, 8, 60), small("mem", 8, 1, 60), small("disk", 8, 8, 1), small("d2", 8, 8, 1)];
    assert_eq!(roles(&nodes, &rules), [Data, Compute, Compute, Compute]);
    assert_eq!(
        warnings(&nodes, &rules),
        ["data may be slow or fill up: 1 of its nodes have less processors than its minimum of 4, cpu has 1"]
    );
    let nodes = [small("d1", 8, 8, 1), small("mem", 8, 1, 60), small("d2", 8, 8, 1), small("d3", 8, 8, 1)];
    assert_eq!(roles(&nodes, &rules), [Compute, Data, Compute, Compute]);
}

#[test]
fn a_failing_node_keeps_its_role_and_another_stands_in_when_it_was_the_last() {
    let mut nodes = vec![
        node("a", 1, Some(Edge)),
        node("b", 2, Some(Core)),
        node("c", 3, Some(Data)),
        node("d", 4, Some(Data)),
    ];
    nodes[2].availability = Availability::Failing;
    assert_eq!(roles(&nodes, &automatic()), [Edge, Core, Data, Data]);
    nodes[2].availability = Availability::Available;
    nodes[0].availability = Availability::Failing;
    let planned = roles(&nodes, &automatic());
    assert_eq!((planned[0], planned[1]), (Edge, Core));
    let stand_in = planned[2..].iter().position(|role| *role == Edge).expect("one of the two stands in");
    let stand_in = nodes[2 + stand_in].name.clone();
    assert_eq!(
        reason(&nodes, &automatic(), stand_in.as_str()),
        "stands in: no other node of this role answers"
    );
    assert_eq!(
        warnings(&nodes, &automatic()),
        [
            "edge is off its target: 2 nodes have this role, 1 are wanted".to_owned(),
            "data is off its target: 1 nodes have this role, 2 are wanted".to_owned(),
            format!("the data of {stand_in} must be elsewhere before it moves: it leaves data for edge"),
        ]
    );
    let three = &mut nodes[..3];
    assert_eq!(roles(three, &automatic()), [Edge, Core, Data], "with nobody to spare nothing moves");
    assert_eq!(warnings(three, &automatic()), ["nobody serves edge: no node that answers has this role"]);
}

#[test]
fn whenever_a_node_goes_or_comes_back_one_other_moves_at_most() {
    let mut nodes: Vec<PlanNode> = (0..7).map(|at| node(&format!("n{at}"), at, None)).collect();
    for (at, role) in grown(&nodes).pop().expect("seven joins").into_iter().enumerate() {
        nodes[at].current = Some(role);
    }
    for flapping in 0..nodes.len() {
        let mut nodes = nodes.clone();
        for availability in [Availability::Failing, Availability::Available].repeat(5) {
            nodes[flapping].availability = availability;
            let planned = roles(&nodes, &automatic());
            let moved = nodes.iter().zip(&planned).filter(|(node, role)| node.current != Some(**role));
            assert!(moved.count() <= 1, "n{flapping} is {availability:?}: {planned:?}");
            nodes.iter_mut().zip(planned).for_each(|(node, role)| node.current = Some(role));
        }
    }
}

#[test]
fn a_leaving_node_keeps_its_role_and_the_targets_are_met_without_it() {
    let mut nodes = vec![node("a", 1, Some(Edge)), node("b", 2, Some(Core)), node("c", 3, Some(Data))];
    nodes[0].availability = Availability::Leaving;
    let plan = plan(&nodes, &automatic()).expect("a sound plan");
    assert_eq!(plan.scale, Scale::Small);
    assert_eq!(plan.targets, [(Edge, 1), (Core, 1)].into());
    assert_eq!(roles(&nodes, &automatic()), [Edge, Core, Edge]);
    let mut never = node("z", 9, None);
    never.availability = Availability::Leaving;
    nodes.push(never);
    assert!(
        warnings(&nodes, &automatic())
            .contains(&"z is left out of the plan: it is leaving and never had a role".into())
    );
    nodes.iter_mut().for_each(|node| node.availability = Availability::Leaving);
    assert!(
        warnings(&nodes, &automatic())
            .contains(&"nothing serves this cluster any more: all its nodes are leaving".into())
    );
}

#[test]
fn by_hand_nothing_moves_and_missed_targets_are_told() {
    let mut nodes = vec![
        node("a", 1, Some(Core)),
        node("b", 2, Some(Core)),
        node("c", 3, None),
        node("d", 4, Some(Edge)),
    ];
    nodes[2].preferred = Some(Edge);
    nodes[3].pinned = Some(Compute);
    assert_eq!(roles(&nodes, &manual()), [Core, Core, Edge, Compute]);
    assert_eq!(
        warnings(&nodes, &manual()),
        [
            "nobody serves data: no node that answers has this role",
            "core is off its target: 2 nodes have this role, 1 are wanted",
            "data is off its target: 0 nodes have this role, 2 are wanted",
            "compute is off its target: 1 nodes have this role, 0 are wanted",
        ]
    );
    let second = [node("a", 1, Some(Monolith)), node("b", 2, None)];
    assert_eq!(roles(&second, &manual()), [Edge, Core]);
    assert_eq!(
        warnings(&second, &manual())[1],
        "b was given core by the targets, not by hand, because it had no role: eos role set b ROLE"
    );
}

#[test]
fn without_rebalancing_only_the_monolith_and_new_nodes_get_a_role() {
    let rules = RoleRules { rebalance_on_join: false, ..automatic() };
    assert_eq!(roles(&[node("a", 1, Some(Monolith)), node("b", 2, None)], &rules), [Edge, Core]);
    let mut nodes = vec![node("a", 1, Some(Edge)), node("b", 2, Some(Core)), node("c", 3, None)];
    nodes[1].preferred = Some(Data);
    assert_eq!(roles(&nodes, &rules), [Edge, Core, Data]);
    assert_eq!(reason(&nodes, &rules, "b"), "has this role, and rebalance_on_join is off");
}

#[test]
fn counts_that_a_small_cluster_cannot_fill_are_told() {
    let mut rules = automatic();
    rules.targets.medium.core = Some(Target::Count(5));
    let nodes: Vec<_> = (1u64..=4).map(|order| node(&format!("n{order}"), order, None)).collect();
    assert_eq!(
        warnings(&nodes, &rules),
        ["core gets fewer nodes than its target states: 3 of 5, the cluster is too small"]
    );
}

#[test]
fn nodes_and_rules_that_make_no_sense_are_refused() {
    let twice = [node("a", 1, None), node("a", 2, None)];
    assert_eq!(plan(&twice, &automatic()), Err(RoleError::DuplicateName { name: name("a") }));
    assert_eq!(plan(&[], &automatic()), Err(RoleError::NoNodes));
    let mut king = node("a", 1, None);
    king.pinned = Some(Monolith);
    assert_eq!(
        plan(&[king], &automatic()),
        Err(RoleError::MonolithRequested { node: name("a"), field: "pinned" })
    );
    let id = crate::model::ids::NodeId::parse("x1").ok();
    let copies = ["b", "a"].map(|text| PlanNode { id: id.clone(), ..node(text, 1, None) });
    assert!(
        matches!(plan(&copies, &automatic()), Err(RoleError::DuplicateId { first, .. }) if first == name("a"))
    );
    let mut rules = automatic();
    rules.targets.distributed.edge = None;
    assert_eq!(rules.validate(), Err(RoleError::SharesNotWhole { scale: Scale::Distributed, percent: 90 }));
    let counts = Some(Target::Count(2));
    rules = automatic();
    rules.targets.medium = ScaleTargets { edge: counts, core: counts, data: counts, compute: None };
    assert_eq!(rules.validate(), Ok(()), "six counted nodes cover a scale that ends at six");
    rules.targets.distributed = rules.targets.medium;
    assert_eq!(rules.validate(), Err(RoleError::NoShare { scale: Scale::Distributed, counts: 6 }));
}

#[test]
fn the_difference_makes_room_before_it_takes_away_and_moves_data_last() {
    use super::difference::Wave;
    let live = [
        node("a", 1, Some(Edge)),
        node("b", 2, Some(Core)),
        node("c", 3, Some(Data)),
        node("d", 4, Some(Data)),
    ];
    let gone = simulate(&live, &[], &[name("a"), name("b")], &automatic()).expect("two stay");
    let waves: Vec<_> = gone.difference.changes.iter().map(|change| (change.wave, change.to)).collect();
    assert_eq!(
        waves,
        [
            (Wave::DataMoved, Some(Edge)),
            (Wave::DataMoved, Some(Core)),
            (Wave::Gone, None),
            (Wave::Gone, None)
        ]
    );
    let joiner = PlanNode { preferred: Some(Edge), ..node("z", 0, None) };
    let joined = simulate(&live, &[joiner], &[], &automatic()).expect("five nodes");
    let first = &joined.difference.changes[0];
    assert_eq!((first.node.as_str(), first.wave, first.to), ("z", Wave::New, Some(Edge)));
    assert_eq!((joined.difference.moved(), joined.difference.unchanged), (1, 3));
    assert_eq!(
        (joined.difference.scale_before, joined.difference.scale_after),
        (Scale::Medium, Scale::Medium)
    );
    let text = serde_json::to_string(&joined).expect("it serialises");
    assert_eq!(serde_json::from_str::<Simulation>(&text).expect("it is read back"), joined);
}

#[test]
fn a_simulation_refuses_names_that_do_not_fit_and_allows_a_reinstallation() {
    let live = [node("a", u64::MAX, Some(Edge)), node("b", 2, Some(Core))];
    assert_eq!(
        simulate(&live, &[], &[name("x")], &automatic()),
        Err(RoleError::RemoveUnknown { name: name("x") })
    );
    assert_eq!(
        simulate(&live, &[node("a", 1, None)], &[], &automatic()),
        Err(RoleError::AddExisting { name: name("a") })
    );
    let again = simulate(&live, &[node("b", 1, None)], &[name("b")], &automatic()).expect("two nodes");
    assert_eq!(again.plan.role_of(&name("b")), Some(Core));
}

#[test]
fn the_file_of_nodes_of_version_1_stays_readable() {
    let text = include_str!("../../tests/fixtures/v1/role-plan.yaml");
    let file: PlanFile = serde_yaml::from_str(text).expect("the fixture is readable");
    let (nodes, rules) = file.clone().accept().expect("version 1 is read");
    let rules = rules.expect("the fixture states rules");
    assert_eq!(nodes[2].joined_order, 2, "the order of the file counts");
    assert_eq!(rules.targets.medium.data, Some(Target::Share(100)));
    assert_eq!(rules.minimum.data.disk_bytes, 100 * GIB);
    assert_eq!(roles(&nodes, &rules), [Edge, Core, Data, Data]);
    let written = serde_yaml::to_string(&file).expect("it is written");
    assert_eq!(serde_yaml::from_str::<PlanFile>(&written).expect("and read back"), file);
    assert_eq!(
        PlanFile { version: 2, ..file }.accept(),
        Err(RoleError::FileVersion { found: 2, supported: 1 })
    );
}

#[test]
fn what_people_write_wrong_is_named() {
    for (text, part) in [
        ("version: 1\nnodes: []\nnode: []", "unknown field `node`"),
        ("version: 1\nnodes: [{name: a, prefered: data}]", "unknown field `prefered`"),
        ("version: 1\nnodes: [{name: a, preferred: date}]", "unknown variant `date`"),
        ("version: 1\nnodes: []\nrules: {rebalance: true}", "unknown field `rebalance`"),
        ("version: 1\nnodes: []\nrules: {targets: {medium: {monolith: 1}}}", "unknown field `monolith`"),
        ("version: 1\nnodes: []\nrules: {targets: {medium: {edge: 101%}}}", "\"101%\" is not a role target"),
    ] {
        let error = serde_yaml::from_str::<PlanFile>(text).expect_err(text).to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_configured_switches_become_rules() {
    let config =
        RolesConfig { assignment: Assignment::Manual, rebalance_on_join: false, ..RolesConfig::default() };
    let rules = RoleRules::from(&config);
    assert_eq!((rules.assignment, rules.rebalance_on_join), (Assignment::Manual, false));
    assert_eq!(rules.targets, RoleRules::default().targets);
    assert_eq!(RoleRules::from(&RolesConfig::default()), RoleRules::default());
}
