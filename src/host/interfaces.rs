//! Network interfaces as multicast sees them: which are up, which carry it, and which only serve a bridge or bond.

use crate::host::routes::NetworkError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;

/// Where the kernel lists the interfaces of this network namespace; a service that may open no netlink socket reads it
/// as well.
const LIST: &str = "/proc/self/net/dev";

/// Where the kernel shows what an interface is: of the namespace in which it was mounted, which may be another one.
const SHOWN: &str = "/sys/class/net";

/// Flags of an interface, as the kernel numbers them.
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const MULTICAST: u32 = 0x1000;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number in the kernel.
    pub index: u32,
    /// Whether it was switched on.
    pub up: bool,
    /// Whether there is a line at its other end, as far as it can tell.
    pub carrier: bool,
    /// Whether it has the multicast flag.
    pub multicast: bool,
    /// Whether it leads nowhere but to this machine.
    pub loopback: bool,
    /// The bridge or bond whose part it is: that one has the addresses, and speaks for it.
    pub part_of: Option<&'static str>,
}

impl Interface {
    /// Whether multicast can be sent and heard on it.
    pub fn carries_multicast(&self) -> bool {
        self.obstacle().is_none()
    }

    /// What keeps multicast from it, if anything does.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if let Some(kind) = self.part_of {
            return Some(Obstacle::PartOf(kind));
        }
        match (self.up, self.multicast, self.carrier) {
            (false, ..) => Some(Obstacle::Down),
            (_, false, _) => Some(Obstacle::NoMulticast),
            (.., false) => Some(Obstacle::NoCarrier),
            _ => None,
        }
    }
}

/// Why an interface carries no multicast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is a part of a bridge or bond.
    PartOf(&'static str),
    /// It is switched off.
    Down,
    /// It lacks the multicast flag.
    NoMulticast,
    /// Its cable is out, or what it is made of is down.
    NoCarrier,
}

/// Every interface of this network namespace by its name.
///
/// # Errors
/// When the kernel does not show them.
pub fn interfaces() -> Result<Vec<Interface>, NetworkError> {
    let unlisted = |source| NetworkError::Addresses { source };
    let list = std::fs::read_to_string(LIST).map_err(unlisted)?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(unlisted)?;
    let mut found = Vec::new();
    for name in names(&list) {
        // One that goes away meanwhile is left out.
        let Ok(index) = rustix::net::netdevice::name_to_index(&socket, name) else { continue };
        let shown = read(&Path::new(SHOWN).join(name)).ok().filter(|shown| shown.index == index);
        found.push(shown.unwrap_or_else(|| unseen(name, index)));
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

/// The names in a `/proc/net/dev`.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim()))
}

/// An interface of which nothing is shown: what it cannot do will show when it is tried.
fn unseen(name: &str, index: u32) -> Interface {
    let loopback = name == "lo";
    let name = name.to_owned();
    Interface { name, index, up: true, carrier: true, multicast: !loopback, loopback, part_of: None }
}

/// The addresses of every interface by its name, link-local ones included.
///
/// # Errors
/// When the kernel does not tell them.
pub fn addresses_of_interfaces() -> Result<Vec<(String, IpAddr)>, NetworkError> {
    let all = if_addrs::get_if_addrs().map_err(|source| NetworkError::Addresses { source })?;
    Ok(all.into_iter().map(|interface| (interface.name.clone(), interface.ip())).collect())
}

fn read(folder: &Path) -> io::Result<Interface> {
    let text = |name: &str| std::fs::read_to_string(folder.join(name));
    let part_of = [("brport", "bridge"), ("bonding_slave", "bond"), ("team_port", "team")]
        .into_iter()
        .find(|(sign, _)| folder.join(sign).exists())
        .map(|(_, kind)| kind);
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let state = text("operstate").unwrap_or_default();
    parse(name, &text("ifindex")?, &text("flags")?, &state, part_of)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn parse(
    name: String,
    index: &str,
    flags: &str,
    state: &str,
    part_of: Option<&'static str>,
) -> Option<Interface> {
    let index = index.trim().parse().ok()?;
    let flags = u32::from_str_radix(flags.trim().strip_prefix("0x")?, 16).ok()?;
    let carrier = !matches!(state.trim(), "down" | "lowerlayerdown" | "notpresent");
    let has = |flag| flags & flag != 0;
    let (up, multicast, loopback) = (has(UP), has(MULTICAST), has(LOOPBACK));
    Some(Interface { name, index, up, carrier, multicast, loopback, part_of })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flags: &str, state: &str, part_of: Option<&'static str>) -> Interface {
        parse("eth0".to_owned(), "7\n", flags, state, part_of).expect("it is one")
    }

    #[test]
    fn what_keeps_multicast_from_an_interface_is_named() {
        for (flags, state, part_of, obstacle) in [
            ("0x1003\n", "up\n", None, None),
            ("0x1043", "unknown", None, None),
            ("0x1002", "down", None, Some(Obstacle::Down)),
            ("0x3", "up", None, Some(Obstacle::NoMulticast)),
            ("0x1003", "lowerlayerdown", None, Some(Obstacle::NoCarrier)),
            ("0x1003", "up", Some("bridge"), Some(Obstacle::PartOf("bridge"))),
        ] {
            let interface = of(flags, state, part_of);
            assert_eq!(interface.obstacle(), obstacle, "{flags} {state}");
            assert_eq!(interface.carries_multicast(), obstacle.is_none());
        }
        assert_eq!(parse("x".to_owned(), "7", "up", "up", None), None);
    }

    #[test]
    fn the_list_of_the_kernel_gives_the_names() {
        let list = "Inter-|   Receive\n face |bytes\n    lo: 1 2\neth0.7:33 4\n";
        assert_eq!(names(list).collect::<Vec<_>>(), ["lo", "eth0.7"]);
        assert!(unseen("eth0", 7).carries_multicast() && !unseen("lo", 1).carries_multicast());
    }

    #[test]
    fn loopback_is_among_the_interfaces_and_says_that_it_is() -> Result<(), NetworkError> {
        let all = interfaces()?;
        let lo = all.iter().find(|interface| interface.name == "lo").expect("every machine has it");
        assert!(lo.loopback && lo.index == 1, "{lo:?}");
        assert!(addresses_of_interfaces()?.iter().any(|(name, ip)| name == "lo" && ip.is_loopback()));
        Ok(())
    }
}
