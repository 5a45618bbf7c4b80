//! Services: driven through systemd where it runs, else as supervised background processes.
//!
//! Unit files under the root's `etc/systemd/system` are the one description for both.

mod bus;
mod channel;
mod error;
#[cfg(test)]
mod error_tests;
mod keep;
mod launch;
pub mod leftover;
mod notification;
mod process;
mod processes;
mod record;
mod restart;
pub mod supervisor;
mod systemd;
#[cfg(test)]
mod tests;
pub mod transient;
pub mod unit;
mod unit_error;
#[cfg(test)]
mod unit_tests;
mod value;
mod watch;

pub use error::{LastLine, LogPlace, ServiceError};
pub use processes::ProcessServices;
pub use systemd::SystemdServices;

use super::root::Root;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who keeps the services running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceManager {
    /// systemd, over D-Bus.
    Systemd,
    /// One `eos supervise` for each service.
    Processes,
}

/// A service that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// Its main process.
    pub pid: u32,
    /// Whether it ran before it was asked for.
    pub already_running: bool,
}

/// What is known of a service.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ServiceStatus {
    /// Whether there is a unit of that name, be it masked.
    pub installed: bool,
    /// Whether it runs or is being started.
    pub active: bool,
    /// Whether it runs and said that it is ready.
    pub ready: bool,
    /// Its main process, when it runs.
    pub pid: Option<u32>,
    /// How often it was started again since it was asked for.
    pub restarts: u32,
    /// Since when it runs.
    pub started_at: Option<jiff::Timestamp>,
    /// What it said last of itself.
    pub status_text: Option<String>,
    /// How it ended, when it failed and does not run.
    pub failure: Option<String>,
    /// What tells this run of it from every other one, while it is active.
    #[serde(skip)]
    pub run: Option<String>,
}

/// Drives services. Every call blocks, so an async caller uses `spawn_blocking`; names are given
/// without `.service`.
pub trait Services: Send + Sync {
    /// Who keeps the services running.
    fn kind(&self) -> ServiceManager;

    /// In one line for people, who keeps the services and why.
    fn explain(&self) -> String;

    /// Starts the service and returns when it is ready; one that is ready already is left alone.
    ///
    /// # Errors
    /// When it fails, or is not ready in time; it is then left as it is, for [`Services::stop`].
    fn start(&self, name: &str, deadline: Duration) -> Result<Started, ServiceError>;

    /// Ends the service and returns when it has ended; says whether it ran.
    ///
    /// # Errors
    /// When it cannot be ended, or not in time.
    fn stop(&self, name: &str, deadline: Duration) -> Result<bool, ServiceError>;

    /// Ends the service, starts it and returns when it is ready; the deadline is for both together.
    ///
    /// # Errors
    /// As [`Services::stop`] and [`Services::start`].
    fn restart(&self, name: &str, deadline: Duration) -> Result<Started, ServiceError>;

    /// Has the service read its configuration again without ending it; says whether that can be asked for here: a
    /// supervisor of processes does not, and who calls may restart the service instead.
    ///
    /// # Errors
    /// When the service knows no such thing, or fails at it.
    fn reload_service(&self, name: &str, deadline: Duration) -> Result<bool, ServiceError>;

    /// Whether the service starts at boot, or by what needs it (a unit without an `[Install]` section); one that is not
    /// installed does not.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn enabled(&self, name: &str) -> Result<bool, ServiceError>;

    /// Has the service started at boot; no change when it is.
    ///
    /// # Errors
    /// When there is no such service, or nothing could start it.
    fn enable(&self, name: &str) -> Result<(), ServiceError>;

    /// Has the service not started at boot; no change when it is not, or when it does not exist.
    ///
    /// # Errors
    /// When that cannot be changed.
    fn disable(&self, name: &str) -> Result<(), ServiceError>;

    /// Has unit files read again that were changed.
    ///
    /// # Errors
    /// When systemd does not.
    fn reload(&self) -> Result<(), ServiceError>;

    /// Has the unit file of this service read again if it was changed since it was read.
    ///
    /// # Errors
    /// When systemd does not.
    fn refresh(&self, name: &str) -> Result<(), ServiceError>;

    /// The last line that the service logged; for telling a failure, since a journal takes its time.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn last_line(&self, name: &str) -> Result<Option<String>, ServiceError>;

    /// What is known of the service; one that is not installed is no error.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn status(&self, name: &str) -> Result<ServiceStatus, ServiceError>;
}

/// Finds out who keeps services under this root: systemd when the root is the machine's own, systemd
/// runs it and the bus answers; else supervised processes, each with `eos_binary` as supervisor.
///
/// # Errors
/// When the machine cannot be looked at.
pub fn detect(root: &Root, eos_binary: PathBuf) -> Result<Box<dyn Services>, ServiceError> {
    let processes = |why: String| -> Box<dyn Services> {
        Box::new(ProcessServices::new(root.clone(), eos_binary.clone()).because(why))
    };
    if !root.is_host() {
        return Ok(processes(format!("{} is not the machine's own root", root.path().display())));
    }
    if !super::files::exists(Path::new("/run/systemd/system"))? {
        return Ok(processes("systemd does not run this machine".to_owned()));
    }
    match SystemdServices::connect() {
        Ok(services) => Ok(Box::new(services)),
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            Ok(processes(format!("systemd runs this machine but {error}{cause}")))
        }
    }
}

/// Whether a service starts at boot: something below the root's own units wants it.
///
/// # Errors
/// When the units cannot be listed.
pub fn is_enabled(root: &Root, name: &str) -> Result<bool, ServiceError> {
    let unit = format!("{}.service", plain_name(name)?);
    let units = root.join(super::paths::UNITS);
    for folder in super::files::list(&units)? {
        let wants = folder.ends_with(".wants") || folder.ends_with(".requires");
        if wants && super::files::exists(&units.join(&folder).join(&unit))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The name without `.service`.
fn plain_name(name: &str) -> Result<&str, ServiceError> {
    let plain = name.strip_suffix(".service").unwrap_or(name);
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.@:".contains(letter);
    if plain.is_empty() || plain.starts_with('.') || !plain.chars().all(allowed) {
        return Err(ServiceError::BadName { name: name.to_owned() });
    }
    Ok(plain)
}
