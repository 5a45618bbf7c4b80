//! Keeps one service running where there is no systemd: `eos supervise --unit NAME`.
//!
//! Killed, it leaves files that the next start or stop recognises as stale, and its service ends by
//! itself because the pipe to its standard input closes; one that does not is ended by the next start.

use super::channel::{self, Verdict};
use super::error::ServiceError;
use super::keep::{Supervisor, chain};
use super::launch;
use super::process::ProcessId;
use super::record::{Paths, PidRecord};
use super::unit::{self, Source, Unit};
use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use std::fs::{File, TryLockError};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream as Waiter;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long an orphan of a killed supervisor may take to end before it is killed.
const ORPHAN_GRACE: Duration = Duration::from_secs(5);

/// How long a supervisor that begins or ends may take over it.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Keeps the service running until SIGTERM or SIGINT, or until it shall not be started again.
///
/// Standard input, when it is a socket, is told the first verdict; the service logs to
/// `var/lib/eos/log/NAME.log`. Not from within an async task.
///
/// # Errors
/// When the service cannot be kept, another supervisor keeps it, or it failed for good.
pub fn run(root: &Root, name: &str) -> Result<(), ServiceError> {
    let mut waiter = starter();
    // A process group leader cannot make a session; run by hand from a shell it stays in the shell's.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "the supervisor stays in its session");
    }
    let started = super::plain_name(name).and_then(|name| {
        let paths = Paths::of(root, name);
        let lock = lock(root, name, &paths)?;
        let unit = load(&paths, name)?;
        Ok((name, paths, lock, unit))
    });
    match started {
        Ok((name, paths, lock, unit)) => {
            let kept = keep(root, name, &unit, &paths, waiter);
            let cleaned = paths.remove(kept.is_err());
            files::remove_file(&paths.lock)?;
            drop(lock);
            kept.and(cleaned.map_err(ServiceError::from))
        }
        Err(error) => {
            if let Some(waiter) = &mut waiter {
                channel::tell(waiter, &verdict_of(&error));
            }
            Err(error)
        }
    }
}

fn verdict_of(error: &ServiceError) -> Verdict {
    match error {
        ServiceError::Supervised { .. } => Verdict::Refused,
        other => Verdict::Failed { reason: chain(other) },
    }
}

/// The one who started the supervisor, when standard input is a socket.
fn starter() -> Option<Waiter> {
    let input: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&input).ok()?.st_mode);
    (kind == rustix::fs::FileType::Socket).then(|| Waiter::from(input))
}

/// Reads the unit with its drop-ins.
pub(super) fn load(paths: &Paths, name: &str) -> Result<Unit, ServiceError> {
    let missing = || ServiceError::NotInstalled { name: name.to_owned(), path: paths.unit.clone() };
    let bytes = files::read_optional(&paths.unit)?.ok_or_else(missing)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut sources = vec![Source { file: paths.unit.clone(), text: text(bytes) }];
    let folder = paths.unit.with_added_extension("d");
    for entry in files::list(&folder)?.iter().filter(|entry| entry.ends_with(".conf")) {
        let file = folder.join(entry);
        sources.push(Source { text: text(files::read(&file)?), file });
    }
    Ok(unit::parse(&sources)?)
}

/// The lock that exactly one supervisor of the service holds, for as long as it lives.
fn lock(root: &Root, name: &str, paths: &Paths) -> Result<File, ServiceError> {
    files::create_directory(&root.join(paths::RUN), Attributes { mode: 0o755, owner: None })?;
    let failed = |e| ServiceError::File(FileError::new("lock", &paths.lock, e));
    loop {
        let file = File::options().append(true).create(true).open(&paths.lock).map_err(failed)?;
        let refused = || ServiceError::Supervised { name: name.to_owned() };
        let file = match file.try_lock() {
            Ok(()) => file,
            Err(TryLockError::WouldBlock) if Waiter::connect(&paths.control).is_ok() => return Err(refused()),
            // The holder does not listen: it is about to begin or to end.
            Err(TryLockError::WouldBlock) => await_lock(file).map_err(failed)?.ok_or_else(refused)?,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        };
        // The holder before may have removed the file in between: then this lock guards nothing.
        let held = file.metadata().map_err(failed)?.ino();
        if std::fs::metadata(&paths.lock).is_ok_and(|there| there.ino() == held) {
            return Ok(file);
        }
    }
}

/// The file with the lock; none when it is not free in time.
fn await_lock(file: File) -> std::io::Result<Option<File>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let locked = file.lock().map(|()| file);
        // Nobody listens any more when it took too long; the file is then closed, and with it unlocked.
        let _ = sender.send(locked);
    });
    receiver.recv_timeout(LOCK_WAIT).ok().transpose()
}

fn keep(
    root: &Root,
    name: &str,
    unit: &Unit,
    paths: &Paths,
    waiter: Option<Waiter>,
) -> Result<(), ServiceError> {
    let mut early = waiter.as_ref().and_then(|waiter| waiter.try_clone().ok());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServiceError::system("start the supervisor's event loop"))?;
    let _within = runtime.enter();
    let prepared = end_orphan(paths)
        .and_then(|()| launch::owner(root, name, unit))
        .and_then(|owner| Supervisor::new(name, unit, paths, owner));
    match prepared {
        Ok(supervisor) => {
            drop(early);
            runtime.block_on(supervisor.keep(waiter))
        }
        Err(error) => {
            if let Some(waiter) = &mut early {
                channel::tell(waiter, &verdict_of(&error));
            }
            Err(error)
        }
    }
}

/// Ends and removes what a supervisor that is gone left. Only who holds the lock may do that: with
/// another supervisor there by now, it is refused.
pub(super) fn clean(root: &Root, name: &str, paths: &Paths) -> Result<(), ServiceError> {
    let lock = lock(root, name, paths)?;
    end_orphan(paths)?;
    files::remove_file(&paths.lock)?;
    drop(lock);
    Ok(())
}

/// Ends what a killed supervisor left behind, so that the service never runs twice.
fn end_orphan(paths: &Paths) -> Result<(), ServiceError> {
    let failed = || ServiceError::system("end what a killed supervisor left running");
    let child = PidRecord::read(&paths.pid)?.and_then(|record| record.child);
    if let Some(orphan) = child.map(ProcessId::open).transpose().map_err(failed())?.flatten() {
        orphan.signal(rustix::process::Signal::TERM).map_err(failed())?;
        if !orphan.ended_by(Instant::now() + ORPHAN_GRACE).map_err(failed())? {
            orphan.signal_group(rustix::process::Signal::KILL).map_err(failed())?;
            orphan.ended_by(Instant::now() + ORPHAN_GRACE).map_err(failed())?;
        }
    }
    Ok(paths.remove(false)?)
}
