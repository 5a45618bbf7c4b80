//! Whether a node is let in: who it is, and what speaks for it. Pure.

use crate::identity::proof::{Side, Transcript};
use crate::identity::token::TokenKey;
use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::config::AdmissionConfig;
use crate::model::ids::NodeId;
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::wire::join::{NodeRegistration, RegisterRequest};
use crate::wire::version::Versions;
use std::net::IpAddr;

/// Who the applicant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Never seen before.
    New,
    /// Its key is known: a member that runs bootstrap again, or a join that goes on.
    Returning(NodeId),
    /// A known machine under its old name with a new key, whose old self is silent.
    Reinstalled(NodeId),
}

impl Verdict {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Returning(_) => "returning",
            Self::Reinstalled(_) => "same-machine-reinstalled",
        }
    }
}

/// What speaks for the applicant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voucher {
    /// A token, with this use counted.
    Token(Box<TokenRecord>),
    /// The configured policy.
    Policy,
    /// It was let in before, or by the operator.
    Known,
    /// Nothing: a person has to decide.
    Nobody,
}

impl Voucher {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Policy => "policy",
            Self::Known => "known",
            Self::Nobody => "nobody",
        }
    }
}

/// Judges who the applicant is.
///
/// # Errors
/// When it may not come in as what it says it is; the error names the command that resolves it.
pub fn verdict(
    cluster: &Cluster,
    key: crate::model::digest::Fingerprint,
    registration: &NodeRegistration,
    now: u64,
) -> Result<Verdict, MasterError> {
    let ours = Versions::own();
    if !ours.meets(&registration.versions) {
        return Err(MasterError::Version { theirs: registration.versions.clone(), ours });
    }
    let known = cluster.by_key(key);
    if let Some(known) = known {
        match known.state {
            NodeState::Removed => return Err(MasterError::NodeRemoved { name: known.name.clone() }),
            NodeState::Rejected => return Err(MasterError::NodeRejected { name: known.name.clone() }),
            // One that only waits holds neither its name nor its place: others may have come in since.
            NodeState::Pending => {}
            _ if wants_the_same(known, registration) => return Ok(Verdict::Returning(known.id.clone())),
            // Under another name it is judged like any other.
            _ => {}
        }
    }
    let present = |node: &&NodeRecord| has_place(node) && node.key != key;
    let same_machine: Vec<&NodeRecord> = cluster
        .nodes
        .values()
        .filter(present)
        .filter(|node| node.machine_id.is_some() && node.machine_id == registration.machine_id)
        .collect();
    // The master's own node is there as long as its master answers.
    let stays = |other: &&&NodeRecord| {
        other.name != registration.hostname || other.master || cluster.alive(&other.id, now)
    };
    // Several may be of this machine; the one that is there is the one to name.
    if let Some(other) = same_machine.iter().filter(stays).max_by_key(|other| cluster.alive(&other.id, now)) {
        return Err(clone_of(cluster, other, now));
    }
    let same_name = |other: &&NodeRecord| {
        other.name == registration.hostname && same_machine.iter().all(|node| node.id != other.id)
    };
    if let Some(other) = cluster.nodes.values().filter(present).find(same_name) {
        return Err(name_taken(cluster, other, now));
    }
    match same_machine.iter().max_by_key(|node| node.state == NodeState::Active) {
        Some(previous) => Ok(Verdict::Reinstalled(previous.id.clone())),
        None => Ok(known.map_or(Verdict::New, |known| Verdict::Returning(known.id.clone()))),
    }
}

fn has_place(node: &NodeRecord) -> bool {
    matches!(node.state, NodeState::Active | NodeState::Joining)
}

fn is_same_machine(node: &NodeRecord, other: &NodeRecord) -> bool {
    node.machine_id.is_some() && node.machine_id == other.machine_id
}

fn clone_of(cluster: &Cluster, other: &NodeRecord, now: u64) -> MasterError {
    MasterError::Clone {
        name: other.name.clone(),
        address: other.address.to_string(),
        seen: cluster.seen(&other.id, now),
        machine_id: other.machine_id.clone().unwrap_or_default(),
    }
}

fn name_taken(cluster: &Cluster, other: &NodeRecord, now: u64) -> MasterError {
    MasterError::NameTaken {
        name: other.name.clone(),
        state: other.state.to_string(),
        holder: other.id.to_string(),
        address: other.address.to_string(),
        seen: cluster.seen(&other.id, now),
    }
}

/// The nodes with a place in the cluster that cannot stay beside this one: those of its name, and the
/// one that it replaces.
fn rivals<'a>(cluster: &'a Cluster, node: &'a NodeRecord) -> impl Iterator<Item = &'a NodeRecord> {
    let others = cluster.nodes.values().filter(|other| has_place(other) && other.id != node.id);
    others.filter(|other| other.name == node.name || node.replaces.as_ref() == Some(&other.id))
}

/// Whether a rival can make room: it is replaced, or a join of the same machine that can be outlasted.
fn may_go(node: &NodeRecord, rival: &NodeRecord) -> bool {
    node.replaces.as_ref() == Some(&rival.id)
        || (rival.state == NodeState::Joining && is_same_machine(node, rival))
}

/// Insists that no other node holds the name of one that is about to be accepted, unless it can
/// make room.
///
/// # Errors
/// When one does.
pub fn name_is_free(cluster: &Cluster, node: &NodeRecord, now: u64) -> Result<(), MasterError> {
    match rivals(cluster, node).find(|other| !may_go(node, other)) {
        Some(other) => Err(name_taken(cluster, other, now)),
        None => Ok(()),
    }
}

/// The nodes that go now that this one confirms: the one whose place it takes, and silent joins of the
/// same machine under the same name.
///
/// A machine that was only installed anew does not take the place of one that came back meanwhile:
/// then there are two of them.
///
/// # Errors
/// When one of its name has to stay, or it would take the place of the master's own node.
pub fn displaced(cluster: &Cluster, node: &NodeRecord, now: u64) -> Result<Vec<NodeRecord>, MasterError> {
    let mut gone = Vec::new();
    for other in rivals(cluster, node) {
        let replaced = node.replaces.as_ref() == Some(&other.id);
        let same_machine = is_same_machine(node, other);
        if replaced && other.master {
            return Err(MasterError::LastMaster { name: other.name.clone() });
        }
        let comes_back = other.name == node.name && cluster.alive(&other.id, now);
        if comes_back && (replaced || same_machine) {
            return Err(clone_of(cluster, other, now));
        }
        if !may_go(node, other) {
            return Err(name_taken(cluster, other, now));
        }
        gone.push(other.clone());
    }
    Ok(gone)
}

/// Whether a known node asks for what it was let in for; a member keeps what it has, whatever it asks,
/// and who asks for no role keeps the one it asked for.
pub fn wants_the_same(known: &NodeRecord, registration: &NodeRegistration) -> bool {
    let role = registration.request_role;
    known.state == NodeState::Active
        || (known.name == registration.hostname && (role.is_none() || role == known.preferred))
}

/// Judges what speaks for the applicant, which asks from the address `from`.
///
/// # Errors
/// When it shows a token that does not hold; a bad token is never passed over in favour of policy.
pub fn voucher(
    cluster: &Cluster,
    policy: &AdmissionConfig,
    request: &RegisterRequest,
    from: IpAddr,
    transcript: &Transcript<'_>,
    now: u64,
) -> Result<Voucher, MasterError> {
    let known = cluster.by_key(transcript.key);
    if known
        .is_some_and(|node| node.state != NodeState::Pending && wants_the_same(node, &request.registration))
    {
        return Ok(Voucher::Known);
    }
    if let Some(shown) = &request.token {
        let token = cluster.tokens.get(&shown.id);
        let genuine = token.filter(|token| {
            TokenKey::from_stored(&token.key)
                .is_some_and(|key| transcript.holds(Side::Joiner, &key, &shown.proof))
        });
        let mut token =
            genuine.cloned().ok_or_else(|| MasterError::TokenUnknown { id: shown.id.to_string() })?;
        if known.is_some_and(|node| node.token.as_ref() == Some(&shown.id)) {
            // It asks for something else with the token that was counted for it.
            token.used = token.used.saturating_sub(1);
        }
        usable(&token, &request.registration, now)?;
        token.used += 1;
        return Ok(Voucher::Token(Box::new(token)));
    }
    match by_policy(policy, &request.registration, from) {
        true => Ok(Voucher::Policy),
        false => Ok(Voucher::Nobody),
    }
}

fn usable(token: &TokenRecord, registration: &NodeRegistration, now: u64) -> Result<(), MasterError> {
    let id = token.id.to_string();
    if token.revoked {
        return Err(MasterError::TokenRevoked { id });
    }
    if now >= token.expires_ms {
        return Err(MasterError::TokenExpired { id, seconds: (now - token.expires_ms) / 1000 });
    }
    if let Some(uses) = token.uses.filter(|uses| token.used >= *uses) {
        return Err(MasterError::TokenUsedUp { id, used: token.used, uses });
    }
    match token.role {
        Some(allowed) if registration.request_role != Some(allowed) => {
            Err(MasterError::TokenRole { id, allowed, wanted: registration.request_role })
        }
        _ => Ok(()),
    }
}

/// An address counts only when the node really asks from the one that it names.
fn by_policy(policy: &AdmissionConfig, registration: &NodeRegistration, from: IpAddr) -> bool {
    let given = !policy.addresses.is_empty() || !policy.names.is_empty();
    let address = policy.addresses.is_empty()
        || (registration.ip == from && policy.addresses.iter().any(|net| net.contains(&from)));
    let name = registration.hostname.as_str();
    let named = policy.names.is_empty() || policy.names.iter().any(|pattern| matches_pattern(pattern, name));
    given && address && named
}

/// Whether the text matches a pattern in which `*` stands for any text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| matches_pattern(after, rest)))
        }),
    }
}

#[cfg(test)]
mod tests;
