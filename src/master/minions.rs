//! The keys of minions: which of them the Salt master shall accept or forget, as the members stand.
//!
//! Nothing of it is a list of things to do: what the members told is compared with what eos had accepted, so whoever
//! dies, the same follows again.

use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::model::digest::Fingerprint;
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::wire::salt::SaltErrand;
use std::collections::BTreeMap;

/// How long a key that could not be dealt with rests, in milliseconds: a minion asks again after some seconds.
const PAUSE_MS: u64 = 2_000;

/// Why the Salt master did not do with a key what it was to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTrouble {
    /// Why.
    pub failure: Failure,
    /// When it is tried again, in milliseconds since 1970.
    pub again_ms: u64,
}

/// The keys that the nodes which are let in have told, by name. Of two nodes of one name, the one that joins takes
/// the place of the other.
fn told(cluster: &Cluster) -> BTreeMap<&NodeName, Fingerprint> {
    let of = |state| cluster.nodes.values().filter(move |node| node.state == state);
    let nodes = of(NodeState::Active).chain(of(NodeState::Joining));
    nodes.filter_map(|node| Some((&node.name, node.minion?))).collect()
}

/// What is to be done next with a key; none when all are as they shall be, or rest.
pub fn errand(cluster: &Cluster, now: u64) -> Option<SaltErrand> {
    let salt = cluster.salt.as_ref()?;
    let told = told(cluster);
    let rests = |name: &NodeName| {
        let again = cluster.minions.get(name).map(|trouble| trouble.again_ms);
        // A clock that was set back does not make the pause longer than it is.
        again.is_some_and(|again| now < again && again - now <= PAUSE_MS)
    };
    let old = salt.accepted.iter().find(|(name, key)| told.get(name) != Some(key) && !rests(name));
    if let Some((name, key)) = old {
        return Some(SaltErrand::Delete { name: name.clone(), key: *key });
    }
    let new = told.into_iter().find(|(name, _)| !salt.accepted.contains_key(*name) && !rests(name));
    new.map(|(name, key)| SaltErrand::Accept { name: name.clone(), key })
}

/// Whether the key of this minion is accepted.
pub fn is_accepted(cluster: &Cluster, name: &NodeName, key: Fingerprint) -> bool {
    cluster.salt.as_ref().is_some_and(|salt| salt.accepted.get(name) == Some(&key))
}

/// When a key with which there was trouble now is tried again.
pub fn trouble(failure: Failure, now: u64) -> KeyTrouble {
    KeyTrouble { failure, again_ms: now + PAUSE_MS }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::{self, MasterHost};
    use crate::registry::Change;
    use crate::registry::record::{NodeRecord, SaltRecord};

    const NOW: u64 = 1_000_000;

    fn key(digit: u8) -> Fingerprint {
        Fingerprint::from_bytes([digit; 32])
    }

    fn host(nodes: &[(&str, NodeState, u8)]) -> anyhow::Result<MasterHost> {
        let host = MasterHost::new()?;
        for (name, state, digit) in nodes {
            let key = Some(key(*digit));
            host.put(NodeRecord { minion: key, ..fixture::node(name, *state, u64::MAX / 2) })?;
        }
        host.app.cluster().commit(vec![Change::PutSalt(Box::default())])?;
        Ok(host)
    }

    fn accepted(host: &MasterHost, keys: &[(&str, u8)]) -> anyhow::Result<()> {
        let named = keys.iter().map(|(name, digit)| Ok((NodeName::parse(name)?, key(*digit))));
        let accepted = named.collect::<anyhow::Result<_>>()?;
        let record = SaltRecord { accepted, ..SaltRecord::new() };
        Ok(host.app.cluster().commit(vec![Change::PutSalt(Box::new(record))])?)
    }

    fn next(host: &MasterHost) -> Option<String> {
        errand(&host.app.cluster(), NOW).map(|errand| errand.id())
    }

    #[test]
    fn a_key_is_accepted_of_who_was_let_in_and_of_nobody_else() -> anyhow::Result<()> {
        let host = host(&[("n1", NodeState::Pending, 1), ("n2", NodeState::Joining, 2)])?;
        assert_eq!(next(&host), Some(format!("accept n2 {}", key(2))));
        accepted(&host, &[("n2", 2)])?;
        assert_eq!(next(&host), None, "who waits for the operator has no business with Salt");
        Ok(())
    }

    #[test]
    fn the_key_of_who_is_gone_or_removed_or_has_another_one_is_forgotten_first() -> anyhow::Result<()> {
        let host = host(&[("n1", NodeState::Active, 1), ("n2", NodeState::Removed, 2)])?;
        accepted(&host, &[("n1", 1), ("n2", 2)])?;
        assert_eq!(next(&host), Some(format!("delete n2 {}", key(2))));
        accepted(&host, &[("n1", 7)])?;
        assert_eq!(next(&host), Some(format!("delete n1 {}", key(7))));
        accepted(&host, &[])?;
        assert_eq!(next(&host), Some(format!("accept n1 {}", key(1))));
        Ok(())
    }

    #[test]
    fn who_joins_in_the_place_of_a_member_of_its_name_has_the_key_that_counts() -> anyhow::Result<()> {
        let host = host(&[("n1", NodeState::Active, 1), ("n1", NodeState::Joining, 2)])?;
        accepted(&host, &[("n1", 1)])?;
        assert_eq!(next(&host), Some(format!("delete n1 {}", key(1))));
        accepted(&host, &[])?;
        assert_eq!(next(&host), Some(format!("accept n1 {}", key(2))));
        Ok(())
    }

    #[test]
    fn a_key_with_which_there_is_trouble_holds_up_no_other() -> anyhow::Result<()> {
        let host = host(&[("n1", NodeState::Joining, 1), ("n2", NodeState::Joining, 2)])?;
        let failure = Failure::of(&crate::master::error::MasterError::Generation);
        host.app.cluster().minions.insert(NodeName::parse("n1")?, trouble(failure, NOW));
        assert_eq!(next(&host), Some(format!("accept n2 {}", key(2))));
        accepted(&host, &[("n2", 2)])?;
        assert_eq!(next(&host), None);
        let later = errand(&host.app.cluster(), NOW + PAUSE_MS).map(|errand| errand.id());
        assert_eq!(later, Some(format!("accept n1 {}", key(1))));
        Ok(())
    }

    #[test]
    fn a_cluster_without_a_salt_master_asks_for_nothing() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let node = fixture::node("n1", NodeState::Active, 0);
        host.put(NodeRecord { minion: Some(key(1)), ..node })?;
        assert_eq!(next(&host), None);
        Ok(())
    }
}
