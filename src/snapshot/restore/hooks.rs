//! The programs of the local configuration around a restore.

use super::RestoreError;
use super::journal::Journal;
use crate::host::command;
use crate::model::progress::{Sink, Wait};
use crate::model::snapshots::Hook;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The pause before an unhealthy tree is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// Stops whoever uses the tree that stands there.
pub(super) fn before(journal: &Journal, sink: &dyn Sink) -> Result<(), RestoreError> {
    run("before_restore", journal.hooks.before_restore.as_ref(), journal, sink)
}

/// Starts whoever uses the tree that stands there now.
pub(super) fn after(journal: &Journal, sink: &dyn Sink) -> Result<(), RestoreError> {
    run("after_restore", journal.hooks.after_restore.as_ref(), journal, sink)
}

fn run(
    name: &'static str,
    hook: Option<&Hook>,
    journal: &Journal,
    sink: &dyn Sink,
) -> Result<(), RestoreError> {
    let Some(hook) = hook else { return Ok(()) };
    let patience = Duration::from_secs(hook.timeout_seconds.into());
    once(name, hook, patience, patience, journal, sink)
        .map_err(|source| RestoreError::Hook { hook: name, source })
}

/// Asks until the tree is in good health, or the time for that is over.
pub(super) fn healthy(journal: &Journal, sink: &dyn Sink) -> Result<(), RestoreError> {
    let Some(hook) = &journal.hooks.healthy else { return Ok(()) };
    let all = Duration::from_secs(hook.timeout_seconds.into());
    let until = Instant::now() + all;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let Err(source) = once("healthy", hook, left, all, journal, sink) else { return Ok(()) };
        pause(PAUSE.min(until.saturating_duration_since(Instant::now())));
        if Instant::now() >= until {
            return Err(RestoreError::Unhealthy { seconds: all.as_secs(), source });
        }
    }
}

fn once(
    name: &str,
    hook: &Hook,
    patience: Duration,
    all: Duration,
    journal: &Journal,
    sink: &dyn Sink,
) -> Result<(), command::CommandError> {
    #[cfg(test)]
    if crate::host::directory::cut::is_dead() {
        let program = hook.command[0].clone();
        return Err(command::CommandError::TooSlow { program, seconds: 0 });
    }
    let now = Instant::now();
    let until = now + patience;
    let began = (until.checked_sub(all)).unwrap_or(now);
    let cause = format!("the hook {name} of {} to end: {}", journal.source, hook.command.join(" "));
    sink.expect(Some(Wait { cause, began, until, retry: until }));
    let argv: Vec<&str> = hook.command.iter().map(String::as_str).collect();
    let id = journal.applied.as_ref().map_or("", |applied| applied.id.as_str());
    let variables = [
        ("EOS_SOURCE", journal.source.as_str()),
        ("EOS_PATH", journal.target.as_str()),
        ("EOS_SNAPSHOT", id),
    ];
    let ended = command::run_hook(&argv, &variables, patience);
    sink.expect(None);
    tracing::info!(hook = name, source = journal.source, ok = ended.is_ok(), "a hook of a restore ended");
    ended.map(|_| ())
}

/// Lets time pass; nothing tells when an unhealthy tree becomes healthy.
fn pause(pause: Duration) {
    let (never, nothing) = (Condvar::new(), Mutex::new(()));
    let guard = nothing.lock().unwrap_or_else(PoisonError::into_inner);
    drop(never.wait_timeout(guard, pause).unwrap_or_else(PoisonError::into_inner));
}
