//! Starts the process of a service, with its log, its user and nothing of its supervisor's environment.

use super::error::ServiceError;
use super::process::{Held, ProcessId};
use super::record::Paths;
use super::unit::Unit;
use crate::host::accounts;
use crate::host::files::{self, Attributes, FileError};
use crate::host::root::Root;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A log that is larger than this when a process is started is put aside.
const LOG_LIMIT: u64 = 8 << 20;

const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The process of a service.
#[derive(Debug)]
pub(super) struct Running {
    pub id: ProcessId,
    pub held: Held,
    pub child: Child,
    /// Its closing tells the process that the supervisor is gone.
    pub _input: ChildStdin,
}

/// The user and group that the process runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub user: u32,
    pub group: u32,
}

/// Whom the unit names; none when it names nobody, or when the root is not the machine's own, where
/// every process runs as whoever started eos.
pub(super) fn owner(root: &Root, name: &str, unit: &Unit) -> Result<Option<Owner>, ServiceError> {
    let Some(user) = unit.user.as_deref().filter(|_| root.is_host()) else { return Ok(None) };
    let unknown = || ServiceError::NoSuchUser { name: name.to_owned(), user: user.to_owned() };
    let account = accounts::find_user(root, user)?.ok_or_else(unknown)?;
    let group = match &unit.group {
        Some(group) => accounts::find_group(root, group)?.ok_or_else(unknown)?,
        None => account.gid,
    };
    Ok(Some(Owner { user: account.uid, group }))
}

/// The log, opened to append; put aside as `NAME.log.1` first when it has grown too large.
pub(super) fn log(path: &Path) -> Result<File, FileError> {
    let failed = |e| FileError::new("open the log", path, e);
    if let Some(folder) = path.parent() {
        files::create_directory(folder, Attributes { mode: 0o755, owner: None })?;
    }
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        std::fs::rename(path, path.with_added_extension("1")).map_err(failed)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o640).open(path).map_err(failed)
}

/// Starts the process as the leader of a process group of its own.
pub(super) fn launch(unit: &Unit, owner: Option<Owner>, paths: &Paths) -> Result<Running, ServiceError> {
    let (program, arguments) = unit.command.split_first().expect("the parser insists on a program");
    let failed = || ServiceError::system(format!("start {program}"));
    let output = log(&paths.log)?;
    let errors = output.try_clone().map_err(failed())?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", SEARCH_PATH).env("LANG", "C.UTF-8");
    if unit.readiness == super::unit::Readiness::Notified {
        command.env("NOTIFY_SOCKET", &paths.notify);
    }
    if let Some(watchdog) = unit.watchdog {
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
    }
    command.envs(unit.environment.iter().cloned()).env("EOS_SUPERVISED", "1");
    command.stdin(Stdio::piped()).stdout(output).stderr(errors).process_group(0);
    command.current_dir(unit.working_directory.as_deref().unwrap_or(Path::new("/")));
    if let Some(Owner { user, group }) = owner {
        command.gid(group).uid(user);
    }
    let mut child = command.spawn().map_err(failed())?;
    let held = ProcessId::of_child(child.id()).map_err(failed())?;
    let input = child.stdin.take().expect("standard input is a pipe");
    Ok(Running { id: held.0, held: held.1, child, _input: input })
}
