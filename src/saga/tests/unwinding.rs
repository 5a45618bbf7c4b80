//! Every step fails, every undo is repeated, and the process dies after every record of the way back.

use super::*;

fn fail(step: &str) -> FaultPlan {
    FaultPlan { fail_at: Some(step.to_owned()), ..FaultPlan::none() }
}

fn assert_failed(result: Result<Finished, SagaError>, step: &str, case: &str) {
    match result {
        Err(SagaError::Failed { step: failed, source, .. }) => {
            let failure = &source.failure;
            let told = (failed.as_str(), failure.code.as_str(), failure.message.as_str());
            assert_eq!(told, (step, "EOS-G031", "a planned fault"), "{case}");
        }
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn a_failure_of_any_step_leaves_everything_as_before() {
    for step in steps() {
        for repeat_undo in [false, true] {
            let mut world = World::new();
            let result = world.run(FaultPlan { repeat_undo, ..fail(step.name()) });
            let case = format!("{} fails, repeat {repeat_undo}", step.name());
            assert_failed(result, step.name(), &case);
            world.assert_as_before(&case);
        }
    }
}

#[test]
fn what_was_there_before_outside_of_files_is_recorded_before_the_step_and_comes_back() {
    for ran_before in [false, true] {
        for record in 1.. {
            let mut world = World::new();
            world.env.services.extend(ran_before.then_some("toy"));
            let before = world.env.services.clone();
            let died = world.run(FaultPlan { crash_after_record: Some(record), ..FaultPlan::none() });
            world.undo(FaultPlan::none()).expect("it is undone");
            assert_eq!(world.env.services, before, "ran before {ran_before}, dead after record {record}");
            if died.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn a_failure_keeps_records_that_were_there_before() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("the first saga is completed");
    let (before, services) = world.result();
    for step in steps() {
        assert_failed(world.run(fail(step.name())), step.name(), step.name());
        world.env.services = services.clone();
        let (now, _) = world.result();
        assert_eq!(before.difference(&now), Vec::<String>::new(), "{} fails", step.name());
    }
}

#[test]
fn a_crash_after_any_record_of_the_way_back_ends_as_before() {
    for step in steps() {
        for record in 1.. {
            let mut world = World::new();
            let faults = FaultPlan { crash_after_record: Some(record), ..fail(step.name()) };
            let result = world.run(faults.clone());
            let case = format!("{} fails, dead after record {record}", step.name());
            if !matches!(result, Err(SagaError::Died { .. })) {
                assert_failed(result, step.name(), &case);
                break;
            }
            let again = world.process(fail(step.name()), |engine, steps, env| match engine.recover()? {
                Some((saga, _)) => engine.resume(&saga, steps, env).map(Some),
                None => Ok(None),
            });
            match again {
                Ok(None) => {}
                Ok(Some(finished)) => panic!("{case}: {finished:?}"),
                Err(error) => assert_failed(Err(error), step.name(), &case),
            }
            world.assert_as_before(&case);
        }
    }
}

#[test]
fn a_crash_after_any_removal_of_records_is_finished_by_the_next_start() {
    for removal in 1.. {
        let mut world = World::new();
        let faults = FaultPlan { crash_after_removal: Some(removal), ..fail("start-service") };
        let died = matches!(world.run(faults), Err(SagaError::Died { .. }));
        assert!(world.restart().expect("nothing is left to do").is_none());
        world.assert_as_before(&format!("dead after removal {removal}"));
        if !died {
            assert_eq!(removal, 4, "checkpoints, ledger and journal are removed one by one");
            break;
        }
    }
}

#[test]
fn an_interrupt_between_any_two_steps_leaves_everything_as_before() {
    struct After(std::sync::atomic::AtomicUsize);
    impl Interrupt for After {
        fn requested(&self) -> bool {
            self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0
        }
    }
    for count in 0..steps().len() {
        let mut world = World::new();
        let interrupt = After(count.into());
        let result = world.watched(
            FaultPlan::none(),
            &crate::model::progress::Silent,
            &interrupt,
            |engine, steps, env| engine.run(request(), steps, env),
        );
        assert!(matches!(result, Err(SagaError::Interrupted { .. })), "{count}: {result:?}");
        world.assert_as_before(&format!("interrupted before step {count}"));
    }
}

#[test]
fn a_state_directory_that_was_there_before_stays_as_it_was() {
    for step in steps() {
        let mut world = World::new();
        put(&world.path("var/lib/eos/notes"), "of an operator", 0o600).expect("a write");
        fs::set_permissions(world.path("var/lib/eos"), fs::Permissions::from_mode(0o750)).expect("a change");
        world.before = world.now();
        assert_failed(world.run(fail(step.name())), step.name(), step.name());
        world.assert_as_before(step.name());
    }
}
