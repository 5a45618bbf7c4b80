//! Who asks for snapshots, and the rule of each daemon on whom it serves.

use crate::identity::certificate::Subject;
use crate::model::ids::{NodeId, SnapshotId};
use crate::model::role::Role;
use crate::server::Peer;
use crate::serving::{Refusal, Roles};
use std::pin::Pin;
use std::sync::Arc;

/// A caller that may read snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// As whom it holds its place and what it pulls.
    pub puller: String,
    /// How the audit log names it.
    pub actor: String,
    /// Whether it is the operator, who reads everything.
    pub operator: bool,
    /// The role of a node that has one.
    pub role: Option<Role>,
    /// Which roles may have which sources, as the master said along with it; none if it did not say.
    pub said: Option<Arc<Roles>>,
}

/// A caller that is being judged.
pub type Admission<'a> = Pin<Box<dyn Future<Output = Result<Reader, Refusal>> + Send + 'a>>;

/// Whom a daemon serves; the caller has shown a certificate that the cluster's authority signed.
pub trait Access: Send + Sync + 'static {
    /// Judges the caller of `action`, such as `GET /v1/snapshots/parts`.
    fn admit<'a>(&'a self, peer: &'a Peer, action: &'static str) -> Admission<'a>;

    /// Writes down that a manifest is about to be read; blocks.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is read.
    fn note(&self, reader: &Reader, id: &SnapshotId) -> Result<(), Refusal>;
}

/// As whom a node holds the snapshot that it pulls.
pub fn puller(node: &NodeId) -> String {
    format!("node {node}")
}

/// Who the caller is, as logs name it.
pub fn actor(peer: &Peer) -> String {
    match peer.subject.as_ref().map(|summary| &summary.subject) {
        None => peer.address.to_string(),
        Some(Subject::Node(id)) => id.to_string(),
        Some(Subject::Admin) => "operator".to_owned(),
        Some(Subject::Master) => "master".to_owned(),
    }
}

impl Reader {
    /// The caller by its certificate, with the role that it has if it is a node.
    pub fn of(peer: &Peer, role: Option<Role>) -> Self {
        let subject = peer.subject.as_ref().map(|summary| &summary.subject);
        let actor = actor(peer);
        let puller = match subject {
            Some(Subject::Node(id)) => puller(id),
            _ => actor.clone(),
        };
        Self { puller, actor, operator: subject == Some(&Subject::Admin), role, said: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::certificate::Summary;
    use crate::model::digest::Fingerprint;
    use crate::model::ids::ClusterId;

    #[test]
    fn the_logs_name_a_caller_by_its_certificate_and_a_stranger_by_its_address() {
        let peer = |subject: Option<Subject>| {
            let summary = |subject| Summary {
                cluster: ClusterId::parse("c1").expect("an id"),
                subject,
                key: Fingerprint::from_bytes([0; 32]),
                not_before: 0,
                not_after: 0,
            };
            Peer { address: [10, 0, 0, 7].into(), subject: subject.map(summary) }
        };
        let node = peer(Some(Subject::Node(NodeId::parse("n-1").expect("an id"))));
        assert_eq!(actor(&node), "n-1");
        assert_eq!(actor(&peer(Some(Subject::Admin))), "operator");
        assert_eq!(actor(&peer(None)), "10.0.0.7");
        assert_eq!(Reader::of(&node, Some(Role::Data)).puller, "node n-1");
        assert!(Reader::of(&peer(Some(Subject::Admin)), None).operator);
    }
}
