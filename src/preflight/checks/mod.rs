//! The registry of checks. A name is also what `--skip-check` takes, so it never changes.

mod disk;
mod identity;
mod machine;
mod network;
mod state;

use crate::model::yaml;
use crate::preflight::error::PreflightError;
use crate::preflight::measurements::{Measurements, Requirements};
use crate::preflight::report::{CheckResult, Verdict};

/// A check: its name, what it measures, and how it judges.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Stable, kebab-case.
    pub name: &'static str,
    /// What it measures, one phrase.
    pub measures: &'static str,
    judge: fn(&Measurements, &Requirements) -> Verdict,
}

const fn check(
    name: &'static str,
    measures: &'static str,
    judge: fn(&Measurements, &Requirements) -> Verdict,
) -> Check {
    Check { name, measures, judge }
}

/// Every check, in the order in which results are shown.
pub const CHECKS: &[Check] = &[
    check("privilege", "whether this user may change what eos has to change", machine::privilege),
    check("kernel", "the kernel's release", machine::kernel),
    check("architecture", "the processor", machine::architecture),
    check("memory", "memory that programs can still have", machine::memory),
    check("file-descriptors", "how many files a process may have open", machine::file_descriptors),
    check("service-manager", "what runs the services", machine::service_manager),
    check("salt", "whether the Salt that is to apply states can do so", machine::salt),
    check("time-synced", "whether something keeps the clock right", machine::time_synced),
    check("hostname", "whether the node's name is a valid hostname", identity::hostname),
    check("hostname-unique", "whether no other node has the name", identity::hostname_unique),
    check("machine-id", "whether the machine-id is set", identity::machine_id),
    check("machine-id-unique", "whether no other node has the machine-id", identity::machine_id_unique),
    check("token-shape", "whether the join token is complete", identity::token_shape),
    check("address", "which address other nodes use, and why", network::address),
    check("port-free", "whether the services' ports can be had, or who holds them", network::port_free),
    check("route-to-master", "the kernel's route to the master", network::route_to_master),
    check("master-reachable", "a connection to the master", network::master_reachable),
    check("dial-back", "a connection from the master back to this node", network::dial_back),
    check("proxy", "whether a proxy variable would catch the master", network::proxy),
    check("clock-offset", "seconds between this clock and the master's", network::clock_offset),
    check("version", "the versions of eos here and on the master", network::version),
    check("disk-space", "space where state will live", disk::disk_space),
    check("disk-fsync", "the p99 time of a durable write where state will live", disk::disk_fsync),
    check("writable", "whether eos can write where it must", disk::writable),
    check("previous-state", "what earlier runs or others left behind", state::previous_state),
    check("operation-lock", "whether another operation is in progress", state::operation_lock),
];

/// Judges every measurement by every check; pure.
pub fn judge(measurements: &Measurements, requirements: &Requirements) -> Vec<CheckResult> {
    CHECKS
        .iter()
        .map(|check| CheckResult {
            name: check.name.to_owned(),
            skip_flag: format!("--skip-check {}", check.name),
            verdict: (check.judge)(measurements, requirements),
        })
        .collect()
}

/// The check of that name.
///
/// # Errors
/// When there is none; the error names the one that was probably meant.
pub fn find(name: &str) -> Result<&'static Check, PreflightError> {
    let names = || CHECKS.iter().map(|check| check.name);
    CHECKS.iter().find(|check| check.name == name).ok_or_else(|| PreflightError::UnknownCheck {
        name: name.chars().take(80).collect(),
        nearest: yaml::nearest(name, names()),
        known: names().collect(),
    })
}

/// The checks of all those names, as `--skip-check` gave them.
///
/// # Errors
/// As [`find`], for the first name that is no check's.
pub fn find_all(names: &[String]) -> Result<Vec<&'static Check>, PreflightError> {
    names.iter().map(|name| find(name)).collect()
}

/// The verdict on what somebody else answered, or that nobody was asked.
fn answered(answer: Option<&crate::preflight::measurements::Answer>, unasked: &str) -> Verdict {
    use crate::preflight::measurements::Answer;
    match answer {
        Some(Answer::Good(measured)) => Verdict::passed(measured),
        Some(Answer::Bad { measured, fix }) => Verdict::failed(measured, fix),
        None => Verdict::not_measured(unasked),
    }
}

/// A measurement that the machine did not give is a failure with the machine's own words.
fn unreadable(error: &dyn crate::model::explain::Explain) -> Verdict {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Verdict::failed(format!("{error}{cause}"), error.hints().join("; "))
}

/// `512 MiB`, rounded down; `20.5 GiB`.
fn size(bytes: u64) -> String {
    const GIBIBYTE: u64 = 1 << 30;
    if bytes >= GIBIBYTE {
        format!("{}.{} GiB", bytes / GIBIBYTE, bytes % GIBIBYTE * 10 / GIBIBYTE)
    } else {
        format!("{} MiB", bytes >> 20)
    }
}

#[cfg(test)]
mod disk_tests;
#[cfg(test)]
mod failing_tests;
#[cfg(test)]
mod machine_tests;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod tests;
