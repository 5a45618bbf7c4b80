//! The record of a node that registers, before and after.

use crate::identity::key;
use crate::lifecycle::{Next, NodeEvent, NodeState, next};
use crate::master::admission::{Verdict, Voucher, wants_the_same};
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::digest::Fingerprint;
use crate::registry::record::NodeRecord;
use crate::wire::join::NodeRegistration;
use std::net::IpAddr;

/// For how long a node that waits, or was accepted while it was away, is remembered.
pub const PATIENCE_MS: u64 = 3_600_000;

/// Nodes that may wait for the operator at a time, in all.
const WAITING: usize = 1024;

/// Nodes that may wait for the operator at a time and asked from one address.
const WAITING_FROM_ONE: usize = 32;

/// The longest text that a node may say of itself.
const LONGEST: usize = 256;

/// A registration as it came in.
#[derive(Clone, Copy)]
pub struct Applicant<'a> {
    /// What it says of itself.
    pub said: &'a NodeRegistration,
    /// Its key.
    pub key: Fingerprint,
    /// The address from which it asks.
    pub from: IpAddr,
    /// When, in milliseconds since 1970.
    pub now: u64,
    /// Whether its key signed what it asks for.
    pub signed: bool,
}

/// The record of the applicant after this registration.
///
/// The member whose place it takes stays until the applicant confirms.
///
/// # Errors
/// When it may not come in in its state, says too much, or too many wait already.
pub fn record(
    cluster: &Cluster,
    applicant: Applicant<'_>,
    verdict: &Verdict,
    voucher: &Voucher,
    lease_ms: u64,
) -> Result<NodeRecord, MasterError> {
    let Applicant { said, key, from, now, signed } = applicant;
    let known = cluster.nodes.get(&key::node_id(key));
    let event = if *voucher == Voucher::Nobody { NodeEvent::Asked } else { NodeEvent::Admitted };
    // What it was let in as counts only while it asks for the same.
    let counts = known.filter(|node| node.state == NodeState::Pending || wants_the_same(node, said));
    let state = match next(counts.map(|node| node.state), event) {
        Ok(Next::State(state)) => state,
        Ok(Next::Forgotten) => NodeState::Pending,
        Err(source) => return Err(MasterError::Lifecycle { name: said.hostname.clone(), source }),
    };
    short_enough(said)?;
    if state == NodeState::Pending && known.is_none() {
        room(cluster, from)?;
    }
    let mut node = known.cloned().unwrap_or_else(|| fresh(cluster, applicant));
    node.signs |= signed;
    if state == NodeState::Active {
        return Ok(node);
    }
    let lease_until = now + if state == NodeState::Joining { lease_ms } else { PATIENCE_MS };
    // A waiting node asks every second: its lease is not written down each time.
    if node.state != state || lease_until.saturating_sub(node.lease_until_ms) > PATIENCE_MS / 4 {
        node.lease_until_ms = lease_until;
    }
    if state == NodeState::Joining {
        node.lease_until_ms = lease_until;
    }
    node.state = state;
    node.name = said.hostname.clone();
    node.address = said.ip;
    node.preferred = said.request_role.or(node.preferred);
    node.resources = said.resources;
    node.asked_from = Some(from);
    if let Verdict::Reinstalled(previous) = verdict {
        node.replaces = Some(previous.clone());
        if let Some(previous) = cluster.nodes.get(previous) {
            (node.order, node.pinned) = (previous.order, previous.pinned);
        }
    }
    match voucher {
        Voucher::Token(token) => node.token = Some(token.id.clone()),
        Voucher::Known => {}
        // The token that spoke for it before does so no more.
        Voucher::Policy | Voucher::Nobody => node.token = None,
    }
    Ok(node)
}

/// Refuses texts that no machine has: they would be kept, copied and shown.
fn short_enough(said: &NodeRegistration) -> Result<(), MasterError> {
    let texts = [
        ("machine_id", said.machine_id.as_deref()),
        ("hardware_id", said.hardware_id.as_deref()),
        ("boot_id", said.boot_id.as_deref()),
        ("version", Some(said.versions.version.as_str())),
    ];
    match texts.into_iter().find(|(_, text)| text.is_some_and(|text| text.len() > LONGEST)) {
        Some((field, text)) => {
            Err(MasterError::Oversized { field, bytes: text.map_or(0, str::len), limit: LONGEST })
        }
        None => Ok(()),
    }
}

fn room(cluster: &Cluster, from: IpAddr) -> Result<(), MasterError> {
    let waiting = || cluster.nodes.values().filter(|node| node.state == NodeState::Pending);
    let (all, of_one) = (waiting().count(), waiting().filter(|node| node.asked_from == Some(from)).count());
    if all >= WAITING || of_one >= WAITING_FROM_ONE {
        return Err(MasterError::Crowded { waiting: all, of_one });
    }
    Ok(())
}

fn fresh(cluster: &Cluster, applicant: Applicant<'_>) -> NodeRecord {
    let Applicant { said, key, from, now, signed } = applicant;
    NodeRecord {
        id: key::node_id(key),
        name: said.hostname.clone(),
        address: said.ip,
        state: NodeState::Pending,
        key,
        role: None,
        preferred: said.request_role,
        pinned: None,
        resources: said.resources,
        machine_id: said.machine_id.clone(),
        hardware_id: said.hardware_id.clone(),
        boot_id: said.boot_id.clone(),
        version: said.versions.version.clone(),
        order: cluster.next_order(),
        registered_ms: now,
        lease_until_ms: now,
        stage: "register".to_owned(),
        applied: 0,
        master: false,
        token: None,
        replaces: None,
        asked_from: Some(from),
        signs: signed,
        minion: None,
    }
}
