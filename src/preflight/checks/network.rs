//! Checks of the network and of the master: address, ports, routes, clock, version.

use super::{answered, unreadable};
use crate::host::routes::Reach;
use crate::host::sockets::{Holder, PortState};
use crate::model::explain::Explain;
use crate::preflight::measurements::{MasterMeasured, Measurements, PortMeasured, Requirements};
use crate::preflight::report::Verdict;
use semver::Version;
use std::net::IpAddr;

const FIRST: &str = "this is the first node: there is no master";

pub(super) fn address(m: &Measurements, _: &Requirements) -> Verdict {
    match &m.address {
        Ok(selected) => match &selected.warning {
            None => Verdict::passed(&selected.why),
            Some(warning) => Verdict::warning(
                format!("{}; {warning}", selected.why),
                match m.master {
                    Some(_) => "name the address at which the others reach this node: --advertise-address IP",
                    None => "name another one if others shall join: --advertise-address IP",
                },
            ),
        },
        Err(error) => Verdict::failed(error.to_string(), error.hints().join("; ")),
    }
}

pub(super) fn port_free(m: &Measurements, _: &Requirements) -> Verdict {
    if m.ports.is_empty() {
        return Verdict::not_measured(match m.address {
            Ok(_) => "no port is wanted",
            Err(_) => "there is no address to try them on",
        });
    }
    // The services of the node that is being bootstrapped again may well run already.
    let again = m.answers.unfinished.is_some() || m.previous.as_ref().is_ok_and(|previous| previous.member);
    let (mut free, mut held, mut fixes) = (Vec::new(), Vec::new(), Vec::new());
    for wanted in &m.ports {
        match &wanted.state {
            Ok(PortState::Free) => free.push(format!("{} ({})", wanted.port, wanted.purpose)),
            Ok(PortState::Held(holder)) if again && is_eos(holder) => free.push(holder.to_string()),
            Ok(PortState::Held(holder)) => {
                held.push(format!("{holder} and wanted by {}", wanted.purpose));
                fixes.push(release(wanted, holder));
            }
            Ok(PortState::Unusable(why)) => {
                held.push(format!("port {} cannot be used by {}: {why}", wanted.port, wanted.purpose));
                fixes.push(other_port(wanted));
            }
            Err(error) => return unreadable(error),
        }
    }
    if held.is_empty() {
        Verdict::passed(free.join(", "))
    } else {
        Verdict::failed(held.join("; "), fixes.join("; "))
    }
}

fn is_eos(holder: &Holder) -> bool {
    holder.owner.as_ref().is_some_and(|owner| owner.program.starts_with("eos"))
}

fn release(wanted: &PortMeasured, holder: &Holder) -> String {
    let stop = match &holder.owner {
        Some(owner) => format!("stop it: kill {}", owner.pid),
        None => format!("find it: ss -ltnp sport = :{}", wanted.port),
    };
    format!("{stop}, or {}", other_port(wanted))
}

/// How the port that something wants is changed.
fn other_port(wanted: &PortMeasured) -> String {
    let key = if wanted.purpose.contains("agent") { "node.agent_port" } else { "cluster.port" };
    format!("choose another port: {key} in /etc/eos/cluster.yaml")
}

pub(super) fn route_to_master(m: &Measurements, _: &Requirements) -> Verdict {
    let Some(master) = &m.master else { return Verdict::not_measured(FIRST) };
    match &master.route {
        Ok(route) => {
            let interface = route.interface.as_deref().unwrap_or("an unlisted interface");
            Verdict::passed(format!("to {} from {} on {interface}", route.destination, route.source))
        }
        Err(error) => unreadable(error),
    }
}

pub(super) fn master_reachable(m: &Measurements, _: &Requirements) -> Verdict {
    let Some(MasterMeasured { target, reach, .. }) = &m.master else { return Verdict::not_measured(FIRST) };
    let there = "see on the master whether it runs and listens there: eos status";
    match reach {
        Reach::Connected(time) => {
            Verdict::passed(format!("{target} answered in {:.1} ms", time.as_secs_f64() * 1000.0))
        }
        Reach::Refused => {
            Verdict::failed(format!("{target} refused the connection: nothing listens there"), there)
        }
        Reach::TimedOut(time) => Verdict::failed(
            format!("{target} did not answer within {:.1} s", time.as_secs_f64()),
            format!(
                "open TCP port {} in the firewalls on the way, and see on the master: eos status",
                target.port()
            ),
        ),
        Reach::Failed(why) => Verdict::failed(
            format!("{target} cannot be reached: {why}"),
            format!("look at the way there: ip route get {}", target.ip()),
        ),
    }
}

pub(super) fn dial_back(m: &Measurements, _: &Requirements) -> Verdict {
    answered(m.answers.dial_back.as_ref(), "no master has tried")
}

pub(super) fn proxy(m: &Measurements, _: &Requirements) -> Verdict {
    let Some(master) = &m.master else { return Verdict::not_measured(FIRST) };
    let set = |names: &[&str]| -> Vec<&(String, String)> {
        m.proxy
            .iter()
            .filter(|(name, value)| !value.is_empty() && names.iter().any(|n| name.eq_ignore_ascii_case(n)))
            .collect()
    };
    let catching: Vec<&str> =
        set(&["https_proxy", "all_proxy"]).iter().map(|(name, _)| name.as_str()).collect();
    let ip = master.target.ip();
    if catching.is_empty() {
        Verdict::passed("no proxy variable is set")
    } else if set(&["no_proxy"]).iter().any(|(_, value)| spares(value, ip)) {
        Verdict::passed(format!("NO_PROXY spares {ip}"))
    } else {
        Verdict::warning(
            format!("{} would send what is meant for {ip} to a proxy", catching.join(" and ")),
            format!("spare the master: export NO_PROXY=\"$NO_PROXY,{ip}\""),
        )
    }
}

/// Whether a `NO_PROXY` list names the address, by itself, in a range, or by `*`.
fn spares(list: &str, ip: IpAddr) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        entry == "*"
            || entry.trim_matches(['[', ']']).parse() == Ok(ip)
            || entry.parse::<ipnet::IpNet>().is_ok_and(|range| range.contains(&ip))
    })
}

pub(super) fn clock_offset(m: &Measurements, r: &Requirements) -> Verdict {
    let Some(ahead) = m.answers.clock_ahead_seconds else {
        return Verdict::not_measured("no master has been asked for its time");
    };
    let seconds = ahead.unsigned_abs();
    let found = match ahead {
        0 => "this clock agrees with the master's to the second".to_owned(),
        1.. => format!("this clock is {seconds} s ahead of the master's"),
        _ => format!("this clock is {seconds} s behind the master's"),
    };
    let fix = "set the one that is wrong: timedatectl set-ntp true, or chronyc makestep";
    if seconds > r.clock_failure_seconds {
        Verdict::failed(format!("{found}, at most {} s allowed", r.clock_failure_seconds), fix)
    } else if seconds > r.clock_warning_seconds {
        Verdict::warning(format!("{found}: beyond {} s it could not join", r.clock_failure_seconds), fix)
    } else {
        Verdict::passed(found)
    }
}

/// Nodes may be up to one minor version older than their master, never newer.
pub(super) fn version(m: &Measurements, r: &Requirements) -> Verdict {
    let Some(theirs) = &m.answers.master_version else {
        return Verdict::passed(format!("eos {}; no master has been asked", r.version));
    };
    let found = format!("eos {} here, {theirs} on the master", r.version);
    let (Ok(here), Ok(there)) = (Version::parse(&r.version), Version::parse(theirs)) else {
        return Verdict::failed(
            format!("{found}: not both are versions"),
            "compare them by hand: eos --version",
        );
    };
    let (here, there) = ((here.major, here.minor), (there.major, there.minor));
    if here == there {
        Verdict::passed(found)
    } else if here > there {
        Verdict::failed(
            format!("{found}: a node may not be newer than its master"),
            format!("install eos {theirs} here, or a newer one on the master first"),
        )
    } else if here.0 == there.0 && here.1 + 1 == there.1 {
        Verdict::warning(
            format!("{found}: one version behind is the most that works"),
            format!("install eos {theirs} here"),
        )
    } else {
        Verdict::failed(format!("{found}: too old for this master"), format!("install eos {theirs} here"))
    }
}
