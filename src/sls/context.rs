//! What templates know of the machine: grains, pillar, mine and whether this is a test run.

use serde_json::Value;
use std::sync::Arc;

/// The values that state files are rendered with.
#[derive(Clone)]
pub struct Context {
    /// The node's name; what `top.sls` matches.
    pub id: String,
    /// Facts of the machine.
    pub grains: Value,
    /// What the cluster says of this node; may hold secrets, and so is never printed.
    pub pillar: Value,
    /// What nodes report of themselves: node name -> function -> value.
    pub mine: Value,
    /// Whether nothing will be changed (`opts.test`).
    pub test: bool,
    /// What may be asked of the machine's files.
    pub machine: Arc<dyn Machine>,
}

/// What templates may ask of the files of a machine.
pub trait Machine: Send + Sync {
    /// Whether there is a file at the path.
    fn is_file(&self, path: &str) -> bool;
    /// Whether there is a directory at the path.
    fn is_directory(&self, path: &str) -> bool;
}

/// A machine without files.
struct Bare;

impl Machine for Bare {
    fn is_file(&self, _path: &str) -> bool {
        false
    }

    fn is_directory(&self, _path: &str) -> bool {
        false
    }
}

impl Context {
    /// A context of a node with this pillar and nothing else.
    pub fn new(id: &str, pillar: Value) -> Self {
        let empty = || Value::Object(serde_json::Map::new());
        Self {
            id: id.to_owned(),
            grains: empty(),
            pillar,
            mine: empty(),
            test: false,
            machine: Arc::new(Bare),
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("id", &self.id).field("test", &self.test).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_never_prints_its_pillar() {
        let context = Context::new("n1", serde_json::json!({"password": "hunter2"}));
        assert_eq!(format!("{context:?}"), "Context { id: \"n1\", test: false, .. }");
    }
}
