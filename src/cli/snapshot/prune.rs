//! `eos snapshot prune`: removes old snapshots from the stores of this host.

use super::stores;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::clock;
use crate::model::explain::{Explain, Failure};
use crate::snapshot::retention::{Rule, Verdict};
use crate::snapshot::store::{Judged, StoreError};
use crate::view;
use clap::{ArgGroup, Args};
use serde_json::json;
use std::collections::BTreeSet;

/// What `eos snapshot prune` takes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("rule").required(true).multiple(true).args(["keep", "older_than", "max_bytes"]))]
pub struct PruneArguments {
    /// Keep so many of the newest of each source
    #[arg(long, value_name = "NUMBER")]
    keep: Option<usize>,
    /// Remove what is older, 7d or 36h
    #[arg(long, value_name = "TIME", value_parser = age)]
    older_than: Option<u64>,
    /// Remove the oldest until the others take no more bytes in each store
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

/// Seconds, from `90s`, `10m`, `36h`, `7d` or `2w`.
fn age(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a time such as 7d or 36h");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).ok_or_else(wrong)
}

/// Prunes every store of this host, or says what that would do.
pub(super) fn run(context: &Context, arguments: &PruneArguments) -> Result<Done, Failure> {
    let rule = Rule { count: arguments.keep, age_seconds: arguments.older_than, bytes: arguments.max_bytes };
    let (mut rows, mut listed, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let (mut removed, mut freed): (usize, u64) = (0, 0);
    for store in stores(context)? {
        let pruned = store.prune(&rule, clock::timestamp(), &BTreeSet::new(), arguments.dry_run);
        let pruned = pruned.map_err(failure)?;
        removed += pruned.dropped().len();
        freed = freed.saturating_add(pruned.freed_bytes);
        for one in &pruned.judged {
            rows.push(view::snapshot::judged(one));
            listed.push(json(one, &store.path().display().to_string()));
        }
        warnings.extend(pruned.unreadable.iter().map(|(_, error)| warning(error)));
    }
    let text = view::snapshot::pruned(&rows, removed, freed, arguments.dry_run);
    for warning in &warnings {
        view::stderr(&format!("{warning}\n"));
    }
    let result = json!({
        "snapshots": listed, "removed": removed, "freed_bytes": freed, "dry_run": arguments.dry_run,
        "warnings": warnings,
    });
    let outcome = match (removed, arguments.dry_run) {
        (_, true) => "planned",
        (0, false) => "no-change",
        _ => "done",
    };
    Ok(Done::new(result, text).outcome(outcome))
}

fn warning(error: &StoreError) -> String {
    format!("warning[{}]: {error}; until that is put right, no part is removed", error.code())
}

fn json(one: &Judged, store: &str) -> serde_json::Value {
    let why = match one.verdict {
        Verdict::Within => "within",
        Verdict::Newest => "newest",
        Verdict::Protected => "being-read",
        Verdict::TooMany => "keep",
        Verdict::TooOld => "older-than",
        Verdict::TooLarge => "max-bytes",
    };
    let readers: Vec<String> = one.holders.iter().map(ToString::to_string).collect();
    json!({
        "id": one.summary.id, "source": one.summary.metadata.source,
        "created_at": one.summary.metadata.created_at, "bytes": one.summary.stored_bytes,
        "store": store, "removed": one.verdict.drops(), "why": why, "readers": readers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_number_and_a_unit() {
        for (text, seconds) in
            [("90s", 90), ("10m", 600), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)]
        {
            assert_eq!(age(text), Ok(seconds));
        }
        for wrong in ["", "d", "7", "7y", "-1d", "1.5d", "7 d", "7ä", "18446744073709551615w"] {
            assert_eq!(age(wrong), Err(format!("{wrong:?} is not a time such as 7d or 36h")));
        }
    }
}
