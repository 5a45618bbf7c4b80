//! What a machine reports of itself.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a machine has to offer; the input of role assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Logical processors.
    pub cpus: u32,
    /// Physical memory in bytes.
    pub memory_bytes: u64,
    /// Size in bytes of the file system that holds the state directory.
    pub disk_bytes: u64,
    /// Free bytes of that file system.
    pub disk_free_bytes: u64,
}

impl Resources {
    /// Whether they were never told: no machine is without a processor.
    pub fn is_unknown(&self) -> bool {
        self.cpus == 0 && self.memory_bytes == 0 && self.disk_bytes == 0
    }
}

/// Facts gathered once, before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The kernel's node name.
    pub hostname: String,
    /// `/etc/machine-id`, if there is one (32 hexadecimal digits).
    pub machine_id: Option<String>,
    /// The DMI product UUID, if it can be read.
    pub hardware_id: Option<String>,
    /// This boot's random id.
    pub boot_id: Option<String>,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// Kernel release, `6.1.0-13-amd64`.
    pub kernel: String,
    /// `ID` and `VERSION_ID` of os-release, `debian 12`.
    pub os: String,
    /// Global addresses of the interfaces that are up, loopback last.
    pub addresses: Vec<Address>,
    /// Processors, memory and disk.
    pub resources: Resources,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The interface, `eth0`.
    pub interface: String,
    /// Its address.
    pub ip: IpAddr,
    /// Whether it is a loopback address.
    pub loopback: bool,
}
