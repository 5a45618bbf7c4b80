//! Services as supervised background processes: starts supervisors, and reads what they record.

use super::channel::{self, Heard, Verdict};
use super::error::{LastLine, LogPlace, ServiceError};
use super::launch;
use super::process::{Held, ProcessId};
use super::record::{self, Paths, PidRecord, State, StatusRecord};
use super::{ServiceManager, ServiceStatus, Services, Started, supervisor, unit::Unit};
use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use rustix::process::Signal;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Arguments and variables that tests start the supervisor with.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
struct TestLaunch {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// Services under a root, each kept by an `eos supervise` of its own.
#[derive(Debug, Clone)]
pub struct ProcessServices {
    root: Root,
    eos_binary: PathBuf,
    why: String,
    #[cfg(test)]
    test_launch: TestLaunch,
}

impl ProcessServices {
    /// Services under `root`; `eos_binary` is started as `eos --root ROOT supervise --unit NAME`.
    pub fn new(root: Root, eos_binary: PathBuf) -> Self {
        Self {
            root,
            eos_binary,
            why: "asked for".to_owned(),
            #[cfg(test)]
            test_launch: TestLaunch::default(),
        }
    }

    /// Why processes were chosen, for [`Services::explain`].
    #[must_use]
    pub fn because(self, why: String) -> Self {
        Self { why, ..self }
    }

    /// Tests are their own supervisor.
    #[cfg(test)]
    pub(super) fn launched_with(self, arguments: Vec<String>, variables: Vec<(String, String)>) -> Self {
        Self { test_launch: TestLaunch { arguments, variables }, ..self }
    }

    fn paths(&self, name: &str) -> Result<Paths, ServiceError> {
        Ok(Paths::of(&self.root, super::plain_name(name)?))
    }

    /// Starts a supervisor that outlives this process, and returns the channel on which it reports.
    fn spawn(&self, name: &str, paths: &Paths) -> Result<UnixStream, ServiceError> {
        let action = format!("start the supervisor {}", self.eos_binary.display());
        let failed = || ServiceError::system(action.clone());
        let (ours, theirs) = UnixStream::pair().map_err(failed())?;
        let output = launch::log(&paths.log)?;
        let mut command = Command::new(&self.eos_binary);
        // Nothing of the environment: it may hold a token.
        command.env_clear().current_dir("/");
        self.be_supervisor(&mut command, name);
        command.stdin(OwnedFd::from(theirs)).stderr(output.try_clone().map_err(failed())?).stdout(output);
        let mut child = command.spawn().map_err(failed())?;
        // A caller that lives on reaps its supervisors; for one that ends, init does.
        std::thread::spawn(move || child.wait());
        Ok(ours)
    }

    #[cfg(not(test))]
    fn be_supervisor(&self, command: &mut Command, name: &str) {
        command.arg("--root").arg(self.root.path()).args(["supervise", "--unit", name]);
    }

    #[cfg(test)]
    fn be_supervisor(&self, command: &mut Command, name: &str) {
        let TestLaunch { arguments, variables } = &self.test_launch;
        command.args(arguments).envs(variables.iter().cloned()).env("EOS_TEST_UNIT", name);
    }

    /// The verdict of the supervisor that runs; none when there is none.
    fn ask_running(paths: &Paths, until: Instant) -> Result<Option<Heard>, ServiceError> {
        match UnixStream::connect(&paths.control) {
            Ok(stream) => Ok(Some(hear(stream, until)?)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(FileError::new("connect to", &paths.control, error).into()),
        }
    }

    fn failed(name: &str, reason: String, paths: &Paths) -> ServiceError {
        let log = LogPlace::File(paths.log.clone());
        match last_line(&paths.log) {
            Ok(line) => {
                ServiceError::Failed { name: name.to_owned(), reason, last_line: LastLine(line), log }
            }
            Err(error) => error.into(),
        }
    }

    fn judge(
        name: &str,
        heard: Heard,
        paths: &Paths,
        ran: bool,
        limit: Duration,
    ) -> Result<Started, ServiceError> {
        match heard {
            Heard::Said(Verdict::Ready { pid }) => Ok(Started { pid, already_running: ran }),
            Heard::Said(Verdict::Failed { reason }) => Err(Self::failed(name, reason, paths)),
            Heard::Said(Verdict::Refused) => Err(ServiceError::Supervised { name: name.to_owned() }),
            Heard::Closed => Err(Self::failed(name, "its supervisor ended".to_owned(), paths)),
            Heard::Nothing => Err(ServiceError::NotReady {
                name: name.to_owned(),
                milliseconds: limit.as_millis(),
                last_line: LastLine(last_line(&paths.log)?),
                log: LogPlace::File(paths.log.clone()),
            }),
        }
    }

    fn links(&self, unit: &Unit, name: &str) -> Vec<PathBuf> {
        let folder = |target: &String| self.root.join(paths::UNITS).join(format!("{target}.wants"));
        unit.wanted_by.iter().map(|target| folder(target).join(format!("{name}.service"))).collect()
    }
}

impl Services for ProcessServices {
    fn kind(&self) -> ServiceManager {
        ServiceManager::Processes
    }

    fn explain(&self) -> String {
        format!("services run as supervised background processes: {}", self.why)
    }

    fn start(&self, name: &str, deadline: Duration) -> Result<Started, ServiceError> {
        let name = super::plain_name(name)?;
        let paths = self.paths(name)?;
        let until = Instant::now() + deadline;
        supervisor::load(&paths, name)?;
        match Self::ask_running(&paths, until)? {
            // It was about to end: from here on it is not running.
            None | Some(Heard::Closed) => {}
            Some(heard) => return Self::judge(name, heard, &paths, true, deadline),
        }
        match hear(self.spawn(name, &paths)?, until)? {
            // Someone else started it in the same moment: wait with them.
            Heard::Said(Verdict::Refused) => {
                let heard = Self::ask_running(&paths, until)?;
                Self::judge(name, heard.unwrap_or(Heard::Said(Verdict::Refused)), &paths, true, deadline)
            }
            heard => Self::judge(name, heard, &paths, false, deadline),
        }
    }

    fn stop(&self, name: &str, deadline: Duration) -> Result<bool, ServiceError> {
        let name = super::plain_name(name)?;
        let paths = self.paths(name)?;
        if !files::exists(&self.root.join(paths::RUN))? {
            return Ok(false);
        }
        let record = PidRecord::read(&paths.pid)?;
        let failed = || ServiceError::system(format!("stop {name}"));
        let open = |id: Option<ProcessId>| id.map(ProcessId::open).transpose().map(Option::flatten);
        let supervisor = open(record.as_ref().map(|record| record.supervisor)).map_err(failed())?;
        let child = open(record.and_then(|record| record.child)).map_err(failed())?;
        let ran = supervisor.is_some() || child.is_some();
        if let Some(supervisor) = supervisor {
            supervisor.signal(Signal::TERM).map_err(failed())?;
            if !supervisor.ended_by(Instant::now() + deadline).map_err(failed())? {
                let log = LogPlace::File(paths.log);
                let milliseconds = deadline.as_millis();
                return Err(ServiceError::StillRunning { name: name.to_owned(), milliseconds, log });
            }
        }
        supervisor::clean(&self.root, name, &paths)?;
        Ok(ran)
    }

    fn restart(&self, name: &str, deadline: Duration) -> Result<Started, ServiceError> {
        let until = Instant::now() + deadline;
        self.stop(name, deadline)?;
        self.start(name, until.saturating_duration_since(Instant::now()))
    }

    fn reload_service(&self, _name: &str, _deadline: Duration) -> Result<bool, ServiceError> {
        Ok(false)
    }

    fn enabled(&self, name: &str) -> Result<bool, ServiceError> {
        super::is_enabled(&self.root, name)
    }

    fn enable(&self, name: &str) -> Result<(), ServiceError> {
        let name = super::plain_name(name)?;
        let paths = self.paths(name)?;
        let links = self.links(&supervisor::load(&paths, name)?, name);
        if links.is_empty() {
            return Err(ServiceError::NothingWantsIt { name: name.to_owned() });
        }
        for link in links {
            let folder = link.parent().expect("a link lies in a folder");
            files::create_directory(folder, Attributes { mode: 0o755, owner: None })?;
            // What the link names is read below the root, when that is booted or entered.
            let target = Path::new("/").join(paths::UNITS).join(format!("{name}.service"));
            if std::fs::read_link(&link).is_ok_and(|there| there == target) {
                continue;
            }
            files::remove_file(&link)?;
            std::os::unix::fs::symlink(target, &link).map_err(|e| FileError::new("link", &link, e))?;
            files::sync_directory(folder)?;
        }
        Ok(())
    }

    fn disable(&self, name: &str) -> Result<(), ServiceError> {
        let name = super::plain_name(name)?;
        let units = self.root.join(paths::UNITS);
        for entry in files::list(&units)?.iter().filter(|entry| entry.ends_with(".wants")) {
            let link = units.join(entry).join(format!("{name}.service"));
            if files::exists(&link)? {
                files::remove_file(&link)?;
                files::remove_empty_directory(&units.join(entry))?;
            }
        }
        Ok(())
    }

    fn reload(&self) -> Result<(), ServiceError> {
        // Supervisors read the unit when they start; there is nothing that remembers an older one.
        Ok(())
    }

    fn refresh(&self, _name: &str) -> Result<(), ServiceError> {
        self.reload()
    }

    fn last_line(&self, name: &str) -> Result<Option<String>, ServiceError> {
        Ok(last_line(&self.paths(name)?.log)?)
    }

    fn status(&self, name: &str) -> Result<ServiceStatus, ServiceError> {
        let paths = self.paths(name)?;
        let record = PidRecord::read(&paths.pid)?;
        let failed = || ServiceError::system(format!("look at the processes of {name}"));
        let open = |id: Option<ProcessId>| -> Result<Option<Held>, ServiceError> {
            id.map(ProcessId::open).transpose().map(Option::flatten).map_err(failed())
        };
        let active = open(record.as_ref().map(|record| record.supervisor))?.is_some();
        let child = record.and_then(|record| record.child).filter(|_| active);
        let running = open(child)?.is_some();
        let status: Option<StatusRecord> = record::read(&paths.status)?;
        let is = |state| status.as_ref().is_some_and(|status| status.state == state);
        Ok(ServiceStatus {
            installed: files::exists(&paths.unit)?,
            active,
            ready: running && is(State::Ready),
            pid: child.filter(|_| running).map(|child| child.pid),
            restarts: status.as_ref().map_or(0, |status| status.restarts),
            started_at: status.as_ref().and_then(|status| status.started_at).filter(|_| running),
            failure: status.as_ref().and_then(|status| status.last_end.clone()).filter(|_| !active),
            run: status
                .as_ref()
                .and_then(|status| status.started_at)
                .filter(|_| running)
                .map(|started| format!("{} since {started}", child.map_or(0, |child| child.pid))),
            status_text: status.and_then(|status| status.status_text).filter(|_| running),
        })
    }
}

fn hear(stream: UnixStream, until: Instant) -> Result<Heard, ServiceError> {
    channel::wait(stream, until).map_err(ServiceError::system("hear from the supervisor"))
}

/// The last line of the log that is not empty; none when there is no such line.
pub(super) fn last_line(path: &Path) -> Result<Option<String>, FileError> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
        let mut bytes = Vec::new();
        file.take(4096).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ok(text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path, error)),
    }
}
