//! Which of its addresses a node is reached at, and why; never a silent pick among several.

use crate::host::routes::{self, NetworkError, Route};
use crate::model::explain::{Code, Exit, Explain};
use crate::model::facts::Address;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// The address that other nodes use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// The address.
    pub address: IpAddr,
    /// The interface that has it.
    pub interface: String,
    /// Why this one: one phrase for the operator.
    pub why: String,
    /// What the operator should know of it, if anything.
    pub warning: Option<String>,
}

/// Why there is no address to use.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The operator named an address that no interface has.
    #[error("{address} is not an address of this machine, which has {}", listed(candidates))]
    NotHere {
        /// What was named.
        address: IpAddr,
        /// What there is.
        candidates: Vec<Address>,
    },
    /// There are several addresses and nothing to choose by.
    #[error("this machine has {} addresses and nothing tells which one to use: {}", candidates.len(), listed(candidates))]
    Ambiguous {
        /// All of them.
        candidates: Vec<Address>,
    },
    /// The route to the master starts at the master's own address: it is on this machine.
    #[error("the master's address {master} belongs to this machine, so this node needs another one")]
    MasterIsHere {
        /// The address of both.
        master: IpAddr,
    },
    /// The kernel cannot send to the master.
    #[error("no address can be chosen without a way to the master {master}")]
    NoRoute {
        /// The master.
        master: IpAddr,
        /// What the kernel said.
        #[source]
        source: NetworkError,
    },
}

impl Explain for AddressError {
    fn code(&self) -> Code {
        match self {
            Self::NotHere { .. } => Code("P001"),
            Self::Ambiguous { .. } => Code("P002"),
            Self::MasterIsHere { .. } => Code("P003"),
            Self::NoRoute { .. } => Code("P004"),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Preflight
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotHere { candidates, .. } if candidates.is_empty() => {
                vec!["give an interface an address first: ip address show".to_owned()]
            }
            Self::NotHere { candidates, .. } | Self::Ambiguous { candidates } => {
                candidates.iter().map(flag_for).collect()
            }
            Self::MasterIsHere { .. } => vec![
                "name the address of this node: --advertise-address 127.0.0.2".to_owned(),
                "to look at the cluster that is here already: eos status".to_owned(),
            ],
            Self::NoRoute { source, .. } => source.hints(),
        }
    }
}

fn flag_for(candidate: &Address) -> String {
    format!("to use the one on {}: --advertise-address {}", candidate.interface, candidate.ip)
}

fn listed(candidates: &[Address]) -> String {
    let each: Vec<String> =
        candidates.iter().map(|candidate| format!("{} on {}", candidate.ip, candidate.interface)).collect();
    if each.is_empty() { "none but loopback".to_owned() } else { each.join(", ") }
}

/// Chooses the address of this node, asking the kernel for the way to the master if there is one.
///
/// # Errors
/// When none can be used, or several could.
pub fn select_address(
    master: Option<IpAddr>,
    addresses: &[Address],
    explicit: Option<IpAddr>,
) -> Result<Selected, AddressError> {
    if let Some(address) = explicit {
        return named(address, addresses, master.is_some());
    }
    let route = match master {
        Some(master) => Some(
            routes::source_for(master, addresses)
                .map_err(|source| AddressError::NoRoute { master, source })?,
        ),
        None => None,
    };
    choose(route.as_ref(), addresses, None)
}

/// The choice itself: what the operator named; else the route to the master; else the only one.
///
/// # Errors
/// As [`select_address`], except for a missing route.
pub fn choose(
    route: Option<&Route>,
    addresses: &[Address],
    explicit: Option<IpAddr>,
) -> Result<Selected, AddressError> {
    if let Some(address) = explicit {
        return named(address, addresses, route.is_some());
    }
    match route {
        Some(route) if route.source == route.destination => {
            Err(AddressError::MasterIsHere { master: route.destination })
        }
        Some(route) => Ok(by_route(route)),
        None => alone(addresses),
    }
}

fn named(address: IpAddr, addresses: &[Address], joins: bool) -> Result<Selected, AddressError> {
    let interface = routes::interface_of(address, addresses)
        .ok_or_else(|| AddressError::NotHere { address, candidates: candidates(addresses) })?;
    Ok(Selected {
        address,
        why: format!("{address} on {interface}: named by --advertise-address"),
        warning: address.is_loopback().then(|| only_here(address, joins)),
        interface,
    })
}

fn by_route(route: &Route) -> Selected {
    let interface = route.interface.clone().unwrap_or_else(|| "an unlisted interface".to_owned());
    Selected {
        address: route.source,
        why: format!("{} on {interface}: the kernel's route to {}", route.source, route.destination),
        interface,
        warning: None,
    }
}

/// The address of a first node. An IPv4 address on the same interface as nothing but IPv6 ones is
/// the only one of its kind, and chosen; which of them a dual-stack host means is no question.
fn alone(addresses: &[Address]) -> Result<Selected, AddressError> {
    let candidates = candidates(addresses);
    let Some(first) = candidates.first() else {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let interface = routes::interface_of(address, addresses).unwrap_or_else(|| "lo".to_owned());
        let why = format!("{address} on {interface}: this machine has no other address");
        return Ok(Selected { address, interface, why, warning: Some(only_here(address, false)) });
    };
    let mut version_four = candidates.iter().filter(|candidate| candidate.ip.is_ipv4());
    let one_interface = candidates.iter().all(|candidate| candidate.interface == first.interface);
    let (chosen, why) = match (candidates.len(), version_four.next(), version_four.next()) {
        (1, _, _) => (first, "the only address of this machine"),
        (_, Some(only), None) if one_interface => (only, "the only IPv4 address of this machine"),
        _ => return Err(AddressError::Ambiguous { candidates }),
    };
    Ok(Selected {
        address: chosen.ip,
        interface: chosen.interface.clone(),
        why: format!("{} on {}: {why}", chosen.ip, chosen.interface),
        warning: None,
    })
}

/// What it means that only this machine reaches an address, for a first node and for one that joins.
fn only_here(address: IpAddr, joins: bool) -> String {
    if joins {
        return format!(
            "only this machine reaches {address}: nodes on other machines cannot talk to this one, and a master \
             on another machine cannot connect back to it"
        );
    }
    format!("no other machine can join a node whose address is {address}")
}

/// The addresses that another machine could use.
fn candidates(addresses: &[Address]) -> Vec<Address> {
    addresses.iter().filter(|address| !address.loopback && is_global(address.ip)).cloned().collect()
}

fn is_global(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local)
}

/// One error of every kind.
#[cfg(test)]
pub(crate) fn samples() -> Vec<AddressError> {
    let ip = |last: u8| IpAddr::from([10, 0, 1, last]);
    let on = |interface: &str, ip| Address { interface: interface.to_owned(), ip, loopback: false };
    let two = || vec![on("eth0", ip(12)), on("eth1", [192, 168, 7, 2].into())];
    let refused = std::io::ErrorKind::NetworkUnreachable.into();
    let elsewhere = IpAddr::from([10, 9, 9, 9]);
    vec![
        AddressError::NotHere { address: elsewhere, candidates: two() },
        AddressError::NotHere { address: elsewhere, candidates: Vec::new() },
        AddressError::Ambiguous { candidates: two() },
        AddressError::MasterIsHere { master: ip(10) },
        AddressError::NoRoute {
            master: ip(10),
            source: NetworkError::NoRoute { destination: ip(10), source: refused },
        },
    ]
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
