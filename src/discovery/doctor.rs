//! The doctor: why nobody answered, from what asking showed and how configured addresses behave. Pure.

use crate::discovery::ask::{Trouble, Way};
use crate::discovery::family;
use crate::host::interfaces::Obstacle;
use crate::host::routes::Reach;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;

/// How an address behaved that was asked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The API of the master there, by the configuration.
    pub address: SocketAddr,
    /// How far a connection to it came.
    pub api: Reach,
    /// Whether it answered a query that was sent to it alone.
    pub answers: bool,
}

/// The likely reason for the silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// There is no interface that leads to other machines.
    NoInterface,
    /// An interface is in the way itself.
    Interface(String, Obstacle),
    /// An interface has no address to be answered at.
    NoAddress(String),
    /// A firewall of this machine drops what is sent.
    FirewallOut(String, u16),
    /// There is no route for multicast.
    NoRoute(String, &'static str),
    /// The kernel did not send, for this reason.
    Unsent(String, String),
    /// Somebody else holds the port and does not share it.
    PortTaken(u16),
    /// This machine does not hear what it sends itself.
    FirewallIn(String, u16),
    /// A master is there, and does not answer queries at all.
    MasterSilent(SocketAddr, u16),
    /// A master is there and answers when it is asked alone: multicast does not come through.
    NotCarried(SocketAddr),
    /// The master that is configured is not reached.
    MasterAway(SocketAddr),
    /// Nothing is wrong here; asked was on this port.
    Nobody(u16),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface => f.write_str("this machine has no interface to a network"),
            Self::Interface(name, obstacle) => write!(f, "the interface {name} {}", words(*obstacle)),
            Self::NoAddress(name) => write!(f, "the interface {name} has no address"),
            Self::FirewallOut(name, port) => {
                write!(f, "a firewall on this machine drops what it sends to UDP port {port} on {name}")
            }
            Self::NoRoute(name, family) => write!(f, "there is no route for {family} multicast on {name}"),
            Self::Unsent(name, why) => write!(f, "nothing can be sent on {name}: {why}"),
            Self::PortTaken(port) => {
                write!(f, "another program holds UDP port {port} for itself, so it is not known what arrives")
            }
            Self::FirewallIn(name, port) => write!(
                f,
                "a firewall on this machine drops what comes in on UDP port {port}: its own queries on {name} \
                 were not heard back"
            ),
            Self::MasterSilent(address, port) => write!(
                f,
                "the master at {address} is there and answers nothing on UDP port {port}: a firewall in between, \
                 or its discovery is off"
            ),
            Self::NotCarried(address) => write!(
                f,
                "the master at {address} answers when it is asked alone, so the network in between carries no \
                 multicast"
            ),
            Self::MasterAway(address) => write!(f, "the configured master {address} is not reached"),
            Self::Nobody(_) => f.write_str(
                "no master is on this network, or what is between does not carry multicast: another subnet or \
                 VLAN, or a firewall at the master",
            ),
        }
    }
}

fn words(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::PartOf(kind) => format!("is a part of a {kind}"),
        Obstacle::Down => "is switched off".to_owned(),
        Obstacle::NoMulticast => "lacks the multicast flag".to_owned(),
        Obstacle::NoCarrier => "has no carrier: its cable is out, or what it is made of is down".to_owned(),
    }
}

impl Cause {
    /// The commands that help.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = match self {
            Self::NoInterface => vec!["look at the interfaces: ip link show".to_owned()],
            Self::Interface(name, obstacle) => vec![switch(name, *obstacle)],
            Self::NoAddress(name) => vec![format!("look at its addresses: ip address show dev {name}")],
            Self::FirewallOut(_, port) => {
                vec![format!("let it out: nft insert rule inet filter output udp dport {port} accept")]
            }
            Self::NoRoute(name, "IPv6") => {
                vec![format!("add the route: ip -6 route add multicast ff00::/8 dev {name} table local")]
            }
            Self::NoRoute(name, _) => vec![format!("add the route: ip route add 239.255.0.0/16 dev {name}")],
            Self::Unsent(name, _) => vec![format!("look at the interface: ip address show dev {name}")],
            Self::PortTaken(port) => vec![
                format!("see who holds it: ss -ulpn sport = :{port}"),
                "or use another one on every node: cluster.discovery.port in /etc/eos/cluster.yaml"
                    .to_owned(),
            ],
            Self::FirewallIn(_, port) => vec![
                format!("let queries in: nft insert rule inet filter input udp dport {port} accept"),
                answers(*port),
            ],
            Self::MasterSilent(_, port) => vec![format!(
                "on the master: nft insert rule inet filter input udp dport {port} accept; and see that \
                 cluster.discovery.method is multicast: eos config show --origin"
            )],
            Self::NotCarried(_) => Vec::new(),
            Self::MasterAway(address) => {
                vec![format!("look at the way to it: ip route get {}", address.ip())]
            }
            Self::Nobody(port) => {
                vec!["see on the master that it runs: eos status".to_owned(), answers(*port)]
            }
        };
        hints.push(match self {
            Self::MasterSilent(address, _) | Self::NotCarried(address) => {
                format!("join without multicast: eos bootstrap --join-cluster {address}")
            }
            _ => "or name the master: eos bootstrap --join-cluster ADDRESS".to_owned(),
        });
        hints
    }
}

/// Answers come to a port that the kernel chose: no service of this machine is opened to whoever sends from that port.
fn answers(port: u16) -> String {
    format!(
        "let answers in, and take the rule out once this node has joined: nft insert rule inet filter input udp sport \
         {port} udp dport 32768-60999 accept"
    )
}

fn switch(name: &str, obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::NoMulticast => format!("set the flag: ip link set dev {name} multicast on"),
        Obstacle::Down => format!("switch it on: ip link set dev {name} up"),
        Obstacle::NoCarrier | Obstacle::PartOf(_) => format!("look at it: ip link show dev {name}"),
    }
}

/// What was looked at, a line each, and the likely reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was tried and what came of it, for people.
    pub findings: Vec<String>,
    /// The likely reason.
    pub cause: Cause,
}

/// Judges a silence.
pub fn diagnose(ways: &[Way], probes: &[Probe], port: u16) -> Diagnosis {
    let mut findings: Vec<String> = ways.iter().filter_map(told).collect();
    findings.extend(probes.iter().map(|probe| probed(probe, port)));
    let works = ways.iter().any(|way| way.sent > 0 && way.heard_back);
    let here = (!works).then(|| local(ways, port));
    let cause =
        here.or_else(|| probes.first().map(|probe| of_probe(probe, port))).unwrap_or(Cause::Nobody(port));
    Diagnosis { findings, cause }
}

/// What is wrong on this machine, when not one way works; the worst that can be helped first.
fn local(ways: &[Way], port: u16) -> Cause {
    let name = |way: &Way| way.interface.clone();
    let of = |like: &dyn Fn(&Way) -> Option<Cause>| ways.iter().find_map(like);
    let unsent = |way: &Way| match &way.trouble {
        Some(Trouble::Unsent(ErrorKind::PermissionDenied, _)) => Some(Cause::FirewallOut(name(way), port)),
        Some(Trouble::Unsent(ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable, _)) => {
            Some(Cause::NoRoute(name(way), family(way.group)))
        }
        Some(Trouble::Unsent(_, why)) => Some(Cause::Unsent(name(way), why.clone())),
        _ => None,
    };
    let taken = |way: &Way| match &way.trouble {
        Some(Trouble::Deaf(ErrorKind::AddrInUse, _)) => Some(Cause::PortTaken(port)),
        _ => None,
    };
    let unheard =
        |way: &Way| (way.sent > 0 && way.trouble.is_none()).then(|| Cause::FirewallIn(name(way), port));
    let obstacle = |wanted: Obstacle| {
        ways.iter()
            .find(|way| way.trouble == Some(Trouble::Interface(wanted)))
            .map(|way| Cause::Interface(name(way), wanted))
    };
    let addressless =
        |way: &Way| (way.trouble == Some(Trouble::NoAddress)).then(|| Cause::NoAddress(name(way)));
    of(&taken)
        .or_else(|| of(&unheard))
        .or_else(|| of(&unsent))
        .or_else(|| obstacle(Obstacle::NoMulticast))
        .or_else(|| of(&addressless))
        .or_else(|| obstacle(Obstacle::NoCarrier))
        .or_else(|| obstacle(Obstacle::Down))
        .unwrap_or(Cause::NoInterface)
}

fn of_probe(probe: &Probe, port: u16) -> Cause {
    match (&probe.api, probe.answers) {
        (_, true) => Cause::NotCarried(probe.address),
        (Reach::Connected(_), false) => Cause::MasterSilent(probe.address, port),
        _ => Cause::MasterAway(probe.address),
    }
}

fn told(way: &Way) -> Option<String> {
    let what = match &way.trouble {
        // The same for both families.
        Some(Trouble::Interface(_)) if way.group.is_ipv6() => return None,
        Some(Trouble::Interface(obstacle)) => {
            return Some(format!("{}: not asked, since it {}", way.interface, words(*obstacle)));
        }
        Some(Trouble::NoAddress) => "not asked, since it has no such address".to_owned(),
        Some(Trouble::Unsent(_, why)) => format!("not sent: {why}"),
        Some(Trouble::Deaf(_, why)) => {
            format!("asked {}, own queries cannot be listened to: {why}", times(way.sent))
        }
        None if way.heard_back => format!("asked {}, own queries were heard back", times(way.sent)),
        None => format!("asked {}, own queries were not heard back", times(way.sent)),
    };
    Some(format!("{} {}: {what}", way.interface, family(way.group)))
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn probed(probe: &Probe, port: u16) -> String {
    let api = match &probe.api {
        Reach::Connected(after) => format!("its API connected in {} ms", after.as_millis()),
        Reach::Refused => "its API refused the connection".to_owned(),
        Reach::TimedOut(after) => format!("its API did not answer in {} ms", after.as_millis()),
        Reach::Failed(why) => format!("its API cannot be reached: {why}"),
    };
    let answers = if probe.answers { "answered" } else { "did not answer" };
    format!("the configured master {}: {api}; it {answers} on UDP port {port}, asked alone", probe.address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{GROUP_V4, GROUP_V6};
    use std::time::Duration;

    fn way(group: std::net::IpAddr, sent: u32, heard_back: bool, trouble: Option<Trouble>) -> Way {
        Way { interface: "eth0".to_owned(), group, sent, heard_back, trouble }
    }

    fn unsent(kind: ErrorKind) -> Option<Trouble> {
        Some(Trouble::Unsent(kind, "no".to_owned()))
    }

    fn cause(ways: &[Way], probes: &[Probe]) -> String {
        diagnose(ways, probes, 4505).cause.to_string()
    }

    #[test]
    fn what_is_wrong_here_is_named_when_no_way_works() {
        let flag = Some(Trouble::Interface(Obstacle::NoMulticast));
        let eth0 = "the interface eth0";
        for (sent, trouble, told) in [
            (0, flag, format!("{eth0} lacks the multicast flag")),
            (0, Some(Trouble::Interface(Obstacle::Down)), format!("{eth0} is switched off")),
            (0, Some(Trouble::NoAddress), format!("{eth0} has no address")),
            (
                0,
                unsent(ErrorKind::PermissionDenied),
                "a firewall on this machine drops what it sends to UDP port 4505 on eth0".to_owned(),
            ),
            (
                0,
                unsent(ErrorKind::NetworkUnreachable),
                "there is no route for IPv4 multicast on eth0".to_owned(),
            ),
            (0, unsent(ErrorKind::Other), "nothing can be sent on eth0: no".to_owned()),
            (
                3,
                Some(Trouble::Deaf(ErrorKind::AddrInUse, "in use".to_owned())),
                "another program holds UDP port 4505 for itself, so it is not known what arrives".to_owned(),
            ),
            (
                3,
                None,
                "a firewall on this machine drops what comes in on UDP port 4505: its own queries on eth0 were \
                 not heard back"
                    .to_owned(),
            ),
        ] {
            assert_eq!(cause(&[way(GROUP_V4, sent, false, trouble)], &[]), told);
        }
        assert_eq!(cause(&[], &[]), "this machine has no interface to a network");
    }

    #[test]
    fn where_a_way_works_the_configured_address_tells_more() {
        let ways =
            [way(GROUP_V4, 4, true, None), way(GROUP_V6, 0, false, unsent(ErrorKind::NetworkUnreachable))];
        let address = SocketAddr::from(([10, 0, 1, 10], 4507));
        let probe = |api, answers| Probe { address, api, answers };
        let connected = || Reach::Connected(Duration::from_millis(1));
        assert_eq!(diagnose(&ways, &[], 4505).cause, Cause::Nobody(4505));
        for (probe, cause) in [
            (probe(connected(), true), Cause::NotCarried(address)),
            (probe(connected(), false), Cause::MasterSilent(address, 4505)),
            (probe(Reach::TimedOut(Duration::from_secs(1)), false), Cause::MasterAway(address)),
        ] {
            assert_eq!(diagnose(&ways, &[probe], 4505).cause, cause);
        }
        assert_eq!(
            diagnose(&ways, &[probe(connected(), false)], 4505).findings,
            [
                "eth0 IPv4: asked 4 times, own queries were heard back",
                "eth0 IPv6: not sent: no",
                "the configured master 10.0.1.10:4507: its API connected in 1 ms; it did not answer on UDP port \
                 4505, asked alone",
            ]
        );
    }

    #[test]
    fn every_cause_names_a_command_that_helps() {
        let (name, address) = (|| "eth0".to_owned(), SocketAddr::from(([10, 0, 1, 10], 4507)));
        for (cause, command) in [
            (Cause::NoInterface, "ip link show"),
            (Cause::Interface(name(), Obstacle::NoMulticast), "ip link set dev eth0 multicast on"),
            (Cause::Interface(name(), Obstacle::Down), "ip link set dev eth0 up"),
            (Cause::Interface(name(), Obstacle::NoCarrier), "ip link show dev eth0"),
            (Cause::NoAddress(name()), "ip address show dev eth0"),
            (Cause::FirewallOut(name(), 4505), "output udp dport 4505 accept"),
            (Cause::NoRoute(name(), "IPv4"), "ip route add 239.255.0.0/16 dev eth0"),
            (Cause::NoRoute(name(), "IPv6"), "ip -6 route add multicast ff00::/8 dev eth0 table local"),
            (Cause::Unsent(name(), "no".to_owned()), "ip address show dev eth0"),
            (Cause::PortTaken(4505), "ss -ulpn sport = :4505"),
            (Cause::FirewallIn(name(), 4505), "input udp dport 4505 accept"),
            (Cause::MasterSilent(address, 4505), "--join-cluster 10.0.1.10:4507"),
            (Cause::NotCarried(address), "--join-cluster 10.0.1.10:4507"),
            (Cause::MasterAway(address), "ip route get 10.0.1.10"),
            (Cause::Nobody(4600), "udp sport 4600 udp dport 32768-60999 accept"),
            (Cause::FirewallIn(name(), 4505), "udp sport 4505 udp dport 32768-60999 accept"),
        ] {
            assert!(cause.hints().join("\n").contains(command), "{cause:?}: {:?}", cause.hints());
        }
    }
}
