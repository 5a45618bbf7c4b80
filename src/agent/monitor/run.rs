//! The loop of the monitor: a pass at every interval and at every change of the configuration.

mod outbox;
mod pass;
mod told;

use crate::agent::monitor::actions;
use crate::agent::monitor::watcher::Watcher;
use crate::agent::monitor::{MonitorError, load, operator};
use crate::host::paths;
use crate::host::root::Root;
use crate::storage::status::ActionRecord;
use pass::Monitor;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How the monitor tells whoever supervises it.
pub struct Signals {
    /// Called once, after the first pass has written its status.
    pub ready: Box<dyn FnOnce() + Send>,
    /// Called after each pass, and every `alive_every` while the loop runs.
    pub alive: Box<dyn FnMut() + Send>,
    /// For a watchdog that is shorter than the interval between two passes.
    pub alive_every: Option<Duration>,
}

/// What is under way.
struct Work {
    handle: JoinHandle<Vec<ActionRecord>>,
    /// Ends it between two files or blocks when it becomes true.
    stop: Arc<AtomicBool>,
}

/// Runs until `shutdown` completes; actions under way are stopped between two files or blocks.
///
/// # Errors
/// When the first configuration is missing or invalid, or the first status cannot be written; later
/// ones are told in the status, and the last good configuration stays in force.
pub async fn run(
    root: Root,
    signals: Signals,
    shutdown: impl Future<Output = ()>,
) -> Result<(), MonitorError> {
    let Signals { ready, mut alive, alive_every } = signals;
    let mut watcher = Watcher::new(root.join(paths::STORAGE_OPS));
    let before = operator::last_status(&root);
    let mut monitor = Monitor::new(root.clone(), load(&root)?, before.as_ref());
    let mut work = begin(&mut monitor, None);
    monitor.write_status()?;
    let mut answers = Watcher::new(root.join(paths::STORAGE_ERRANDS));
    ready();
    let mut ticks = every(monitor.interval());
    let mut beats = alive_every.map(every);
    let mut shutdown = pin!(shutdown);
    loop {
        alive();
        tokio::select! {
            () = &mut shutdown => break,
            () = beat(&mut beats) => continue,
            records = finished(&mut work) => {
                monitor.record(records);
                if monitor.owes_a_pass() {
                    work = begin(&mut monitor, None);
                }
            }
            () = answers.changed() => monitor.hear(),
            _ = ticks.tick() => {
                monitor.note_watch(answers.renew().or(watcher.renew()));
                reload(&mut monitor, &mut ticks);
                work = begin(&mut monitor, work);
            }
            () = watcher.changed() => {
                reload(&mut monitor, &mut ticks);
                work = begin(&mut monitor, work);
            }
        }
        monitor.report();
    }
    if let Some(under_way) = &work {
        under_way.stop.store(true, Ordering::Relaxed);
        let records = finished(&mut work).await;
        monitor.record(records);
        monitor.report();
    }
    Ok(())
}

/// Ticks after each period, and does not make up for those it missed.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn reload(monitor: &mut Monitor, ticks: &mut Interval) {
    let before = monitor.interval();
    monitor.reload();
    if monitor.interval() != before {
        *ticks = every(monitor.interval());
    }
}

/// Samples, and starts what is due unless something is under way; that makes way when a mount asks for more.
fn begin(monitor: &mut Monitor, work: Option<Work>) -> Option<Work> {
    monitor.hear();
    let orders = monitor.pass(work.is_some());
    if let Some(under_way) = work.as_ref().filter(|_| monitor.is_more_urgent()) {
        under_way.stop.store(true, Ordering::Relaxed);
    }
    if orders.is_empty() {
        return work;
    }
    let (root, ops, stop) = (monitor.root().clone(), monitor.ops().clone(), Arc::default());
    let ends = Arc::clone(&stop);
    let handle = tokio::task::spawn_blocking(move || {
        let mut left = actions::budget(&ops);
        orders.iter().map(|order| order.execute(&root, &ops, &mut left, &ends)).collect()
    });
    Some(Work { handle, stop })
}

/// The records of what was under way; never returns while nothing is.
async fn finished(work: &mut Option<Work>) -> Vec<ActionRecord> {
    let Some(under_way) = work else { return std::future::pending().await };
    let result = (&mut under_way.handle).await;
    *work = None;
    match result {
        Ok(records) => records,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn beat(beats: &mut Option<Interval>) {
    match beats {
        Some(beats) => drop(beats.tick().await),
        None => std::future::pending().await,
    }
}
