//! What a machine recorded of an election, in a file of its own.
//!
//! It is on the disk before anything that depends on it is said, so a machine that crashes stands by what it said. Who
//! loses it must not take part as the same machine: a new identity is drawn with it. It goes once the machine is a
//! member, or is reset.

use crate::discovery::DiscoveryError;
use crate::discovery::election::Record;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::tree::remove_leftovers;
use crate::model::digest::Fingerprint;
use crate::model::ids::TokenId;
use serde::{Deserialize, Serialize};

/// The format that is written.
const VERSION: u32 = 1;

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The token whose election it is.
    pub token: TokenId,
    /// Who this machine is in it.
    pub candidate: Fingerprint,
    /// Where it stands.
    pub record: Record,
    /// What the node is called that it supports.
    pub supported: Option<String>,
    /// Directories that were made for the file, the shallowest first.
    pub made: Vec<String>,
}

/// Its form in the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    token: TokenId,
    candidate: Fingerprint,
    #[serde(flatten)]
    standing: StoredStanding,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    supported: Option<String>,
    made: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
enum StoredStanding {
    Free,
    Supports { whom: Fingerprint },
    Elected,
}

impl Recorded {
    /// That of a machine that supported nobody so far.
    pub fn new(token: TokenId, candidate: Fingerprint, made: Vec<String>) -> Self {
        Self { token, candidate, record: Record::Free, supported: None, made }
    }

    /// Reads it; none when there was no election.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or a later eos wrote it.
    pub fn load(root: &Root) -> Result<Option<Self>, DiscoveryError> {
        let path = root.join(paths::ELECTION);
        let Some(bytes) = files::read_optional(&path).map_err(DiscoveryError::File)? else { return Ok(None) };
        parse(&bytes)
            .map(Some)
            .map_err(|what| DiscoveryError::Record { path: path.display().to_string(), what })
    }

    /// Writes it: the old or the new one is there after a crash.
    ///
    /// # Errors
    /// When it cannot be written and synced.
    pub fn save(&self, root: &Root) -> Result<(), DiscoveryError> {
        let bytes = serde_json::to_vec(&self.stored()).expect("a record has no failing serialiser");
        files::write_atomic(&root.join(paths::ELECTION), &bytes, Attributes::SECRET)
            .map_err(DiscoveryError::File)
    }

    fn stored(&self) -> Stored {
        let standing = match self.record {
            Record::Free => StoredStanding::Free,
            Record::Supports(whom) => StoredStanding::Supports { whom },
            Record::Elected => StoredStanding::Elected,
        };
        let Self { token, candidate, supported, made, .. } = self.clone();
        Stored { version: VERSION, token, candidate, standing, supported, made }
    }
}

/// Removes the record; whether there was one.
///
/// # Errors
/// When it cannot be removed.
pub fn forget(root: &Root) -> Result<bool, DiscoveryError> {
    let path = root.join(paths::ELECTION);
    let there = files::exists(&path).map_err(DiscoveryError::File)?;
    remove_leftovers(&path).and_then(|()| files::remove_file(&path)).map_err(DiscoveryError::File)?;
    Ok(there)
}

fn parse(bytes: &[u8]) -> Result<Recorded, String> {
    #[derive(Deserialize)]
    struct Format {
        version: u32,
    }
    let Format { version } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if version > VERSION {
        return Err(format!("it has format {version}, and this eos knows formats up to {VERSION}"));
    }
    let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let record = match stored.standing {
        StoredStanding::Free => Record::Free,
        StoredStanding::Supports { whom } => Record::Supports(whom),
        StoredStanding::Elected => Record::Elected,
    };
    let Stored { token, candidate, supported, made, .. } = stored;
    Ok(Recorded { token, candidate, record, supported, made })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Recorded {
        let token = TokenId::parse("0a1b2c3d4e5f").expect("an id");
        Recorded {
            record: Record::Supports(Fingerprint::from_bytes([2; 32])),
            supported: Some("node2".to_owned()),
            ..Recorded::new(token, Fingerprint::from_bytes([1; 32]), vec!["var/lib/eos".to_owned()])
        }
    }

    #[test]
    fn what_was_recorded_is_read_again_until_it_is_forgotten() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::STATE))?;
        assert_eq!(Recorded::load(&root)?, None);
        for record in [Record::Free, Record::Elected, recorded().record] {
            let mut written = recorded();
            written.record = record;
            written.save(&root)?;
            assert_eq!(Recorded::load(&root)?, Some(written));
        }
        assert!(forget(&root)? && !forget(&root)?);
        assert_eq!(Recorded::load(&root)?, None);
        Ok(())
    }

    #[test]
    fn the_kept_sample_stays_readable_and_is_what_is_written() -> anyhow::Result<()> {
        let sample = include_bytes!("../../../tests/fixtures/v1/discovery/election.json");
        assert_eq!(parse(sample), Ok(recorded()));
        assert_eq!(serde_json::to_string(&recorded().stored())?, String::from_utf8_lossy(sample).trim_end());
        Ok(())
    }

    #[test]
    fn what_is_damaged_or_of_a_later_eos_is_told_and_stays() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::STATE))?;
        for (bytes, words) in
            [(&b"{"[..], "EOF"), (br#"{"version":2}"#, "format 2, and this eos knows formats up to 1")]
        {
            std::fs::write(root.join(paths::ELECTION), bytes)?;
            let error = Recorded::load(&root).expect_err("it is refused");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(std::fs::read(root.join(paths::ELECTION))?, bytes);
        }
        Ok(())
    }
}
