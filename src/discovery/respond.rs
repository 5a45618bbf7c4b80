//! Answers to askers on every interface that carries multicast, as interfaces come and go.
//!
//! Nothing is remembered but what bounds it: a crash loses nothing.

use crate::discovery::datagram::{Datagram, LONGEST, Nonce, Statement, Unsigned};
use crate::discovery::pace::Pace;
use crate::discovery::{GROUP_V4, GROUP_V6, GROUPS, Scope, family};
use crate::host::interfaces::interfaces;
use crate::host::multicast;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::MissedTickBehavior;

/// How often it is looked which interfaces there are.
const LOOK: Duration = Duration::from_secs(2);

/// What a responder counts; every clone counts the same.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Queries that were answered.
    pub answered: Counter,
    /// Queries beyond what an address, or all of them together, are answered.
    pub limited: Counter,
    /// Datagrams that are none of discovery.
    pub malformed: Counter,
    /// Answers that could not be sent.
    pub unsent: Counter,
    /// Answers to this master's own questions that nobody stands by.
    pub forged: Counter,
    /// Answers to questions that this master did not ask.
    pub replayed: Counter,
}

impl Counts {
    /// Registers every count under `discovery_`.
    pub fn register(&self, registry: &mut Registry) {
        for (name, help, counter) in [
            ("discovery_answers", "Queries of discovery that were answered", &self.answered),
            ("discovery_queries_limited", "Queries of discovery beyond the bound", &self.limited),
            ("discovery_datagrams_malformed", "Datagrams that are none of discovery", &self.malformed),
            ("discovery_answers_unsent", "Answers of discovery that could not be sent", &self.unsent),
            ("discovery_answers_forged", "Answers of others that nobody stands by", &self.forged),
            ("discovery_answers_replayed", "Answers to questions that were not asked", &self.replayed),
        ] {
            registry.register(name, help, counter.clone());
        }
    }
}

/// Who answers, and with what; `sign` signs by the key of the master's certificate.
pub struct Responder<Sign> {
    /// The UDP port.
    pub port: u16,
    /// The address of its API, at which it is asked by itself as well.
    pub address: IpAddr,
    /// What it says.
    pub statement: Statement,
    /// Signs a message; none when it could not.
    pub sign: Sign,
    /// What it counts.
    pub counts: Counts,
}

/// The sockets that are open, each of a group or of the address itself.
#[derive(Default)]
struct Open {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    own: Option<UdpSocket>,
    joined: BTreeMap<(u32, bool), String>,
    told: BTreeMap<String, String>,
}

impl<Sign: Fn(&[u8]) -> Option<Vec<u8>>> Responder<Sign> {
    /// Answers for as long as it is polled; never ends.
    pub async fn run(self) {
        let mut open = Open::default();
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pace = Pace::new(Instant::now());
        let mut buffers = [[0; LONGEST + 1]; 3];
        let [first, second, third] = &mut buffers;
        loop {
            tokio::select! {
                _ = ticks.tick() => self.look(&mut open),
                (read, from) = receive(open.v4.as_ref(), first) => {
                    self.heard(open.v4.as_ref(), read.map(|length| &first[..length]), from, &mut pace).await;
                }
                (read, from) = receive(open.v6.as_ref(), second) => {
                    self.heard(open.v6.as_ref(), read.map(|length| &second[..length]), from, &mut pace).await;
                }
                (read, from) = receive(open.own.as_ref(), third) => {
                    self.heard(open.own.as_ref(), read.map(|length| &third[..length]), from, &mut pace).await;
                }
            }
        }
    }

    async fn heard(
        &self,
        socket: Option<&UdpSocket>,
        bytes: Option<&[u8]>,
        from: SocketAddr,
        pace: &mut Pace,
    ) {
        let now = Instant::now();
        match bytes.map(Datagram::parse) {
            Some(Ok(Datagram::Query { nonce, .. })) if pace.admits(from.ip(), now) => {
                let sent = match (socket, self.answer(&nonce)) {
                    (Some(socket), Some(answer)) => socket.send_to(&answer, from).await.is_ok(),
                    _ => false,
                };
                if sent {
                    self.counts.answered.inc()
                } else {
                    self.counts.unsent.inc()
                };
            }
            Some(Ok(Datagram::Query { .. })) => drop(self.counts.limited.inc()),
            // Answers are for askers, who have sockets of their own.
            Some(Ok(_)) => {}
            Some(Err(_)) => drop(self.counts.malformed.inc()),
            None => {}
        }
        if let Some(rest) = pace.read(now) {
            // More than is read waits in the sockets, and what they cannot hold is lost there.
            tokio::time::sleep_until(tokio::time::Instant::now() + rest).await;
        }
    }

    fn answer(&self, nonce: &Nonce) -> Option<Vec<u8>> {
        let unsigned = Unsigned::new(nonce, &self.statement).ok()?;
        let signature = (self.sign)(&unsigned.to_sign())?;
        unsigned.with(&signature).ok()
    }

    /// Opens what is not open, and hears the group on every interface that there is now.
    fn look(&self, open: &mut Open) {
        for group in GROUPS {
            let socket = if group.is_ipv4() { &mut open.v4 } else { &mut open.v6 };
            if socket.is_none() {
                let opened = multicast::listen(group, self.port).and_then(UdpSocket::from_std);
                let what = format!("UDP port {} over {}", self.port, family(group));
                *socket = settled(&mut open.told, what, opened);
                open.joined.retain(|(_, v6), _| *v6 != group.is_ipv6());
            }
        }
        if open.own.is_none() {
            let address = SocketAddr::new(self.address, self.port);
            let opened = multicast::listen_at(address).and_then(UdpSocket::from_std);
            open.own = settled(&mut open.told, format!("UDP {address}"), opened);
        }
        self.join(open);
    }

    fn join(&self, open: &mut Open) {
        let scope = Scope::of(Some(self.address));
        let wanted = match interfaces() {
            Ok(all) => all.into_iter().filter(|each| scope.has(each) && each.carries_multicast()),
            Err(error) => {
                settled::<()>(&mut open.told, "interfaces".to_owned(), Err(std::io::Error::other(error)));
                return;
            }
        };
        let wanted: BTreeMap<u32, String> = wanted.map(|each| (each.index, each.name)).collect();
        for (group, socket) in [(GROUP_V4, &open.v4), (GROUP_V6, &open.v6)] {
            let Some(socket) = socket else { continue };
            let key = |index: u32| (index, group.is_ipv6());
            for (index, name) in &wanted {
                if open.joined.contains_key(&key(*index)) {
                    continue;
                }
                let what = format!("{} on {name}", family(group));
                if settled(&mut open.told, what, multicast::join(socket, group, *index)).is_some() {
                    tracing::info!(interface = %name, "discovery is answered over {}", family(group));
                    open.joined.insert(key(*index), name.clone());
                }
            }
            let gone = |at: &(u32, bool)| at.1 == group.is_ipv6() && !wanted.contains_key(&at.0);
            for at in open.joined.keys().copied().filter(gone).collect::<Vec<_>>() {
                // One that was removed is left already.
                let _ = multicast::leave(socket, group, at.0);
                open.joined.remove(&at);
            }
        }
    }
}

/// What was opened. What cannot be is tried again at the next look, and told once for each reason.
fn settled<T>(told: &mut BTreeMap<String, String>, what: String, opened: std::io::Result<T>) -> Option<T> {
    match opened {
        Ok(opened) => {
            told.remove(&what);
            Some(opened)
        }
        Err(error) => {
            let why = error.to_string();
            if told.get(&what) != Some(&why) {
                tracing::warn!("discovery is not answered on {what}: {why}; trying again");
                told.insert(what, why);
            }
            None
        }
    }
}

/// The next datagram and its sender; waits for ever without a socket.
async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> (Option<usize>, SocketAddr) {
    let Some(socket) = socket else { return std::future::pending().await };
    match socket.recv_from(buffer).await {
        Ok((length, from)) => (Some(length), from),
        Err(_) => (None, SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0)),
    }
}
