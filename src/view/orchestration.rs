//! How a new generation is handed out, in `eos status`, and the steps of an orchestration file.

use crate::orchestration::Step;
use crate::view::Output;
use crate::view::paragraph::wrap;
use crate::view::table::table;
use crate::view::units::precise;
use crate::wire::admin::{RunStatus, StepStatus};

/// So many nodes are named in a line.
const NAMED: usize = 4;

/// The run; nothing when every node may have the generation and nothing is wrong with the file.
pub fn text(output: &Output, run: &RunStatus) -> Option<String> {
    if run.state == "done" && run.trouble.is_none() && run.steps.iter().all(|step| step.away.is_empty()) {
        return None;
    }
    let mut head = format!(
        "{} for generation {}{}: {} for {}, attempt {}",
        run.sls,
        run.generation,
        if run.by_salt { " by salt-run" } else { "" },
        run.state,
        precise(run.age_ms),
        run.attempt
    );
    if let Some(again) = run.again_in_ms {
        head.push_str(&format!(", again in {}", precise(again)));
    }
    if !run.held.is_empty() {
        head.push_str(&format!("; not their turn yet: {}", names(&run.held)));
    }
    let rows: Vec<[String; 5]> = run.steps.iter().map(row).collect();
    let table = match rows.is_empty() {
        true => String::new(),
        false => table(output.width, ["STEP", "STATE", "FOR", "NODES", "RESULT"], &rows),
    };
    Some(format!("{}{table}", wrap("", &head, output.width)))
}

fn row(step: &StepStatus) -> [String; 5] {
    let result = match (step.comment.as_str(), step.away.is_empty()) {
        ("", false) => format!("away: {}", names(&step.away)),
        (comment, _) => comment.to_owned(),
    };
    [step.id.clone(), step.state.clone(), precise(step.age_ms), names(&step.nodes), result]
}

fn names<T: std::fmt::Display>(nodes: &[T]) -> String {
    let mut named: Vec<String> = nodes.iter().take(NAMED).map(ToString::to_string).collect();
    if nodes.len() > NAMED {
        named.push(format!("{} more", nodes.len() - NAMED));
    }
    if named.is_empty() { "-".to_owned() } else { named.join(", ") }
}

/// The steps of a file, in their order.
pub fn steps(output: &Output, steps: &[Step]) -> String {
    let rows: Vec<[String; 4]> = steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let needs: Vec<&str> = step.needs.all().map(|other| steps[other].id.as_str()).collect();
            let needs = if needs.is_empty() { "-".to_owned() } else { needs.join(", ") };
            let place = format!("{}:{}", step.file, step.line);
            [format!("{} {}", at + 1, step.id), step.function.clone(), needs, place]
        })
        .collect();
    table(output.width, ["STEP", "FUNCTION", "AFTER", "PLACE"], &rows)
}
