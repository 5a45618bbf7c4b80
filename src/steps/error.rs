//! Why a step fails, beyond the errors of what it uses.

use crate::client::ClientError;
use crate::host::files::FileError;
use crate::identity::IdentityError;
use crate::model::explain::{Code, Exit, Explain, Failure};
use crate::model::ids::{ClusterId, NodeName, SnapshotId};
use jiff::Timestamp;
use std::net::SocketAddr;

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
    /// The master does not know this member any more.
    #[error("the master at {master} does not know this node, {name} of cluster {cluster}, any more")]
    Forgotten {
        /// The node.
        name: NodeName,
        /// The cluster that it was of.
        cluster: ClusterId,
        /// The master.
        master: SocketAddr,
    },
    /// The operator interrupted a wait.
    #[error("interrupted while waiting for {what}")]
    Interrupted {
        /// For what.
        what: String,
    },
    /// A state failed.
    #[error("state {id} ({function}) at {place} failed: {comment}")]
    State {
        /// The state's id.
        id: String,
        /// Its function.
        function: String,
        /// File and line that declare it, `storage/config.sls:7`.
        place: String,
        /// What is wrong.
        comment: String,
    },
    /// A state changes what belongs to the machine itself, and the root is another one.
    #[error("state {id} ({function}) at {place} changes the machine itself, and the root is {}", root.display())]
    NotTheHost {
        /// The state's id.
        id: String,
        /// Its function.
        function: String,
        /// File and line that declare it.
        place: String,
        /// The root.
        root: std::path::PathBuf,
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
    /// A state names a path that a checkpoint cannot put back.
    #[error("state {id} would write {path}, which is not a plain path below the root {}", root.display())]
    Outside {
        /// The state's id.
        id: String,
        /// What it would write.
        path: String,
        /// The root.
        root: std::path::PathBuf,
    },
    /// Salt did not do what it was asked.
    #[error("{program} did not apply the states: {why}")]
    Salt {
        /// The program.
        program: String,
        /// In its words.
        why: String,
    },
    /// The storage settings that came with role and scale are not understood.
    #[error("the storage settings of this node's role are not understood: {why}")]
    StorageSettings {
        /// What is wrong.
        why: String,
    },
    /// What is configured makes no storage configuration for a role.
    #[error("{place}: {key} does not fit role {role} at scale {scale}")]
    Misfit {
        /// Where the key stands.
        place: String,
        /// The key that is to blame.
        key: String,
        /// The role.
        role: crate::model::role::Role,
        /// The scale.
        scale: crate::model::scale::Scale,
        /// What is wrong with what comes of it.
        #[source]
        source: crate::storage::ConfigError,
    },
    /// A later eos began the operation that is in the journal.
    #[error(
        "the plan of the unfinished operation has format {found}, and this eos knows formats up to {known}"
    )]
    PlanNewer {
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u32,
    },
    /// The plan in the journal is not one.
    #[error("the plan of a {what} in the journal is damaged: {why}")]
    PlanDamaged {
        /// `bootstrap` or `generation`.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The sources in a configuration that came with the cluster's state are not understood.
    #[error("the sources in {path} are not understood: {why}")]
    ClusterSources {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A snapshot says that it is the cluster's own state, and the master did not sign it.
    #[error("snapshot {id} says that it is the cluster's own state, and the master has not signed it")]
    Forged {
        /// The snapshot.
        id: SnapshotId,
    },
    /// A snapshot is of another source than the one that is wanted.
    #[error("snapshot {id} is of the source {found}, and not of {wanted}")]
    OtherSource {
        /// The snapshot.
        id: SnapshotId,
        /// Its source, as its manifest says.
        found: String,
        /// The source that is wanted.
        wanted: String,
    },
    /// A holder said something else of a snapshot than its manifest does.
    #[error(
        "snapshot {id} was made at {found}, generation {generation}, and its holders told of {told}, generation \
         {told_generation}"
    )]
    Contradicted {
        /// The snapshot.
        id: SnapshotId,
        /// When it was made, as its manifest says.
        found: Timestamp,
        /// Its generation, as its manifest says.
        generation: u64,
        /// When it was made, as its holders say.
        told: Timestamp,
        /// Its generation, as its holders say.
        told_generation: u64,
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

impl StepFailure {
    /// The code of what failed, `EOS-T216`.
    pub fn told_code(&self) -> String {
        match self {
            Self::Below(failure) => failure.code.clone(),
            other => other.code().to_string(),
        }
    }
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
    crate::host::packages::PackageError,
    crate::host::facts::FactsError,
    crate::host::directory::DirectoryError,
    crate::journal::error::JournalError,
    crate::registry::RegistryError,
    crate::roles::RoleError,
    crate::sls::SlsError,
    crate::snapshot::fetch::FetchError,
    crate::snapshot::store::StoreError,
    crate::snapshot::unpack::UnpackError,
    crate::snapshot::assemble::AssembleError,
    crate::snapshot::restore::RestoreError,
    super::minion_error::MinionError,
);

/// For `?` in steps: the failure keeps what the part below said.
pub(crate) fn to_step(failure: StepFailure) -> crate::saga::step::StepError {
    crate::saga::step::StepError { failure: failure.into() }
}

/// Where it stands who holds a snapshot.
const WHO: &str = "on the master, see who holds what: eos snapshot list --cluster";

impl Explain for StepFailure {
    fn code(&self) -> Code {
        Code(match self {
            Self::Below(_) => "G050",
            Self::NoMembership => "J030",
            Self::NotAccepted { .. } => "J031",
            Self::Interrupted { .. } => "J032",
            Self::Forgotten { .. } => "J041",
            Self::State { .. } => "S030",
            Self::NotTheHost { .. } => "S035",
            Self::Unhealthy { .. } => "V030",
            Self::Template { .. } => "S031",
            Self::Salt { .. } => "S085",
            Self::Outside { .. } => "S032",
            Self::PlanNewer { .. } => "G051",
            Self::PlanDamaged { .. } => "G052",
            Self::StorageSettings { .. } => "S033",
            Self::Misfit { .. } => "C029",
            Self::ClusterSources { .. } => "S034",
            Self::Forged { .. } => "T169",
            Self::OtherSource { .. } => "T228",
            Self::Contradicted { .. } => "T229",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotAccepted { .. } => Exit::NoAnswer,
            Self::NoMembership | Self::Misfit { .. } | Self::NotTheHost { .. } => Exit::Usage,
            Self::Forgotten { .. }
            | Self::Forged { .. }
            | Self::OtherSource { .. }
            | Self::Contradicted { .. } => Exit::Refused,
            Self::Interrupted { .. } => Exit::Interrupted,
            Self::PlanNewer { .. } => Exit::Conflict,
            Self::PlanDamaged { .. } => Exit::Stuck,
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Below(failure) => failure.hints.clone(),
            Self::NoMembership => vec!["make it one: eos bootstrap".to_owned()],
            Self::NotAccepted { name, .. } => vec![
                format!("run it again, and accept it while it waits, on the master: eos node accept {name}"),
                "or let it in by a token, made on the master: eos token create".to_owned(),
            ],
            Self::Forgotten { master, .. } => vec![format!(
                "leave what is left of it, and join again: eos reset && eos bootstrap --join-cluster {master}"
            )],
            Self::Interrupted { .. } => vec!["run the same command again: eos bootstrap".to_owned()],
            Self::State { id, .. } => {
                vec![format!("see what it would change: eos state apply --test (state {id})")]
            }
            Self::Salt { program, .. } => {
                vec![format!(
                    "see all that it says: {program} --local --config-dir /var/lib/eos/salt state.apply test=True"
                )]
            }
            Self::NotTheHost { .. } => {
                vec!["leave the state out where pillar['eos']['root'] is not empty, and look again: eos state show".to_owned()]
            }
            Self::Unhealthy { service, .. } => {
                vec![format!("read its log: journalctl -u {service} -n 50, or var/lib/eos/log/{service}.log")]
            }
            Self::PlanNewer { .. } => {
                vec!["use the eos that wrote it, or a later one: eos --version".to_owned()]
            }
            Self::PlanDamaged { .. } => vec![
                "look at its first line: head -n 1 /var/lib/eos/journal/*.jsonl".to_owned(),
                "look at the disk: dmesg --level=err,crit".to_owned(),
            ],
            Self::Outside { path, .. } => {
                vec![format!("find the state: grep -rn '{path}' /var/lib/eos/cluster/states")]
            }
            Self::StorageSettings { .. } => vec![
                "see whether the master has another version: eos --version".to_owned(),
                "look at the section storage, on the master: eos config show".to_owned(),
            ],
            Self::Misfit { .. } => vec!["correct it and look again: eos config validate".to_owned()],
            Self::ClusterSources { path, .. } => {
                vec![format!("compare it with the master's configuration: cat {path}; eos config show")]
            }
            Self::Forged { .. } => vec![format!("find out where it comes from; {WHO}")],
            Self::OtherSource { .. } => vec![format!("restore one of the source that is wanted; {WHO}")],
            Self::Contradicted { id, .. } => {
                vec![format!("restore it by its id: eos snapshot restore {id}; {WHO}")]
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
    let mut samples = of_states();
    samples.extend(of_the_rest());
    samples
}

#[cfg(test)]
fn of_states() -> Vec<StepFailure> {
    vec![
        StepFailure::Salt {
            program: "/usr/bin/salt-call".to_owned(),
            why: "No matching sls found for 'roles.edge' in env 'base'".to_owned(),
        },
        StepFailure::State {
            id: "storage_ops_configuration".to_owned(),
            function: "file.managed".to_owned(),
            place: "storage/config.sls:18".to_owned(),
            comment: "/etc/eos/storage-ops.yaml is a directory, not a file".to_owned(),
        },
        StepFailure::NotTheHost {
            id: "ann".to_owned(),
            function: "user.present".to_owned(),
            place: "site.sls:3".to_owned(),
            root: "/srv/node1".into(),
        },
    ]
}

#[cfg(test)]
fn of_the_rest() -> Vec<StepFailure> {
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
        StepFailure::Forgotten {
            name: NodeName::parse("node2").expect("a name"),
            cluster: ClusterId::parse("prod").expect("an id"),
            master: SocketAddr::from(([10, 0, 1, 10], 4507)),
        },
        StepFailure::Interrupted { what: "acceptance".to_owned() },
        StepFailure::Unhealthy {
            service: "eos-storage-monitor".to_owned(),
            seconds: 10,
            why: "the storage monitor has not reported yet".to_owned(),
        },
        StepFailure::Outside {
            id: "motd".to_owned(),
            path: "/etc/motd".to_owned(),
            root: "/srv/node1".into(),
        },
        StepFailure::PlanNewer { found: 2, known: 1 },
        StepFailure::PlanDamaged { what: "generation", why: "missing field `role`".to_owned() },
        StepFailure::StorageSettings { why: "unknown variant `watch`".to_owned() },
        misfit(),
        StepFailure::ClusterSources {
            path: "/var/lib/eos/cluster/cluster.yaml".to_owned(),
            why: "source x: missing field `path`".to_owned(),
        },
        StepFailure::Forged { id: SnapshotId::parse("abcd").expect("an id") },
        StepFailure::OtherSource {
            id: SnapshotId::parse("abcd").expect("an id"),
            found: "logs".to_owned(),
            wanted: "metrics".to_owned(),
        },
        StepFailure::Contradicted {
            id: SnapshotId::parse("abcd").expect("an id"),
            found: Timestamp::UNIX_EPOCH,
            generation: 3,
            told: Timestamp::from_second(86_400).expect("a time"),
            told_generation: 4,
        },
        StepFailure::Template { name: "eos-agent.service", why: "line 3: undefined value".to_owned() },
    ]
}

#[cfg(test)]
fn misfit() -> StepFailure {
    use crate::model::{role::Role, scale::Scale};
    StepFailure::Misfit {
        place: "/etc/eos/cluster.yaml:4:17".to_owned(),
        key: "storage.classes.expendable".to_owned(),
        role: Role::Data,
        scale: Scale::Small,
        source: crate::storage::ConfigError::InsideCritical {
            key: "classes.expendable",
            path: "/etc/x".into(),
            critical: "/etc".into(),
        },
    }
}
