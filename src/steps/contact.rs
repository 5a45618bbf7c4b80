//! Since when this node's agent has been without its master, and why: for who asks this node alone.
//!
//! A file that goes with the boot, written when the master is lost and removed when it answers. A crash leaves it; the
//! agent that follows it removes it as soon as the master answers.

use crate::host::files::{self, Attributes, FileError};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::tree::remove_leftovers;
use crate::model::explain::Failure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the file.
const VERSION: u32 = 1;

/// A master that was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The version of the format: 1.
    pub version: u32,
    /// Since when.
    pub since: Timestamp,
    /// The code of the error when it was lost, `EOS-J020`.
    pub code: String,
    /// The error in words.
    pub message: String,
}

impl Lost {
    /// Reads it; none while the master answers. What cannot be read was not written by this eos, and tells nothing.
    ///
    /// # Errors
    /// When it is there and cannot be read from the disk.
    pub fn load(root: &Root) -> Result<Option<Self>, FileError> {
        let bytes = files::read_optional(&root.join(paths::MASTER_CONTACT))?;
        let lost = bytes.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Ok(lost.filter(|lost| lost.version <= VERSION))
    }
}

/// The master was lost now, unless it was lost before.
///
/// # Errors
/// When that cannot be written.
pub fn lost(root: &Root, failure: &Failure, now: Timestamp) -> Result<(), FileError> {
    if Lost::load(root)?.is_some() {
        return Ok(());
    }
    let (code, message) = (failure.code.clone(), failure.message.clone());
    let lost = Lost { version: VERSION, since: now, code, message };
    let bytes = serde_json::to_vec(&lost).expect("times and texts have no failing serialiser");
    files::write_atomic(&root.join(paths::MASTER_CONTACT), &bytes, Attributes::PUBLIC)
}

/// The master answers.
///
/// # Errors
/// When what was written cannot be removed.
pub fn found(root: &Root) -> Result<(), FileError> {
    let path = root.join(paths::MASTER_CONTACT);
    remove_leftovers(&path)?;
    files::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str) -> Failure {
        let message = "the master 10.0.1.10:4507 did not answer within 10 s".to_owned();
        Failure { code: code.to_owned(), message, causes: Vec::new(), hints: Vec::new(), exit: 4 }
    }

    #[test]
    fn the_first_time_and_reason_stand_until_the_master_answers() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::RUN))?;
        assert_eq!(Lost::load(&root)?, None);
        lost(&root, &failure("EOS-J020"), "2026-03-04T05:06:07Z".parse()?)?;
        lost(&root, &failure("EOS-J021"), "2026-03-04T06:00:00Z".parse()?)?;
        let told = Lost::load(&root)?.expect("it was lost");
        assert_eq!(
            (told.code.as_str(), told.since.to_string().as_str()),
            ("EOS-J020", "2026-03-04T05:06:07Z")
        );
        found(&root)?;
        found(&root)?;
        assert_eq!(Lost::load(&root)?, None);
        Ok(())
    }

    #[test]
    fn the_kept_sample_stays_readable_and_what_is_of_a_later_eos_tells_nothing() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::RUN))?;
        let sample = include_str!("../../tests/fixtures/v1/master-contact.json");
        std::fs::write(root.join(paths::MASTER_CONTACT), sample)?;
        let told = Lost::load(&root)?.expect("it is read");
        assert_eq!(serde_json::to_string(&told)?, sample.trim_end());
        std::fs::write(root.join(paths::MASTER_CONTACT), sample.replace("\"version\":1", "\"version\":2"))?;
        assert_eq!(Lost::load(&root)?, None);
        Ok(())
    }
}
