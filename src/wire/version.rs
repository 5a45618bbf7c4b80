//! Which versions speak with each other.

use serde::{Deserialize, Serialize};

/// The protocol that this build speaks.
pub const PROTOCOL: u32 = 2;

/// The first protocol whose master answers a registration that is only a question (`dry_run`); an older
/// one would enter the node.
const JUDGING: u32 = 2;

/// The first protocol whose nodes sign what they ask for by their key.
const SIGNING: u32 = 2;

/// The oldest protocol that this build still understands.
pub const OLDEST_PROTOCOL: u32 = 1;

/// This build's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a side says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The newest protocol it speaks.
    pub protocol: u32,
    /// The oldest protocol it speaks.
    pub oldest_protocol: u32,
    /// Its release, for people.
    pub version: String,
}

impl Versions {
    /// What this build says of itself.
    pub fn own() -> Self {
        Self { protocol: PROTOCOL, oldest_protocol: OLDEST_PROTOCOL, version: VERSION.to_owned() }
    }

    /// Whether this side, a master, answers a registration that is only a question.
    pub fn judges(&self) -> bool {
        self.protocol >= JUDGING
    }

    /// Whether this side, a node, signs what it asks for.
    pub fn signs(&self) -> bool {
        self.protocol >= SIGNING
    }

    /// Whether both sides have a protocol in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.protocol >= other.oldest_protocol && other.protocol >= self.oldest_protocol
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_without_a_common_protocol_do_not_meet() {
        let says =
            |oldest_protocol, protocol| Versions { protocol, oldest_protocol, version: "0".to_owned() };
        assert!(says(1, 3).meets(&says(3, 5)));
        assert!(!says(1, 2).meets(&says(3, 5)));
        assert!(!says(3, 5).meets(&says(1, 2)));
    }

    #[test]
    fn a_side_of_protocol_1_is_asked_no_question_and_signs_nothing() {
        let old = Versions { protocol: 1, oldest_protocol: 1, version: "0".to_owned() };
        assert!(!old.judges() && !old.signs());
        assert!(Versions::own().judges() && Versions::own().signs() && Versions::own().meets(&old));
    }
}
