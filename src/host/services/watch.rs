//! One process of a service, from its start to its end: readiness, watchdog, stopping.

use super::channel::Verdict;
use super::error::ServiceError;
use super::keep::Supervisor;
use super::launch::Running;
use super::notification::{self, Notification};
use super::record::State;
use super::restart::End;
use super::unit::Readiness;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::time::Instant;

/// How the watch over a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// The supervisor was asked to end the service, and it ended.
    Asked,
    /// The process ended, by itself or because it hung.
    Ended(End),
}

/// Why the process is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Asked,
    Hung(End),
}

/// The watch over one process.
pub(super) struct Watch<'s, 'a> {
    supervisor: &'s mut Supervisor<'a>,
    running: Running,
    ready: bool,
    cause: Option<Cause>,
    /// When something is due: not ready in time, silent for too long, or not ended in time.
    due: Option<Instant>,
    watchdog: Option<Duration>,
}

enum Event {
    Ended,
    Asked,
    Due,
    Told(usize),
}

impl<'s, 'a> Watch<'s, 'a> {
    pub(super) fn new(supervisor: &'s mut Supervisor<'a>, running: Running) -> Result<Self, ServiceError> {
        let mut watch = Self {
            due: supervisor.unit.start_timeout.map(|timeout| Instant::now() + timeout),
            watchdog: supervisor.unit.watchdog,
            supervisor,
            running,
            ready: false,
            cause: None,
        };
        if watch.supervisor.unit.readiness == Readiness::Started {
            watch.become_ready()?;
        }
        Ok(watch)
    }

    /// Returns when the process has ended and is reaped, and what was left of its group is killed.
    pub(super) async fn until_ended(mut self) -> Result<Watched, ServiceError> {
        let mut buffer = vec![0_u8; 4096];
        loop {
            match self.next(&mut buffer).await? {
                Event::Ended => return self.reap(),
                Event::Asked => self.end(Cause::Asked, Signal::TERM)?,
                Event::Due => self.overdue()?,
                Event::Told(length) => {
                    for told in notification::parse(&buffer[..length]) {
                        self.hear(told)?;
                    }
                }
            }
        }
    }

    async fn next(&mut self, buffer: &mut [u8]) -> Result<Event, ServiceError> {
        let name = self.supervisor.name;
        let failed = || ServiceError::system(format!("watch {name}"));
        let due = self.due;
        loop {
            let supervisor = &mut *self.supervisor;
            tokio::select! {
                // What it told before it ended is heard before its end.
                biased;
                told = supervisor.notify.recv(buffer) => return told.map(Event::Told).map_err(failed()),
                ended = self.running.held.ended() => return ended.map(|()| Event::Ended).map_err(failed()),
                _ = supervisor.terminate.recv() => return Ok(Event::Asked),
                _ = supervisor.interrupt.recv() => return Ok(Event::Asked),
                waiter = supervisor.control.accept() => {
                    supervisor.admit(waiter);
                    if self.ready && self.cause.is_none() {
                        supervisor.tell(&Verdict::Ready { pid: self.running.id.pid });
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    return Ok(Event::Due);
                }
            }
        }
    }

    fn hear(&mut self, told: Notification) -> Result<(), ServiceError> {
        match told {
            Notification::Ready if !self.ready && self.cause.is_none() => self.become_ready()?,
            Notification::Status(text) => {
                self.supervisor.status.status_text = Some(text);
                self.supervisor.save()?;
            }
            Notification::Extend(more) if !self.ready || self.cause.is_some() => {
                self.due = self.due.map(|due| due.max(Instant::now() + more));
            }
            Notification::Hanging => self.end(Cause::Hung(End::Watchdog), Signal::ABORT)?,
            Notification::Watchdog(limit) => {
                self.watchdog = Some(limit);
                self.rearm();
            }
            Notification::Alive => self.rearm(),
            Notification::Stopping if self.cause.is_none() => self.supervisor.enter(State::Stopping)?,
            Notification::Ready | Notification::Extend(_) | Notification::Stopping => {}
        }
        Ok(())
    }

    fn become_ready(&mut self) -> Result<(), ServiceError> {
        self.ready = true;
        self.due = None;
        self.rearm();
        self.supervisor.enter(State::Ready)?;
        self.supervisor.tell(&Verdict::Ready { pid: self.running.id.pid });
        Ok(())
    }

    fn rearm(&mut self) {
        if self.ready && self.cause.is_none() {
            self.due = self.watchdog.map(|limit| Instant::now() + limit);
        }
    }

    fn overdue(&mut self) -> Result<(), ServiceError> {
        match (self.cause, self.ready) {
            (None, false) => self.end(Cause::Hung(End::StartTimeout), Signal::TERM),
            (None, true) => self.end(Cause::Hung(End::Watchdog), Signal::ABORT),
            (Some(_), _) => {
                self.due = None;
                self.signal_all(Signal::KILL)
            }
        }
    }

    /// Asks the process to end, and sets when it is killed if it does not.
    fn end(&mut self, cause: Cause, signal: Signal) -> Result<(), ServiceError> {
        let first = self.cause.is_none();
        if first || cause == Cause::Asked {
            self.cause = Some(cause);
        }
        if first {
            self.due = self.supervisor.unit.stop_timeout.map(|timeout| Instant::now() + timeout);
            self.supervisor.enter(State::Stopping)?;
            self.signal_all(signal)?;
        }
        Ok(())
    }

    fn signal_all(&self, signal: Signal) -> Result<(), ServiceError> {
        let failed = ServiceError::system(format!("signal {}", self.supervisor.name));
        // The process is not reaped yet, so the group is still its own.
        self.running.held.signal_group(signal).map_err(failed)
    }

    fn reap(mut self) -> Result<Watched, ServiceError> {
        self.signal_all(Signal::KILL)?;
        let failed = ServiceError::system(format!("reap {}", self.supervisor.name));
        let status = self.running.child.wait().map_err(failed)?;
        let end = status.code().map_or(End::Signal(status.signal().unwrap_or(0)), End::Status);
        Ok(match self.cause {
            Some(Cause::Asked) => Watched::Asked,
            Some(Cause::Hung(end)) => Watched::Ended(end),
            None => Watched::Ended(end),
        })
    }
}
