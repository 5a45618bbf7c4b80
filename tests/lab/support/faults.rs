//! Faults that happen to one message to a master, which the build for tests of its program has happen.

use super::host::Host;
use super::waiting::eventually;
use std::collections::BTreeSet;

/// What happens to a message.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Its connection breaks before the master sees it.
    Request,
    /// Its connection breaks once the master has acted, before the answer leaves.
    Reply,
    /// The master dies once it has acted, before the answer leaves.
    Abort,
    /// The master acts only once it is released.
    Hold,
}

impl Fault {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn taken(self) -> String {
        format!("run/eos/test-fault-{}.taken", self.name())
    }
}

const PLANNED: &str = "run/eos/test-faults.json";
const HEARD: &str = "run/eos/test-messages";

impl Host {
    /// Has faults happen to messages to this master: each once, to the first such message of that host.
    pub fn plan(&self, from: &Host, faults: &[(&str, Fault)]) {
        let plan = |(message, fault): &(&str, Fault)| {
            assert!(!self.path(&fault.taken()).exists(), "{fault:?} was planned before");
            serde_json::json!({ "message": message, "from": from.address, "fault": fault.name() })
        };
        let plans: Vec<serde_json::Value> = faults.iter().map(plan).collect();
        let whole = self.path("run/eos/test-faults.new");
        std::fs::write(&whole, serde_json::Value::from(plans).to_string()).expect("the root is ours");
        std::fs::rename(whole, self.path(PLANNED)).expect("the root is ours");
    }

    /// Waits until the planned fault has happened; returns with which status the master had acted.
    pub fn wait_for_fault(&self, fault: Fault) -> String {
        eventually(&format!("{fault:?} happens"), || {
            std::fs::read_to_string(self.path(&fault.taken())).map_err(|error| error.to_string())
        })
    }

    /// Whether the master holds a message now.
    pub fn holds(&self) -> bool {
        self.path(&Fault::Hold.taken()).exists()
    }

    /// Has the master go on with the message that it holds.
    pub fn release(&self) {
        std::fs::remove_file(self.path(&Fault::Hold.taken())).expect("it holds a message");
    }

    /// From now on the master writes down what it is told.
    pub fn listen(&self) {
        self.write(HEARD, "");
    }

    /// The messages of that host to this master since it listens.
    pub fn heard(&self, from: &Host) -> BTreeSet<String> {
        let prefix = format!("{} ", from.address);
        self.read(HEARD).lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}
