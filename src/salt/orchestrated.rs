//! What came of `salt-run state.orchestrate`, step by step.

use crate::salt::told::Told;
use crate::wire::salt::SaltStep;
use serde_json::Value;

/// The most steps that are told.
const MOST: usize = 200;

/// The longest comment that is told, in characters.
const LONGEST: usize = 400;

/// The steps in their order, from what `salt-run --out=json state.orchestrate` says.
///
/// # Errors
/// When Salt refused the file, or its answer is not understood: in its words.
pub fn parse(text: &str) -> Result<Vec<SaltStep>, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| format!("its answer is no JSON: {error}"))?;
    let of_master = document["data"].as_object().and_then(|data| data.values().next());
    let mut told = Vec::new();
    match of_master {
        Some(Value::Object(states)) => {
            for (tag, state) in states {
                let function = function(tag).ok_or_else(|| format!("it tells of {tag}"))?;
                let state: Told = serde_json::from_value(state.clone())
                    .map_err(|error| format!("what it tells of {tag} is not understood: {error}"))?;
                told.push((function, state));
            }
        }
        Some(Value::Array(problems)) => {
            return Err(problems.iter().map(text_of).collect::<Vec<_>>().join("; "));
        }
        _ => return Err(cut(&text_of(&document))),
    }
    told.sort_by_key(|(_, state)| state.turn);
    told.truncate(MOST);
    Ok(told.into_iter().map(step).collect())
}

/// `salt.function` of `salt_|-ID_|-NAME_|-function`; an id or a name may hold anything.
fn function(tag: &str) -> Option<String> {
    let (module, rest) = tag.split_once("_|-")?;
    Some(format!("{module}.{}", rest.rsplit("_|-").next()?))
}

fn step((function, told): (String, Told)) -> SaltStep {
    let succeeded = told.result == Some(true);
    let mut comment = text_of(&told.comment);
    // What a node says of a failure is more than that it failed.
    if !succeeded && let Some(said) = said(&told.changes) {
        comment = format!("{} {said}", comment.trim_end());
    }
    let comment = cut(&comment);
    SaltStep { id: told.id, function, sls: told.sls, job: told.job, succeeded, comment, away: Vec::new() }
}

fn said(changes: &Value) -> Option<String> {
    let nodes = changes.get("ret")?.as_object()?;
    let said = nodes.iter().map(|(node, said)| format!("{node}: {}", text_of(said)));
    Some(said.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As salt-run 3008.3 prints it, cut to two steps.
    const ANSWER: &str = r#"{"data": {"m1_master": {
        "salt_|-late_|-eos_node.take_|-function": {"name": "eos_node.take",
            "changes": {"ret": {"n2": "EOS-S030: it failed"}}, "result": false,
            "comment": "Running function eos_node.take failed on minions: n2",
            "__jid__": "20261130231016398384", "__sls__": "orchestration.role_update", "__run_num__": 1,
            "start_time": "23:10:16.359429", "duration": 1172.809, "__id__": "late"},
        "salt_|-first_|-test.ping_|-function": {"name": "test.ping", "changes": {"ret": {"n1": true}},
            "comment": "Function ran successfully.", "result": true, "__jid__": "20261130231016192123",
            "__sls__": "orchestration.node_addition", "__run_num__": 0, "__id__": "first"}}},
        "outputter": "highstate", "retcode": 1}"#;

    #[test]
    fn steps_are_told_in_their_order_with_their_jobs_and_what_nodes_said() {
        let steps = parse(ANSWER).expect("it is understood");
        let told: Vec<_> = steps.iter().map(|step| (step.id.as_str(), step.succeeded)).collect();
        assert_eq!(told, [("first", true), ("late", false)]);
        assert_eq!(steps[1].function, "salt.function");
        assert_eq!(steps[1].job.as_deref(), Some("20261130231016398384"));
        let comment = "Running function eos_node.take failed on minions: n2 n2: EOS-S030: it failed";
        assert_eq!(steps[1].comment, comment);
    }

    #[test]
    fn what_salt_refuses_is_told_in_its_words() {
        let refused = r#"{"data": {"m1_master": ["Rendering SLS 'x' failed", "line 3"]}, "retcode": 1}"#;
        assert_eq!(parse(refused).expect_err("a refusal"), "Rendering SLS 'x' failed; line 3");
        assert_eq!(parse("\"no master\"").expect_err("a refusal"), "no master");
        assert_eq!(
            parse("").expect_err("none"),
            "its answer is no JSON: EOF while parsing a value at line 1 column 0"
        );
    }

    #[test]
    fn a_long_comment_is_cut_and_so_is_a_long_list() {
        let state = |turn: usize| {
            let id = format!("s{turn}");
            (
                format!("test_|-{id}_|-{id}_|-nop"),
                serde_json::json!({"__id__": id, "__run_num__": turn,
                "result": true, "comment": "x".repeat(1000)}),
            )
        };
        let states: serde_json::Map<_, _> = (0..300).map(state).collect();
        let text = serde_json::json!({"data": {"m": states}}).to_string();
        let steps = parse(&text).expect("it is understood");
        assert_eq!((steps.len(), steps[0].comment.len()), (200, 400));
    }
}
