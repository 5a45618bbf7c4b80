//! Why a snapshot is not handed out.

use crate::model::explain::{Code, Exit, Explain};
use crate::model::role::Role;
use crate::snapshot::store::StoreError;

/// A request for a snapshot that is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// The caller showed no certificate of the cluster.
    #[error("{action} needs a certificate of this cluster, and the caller showed none")]
    Stranger {
        /// What was asked.
        action: String,
    },
    /// The caller is nobody who may read snapshots.
    #[error("{action} is for members and the operator, and the caller is {caller}")]
    NotMember {
        /// What was asked.
        action: String,
        /// Who asked, and what it is.
        caller: String,
    },
    /// The source is for other roles.
    #[error("the source {source_name} is for the roles {allowed}, and the caller has {}", role.map_or("none", Role::name))]
    Role {
        /// The source.
        source_name: String,
        /// The roles that may have it.
        allowed: String,
        /// The caller's role.
        role: Option<Role>,
    },
    /// There is no such snapshot or part here.
    #[error("this node holds no {kind} {name}")]
    Unknown {
        /// `snapshot`, `part`.
        kind: &'static str,
        /// Its id or digest.
        name: String,
    },
    /// Enough pull at this moment.
    #[error("{most} pull from this node already, and it serves no more at a time")]
    Full {
        /// How many places there are.
        most: usize,
    },
    /// What is asked for has no such form.
    #[error("the request names no {what}")]
    Malformed {
        /// What it should name: `id of a snapshot`.
        what: &'static str,
    },
    /// It does not fit into one reply.
    #[error("snapshot {id} has more than {at_most} bytes")]
    TooLarge {
        /// The snapshot.
        id: String,
        /// How many bytes the caller takes in one reply.
        at_most: u64,
    },
    /// It cannot be found out who the caller is.
    #[error("the master cannot be asked whether {caller} is a member")]
    Unjudged {
        /// Who asked.
        caller: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It cannot be found out for which roles the source is.
    #[error("it is not known which roles may have {source_name}")]
    Unruled {
        /// The source.
        source_name: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store cannot be read.
    #[error("the snapshot {name} cannot be read")]
    Store {
        /// The id or digest that was asked for.
        name: String,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

impl Explain for ServingError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Stranger { .. } => "T160",
            Self::NotMember { .. } => "T161",
            Self::Role { .. } => "T162",
            Self::Unknown { .. } => "T163",
            Self::Full { .. } => "T164",
            Self::Unjudged { .. } => "T165",
            Self::Store { .. } => "T166",
            Self::TooLarge { .. } => "T170",
            Self::Malformed { .. } => "T171",
            Self::Unruled { .. } => "T172",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Stranger { .. } | Self::NotMember { .. } | Self::Role { .. } => Exit::Refused,
            Self::Unknown { .. } | Self::Malformed { .. } => Exit::Usage,
            Self::Full { .. } | Self::Unjudged { .. } | Self::Unruled { .. } => Exit::NoAnswer,
            Self::Store { .. } | Self::TooLarge { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Stranger { .. } => "ask as a member of the cluster: eos bootstrap".to_owned(),
            Self::NotMember { .. } => "see what the node is, on the master: eos node list".to_owned(),
            Self::Role { .. } => "see which roles the nodes have: eos status".to_owned(),
            Self::Unknown { .. } => {
                "on the master, see who holds what: eos snapshot list --cluster".to_owned()
            }
            Self::Full { .. } => "wait, and see whether the cluster is well: eos status".to_owned(),
            Self::TooLarge { .. } => "pull it by ranges: eos snapshot pull ID".to_owned(),
            Self::Malformed { .. } => "ask for it as this does: eos snapshot pull ID".to_owned(),
            Self::Unjudged { .. } => "see whether the master is up: eos status".to_owned(),
            Self::Unruled { .. } => "on that node, look at its configuration: eos config show".to_owned(),
            Self::Store { .. } => "look at the store of that node: eos snapshot verify".to_owned(),
        }]
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Unjudged { .. } | Self::Unruled { .. })
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<ServingError> {
    let action = || "GET /v1/snapshots/parts".to_owned();
    vec![
        ServingError::Stranger { action: action() },
        ServingError::NotMember { action: action(), caller: "node n-1, which was removed".to_owned() },
        ServingError::Role {
            source_name: "metrics".to_owned(),
            allowed: "data, core".to_owned(),
            role: Some(Role::Edge),
        },
        ServingError::Unknown { kind: "snapshot", name: "b3-1".to_owned() },
        ServingError::Full { most: 32 },
        ServingError::TooLarge { id: "b3-1".to_owned(), at_most: 7 },
        ServingError::Malformed { what: "id of a snapshot" },
        ServingError::Unjudged {
            caller: "n-1".to_owned(),
            source: Box::new(std::io::Error::from(std::io::ErrorKind::TimedOut)),
        },
        ServingError::Unruled {
            source_name: "metrics".to_owned(),
            source: Box::new(std::io::Error::from(std::io::ErrorKind::InvalidData)),
        },
        ServingError::Store {
            name: "b3-1".to_owned(),
            source: StoreError::Unknown { id: "b3-1".to_owned() },
        },
    ]
}

#[cfg(test)]
#[test]
fn every_text_is_one_plain_line() {
    let texts: Vec<String> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "GET /v1/snapshots/parts needs a certificate of this cluster, and the caller showed none",
            "GET /v1/snapshots/parts is for members and the operator, and the caller is node n-1, which was \
             removed",
            "the source metrics is for the roles data, core, and the caller has edge",
            "this node holds no snapshot b3-1",
            "32 pull from this node already, and it serves no more at a time",
            "snapshot b3-1 has more than 7 bytes",
            "the request names no id of a snapshot",
            "the master cannot be asked whether n-1 is a member",
            "it is not known which roles may have metrics",
            "the snapshot b3-1 cannot be read",
        ]
    );
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
}
