//! Which snapshot a person means by the beginning of an id (pure).

use super::StoreError;
use crate::model::ids::SnapshotId;
use std::collections::BTreeSet;

/// The fewest characters of an id that may stand for it.
const SHORTEST: usize = 8;

/// The snapshot with this id, or the only one whose id begins like this.
///
/// # Errors
/// When there is none, or several begin like this.
pub fn resolve(known: &BTreeSet<SnapshotId>, text: &str) -> Result<SnapshotId, StoreError> {
    let begin = |id: &&SnapshotId| id.as_str().starts_with(text) && text.len() >= SHORTEST;
    let mut found: Vec<&SnapshotId> = known.iter().filter(begin).collect();
    if let Some(exact) = known.iter().find(|id| id.as_str() == text) {
        found = vec![exact];
    }
    match found[..] {
        [] => Err(StoreError::Unknown { id: text.chars().take(80).collect() }),
        [only] => Ok(only.clone()),
        _ => Err(StoreError::Ambiguous {
            prefix: text.to_owned(),
            ids: found.into_iter().map(ToString::to_string).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn an_id_or_eight_characters_of_one_that_no_other_begins_with() {
        let known: BTreeSet<SnapshotId> = ["abcdefgh1", "abcdefgh2", "abcdefgh", "xyzxyzxy9", "short"]
            .map(|id| SnapshotId::parse(id).unwrap())
            .into();
        let found = |text: &str| resolve(&known, text).map(String::from);
        assert_eq!(found("xyzxyzxy").unwrap(), "xyzxyzxy9");
        assert_eq!(found("short").unwrap(), "short");
        assert_eq!(found("abcdefgh").unwrap(), "abcdefgh", "exactly this one");
        assert!(matches!(found("xyzxyzx"), Err(StoreError::Unknown { .. })), "too short");
        assert!(matches!(found(""), Err(StoreError::Unknown { .. })));
        assert!(matches!(found("nosuchsnapshot"), Err(StoreError::Unknown { .. })));
        let known = known.into_iter().filter(|id| id.as_str() != "abcdefgh").collect();
        let error = resolve(&known, "abcdefgh").unwrap_err();
        tells(&error, "EOS-T090", "2 snapshots begin with abcdefgh: abcdefgh1, abcdefgh2");
    }
}
