//! What the checks judge: everything measured on this machine, and what the master answered.

use crate::host::disk_probe::{Obstacle, Space};
use crate::host::facts::{FactsError, Memory};
use crate::host::files::FileError;
use crate::host::routes::{NetworkError, Reach, Route};
use crate::host::sockets::PortState;
use crate::host::time_sync::TimeSync;
use crate::model::facts::Facts;
use crate::preflight::address::{AddressError, Selected};
use std::net::SocketAddr;
use std::time::Duration;

/// Everything that is judged. A measurement that failed is kept as its error, so that the others
/// are still judged.
#[derive(Debug)]
pub struct Measurements {
    /// The `--root` directory.
    pub root: String,
    /// Whether that is the machine's own.
    pub root_is_host: bool,
    /// The effective user id of this process.
    pub user_id: u32,
    /// Whether that user may write in the root itself.
    pub root_writable: bool,
    /// Who this machine is.
    pub facts: Facts,
    /// The name the node will have.
    pub node_name: String,
    /// The ports the node's services want.
    pub ports: Vec<PortMeasured>,
    /// The address chosen for the node.
    pub address: Result<Selected, AddressError>,
    /// The way to the master; none for a first node.
    pub master: Option<MasterMeasured>,
    /// Space where state will live.
    pub space: Result<Space, FileError>,
    /// Sorted times of durable writes there.
    pub sync_times: Result<Vec<Duration>, FileError>,
    /// Memory.
    pub memory: Result<Memory, FactsError>,
    /// How many files a process may have open; none for no limit.
    pub open_files: Option<u64>,
    /// What is left of earlier runs.
    pub previous: Result<Previous, FileError>,
    /// What keeps eos from writing where it must, by path relative to the root.
    pub paths: Vec<(String, Result<Option<Obstacle>, FileError>)>,
    /// What will run the services.
    pub services: Services,
    /// Names and values of the proxy variables that are set; the values are never shown.
    pub proxy: Vec<(String, String)>,
    /// Whether something keeps the clock right.
    pub time_sync: TimeSync,
    /// What only others know; filled in after the master answered.
    pub answers: Answers,
}

/// A port and whether it can be had.
#[derive(Debug)]
pub struct PortMeasured {
    /// The TCP port.
    pub port: u16,
    /// What wants it, `the master's API`.
    pub purpose: String,
    /// What was found.
    pub state: Result<PortState, FileError>,
}

/// The way to the master.
#[derive(Debug)]
pub struct MasterMeasured {
    /// Its address.
    pub target: SocketAddr,
    /// The kernel's route to it.
    pub route: Result<Route, NetworkError>,
    /// How far a connection came.
    pub reach: Reach,
}

/// What is left of earlier runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Previous {
    /// The node is a member of a cluster.
    pub member: bool,
    /// Keys or data of a node are there, without a membership.
    pub started: bool,
    /// eos wrote down what it made here.
    pub ledger: bool,
    /// Names in the state directory that eos does not make.
    pub foreign_state: Vec<String>,
    /// Names in the configuration directory that eos does not make.
    pub foreign_configuration: Vec<String>,
}

/// What runs the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Services {
    /// systemd, over D-Bus.
    Systemd,
    /// Supervised processes, because of the stated reason.
    Processes(String),
}

/// What somebody else measured or decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All is well, with the measured values.
    Good(String),
    /// It is not.
    Bad {
        /// The measured values.
        measured: String,
        /// What helps, with the exact command.
        fix: String,
    },
}

/// What only the master, or another part of eos, knows; none where it was not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Seconds by which this machine's clock is ahead of the master's; negative when behind.
    pub clock_ahead_seconds: Option<i64>,
    /// Whether the Salt that is to apply states can do so.
    pub salt: Option<Answer>,
    /// Whether the master reached this node.
    pub dial_back: Option<Answer>,
    /// Whether the node's name is free in the cluster.
    pub hostname_unique: Option<Answer>,
    /// Whether no other node has this machine-id.
    pub machine_id_unique: Option<Answer>,
    /// The version of eos that the master runs.
    pub master_version: Option<String>,
    /// Whether the operation lock is free, or who has it.
    pub operation_lock: Option<Answer>,
    /// What the join token looks like.
    pub token: Option<Answer>,
    /// An unfinished bootstrap that the journal tells of, `bootstrap 0192… stopped at configure`.
    pub unfinished: Option<String>,
}

/// The limits that the measurements are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    /// The oldest kernel, major and minor.
    pub kernel: (u32, u32),
    /// The processors that eos is built for.
    pub architectures: Vec<String>,
    /// Bytes that must be free where state will live.
    pub free_bytes: u64,
    /// Files that must still be possible there.
    pub free_files: u64,
    /// The percentage used from which the disk counts as full.
    pub used_percent: u8,
    /// A durable write from which to warn.
    pub sync_warning: Duration,
    /// A durable write from which to refuse.
    pub sync_failure: Duration,
    /// Bytes of memory that must be available.
    pub memory_bytes: u64,
    /// Files that a process must be allowed to open.
    pub open_files: u64,
    /// Seconds between the clocks from which to warn.
    pub clock_warning_seconds: u64,
    /// Seconds between the clocks from which to refuse.
    pub clock_failure_seconds: u64,
    /// The version of this eos.
    pub version: String,
}

impl Default for Requirements {
    fn default() -> Self {
        Self {
            kernel: (5, 6),
            architectures: vec!["x86_64".to_owned(), "aarch64".to_owned()],
            free_bytes: 512 << 20,
            free_files: 1024,
            used_percent: 95,
            sync_warning: Duration::from_millis(50),
            sync_failure: Duration::from_millis(500),
            memory_bytes: 128 << 20,
            open_files: 1024,
            clock_warning_seconds: 30,
            clock_failure_seconds: 300,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
