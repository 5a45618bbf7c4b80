//! Applies the states of this node through an installed `salt-call`, in place of the embedded engine.
//!
//! What Salt reads is written below `var/lib/eos/salt` anew each time: a configuration, grains and the pillar. What
//! Salt writes for itself goes below `run/eos/salt` and is taken away afterwards. Nothing of `/etc/salt` is touched.

use crate::host::clock;
use crate::host::command;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::membership::Membership;
use crate::salt::told::Told;
use crate::sls::difference::{Change, Outcome, StateResult};
use crate::sls::inputs::Inputs;
use crate::sls::plan::StatePlan;
use crate::steps::Env;
use crate::steps::error::StepFailure;
use crate::steps::executor::Applied;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where what Salt reads is, below the root.
pub const DIRECTORY: &str = "var/lib/eos/salt";

/// Where what Salt writes for itself is, below the root.
const WORKING: &str = "run/eos/salt";

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs `salt-call` and tells what came of each state of the plan.
///
/// # Errors
/// When Salt cannot be run, or refuses the tree. A state that fails is the failure of what is returned.
pub fn apply(
    env: &Env,
    program: &str,
    membership: &Membership,
    inputs: &Inputs,
    plan: &StatePlan,
) -> Result<Applied, StepFailure> {
    prepare(env, membership, inputs)?;
    let directory = env.root.join(DIRECTORY).display().to_string();
    let argv = [program, "--local", "--config-dir", &directory, "--out", "json", "--no-color", "state.apply"];
    let began = clock::timestamp();
    let ran = command::run_clean(&argv, &[], LIMIT);
    files::remove_tree(&env.root.join(WORKING))?;
    let output = ran?;
    // It ends with status 1 for a state that fails as well, and then its answer has more to say.
    let told = parse(&output.stdout).map_err(|why| {
        let last = output.stderr.trim_end().lines().next_back().map(|line| format!("; {line}"));
        StepFailure::Salt { program: program.to_owned(), why: why + &last.unwrap_or_default() }
    })?;
    Ok(results(told, plan, began))
}

/// Writes what Salt reads.
fn prepare(env: &Env, membership: &Membership, inputs: &Inputs) -> Result<(), StepFailure> {
    let path = |name: &str| env.root.join(DIRECTORY).join(name);
    let directory = Attributes { mode: 0o700, owner: None };
    files::create_directory(&path("pillar"), directory)?;
    let below = |inside: &str| env.root.join(inside).display().to_string();
    let minion = json!({
        "file_client": "local",
        "id": membership.name,
        "root_dir": below(WORKING),
        "file_roots": {"base": [below(paths::CLUSTER_STATES)]},
        "pillar_roots": {"base": [path("pillar").display().to_string()]},
        "log_level": "error",
        "log_level_logfile": "quiet",
    });
    let grains = json!({"eos": {
        "cluster": membership.cluster,
        "role": inputs.role,
        "scale": inputs.scale,
    }});
    // JSON is YAML; and of the pillar, Salt must render nothing: a value may look like a template.
    let pillar = format!("#!json\n{}\n", inputs.pillar());
    let top = json!({"base": {"*": ["eos"]}});
    for (name, text) in [
        ("minion", format!("# Written by eos before each run of Salt.\n{minion:#}\n")),
        ("grains", format!("{grains:#}\n")),
        ("pillar/top.sls", format!("{top:#}\n")),
        ("pillar/eos.sls", pillar),
    ] {
        files::write_atomic(&path(name), text.as_bytes(), Attributes::SECRET)?;
    }
    Ok(())
}

/// The states that Salt tells of, in their order, each with its function.
fn parse(text: &str) -> Result<Vec<(String, Told)>, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| format!("its answer is no JSON: {error}"))?;
    match document.get("local") {
        Some(Value::Object(states)) => {
            let mut told = Vec::new();
            for (tag, state) in states {
                // `MODULE_|-ID_|-NAME_|-FUNCTION`; an id or a name may hold anything.
                let (module, rest) = tag.split_once("_|-").ok_or_else(|| format!("it tells of {tag}"))?;
                let function = format!("{module}.{}", rest.rsplit("_|-").next().unwrap_or(rest));
                let state: Told = serde_json::from_value(state.clone())
                    .map_err(|error| format!("what it tells of {tag} is not understood: {error}"))?;
                told.push((function, state));
            }
            told.sort_by_key(|(_, state)| state.turn);
            Ok(told)
        }
        Some(Value::Array(problems)) => Err(problems.iter().map(text_of).collect::<Vec<_>>().join("; ")),
        other => Err(other.map_or_else(|| "it tells of nothing".to_owned(), text_of)),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The same as the embedded engine tells it.
fn results(told: Vec<(String, Told)>, plan: &StatePlan, started: Timestamp) -> Applied {
    let places: BTreeMap<&str, (&str, usize)> =
        plan.states.iter().map(|state| (state.id.as_str(), (state.file.as_str(), state.line))).collect();
    let (mut results, mut failure) = (Vec::new(), None);
    for (function, state) in told {
        let changes = changes(&state.changes);
        let outcome = match state.result {
            Some(false) => Outcome::Failed,
            None => Outcome::WouldChange,
            Some(true) if changes.is_empty() => Outcome::Unchanged,
            Some(true) => Outcome::Changed,
        };
        let (file, line) = places.get(state.id.as_str()).copied().unwrap_or((state.sls.as_str(), 0));
        let result = StateResult {
            id: state.id.clone(),
            function,
            name: state.name.clone(),
            sls: state.sls.clone(),
            file: file.to_owned(),
            line,
            outcome,
            comment: text_of(&state.comment),
            changes,
            ran: true,
            started,
            duration_microseconds: (state.duration * 1000.0) as u64,
        };
        if outcome == Outcome::Failed && failure.is_none() {
            failure = Some(StepFailure::State {
                id: result.id.clone(),
                function: result.function.clone(),
                place: format!("{}:{}", result.file, result.line),
                comment: result.comment.clone(),
            });
        }
        results.push(result);
    }
    Applied { results, failure }
}

fn changes(changes: &Value) -> Vec<Change> {
    let changes = changes.as_object().into_iter().flatten();
    changes.map(|(what, to)| Change::Set { what: what.clone(), from: None, to: text_of(to) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use crate::model::role::Role;
    use crate::model::scale::Scale;
    use crate::sls::embedded::Embedded;
    use crate::sls::{Context, Wanted, render};

    /// As salt-call 3008.3 prints it, cut to two states.
    const ANSWER: &str = r#"{"local": {
        "file_|-storage_ops_configuration_|-/etc/eos/storage-ops.yaml_|-managed": {
            "changes": {}, "comment": "Unable to manage file: none of the specified sources were found",
            "name": "/etc/eos/storage-ops.yaml", "result": false, "__sls__": "storage.config",
            "__run_num__": 2, "start_time": "20:44:41.717052", "duration": 0.5,
            "__id__": "storage_ops_configuration"},
        "file_|-eos_configuration_directory_|-/etc/eos_|-directory": {
            "name": "/etc/eos", "changes": {"/etc/eos": {"directory": "new"}}, "result": true, "comment": "",
            "__sls__": "storage.config", "__run_num__": 0, "start_time": "20:44:41.708049", "duration": 8.197,
            "__id__": "eos_configuration_directory"}}}"#;

    #[test]
    fn the_first_state_that_salt_says_has_failed_is_told_with_file_and_line() {
        let inputs = Inputs::of("n1", Role::Edge, Scale::Small);
        let plan = render(&Embedded, &Wanted::Top, &Context::new("n1", inputs.pillar())).expect("it renders");
        let applied = results(parse(ANSWER).expect("it is understood"), &plan, Timestamp::UNIX_EPOCH);
        let told: Vec<_> =
            applied.results.iter().map(|one| (one.id.as_str(), one.function.as_str(), one.outcome)).collect();
        assert_eq!(
            told,
            [
                ("eos_configuration_directory", "file.directory", Outcome::Changed),
                ("storage_ops_configuration", "file.managed", Outcome::Failed),
            ]
        );
        let failure = applied.failure.expect("one failed");
        let StepFailure::State { place, comment, .. } = &failure else { panic!("{failure}") };
        assert!(place.starts_with("storage/config.sls:"), "{place}");
        assert_eq!(comment, "Unable to manage file: none of the specified sources were found");
    }

    #[test]
    fn what_salt_refuses_is_told_in_its_words() {
        let refused = parse(r#"{"local": ["No matching sls found for 'nope' in env 'base'"]}"#);
        let why = refused.expect_err("a refusal");
        let error = StepFailure::Salt { program: "/usr/bin/salt-call".to_owned(), why };
        tells(
            &error,
            "EOS-S085",
            "/usr/bin/salt-call did not apply the states: No matching sls found for 'nope' in env 'base'",
        );
        assert_eq!(
            parse("x").expect_err("no JSON"),
            "its answer is no JSON: expected value at line 1 column 1"
        );
        assert_eq!(parse("{}").expect_err("nothing"), "it tells of nothing");
    }
}
