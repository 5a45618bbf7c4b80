//! Carries a run on: which steps are over, which begin, and how the run ends.

use crate::orchestration::judge::{self, Verdict};
use crate::orchestration::run::{Progress, Run, Stage, StepState};
use crate::orchestration::seen::Seen;
use crate::orchestration::step::Work;

/// Lets in, or refuses, the nodes that wait and match; says what came of it.
pub type Admit<'a> = dyn FnMut(&str, bool) -> Verdict + 'a;

/// Carries the run on as far as it goes now. Nothing that is done here may be done twice without harm: the caller
/// writes the run down before it acts on it, and a crash in between does it again.
pub fn advance(run: &mut Run, nodes: &[Seen], now: u64, admit: &mut Admit<'_>) {
    if run.stage != Stage::Running {
        return;
    }
    for index in 0..run.steps.len() {
        let stays = !step(run, index, nodes, now, admit);
        if stays && !(run.steps[index].step.parallel && run.steps[index].state == StepState::Running) {
            break;
        }
        let progress = &run.steps[index];
        if progress.step.failhard && progress.state == StepState::Failed {
            let why = format!("{} failed", progress.step.id);
            skip_rest(run, &why, now);
            break;
        }
    }
    if run.steps.iter().all(|progress| progress.state.is_over()) {
        let well = run.steps.iter().all(|progress| progress.state == StepState::Succeeded);
        (run.stage, run.since_ms) = (if well { Stage::Done } else { Stage::Failed }, now);
    }
}

/// Carries one step on; whether it is over.
fn step(run: &mut Run, index: usize, nodes: &[Seen], now: u64, admit: &mut Admit<'_>) -> bool {
    if run.steps[index].state == StepState::Waiting {
        match readiness(run, index) {
            Readiness::NotYet => return false,
            Readiness::No(state, comment) => end(&mut run.steps[index], state, comment, now),
            Readiness::Yes => begin(&mut run.steps[index], nodes, now),
        }
    }
    let progress = &mut run.steps[index];
    if progress.state == StepState::Running && progress.again_ms.is_some_and(|again| now >= again) {
        begin(progress, nodes, now);
    }
    if run.steps[index].state == StepState::Running && run.steps[index].again_ms.is_none() {
        let verdict = match &run.steps[index].step.work {
            Work::Admit { pattern, accept } => admit(pattern, *accept),
            _ => judge::step(run, index, nodes, now),
        };
        heed(&mut run.steps[index], verdict, now);
    }
    run.steps[index].state.is_over()
}

enum Readiness {
    Yes,
    NotYet,
    No(StepState, String),
}

/// Whether the step may begin, as its requisites have it.
fn readiness(run: &Run, index: usize) -> Readiness {
    let needs = &run.steps[index].step.needs;
    if needs.all().any(|other| !run.steps[other].state.is_over()) {
        return Readiness::NotYet;
    }
    let unmet = |other: &&usize| run.steps[**other].state != StepState::Succeeded;
    if let Some(other) = needs.require.iter().chain(&needs.on_changes).find(unmet) {
        let other = &run.steps[*other];
        let why = format!("{} {}", other.step.id, other.state.name());
        return Readiness::No(StepState::Skipped, why);
    }
    if !needs.on_changes.is_empty() && needs.on_changes.iter().all(|other| !run.steps[*other].changed) {
        return Readiness::No(StepState::Succeeded, "nothing changed that it waits for".to_owned());
    }
    let failed = |other: &usize| run.steps[*other].state == StepState::Failed;
    if !needs.on_fail.is_empty() && !needs.on_fail.iter().any(failed) {
        return Readiness::No(StepState::Succeeded, "nothing failed that it waits for".to_owned());
    }
    Readiness::Yes
}

fn begin(progress: &mut Progress, nodes: &[Seen], now: u64) {
    progress.state = StepState::Running;
    progress.tries += 1;
    (progress.since_ms, progress.moved_ms, progress.again_ms) = (now, now, None);
    progress.changed = false;
    if let Work::Nodes(work) = &progress.step.work {
        let meant = nodes.iter().filter(|node| work.target.matches(node));
        progress.nodes = meant.map(|node| node.name.clone()).collect();
        progress.given = work.batch.of(progress.nodes.len()).min(progress.nodes.len());
    }
}

fn heed(progress: &mut Progress, verdict: Verdict, now: u64) {
    match verdict {
        Verdict::Busy { given } => {
            if given > progress.given {
                progress.moved_ms = now;
            }
            progress.given = given;
            // Somebody has to be given it: what it ends with is news.
            progress.changed |= progress.step.gives();
        }
        Verdict::Succeeded { changed, comment, away } => {
            (progress.away, progress.failed) = (away, Vec::new());
            progress.changed |= changed;
            progress.given = progress.nodes.len();
            end(progress, StepState::Succeeded, comment, now);
        }
        Verdict::Failed { comment, failed, away } => {
            (progress.failed, progress.away) = (failed, away);
            let retry = progress.step.retry;
            if progress.tries < retry.attempts {
                progress.again_ms = Some(now + u64::from(retry.interval_seconds) * 1000);
                progress.comment = format!("try {} of {}: {comment}", progress.tries, retry.attempts);
            } else {
                end(progress, StepState::Failed, comment, now);
            }
        }
    }
}

fn end(progress: &mut Progress, state: StepState, comment: String, now: u64) {
    (progress.state, progress.comment, progress.since_ms, progress.again_ms) = (state, comment, now, None);
}

fn skip_rest(run: &mut Run, why: &str, now: u64) {
    for progress in run.steps.iter_mut().filter(|progress| progress.state == StepState::Waiting) {
        end(progress, StepState::Skipped, why.to_owned(), now);
    }
}
