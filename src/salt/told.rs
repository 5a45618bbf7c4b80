//! One state as Salt tells of it, in the answer of `salt-call` and of `salt-run`.

use serde::Deserialize;
use serde_json::Value;

/// What came of a state; what Salt leaves out has no value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Told {
    /// The id in the file.
    #[serde(rename = "__id__", default)]
    pub id: String,
    /// The file, as Salt names it.
    #[serde(rename = "__sls__", default)]
    pub sls: String,
    /// The place in the order in which states ran.
    #[serde(rename = "__run_num__", default)]
    pub turn: i64,
    /// The job that an orchestration made of it.
    #[serde(rename = "__jid__", default)]
    pub job: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub name: String,
    /// Null in a test run that would change something.
    pub result: Option<bool>,
    /// Salt's words.
    #[serde(default)]
    pub comment: Value,
    /// What changed.
    #[serde(default)]
    pub changes: Value,
    /// Milliseconds.
    #[serde(default)]
    pub duration: f64,
}
