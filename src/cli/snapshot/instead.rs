//! What is done when the newest snapshot of a source cannot be had: older data is taken only by someone who says so.

use crate::cli::done::Done;
use crate::client::holders::Found;
use crate::host::clock;
use crate::model::explain::Failure;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Event, Sink};
use crate::snapshot::fetch::Patience;
use crate::steps::restore_sources;
use crate::steps::tried::{self, Tried, Vain};
use crate::view::units::ago;
use crate::wire::snapshots::newest_first as by_age;
use serde_json::json;
use std::collections::BTreeSet;

/// So much of an id tells it from others.
const SHORT: usize = 12;

/// What a person asked for.
pub(super) struct Choice<'a> {
    /// The command: `pull` or `restore`.
    pub(super) command: &'a str,
    /// The source or the id.
    pub(super) what: &'a str,
    /// The holders that alone are asked; all unless some are named.
    pub(super) from: &'a [String],
    /// Whether an older one may be taken.
    pub(super) or_older: bool,
    /// What else belongs to the command line, with a blank before it.
    pub(super) more: String,
    /// What this node has itself.
    pub(super) here: BTreeSet<SnapshotId>,
}

/// What was done, and instead of what.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub(super) value: T,
    /// The newer ones that could not be had.
    pub(super) instead_of: Vec<SnapshotId>,
}

/// In the order in which they were made, whoever answers; the cluster's own order has those first who do.
pub(super) fn newest_first(mut candidates: Vec<Found>) -> Vec<Found> {
    let now = clock::now_ms();
    candidates.sort_by_key(|one| one.told.as_ref().map(|told| by_age(told, now)));
    candidates
}

/// Tells who may have a newer one, which nobody can know of.
pub(super) fn tell_untold(what: &str, found: &Found, sink: &dyn Sink) {
    if found.untold.is_empty() {
        return;
    }
    let names: Vec<&str> = found.untold.iter().map(|name| name.as_str()).collect();
    let text =
        format!("a newer snapshot of {what} may be at {}, silent since the master started", names.join(", "));
    sink.emit(Event::Warning { text });
}

/// Tries the newest, and the others only when that is wanted, or when it is not what it was said to be.
///
/// # Errors
/// When none can be had, or something else is wrong; the hints name what could be taken instead.
pub(super) fn first<T>(
    choice: &Choice<'_>,
    candidates: &[Found],
    sink: &dyn Sink,
    mut attempt: impl FnMut(&Found, Patience) -> Result<T, Failure>,
) -> Result<Taken<T>, Failure> {
    let mut tried = Tried::default();
    let mut instead_of = Vec::new();
    let mut last = None;
    while let Some(found) = tried.next(candidates.iter().cloned(), &choice.here) {
        let failure = match attempt(&found, patience(choice, &found)) {
            Ok(value) => return Ok(Taken { value, instead_of }),
            Err(failure) => failure,
        };
        let Ok(vain) = tried.failed(&found, &failure) else { return Err(failure) };
        let others = left(choice, candidates, &tried);
        if vain == Vain::Undelivered && !choice.or_older {
            return Err(pointing(choice, failure, &others));
        }
        if others.is_empty() {
            return Err(tried.fault.unwrap_or(failure));
        }
        let source = found.told.as_ref().map_or(choice.what, |told| &told.source);
        let text = format!("{}; the next one is tried", tried::told(&found, source, &failure));
        sink.emit(Event::Warning { text });
        if vain == Vain::Undelivered {
            instead_of.push(found.id.clone());
        }
        last = Some(failure);
    }
    Err(tried.fault.or(last).expect("there is a candidate, and each that was tried failed"))
}

/// Holders of which nobody heard, and those of a snapshot that need not be had, are not insisted on for long.
fn patience(choice: &Choice<'_>, found: &Found) -> Patience {
    match choice.or_older || !found.holders.iter().any(|holder| holder.alive) {
        true => restore_sources::PATIENCE,
        false => Patience::default(),
    }
}

/// What could be tried yet.
fn left(choice: &Choice<'_>, candidates: &[Found], tried: &Tried) -> Vec<Found> {
    let untried = candidates.iter().filter_map(|one| tried.next([one.clone()], &choice.here));
    untried.filter(|one| one.chosen(choice.from).is_ok()).collect()
}

/// The failure, with what can be taken instead.
fn pointing(choice: &Choice<'_>, mut failure: Failure, others: &[Found]) -> Failure {
    let Some(next) = others.first() else { return failure };
    let Choice { command, what, from, more, .. } = choice;
    let from: String = from.iter().map(|from| format!(" --from {from}")).collect();
    let all: Vec<String> = others.iter().map(|one| described(choice, one)).collect();
    failure.hints.push(format!(
        "older ones: {}; to take the newest of them that can be had: eos snapshot {command} {what} \
         --or-older{from}{more}",
        all.join(", ")
    ));
    failure.hints.push(format!("or exactly one: eos snapshot {command} {}{from}{more}", short(&next.id)));
    failure
}

/// The failure to ask which snapshot is the newest, with what can be taken nevertheless.
pub(super) fn unasked(choice: &Choice<'_>, mut failure: Failure, here: &[Found]) -> Failure {
    let Choice { command, what, more, .. } = choice;
    let newest = newest_first(here.to_vec()).into_iter().next();
    failure.hints.extend(newest.map(|found| {
        format!(
            "another node may have a newer one than {}; to take that one all the same: eos snapshot {command} {what} \
             --or-older{more}",
            described(choice, &found)
        )
    }));
    failure
}

fn short(id: &SnapshotId) -> &str {
    id.as_str().get(..SHORT).unwrap_or(id.as_str())
}

/// Its id, its age, and who has it.
fn described(choice: &Choice<'_>, found: &Found) -> String {
    let age = found.told.as_ref().map(|told| {
        let made = u64::try_from(told.created_at.as_millisecond()).unwrap_or_default();
        format!(" of {}", ago(clock::now_ms().saturating_sub(made)))
    });
    let own = choice.here.contains(&found.id).then_some("this node");
    let names: Vec<&str> = own.into_iter().chain(found.holders.iter().map(|one| one.name.as_str())).collect();
    format!("{}{} at {}", short(&found.id), age.unwrap_or_default(), names.join(" and "))
}

impl Done {
    /// Adds which newer ones could not be had.
    pub(super) fn tell_instead_of(&mut self, newer: &[SnapshotId]) {
        self.result["instead_of"] = json!(newer);
        if !newer.is_empty() {
            let newer: Vec<&str> = newer.iter().map(short).collect();
            self.text.push_str(&format!("it is older than what could not be had: {}\n", newer.join(", ")));
        }
    }
}

/// The limits of a command line, for one that is to be run instead.
pub(super) fn limits(connections: Option<u32>, bandwidth: Option<u64>) -> String {
    let connections = connections.map(|number| format!(" --connections {number}"));
    let bandwidth = bandwidth.map(|bytes| format!(" --bandwidth {bytes}"));
    [connections, bandwidth].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::NodeName;
    use crate::model::progress::{Silent, Wait};
    use jiff::Timestamp;

    fn found(id: &str, hours_ago: i64, holders: &[u8]) -> Found {
        Found::sample(id, Timestamp::now() - jiff::SignedDuration::from_hours(hours_ago), holders)
    }

    fn failure(code: &str) -> Failure {
        let (code, message) = (code.to_owned(), "it failed".to_owned());
        Failure { code, message, causes: Vec::new(), hints: Vec::new(), exit: 1 }
    }

    /// The ids that are tried when all but the last one fail so, and how it ends.
    fn run(
        codes: &[&str],
        or_older: bool,
        from: &[&str],
    ) -> anyhow::Result<(String, Result<usize, Failure>)> {
        let from: Vec<String> = from.iter().map(|text| (*text).to_owned()).collect();
        let (what, more) = ("metrics", " --into /x".to_owned());
        let here = BTreeSet::from([SnapshotId::parse("cccccccccccccccc")?]);
        let choice = Choice { command: "restore", what, from: &from, or_older, more, here };
        // Who answers comes first in what the master says.
        let all = newest_first(vec![
            found("bbbbbbbbbbbbbbbb", 3, &[1, 2]),
            found("cccccccccccccccc", 72, &[3]),
            found("aaaaaaaaaaaaaaaa", 1, &[3]),
        ]);
        let mut tried = Vec::new();
        let taken = first(&choice, &all, &Silent, |found, _| {
            tried.push(found.id.as_str()[..1].to_owned());
            match codes.get(tried.len() - 1) {
                Some(code) => Err(failure(code)),
                None => Ok(()),
            }
        });
        Ok((tried.join(" "), taken.map(|taken| taken.instead_of.len())))
    }

    #[test]
    fn older_data_is_taken_only_when_that_is_said() -> anyhow::Result<()> {
        let (tried, ended) = run(&["EOS-T044"], false, &[])?;
        let hints = ended.expect_err("nobody delivers the newest").hints;
        assert_eq!(tried, "a");
        assert_eq!(
            hints,
            [
                "older ones: bbbbbbbbbbbb of 3 h ago at node1 and node2, cccccccccccc of 3 d ago at this node; to \
                 take the newest of them that can be had: eos snapshot restore metrics --or-older --into /x",
                "or exactly one: eos snapshot restore bbbbbbbbbbbb --into /x",
            ]
        );
        assert_eq!(run(&["EOS-T044"], true, &[])?, ("a b".to_owned(), Ok(1)));
        assert_eq!(run(&["EOS-T045", "EOS-T043"], true, &[])?, ("a b c".to_owned(), Ok(2)));
        Ok(())
    }

    #[test]
    fn the_fault_is_told_when_none_can_be_had_and_what_ails_this_machine_at_once() -> anyhow::Result<()> {
        let (tried, ended) = run(&["EOS-T045", "EOS-T043", "EOS-T044"], true, &[])?;
        assert_eq!(
            (tried.as_str(), ended.map_err(|error| error.code)),
            ("a b c", Err("EOS-T045".to_owned()))
        );
        let (tried, ended) = run(&["EOS-T063"], true, &[])?;
        assert_eq!((tried.as_str(), ended.map_err(|error| error.hints)), ("a", Err(Vec::new())));
        Ok(())
    }

    #[test]
    fn a_claim_that_is_disproved_was_no_newer_snapshot() -> anyhow::Result<()> {
        assert_eq!(run(&["EOS-T229"], false, &[])?, ("a b".to_owned(), Ok(0)));
        Ok(())
    }

    #[test]
    fn of_a_holder_that_is_named_only_what_it_has_is_offered() -> anyhow::Result<()> {
        let (_, ended) = run(&["EOS-U032"], false, &["node2"])?;
        let hints = ended.expect_err("it has it not").hints;
        assert_eq!(hints.len(), 2);
        assert!(
            hints[0].starts_with("older ones: bbbbbbbbbbbb of 3 h ago at node1 and node2; "),
            "{hints:?}"
        );
        assert!(hints[1].ends_with("eos snapshot restore bbbbbbbbbbbb --from node2 --into /x"), "{hints:?}");
        Ok(())
    }

    #[test]
    fn nodes_that_have_not_told_what_they_hold_are_named() -> anyhow::Result<()> {
        let told = std::sync::Mutex::new(Vec::new());
        struct Kept<'a>(&'a std::sync::Mutex<Vec<String>>);
        impl Sink for Kept<'_> {
            fn emit(&self, event: Event) {
                if let (Event::Warning { text }, Ok(mut kept)) = (event, self.0.lock()) {
                    kept.push(text);
                }
            }

            fn expect(&self, _: Option<Wait>) {}
        }
        let one = found("aaaaaaaa", 1, &[1]);
        tell_untold("metrics", &one, &Kept(&told));
        let untold = vec![NodeName::parse("node2")?, NodeName::parse("node3")?];
        tell_untold("metrics", &Found { untold, ..one }, &Kept(&told));
        let text = "a newer snapshot of metrics may be at node2, node3, silent since the master started";
        assert_eq!(told.into_inner().map_err(|_| anyhow::anyhow!("poisoned"))?, [text]);
        Ok(())
    }

    #[test]
    fn the_limits_of_the_command_line_stay() {
        assert_eq!(limits(Some(2), Some(20_000_000)), " --connections 2 --bandwidth 20000000");
        assert_eq!(limits(None, None), "");
    }
}
