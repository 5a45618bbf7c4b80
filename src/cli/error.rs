//! Errors of the command line itself.

use crate::model::explain::{Code, Exit, Explain, Failure};

/// A command that cannot be carried out as it was given.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line is wrong.
    #[error("{line}")]
    Usage {
        /// What the parser said.
        line: String,
    },
    /// The root does not exist and cannot be used.
    #[error("the root {path} cannot be used")]
    Root {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The runtime could not be started.
    #[error("the program could not start its threads")]
    Runtime(#[source] std::io::Error),
    /// This host belongs to another cluster.
    #[error("this host is {name} of cluster {cluster}, not of {wanted}")]
    OtherCluster {
        /// Its name.
        name: String,
        /// Its cluster.
        cluster: String,
        /// What was asked for.
        wanted: String,
    },
    /// Only the master's host can do it.
    #[error("{what} is done on the master's host, {master}, and this host is not it")]
    NotMaster {
        /// What was asked.
        what: String,
        /// The master.
        master: String,
    },
    /// A name that has no address.
    #[error("the master's name {name} has no address")]
    NoAddress {
        /// The name.
        name: String,
    },
    /// Several ways of giving a token at once, or a file that cannot be read.
    #[error("the token file {path} cannot be used: {why}")]
    TokenFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A first node was asked for with a token that a cluster made.
    #[error("token {id} belongs to a cluster that exists, and this would be the first node of a new one")]
    TokenOfCluster {
        /// Its public id.
        id: String,
    },
    /// A node was to give itself a new identity, and nothing says that it is a copy.
    #[error(
        "nothing speaks for it that this machine is a copy: it is {name} of {cluster}, on the machine on which it joined, and no other one speaks as it"
    )]
    NoCopy {
        /// The node.
        name: String,
        /// Its cluster.
        cluster: String,
    },
    /// Machines were to elect a founder, and nothing makes them known to each other.
    #[error("--expect needs a token that all the machines have, and none was given")]
    ElectionToken,
    /// The file that `--config` names is not there.
    #[error("there is no configuration {path}")]
    NoConfiguration {
        /// The file.
        path: String,
    },
    /// A directory to write into is not there.
    #[error("there is no directory {path}")]
    NoDirectory {
        /// The directory.
        path: String,
    },
    /// A plan file cannot be used.
    #[error("there is no checkpoint {id}")]
    NoCheckpoint {
        /// What was asked for.
        id: String,
    },
    /// A log that was changed.
    #[error("line {line} of the audit log was changed: {why}")]
    AuditBroken {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Something eos made could not be removed without a trace.
    #[error("{count} differences to the state before bootstrap are left")]
    Residue {
        /// How many.
        count: usize,
        /// The path of the first of them.
        first: String,
    },
    /// The only master would go while others depend on it.
    #[error("this host is the only master of {}", names.join(", "))]
    HasMembers {
        /// `reset` or `rollback`, with the options that were given.
        command: String,
        /// The other members.
        names: Vec<String>,
    },
    /// The operator interrupted.
    #[error("interrupted")]
    Interrupted {
        /// The command, `node accept`.
        command: &'static str,
    },
}

impl CliError {
    /// For printing.
    pub fn failure(&self) -> Failure {
        Failure::of(self)
    }
}

impl Explain for CliError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Usage { .. } => "U002",
            Self::Root { .. } => "U003",
            Self::Runtime(_) => "U004",
            Self::OtherCluster { .. } => "U005",
            Self::NotMaster { .. } => "U006",
            Self::NoAddress { .. } => "U007",
            Self::TokenFile { .. } => "U008",
            Self::NoCheckpoint { .. } => "U010",
            Self::AuditBroken { .. } => "U011",
            Self::Residue { .. } => "U012",
            Self::Interrupted { .. } => "U013",
            Self::HasMembers { .. } => "U014",
            Self::NoConfiguration { .. } => "U015",
            Self::NoDirectory { .. } => "U016",
            Self::TokenOfCluster { .. } => "U020",
            Self::ElectionToken => "U022",
            Self::NoCopy { .. } => "U023",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::OtherCluster { .. } | Self::HasMembers { .. } | Self::NoCopy { .. } => Exit::Conflict,
            Self::NoAddress { .. } => Exit::NoAnswer,
            Self::NotMaster { .. } => Exit::Refused,
            Self::AuditBroken { .. } | Self::Residue { .. } | Self::Runtime(_) => Exit::Failed,
            Self::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::Usage { .. } => "see what can be said: eos --help".to_owned(),
            Self::Root { path, .. } => format!("make the directory: mkdir -p {path}"),
            Self::Runtime(_) => "look at the limits of this user: ulimit -a".to_owned(),
            Self::OtherCluster { .. } => "to leave that cluster first: eos reset".to_owned(),
            Self::NotMaster { what, master } => format!("run it there: ssh {master} eos {what}"),
            Self::NoAddress { name } => {
                format!("look it up: getent hosts {name}; or give the address itself")
            }
            Self::TokenFile { .. } => {
                "put the token alone into a file that only its owner reads (chmod 600 FILE), and name it: \
                 eos bootstrap --token-file FILE"
                    .to_owned()
            }
            Self::NoCopy { .. } => "to leave the cluster: eos reset; if it is a copy all the same: eos identity new --force"
                .to_owned(),
            Self::ElectionToken => "make one for all of them with eos token generate, and name its file: eos bootstrap \
                                    --token-file FILE"
                .to_owned(),
            Self::TokenOfCluster { .. } => {
                "join its cluster: eos bootstrap --join-cluster ADDRESS; a new one takes a token of: eos token generate".to_owned()
            }
            Self::NoConfiguration { path } => format!("name one that is there: ls -l {path}"),
            Self::NoDirectory { path } => format!("make it: mkdir -p {path}"),
            Self::NoCheckpoint { .. } => "list them: eos checkpoint list".to_owned(),
            Self::AuditBroken { line, .. } => {
                format!("read it: sed -n {line}p /var/lib/eos/master/audit.jsonl")
            }
            Self::Residue { first, .. } => format!("look at what is left: ls -ld {first}"),
            Self::HasMembers { command, .. } => format!(
                "first, on each of them: eos reset; to give the cluster up and leave them without a master: \
                 eos {command} --force"
            ),
            Self::Interrupted { command } => format!("run the same command again: eos {command}"),
        }]
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<CliError> {
    let io = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let text = |text: &str| text.to_owned();
    vec![
        CliError::Usage { line: text("unexpected argument '--sinlge-node' found") },
        CliError::Root { path: text("/srv/n1"), source: io() },
        CliError::Runtime(io()),
        CliError::OtherCluster { name: text("node1"), cluster: text("prod"), wanted: text("10.0.2.10:4507") },
        CliError::NotMaster { what: text("token create"), master: text("10.0.1.10") },
        CliError::NoAddress { name: text("master.example.org") },
        CliError::TokenFile { path: text("/root/token"), why: text("it is empty") },
        CliError::ElectionToken,
        CliError::NoCopy { name: text("node2"), cluster: text("prod") },
        CliError::TokenOfCluster { id: text("0a1b2c3d4e5f") },
        CliError::NoConfiguration { path: text("/root/cluster.yaml") },
        CliError::NoDirectory { path: text("/srv/man") },
        CliError::NoCheckpoint { id: text("0009-bootstrap") },
        CliError::AuditBroken { line: 3, why: text("it does not follow from the line before") },
        CliError::Residue { count: 1, first: text("/etc/eos") },
        CliError::HasMembers { command: text("reset"), names: vec![text("node2"), text("node3")] },
        CliError::Interrupted { command: "preflight" },
    ]
}
