//! The sockets of one who speaks to the groups, and the ears that hear what is said to them.

use crate::discovery::ask::{self, Trouble, Way};
use crate::discovery::datagram::{LONGEST, Nonce};
use crate::discovery::{GROUP_V4, GROUP_V6, Scope};
use crate::host::interfaces::{Interface, addresses_of_interfaces, interfaces};
use crate::host::multicast;
use crate::host::routes::NetworkError;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinSet;

/// Datagrams that wait to be looked at; more are lost, and counted.
const QUEUE: usize = 256;

/// A line: the number of its interface, and whether it is the one of IPv6.
pub(super) type Key = (u32, bool);

/// What came in on a line.
pub(super) struct Packet {
    /// The line.
    pub line: Key,
    /// What came in.
    pub bytes: Vec<u8>,
    /// Who sent it.
    pub from: SocketAddr,
}

/// What was asked over a line.
pub(super) struct Asked<'a> {
    /// The nonce.
    pub nonce: Nonce,
    /// The interface.
    pub interface: &'a str,
    /// The group.
    pub group: IpAddr,
}

struct Line {
    way: Way,
    nonce: Nonce,
    socket: Option<Arc<UdpSocket>>,
}

/// The lines of one asker.
pub(super) struct Lines {
    scope: Scope,
    port: u16,
    seed: [u8; 32],
    lines: BTreeMap<Key, Line>,
    sender: Sender<Packet>,
    received: Receiver<Packet>,
    lost: Arc<AtomicU64>,
    readers: JoinSet<()>,
}

impl Lines {
    /// None so far.
    pub fn new(scope: Scope, port: u16, seed: [u8; 32]) -> Self {
        let (sender, received) = mpsc::channel(QUEUE);
        let (lost, readers) = (Arc::default(), JoinSet::new());
        Self { scope, port, seed, lines: BTreeMap::new(), sender, received, lost, readers }
    }

    /// Looks which interfaces there are now: each that came since gets its lines.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn look(&mut self) -> Result<(), NetworkError> {
        // Only a diagnosis needs them. A service may not be let have them; then every family is tried, and what has
        // no address is not sent or not answered.
        let addresses = addresses_of_interfaces().ok();
        // What is a part of another one is not spoken over by itself.
        let speak = |interface: &Interface| self.scope.has(interface) && interface.part_of.is_none();
        for interface in interfaces()?.into_iter().filter(speak).collect::<Vec<_>>() {
            for group in ask::groups() {
                let has = addresses.as_ref().is_none_or(|all| {
                    all.iter().any(|(name, ip)| *name == interface.name && ip.is_ipv4() == group.is_ipv4())
                });
                self.line(&interface, group, has);
            }
        }
        Ok(())
    }

    fn line(&mut self, interface: &Interface, group: IpAddr, has_address: bool) {
        let key = (interface.index, group.is_ipv6());
        let nonce = ask::nonce(&self.seed, u64::from(interface.index) << 1 | u64::from(group.is_ipv6()));
        let line = self.lines.entry(key).or_insert_with(|| {
            let interface = interface.name.clone();
            Line {
                way: Way { interface, group, sent: 0, heard_back: false, trouble: None },
                nonce,
                socket: None,
            }
        });
        let obstacle = interface.obstacle().map(Trouble::Interface);
        if let Some(trouble) = obstacle.or((!has_address).then_some(Trouble::NoAddress)) {
            line.way.trouble = Some(trouble);
            line.socket = None;
            return;
        }
        if line.socket.is_some() {
            return;
        }
        match multicast::ask_over(group, interface.index).and_then(UdpSocket::from_std) {
            Ok(socket) => {
                let socket = Arc::new(socket);
                let (sender, lost) = (self.sender.clone(), self.lost.clone());
                self.readers.spawn(read(key, socket.clone(), sender, lost));
                line.socket = Some(socket);
                line.way.trouble = None;
            }
            Err(error) => line.way.trouble = Some(unsent(&error)),
        }
    }

    /// Sends over each line what is to be said with its nonce.
    pub async fn send(&mut self, said: impl Fn(&Nonce) -> Vec<u8>) {
        for ((index, _), line) in &mut self.lines {
            let Some(socket) = &line.socket else { continue };
            let target = match line.way.group {
                IpAddr::V4(_) => SocketAddr::new(line.way.group, self.port),
                IpAddr::V6(group) => SocketAddrV6::new(group, self.port, 0, *index).into(),
            };
            match socket.send_to(&said(&line.nonce), target).await {
                Ok(_) => {
                    line.way.sent += 1;
                    if matches!(line.way.trouble, Some(Trouble::Unsent(..))) {
                        line.way.trouble = None;
                    }
                }
                Err(error) => line.way.trouble = Some(unsent(&error)),
            }
        }
    }

    /// The next datagram; waits for ever when there is none.
    pub async fn next(&mut self) -> Packet {
        self.received.recv().await.expect("a sender is kept here")
    }

    /// What was asked over this line.
    pub fn asked(&self, line: Key) -> Option<Asked<'_>> {
        let line = self.lines.get(&line)?;
        Some(Asked { nonce: line.nonce, interface: &line.way.interface, group: line.way.group })
    }

    /// A query with this nonce was heard by this machine's own ears.
    pub fn heard_back(&mut self, nonce: &Nonce) {
        for line in self.lines.values_mut().filter(|line| line.nonce == *nonce) {
            line.way.heard_back = true;
        }
    }

    /// How many datagrams were lost here.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// What was tried, by interface.
    pub fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = self.lines.values().map(|line| line.way.clone()).collect();
        ways.sort_by(|left, right| {
            (&left.interface, left.group.is_ipv6()).cmp(&(&right.interface, right.group.is_ipv6()))
        });
        ways
    }
}

fn unsent(error: &io::Error) -> Trouble {
    Trouble::Unsent(error.kind(), error.to_string())
}

async fn read(line: Key, socket: Arc<UdpSocket>, sender: Sender<Packet>, lost: Arc<AtomicU64>) {
    let mut buffer = [0; LONGEST + 1];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let packet = Packet { line, bytes: buffer[..length].to_vec(), from };
        match sender.try_send(packet) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                lost.fetch_add(1, Ordering::Relaxed);
                // Whoever empties the queue comes to it.
                tokio::task::yield_now().await;
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}

/// An ear for each family, which hears what this machine sends to the group.
pub(super) struct Ears {
    v4: Result<UdpSocket, io::Error>,
    v6: Result<UdpSocket, io::Error>,
    joined: Vec<Key>,
}

impl Ears {
    /// Listens at this port, beside others that do.
    pub fn open(port: u16) -> Self {
        let open = |group| multicast::listen(group, port).and_then(UdpSocket::from_std);
        Self { v4: open(GROUP_V4), v6: open(GROUP_V6), joined: Vec::new() }
    }

    /// Hears the lines that it does not hear yet. Where it cannot, the line is told so.
    pub fn join(&mut self, lines: &mut Lines) {
        for (key, line) in lines.lines.iter_mut().filter(|(_, line)| line.socket.is_some()) {
            if self.joined.contains(key) {
                continue;
            }
            let ear = if key.1 { &self.v6 } else { &self.v4 };
            let joined = match ear {
                Ok(socket) => multicast::join(socket, line.way.group, key.0),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            match joined {
                Ok(()) => self.joined.push(*key),
                Err(error) => line.way.trouble = Some(Trouble::Deaf(error.kind(), error.to_string())),
            }
        }
    }

    /// The next datagram that one of them hears, and who sent it; waits for ever when there is none.
    pub async fn next(&self) -> (Vec<u8>, Option<SocketAddr>) {
        tokio::select! {
            heard = hear(&self.v4) => heard,
            heard = hear(&self.v6) => heard,
        }
    }
}

async fn hear(ear: &Result<UdpSocket, io::Error>) -> (Vec<u8>, Option<SocketAddr>) {
    let Ok(socket) = ear else { return std::future::pending().await };
    let mut buffer = [0; LONGEST + 1];
    match socket.recv_from(&mut buffer).await {
        Ok((length, from)) => (buffer[..length].to_vec(), Some(from)),
        // Nothing was heard, and the line tells that.
        Err(_) => (Vec::new(), None),
    }
}
