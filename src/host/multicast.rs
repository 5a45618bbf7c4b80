//! Sockets of multicast: those that listen to a group, and those that ask it over one interface.

use rustix::net::sockopt;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Datagrams do not leave the network that they are sent on.
const ONE_HOP: u32 = 1;

/// A socket that hears what is sent to the group at this port, once it has joined. Others on this machine may
/// listen as well: each hears all of it.
///
/// # Errors
/// When the port is held by somebody who does not share it, or the family is switched off.
pub fn listen(group: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = new(group)?;
    socket.set_reuse_address(true)?;
    // Only what this socket itself joined, whatever others on this machine did.
    let address = match group {
        IpAddr::V4(_) => {
            socket.set_multicast_all_v4(false)?;
            SocketAddr::new(group, port)
        }
        IpAddr::V6(_) => {
            socket.set_multicast_all_v6(false)?;
            // A group of the link cannot be bound without one link, and there are several.
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)
        }
    };
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A socket that hears what is sent to this address of the machine alone.
///
/// # Errors
/// When the machine has no such address, or the port is held by somebody who does not share it.
pub fn listen_at(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new(address.ip())?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A socket at any free port whose multicasts leave by this interface, and are heard on this machine as well.
///
/// # Errors
/// When the interface is gone, or the family is switched off.
pub fn ask_over(group: IpAddr, interface: u32) -> io::Result<UdpSocket> {
    let socket = new(group)?;
    match group {
        IpAddr::V4(_) => {
            let any = Ipv4Addr::UNSPECIFIED;
            // By its number: an interface without an address of the family has one too.
            sockopt::set_ip_multicast_if_with_ifindex(&socket, &any, &any, interface)?;
            socket.set_multicast_ttl_v4(ONE_HOP)?;
            socket.set_multicast_loop_v4(true)?;
            socket.bind(&SocketAddr::new(any.into(), 0).into())?;
        }
        IpAddr::V6(_) => {
            socket.set_multicast_if_v6(interface)?;
            socket.set_multicast_hops_v6(ONE_HOP)?;
            socket.set_multicast_loop_v6(true)?;
            socket.bind(&SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0).into())?;
        }
    }
    Ok(socket.into())
}

/// Has the socket hear the group on this interface.
///
/// # Errors
/// When the interface is gone, carries no multicast, or the kernel's limit of groups is reached.
pub fn join(socket: &impl std::os::fd::AsFd, group: IpAddr, interface: u32) -> io::Result<()> {
    let socket = SockRef::from(socket);
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface)),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, interface),
    }
}

/// Has the socket hear the group on this interface no more.
///
/// # Errors
/// When the interface is gone, which has ended it as well.
pub fn leave(socket: &impl std::os::fd::AsFd, group: IpAddr, interface: u32) -> io::Result<()> {
    let socket = SockRef::from(socket);
    match group {
        IpAddr::V4(group) => socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface)),
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, interface),
    }
}

fn new(address: IpAddr) -> io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // Both families have a socket of their own.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_on_one_machine_listen_at_the_same_port() -> io::Result<()> {
        let group = Ipv4Addr::new(239, 255, 69, 79).into();
        let first = listen(group, 0)?;
        let port = first.local_addr()?.port();
        let second = listen(group, port)?;
        assert_eq!(second.local_addr()?, SocketAddr::new(group, port));
        Ok(())
    }

    #[test]
    fn an_interface_that_is_not_there_is_no_way_out() {
        assert!(ask_over(Ipv4Addr::new(239, 255, 69, 79).into(), 999_999).is_err());
    }
}
