//! The daemons' side of service management: telling how it goes, and hearing that it is time to end.

use crate::model::explain::{Code, Explain};
use sd_notify::NotifyState;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};

/// Why a daemon cannot talk to its service manager.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// A notification could not be sent.
    #[error("could not tell the service manager {what:?}")]
    Send {
        /// The notification.
        what: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The supervisor's pipe cannot be watched.
    #[error("could not watch standard input, the supervisor's pipe")]
    Input {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl Explain for NotifyError {
    fn code(&self) -> Code {
        match self {
            Self::Send { .. } => Code("H037"),
            Self::Input { .. } => Code("H039"),
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Send { .. } => {
                "see whether NOTIFY_SOCKET names a living service manager: ls -l \"$NOTIFY_SOCKET\""
                    .to_owned()
            }
            Self::Input { .. } => {
                "unset it when no supervisor started the daemon: unset EOS_SUPERVISED".to_owned()
            }
        }]
    }
}

/// Tells the service manager that the service is up, with one line on how; nothing without a manager.
///
/// # Errors
/// When there is a manager and it cannot be told.
pub fn ready(status: &str) -> Result<(), NotifyError> {
    send("READY=1", &[NotifyState::Ready, NotifyState::Status(status)])
}

/// Tells in one line how it goes.
///
/// # Errors
/// When there is a manager and it cannot be told.
pub fn status(text: &str) -> Result<(), NotifyError> {
    send("STATUS", &[NotifyState::Status(text)])
}

/// Tells that the service is alive.
///
/// # Errors
/// When there is a manager and it cannot be told.
pub fn alive() -> Result<(), NotifyError> {
    send("WATCHDOG=1", &[NotifyState::Watchdog])
}

/// Tells that the service is about to end.
///
/// # Errors
/// When there is a manager and it cannot be told.
pub fn stopping() -> Result<(), NotifyError> {
    send("STOPPING=1", &[NotifyState::Stopping])
}

/// Asks for that much more time, from now, to start or to end.
///
/// # Errors
/// When there is a manager and it cannot be told.
pub fn extend_timeout(by: Duration) -> Result<(), NotifyError> {
    let microseconds = u32::try_from(by.as_micros()).unwrap_or(u32::MAX);
    send("EXTEND_TIMEOUT_USEC", &[NotifyState::ExtendTimeoutUsec(microseconds)])
}

/// How often [`alive`] must be called (half of what the manager allows); none when nobody watches.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn send(what: &str, states: &[NotifyState<'_>]) -> Result<(), NotifyError> {
    sd_notify::notify(states).map_err(|source| NotifyError::Send { what: what.to_owned(), source })
}

/// Why a daemon ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM.
    Terminated,
    /// SIGINT, Ctrl-C.
    Interrupted,
    /// The supervisor is gone, however it ended.
    SupervisorGone,
}

/// What a daemon listens to for its end. Signals count from the moment this is made.
#[derive(Debug)]
pub struct Shutdown {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    input: Option<Receiver>,
}

impl Shutdown {
    /// Listens for SIGTERM and SIGINT; with `supervised` (`EOS_SUPERVISED=1`) also for the end of
    /// standard input, whose other end the supervisor holds. Within a tokio runtime only.
    ///
    /// # Errors
    /// When standard input cannot be watched.
    pub fn listen(supervised: bool) -> Result<Self, NotifyError> {
        let input = supervised.then(|| io::stdin().as_fd().try_clone_to_owned()).transpose();
        Self::on(input.map_err(|source| NotifyError::Input { source })?)
    }

    fn on(input: Option<OwnedFd>) -> Result<Self, NotifyError> {
        let hear = |kind| signal(kind).expect("a process may handle SIGTERM and SIGINT");
        let input = input.map(Receiver::from_owned_fd).transpose();
        Ok(Self {
            terminate: hear(SignalKind::terminate()),
            interrupt: hear(SignalKind::interrupt()),
            input: input.map_err(|source| NotifyError::Input { source })?,
        })
    }

    /// Resolves when it is time to end.
    ///
    /// # Errors
    /// When standard input cannot be read.
    pub async fn requested(&mut self) -> Result<Ending, NotifyError> {
        tokio::select! {
            _ = self.terminate.recv() => Ok(Ending::Terminated),
            _ = self.interrupt.recv() => Ok(Ending::Interrupted),
            gone = end_of(self.input.as_mut()) => {
                gone.map(|()| Ending::SupervisorGone).map_err(|source| NotifyError::Input { source })
            }
        }
    }
}

async fn end_of(input: Option<&mut Receiver>) -> io::Result<()> {
    let Some(input) = input else { return std::future::pending().await };
    tokio::io::copy(input, &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
impl NotifyError {
    pub(crate) fn samples() -> Vec<Self> {
        let source = || io::ErrorKind::PermissionDenied.into();
        vec![Self::Send { what: "READY=1".to_owned(), source: source() }, Self::Input { source: source() }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use std::io::Write;

    #[tokio::test]
    async fn a_daemon_ends_when_its_supervisor_is_gone() -> anyhow::Result<()> {
        let (given, mut held) = io::pipe()?;
        let mut shutdown = Shutdown::on(Some(given.into()))?;
        held.write_all(b"what is said there does not matter")?;
        drop(held);
        assert_eq!(shutdown.requested().await?, Ending::SupervisorGone);
        Ok(())
    }

    #[test]
    fn without_a_service_manager_nothing_is_told_and_nothing_fails() -> anyhow::Result<()> {
        ready("up")?;
        status("3 nodes")?;
        alive()?;
        extend_timeout(Duration::from_secs(5000))?;
        stopping()?;
        Ok(())
    }

    const ENTRY: &str = "EOS_TEST_NOTIFY";

    /// Not a test by itself: what the test below starts in an environment of its own.
    #[test]
    fn notify_entry() -> anyhow::Result<()> {
        let Ok(case) = std::env::var(ENTRY) else { return Ok(()) };
        if case == "send" {
            let error = ready("up").expect_err("nobody listens there");
            tells(&error, "EOS-H037", "could not tell the service manager \"READY=1\"");
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let file = tempfile::tempfile()?;
            let error = Shutdown::on(Some(file.into())).expect_err("a file is no pipe");
            tells(&error, "EOS-H039", "could not watch standard input, the supervisor's pipe");
            Ok(())
        })
    }

    #[test]
    fn a_manager_that_is_gone_and_a_supervisor_that_is_none_are_told() -> anyhow::Result<()> {
        for case in ["send", "input"] {
            let output = std::process::Command::new(std::env::current_exe()?)
                .args(["--exact", "host::notify::tests::notify_entry", "--nocapture"])
                .env(ENTRY, case)
                .env("NOTIFY_SOCKET", "/no/such/socket")
                .output()?;
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("1 passed"), "{case}: {said}");
        }
        Ok(())
    }

    #[test]
    fn every_error_shows_its_facts() {
        let texts: Vec<String> = NotifyError::samples()
            .iter()
            .map(|error| format!("{} {error}; {}", error.code(), error.hints().join("; ")))
            .collect();
        assert_eq!(
            texts,
            [
                "EOS-H037 could not tell the service manager \"READY=1\"; \
                 see whether NOTIFY_SOCKET names a living service manager: ls -l \"$NOTIFY_SOCKET\"",
                "EOS-H039 could not watch standard input, the supervisor's pipe; \
                 unset it when no supervisor started the daemon: unset EOS_SUPERVISED",
            ]
        );
    }
}
