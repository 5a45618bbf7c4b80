//! Discovery: which clusters there are on the networks of this machine, asked by multicast (tier 2).
//!
//! A query goes to a group on every interface that carries multicast, over IPv4 and IPv6. Masters answer to the
//! asker alone, signed over its nonce. What an answer says is a claim until the API of the master that it names has
//! shown the certificate behind the signature.

pub mod ask;
pub mod choice;
pub mod contest;
pub mod datagram;
pub mod doctor;
pub mod election;
pub mod error;
pub mod find;
mod lines;
pub mod pace;
pub mod respond;

pub use error::DiscoveryError;
pub use find::{Findings, Found, Standing, find};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The group over IPv4, of the range that stays within an organisation.
pub const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 255, 69, 79));

/// The group over IPv6, of the range that stays on the link.
pub const GROUP_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0x656f, 0x73));

/// Both groups.
pub const GROUPS: [IpAddr; 2] = [GROUP_V4, GROUP_V6];

/// How people call the family of a group.
pub fn family(group: IpAddr) -> &'static str {
    if group.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Which interfaces are asked over or listened on: a node at a loopback address is reached from this machine only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that lead to other machines.
    Networks,
    /// Those that lead nowhere.
    Machine,
}

impl Scope {
    /// The scope of a node at this address; without one, the networks.
    pub fn of(address: Option<IpAddr>) -> Self {
        if address.is_some_and(|address| address.is_loopback()) { Self::Machine } else { Self::Networks }
    }

    fn has(self, interface: &crate::host::interfaces::Interface) -> bool {
        interface.loopback == (self == Self::Machine)
    }
}
