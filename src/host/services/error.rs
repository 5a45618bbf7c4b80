//! Why a service could not be driven, and where its log is.

use super::unit::UnitError;
use crate::host::accounts::AccountError;
use crate::host::files::FileError;
use crate::model::explain::{Code, Exit, Explain};
use std::fmt;
use std::path::PathBuf;

/// Where a service's log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// In the journal.
    Journal,
    /// In this file.
    File(PathBuf),
}

impl LogPlace {
    /// The command that shows its end.
    pub fn command(&self, name: &str) -> String {
        match self {
            Self::Journal => format!("journalctl -u {name} -n 50"),
            Self::File(path) => format!("tail -n 50 {}", path.display()),
        }
    }
}

/// The last line of a log, when there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLine(pub Option<String>);

impl fmt::Display for LastLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(line) => write!(f, "its last line: {line}"),
            None => f.write_str("it logged nothing"),
        }
    }
}

/// Why a service could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no unit of that name.
    #[error("there is no service {name}: {} does not exist", path.display())]
    NotInstalled {
        /// The service.
        name: String,
        /// Where its unit would be.
        path: PathBuf,
    },
    /// A name that cannot be a service's.
    #[error("{name:?} is not the name of a service")]
    BadName {
        /// The name.
        name: String,
    },
    /// It ended, or was ended, before it was ready.
    #[error("service {name} failed: {reason}; {last_line}")]
    Failed {
        /// The service.
        name: String,
        /// How it ended.
        reason: String,
        /// What it logged last.
        last_line: LastLine,
        /// Where its log is.
        log: LogPlace,
    },
    /// It runs and did not say in time that it is ready.
    #[error("service {name} was not ready within {milliseconds} ms; {last_line}")]
    NotReady {
        /// The service.
        name: String,
        /// The deadline given.
        milliseconds: u128,
        /// What it logged last.
        last_line: LastLine,
        /// Where its log is.
        log: LogPlace,
    },
    /// It did not end in time.
    #[error("service {name} did not end within {milliseconds} ms")]
    StillRunning {
        /// The service.
        name: String,
        /// The deadline given.
        milliseconds: u128,
        /// Where its log is.
        log: LogPlace,
    },
    /// Another supervisor keeps it already.
    #[error("service {name} has a supervisor already")]
    Supervised {
        /// The service.
        name: String,
    },
    /// Its unit says nothing about what starts it at boot.
    #[error("service {name} cannot be enabled: its unit has no WantedBy")]
    NothingWantsIt {
        /// The service.
        name: String,
    },
    /// The user that it shall run as does not exist.
    #[error("service {name} cannot run as {user}: there is no such user")]
    NoSuchUser {
        /// The service.
        name: String,
        /// The user.
        user: String,
    },
    /// A socket's path is longer than Unix sockets allow.
    #[error("{} has {length} bytes, and a socket's path at most 107", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// systemd refused, or the bus could not be used.
    #[error("systemd did not {action}")]
    Bus {
        /// `start eos-agent`, ...
        action: String,
        /// What the bus said.
        #[source]
        source: Box<zbus::Error>,
    },
    /// systemd did not answer.
    #[error("systemd did not answer within {seconds} s when asked to {action}")]
    BusSilent {
        /// `start eos-agent`, ...
        action: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The operating system refused something.
    #[error("could not {action}")]
    System {
        /// `start the supervisor /usr/local/bin/eos`, ...
        action: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The user that it shall run as could not be looked up.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The unit file is wrong.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl ServiceError {
    /// For `map_err` on calls of the operating system.
    pub(super) fn system(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        |source| Self::System { action, source }
    }
}

impl Explain for ServiceError {
    fn code(&self) -> Code {
        match self {
            Self::NotInstalled { .. } => Code("H022"),
            Self::Failed { .. } => Code("H023"),
            Self::NotReady { .. } => Code("H024"),
            Self::StillRunning { .. } => Code("H025"),
            Self::Supervised { .. } => Code("H026"),
            Self::Bus { .. } => Code("H027"),
            Self::BusSilent { .. } => Code("H028"),
            Self::System { .. } => Code("H029"),
            Self::PathTooLong { .. } => Code("H030"),
            Self::NothingWantsIt { .. } => Code("H031"),
            Self::BadName { .. } => Code("H032"),
            Self::NoSuchUser { .. } => Code("H033"),
            Self::File(error) => error.code(),
            Self::Account(error) => error.code(),
            Self::Unit(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Supervised { .. } => Exit::Conflict,
            Self::BadName { .. } | Self::PathTooLong { .. } => Exit::Usage,
            Self::File(error) => error.exit(),
            Self::Account(error) => error.exit(),
            Self::Unit(error) => error.exit(),
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotInstalled { .. } => "put the services in place: eos bootstrap".to_owned(),
            Self::Failed { name, log, .. }
            | Self::NotReady { name, log, .. }
            | Self::StillRunning { name, log, .. } => format!("see why: {}", log.command(name)),
            Self::Supervised { .. } => "see what runs: eos status".to_owned(),
            Self::BadName { .. } => "name one of the services: eos status".to_owned(),
            Self::NothingWantsIt { name } => {
                format!("add WantedBy=multi-user.target under [Install]: systemctl edit --full {name}")
            }
            Self::NoSuchUser { user, .. } => {
                format!("create it: useradd --system --no-create-home --shell /usr/sbin/nologin {user}")
            }
            Self::PathTooLong { .. } => "choose a root with a shorter path: --root /srv/eos".to_owned(),
            Self::Bus { .. } => "as root, ask systemd yourself: systemctl status".to_owned(),
            Self::BusSilent { .. } => "see what systemd is busy with: systemctl list-jobs".to_owned(),
            Self::System { .. } => "see what the kernel says: dmesg | tail -n 20".to_owned(),
            Self::File(error) => return error.hints(),
            Self::Account(error) => return error.hints(),
            Self::Unit(error) => return error.hints(),
        };
        vec![hint]
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::NotReady { .. } | Self::StillRunning { .. } | Self::BusSilent { .. } => true,
            Self::File(error) => error.retry_helps(),
            Self::Account(error) => error.retry_helps(),
            _ => false,
        }
    }
}
