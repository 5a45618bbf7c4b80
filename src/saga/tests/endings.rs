//! What the engine tells, and how it ends: events, exit statuses, texts, stuck sagas.

use super::*;
use crate::journal::record::End;
use crate::model::explain::{Exit, Explain, tells};

#[test]
fn events_tell_phases_and_steps_in_order() {
    let mut world = World::new();
    let told = Told::default();
    let quiet = AtomicBool::new(false);
    let finished = world
        .watched(FaultPlan::none(), &told, &quiet, |engine, steps, env| engine.run(request(), steps, env))
        .expect("it is completed");
    assert_eq!(
        finished,
        Finished { saga: first(), outcome: End::Completed, changed: true, kept: Vec::new() }
    );
    let events = told.0.into_inner().expect("no panic while it was held");
    let lines: Vec<String> = events
        .iter()
        .take(6)
        .map(|event| match event {
            Event::Phase { name } => format!("phase {name}"),
            Event::StepStarted { number, total, step, .. } => format!("{number}/{total} {step}"),
            Event::StepEnded { number, outcome, .. } => format!("{number} {outcome}"),
            other => format!("{other:?}"),
        })
        .collect();
    let wanted =
        ["phase detect", "1/8 look-around", "1 unchanged", "phase configure", "2/8 write-config", "2 done"];
    assert_eq!(lines, wanted);
}

#[test]
fn an_undo_that_fails_says_what_to_do_by_hand_and_can_be_tried_again() {
    let mut world = World::new();
    let faults = FaultPlan {
        fail_at: Some("remove-old".to_owned()),
        fail_undo_at: Some("replace-unit".to_owned()),
        ..FaultPlan::none()
    };
    let error = world.run(faults).expect_err("the undo fails");
    tells(&error, "EOS-G022", "step replace-unit of 0001-bootstrap could not be undone");
    assert_eq!(error.exit(), Exit::Stuck);
    let SagaError::Stuck { manual, original, .. } = &error else { panic!("{error:?}") };
    assert_eq!(original.as_ref().map(|failure| failure.message.as_str()), Some("a planned fault"));
    let root = world.root.path().display().to_string();
    let manual: Vec<String> = manual.iter().map(|line| line.replace(&root, "")).collect();
    assert_eq!(manual[0], "take back step replace-unit: do what replace-unit does");
    assert_eq!(manual[1], "ln -sfn ../nowhere /etc/link");
    assert!(
        manual[2].starts_with("install -m 0640 -o 12 -g 34 /var/lib/eos/checkpoints/0001-bootstrap/03-"),
        "{manual:?}"
    );
    assert!(manual[2].ends_with(" /etc/systemd/system/toy.service"), "{manual:?}");
    assert_eq!(manual[3], "take back step write-config: do what write-config does");
    assert_eq!(manual[4..6], ["rm -r /etc/eos/deep/er/x", "rm -r /etc/eos/cluster.yaml"]);
    let error = world.run(FaultPlan::none()).expect_err("it is still stuck");
    assert!(matches!(error, SagaError::Unfinished { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::Conflict);
    let finished = world.restart().expect("now it can be undone").expect("there was a saga");
    assert_eq!(finished.outcome, End::RolledBack);
    world.assert_as_before("after the second attempt");
}

#[test]
fn a_foreign_file_in_a_directory_that_goes_away_is_kept_and_told() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    put(&world.path("etc/eos/mine"), "mine", 0o644).expect("a write");
    let told = Told::default();
    let quiet = AtomicBool::new(false);
    world
        .watched(FaultPlan::none(), &told, &quiet, |engine, steps, env| engine.rollback(&first(), steps, env))
        .expect("it is rolled back");
    let difference = world.before.difference(&world.now());
    assert_eq!(difference, ["added directory: ./etc/eos", "added file: ./etc/eos/mine"]);
    let events = told.0.into_inner().expect("no panic while it was held");
    let text =
        format!("{} stays, because something that is not eos's is in it", world.path("etc/eos").display());
    assert!(events.contains(&Event::Warning { text }));
}

#[test]
fn a_rollback_keeps_what_somebody_changed_beside_the_original() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    put(&world.path("etc/systemd/system/toy.service"), "edited", 0o604).expect("a write");
    let finished = world
        .process(FaultPlan::none(), |engine, steps, env| engine.rollback(&first(), steps, env))
        .expect("it is rolled back");
    assert_eq!(finished.kept, ["etc/systemd/system/toy.service.changed"]);
    let difference = world.before.difference(&world.now());
    assert_eq!(difference, ["added file: ./etc/systemd/system/toy.service.changed"]);
    let kept = fs::read_to_string(world.path("etc/systemd/system/toy.service.changed")).expect("it is there");
    assert_eq!(kept, "edited");
}

/// What somebody puts into trees of a completed saga, or changes there.
fn work_of_others(world: &World) {
    put(&world.path("var/lib/eos/master/notes"), "mine", 0o600).expect("a write");
    put(&world.path("var/lib/eos/master/registry.db"), "rows that the master wrote", 0o600).expect("a write");
    put(&world.path("var/lib/eos/cluster/a/b/c"), "edited", 0o644).expect("a write");
    put(&world.path("var/lib/eos/cluster/a/new"), "mine", 0o644).expect("a write");
    put(&world.path("srv/data/mine"), "mine", 0o604).expect("a write");
    put(&world.path("srv/data/one"), "another one", 0o600).expect("a write");
}

const WORK_OF_OTHERS: [&str; 9] = [
    "added file: ./srv/data/mine",
    "added file: ./srv/data/one.changed",
    "added directory: ./var/lib/eos/cluster",
    "added directory: ./var/lib/eos/cluster/a",
    "added directory: ./var/lib/eos/cluster/a/b",
    "added file: ./var/lib/eos/cluster/a/b/c",
    "added file: ./var/lib/eos/cluster/a/new",
    "added directory: ./var/lib/eos/master",
    "added file: ./var/lib/eos/master/notes",
];

/// What is different from before, but for the directories above that have to stay.
fn left(world: &World) -> Vec<String> {
    let above = ["added directory: ./var", "added directory: ./var/lib", "added directory: ./var/lib/eos"];
    let difference = world.before.difference(&world.now()).into_iter();
    difference.filter(|line| !above.contains(&line.as_str())).collect()
}

#[test]
fn a_rollback_keeps_and_lists_what_others_put_into_or_changed_in_a_tree_of_eos() {
    let mut world = World::new();
    world.run(FaultPlan::none()).expect("it is completed");
    work_of_others(&world);
    let (told, quiet) = (Told::default(), AtomicBool::new(false));
    let finished = world
        .watched(FaultPlan::none(), &told, &quiet, |engine, steps, env| engine.rollback(&first(), steps, env))
        .expect("it is rolled back");
    assert_eq!(left(&world), WORK_OF_OTHERS);
    assert!(!finished.kept.iter().any(|kept| kept == "srv/data/one"), "that is the original again");
    let beside = world.path("srv/data/one.changed");
    let text = format!("/srv/data/one was changed since eos wrote it; that is kept as {}", beside.display());
    let warnings = told.0.into_inner().expect("no panic while it was held");
    assert!(warnings.contains(&Event::Warning { text }), "{warnings:?}");
    let original = world.path("srv/data/one").display().to_string();
    let wrong = format!("{original} stays: somebody else put it there or changed it");
    assert!(!warnings.contains(&Event::Warning { text: wrong }));
    for path in
        ["srv/data/mine", "srv/data/one.changed", "var/lib/eos/cluster/a/b/c", "var/lib/eos/master/notes"]
    {
        assert!(finished.kept.iter().any(|kept| kept == path), "{path} is not in {:?}", finished.kept);
    }
    let text = |path: &str| fs::read_to_string(world.path(path)).expect("it is there");
    assert_eq!((text("srv/data/one"), text("srv/data/one.changed")), ("one".into(), "another one".into()));
}

#[test]
fn a_rollback_that_dies_after_any_record_loses_nothing_of_others() {
    for more in 1.. {
        let mut world = World::new();
        world.run(FaultPlan::none()).expect("it is completed");
        work_of_others(&world);
        let records = 2 * world.steps.len() + 2;
        let plan = FaultPlan { crash_after_record: Some(records + more), ..FaultPlan::none() };
        let died = world.process(plan, |engine, steps, env| engine.rollback(&first(), steps, env));
        if died.is_ok() {
            assert!(more > records, "it died after each record, and ended at {more}");
            break;
        }
        world.restart().expect("it goes on");
        assert_eq!(left(&world), WORK_OF_OTHERS, "died after {more}");
    }
}

#[test]
fn a_saga_that_cannot_begin_leaves_nothing() {
    let mut world = World::new();
    let error = world
        .process(FaultPlan::none(), |engine, steps, env| {
            engine.run(Request::new("a/b", serde_json::Value::Null), steps, env)
        })
        .expect_err("no identifier");
    tells(&error, "EOS-G030", "the kind \"a/b\" is not usable for a saga");
    world.assert_as_before("after an unusable kind");
    world.steps.extend(steps());
    let error = world.run(FaultPlan::none()).expect_err("names repeat");
    tells(&error, "EOS-G030", "a second step look-around is not usable for a saga");
    world.assert_as_before("after repeated names");
}

#[test]
fn a_journal_that_cannot_be_written_stops_the_saga_where_it_is() {
    let mut world = World::new();
    let obstruct: Work = |root| {
        let journal = root.join("var/lib/eos/journal/0001-bootstrap.jsonl");
        gone(&journal)?;
        fs::create_dir(&journal)
    };
    world.steps = vec![toy("obstruct", Stage::Configure, vec![file("etc/eos/x")], obstruct)];
    let error = world.run(FaultPlan::none()).expect_err("nothing can be recorded");
    let text = "0001-bootstrap stopped where it was, because what it does could not be recorded";
    tells(&error, "EOS-G023", text);
    assert_eq!(error.exit(), Exit::Stuck);
    let hints = error.hints();
    assert!(hints.contains(&"or undo it: eos rollback --to 0001-bootstrap".to_owned()), "{hints:?}");
}

#[test]
fn a_damaged_journal_stops_everything_and_is_named() {
    let mut world = World::new();
    assert!(world.run(FaultPlan { crash_after_record: Some(5), ..FaultPlan::none() }).is_err());
    let journal = file::path(&world.root, &first());
    let mut bytes = fs::read(&journal).expect("a journal");
    bytes[200] ^= 1;
    fs::write(&journal, bytes).expect("a write");
    let error = world.restart().expect_err("the journal is damaged");
    assert_eq!(
        error.to_string(),
        format!("journal {} is damaged at line 1: its chain does not match", journal.display())
    );
    assert_eq!((error.code().to_string().as_str(), error.exit()), ("EOS-G001", Exit::Stuck));
}

#[test]
fn a_failed_step_ends_the_command_as_its_own_error_would() {
    struct Refused;
    impl Step<Env> for Refused {
        fn name(&self) -> &'static str {
            "knock"
        }
        fn stage(&self) -> Stage {
            Stage::Accept
        }
        fn describe(&self) -> String {
            "ask to be let in".to_owned()
        }
        fn touches(&self) -> Vec<Touch> {
            Vec::new()
        }
        fn run(&self, _: &mut Env) -> Result<Outcome, StepError> {
            Err(StepError::from(SagaError::Unknown { saga: first() }))
        }
        fn undo(&self, _: &mut Env) -> Result<(), StepError> {
            Ok(())
        }
    }
    let mut world = World::new();
    world.steps = vec![Box::new(Refused)];
    let error = world.run(FaultPlan::none()).expect_err("it is refused");
    assert_eq!(
        (error.to_string().as_str(), error.exit()),
        ("step knock failed, and everything was undone", Exit::Usage)
    );
    let failure = error.to_failure();
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("EOS-G026", "no checkpoint 0001-bootstrap is kept here")
    );
    assert_eq!(failure.hints, ["see what is kept: eos checkpoint list"]);
}
