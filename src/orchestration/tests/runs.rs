//! Runs: in which order nodes come to their generation, and what becomes of those that fail or are away.

use super::*;

fn three() -> (RolesPlan, [Seen; 3]) {
    let roles = [("n1", Role::Edge), ("n2", Role::Core), ("n3", Role::Data)];
    (plan(&roles, Some("n3")), roles.map(|(node, role)| seen(node, role)))
}

#[test]
fn the_others_are_given_the_generation_once_the_new_node_has_applied_it() {
    let (plan, mut nodes) = three();
    let mut run = run(shipped("orchestration.node_addition", &plan));
    on(&mut run, &nodes, 0);
    assert_eq!(given(&run), ["n3"]);
    nodes[2].applied = 2;
    on(&mut run, &nodes, 10);
    assert_eq!(given(&run), ["n1", "n2", "n3"]);
    assert_eq!(run.stage, Stage::Running);
    (nodes[0].applied, nodes[1].applied) = (2, 2);
    on(&mut run, &nodes, 20);
    assert_eq!((run.stage, given(&run)), (Stage::Done, vec!["all"]));
}

#[test]
fn a_new_node_that_has_it_already_keeps_nobody_waiting() {
    let (plan, mut nodes) = three();
    nodes[2].applied = 2;
    let mut run = run(shipped("orchestration.node_addition", &plan));
    on(&mut run, &nodes, 0);
    assert_eq!(given(&run), ["n1", "n2", "n3"], "after one advance");
}

#[test]
fn a_new_node_that_fails_keeps_the_others_as_they_are_until_a_later_attempt() {
    let (plan, mut nodes) = three();
    let mut run = run(shipped("orchestration.node_addition", &plan));
    on(&mut run, &nodes, 0);
    nodes[2].failure = Some((1, "EOS-S030: an old one".to_owned()));
    on(&mut run, &nodes, 10);
    assert_eq!(run.stage, Stage::Running, "a failure of an older generation is no news");
    nodes[2].failure = Some((2, "EOS-S030: the disk is full".to_owned()));
    on(&mut run, &nodes, 20);
    assert_eq!((run.stage, given(&run)), (Stage::Failed, vec!["n3"]));
    let wanted = [("update_new_node", "failed"), ("update_core_nodes", "skipped")];
    assert!(wanted.iter().all(|one| states(&run).contains(one)), "{:?}", states(&run));
    assert_eq!(run.steps[2].comment, "n3: EOS-S030: the disk is full");
    assert_eq!(run.again_ms(), 20 + 5_000);
    run.again(5_020);
    run.set_out(shipped("orchestration.node_addition", &plan), None, 5_020);
    (nodes[2].failure, nodes[2].applied) = (None, 2);
    on(&mut run, &nodes, 5_020);
    assert_eq!(given(&run), ["n1", "n2", "n3"]);
}

#[test]
fn a_node_that_is_away_holds_up_nobody_once_it_is_gone_for_long() {
    let (plan, mut nodes) = three();
    nodes[2].there = false;
    let mut first = run(shipped("orchestration.node_addition", &plan));
    on(&mut first, &nodes, 0);
    let progress = &first.steps[1];
    assert_eq!(progress.comment, "try 1 of 10: away: n3", "it may only be restarting");
    on(&mut first, &nodes, 2_999);
    assert_eq!(first.steps[1].tries, 1);
    on(&mut first, &nodes, 3_000);
    assert_eq!(first.steps[1].tries, 2);
    nodes[2].gone = true;
    on(&mut first, &nodes, 6_000);
    assert_eq!(given(&first), ["n1", "n2", "n3"], "nothing waits for it any more");
    (nodes[0].applied, nodes[1].applied) = (2, 2);
    on(&mut first, &nodes, 6_010);
    assert_eq!(first.stage, Stage::Done);
    assert_eq!(first.steps[2].away, [name("n3")]);
}

#[test]
fn an_old_node_that_is_away_is_told_and_waited_for_by_nobody() {
    let (plan, mut nodes) = three();
    (nodes[2].applied, nodes[1].applied, nodes[0].there) = (2, 2, false);
    nodes[0].gone = true;
    let mut run = run(shipped("orchestration.node_addition", &plan));
    on(&mut run, &nodes, 0);
    assert_eq!(run.stage, Stage::Done);
    let edge = run.steps.iter().find(|one| one.step.id == "update_edge_nodes").expect("it is there");
    assert_eq!((edge.away.as_slice(), edge.comment.as_str()), ([name("n1")].as_slice(), "away: n1"));
}

#[test]
fn a_node_that_is_there_and_does_not_finish_fails_after_the_timeout() {
    let text = "a:\n  salt.state:\n    - tgt: n1\n    - sls: roles.edge\n    - timeout: 30\n";
    let (mut run, nodes) = (run(site(text).expect("it holds")), [seen("n1", Role::Edge)]);
    on(&mut run, &nodes, 0);
    on(&mut run, &nodes, 29_999);
    assert_eq!(run.stage, Stage::Running);
    on(&mut run, &nodes, 30_000);
    assert_eq!((run.stage, run.steps[0].comment.as_str()), (Stage::Failed, "n1: not done within 30 s"));
}

#[test]
fn a_batch_reaches_so_many_at_a_time_and_stops_at_failures() {
    let text = "a:\n  salt.state:\n    - tgt: 'n*'\n    - highstate: True\n    - batch: 1\n";
    let mut nodes = ["n1", "n2", "n3"].map(|node| seen(node, Role::Data));
    let mut first = run(site(text).expect("it holds"));
    on(&mut first, &nodes, 0);
    assert_eq!(given(&first), ["n1"]);
    nodes[0].applied = 2;
    on(&mut first, &nodes, 1);
    assert_eq!(given(&first), ["n1", "n2"]);
    nodes[1].failure = Some((2, "EOS-S030: broken".to_owned()));
    on(&mut first, &nodes, 2);
    assert_eq!((first.stage, given(&first)), (Stage::Failed, vec!["n1", "n2"]), "n3 is spared");
}

#[test]
fn a_step_for_a_role_that_the_plan_does_not_give_fails() {
    let text = "a:\n  salt.state:\n    - tgt: n1\n    - sls: roles.core\n";
    let (mut run, nodes) = (run(site(text).expect("it holds")), [seen("n1", Role::Edge)]);
    on(&mut run, &nodes, 0);
    assert_eq!(run.steps[0].comment, "n1: the plan gives it the role edge, the step another one");
}

#[test]
fn other_states_are_tasks_of_which_each_is_done_once() {
    let text = "a:\n  salt.state:\n    - tgt: 'n*'\n    - sls: [site.proxy, site.dns]\n    - pillar: {release: 3}\n\
        b:\n  salt.function:\n    - name: state.apply\n    - tgt: n1\n    - arg: [site.late]\n    - onchanges: [{salt: a}]\n";
    let mut run = run(site(text).expect("it holds"));
    let mut nodes = ["n1", "n2"].map(|node| seen(node, Role::Data));
    on(&mut run, &nodes, 0);
    let tasks = run.tasks();
    assert_eq!(tasks.iter().map(|(node, _)| node.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
    assert_eq!(tasks[0].1.sls, ["site.proxy", "site.dns"]);
    assert_eq!(tasks[0].1.pillar, serde_json::json!({"release": 3}));
    for (node, changed) in nodes.iter_mut().zip([false, true]) {
        let id = tasks[0].1.id.clone();
        node.done.insert(id.clone(), TaskDone { id, changed, failure: None });
    }
    on(&mut run, &nodes, 1);
    assert_eq!(states(&run), [("a", "succeeded"), ("b", "running")]);
    let (node, task) = &run.tasks()[0];
    assert_eq!((node.as_str(), &task.sls[..]), ("n1", &["site.late".to_owned()][..]));
    assert_eq!(given(&run), [""; 0], "no step gives the generation before the end");
    nodes[0].done.insert(task.id.clone(), TaskDone { id: task.id.clone(), changed: false, failure: None });
    on(&mut run, &nodes, 2);
    assert_eq!((run.stage, given(&run)), (Stage::Done, vec!["all"]));
}

#[test]
fn an_agent_that_takes_no_tasks_fails_the_step_at_once() {
    let mut run = run(site("a:\n  salt.state:\n    - tgt: n1\n    - sls: site.proxy\n").expect("it holds"));
    let node = Seen { takes_tasks: false, ..seen("n1", Role::Edge) };
    on(&mut run, &[node], 0);
    assert_eq!(run.steps[0].comment, "n1: its eos applies nothing but its role");
}

#[test]
fn requisites_decide_as_in_salt() {
    let text = "bad:\n  test.fail_without_changes: []\n\
        after_bad:\n  test.nop:\n    - require: [{test: bad}]\n\
        repair:\n  test.succeed_with_changes:\n    - onfail: [{test: bad}]\n\
        changed:\n  test.nop:\n    - onchanges: [{test: repair}]\n\
        first:\n  test.nop:\n    - order: 1\n";
    let mut run = run(site(text).expect("it holds"));
    on(&mut run, &[], 0);
    assert_eq!(
        states(&run),
        [
            ("first", "succeeded"),
            ("bad", "failed"),
            ("after_bad", "skipped"),
            ("repair", "succeeded"),
            ("changed", "succeeded"),
        ]
    );
    assert_eq!((run.stage, run.steps[2].comment.as_str()), (Stage::Failed, "bad failed"));
}

#[test]
fn a_hard_failure_ends_the_run() {
    let text = "bad:\n  test.fail_without_changes:\n    - failhard: True\nother:\n  test.nop: []\n";
    let mut run = run(site(text).expect("it holds"));
    on(&mut run, &[], 0);
    assert_eq!(states(&run), [("bad", "failed"), ("other", "skipped")]);
}

#[test]
fn no_node_that_matches_is_a_failure_and_some_may_fail_when_the_step_says_so() {
    let mut none =
        run(site("a:\n  salt.state:\n    - tgt: web*\n    - sls: roles.edge\n").expect("it holds"));
    on(&mut none, &[seen("n1", Role::Edge)], 0);
    assert_eq!(none.steps[0].comment, "no node matches its target");
    let text = "a:\n  salt.function:\n    - name: test.ping\n    - tgt: '*'\n    - expect_minions: True\n";
    let nodes = [seen("n1", Role::Edge), Seen { there: false, ..seen("n2", Role::Core) }];
    let mut strict = run(site(text).expect("it holds"));
    on(&mut strict, &nodes, 0);
    assert_eq!(states(&strict), [("a", "failed")]);
    let text = "a:\n  salt.function:\n    - name: test.ping\n    - tgt: '*'\n    - expect_minions: True\n    - allow_fail: 1\n";
    let mut lenient = run(site(text).expect("it holds"));
    on(&mut lenient, &nodes, 0);
    assert_eq!(states(&lenient), [("a", "succeeded")]);
}

#[test]
fn a_record_of_version_1_stays_readable() {
    let run = Run::parse(include_str!("../../../tests/fixtures/v1/orchestration.json")).expect("it is read");
    assert_eq!((run.stage, run.cause.sls()), (Stage::Running, "orchestration.node_addition"));
    assert_eq!(given(&run), ["node2"]);
    assert_eq!(run.steps[1].step.needs.require, [0]);
    assert!(run.steps[1].step.parallel && run.steps[2].step.retry.attempts == 1);
}

#[test]
fn a_record_survives_being_written_and_a_later_version_is_refused() {
    let (plan, nodes) = three();
    let mut run = run(shipped("orchestration.node_addition", &plan));
    on(&mut run, &nodes, 0);
    let text = serde_json::to_string(&run).expect("it serialises");
    assert_eq!(Run::parse(&text).expect("it is read"), run);
    let later = text.replacen("\"version\":1", "\"version\":2", 1);
    let error = Run::parse(&later).expect_err("later");
    assert_eq!(error.to_string(), "it has version 2, and this eos reads version 1");
}
