//! Requisites, names and extensions, and what a run makes of them.

use super::{ids, plan_of};
use crate::sls::difference::{Change, Outcome, StateResult};
use crate::sls::function::Function;
use crate::sls::plan::{State, StatePlan};
use crate::sls::run::{Carrier, Ended, run};
use jiff::Timestamp;

/// Carries out functions of `test` as they say, and remembers in which order.
#[derive(Default)]
struct Pretending {
    did: Vec<String>,
}

impl Carrier for Pretending {
    fn carry_out(&mut self, state: &State, trial: bool) -> Ended {
        let Function::Test(test) = &state.function else { panic!("only tests here") };
        self.did.push(if trial { format!("try {}", state.name) } else { state.name.clone() });
        let change = Change::Created("x".to_owned());
        let outcome = if trial { test.tested } else { test.outcome };
        Ended { changes: test.changes.then_some(change).into_iter().collect(), ..Ended::of(outcome, "") }
    }

    fn react(&mut self, state: &State, _trial: bool) -> Ended {
        self.did.push(format!("react {}", state.name));
        Ended { changes: vec![Change::Removed], ..Ended::of(Outcome::Changed, "") }
    }

    fn now(&mut self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn stopped(&mut self) -> bool {
        false
    }
}

fn plan(text: &str) -> StatePlan {
    plan_of(&[("a.sls", text)]).expect("renders")
}

fn ran(text: &str) -> (Vec<String>, Vec<StateResult>) {
    let mut carrier = Pretending::default();
    let results = run(&plan(text), &mut carrier, false);
    (carrier.did, results)
}

const CHANGES: &str =
    "changes: test.succeed_with_changes\nsame: test.nop\nfails: test.fail_without_changes\n";

#[test]
fn a_failure_fails_what_requires_it_and_nothing_else() {
    let (did, results) = ran(&format!(
        "{CHANGES}needs:\n  test.nop:\n    - require: [fails]\nany:\n  test.nop:\n    - require_any: [fails, same]\n\
         on:\n  test.nop:\n    - onfail: [fails]\nnot:\n  test.nop:\n    - onfail: [same]\n"
    ));
    assert_eq!(did, ["changes", "same", "fails", "any", "on"]);
    let needs = results.iter().find(|result| result.id == "needs").expect("a result");
    assert_eq!((needs.outcome, needs.ran), (Outcome::Failed, false));
    assert_eq!(needs.comment, "One or more requisite failed: a.fails");
    assert_eq!((needs.file.as_str(), needs.line), ("a.sls", 5));
}

#[test]
fn changes_are_reacted_to_at_once_or_at_the_end() {
    let (did, _) = ran(&format!(
        "{CHANGES}watches:\n  test.nop:\n    - watch: [changes]\nquiet:\n  test.nop:\n    - watch: [same]\n\
         listens:\n  test.nop:\n    - listen: [changes]\nlast:\n  test.nop:\n    - onchanges: [same]\n"
    ));
    assert_eq!(
        did,
        ["changes", "same", "fails", "watches", "react watches", "quiet", "listens", "react listens"]
    );
}

#[test]
fn what_prepares_a_change_runs_before_it_and_only_for_it() {
    let (did, results) = ran("changes:\n  test.succeed_with_changes: []\nsame:\n  test.nop: []\n\
         before:\n  test.nop:\n    - prereq: [changes]\nnever:\n  test.nop:\n    - prereq: [same]\n");
    assert_eq!(did, ["try changes", "before", "changes", "try same", "same"]);
    assert_eq!(results.iter().find(|result| result.id == "never").map(|result| result.ran), Some(false));
}

#[test]
fn a_state_may_declare_requisites_of_another() {
    let text = "a:\n  test.nop:\n    - order: 1\n    - onfail_in: [z]\nb:\n  test.nop:\n    - prereq_in: [z]\n    \
                - listen_in: [z]\n    - watch_in:\n      - test: z\nz:\n  test.nop: []\n";
    let refused = plan_of(&[("a.sls", text)]).expect_err("b waits for z, and z for b");
    assert_eq!(refused.to_string(), "a.sls:6: states wait for each other: b -> z -> b");
    let plan = plan(&text.replace("    - prereq_in: [z]\n", ""));
    assert_eq!(ids(&plan), ["a", "b", "z"]);
    assert_eq!(
        (plan.states[2].requisites.watches(), plan.states[2].requisites.listens.clone()),
        (vec![1], vec![(1, 1)])
    );
}

#[test]
fn names_stand_for_a_state_each_with_arguments_of_its_own() {
    let plan = plan(
        "many:\n  file.absent:\n    - names: [/b, /a, /b, /c: [order: 1]]\none:\n  test.nop:\n    - require: [{file: /a}]\n    \
         - onfail: [{file: many}]\n",
    );
    let names: Vec<_> = plan.states.iter().map(|state| state.name.as_str()).collect();
    assert_eq!(names, ["/c", "/b", "/a", "one"]);
    assert_eq!(plan.states[3].requisites.requires(), [2]);
    assert_eq!(plan.states[3].requisites.of(crate::sls::requisite::Kind::OnFail), [0, 1, 2]);
}

#[test]
fn an_extension_adds_requisites_and_replaces_the_rest() {
    let base = "f:\n  file.managed:\n    - name: /f\n    - mode: 600\n    - contents: x\n    - require: [t]\nt: test.nop\nu: test.nop\n";
    let text = "include: [b]\nextend:\n  f:\n    file:\n      - mode: 644\n      - require: [u]\n  t:\n    test.fail_without_changes: []\n";
    let plan = plan_of(&[("a.sls", text), ("b.sls", base)]).expect("renders");
    assert_eq!(ids(&plan), ["t", "u", "f"]);
    assert_eq!(plan.states[2].function.attributes().and_then(|wanted| wanted.mode), Some(0o644));
    assert_eq!(plan.states[2].requisites.requires(), [0, 1]);
    assert_eq!(plan.states[0].function.name(), "test.fail_without_changes");
    let nothing =
        plan_of(&[("a.sls", "extend:\n  x:\n    file:\n      - mode: 644\n")]).expect_err("nothing");
    assert_eq!(nothing.to_string(), "a.sls:3: extend: no single state file: x");
}

#[test]
fn requisites_name_by_function_pattern_and_included_file() {
    let plan = plan_of(&[
        (
            "a.sls",
            "include: [b]\nx:\n  test.nop:\n    - require: [{test.nop: one}]\ny:\n  test.nop:\n    - require: ['tw*']\n\
             z:\n  test.nop:\n    - require: [{sls: b}]\n",
        ),
        ("b.sls", "include: [c]\none: test.nop\n"),
        ("c.sls", "two: test.nop\n"),
    ])
    .expect("renders");
    assert_eq!(ids(&plan), ["two", "one", "x", "y", "z"]);
    assert_eq!(plan.states[3].requisites.requires(), [0]);
    assert_eq!(plan.states[4].requisites.requires(), [0, 1], "what b includes counts too");
}

#[test]
fn a_state_that_fails_hard_ends_the_run() {
    let (did, results) = ran("a:\n  test.fail_without_changes:\n    - failhard: True\nb: test.nop\n");
    assert_eq!((did, results.len()), (vec!["a".to_owned()], 1));
}
