//! TCP ports: whether one can be had, and which program holds it if not.

use crate::host::files::{self, FileError};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::Path;

/// State `LISTEN` in the kernel's tables.
const LISTEN: &str = "0A";

/// A socket that waits for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The address it is bound to; unspecified for all.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The inode that the holder's descriptor names.
    pub inode: u64,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The program's name as the kernel has it, at most 15 characters.
    pub program: String,
    /// Its process id.
    pub pid: u32,
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The port.
    pub port: u16,
    /// The process; none when it belongs to another user or to another namespace.
    pub owner: Option<Owner>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "port {} is held by {} (pid {})", self.port, owner.program, owner.pid),
            None => write!(f, "port {} is held by a process that cannot be seen from here", self.port),
        }
    }
}

/// Whether a port can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortState {
    /// Binding it worked.
    Free,
    /// Somebody has it.
    Held(Holder),
    /// Binding failed for another reason than a holder.
    Unusable(String),
}

/// Binds the port for a moment to see whether it is free; if not, finds its holder.
///
/// # Errors
/// When the port is held and the kernel's tables cannot be read.
pub fn probe(address: IpAddr, port: u16) -> Result<PortState, FileError> {
    match TcpListener::bind((address, port)) {
        Ok(_) => Ok(PortState::Free),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(PortState::Held(Holder { port, owner: owner_of(address, port)? }))
        }
        Err(error) => Ok(PortState::Unusable(error.to_string())),
    }
}

/// Every listening TCP socket of this network namespace.
///
/// # Errors
/// When the kernel's tables cannot be read.
pub fn listeners() -> Result<Vec<Listener>, FileError> {
    let mut all = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        if let Some(bytes) = files::read_optional(Path::new(table))? {
            all.extend(parse_table(&String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(all)
}

fn owner_of(address: IpAddr, port: u16) -> Result<Option<Owner>, FileError> {
    let inodes: Vec<u64> = listeners()?
        .into_iter()
        .filter(|listener| listener.port == port && in_the_way(listener.address, address))
        .map(|listener| listener.inode)
        .collect();
    find_process(&inodes)
}

/// Whether a listener on one address keeps another from binding the same port.
fn in_the_way(listening: IpAddr, wanted: IpAddr) -> bool {
    listening == wanted || listening.is_unspecified() || wanted.is_unspecified()
}

fn find_process(inodes: &[u64]) -> Result<Option<Owner>, FileError> {
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = files::list(Path::new("/proc"))?;
    for pid in processes.iter().filter_map(|name| name.parse::<u32>().ok()) {
        if holds(pid, &links) {
            let name = files::read_optional(Path::new(&format!("/proc/{pid}/comm")))?.unwrap_or_default();
            let program = String::from_utf8_lossy(&name).trim().to_owned();
            return Ok(Some(Owner { program, pid }));
        }
    }
    Ok(None)
}

/// Whether a process has one of the sockets open. A process that ends meanwhile, or whose
/// descriptors may not be seen, has none.
fn holds(pid: u32, links: &[String]) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors
        .flatten()
        .filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok())
        .any(|target| target.to_str().is_some_and(|target| links.iter().any(|link| link == target)))
}

/// The listening sockets of a `/proc/net/tcp` or `tcp6` table; other lines are left out.
pub fn parse_table(text: &str) -> Vec<Listener> {
    text.lines().skip(1).filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    Some(Listener { address: parse_address(address)?, port: u16::from_str_radix(port, 16).ok()?, inode })
}

/// The kernel prints each 32-bit word of an address in the machine's byte order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = text.get(at..at + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?);
            }
            let address = Ipv6Addr::from(bytes);
            Some(address.to_ipv4_mapped().map_or(address.into(), IpAddr::V4))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt";

    #[test]
    #[cfg(target_endian = "little")]
    fn a_table_gives_its_listening_sockets() {
        let text = format!(
            "{HEADER}\n\
             0: 0200007F:119B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
             1: 0100007F:0050 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n\
             garbage\n\
             2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A \
             00000000:00000000 00:00000000 00000000  0  0 4713 1\n"
        );
        let here = Listener { address: Ipv4Addr::new(127, 0, 0, 2).into(), port: 4507, inode: 4711 };
        let there = Listener { address: Ipv6Addr::LOCALHOST.into(), port: 80, inode: 4713 };
        assert_eq!(parse_table(&text), [here, there]);
    }

    #[test]
    fn a_held_port_names_its_holder_and_a_free_one_does_not() -> anyhow::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let PortState::Held(holder) = probe(Ipv4Addr::LOCALHOST.into(), port)? else {
            panic!("the port is held by this test");
        };
        assert_eq!(holder.owner.as_ref().map(|owner| owner.pid), Some(std::process::id()));
        assert!(holder.to_string().ends_with(&format!("(pid {})", std::process::id())), "{holder}");
        assert_eq!(probe(Ipv4Addr::new(127, 0, 0, 2).into(), port)?, PortState::Free);
        drop(listener);
        assert_eq!(probe(Ipv4Addr::LOCALHOST.into(), port)?, PortState::Free);
        Ok(())
    }

    #[test]
    fn an_address_of_another_machine_cannot_be_bound() -> Result<(), FileError> {
        let elsewhere = probe(Ipv4Addr::new(203, 0, 113, 9).into(), 4507)?;
        assert!(matches!(elsewhere, PortState::Unusable(_)), "{elsewhere:?}");
        Ok(())
    }

    #[test]
    fn an_unseen_holder_is_said_to_be_unseen() {
        let text = Holder { port: 4507, owner: None }.to_string();
        assert_eq!(text, "port 4507 is held by a process that cannot be seen from here");
        let owner = Some(Owner { program: "nginx".to_owned(), pid: 812 });
        assert_eq!(Holder { port: 4507, owner }.to_string(), "port 4507 is held by nginx (pid 812)");
    }
}
