//! Tells people of a mount: by a program of the configuration, and by a webhook.

use crate::client::webhook;
use crate::host::command;
use crate::model::explain::Failure;
use crate::storage::config::Notices;
use crate::storage::errand::{Errand, Event};
use serde::Serialize;
use std::time::Duration;
use tokio::runtime::Handle;

/// The version of what is told: the JSON and the variables.
const SCHEMA: u32 = 1;
/// For how long the program may run, and the webhook may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long after a failure the webhook is tried again.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(180),
    Duration::from_secs(600),
];

/// What is told.
#[derive(Debug, Serialize)]
struct Notice<'a> {
    schema: u32,
    id: &'a str,
    node: &'a str,
    at: jiff::Timestamp,
    event: &'static str,
    mount: &'a std::path::Path,
    level: &'static str,
    previous_level: &'static str,
    percent: f64,
    decided_by: &'static str,
    used_bytes: u64,
    total_bytes: u64,
    available_bytes: u64,
    inodes_used: u64,
    inodes_total: u64,
    time_to_full_seconds: Option<u64>,
}

impl<'a> Notice<'a> {
    fn new(errand: &'a Errand, event: &'a Event, node: &'a str) -> Self {
        Self {
            schema: SCHEMA,
            id: &errand.id,
            node,
            at: errand.at,
            event: event.kind.name(),
            mount: &errand.mount,
            level: errand.level.name(),
            previous_level: event.previous.name(),
            percent: event.percent,
            decided_by: event.decided_by.name(),
            used_bytes: event.used,
            total_bytes: event.total,
            available_bytes: event.available,
            inodes_used: event.inodes_used,
            inodes_total: event.inodes_total,
            time_to_full_seconds: event.time_to_full_seconds,
        }
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a notice is plain data")
    }
}

/// How far telling came; a program that was run is not run again because the webhook did not answer.
#[derive(Debug, Default)]
pub(super) struct Telling {
    ran: bool,
    failures: usize,
    /// What failed for good, the program first.
    failed: Option<Failure>,
}

/// What is next.
#[derive(Debug)]
pub(super) enum Next {
    /// It is over; what failed, if something did.
    Over(Option<Failure>),
    /// The webhook is tried again after this pause.
    Again(Duration),
}

impl Telling {
    /// Goes on telling; blocks for as long as the program and the webhook take.
    pub(super) fn go_on(&mut self, to: &Notices, errand: &Errand, node: &str, runtime: &Handle) -> Next {
        // An errand of this kind without an event is one that a later eos asked for.
        let Some(event) = &errand.event else { return Next::Over(None) };
        let notice = Notice::new(errand, event, node);
        if !self.ran && !to.command.is_empty() {
            self.failed = run(&to.command, &notice).err();
        }
        self.ran = true;
        let Some(url) = &to.webhook else { return Next::Over(self.failed.take()) };
        let Err(error) = runtime.block_on(webhook::post(url, notice.json(), LIMIT)) else {
            return Next::Over(self.failed.take());
        };
        self.failures += 1;
        let failure = Failure::of(&error);
        tracing::warn!(%error, failures = self.failures, "a webhook was not told");
        let pause =
            PAUSES.get(self.failures - 1).filter(|_| crate::model::explain::Explain::retry_helps(&error));
        match pause {
            Some(pause) => Next::Again(*pause),
            None => Next::Over(self.failed.take().or(Some(failure))),
        }
    }
}

fn run(argv: &[String], notice: &Notice<'_>) -> Result<(), Failure> {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let (percent, at) = (format!("{:.1}", notice.percent), notice.at.to_string());
    let mount = notice.mount.display().to_string();
    let variables = [
        ("EOS_EVENT", notice.event),
        ("EOS_EVENT_ID", notice.id),
        ("EOS_NODE", notice.node),
        ("EOS_TIME", &at),
        ("EOS_MOUNT", &mount),
        ("EOS_LEVEL", notice.level),
        ("EOS_PREVIOUS_LEVEL", notice.previous_level),
        ("EOS_PERCENT", &percent),
        ("EOS_DECIDED_BY", notice.decided_by),
    ];
    let ended = command::run_hook_on(&argv, &variables, notice.json(), LIMIT);
    ended.map(drop).map_err(|error| {
        tracing::warn!(%error, "the program that tells people failed");
        Failure::of(&error)
    })
}
