//! Asks the networks of this machine who is there, and gathers what comes back until nothing more is to be expected.

use crate::discovery::datagram::{self, Answer, Datagram, Nonce};
use crate::discovery::lines::{Ears, Lines, Packet};
use crate::discovery::{GROUPS, Scope};
use crate::host::routes::NetworkError;
use crate::model::digest::Fingerprint;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// The pause after the first query; each one after that is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two queries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The most answers that are kept.
const MOST_ANSWERS: usize = 64;

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The UDP port.
    pub port: u16,
    /// Over which interfaces.
    pub scope: Scope,
    /// For how long silence is listened to.
    pub patience: Duration,
    /// For how long others are waited for once somebody answered; the whole patience when none.
    pub settle: Option<Duration>,
    /// Whose answers are of no interest: those of the asker itself.
    pub apart_from: Option<(Fingerprint, SocketAddr)>,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Answers to this asker, whose signatures nobody has looked at.
    pub answers: Vec<Reply>,
    /// Who answered in a version of the datagrams that this build does not read.
    pub unread: Vec<(SocketAddr, u8)>,
    /// What was put aside.
    pub ignored: Ignored,
    /// What was tried, interface by interface.
    pub ways: Vec<Way>,
    /// How long it took.
    pub elapsed: Duration,
}

/// An answer with where and when it came in.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Who sent it.
    pub from: SocketAddr,
    /// The interface that was asked over.
    pub interface: String,
    /// The group that was asked.
    pub group: IpAddr,
    /// The time from the first query.
    pub after: Duration,
}

/// How much was put aside, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ignored {
    /// What is no datagram of discovery.
    pub malformed: u64,
    /// Answers to a question that was not asked here: somebody else's, or an old one of this machine.
    pub replayed: u64,
    /// Answers that the master which they name does not stand by.
    pub forged: u64,
    /// What came in faster than it was read, or beyond what is kept.
    pub excess: u64,
}

impl Ignored {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            malformed: self.malformed + other.malformed,
            replayed: self.replayed + other.replayed,
            forged: self.forged + other.forged,
            excess: self.excess + other.excess,
        }
    }

    /// How much in all.
    pub fn total(self) -> u64 {
        self.malformed + self.replayed + self.forged + self.excess
    }
}

/// One interface and family, and how far asking over it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The interface.
    pub interface: String,
    /// The group.
    pub group: IpAddr,
    /// Queries that the kernel took.
    pub sent: u32,
    /// Whether this machine heard one of its own queries on it.
    pub heard_back: bool,
    /// What stands in the way.
    pub trouble: Option<Trouble>,
}

/// What stands in the way of asking over an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The interface itself.
    Interface(crate::host::interfaces::Obstacle),
    /// It has no address of that family.
    NoAddress,
    /// The kernel did not send: its own kind of error, and its words.
    Unsent(std::io::ErrorKind, String),
    /// This machine cannot listen there, in the kernel's words; asking works all the same.
    Deaf(std::io::ErrorKind, String),
}

/// Asks until the patience is over, or until others had their time after the first answer. The nonces are drawn from
/// the seed, which must be random and never used again.
///
/// # Errors
/// When the interfaces cannot be listed.
pub async fn ask(asking: &Asking, seed: &[u8; 32]) -> Result<Heard, NetworkError> {
    let began = Instant::now();
    let mut until = began + asking.patience;
    let mut lines = Lines::new(asking.scope, asking.port, *seed);
    let mut ears = Ears::open(asking.port);
    let mut heard = Heard::default();
    let mut pauses = pauses(seed);
    let mut next = began;
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(until.min(next)) => {
                lines.look()?;
                ears.join(&mut lines);
                if Instant::now() >= until {
                    break;
                }
                lines.send(datagram::query).await;
                next = Instant::now() + pauses.next().unwrap_or(LONGEST_PAUSE);
            }
            packet = lines.next() => {
                let first = heard.answers.is_empty() && heard.unread.is_empty();
                take(&mut heard, &lines, packet, began.elapsed());
                let answered = !heard.answers.is_empty() || !heard.unread.is_empty();
                if let Some(settle) = asking.settle.filter(|_| first && answered) {
                    until = until.min(Instant::now() + settle);
                }
            }
            (echo, _) = ears.next() => {
                if let Ok(Datagram::Query { nonce, .. }) = Datagram::parse(&echo) {
                    lines.heard_back(&nonce);
                }
            }
        }
    }
    heard.ignored.excess += lines.lost();
    heard.ways = lines.ways();
    heard.elapsed = began.elapsed();
    Ok(heard)
}

fn take(heard: &mut Heard, lines: &Lines, packet: Packet, after: Duration) {
    let Packet { line, bytes, from } = packet;
    let Some(asked) = lines.asked(line) else { return };
    match Datagram::parse(&bytes) {
        Ok(Datagram::Answer(answer)) if answer.nonce == asked.nonce => {
            let known = |reply: &Reply| {
                reply.from == from && reply.answer.statement == answer.statement && reply.group == asked.group
            };
            if heard.answers.iter().any(known) {
                return;
            }
            if heard.answers.len() >= MOST_ANSWERS {
                heard.ignored.excess += 1;
                return;
            }
            let (interface, group) = (asked.interface.to_owned(), asked.group);
            heard.answers.push(Reply { answer: *answer, from, interface, group, after });
        }
        Ok(Datagram::Unread { version, nonce }) if nonce == asked.nonce => {
            let told = (from, version);
            if !heard.unread.contains(&told) && heard.unread.len() < MOST_ANSWERS {
                heard.unread.push(told);
            }
        }
        Ok(_) => heard.ignored.replayed += 1,
        Err(_) => heard.ignored.malformed += 1,
    }
}

/// The pauses between queries: each about twice the one before. A herd that begins at once drifts apart.
fn pauses(seed: &[u8; 32]) -> impl Iterator<Item = Duration> {
    let parts = (0..).map(|at: usize| u32::from(seed[at % seed.len()]));
    let lengths = std::iter::successors(Some(FIRST_PAUSE), |last| Some((*last * 2).min(LONGEST_PAUSE)));
    // Between three and five quarters of it.
    lengths.zip(parts).map(|(length, part)| length * (384 + part) / 512)
}

/// The nonce of a line of this asker.
pub(super) fn nonce(seed: &[u8; 32], line: u64) -> Nonce {
    let digest = blake3::keyed_hash(seed, &line.to_be_bytes());
    digest.as_bytes()[..16].try_into().expect("a digest has 32 bytes")
}

/// Asks one address by itself whether it answers, for the diagnosis: no group and no interface is in between.
///
/// # Errors
/// When no socket can be had.
pub async fn answers_at(target: SocketAddr, seed: &[u8; 32], patience: Duration) -> std::io::Result<bool> {
    let any: IpAddr = if target.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = tokio::net::UdpSocket::bind((any, 0)).await?;
    let nonce = nonce(seed, u64::MAX);
    let until = Instant::now() + patience;
    let mut ticks = tokio::time::interval(FIRST_PAUSE * 3);
    let mut buffer = [0; datagram::LONGEST + 1];
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Ok(false),
            _ = ticks.tick() => {
                // A way that is not there is the same as no answer, and the diagnosis says which.
                let _ = socket.send_to(&datagram::query(&nonce), target).await;
            }
            read = socket.recv_from(&mut buffer) => {
                let Ok((length, _)) = read else { continue };
                match Datagram::parse(&buffer[..length]) {
                    Ok(Datagram::Answer(answer)) if answer.nonce == nonce => return Ok(true),
                    Ok(Datagram::Unread { nonce: theirs, .. }) if theirs == nonce => return Ok(true),
                    _ => {}
                }
            }
        }
    }
}

/// The families that are asked.
pub(super) fn groups() -> [IpAddr; 2] {
    GROUPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_come_seldomer_and_those_of_a_herd_drift_apart() {
        let of = |byte: u8| pauses(&[byte; 32]).take(7).map(|p| p.as_millis()).collect::<Vec<_>>();
        assert_eq!(of(0), [75, 150, 300, 600, 750, 750, 750]);
        assert_eq!(of(128), [100, 200, 400, 800, 1000, 1000, 1000]);
        assert!(of(255).iter().zip(of(0)).all(|(late, early)| *late <= early * 5 / 3));
    }

    #[test]
    fn every_line_of_every_asker_has_a_nonce_of_its_own() {
        let all = [nonce(&[1; 32], 0), nonce(&[1; 32], 1), nonce(&[2; 32], 0), nonce(&[2; 32], 1)];
        let different: std::collections::BTreeSet<Nonce> = all.into_iter().collect();
        assert_eq!(different.len(), 4);
    }
}
