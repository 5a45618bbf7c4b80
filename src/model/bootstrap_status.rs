//! What became of a bootstrap that cloud-init ran: the form of `/run/eos/status.json`, version 1 (pure).

use super::explain::Failure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that this module writes.
pub const VERSION: u32 = 1;

/// The file. It is there when a bootstrap has ended, and gone while one runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapStatus {
    /// `VERSION`.
    pub version: u32,
    /// How it ended.
    pub state: State,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The exit status that it has without `--cloud-init`.
    pub exit: u8,
    /// What the machine is now, when it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Node>,
    /// Why it is not, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failed>,
}

/// How a bootstrap ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The machine is a member that the master confirmed, and is monitored.
    Ready,
    /// It is not.
    Failed,
}

/// What a machine is in its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The cluster's id.
    pub cluster: String,
    /// The node's name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Where the master's API is.
    pub master: String,
}

/// Why a bootstrap failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The code, `EOS-J012`.
    pub code: String,
    /// What failed.
    pub message: String,
    /// What helps.
    pub hints: Vec<String>,
}

impl BootstrapStatus {
    /// Of a bootstrap that ended with this result object.
    pub fn ready(result: &Value, began: Timestamp, ended: Timestamp) -> Self {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        let node =
            Node { cluster: text("cluster"), name: text("node"), role: text("role"), master: text("master") };
        Self { version: VERSION, state: State::Ready, began, ended, exit: 0, node: Some(node), error: None }
    }

    /// Of one that failed.
    pub fn failed(failure: &Failure, began: Timestamp, ended: Timestamp) -> Self {
        let Failure { code, message, hints, exit, .. } = failure.clone();
        let error = Some(Failed { code, message, hints });
        Self { version: VERSION, state: State::Failed, began, ended, exit, node: None, error }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it is plain JSON");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_version_1_stays_as_it_is() -> anyhow::Result<()> {
        for (text, state) in [
            (include_str!("../../tests/fixtures/v1/bootstrap-status-ready.json"), State::Ready),
            (include_str!("../../tests/fixtures/v1/bootstrap-status-failed.json"), State::Failed),
        ] {
            let status: BootstrapStatus = serde_json::from_str(text)?;
            assert_eq!((status.version, status.state), (VERSION, state));
            assert_eq!(status.to_bytes(), text.as_bytes());
        }
        Ok(())
    }

    #[test]
    fn nothing_of_the_result_but_what_the_node_is_gets_into_it() {
        let result = serde_json::json!({
            "cluster": "c", "node": "n", "role": "data", "master": "10.0.0.1:4507", "token": "SECRET",
        });
        let status = BootstrapStatus::ready(&result, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let text = String::from_utf8(status.to_bytes()).expect("it is JSON");
        assert!(text.contains("10.0.0.1:4507") && !text.contains("SECRET"), "{text}");
    }
}
