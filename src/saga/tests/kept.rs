//! Which finished sagas are kept, and in which order they can be undone.

use super::*;
use crate::journal::summary;
use crate::model::explain::tells;
use crate::saga::recovery::{checkpoints, to_undo};

fn ids(world: &World) -> Vec<String> {
    file::sagas(&world.root).expect("readable").into_iter().map(String::from).collect()
}

#[test]
fn the_newest_five_and_the_first_are_kept() {
    let mut world = World::new();
    for _ in 0..8 {
        world.run(FaultPlan::none()).expect("it is completed");
    }
    let kept: Vec<String> =
        ["1", "4", "5", "6", "7", "8"].iter().map(|n| format!("000{n}-bootstrap")).collect();
    assert_eq!(ids(&world), kept);
    let listed = checkpoints(&world.root).expect("readable");
    let listed: Vec<(&str, bool)> = listed.iter().map(|c| (c.id.as_str(), c.can_rollback)).collect();
    let wanted: Vec<(&str, bool)> = kept.iter().map(|id| (id.as_str(), !id.starts_with("0001"))).collect();
    assert_eq!(listed, wanted);
    let error = to_undo(&world.root, &first()).expect_err("some in between are gone");
    let text = "0001-bootstrap can no longer be undone: the checkpoint of number 2 after it is not kept";
    tells(&error, "EOS-G028", text);
}

#[test]
fn what_is_tried_again_and_again_leaves_the_records_of_its_last_attempt_only() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    let steps: Vec<String> = steps().iter().map(|step| step.name().to_owned()).collect();
    for _ in 0..4 {
        for step in [&steps[1], &steps[2]] {
            world.run(FaultPlan { fail_at: Some(step.clone()), ..FaultPlan::none() }).expect_err("it fails");
            assert_eq!(ids(&world), ["0001-bootstrap", "0002-bootstrap"]);
        }
    }
    world.run(FaultPlan::none()).expect("it is completed");
    assert_eq!(ids(&world), ["0001-bootstrap", "0002-bootstrap"]);
    let undone = to_undo(&world.root, &first()).expect("none is missing");
    assert_eq!(undone.len(), 2, "{undone:?}");
}

#[test]
fn sagas_are_undone_from_the_newest() {
    let mut world = World::new();
    for _ in 0..3 {
        world.run(FaultPlan::none()).expect("it is completed");
    }
    let error = world
        .process(FaultPlan::none(), |engine, steps, env| engine.rollback(&first(), steps, env))
        .expect_err("newer ones exist");
    let text = "0001-bootstrap cannot be undone before 0003-bootstrap, which came after it";
    tells(&error, "EOS-G027", text);
    for saga in to_undo(&world.root, &first()).expect("all are kept") {
        world
            .process(FaultPlan::none(), |engine, steps, env| engine.rollback(&saga, steps, env))
            .expect("it is undone");
    }
    world.assert_as_before("all are undone");
}

#[test]
fn a_checkpoint_says_what_it_is() {
    let mut world = World::new();
    world
        .process(FaultPlan::none(), |engine, steps, env| {
            let mut request = request();
            request.node_states.insert("node-1".to_owned(), "ready".to_owned());
            engine.run(request, steps, env)
        })
        .expect("it is completed");
    let checkpoint = summary::show(&world.root, &first()).expect("readable").expect("there");
    assert_eq!((checkpoint.stage.as_str(), checkpoint.can_rollback), ("services", true));
    assert_eq!(checkpoint.node_states.get("node-1").map(String::as_str), Some("ready"));
}

#[test]
fn a_crash_after_any_removal_of_many_records_is_finished_by_the_next_start() {
    for removal in 1.. {
        let mut world = World::new();
        for _ in 0..3 {
            world.run(FaultPlan::none()).expect("it is completed");
        }
        let faults = FaultPlan { crash_after_removal: Some(removal), ..FaultPlan::none() };
        let mut died = false;
        for saga in to_undo(&world.root, &first()).expect("all are kept") {
            let undone =
                world.process(faults.clone(), |engine, steps, env| engine.rollback(&saga, steps, env));
            died = matches!(undone, Err(SagaError::Died { .. }));
        }
        assert_eq!(world.restart().expect("nothing is left to do"), None);
        world.assert_as_before(&format!("dead after removal {removal}"));
        if !died {
            break;
        }
    }
}
