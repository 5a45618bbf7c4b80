//! `eos state carry-out`: what `eos-apply.service` does for an agent that systemd confines.
//!
//! It may be killed at any point: the agent finds no answer, or the next one finds the journal, and what was begun is
//! undone.

use crate::agent::generation::{self, Applied, Workshop};
use crate::agent::order::{Ended, Order, Work};
use crate::agent::recovery::Hand;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::notify;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink, Wait};
use crate::telemetry::context::adopt_for;
use serde_json::json;
use std::sync::Arc;

/// Its name in the verdict object.
pub(super) const NAME: &str = "state carry-out";

/// What the service manager shows of the unit while it works.
struct Shown;

impl Sink for Shown {
    fn emit(&self, event: Event) {
        let text = match event {
            Event::StepStarted { description, .. } => description,
            Event::StepEnded { outcome, .. } => format!("the last step ended: {outcome}"),
            Event::Phase { name } if name == "undo" => "undoing what was begun".to_owned(),
            Event::Warning { text } => {
                tracing::warn!("{text}");
                return;
            }
            _ => return,
        };
        if let Err(error) = notify::status(&text) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }

    fn expect(&self, _wait: Option<Wait>) {}
}

/// Carries out the order that the agent has written down; without one, undoes what a crash left.
///
/// # Errors
/// When the order is not to be believed, or what it asks for failed; that was undone, and is the answer, too.
pub(super) fn run(context: &Context) -> Result<Done, Failure> {
    let workshop = Workshop {
        hand: Hand::Agent,
        interrupted: context.interrupted.clone(),
        sink: Arc::new(Shown),
        ..Workshop::new(context.root.clone(), context.binary()?, context.services()?)
    };
    let Some(order) = Order::take(&context.root).map_err(failure)? else {
        let unfinished = generation::is_unfinished(&context.root)?;
        let ended = ended(generation::restore(&workshop, context.runtime()));
        return told(ended, if unfinished { "undone" } else { "no-change" });
    };
    let span = tracing::info_span!("order", id = order.id);
    if let Some(trace) = &order.trace {
        let adopted = adopt_for(&span, trace);
        tracing::trace!(adopted, "trace context of the change");
    }
    let ended = span.in_scope(|| carry_out(context, &workshop, &order.work));
    order.answer(&context.root, ended.clone()).map_err(failure)?;
    told(ended, "done")
}

fn carry_out(context: &Context, workshop: &Workshop, work: &Work) -> Ended {
    match work {
        Work::Generation(desired) => ended(generation::apply(workshop, desired, context.runtime())),
        Work::Restore => ended(generation::restore(workshop, context.runtime())),
        Work::Task(task) => {
            let done = generation::perform(workshop, task, context.runtime());
            done.map_or(Ended::Busy, Ended::Task)
        }
    }
}

fn ended(applied: Applied) -> Ended {
    match applied {
        Applied::Done => Ended::Done,
        Applied::Busy => Ended::Busy,
        Applied::Failed(failure) => Ended::Failed(failure),
    }
}

/// A failure is the unit's, too, so that `systemctl --failed` shows it until the next one succeeds.
fn told(ended: Ended, outcome: &'static str) -> Result<Done, Failure> {
    let (text, outcome) = match ended {
        Ended::Failed(failure) => return Err(failure),
        Ended::Task(done) => match done.failure {
            Some(failure) => return Err(failure),
            None => ("the task is done\n", outcome),
        },
        Ended::Busy => ("another operation is in progress; nothing was done\n", "busy"),
        Ended::Done if outcome == "no-change" => ("there is nothing to apply and nothing to undo\n", outcome),
        Ended::Done if outcome == "undone" => ("what was interrupted is undone\n", outcome),
        Ended::Done => ("what the agent has ordered is done\n", outcome),
    };
    Ok(Done::new(json!({}), text).outcome(outcome))
}
