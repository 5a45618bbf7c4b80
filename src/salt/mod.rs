//! What an installed Salt says, as values: keys, settings, and what came of an orchestration (tier 1, pure).

pub mod key;
pub mod orchestrated;
pub mod programs;
pub mod settings;
pub mod told;

/// Where Salt keeps its configuration unless it is said, on the machine.
pub const DIRECTORY: &str = "/etc/salt";
