//! Addresses of this machine, and the kernel's choice among them for a destination.

use crate::model::explain::{Code, Explain};
use crate::model::facts::Address;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// What the network stack of this machine did not tell.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The interfaces could not be listed.
    #[error("could not list the addresses of this machine")]
    Addresses {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The kernel has no way to the destination.
    #[error("there is no route to {destination}")]
    NoRoute {
        /// Where to.
        destination: IpAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl Explain for NetworkError {
    fn code(&self) -> Code {
        match self {
            Self::Addresses { .. } => Code("H070"),
            Self::NoRoute { .. } => Code("H071"),
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Addresses { .. } => "look at the interfaces: ip address show".to_owned(),
            Self::NoRoute { destination, .. } => {
                format!("look at the kernel's choice: ip route get {destination}")
            }
        }]
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::NoRoute { .. })
    }
}

/// The kernel's way to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: IpAddr,
    /// The address packets to it carry.
    pub source: IpAddr,
    /// The interface that has this address, if one of [`addresses`] has.
    pub interface: Option<String>,
}

/// How far a TCP connection to an address came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It was accepted after so long.
    Connected(Duration),
    /// The machine answered that nobody listens there.
    Refused,
    /// Nothing came back in so long.
    TimedOut(Duration),
    /// The operating system gave up at once.
    Failed(String),
}

/// Every usable address of every interface that is up, in the kernel's order, loopback last.
/// Link-local addresses are left out: they mean nothing without their interface.
///
/// # Errors
/// When the interfaces cannot be listed.
pub fn addresses() -> Result<Vec<Address>, NetworkError> {
    let interfaces = if_addrs::get_if_addrs().map_err(|source| NetworkError::Addresses { source })?;
    let mut found: Vec<Address> = interfaces
        .into_iter()
        .filter(|interface| interface.is_loopback() || interface.oper_status != if_addrs::IfOperStatus::Down)
        .filter(|interface| !interface.is_link_local())
        .map(|interface| Address {
            ip: interface.ip(),
            loopback: interface.is_loopback(),
            interface: interface.name,
        })
        .collect();
    found.sort_by_key(|address| address.loopback);
    Ok(found)
}

/// Asks the kernel which source address it would use; nothing is sent.
///
/// # Errors
/// When it has no route to the destination.
pub fn source_for(destination: IpAddr, addresses: &[Address]) -> Result<Route, NetworkError> {
    let any: IpAddr = match destination {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Connecting a datagram socket only makes the routing decision; the port is not used.
    let source = UdpSocket::bind((any, 0))
        .and_then(|socket| {
            socket.connect((destination, 9))?;
            socket.local_addr()
        })
        .map_err(|source| NetworkError::NoRoute { destination, source })?
        .ip();
    let interface = interface_of(source, addresses);
    Ok(Route { destination, source, interface })
}

/// The interface that an address belongs to; any `127.x.y.z` belongs to that of loopback.
pub fn interface_of(ip: IpAddr, addresses: &[Address]) -> Option<String> {
    let exact = addresses.iter().find(|address| address.ip == ip);
    let found = exact
        .or_else(|| addresses.iter().find(|address| address.loopback && ip.is_loopback() && ip.is_ipv4()));
    found.map(|address| address.interface.clone())
}

/// Opens a TCP connection and closes it again.
pub fn reach(target: SocketAddr, timeout: Duration) -> Reach {
    let start = Instant::now();
    match TcpStream::connect_timeout(&target, timeout) {
        Ok(_) => Reach::Connected(start.elapsed()),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Reach::Refused,
            io::ErrorKind::TimedOut => Reach::TimedOut(timeout),
            _ => Reach::Failed(error.to_string()),
        },
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<NetworkError> {
    let source = || io::Error::from(io::ErrorKind::NetworkUnreachable);
    vec![
        NetworkError::Addresses { source: source() },
        NetworkError::NoRoute { destination: Ipv4Addr::new(10, 0, 1, 10).into(), source: source() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use std::net::TcpListener;

    #[test]
    fn loopback_is_listed_last_and_reached_by_itself() -> Result<(), NetworkError> {
        let addresses = addresses()?;
        assert!(addresses.is_sorted_by_key(|address| address.loopback), "{addresses:?}");
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let route = source_for(here, &addresses)?;
        assert_eq!(route, Route { destination: here, source: here, interface: Some("lo".to_owned()) });
        Ok(())
    }

    #[test]
    fn any_loopback_address_belongs_to_the_loopback_interface() -> Result<(), NetworkError> {
        let addresses = addresses()?;
        assert_eq!(interface_of(Ipv4Addr::new(127, 0, 0, 3).into(), &addresses), Some("lo".to_owned()));
        assert_eq!(interface_of(Ipv4Addr::new(203, 0, 113, 9).into(), &addresses), None);
        Ok(())
    }

    #[test]
    fn a_destination_that_is_no_place_has_no_route() {
        let error = source_for(Ipv4Addr::BROADCAST.into(), &[]).expect_err("broadcast is not allowed");
        tells(&error, "EOS-H071", "there is no route to 255.255.255.255");
    }

    const ENTRY: &str = "EOS_TEST_DESCRIPTORS";

    /// Not a test by itself: what the test below starts, since the limit holds for a whole process.
    #[test]
    fn descriptors_entry() {
        if std::env::var_os(ENTRY).is_none() {
            return;
        }
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, none).expect("it may be lowered");
        let error = addresses().expect_err("no socket can be opened");
        tells(&error, "EOS-H070", "could not list the addresses of this machine");
    }

    #[test]
    fn a_process_without_descriptors_cannot_list_the_addresses() -> anyhow::Result<()> {
        let output = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", "host::routes::tests::descriptors_entry", "--nocapture"])
            .env(ENTRY, "1")
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        Ok(())
    }

    #[test]
    fn reaching_tells_a_listener_from_a_closed_port() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let target = listener.local_addr()?;
        assert!(matches!(reach(target, Duration::from_secs(5)), Reach::Connected(_)));
        drop(listener);
        assert_eq!(reach(target, Duration::from_secs(5)), Reach::Refused);
        Ok(())
    }

    #[test]
    fn every_error_has_its_text_code_and_hint() {
        let told: Vec<String> = samples()
            .iter()
            .map(|error| format!("{} {error} | {}", error.code(), error.hints().join(" ")))
            .collect();
        assert_eq!(
            told,
            [
                "EOS-H070 could not list the addresses of this machine | \
                 look at the interfaces: ip address show",
                "EOS-H071 there is no route to 10.0.1.10 | \
                 look at the kernel's choice: ip route get 10.0.1.10",
            ]
        );
    }
}
