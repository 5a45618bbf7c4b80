//! On which machine a node got its identity: `var/lib/eos/machine.json`, version 1, which the master's own user reads as
//! well. An image of the disk that is started elsewhere is known by it.
//!
//! It is replaced atomically. A node without it, of an earlier eos, is at home everywhere.

use crate::host::facts;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::IdentityError;
use crate::identity::key::sha256;
use crate::model::digest::hex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of the file that this eos reads and writes.
pub const VERSION: u32 = 1;

/// What tells a machine from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The version of the format: 1.
    pub version: u32,
    /// `/etc/machine-id`: goes with the disk, unless whoever copies it has it made anew.
    pub machine_id: Option<String>,
    /// The product UUID of DMI, or the serial number of the device tree: goes with the board.
    pub hardware_id: Option<String>,
    /// The addresses of its network cards.
    pub cards: BTreeSet<String>,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    /// When the machine-id is there and cannot be read.
    pub fn here(root: &Root) -> Result<Self, IdentityError> {
        let machine_id = own_machine_id(root, facts::machine_id(root).map_err(IdentityError::File)?)?;
        Ok(Self { version: VERSION, machine_id, hardware_id: facts::hardware_id(), cards: facts::cards() })
    }

    /// The one on which the node got its identity; none of a node of an earlier eos.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn load(root: &Root) -> Result<Option<Self>, IdentityError> {
        let path = root.join(paths::MACHINE);
        let Some(bytes) = files::read_optional(&path).map_err(IdentityError::File)? else { return Ok(None) };
        let damaged = |why: String| IdentityError::Machine { why };
        let machine: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if machine.version > VERSION {
            let why =
                format!("it has format {}, and this eos knows formats up to {VERSION}", machine.version);
            return Err(damaged(why));
        }
        Ok(Some(machine))
    }

    /// Writes it down.
    ///
    /// # Errors
    /// When it cannot be written; the old one is then untouched.
    pub fn save(&self, root: &Root) -> Result<(), IdentityError> {
        let text = serde_json::to_vec_pretty(self).expect("texts have no failing serialiser");
        files::write_atomic(&root.join(paths::MACHINE), &text, Attributes::PUBLIC)
            .map_err(IdentityError::File)
    }

    /// What speaks for it that this is another machine than the recorded one; nothing when one thing says that it is
    /// the same, or nothing says that it is not. Cards are exchanged, boards as well, and addresses change: only a
    /// machine of which nothing is left is another one.
    pub fn differs_from(&self, recorded: &Self) -> Vec<String> {
        let same = self.hardware_id.is_some() && self.hardware_id == recorded.hardware_id;
        if same || !self.cards.is_disjoint(&recorded.cards) {
            return Vec::new();
        }
        let changed = |what: &str, before: &Option<String>, now: &Option<String>| match (before, now) {
            (Some(before), Some(now)) if before != now => Some(format!("{what} {now}, and it was {before}")),
            _ => None,
        };
        let mut found: Vec<String> = [
            changed("the hardware id is", &recorded.hardware_id, &self.hardware_id),
            changed("the machine-id is", &recorded.machine_id, &self.machine_id),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !found.is_empty() && !recorded.cards.is_empty() {
            let cards: Vec<&str> = recorded.cards.iter().map(String::as_str).collect();
            found.push(format!("none of its network cards is here ({})", cards.join(", ")));
        }
        found
    }
}

/// Insists that this machine is the one on which the node got its identity.
///
/// # Errors
/// When it is another one, or what was recorded is damaged.
pub fn check(root: &Root) -> Result<(), IdentityError> {
    let Some(recorded) = Machine::load(root)? else { return Ok(()) };
    match Machine::here(root)?.differs_from(&recorded) {
        evidence if evidence.is_empty() => Ok(()),
        evidence => Err(IdentityError::OtherMachine { evidence }),
    }
}

/// A root other than `/` without a machine-id of its own is a machine of its own all the same: its id
/// follows from the host's id and its path, so that several nodes of one host are no clones.
///
/// # Errors
/// When the root cannot be looked at.
pub fn own_machine_id(root: &Root, found: Option<String>) -> Result<Option<String>, IdentityError> {
    let own = files::exists(&root.join("etc/machine-id")).map_err(IdentityError::File)?;
    Ok(match found {
        Some(id) if !root.is_host() && !own => {
            let text = format!("{id} {}", root.path().display());
            Some(hex(&sha256(text.as_bytes()).as_bytes()[..16]))
        }
        found => found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(machine_id: &str, hardware_id: &str, cards: &[&str]) -> Machine {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Machine {
            version: VERSION,
            machine_id: some(machine_id),
            hardware_id: some(hardware_id),
            cards: cards.iter().map(|card| (*card).to_owned()).collect(),
        }
    }

    #[test]
    fn only_a_machine_of_which_nothing_is_left_is_another_one() {
        let home = machine("m1", "h1", &["52:54:00:00:00:01", "52:54:00:00:00:02"]);
        for (here, other, why) in [
            (machine("m1", "h1", &["52:54:00:00:00:01", "52:54:00:00:00:02"]), false, "nothing changed"),
            (machine("m1", "h1", &["52:54:00:00:00:09"]), false, "its cards were exchanged"),
            (machine("m1", "h2", &["52:54:00:00:00:02"]), false, "its board was, and a card kept"),
            (machine("m2", "h1", &[]), false, "its machine-id was made anew"),
            (machine("m1", "", &[]), false, "nothing is known"),
            (machine("m1", "h2", &["52:54:00:00:00:09"]), true, "an instance of an image"),
            (machine("m2", "h2", &["52:54:00:00:00:09"]), true, "the same, with a machine-id of its own"),
            (machine("m2", "", &[]), true, "a container of an image"),
        ] {
            assert_eq!(!here.differs_from(&home).is_empty(), other, "{why}");
        }
        let bare = machine("m1", "", &[]);
        assert_eq!(machine("m1", "h1", &["52:54:00:00:00:01"]).differs_from(&bare), Vec::<String>::new());
    }

    #[test]
    fn what_is_different_is_told() {
        let home = machine("m1", "h1", &["52:54:00:00:00:01"]);
        let told = machine("m2", "h2", &["52:54:00:00:00:09"]).differs_from(&home).join("; ");
        let wanted = "the hardware id is h2, and it was h1; the machine-id is m2, and it was m1; none of its network \
                      cards is here (52:54:00:00:00:01)";
        assert_eq!(told, wanted);
    }

    #[test]
    fn the_kept_sample_stays_readable_and_a_later_one_is_refused() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::STATE))?;
        assert_eq!(Machine::load(&root)?, None);
        check(&root)?;
        let sample = include_str!("../../tests/fixtures/v1/machine.json");
        std::fs::write(root.join(paths::MACHINE), sample)?;
        let read = Machine::load(&root)?.expect("it is there");
        assert_eq!(serde_json::to_string_pretty(&read)?, sample.trim_end());
        let error = check(&root).expect_err("it is another machine's");
        assert!(matches!(error, IdentityError::OtherMachine { .. }), "{error}");
        Machine::here(&root)?.save(&root)?;
        check(&root)?;
        std::fs::write(root.join(paths::MACHINE), sample.replace("\"version\": 1", "\"version\": 2"))?;
        let later = Machine::load(&root).expect_err("it is of a later eos");
        let text = "the record of the machine that is this node is not readable: it has format 2, and this eos knows \
                    formats up to 1";
        crate::model::explain::tells(&later, "EOS-I032", text);
        Ok(())
    }
}
