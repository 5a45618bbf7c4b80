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

/// A node that was heard of within this time is alive: nobody else may take its place.
pub const ALIVE_MS: u64 = 15_000;

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
    /// A token, to be counted.
    Token(Box<TokenRecord>),
    /// The configured policy.
    Policy,
    /// It was let in before, or by the operator.
    Known,
    /// Nothing: a person has to decide.
    Nobody,
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
    if let Some(known) = cluster.by_key(key) {
        return match known.state {
            NodeState::Removed => Err(MasterError::NodeRemoved { name: known.name.clone() }),
            NodeState::Rejected => Err(MasterError::NodeRejected { name: known.name.clone() }),
            _ => Ok(Verdict::Returning(known.id.clone())),
        };
    }
    let present = |node: &&NodeRecord| matches!(node.state, NodeState::Active | NodeState::Joining);
    let same_machine = cluster
        .nodes
        .values()
        .filter(present)
        .find(|node| node.machine_id.is_some() && node.machine_id == registration.machine_id);
    let same_name = cluster.nodes.values().filter(present).find(|node| node.name == registration.hostname);
    match (same_machine, same_name) {
        (Some(other), _) if other.name == registration.hostname && !alive(cluster, other, now) => {
            Ok(Verdict::Reinstalled(other.id.clone()))
        }
        (Some(other), _) => Err(MasterError::Clone {
            name: other.name.clone(),
            address: other.address.to_string(),
            seen: seen(cluster, other, now),
            machine_id: other.machine_id.clone().unwrap_or_default(),
        }),
        (None, Some(other)) => Err(MasterError::NameTaken {
            name: other.name.clone(),
            state: other.state.to_string(),
            holder: other.id.to_string(),
            address: other.address.to_string(),
            seen: seen(cluster, other, now),
        }),
        (None, None) => Ok(Verdict::New),
    }
}

/// Judges what speaks for the applicant.
///
/// # Errors
/// When it shows a token that does not hold; a bad token is never passed over in favour of policy.
pub fn voucher(
    cluster: &Cluster,
    policy: &AdmissionConfig,
    request: &RegisterRequest,
    transcript: &Transcript<'_>,
    verdict: &Verdict,
    now: u64,
) -> Result<Voucher, MasterError> {
    if let Verdict::Returning(id) = verdict
        && cluster.nodes.get(id).is_some_and(|node| node.state != NodeState::Pending)
    {
        return Ok(Voucher::Known);
    }
    if let Some(shown) = &request.token {
        let token = cluster.tokens.get(&shown.id);
        let genuine = token.filter(|token| {
            TokenKey::from_stored(&token.key)
                .is_some_and(|key| transcript.holds(Side::Joiner, &key, &shown.proof))
        });
        let token = genuine.ok_or_else(|| MasterError::TokenUnknown { id: shown.id.to_string() })?;
        usable(token, &request.registration, now)?;
        return Ok(Voucher::Token(Box::new(token.clone())));
    }
    if by_policy(policy, &request.registration) { Ok(Voucher::Policy) } else { Ok(Voucher::Nobody) }
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

fn by_policy(policy: &AdmissionConfig, registration: &NodeRegistration) -> bool {
    let given = !policy.addresses.is_empty() || !policy.names.is_empty();
    let address =
        policy.addresses.is_empty() || policy.addresses.iter().any(|net| net.contains(&registration.ip));
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

/// A node that was not heard of for this long counts as unreachable.
const UNREACHABLE_MS: u64 = 60_000;

/// Free bytes below which a node's disk is worth a word.
const LOW_DISK: u64 = 512 << 20;

/// What is amiss in the cluster before a node comes in: nodes that do not answer, full disks, other
/// versions, other joins. None of it holds the node up: a dead node must not keep its replacement out.
pub fn precheck(cluster: &Cluster, joining: &NodeId, now: u64) -> Vec<String> {
    let mut amiss = Vec::new();
    let ours = Versions::own().version;
    for node in cluster.members().filter(|node| node.id != *joining) {
        let live = cluster.live.get(&node.id);
        if cluster.silent_ms(&node.id, now).is_none_or(|silent| silent > UNREACHABLE_MS) {
            amiss.push(format!("{} does not answer (last seen {})", node.name, seen(cluster, node, now)));
        }
        if let Some(free) = live.and_then(|live| live.report.disk_free_bytes).filter(|free| *free < LOW_DISK)
        {
            amiss.push(format!("{} has only {} MiB of disk left", node.name, free >> 20));
        }
        if node.version != ours {
            amiss.push(format!("{} runs eos {}, the master {ours}", node.name, node.version));
        }
    }
    let others =
        cluster.nodes.values().filter(|node| node.state == NodeState::Joining && node.id != *joining);
    amiss.extend(
        others.map(|node| format!("{} is joining at the same time (stage {})", node.name, node.stage)),
    );
    amiss
}

fn alive(cluster: &Cluster, node: &NodeRecord, now: u64) -> bool {
    cluster.silent_ms(&node.id, now).is_some_and(|silent| silent < ALIVE_MS)
}

fn seen(cluster: &Cluster, node: &NodeRecord, now: u64) -> String {
    match cluster.silent_ms(&node.id, now) {
        Some(silent) => format!("{} s ago", silent / 1000),
        None => "not since the master started".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, matches) in [
            ("rack1-*", "rack1-07", true),
            ("rack1-*", "rack2-07", false),
            ("*", "anything", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), matches, "{pattern} {text}");
        }
    }
}
