//! `eos checkpoint list|show`: the states to which this node can be taken back.

use crate::journal::summary::{BootstrapCheckpoint, StepCheckpoint};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::table::{fields, table};

/// A table of checkpoints, in the order given.
pub fn list(checkpoints: &[BootstrapCheckpoint]) -> String {
    if checkpoints.is_empty() {
        return "no checkpoints\n".to_owned();
    }
    let rows: Vec<[String; 5]> = checkpoints
        .iter()
        .map(|checkpoint| {
            [
                checkpoint.id.to_string(),
                checkpoint.kind.clone(),
                format!("{:.0}", checkpoint.timestamp),
                stage(checkpoint),
                if checkpoint.can_rollback { "yes" } else { "no" }.to_owned(),
            ]
        })
        .collect();
    table(usize::MAX, ["ID", "OPERATION", "BEGAN", "STAGE", "ROLLBACK"], &rows)
}

/// Everything that is known of a checkpoint, and the command that returns to it.
pub fn show(output: &Output, checkpoint: &BootstrapCheckpoint, steps: &[StepCheckpoint]) -> String {
    let rollback = match checkpoint.can_rollback {
        true => output.rooted(&format!("possible: `eos rollback --to {}`", checkpoint.id)),
        false => "not possible".to_owned(),
    };
    let mut rows = vec![
        ("id", checkpoint.id.to_string()),
        ("operation", checkpoint.kind.clone()),
        ("began", format!("{:.0}", checkpoint.timestamp)),
        ("stage", stage(checkpoint)),
        ("rollback", rollback),
    ];
    let nodes = checkpoint.node_states.iter();
    rows.extend(nodes.map(|(node, state)| ("node before", format!("{node}: {state}"))));
    let mut text = fields(usize::MAX, &rows);
    if !steps.is_empty() {
        let each = |step: &StepCheckpoint| {
            let line = |(path, was): &(String, String)| [step.step.clone(), clean(path), was.clone()];
            step.before.iter().map(line).collect::<Vec<_>>()
        };
        let rows: Vec<[String; 3]> = steps.iter().flat_map(each).collect();
        text.push('\n');
        text.push_str(&table(usize::MAX, ["STEP", "PATH", "BEFORE"], &rows));
    }
    text
}

fn stage(checkpoint: &BootstrapCheckpoint) -> String {
    if checkpoint.stage.is_empty() { "-".to_owned() } else { checkpoint.stage.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SagaId;
    use std::collections::BTreeMap;

    fn checkpoint() -> BootstrapCheckpoint {
        let id = SagaId::parse("s1").expect("an id");
        let began = "2026-01-02T03:04:05.678Z".parse().expect("a time");
        let nodes = BTreeMap::from([("node1".to_owned(), "active".to_owned())]);
        BootstrapCheckpoint::new(id, "join", began, nodes)
    }

    #[test]
    fn checkpoints_are_listed() {
        let done = BootstrapCheckpoint { stage: "confirm".to_owned(), can_rollback: false, ..checkpoint() };
        assert_eq!(
            list(&[checkpoint(), done]),
            "\
ID  OPERATION  BEGAN                 STAGE    ROLLBACK
s1  join       2026-01-02T03:04:05Z  -        yes
s1  join       2026-01-02T03:04:05Z  confirm  no
"
        );
        assert_eq!(list(&[]), "no checkpoints\n");
    }

    #[test]
    fn a_checkpoint_names_what_was_there_and_the_command_that_returns_to_it() {
        let before = [("etc/eos/cluster.yaml", "file"), ("var/lib/eos", "nothing")];
        let before = before.map(|(path, was)| (path.to_owned(), was.to_owned())).to_vec();
        let steps = [StepCheckpoint { step: "write-configuration".to_owned(), before }];
        assert_eq!(
            show(&Output::plain(80), &checkpoint(), &steps),
            "\
id           s1
operation    join
began        2026-01-02T03:04:05Z
stage        -
rollback     possible: `eos rollback --to s1`
node before  node1: active

STEP                 PATH                  BEFORE
write-configuration  etc/eos/cluster.yaml  file
write-configuration  var/lib/eos           nothing
"
        );
    }
}
