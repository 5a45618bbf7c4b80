//! Why a step fails, beyond the errors of what it uses.

use crate::client::ClientError;
use crate::host::files::FileError;
use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain, Failure};

/// A step that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StepFailure {
    /// A part below explains itself; its code, hints and exit status are kept.
    #[error("{}", .0.message)]
    Below(Failure),
    /// There is no membership where there must be one.
    #[error("this host is not a member of a cluster")]
    NoMembership,
    /// Nobody accepted the node in time.
    #[error("nobody accepted this node within {seconds} s; its key is {key}")]
    NotAccepted {
        /// How long it waited.
        seconds: u64,
        /// The fingerprint of its key.
        key: String,
        /// Its name.
        name: String,
    },
    /// The operator interrupted a wait.
    #[error("interrupted while waiting for {what}")]
    Interrupted {
        /// For what.
        what: String,
    },
    /// A state failed.
    #[error("state {id} ({function}) failed: {comment}")]
    State {
        /// The state's id.
        id: String,
        /// Its function.
        function: String,
        /// What is wrong.
        comment: String,
    },
    /// A service is not healthy.
    #[error("{service} is not healthy after {seconds} s: {why}")]
    Unhealthy {
        /// The service.
        service: String,
        /// How long it was given.
        seconds: u64,
        /// What is wrong.
        why: String,
    },
    /// A template could not be rendered.
    #[error("the shipped template {name} could not be rendered: {why}")]
    Template {
        /// The template.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl From<StepFailure> for Failure {
    fn from(failure: StepFailure) -> Self {
        match failure {
            StepFailure::Below(failure) => failure,
            other => Self::of(&other),
        }
    }
}

macro_rules! below {
    ($($kind:ty),* $(,)?) => { $(
        impl From<$kind> for StepFailure {
            fn from(error: $kind) -> Self {
                Self::Below(Failure::of(&error))
            }
        }
    )* };
}

below!(
    ClientError,
    FileError,
    IdentityError,
    crate::host::services::ServiceError,
    crate::host::accounts::AccountError,
    crate::host::command::CommandError,
    crate::host::directory::DirectoryError,
    crate::registry::RegistryError,
    crate::roles::RoleError,
    crate::sls::SlsError,
    crate::snapshot::fetch::FetchError,
    crate::snapshot::store::StoreError,
    crate::snapshot::unpack::UnpackError,
    crate::snapshot::activate::ActivateError,
);

/// For `?` in steps: the failure keeps what the part below said.
pub(crate) fn to_step(failure: StepFailure) -> crate::saga::step::StepError {
    crate::saga::step::StepError { failure: failure.into() }
}

impl Explain for StepFailure {
    fn code(&self) -> Code {
        Code(match self {
            Self::Below(_) => "G050",
            Self::NoMembership => "J030",
            Self::NotAccepted { .. } => "J031",
            Self::Interrupted { .. } => "J032",
            Self::State { .. } => "S030",
            Self::Unhealthy { .. } => "V030",
            Self::Template { .. } => "S031",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotAccepted { .. } => Exit::NoAnswer,
            Self::NoMembership => Exit::Usage,
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Below(failure) => failure.hints.clone(),
            Self::NoMembership => vec!["make it one: eos bootstrap".to_owned()],
            Self::NotAccepted { name, .. } => vec![
                format!("accept it, on the master: eos node accept {name}"),
                "then run the same command again".to_owned(),
            ],
            Self::Interrupted { .. } => vec!["run the same command again to go on: eos bootstrap".to_owned()],
            Self::State { id, .. } => {
                vec![format!("see what it would change: eos state apply --test (state {id})")]
            }
            Self::Unhealthy { service, .. } => {
                vec![format!("read its log: journalctl -u {service} -n 50, or var/lib/eos/log/{service}.log")]
            }
            Self::Template { .. } => vec!["install eos again: ./install.sh".to_owned()],
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<StepFailure> {
    vec![
        StepFailure::Below(Failure {
            code: "EOS-H001".to_owned(),
            message: "could not write /etc/eos/cluster.yaml".to_owned(),
            causes: Vec::new(),
            hints: vec!["look at it: ls -ld /etc/eos/cluster.yaml".to_owned()],
            exit: 1,
        }),
        StepFailure::NoMembership,
        StepFailure::NotAccepted { seconds: 600, key: "sha256:0a".to_owned(), name: "node2".to_owned() },
        StepFailure::Interrupted { what: "acceptance".to_owned() },
        StepFailure::State {
            id: "storage_ops_configuration".to_owned(),
            function: "file.managed".to_owned(),
            comment: "/etc/eos/storage-ops.yaml is a directory, not a file".to_owned(),
        },
        StepFailure::Unhealthy {
            service: "eos-storage-monitor".to_owned(),
            seconds: 10,
            why: "the storage monitor has not reported yet".to_owned(),
        },
        StepFailure::Template { name: "eos-agent.service", why: "line 3: undefined value".to_owned() },
    ]
}
