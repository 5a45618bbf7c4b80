//! Whom an agent serves snapshots: members, those that are joining, and the operator, as the master says.

use crate::agent::link::Link;
use crate::client::ClientError;
use crate::identity::certificate::Subject;
use crate::model::explain::Failure;
use crate::model::ids::{ClusterId, NodeId, SnapshotId};
use crate::server::Peer;
use crate::serving::{Access, Admission, Reader, Refusal, ServingError};
use crate::wire::snapshots::Standing;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long a member is one without asking again.
pub const KNOWN: Duration = Duration::from_secs(60);

/// The same of a node that is joining, or that the master does not vouch for.
pub const DOUBTED: Duration = Duration::from_secs(5);

/// For how long a member is taken for one when the master cannot be asked.
pub const TRUSTED: Duration = Duration::from_secs(3600);

/// How long the master may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The code with which a master says that it does not know a node.
const UNKNOWN: &str = "EOS-M012";

/// What the master said of each node that asked.
pub struct Readers {
    cluster: ClusterId,
    link: Arc<Link>,
    known: Mutex<BTreeMap<NodeId, (Instant, Judgement)>>,
}

/// What a node is.
#[derive(Debug, Clone)]
enum Judgement {
    Is(Standing),
    Unknown,
}

impl Judgement {
    fn lasts(&self) -> Duration {
        match self {
            Self::Is(standing) if standing.admitted && standing.state == "active" => KNOWN,
            _ => DOUBTED,
        }
    }

    fn is_admitted(&self) -> bool {
        matches!(self, Self::Is(standing) if standing.admitted)
    }
}

/// Why the master cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
struct Unasked(Failure);

impl Readers {
    /// Of this cluster; the master is asked over the link.
    pub fn new(cluster: ClusterId, link: Arc<Link>) -> Self {
        Self { cluster, link, known: Mutex::default() }
    }

    /// Asks of every node anew: something about the members has changed.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remembered(&self, id: &NodeId) -> Option<(Duration, Judgement)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).map(|(since, judged)| (since.elapsed(), judged.clone()))
    }

    async fn judge(&self, id: &NodeId) -> Result<Judgement, ServingError> {
        let remembered = self.remembered(id);
        if let Some((age, judged)) = &remembered
            && *age < judged.lasts()
        {
            return Ok(judged.clone());
        }
        let failure = match self.ask(id).await {
            Ok(judged) => {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.retain(|_, (since, _)| since.elapsed() < TRUSTED);
                known.insert(id.clone(), (Instant::now(), judged.clone()));
                return Ok(judged);
            }
            Err(failure) => failure,
        };
        self.link.renew();
        match remembered {
            Some((age, judged)) if judged.is_admitted() && age < TRUSTED => {
                tracing::warn!(node = %id, why = failure.message, "the master cannot be asked; it was a member");
                Ok(judged)
            }
            _ => Err(ServingError::Unjudged { caller: id.to_string(), source: Box::new(Unasked(failure)) }),
        }
    }

    async fn ask(&self, id: &NodeId) -> Result<Judgement, Failure> {
        let link = self.link.clone();
        let made = tokio::task::spawn_blocking(move || link.client()).await;
        let client = match made {
            Ok(made) => made.map_err(Failure::from)?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        match tokio::time::timeout(PATIENCE, client.standing(id)).await {
            Ok(Ok(standing)) => Ok(Judgement::Is(standing)),
            Ok(Err(ClientError::Refused { failure, .. })) if failure.code == UNKNOWN => {
                Ok(Judgement::Unknown)
            }
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => {
                let action = format!("GET /v1/members/{id}");
                let address = client.address();
                Err(Failure::of(&ClientError::TimedOut { address, action, waited: PATIENCE }))
            }
        }
    }

    async fn admitted(&self, peer: &Peer, action: &'static str) -> Result<Reader, ServingError> {
        let refused = |caller: String| ServingError::NotMember { action: action.to_owned(), caller };
        let own = peer.subject.as_ref().filter(|summary| summary.cluster == self.cluster);
        let id = match own.map(|summary| &summary.subject) {
            Some(Subject::Admin) => return Ok(Reader::of(peer, None)),
            Some(Subject::Node(id)) => id,
            Some(Subject::Master) => return Err(refused("a master".to_owned())),
            None => return Err(refused("of another cluster".to_owned())),
        };
        match self.judge(id).await? {
            Judgement::Is(standing) if standing.admitted => {
                let said = standing.sources.map(Arc::new);
                Ok(Reader { said, ..Reader::of(peer, standing.role) })
            }
            Judgement::Is(standing) => {
                Err(refused(format!("{}, which is {}", standing.name, standing.state)))
            }
            Judgement::Unknown => Err(refused(format!("{id}, which the master does not know"))),
        }
    }
}

impl Access for Readers {
    fn admit<'a>(&'a self, peer: &'a Peer, action: &'static str) -> Admission<'a> {
        Box::pin(async move { Ok(self.admitted(peer, action).await?) })
    }

    fn note(&self, _reader: &Reader, _id: &SnapshotId) -> Result<(), Refusal> {
        // The audit log is the master's; an agent's reads are in its own log.
        Ok(())
    }
}

#[cfg(test)]
mod tests;
