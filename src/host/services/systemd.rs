//! Services through systemd, over D-Bus. Each call uses a connection of its own, so that a bus that
//! was restarted in between does no harm.

use super::bus::{ServiceProxy, SystemdProxy, UnitProxy};
use super::error::{LastLine, LogPlace, ServiceError};
use super::{ServiceManager, ServiceStatus, Services, Started};
use crate::host::command;
use crate::host::paths;
use futures_util::StreamExt;
use std::path::Path;
use std::time::Duration;
use zbus::fdo::Error::FileNotFound;
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedObjectPath};

/// How long systemd may take to answer a question, or to read its units again.
const ANSWER: Duration = Duration::from_secs(25);

/// The states of unit files whose units start by themselves, by what needs them, or by what made them: those with which
/// `systemctl is-enabled` succeeds.
const AT_BOOT: [&str; 6] = ["enabled", "enabled-runtime", "static", "alias", "indirect", "generated"];

/// Services that systemd runs.
#[derive(Debug, Clone)]
pub struct SystemdServices {
    version: String,
}

/// What shall become of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
    Restart,
    Reload,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }
}

/// What the bus tells of a service.
#[derive(Debug)]
struct Seen {
    load: String,
    /// Whether its files are others than those that were read.
    changed: bool,
    active: String,
    pid: u32,
    restarts: u32,
    started_us: u64,
    text: String,
    result: String,
    code: i32,
    status: i32,
    run: Vec<u8>,
}

impl SystemdServices {
    /// Asks systemd for its version, as a proof that it answers.
    ///
    /// # Errors
    /// When the bus cannot be reached, or systemd does not answer on it.
    pub fn connect() -> Result<Self, ServiceError> {
        let version = on_bus("tell its version".to_owned(), ANSWER, async |bus| {
            SystemdProxy::new(&bus).await?.version().await
        })?;
        Ok(Self { version })
    }

    /// Has a service begin, and waits neither for its readiness nor for its end. No change when it is at it.
    ///
    /// # Errors
    /// When systemd does not answer, or there is no such service.
    pub fn begin(name: &str) -> Result<(), ServiceError> {
        let unit = format!("{}.service", super::plain_name(name)?);
        on_bus(format!("begin {name}"), ANSWER, async move |bus| {
            SystemdProxy::new(&bus).await?.start_unit(&unit, "replace").await.map(drop)
        })
    }

    /// Has a service begin that does one thing, and waits until it has ended; how its job ended, as systemd says it.
    ///
    /// # Errors
    /// When systemd does not answer, there is no such service, or it has not ended in time; it goes on then.
    pub fn run(name: &str, deadline: Duration) -> Result<String, ServiceError> {
        Self::job(Verb::Start, super::plain_name(name)?, deadline)
    }

    /// Runs one job and waits for it.
    fn job(verb: Verb, name: &str, deadline: Duration) -> Result<String, ServiceError> {
        let unit = format!("{name}.service");
        let action = format!("{} {name}", verb.word());
        let done = on_bus(action, deadline, async move |bus| {
            let manager = SystemdProxy::new(&bus).await?;
            // Listen before asking: a job may be over before the answer to the request is.
            let mut removed = manager.receive_job_removed().await?;
            manager.subscribe().await?;
            let job = match verb {
                Verb::Start => manager.start_unit(&unit, "replace").await?,
                Verb::Stop => manager.stop_unit(&unit, "replace").await?,
                Verb::Restart => manager.restart_unit(&unit, "replace").await?,
                Verb::Reload => manager.reload_unit(&unit, "replace").await?,
            };
            while let Some(signal) = removed.next().await {
                let told = signal.args()?;
                if told.job() == &job {
                    return Ok(told.result().clone());
                }
            }
            Err(zbus::Error::Failure("the bus was closed before the job was over".to_owned()))
        });
        match done {
            Err(ServiceError::BusSilent { .. }) if verb == Verb::Stop => Err(ServiceError::StillRunning {
                name: name.to_owned(),
                milliseconds: deadline.as_millis(),
                log: LogPlace::Journal,
            }),
            Err(ServiceError::BusSilent { .. }) => Err(ServiceError::NotReady {
                name: name.to_owned(),
                milliseconds: deadline.as_millis(),
                last_line: LastLine(last_line(name)),
                log: LogPlace::Journal,
            }),
            other => other,
        }
    }

    fn installed(name: &str) -> Result<Seen, ServiceError> {
        let seen = see(name)?;
        if seen.load == "loaded" {
            return Ok(seen);
        }
        let path = Path::new("/").join(paths::UNITS).join(format!("{name}.service"));
        Err(ServiceError::NotInstalled { name: name.to_owned(), path })
    }

    fn bring_up(verb: Verb, name: &str, deadline: Duration) -> Result<Started, ServiceError> {
        let outcome = Self::job(verb, name, deadline)?;
        let seen = see(name)?;
        if outcome == "done" && seen.active == "active" {
            return Ok(Started { pid: seen.pid, already_running: false });
        }
        Err(ServiceError::Failed {
            name: name.to_owned(),
            reason: format!("the job ended as {outcome}, {}", seen.end()),
            last_line: LastLine(last_line(name)),
            log: LogPlace::Journal,
        })
    }
}

impl Services for SystemdServices {
    fn kind(&self) -> ServiceManager {
        ServiceManager::Systemd
    }

    fn explain(&self) -> String {
        format!("systemd {} keeps the services: it runs this machine and answers on D-Bus", self.version)
    }

    fn start(&self, name: &str, deadline: Duration) -> Result<Started, ServiceError> {
        let name = super::plain_name(name)?;
        let seen = Self::installed(name)?;
        if seen.active == "active" {
            return Ok(Started { pid: seen.pid, already_running: true });
        }
        Self::bring_up(Verb::Start, name, deadline)
    }

    fn stop(&self, name: &str, deadline: Duration) -> Result<bool, ServiceError> {
        let name = super::plain_name(name)?;
        let seen = see(name)?;
        let ran = !matches!(seen.active.as_str(), "inactive" | "failed");
        if ran {
            Self::job(Verb::Stop, name, deadline)?;
        }
        if see(name)?.active == "failed" {
            // So that a start afterwards begins with a clean count of starts.
            let unit = format!("{name}.service");
            on_bus(format!("forget the failure of {name}"), ANSWER, async move |bus| {
                SystemdProxy::new(&bus).await?.reset_failed_unit(&unit).await
            })?;
        }
        Ok(ran)
    }

    fn restart(&self, name: &str, deadline: Duration) -> Result<Started, ServiceError> {
        let name = super::plain_name(name)?;
        Self::installed(name)?;
        Self::bring_up(Verb::Restart, name, deadline)
    }

    fn reload_service(&self, name: &str, deadline: Duration) -> Result<bool, ServiceError> {
        let name = super::plain_name(name)?;
        Self::installed(name)?;
        Self::bring_up(Verb::Reload, name, deadline).map(|_| true)
    }

    fn enabled(&self, name: &str) -> Result<bool, ServiceError> {
        let unit = format!("{}.service", super::plain_name(name)?);
        let state = on_bus(format!("tell whether {name} starts at boot"), ANSWER, async move |bus| {
            match SystemdProxy::new(&bus).await?.get_unit_file_state(&unit).await {
                // There is no such unit.
                Err(zbus::Error::FDO(error)) if matches!(*error, FileNotFound(_)) => Ok(None),
                other => other.map(Some),
            }
        })?;
        Ok(state.is_some_and(|state| AT_BOOT.contains(&state.as_str())))
    }

    fn enable(&self, name: &str) -> Result<(), ServiceError> {
        let name = super::plain_name(name)?;
        let unit = format!("{name}.service");
        let (wanted, changes) = on_bus(format!("enable {name}"), ANSWER, async move |bus| {
            SystemdProxy::new(&bus).await?.enable_unit_files(&[&unit], false, true).await
        })?;
        if !wanted {
            return Err(ServiceError::NothingWantsIt { name: name.to_owned() });
        }
        if changes.is_empty() { Ok(()) } else { self.reload() }
    }

    fn disable(&self, name: &str) -> Result<(), ServiceError> {
        let name = super::plain_name(name)?;
        let unit = format!("{name}.service");
        let changes = on_bus(format!("disable {name}"), ANSWER, async move |bus| {
            SystemdProxy::new(&bus).await?.disable_unit_files(&[&unit], false).await
        })?;
        if changes.is_empty() { Ok(()) } else { self.reload() }
    }

    fn reload(&self) -> Result<(), ServiceError> {
        on_bus("read its units again".to_owned(), ANSWER, async |bus| {
            SystemdProxy::new(&bus).await?.reload().await
        })
    }

    fn refresh(&self, name: &str) -> Result<(), ServiceError> {
        let seen = see(super::plain_name(name)?)?;
        if seen.changed || seen.load != "loaded" { self.reload() } else { Ok(()) }
    }

    fn last_line(&self, name: &str) -> Result<Option<String>, ServiceError> {
        Ok(last_line(super::plain_name(name)?))
    }

    fn status(&self, name: &str) -> Result<ServiceStatus, ServiceError> {
        let name = super::plain_name(name)?;
        let seen = see(name)?;
        let active = matches!(seen.active.as_str(), "active" | "activating" | "reloading" | "deactivating");
        let running = active && seen.pid != 0;
        let microseconds = i64::try_from(seen.started_us).ok().filter(|_| running);
        Ok(ServiceStatus {
            installed: matches!(seen.load.as_str(), "loaded" | "masked"),
            active,
            ready: seen.active == "active",
            pid: Some(seen.pid).filter(|_| running),
            restarts: seen.restarts,
            started_at: microseconds.and_then(|us| jiff::Timestamp::from_microsecond(us).ok()),
            failure: (seen.active == "failed").then(|| seen.end()),
            status_text: Some(seen.text).filter(|text| running && !text.is_empty()),
            run: Some(seen.run.iter().map(|byte| format!("{byte:02x}")).collect()).filter(|_| active),
        })
    }
}

impl Seen {
    /// How its process ended, in words.
    fn end(&self) -> String {
        match self.code {
            // CLD_EXITED of waitid; 2 and 3 are signals without and with a core.
            1 => format!("result {}, status {}", self.result, self.status),
            2 | 3 => format!("result {}, signal {}", self.result, self.status),
            _ => format!("result {}", self.result),
        }
    }
}

fn see(name: &str) -> Result<Seen, ServiceError> {
    let unit = format!("{name}.service");
    on_bus(format!("tell how {name} is"), ANSWER, async move |bus| {
        let path: OwnedObjectPath = SystemdProxy::new(&bus).await?.load_unit(&unit).await?;
        let unit = UnitProxy::builder(&bus).path(&path).cache_properties(CacheProperties::No).build().await?;
        let service =
            ServiceProxy::builder(&bus).path(&path).cache_properties(CacheProperties::No).build().await?;
        Ok(Seen {
            load: unit.load_state().await?,
            changed: unit.need_daemon_reload().await?,
            active: unit.active_state().await?,
            pid: service.main_pid().await?,
            restarts: service.restarts().await?,
            started_us: service.exec_main_start_timestamp().await?,
            text: service.status_text().await?,
            result: service.result().await?,
            code: service.exec_main_code().await?,
            status: service.exec_main_status().await?,
            run: unit.invocation_id().await?,
        })
    })
}

/// The last line that the service itself logged; none when there is none or no journal to ask.
fn last_line(name: &str) -> Option<String> {
    let matching = format!("_SYSTEMD_UNIT={name}.service");
    let argv = ["journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=1", &matching];
    let output = command::run_checked(&argv, Duration::from_secs(5));
    if let Err(error) = &output {
        tracing::warn!(%error, "the journal did not answer");
    }
    let line = output.ok()?.stdout.trim().to_owned();
    Some(line).filter(|line| !line.is_empty())
}

/// Does the work on a fresh connection, in a thread of its own: the caller may or may not be within
/// an async runtime.
fn on_bus<T, W>(action: String, deadline: Duration, work: W) -> Result<T, ServiceError>
where
    T: Send + 'static,
    W: AsyncFnOnce(Connection) -> zbus::Result<T> + Send + 'static,
{
    let silent = ServiceError::BusSilent { action: action.clone(), seconds: deadline.as_secs() };
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServiceError::system("start an event loop for the bus"))?;
        runtime.block_on(async {
            let worked = async { work(Connection::system().await?).await };
            match tokio::time::timeout(deadline, worked).await {
                Ok(Ok(result)) => Ok(result),
                Ok(Err(error)) => Err(ServiceError::Bus { action, source: Box::new(error) }),
                Err(_) => Err(silent),
            }
        })
    });
    match worker.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use std::os::unix::net::UnixListener;

    const ENTRY: &str = "EOS_TEST_BUS";

    /// Not a test by itself: what the test below starts with a bus of its own in the environment.
    #[test]
    fn bus_entry() {
        let Ok(wanted) = std::env::var(ENTRY) else { return };
        let deadline = Duration::from_secs(1);
        let asked = on_bus("start x".to_owned(), deadline, async |bus| {
            SystemdProxy::new(&bus).await?.version().await
        });
        let error = asked.expect_err("nobody answers there");
        match wanted.as_str() {
            "silent" => tells(&error, "EOS-H028", "systemd did not answer within 1 s when asked to start x"),
            _ => tells(&error, "EOS-H027", "systemd did not start x"),
        }
    }

    #[test]
    fn a_bus_that_is_not_there_and_one_that_is_silent_are_told_apart() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let silent = folder.path().join("silent");
        let _listener = UnixListener::bind(&silent)?;
        for (kind, socket) in [("silent", silent), ("absent", folder.path().join("absent"))] {
            let output = std::process::Command::new(std::env::current_exe()?)
                .args(["--exact", "host::services::systemd::tests::bus_entry", "--nocapture"])
                .env(ENTRY, kind)
                .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", socket.display()))
                .output()?;
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("1 passed"), "{kind}: {said}");
        }
        Ok(())
    }
}
