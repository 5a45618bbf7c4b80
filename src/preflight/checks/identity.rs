//! Checks of who the node is: name, machine-id, token.

use super::answered;
use crate::preflight::measurements::{Measurements, Requirements};
use crate::preflight::report::Verdict;

const NOBODY_ASKED: &str = "no master has been asked";

pub(super) fn hostname(m: &Measurements, _: &Requirements) -> Verdict {
    let name = &m.node_name;
    match fault_of(name) {
        None => Verdict::passed(name),
        Some(fault) => Verdict::failed(
            format!("{name:?} {fault}"),
            "set it: hostnamectl set-hostname NAME, or give this node a name: --node-name NAME",
        ),
    }
}

/// What is wrong with a name as a hostname of RFC 1123 that tells machines apart.
fn fault_of(name: &str) -> Option<String> {
    let label_is_valid = |label: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        label.len() <= 63
            && edge(label.chars().next())
            && edge(label.chars().next_back())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let first = name.split('.').next().unwrap_or_default();
    if name.is_empty() || name == "(none)" {
        Some("is no hostname".to_owned())
    } else if first.eq_ignore_ascii_case("localhost") {
        Some("is the name of every machine".to_owned())
    } else if name.len() > 63 {
        Some(format!("has {} characters, at most 63 allowed", name.len()))
    } else if !name.split('.').all(label_is_valid) {
        Some(
            "is not valid: letters, digits and '-' in parts between dots, no '-' at the edge of one"
                .to_owned(),
        )
    } else {
        None
    }
}

pub(super) fn hostname_unique(m: &Measurements, _: &Requirements) -> Verdict {
    answered(m.answers.hostname_unique.as_ref(), NOBODY_ASKED)
}

pub(super) fn machine_id(m: &Measurements, _: &Requirements) -> Verdict {
    let fix = if m.root_is_host {
        "make a new one: rm -f /etc/machine-id && systemd-machine-id-setup".to_owned()
    } else {
        format!("make a new one: rm -f {0}/etc/machine-id && systemd-machine-id-setup --root={0}", m.root)
    };
    let Some(id) = m.facts.machine_id.as_deref() else {
        return Verdict::failed("there is none", fix);
    };
    let is_id = id.len() == 32 && id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    if id == "uninitialized" {
        Verdict::failed("not initialised since the image was made", fix)
    } else if !is_id {
        Verdict::failed(
            format!("{:?} is not 32 hexadecimal digits", id.chars().take(40).collect::<String>()),
            fix,
        )
    } else if id.chars().all(|c| c == '0') {
        Verdict::failed("all zeros", fix)
    } else {
        Verdict::passed(id)
    }
}

pub(super) fn machine_id_unique(m: &Measurements, _: &Requirements) -> Verdict {
    answered(m.answers.machine_id_unique.as_ref(), NOBODY_ASKED)
}

pub(super) fn token_shape(m: &Measurements, _: &Requirements) -> Verdict {
    answered(m.answers.token.as_ref(), "no token was given")
}
