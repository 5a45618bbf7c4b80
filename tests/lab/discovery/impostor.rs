//! Somebody on the network who speaks the datagrams of discovery, and says what he likes.

use crate::support::Host;
use eos::discovery::datagram::{Datagram, Nonce, Statement, Unsigned};
use eos::discovery::{GROUP_V4, GROUPS};
use eos::host::multicast;
use eos::model::digest::Fingerprint;
use eos::wire::version::Versions;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};

/// The UDP port of discovery.
pub const PORT: u16 = 4505;

/// What he answers to a query with this nonce.
pub type Answers<'a> = &'a (dyn Fn(&Nonce) -> Vec<Vec<u8>> + Sync);

/// A statement of a master at this address.
pub fn statement(cluster: &str, address: &str, authority: Fingerprint, versions: Versions) -> Statement {
    Statement {
        cluster: cluster.to_owned(),
        node: "node9".to_owned(),
        addresses: vec![address.parse().expect("an address")],
        authority,
        versions,
    }
}

/// An answer with this signature.
pub fn answer(nonce: &Nonce, statement: &Statement, signature: &[u8]) -> Vec<u8> {
    Unsigned::new(nonce, statement).and_then(|answer| answer.with(signature)).expect("it can be written")
}

/// Answers on the host to every query over IPv4 while `work` is done.
pub fn while_answering<T>(host: &Host, answers: Answers<'_>, work: impl FnOnce() -> T) -> T {
    let socket = host.inside(|| {
        let socket = multicast::listen(GROUP_V4, PORT).expect("the port is free on this host");
        let index = index_of(&socket);
        multicast::join(&socket, GROUP_V4, index).expect("eth0 carries multicast");
        socket.set_nonblocking(false).expect("it can block");
        socket.set_read_timeout(Some(std::time::Duration::from_millis(50))).expect("a time");
        socket
    });
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&socket, answers, &ended));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ended.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The number of the interface. A thread that entered a namespace sees another one's under /sys, so the kernel is
/// asked.
fn index_of(socket: &UdpSocket) -> u32 {
    rustix::net::netdevice::name_to_index(socket, "eth0").expect("it is there")
}

fn serve(socket: &UdpSocket, answers: Answers<'_>, ended: &AtomicBool) {
    let mut buffer = [0; 600];
    while !ended.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if let Ok(Datagram::Query { nonce, .. }) = Datagram::parse(&buffer[..length]) {
            for answer in answers(&nonce) {
                // Whoever asked may have ended meanwhile.
                let _ = socket.send_to(&answer, from);
            }
        }
    }
}

/// What the master at this address answers to a query of the host itself, sent to it alone.
pub fn genuine(host: &Host, master: SocketAddr, nonce: &Nonce) -> Vec<u8> {
    host.inside(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).expect("a port is free");
        socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a time");
        socket.send_to(&eos::discovery::datagram::query(nonce), master).expect("there is a way");
        let mut buffer = [0; 600];
        let (length, _) = socket.recv_from(&mut buffer).expect("the master answers");
        buffer[..length].to_vec()
    })
}

/// Floods the group from the host with so many of these datagrams; how many answers came back.
pub fn flood(host: &Host, count: usize, datagram: impl Fn(usize) -> Vec<u8> + Sync) -> usize {
    host.inside(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).expect("a port is free");
        let index = index_of(&socket);
        let any = std::net::Ipv4Addr::UNSPECIFIED;
        rustix::net::sockopt::set_ip_multicast_if_with_ifindex(&socket, &any, &any, index).expect("eth0");
        let target = SocketAddr::new(GROUPS[0], PORT);
        for number in 0..count {
            // What the line cannot take is lost, as in any flood.
            let _ = socket.send_to(&datagram(number), target);
        }
        socket.set_read_timeout(Some(std::time::Duration::from_millis(500))).expect("a time");
        let mut buffer = [0; 600];
        std::iter::from_fn(|| socket.recv_from(&mut buffer).ok()).count()
    })
}
