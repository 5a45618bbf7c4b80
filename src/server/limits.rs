//! What callers may cost: how many connections, and for how long one may be held without use.

use crate::host::descriptors;
use std::time::Duration;

/// The limits of a listener. A member is a caller whose certificate the cluster's authority signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, of all callers.
    pub connections: usize,
    /// Connections at a time of callers that are not known to be members.
    pub strangers: usize,
    /// The same from one address. Members are not counted: many may stand behind one address.
    pub strangers_per_address: usize,
    /// Connections at a time with one certificate: one that was taken back still opens a connection.
    pub per_key: usize,
    /// Handshakes at a time; who comes beyond that waits in the kernel's queue.
    pub handshakes: usize,
    /// For how long the TLS handshake may take while others wait for one. Less than the 5 s for which a
    /// client of eos tries to connect, and far more than one takes in a rush of thousands.
    pub hurry: Duration,
    /// For how long the TLS handshake may take.
    pub handshake: Duration,
    /// For how long the head of a stranger's HTTP/1 request may take, and the pause before it; a
    /// member's may take as long as its connection may be idle.
    pub head: Duration,
    /// For how long the body of a request may take, counted from its head.
    pub body: Duration,
    /// How long an open request may go without any progress of its answer.
    pub answer: Duration,
    /// How long a stranger's connection may be without an open request.
    pub stranger_idle: Duration,
    /// How long a member's connection may be without an open request. More than the 90 s after which
    /// a client of eos closes it itself, so that none is closed under a request.
    pub member_idle: Duration,
    /// How often the other side of an HTTP/2 connection is asked whether it is still there.
    pub ping: Duration,
    /// The pause after a connection could not be accepted.
    pub pause: Duration,
}

impl Limits {
    /// Those of a master: each agent holds one connection, and thousands of them may come at once.
    pub fn master() -> Self {
        const CONNECTIONS: usize = 8192;
        // A quarter is left for files and for connections that the master opens itself.
        let allowed = descriptors::allow(CONNECTIONS as u64 / 3 * 4 + 4) / 4 * 3;
        let connections = usize::try_from(allowed).unwrap_or(usize::MAX).min(CONNECTIONS);
        let (strangers, handshakes) = (connections / 2, connections / 8);
        Self { connections, strangers, strangers_per_address: 256, handshakes, ..Self::agent() }
    }

    /// Those of an agent, which only has its metrics to tell.
    pub fn agent() -> Self {
        Self {
            connections: 256,
            strangers: 128,
            strangers_per_address: 32,
            per_key: 64,
            handshakes: 64,
            hurry: Duration::from_secs(4),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            answer: Duration::from_secs(90),
            stranger_idle: Duration::from_secs(30),
            member_idle: Duration::from_secs(120),
            ping: Duration::from_secs(20),
            pause: Duration::from_millis(200),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_has_room_for_many_agents_and_strangers_cannot_take_all_of_it() {
        let limits = Limits::master();
        assert!(limits.handshakes + limits.strangers < limits.connections);
        assert!(limits.strangers < limits.connections && limits.strangers_per_address < limits.strangers);
        let allowed = descriptors::allow(0);
        assert!(limits.connections == 8192 || (limits.connections as u64) < allowed, "{limits:?}");
    }
}
