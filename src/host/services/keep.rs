//! The supervisor's loop over the processes of its service: start, watch, restart.

use super::channel::{self, Verdict};
use super::error::{LastLine, LogPlace, ServiceError};
use super::launch::{self, Owner};
use super::process::ProcessId;
use super::record::{self, Paths, PidRecord, State, StatusRecord};
use super::restart::{History, Next};
use super::unit::Unit;
use super::watch::{Watch, Watched};
use crate::host::files;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as Waiter;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::{UnixDatagram, UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The longest path of a Unix socket, in bytes.
const SOCKET_PATH_LIMIT: usize = 107;

/// The supervisor of one service. Within a tokio runtime only.
pub(super) struct Supervisor<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a Unit,
    paths: &'a Paths,
    owner: Option<Owner>,
    own: ProcessId,
    pub(super) notify: UnixDatagram,
    pub(super) control: UnixListener,
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
    waiters: Vec<Waiter>,
    pub(super) status: StatusRecord,
    history: History,
}

impl<'a> Supervisor<'a> {
    /// Binds its sockets and says in its pid file that it is there.
    pub(super) fn new(
        name: &'a str,
        unit: &'a Unit,
        paths: &'a Paths,
        owner: Option<Owner>,
    ) -> Result<Self, ServiceError> {
        let failed = || ServiceError::system(format!("open the sockets of {name}"));
        let notify = UnixDatagram::bind(socket_path(&paths.notify)?).map_err(failed())?;
        let control = UnixListener::bind(socket_path(&paths.control)?).map_err(failed())?;
        // Who may write to the socket may speak for the service: its user alone.
        std::fs::set_permissions(&paths.notify, std::fs::Permissions::from_mode(0o600)).map_err(failed())?;
        std::fs::set_permissions(&paths.control, std::fs::Permissions::from_mode(0o600)).map_err(failed())?;
        if let Some(Owner { user, group }) = owner {
            files::change_owner(&paths.notify, user, group)?;
        }
        let own = ProcessId::own().map_err(failed())?;
        let supervisor = Self {
            name,
            unit,
            paths,
            owner,
            own,
            notify,
            control,
            terminate: signal(SignalKind::terminate()).map_err(failed())?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed())?,
            waiters: Vec::new(),
            status: StatusRecord {
                version: 1,
                state: State::Starting,
                since: jiff::Timestamp::now(),
                started_at: None,
                restarts: 0,
                status_text: None,
                last_end: None,
            },
            history: History::default(),
        };
        supervisor.record(None)?;
        Ok(supervisor)
    }

    /// Starts the service, and again whenever its unit wants that; ends when it shall not run any more.
    pub(super) async fn keep(mut self, starter: Option<Waiter>) -> Result<(), ServiceError> {
        self.waiters.extend(starter);
        loop {
            self.history.started(Instant::now());
            let end = match self.once().await {
                Ok(Watched::Asked) => return Ok(()),
                Ok(Watched::Ended(end)) => end,
                Err(error) => {
                    let reason = chain(&error);
                    self.status.last_end = Some(reason.clone());
                    self.enter(State::Failed)?;
                    self.tell(&Verdict::Failed { reason });
                    return Err(error);
                }
            };
            self.status.last_end = Some(end.to_string());
            self.tell(&Verdict::Failed { reason: end.to_string() });
            self.record(None)?;
            match self.history.ended(self.unit, end, Instant::now()) {
                Next::After(delay) => {
                    self.enter(State::Restarting)?;
                    if self.asked_within(delay).await {
                        return Ok(());
                    }
                    self.status.restarts += 1;
                }
                Next::Rest => return self.enter(State::Ended),
                Next::GiveUp => return self.fail(end.to_string()),
                Next::TooOften => {
                    let seconds = self.unit.start_limit_interval.as_secs();
                    let times = self.unit.start_limit_burst;
                    return self.fail(format!("{end}, after {times} starts within {seconds} s"));
                }
            }
        }
    }

    /// Starts one process and watches it until it has ended.
    async fn once(&mut self) -> Result<Watched, ServiceError> {
        self.status.started_at = Some(jiff::Timestamp::now());
        self.status.status_text = None;
        self.enter(State::Starting)?;
        let running = launch::launch(self.unit, self.owner, self.paths)?;
        self.record(Some(running.id))?;
        Watch::new(self, running)?.until_ended().await
    }

    /// Waits before a restart, still letting waiters in; true when asked to end meanwhile.
    async fn asked_within(&mut self, delay: Duration) -> bool {
        let until = tokio::time::Instant::now() + delay;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return false,
                _ = self.terminate.recv() => return true,
                _ = self.interrupt.recv() => return true,
                waiter = self.control.accept() => self.admit(waiter),
            }
        }
    }

    fn fail(&mut self, reason: String) -> Result<(), ServiceError> {
        self.status.last_end = Some(reason.clone());
        self.enter(State::Failed)?;
        Err(ServiceError::Failed {
            name: self.name.to_owned(),
            reason,
            last_line: LastLine(super::processes::last_line(&self.paths.log)?),
            log: LogPlace::File(self.paths.log.clone()),
        })
    }

    /// Notes in the status file what state the service is in.
    pub(super) fn enter(&mut self, state: State) -> Result<(), ServiceError> {
        self.status.state = state;
        self.status.since = jiff::Timestamp::now();
        self.save()
    }

    pub(super) fn save(&self) -> Result<(), ServiceError> {
        Ok(record::write(&self.paths.status, &self.status)?)
    }

    fn record(&self, child: Option<ProcessId>) -> Result<(), ServiceError> {
        Ok(record::write(&self.paths.pid, &PidRecord::new(self.own, child)?)?)
    }

    /// Lets one more wait for the next verdict; the supervisor does not fail over one that cannot.
    pub(super) fn admit(&mut self, waiter: std::io::Result<(UnixStream, tokio::net::unix::SocketAddr)>) {
        match waiter.and_then(|(stream, _)| stream.into_std()) {
            Ok(waiter) => self.waiters.push(waiter),
            Err(error) => tracing::warn!(%error, "a waiter could not be let in"),
        }
    }

    /// Tells all that wait, and lets them go.
    pub(super) fn tell(&mut self, verdict: &Verdict) {
        for mut waiter in self.waiters.drain(..) {
            channel::tell(&mut waiter, verdict);
            // The starter's channel stays open as standard input: end it for the other side to see.
            if let Err(error) = waiter.shutdown(std::net::Shutdown::Both) {
                tracing::debug!(%error, "a waiter left");
            }
        }
    }
}

/// The error with its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The path, free for a socket: what a killed supervisor left there is removed.
fn socket_path(path: &Path) -> Result<&Path, ServiceError> {
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        return Err(ServiceError::PathTooLong { path: path.to_owned(), length });
    }
    files::remove_file(path)?;
    Ok(path)
}
