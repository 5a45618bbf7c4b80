//! Keys of minions: exactly the one that its node told is accepted, never whatever waits under its name.

use crate::agent::salt::{SaltError, Tools};
use crate::model::digest::Fingerprint;
use crate::model::ids::NodeName;
use crate::salt::key::Known;

/// Has the Salt master accept this key under this name; done when it has.
///
/// `salt-key` accepts by name alone, so the key is looked at before and after: between the two it can only have been
/// replaced by somebody who deletes keys on this host, and then the other one is deleted again.
///
/// # Errors
/// When no such key waits, another one is there, or the Salt master cannot be asked.
pub fn accept(tools: &Tools, name: &NodeName, key: Fingerprint) -> Result<(), SaltError> {
    let known = known(tools, name)?;
    let other = |found| SaltError::OtherKey { name: name.clone(), found, wanted: key };
    match (known.accepted, known.waiting) {
        (Some(accepted), _) if accepted == key => return Ok(()),
        (Some(found), _) => return Err(other(found)),
        (None, Some(waiting)) if waiting == key => {}
        (None, Some(found)) => return Err(other(found)),
        (None, None) => {
            let refused = known.refused.filter(|refused| *refused != key);
            return Err(refused.map_or_else(|| SaltError::NoKey { name: name.clone() }, other));
        }
    }
    tools.salt_key(&["--yes", "--accept", name.as_str()])?;
    match self::known(tools, name)?.accepted {
        Some(accepted) if accepted == key => Ok(()),
        Some(found) => {
            tools.salt_key(&["--yes", "--delete", name.as_str()])?;
            Err(other(found))
        }
        None => Err(SaltError::NoKey { name: name.clone() }),
    }
}

/// Has the Salt master forget this key; one that is not there is forgotten, and another one is left alone.
///
/// # Errors
/// When the Salt master cannot be asked.
pub fn delete(tools: &Tools, name: &NodeName, key: Fingerprint) -> Result<(), SaltError> {
    let known = known(tools, name)?;
    // `--delete` takes every key of the name: what was refused there beside the node's own has no other use.
    match known.accepted.or(known.waiting) {
        Some(found) if found == key => {
            tools.salt_key(&["--yes", "--delete", name.as_str()])?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn known(tools: &Tools, name: &NodeName) -> Result<Known, SaltError> {
    let text = tools.salt_key(&["--print", name.as_str()])?;
    Known::parse(&text, name.as_str())
        .map_err(|why| SaltError::Answer { program: "salt-key".to_owned(), why })
}
