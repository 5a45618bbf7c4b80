//! What helps where a master refuses, for the errors that name several ways out.

use crate::lifecycle::NodeState;
use crate::master::error::MasterError;

impl MasterError {
    /// What helps a node that is taken for another one, or was put out.
    pub(super) fn hints_of_identity(&self) -> Vec<String> {
        match self {
            Self::NameTaken { name, .. } => vec![
                "join under another name: eos bootstrap --node-name NAME".to_owned(),
                format!("or, if that node is gone for good, on the master: eos node remove {name}"),
            ],
            Self::Clone { name, .. } => vec![
                "give this machine an id of its own: rm /etc/machine-id && systemd-machine-id-setup"
                    .to_owned(),
                format!(
                    "or, if it is the same machine and {name} is gone, on the master: eos node remove {name}"
                ),
            ],
            Self::Copy { .. } => {
                vec!["give this machine an identity of its own: eos identity new".to_owned()]
            }
            Self::NodeRemoved { name } => vec![
                format!("let it back in, on the master: eos node accept {name}"),
                "or join anew with another identity: eos reset && eos bootstrap --join-cluster ADDRESS"
                    .to_owned(),
            ],
            Self::NodeRejected { name } => vec![format!("let it in, on the master: eos node accept {name}")],
            _ => Vec::new(),
        }
    }

    /// What helps where the master's records stand in the way.
    pub(super) fn hints_of_records(&self) -> Vec<String> {
        match self {
            Self::NotAMember { name, state: NodeState::Joining } => {
                vec![format!("see how far it is: eos node show {name}")]
            }
            Self::NotAMember { name, .. } => vec![format!("let it in first: eos node accept {name}")],
            Self::Ambiguous { command, .. } => vec![format!(
                "compare the keys with what the machine shows, then name the right one by its id: {command}"
            )],
            Self::Crowded { .. } => vec![
                "decide on those that wait, on the master: eos node list; eos node reject ID".to_owned(),
                "or come with a token, on the master: eos token create".to_owned(),
            ],
            Self::Busy { .. } => vec!["ask again a little later: eos bootstrap".to_owned()],
            Self::Oversized { field, .. } => {
                vec![format!("look where the machine has its {field} from: eos preflight -v")]
            }
            Self::NoRole { name } => vec![format!("give it one: eos role set {name} ROLE")],
            Self::Unreadable { .. } => {
                vec!["compare the versions on this machine and on the master: eos --version".to_owned()]
            }
            Self::SaltSilent { .. } => {
                vec!["on the master's host, see whether its agent runs: eos status".to_owned()]
            }
            Self::AuditDamaged => vec!["see what is wrong, on the master: eos audit verify".to_owned()],
            Self::Generation => {
                vec!["put back the registry of the newest snapshot: eos snapshot list".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
