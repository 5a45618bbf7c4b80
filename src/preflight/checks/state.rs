//! Checks of what is here already: earlier runs, foreign files, another operation.

use super::{answered, unreadable};
use crate::host::paths;
use crate::preflight::measurements::{Measurements, Previous, Requirements};
use crate::preflight::report::Verdict;

pub(super) fn previous_state(m: &Measurements, _: &Requirements) -> Verdict {
    let previous = match &m.previous {
        Ok(previous) => previous,
        Err(error) => return unreadable(error),
    };
    let state = format!("{}/{}", m.root.trim_end_matches('/'), paths::STATE);
    let foreign = previous.foreign_state.join(", ");
    let ours = previous.ledger || previous.member || m.answers.unfinished.is_some();
    if !foreign.is_empty() && !ours {
        return Verdict::failed(
            format!("{state} holds what eos did not make: {foreign}"),
            format!("move it away: mv {state} {state}.before"),
        );
    }
    if let Some(unfinished) = &m.answers.unfinished {
        return Verdict::warning(
            format!("half-finished: {unfinished}; it will be taken up where it stopped"),
            "to undo it instead: eos rollback",
        );
    }
    if previous.member {
        return Verdict::passed(format!("a member already{}", kept(previous)));
    }
    if previous.started {
        let measured = format!("{state} holds keys or data of a node that is no member");
        // Without a ledger nobody knows what eos made, and a reset has nothing to go by.
        return match previous.ledger {
            true => Verdict::failed(measured, "remove what eos made here: eos reset"),
            false => Verdict::failed(measured, format!("move it away: mv {state} {state}.before")),
        };
    }
    match kept(previous) {
        kept if kept.is_empty() => Verdict::passed("clean"),
        kept => Verdict::warning(
            format!("clean{kept}"),
            format!("look at it: ls -l {}/{}", m.root.trim_end_matches('/'), paths::ETC),
        ),
    }
}

/// Foreign files that eos leaves alone.
fn kept(previous: &Previous) -> String {
    let mut names = previous.foreign_state.clone();
    names.extend(previous.foreign_configuration.iter().cloned());
    if names.is_empty() {
        String::new()
    } else {
        format!("; not made by eos and left alone: {}", names.join(", "))
    }
}

pub(super) fn operation_lock(m: &Measurements, _: &Requirements) -> Verdict {
    answered(m.answers.operation_lock.as_ref(), "nobody looked at the lock")
}
