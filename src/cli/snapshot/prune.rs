//! `eos snapshot prune`: removes old snapshots from the stores of this host, and what restores replaced.

use super::previous::{self, Gone};
use super::{LONGEST, list, stores};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::host::clock;
use crate::model::explain::{Explain, Failure};
use crate::snapshot::retention::{Rule, Verdict};
use crate::snapshot::store::{Download, Judged, Pruned, StoreError};
use crate::view;
use crate::view::progress::Progress;
use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Instant;

/// What `eos snapshot prune` takes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("rule").required(true).multiple(true).args(["keep", "older_than", "max_bytes", "previous", "downloads"]))]
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
    /// Remove the tree that stood at the path of this source before its last restore; may be given several times
    #[arg(long, value_name = "SOURCE")]
    previous: Vec<String>,
    /// Remove the downloads that were begun and that nobody carries on at this moment
    #[arg(long)]
    downloads: bool,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl PruneArguments {
    /// Whether it is about more than what restores replaced.
    fn works_on_stores(&self) -> bool {
        self.downloads || self.keep.is_some() || self.older_than.is_some() || self.max_bytes.is_some()
    }
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
    let gone = forget(context, arguments)?;
    let mut told = Told { dry_run: arguments.dry_run, ..Told::default() };
    for store in if arguments.works_on_stores() { stores(context)? } else { Vec::new() } {
        let (now, path) = (clock::timestamp(), store.path().display().to_string());
        if rule != Rule::default() {
            let pruned = store.prune(&rule, now, &BTreeSet::new(), arguments.dry_run);
            told.pruned(pruned.map_err(failure)?, &path);
        }
        if arguments.downloads {
            let given_up = store.give_up(now, true, arguments.dry_run).map_err(failure)?;
            told.given_up(given_up, &path);
        }
    }
    let mut text = match rule != Rule::default() {
        true => view::snapshot::pruned(&told.rows, told.removed, told.freed, arguments.dry_run),
        false => String::new(),
    };
    text.push_str(&view::downloads::given_up(&told.downloads, arguments.dry_run));
    let (mut previous, mut forgotten) = (Vec::new(), 0);
    for (source, kept) in &gone {
        text.push_str(&view::snapshot::forgotten(source, kept.as_ref(), arguments.dry_run));
        if let Some(kept) = kept {
            forgotten += 1;
            previous.push(json!({ "source": source, "path": kept.path, "bytes": kept.bytes }));
        }
    }
    for warning in &told.warnings {
        view::stderr(&format!("{warning}\n"));
    }
    let result = json!({
        "snapshots": told.listed, "removed": told.removed, "freed_bytes": told.freed,
        "dry_run": arguments.dry_run, "downloads": told.begun, "previous": previous, "warnings": told.warnings,
    });
    let outcome = match (told.removed + told.downloads.len() + forgotten, arguments.dry_run) {
        (_, true) => "planned",
        (0, false) => "no-change",
        _ => "done",
    };
    Ok(Done::new(result, text).outcome(outcome))
}

/// What is told of all stores.
#[derive(Default)]
struct Told {
    rows: Vec<[String; 6]>,
    listed: Vec<Value>,
    downloads: Vec<Download>,
    begun: Vec<Value>,
    warnings: Vec<String>,
    removed: usize,
    freed: u64,
    dry_run: bool,
}

impl Told {
    fn pruned(&mut self, pruned: Pruned, store: &str) {
        self.removed += pruned.dropped().len();
        // Those of downloads are added with them.
        let of_downloads: u64 = pruned.downloads.iter().map(|one| one.bytes).sum();
        self.freed = self.freed.saturating_add(pruned.freed_bytes.saturating_sub(of_downloads));
        for one in &pruned.judged {
            self.rows.push(view::snapshot::judged(one));
            self.listed.push(entry(one, store));
        }
        self.warnings.extend(pruned.unreadable.iter().map(|(_, error)| warning(error)));
        self.given_up(pruned.downloads, store);
    }

    fn given_up(&mut self, downloads: Vec<Download>, store: &str) {
        for one in downloads {
            // A rule that only says what it would remove leaves it to be named again.
            if self.dry_run && self.downloads.iter().any(|known| known.id == one.id) {
                continue;
            }
            self.freed = self.freed.saturating_add(one.bytes);
            self.begun.push(list::download(&one, store));
            self.downloads.push(one);
        }
    }
}

fn forget(context: &Context, arguments: &PruneArguments) -> Result<Vec<Gone>, Failure> {
    let progress = Progress::new(context.output, Instant::now() + LONGEST);
    let gone = previous::forget(context, &arguments.previous, arguments.dry_run, &progress);
    progress.finish();
    gone
}

fn warning(error: &StoreError) -> String {
    format!("warning[{}]: {error}; until that is put right, no part is removed", error.code())
}

fn entry(one: &Judged, store: &str) -> Value {
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
