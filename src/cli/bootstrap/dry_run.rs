//! `eos bootstrap --dry-run`: what a run would do on this host as it is now.

use crate::cli::bootstrap::decide::{self, Asked, BootstrapArguments};
use crate::cli::bootstrap::line::CommandLine;
use crate::cli::bootstrap::{KIND, detect, follow, look, member, tell_without_effect};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::identity::machine;
use crate::identity::membership::Membership;
use crate::journal::file;
use crate::journal::state::{Next, SagaState};
use crate::model::explain::Failure;
use crate::model::ids::SagaId;
use crate::model::progress::{Event, Sink};
use crate::steps::{self, AnyStep, Decision};
use crate::view::Output;
use crate::view::progress::Progress;
use std::sync::Arc;
use std::time::Instant;

/// Says it; nothing is changed and no lock is taken.
pub(super) fn plan(
    context: &Context,
    arguments: &BootstrapArguments,
    mut asked: Asked,
    line: &mut CommandLine,
    progress: &Arc<Progress>,
    deadline: Instant,
) -> Result<Done, Failure> {
    let found = file::unfinished(&context.root).map_err(failure)?;
    let unfinished = found.filter(|(_, state)| state.begin.kind == KIND);
    machine::check(&context.root).map_err(failure)?;
    let known = Membership::load(&context.root).map_err(failure)?;
    if let Some(membership) = known.filter(|known| known.confirmed && unfinished.is_none()) {
        return member(context, &asked, &membership, line, progress, (deadline, None));
    }
    let plan = unfinished.as_ref().map(|(_, state)| &state.begin.plan);
    let before = plan.map(Decision::from_plan).transpose().map_err(Failure::from)?;
    follow(&mut asked, before.as_ref(), line);
    detect::detect(context, arguments, &mut asked, before.as_ref(), line, (progress, deadline))?;
    tell_without_effect(&asked, progress);
    let seen = look::look(context, arguments, &asked, before.as_ref(), progress, deadline)?;
    let decision = decide::decision(context, &asked, &seen, before.as_ref())?;
    let steps = steps::of(&decision);
    let left = match (&unfinished, &before) {
        (Some((saga, state)), Some(before)) => left(saga, state, before.same_aim(&decision), steps, progress),
        _ => steps,
    };
    Ok(listed(&context.output, &left, &decision))
}

/// The steps that an unfinished run has left, or all of them when it is undone first.
fn left(
    saga: &SagaId,
    state: &SagaState,
    same: bool,
    steps: Vec<AnyStep>,
    progress: &Arc<Progress>,
) -> Vec<AnyStep> {
    let (text, steps) = match state.next {
        Next::Run { index, .. } if same => (
            format!("going on with the unfinished bootstrap {saga}"),
            steps.into_iter().skip(index).collect(),
        ),
        _ if same => {
            (format!("the unfinished bootstrap {saga} is undone to its end, and no more"), Vec::new())
        }
        _ => (format!("an unfinished bootstrap with another aim ({saga}) is undone first"), steps),
    };
    progress.emit(Event::Note { text });
    steps
}

fn listed(output: &Output, steps: &[AnyStep], decision: &Decision) -> Done {
    let listed: Vec<(String, String, String)> = steps
        .iter()
        .map(|step| (step.stage().to_string(), step.name().to_owned(), output.rooted(&step.describe())))
        .collect();
    let text = crate::view::plan::text(&listed);
    let steps: Vec<_> = listed
        .iter()
        .map(|(stage, name, description)| serde_json::json!({"stage": stage, "name": name, "description": description}))
        .collect();
    Done::new(serde_json::json!({ "steps": steps, "decision": decision }), text).outcome("planned")
}
