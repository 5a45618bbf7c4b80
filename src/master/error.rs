//! Why the master refuses.

use crate::identity::IdentityError;
use crate::lifecycle::{IllegalEvent, NodeState};
use crate::model::explain::{Code, Exit, Explain};
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::registry::RegistryError;
use crate::wire::version::Versions;
use std::time::Duration;

/// A request that the master does not fulfil.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// No common protocol.
    #[error("the joining node speaks protocol {}..{} (eos {}), the master {}..{} (eos {})", theirs.oldest_protocol, theirs.protocol, theirs.version, ours.oldest_protocol, ours.protocol, ours.version)]
    Version {
        /// What the node speaks.
        theirs: Versions,
        /// What the master speaks.
        ours: Versions,
    },
    /// The token is not one of this cluster's, or the proof does not hold.
    #[error("token {id} is not valid for this cluster")]
    TokenUnknown {
        /// Its public id.
        id: String,
    },
    /// The token expired.
    #[error("token {id} expired {seconds} s ago")]
    TokenExpired {
        /// Its public id.
        id: String,
        /// Since when.
        seconds: u64,
    },
    /// The token was revoked.
    #[error("token {id} was revoked")]
    TokenRevoked {
        /// Its public id.
        id: String,
    },
    /// The token was used as often as it may be.
    #[error("token {id} was used up: {used} of {uses} uses")]
    TokenUsedUp {
        /// Its public id.
        id: String,
        /// How often it was used.
        used: u32,
        /// How often it may be used.
        uses: u32,
    },
    /// The token admits another role.
    #[error("token {id} admits the role {allowed}, but {} was asked for", wanted.map_or("no role", Role::name))]
    TokenRole {
        /// Its public id.
        id: String,
        /// The role it admits.
        allowed: Role,
        /// The role that was asked for.
        wanted: Option<Role>,
    },
    /// Another node has the name.
    #[error("the name {name} is taken by {state} node {holder} at {address} (last seen {seen})")]
    NameTaken {
        /// The name.
        name: NodeName,
        /// Its holder's state.
        state: String,
        /// Its holder's id.
        holder: String,
        /// Its holder's address.
        address: String,
        /// When the holder was last seen.
        seen: String,
    },
    /// A live node has the same machine-id.
    #[error(
        "this machine is a clone of {name} ({address}, last seen {seen}): both have machine-id {machine_id}"
    )]
    Clone {
        /// The other node.
        name: NodeName,
        /// Its address.
        address: String,
        /// When it was last seen.
        seen: String,
        /// The machine-id of both.
        machine_id: String,
    },
    /// Another machine speaks as the same node, and did so first.
    #[error(
        "{name} speaks from another machine as well, at {address}, which keeps its place: this one is a copy of its disk"
    )]
    Copy {
        /// The node.
        name: NodeName,
        /// Where the other one is.
        address: String,
    },
    /// The node was removed.
    #[error("node {name} was removed from the cluster")]
    NodeRemoved {
        /// Its name.
        name: NodeName,
    },
    /// The operator refused the node.
    #[error("node {name} was rejected by the operator")]
    NodeRejected {
        /// Its name.
        name: NodeName,
    },
    /// The challenge is old, or the master was restarted.
    #[error("the challenge is older than 300 s or from before a restart of the master")]
    ChallengeStale,
    /// A request that needs a certificate came without a good one.
    #[error("{action} needs {needed}, and the caller is {caller}")]
    NotAllowed {
        /// What was asked.
        action: String,
        /// Whose certificate it needs.
        needed: &'static str,
        /// Who asked.
        caller: String,
    },
    /// There is no such thing.
    #[error("there is no {kind} {name}")]
    Unknown {
        /// `node`, `token`, `snapshot`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Several nodes of the name may be meant.
    #[error("{} nodes are named {name}: {}", candidates.len(), candidates.join(", "))]
    Ambiguous {
        /// The name.
        name: NodeName,
        /// Each one's id, state and key.
        candidates: Vec<String>,
        /// The command that takes an id.
        command: &'static str,
    },
    /// It must be a member for that.
    #[error("node {name} is {state}, not a member")]
    NotAMember {
        /// The node.
        name: NodeName,
        /// What it is.
        state: NodeState,
    },
    /// No room for another node that waits.
    #[error("{waiting} nodes wait for the operator already, {of_one} of them from this address")]
    Crowded {
        /// How many wait.
        waiting: usize,
        /// How many of them asked from the same address.
        of_one: usize,
    },
    /// Too much is being done for strangers at this moment.
    #[error("the master is busy with other nodes that want to join: {ahead} come before this one, in about {} s", seconds(*after))]
    Busy {
        /// How many others come before the caller.
        ahead: u32,
        /// The time until it may come again.
        after: Duration,
    },
    /// A text that no machine has.
    #[error("the registration's {field} has {bytes} bytes, and {limit} are allowed")]
    Oversized {
        /// The field.
        field: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A member without a role.
    #[error("the registry gives {name} no role")]
    NoRole {
        /// The node.
        name: NodeName,
    },
    /// A damaged value.
    #[error("the registry's generation is not a number")]
    Generation,
    /// The node's state does not allow it.
    #[error("node {name} cannot be changed so")]
    Lifecycle {
        /// The node.
        name: NodeName,
        /// Why not.
        #[source]
        source: IllegalEvent,
    },
    /// The master's own node cannot be taken out while it is the only master.
    #[error("{name} is the cluster's only master and cannot be removed")]
    LastMaster {
        /// The node.
        name: NodeName,
    },
    /// Roles could not be planned.
    #[error("roles could not be planned")]
    Roles(#[source] crate::roles::RoleError),
    /// The registry refused; nothing has changed.
    #[error("the change could not be written down, so it was not made")]
    Registry(#[source] RegistryError),
    /// A certificate could not be made.
    #[error("the node's identity could not be used")]
    Identity(#[source] IdentityError),
    /// The cluster's snapshot could not be made or read.
    #[error("the cluster's snapshot could not be {action}")]
    Snapshot {
        /// `made`, `read`.
        action: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The master's own files.
    #[error("a file of the master could not be used")]
    File(#[source] crate::host::files::FileError),
    /// The body of a request is not what it should be.
    #[error("the master cannot read the request: {why}")]
    Unreadable {
        /// The HTTP status that says it: 400, 413, 415 or 422.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing was heard of an orchestration that Salt runs.
    #[error("the agent beside the Salt master told nothing of the orchestration for {seconds} s")]
    SaltSilent {
        /// For how long.
        seconds: u64,
    },
    /// The audit log was changed.
    #[error("the audit log holds a line that is no record")]
    AuditDamaged,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// This host holds no master's state.
    #[error("{missing} is not set: this host was not bootstrapped as a master")]
    NotBootstrapped {
        /// What is missing in the registry.
        missing: &'static str,
    },
}

/// Whole seconds, as many as are needed.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000) as u64
}

impl MasterError {
    /// In how many seconds the caller may come again, where that is known.
    pub fn again(&self) -> Option<Duration> {
        match self {
            Self::Busy { after, .. } => Some(Duration::from_secs(seconds(*after))),
            _ => None,
        }
    }
}

/// Which snapshots there are.
const HOLDINGS: &str = "on the master, see who holds what: eos snapshot list --cluster";

impl Explain for MasterError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Version { .. } => "J001",
            Self::TokenUnknown { .. } => "J002",
            Self::TokenExpired { .. } => "J003",
            Self::TokenRevoked { .. } => "J004",
            Self::TokenUsedUp { .. } => "J005",
            Self::TokenRole { .. } => "J006",
            Self::NameTaken { .. } => "J007",
            Self::Clone { .. } => "J008",
            Self::ChallengeStale => "J009",
            Self::NodeRemoved { .. } => "J010",
            Self::NodeRejected { .. } => "J011",
            Self::NotAllowed { .. } => "M011",
            Self::Unknown { .. } => "M012",
            Self::Lifecycle { .. } => "M013",
            Self::LastMaster { .. } => "M014",
            Self::Roles(_) => "M015",
            Self::Registry(_) => "M016",
            Self::Identity(_) => "M017",
            Self::Snapshot { .. } => "M018",
            Self::File(_) => "M019",
            Self::Listen { .. } => "M020",
            Self::NotBootstrapped { .. } => "M021",
            Self::NotAMember { .. } => "M022",
            Self::Ambiguous { .. } => "M023",
            Self::NoRole { .. } => "M024",
            Self::Generation => "M025",
            Self::Crowded { .. } => "J012",
            Self::Oversized { .. } => "J013",
            Self::Busy { .. } => "J014",
            Self::Copy { .. } => "J015",
            Self::AuditDamaged => "M026",
            Self::Unreadable { .. } => "M027",
            Self::SaltSilent { .. } => "M028",
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Version { .. }
            | Self::TokenUnknown { .. }
            | Self::TokenExpired { .. }
            | Self::TokenRevoked { .. }
            | Self::TokenUsedUp { .. }
            | Self::TokenRole { .. }
            | Self::NameTaken { .. }
            | Self::Clone { .. }
            | Self::Copy { .. }
            | Self::NodeRemoved { .. }
            | Self::NodeRejected { .. }
            | Self::Oversized { .. }
            | Self::Unreadable { .. }
            | Self::NotAllowed { .. } => Exit::Refused,
            Self::ChallengeStale | Self::Crowded { .. } | Self::Busy { .. } => Exit::NoAnswer,
            Self::Unknown { .. } | Self::Ambiguous { .. } => Exit::Usage,
            Self::Lifecycle { .. } | Self::LastMaster { .. } | Self::NotAMember { .. } => Exit::Conflict,
            Self::Roles(source) => source.exit(),
            Self::Registry(source) => source.exit(),
            Self::Identity(source) => source.exit(),
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let new_token = || vec!["make a new one on the master: eos token create".to_owned()];
        match self {
            Self::Version { .. } => {
                vec!["install the master's version of eos on this machine: ./install.sh".to_owned()]
            }
            Self::TokenUnknown { .. }
            | Self::TokenExpired { .. }
            | Self::TokenRevoked { .. }
            | Self::TokenUsedUp { .. } => new_token(),
            Self::TokenRole { allowed, .. } => vec![
                format!("ask for that role: eos bootstrap --preferred-role={allowed}"),
                "or make a token for any role on the master: eos token create".to_owned(),
            ],
            Self::NameTaken { .. }
            | Self::Clone { .. }
            | Self::Copy { .. }
            | Self::NodeRemoved { .. }
            | Self::NodeRejected { .. } => self.hints_of_identity(),
            Self::ChallengeStale => vec!["ask again: eos bootstrap".to_owned()],
            Self::NotAllowed { .. } => {
                vec!["as root on the master, see who is the operator: eos token list".to_owned()]
            }
            Self::Unknown { kind: "token", .. } => vec!["list them: eos token list".to_owned()],
            Self::Unknown { kind: "snapshot", .. } => vec![HOLDINGS.to_owned()],
            Self::Unknown { .. } | Self::Lifecycle { .. } => vec!["list them: eos node list".to_owned()],
            Self::NotAMember { .. }
            | Self::Ambiguous { .. }
            | Self::Crowded { .. }
            | Self::Busy { .. }
            | Self::Oversized { .. }
            | Self::NoRole { .. }
            | Self::Unreadable { .. }
            | Self::SaltSilent { .. }
            | Self::AuditDamaged
            | Self::Generation => self.hints_of_records(),
            Self::LastMaster { .. } => {
                vec!["to give the whole cluster up, on its host: eos reset".to_owned()]
            }
            Self::Roles(source) => source.hints(),
            Self::Registry(source) => source.hints(),
            Self::Identity(source) => source.hints(),
            Self::Snapshot { .. } => vec!["look at the store: eos snapshot verify".to_owned()],
            Self::File(source) => source.hints(),
            Self::Listen { address, .. } => {
                vec![format!("see who holds it: ss -ltnp 'sport = :{}'", address.port())]
            }
            Self::NotBootstrapped { .. } => vec!["make it a master: eos bootstrap --single-node".to_owned()],
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::ChallengeStale | Self::Crowded { .. } | Self::Busy { .. })
    }
}

/// One value of every variant, for the tests of texts and codes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<MasterError> {
    use crate::lifecycle::NodeEvent;
    let id = || "0a1b2c3d4e5f".to_owned();
    let name = || NodeName::parse("node2").expect("valid");
    let io = || std::io::Error::from(std::io::ErrorKind::AddrInUse);
    let seen = || "4 s ago".to_owned();
    let address = || "10.0.1.12".to_owned();
    let old = Versions { protocol: 3, oldest_protocol: 2, version: "3.0.0".to_owned() };
    let new = Versions { protocol: 1, oldest_protocol: 1, version: "0.1.0".to_owned() };
    let illegal = IllegalEvent { state: NodeState::Active, event: NodeEvent::Rejected };
    vec![
        MasterError::Version { theirs: old, ours: new },
        MasterError::TokenUnknown { id: id() },
        MasterError::TokenExpired { id: id(), seconds: 60 },
        MasterError::TokenRevoked { id: id() },
        MasterError::TokenUsedUp { id: id(), used: 1, uses: 1 },
        MasterError::TokenRole { id: id(), allowed: Role::Data, wanted: Some(Role::Core) },
        MasterError::NameTaken {
            name: name(),
            state: "active".to_owned(),
            holder: "n-01".to_owned(),
            address: address(),
            seen: seen(),
        },
        MasterError::Clone { name: name(), address: address(), seen: seen(), machine_id: "ab".repeat(16) },
        MasterError::Copy { name: name(), address: address() },
        MasterError::NodeRemoved { name: name() },
        MasterError::NodeRejected { name: name() },
        MasterError::ChallengeStale,
        MasterError::NotAllowed {
            action: "POST /v1/tokens".to_owned(),
            needed: "the operator's certificate",
            caller: "node n-01".to_owned(),
        },
        MasterError::Unknown { kind: "node", name: "node9".to_owned() },
        MasterError::Ambiguous {
            name: name(),
            candidates: vec!["n-01 (pending, key 0a1b)".to_owned(), "n-02 (pending, key 2c3d)".to_owned()],
            command: "eos node accept ID",
        },
        MasterError::NotAMember { name: name(), state: NodeState::Pending },
        MasterError::NotAMember { name: name(), state: NodeState::Joining },
        MasterError::Crowded { waiting: 32, of_one: 32 },
        MasterError::Busy { ahead: 37, after: Duration::from_millis(5_200) },
        MasterError::Oversized { field: "machine_id", bytes: 4096, limit: 256 },
        MasterError::NoRole { name: name() },
        MasterError::Generation,
        MasterError::Lifecycle { name: name(), source: illegal },
        MasterError::LastMaster { name: name() },
        MasterError::Roles(crate::roles::RoleError::NoNodes),
        MasterError::Registry(RegistryError::Newer { found: 2, supported: 1 }),
        MasterError::Identity(IdentityError::Damaged { what: "the certificate request" }),
        MasterError::Snapshot { action: "made", source: Box::new(io()) },
        MasterError::File(crate::host::files::FileError::new("read", "/etc/eos/cluster.yaml", io())),
        MasterError::AuditDamaged,
        MasterError::Unreadable { status: 413, why: "length limit exceeded".to_owned() },
        MasterError::SaltSilent { seconds: 900 },
        MasterError::Listen { address: std::net::SocketAddr::from(([10, 0, 1, 10], 4507)), source: io() },
        MasterError::NotBootstrapped { missing: "the cluster's id" },
    ]
}
