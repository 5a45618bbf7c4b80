//! How the last attempt to restore a source ended, and what stands there: for people, who ask later.
//!
//! `ended/SOURCE.json`, version 1, is replaced atomically; a restore counts as ended when it is written.

use super::journal::Folder;
use super::{Last, RestoreError};
use crate::host::clock;
use crate::host::root::Root;
use crate::model::progress::{Event, Sink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The end of an attempt to restore a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The version of the format.
    pub version: u32,
    /// The source.
    pub source: String,
    /// The snapshot; none for the tree from before the first restore.
    pub id: Option<String>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The code of the error; none when the restored tree stays.
    pub code: Option<String>,
}

/// What is known of the restores of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The source.
    pub source: String,
    /// What stands there since the last restore that stayed.
    pub last: Option<Last>,
    /// How the last attempt ended.
    pub ended: Option<Ended>,
}

/// Remembers that an attempt to restore a source ended now, with this code unless it stays. What cannot be remembered
/// is a warning, and changes nothing of how it ended.
pub fn ended(root: &Root, (source, id): (&str, Option<&str>), code: Option<String>, sink: &dyn Sink) {
    let (source, id, ended_at) = (source.to_owned(), id.map(str::to_owned), clock::timestamp());
    let ended = Ended { version: 1, source, id, ended_at, code };
    if let Err(error) = Folder::open(root).and_then(|folder| folder.end(&ended)) {
        let text = format!("eos status will not tell how this restore ended: {error}");
        sink.emit(Event::Warning { text });
    }
}

/// What is known of the restores of every source that was ever restored here.
pub fn told(root: &Root) -> Result<Vec<Told>, RestoreError> {
    let Some(folder) = Folder::existing(root)? else { return Ok(Vec::new()) };
    let told = |source: String| {
        let (last, ended) = (folder.last(&source)?, folder.ended(&source)?);
        Ok(Told { source, last, ended })
    };
    folder.recorded()?.into_iter().map(told).collect()
}
