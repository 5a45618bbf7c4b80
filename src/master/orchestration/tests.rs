//! Runs on a real registry: written down before they are told, resumed by another master, replaced by the next.

use super::look::look;
use super::*;
use crate::host::paths;
use crate::lifecycle::NodeState;
use crate::master::error::MasterError;
use crate::master::fixture::{self, MasterHost};
use crate::master::planning;
use crate::master::run;
use crate::model::config::Config;
use crate::orchestration::StepState;
use crate::orchestration::{Cause, Stage};
use crate::registry::Change;
use crate::registry::record::{NodeRecord, SaltRecord};
use crate::sls::embedded;
use crate::wire::salt::{SaltDone, SaltErrand, SaltStep};
use std::net::SocketAddr;

/// A master with the shipped tree and these members, all of which have applied generation 1.
fn host(members: &[&str]) -> anyhow::Result<(MasterHost, Vec<NodeRecord>)> {
    let host = MasterHost::new()?;
    for (name, bytes) in embedded::FILES {
        put(&host, name, bytes)?;
    }
    let mut nodes = Vec::new();
    for (order, name) in members.iter().enumerate() {
        let order = order as u64;
        let node = NodeRecord { applied: 1, order, ..fixture::node(name, NodeState::Active, 0) };
        host.put(node.clone())?;
        nodes.push(node);
    }
    Ok((host, nodes))
}

fn put(host: &MasterHost, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = host.folder.path().join(paths::CLUSTER_STATES).join(name);
    std::fs::create_dir_all(path.parent().expect("it is below the tree"))?;
    Ok(std::fs::write(path, bytes)?)
}

/// Begins generation 2, of which this node is the new one.
fn begin(app: &App, new_node: &NodeRecord) -> anyhow::Result<()> {
    let mut cluster = app.cluster();
    let members = cluster.members().cloned().collect();
    let cause = Cause::Added(new_node.name.clone());
    let (changes, _) = planning::replan(&cluster, &app.rules, members, cause)?;
    cluster.commit(changes)?;
    app.announce(&cluster);
    Ok(())
}

/// The names of those whose turn has not come.
fn held(app: &App) -> Vec<String> {
    let cluster = app.cluster();
    let turn = app.turn.borrow().clone();
    let mut held: Vec<String> =
        cluster.members().filter(|node| turn.holds(&node.id)).map(|node| node.name.to_string()).collect();
    held.sort();
    held
}

fn stage(app: &App) -> Option<Stage> {
    app.cluster().run.as_ref().map(|run| run.stage)
}

fn applies(app: &App, node: &NodeRecord) -> anyhow::Result<()> {
    let mut cluster = app.cluster();
    let known = cluster.nodes[&node.id].clone();
    Ok(cluster.commit(vec![Change::PutNode(Box::new(NodeRecord { applied: 2, ..known }))])?)
}

/// The same registry in the hands of a new process.
fn reopened(host: &MasterHost) -> anyhow::Result<Arc<App>> {
    let root = crate::host::root::Root::new(host.folder.path())?;
    let address = SocketAddr::from(([127, 0, 71, 1], 0));
    Ok(run::open(&root, Config::default(), || Ok(Default::default()), address)?)
}

#[test]
fn from_the_transaction_on_nobody_has_the_generation_before_a_step_gives_it() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2", "n3"])?;
    begin(&host.app, &nodes[2])?;
    assert_eq!(held(&host.app), ["n1", "n2", "n3"]);
    look(&host.app)?;
    assert_eq!(held(&host.app), ["n1", "n2"], "the new node is first");
    applies(&host.app, &nodes[2])?;
    look(&host.app)?;
    assert_eq!((held(&host.app), stage(&host.app)), (vec![], Some(Stage::Running)));
    applies(&host.app, &nodes[0])?;
    applies(&host.app, &nodes[1])?;
    look(&host.app)?;
    assert_eq!(stage(&host.app), Some(Stage::Done));
    Ok(())
}

#[test]
fn a_master_that_dies_between_any_two_looks_goes_on_where_it_was() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2", "n3"])?;
    begin(&host.app, &nodes[2])?;
    let second = reopened(&host)?;
    assert_eq!(
        (held(&second), stage(&second)),
        (vec!["n1".into(), "n2".into(), "n3".into()], Some(Stage::Begun))
    );
    look(&second)?;
    let third = reopened(&host)?;
    assert_eq!((held(&third), stage(&third)), (vec!["n1".into(), "n2".into()], Some(Stage::Running)));
    applies(&third, &nodes[2])?;
    let fourth = reopened(&host)?;
    look(&fourth)?;
    assert_eq!(held(&*reopened(&host)?), [""; 0]);
    Ok(())
}

#[test]
fn the_next_generation_takes_the_place_of_a_run_that_is_not_over() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2", "n3"])?;
    begin(&host.app, &nodes[2])?;
    look(&host.app)?;
    begin(&host.app, &nodes[0])?;
    look(&host.app)?;
    let generation = host.app.cluster().run.as_ref().map(|run| run.generation);
    assert_eq!((held(&host.app), generation), (vec!["n2".into(), "n3".into()], Some(3)));
    Ok(())
}

#[test]
fn a_file_that_waits_lets_a_node_in_whose_name_it_accepts_and_no_other() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2"])?;
    for name in ["web1", "db1"] {
        host.put(fixture::node(name, NodeState::Pending, u64::MAX / 2))?;
    }
    let text = b"in:\n  salt.wheel:\n    - name: key.accept\n    - match: web*\n\
        out:\n  salt.wheel:\n    - name: key.reject\n    - match: db1\n\
        again:\n  salt.wheel:\n    - name: key.accept\n    - match: web1\n";
    put(&host, "orchestration/node_addition.sls", text)?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    look(&host.app)?;
    let cluster = host.app.cluster();
    let state =
        |name: &str| cluster.nodes.values().find(|node| node.name.as_str() == name).map(|node| node.state);
    assert_eq!((state("web1"), state("db1")), (Some(NodeState::Joining), Some(NodeState::Rejected)));
    drop(cluster);
    let lines = host.app.audit_lines(100)?;
    let told = |action: &str, subject: &str| {
        lines.iter().filter(|line| line.action == action && line.subject == subject).count()
    };
    assert_eq!((told("accept", "web1"), told("reject", "db1")), (1, 1));
    assert_eq!(stage(&host.app), Some(Stage::Done));
    Ok(())
}

#[test]
fn who_waits_under_the_name_of_a_member_is_not_let_in_and_holds_up_nobody() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2"])?;
    let stranger =
        NodeRecord { name: nodes[1].name.clone(), ..fixture::node("x", NodeState::Pending, u64::MAX / 2) };
    host.put(stranger.clone())?;
    let text = b"in:\n  salt.wheel:\n    - name: key.accept\n    - match: n2\n";
    put(&host, "orchestration/node_addition.sls", text)?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    look(&host.app)?;
    assert_eq!(stage(&host.app), Some(Stage::Done));
    let state = |id| host.app.cluster().nodes.get(id).map(|node| node.state);
    assert_eq!(state(&stranger.id), Some(NodeState::Pending));
    Ok(())
}

#[test]
fn of_several_that_wait_under_one_name_a_file_lets_none_in() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2"])?;
    let first = fixture::node("web1", NodeState::Pending, u64::MAX / 2);
    let second =
        NodeRecord { name: first.name.clone(), ..fixture::node("x", NodeState::Pending, u64::MAX / 2) };
    for node in [&first, &second] {
        host.put(node.clone())?;
    }
    let text = b"in:\n  salt.wheel:\n    - name: key.accept\n    - match: web*\n";
    put(&host, "orchestration/node_addition.sls", text)?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    look(&host.app)?;
    let state = |id| host.app.cluster().nodes.get(id).map(|node| node.state);
    assert_eq!((state(&first.id), state(&second.id)), (Some(NodeState::Pending), Some(NodeState::Pending)));
    assert_ne!(stage(&host.app), Some(Stage::Done));
    Ok(())
}

#[test]
fn a_tree_without_orchestration_leaves_it_to_eoss_own_file() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2"])?;
    std::fs::remove_dir_all(host.folder.path().join(paths::CLUSTER_STATES))?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    assert_eq!(held(&host.app), ["n1"]);
    let trouble = host.app.cluster().run.as_ref().and_then(|run| run.trouble.clone());
    assert_eq!(trouble.map(|trouble| trouble.code), Some("EOS-S001".to_owned()));
    Ok(())
}

/// What the agent beside the Salt master is asked for.
fn asked(app: &App) -> Option<SaltErrand> {
    by_salt(app, &app.cluster())
}

/// A cluster with a Salt master, which has accepted the minions of these members.
fn salted(members: &[&str]) -> anyhow::Result<(MasterHost, Vec<NodeRecord>)> {
    let (host, mut nodes) = host(members)?;
    let mut record = SaltRecord::new();
    for node in &mut nodes {
        node.minion = Some(node.key);
        record.accepted.insert(node.name.clone(), node.key);
        host.put(node.clone())?;
    }
    host.app.cluster().commit(vec![Change::PutSalt(Box::new(record))])?;
    Ok((host, nodes))
}

fn told(succeeded: bool) -> SaltStep {
    SaltStep {
        id: "update_new_node".to_owned(),
        function: "salt.function".to_owned(),
        sls: "orchestration.role_update".to_owned(),
        job: Some("2026".to_owned()),
        succeeded,
        comment: "it ran".to_owned(),
        away: Vec::new(),
    }
}

#[test]
fn where_there_is_a_salt_master_it_is_asked_for_the_run_until_it_has_told_of_it() -> anyhow::Result<()> {
    let (host, nodes) = salted(&["n1", "n2"])?;
    let unsalted = NodeRecord { applied: 1, ..fixture::node("n3", NodeState::Active, 0) };
    host.put(unsalted)?;
    begin(&host.app, &nodes[1])?;
    assert_eq!(asked(&host.app), None);
    look(&host.app)?;
    let Some(SaltErrand::Orchestrate { run, sls, pillar }) = asked(&host.app) else {
        panic!("it is asked for")
    };
    assert_eq!((run.as_str(), sls.as_str()), ("2.1", "orchestration.node_addition"));
    let plan = &pillar["eos"]["plan"];
    assert_eq!((&plan["generation"], &plan["new_node"]), (&2.into(), &"n2".into()));
    assert!(plan["roles"]["n3"].is_string() && !plan["nodes"].to_string().contains("n3"), "{plan}");
    assert_eq!(held(&host.app), ["n1", "n2", "n3"]);
    // Another master, after this one died, asks for the same.
    assert_eq!(asked(&*reopened(&host)?).map(|errand| errand.id()), Some("orchestrate 2.1".to_owned()));
    let done = |id: &str| SaltDone { id: id.to_owned(), failure: None, steps: vec![told(true)] };
    told_by_salt(&host.app, &mut host.app.cluster(), &done("orchestrate 1.1"))?;
    assert_eq!(stage(&host.app), Some(Stage::Running), "that was another run");
    told_by_salt(&host.app, &mut host.app.cluster(), &done("orchestrate 2.1"))?;
    assert_eq!((stage(&host.app), held(&host.app)), (Some(Stage::Done), vec![]));
    assert_eq!(asked(&host.app), None);
    Ok(())
}

#[test]
fn a_run_that_failed_under_salt_is_told_step_by_step_and_run_again() -> anyhow::Result<()> {
    let (host, nodes) = salted(&["n1", "n2"])?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    let done =
        SaltDone { id: "orchestrate 2.1".to_owned(), failure: None, steps: vec![told(true), told(false)] };
    told_by_salt(&host.app, &mut host.app.cluster(), &done)?;
    assert_eq!(
        (stage(&host.app), held(&host.app)),
        (Some(Stage::Failed), vec!["n1".to_owned(), "n2".to_owned()])
    );
    let mut cluster = host.app.cluster();
    let mut run = cluster.run.clone().expect("there is one");
    let states: Vec<_> = run.steps.iter().map(|step| (step.state, step.comment.as_str())).collect();
    let comment = "job 2026: it ran";
    assert_eq!(states, [(StepState::Succeeded, comment), (StepState::Failed, comment)]);
    run.since_ms = 0;
    cluster.commit(vec![Change::PutRun(Box::new(run))])?;
    drop(cluster);
    look(&host.app)?;
    assert_eq!(asked(&host.app).map(|errand| errand.id()), Some("orchestrate 2.2".to_owned()));
    Ok(())
}

#[test]
fn a_node_whose_minion_is_silent_is_named_and_gets_its_generation_when_the_run_is_over() -> anyhow::Result<()>
{
    let (host, nodes) = salted(&["n1", "n2"])?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    let silent = SaltStep { away: vec![nodes[0].name.clone()], ..told(true) };
    let id = "orchestrate 2.1".to_owned();
    told_by_salt(&host.app, &mut host.app.cluster(), &SaltDone { id, failure: None, steps: vec![silent] })?;
    assert_eq!((stage(&host.app), held(&host.app)), (Some(Stage::Done), vec![]));
    let cluster = host.app.cluster();
    let run = cluster.run.as_ref().expect("there is one");
    let shown = status(&cluster, run, crate::host::clock::now_ms());
    assert_eq!(
        (&shown.steps[0].nodes, &shown.steps[0].away),
        (&vec![nodes[0].name.clone()], &shown.steps[0].nodes)
    );
    Ok(())
}

#[test]
fn a_run_of_which_nobody_tells_anything_fails_in_the_end() -> anyhow::Result<()> {
    let (host, nodes) = salted(&["n1", "n2"])?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    look(&host.app)?;
    assert_eq!(stage(&host.app), Some(Stage::Running));
    let mut run = host.app.cluster().run.clone().expect("there is one");
    run.since_ms -= 900_000;
    host.app.cluster().commit(vec![Change::PutRun(Box::new(run))])?;
    look(&host.app)?;
    let run = host.app.cluster().run.clone().expect("there is one");
    assert_eq!(run.stage, Stage::Failed);
    assert!(run.steps[0].comment.starts_with("EOS-M028"), "{}", run.steps[0].comment);
    let error = MasterError::SaltSilent { seconds: 900 };
    let text = "the agent beside the Salt master told nothing of the orchestration for 900 s";
    crate::model::explain::tells(&error, "EOS-M028", text);
    Ok(())
}

#[test]
fn a_master_that_has_just_started_takes_nobody_for_one_who_takes_no_tasks() -> anyhow::Result<()> {
    let (host, nodes) = host(&["n1", "n2"])?;
    let text = b"site:\n  salt.state:\n    - tgt: n1\n    - sls: site.x\n";
    put(&host, "orchestration/node_addition.sls", text)?;
    begin(&host.app, &nodes[1])?;
    look(&host.app)?;
    let second = reopened(&host)?;
    look(&second)?;
    let state = |app: &App| app.cluster().run.as_ref().map(|run| run.steps[0].state);
    assert_eq!(state(&second), Some(StepState::Running), "it was not heard of yet");
    let mut cluster = second.cluster();
    let live = cluster.live.entry(nodes[0].id.clone()).or_default();
    live.presence.heard(crate::host::clock::now_ms());
    live.takes_tasks = Some(false);
    drop(cluster);
    look(&second)?;
    assert_eq!(state(&second), Some(StepState::Failed), "it said so");
    Ok(())
}
