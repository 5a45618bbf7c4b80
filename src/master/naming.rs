//! Which node a name or an id means: the same answer for every route that takes one.

use crate::lifecycle::NodeState;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::ids::{NodeId, NodeName};
use crate::registry::record::NodeRecord;
use crate::wire::admin::Use;

impl Use {
    /// The command that names the node by its id.
    fn command(self) -> &'static str {
        match self {
            Self::Accept => "eos node accept ID",
            Self::Reject => "eos node reject ID",
            Self::Remove => "eos node remove ID",
            Self::Show => "eos node show ID",
            Self::Role => "eos role set ID ROLE",
            Self::Replace => "eos node accept NAME --replace ID",
        }
    }

    /// What comes first among nodes of one name; those of one rank are not told apart.
    fn rank(self, state: NodeState) -> u8 {
        let decides = matches!(self, Self::Accept | Self::Reject);
        match state {
            NodeState::Active if decides => 3,
            NodeState::Active => 0,
            NodeState::Pending if decides => 0,
            NodeState::Joining => 1,
            NodeState::Pending => 2,
            NodeState::Removed | NodeState::Rejected => 4,
        }
    }
}

impl Cluster {
    /// The node of this id or name.
    ///
    /// Anybody may ask to join under any name, so of several that the name may mean none is chosen.
    ///
    /// # Errors
    /// When there is none, or the name does not tell which.
    pub fn find(&self, name: &NodeName, wanted: Use) -> Result<&NodeRecord, MasterError> {
        if let Some(node) = self.by_id(name) {
            return Ok(node);
        }
        let named: Vec<&NodeRecord> = self.nodes.values().filter(|node| node.name == *name).collect();
        let best = named.iter().map(|node| wanted.rank(node.state)).min();
        let meant: Vec<&NodeRecord> =
            named.into_iter().filter(|node| Some(wanted.rank(node.state)) == best).collect();
        match meant.as_slice() {
            [] => Err(MasterError::Unknown { kind: "node", name: name.to_string() }),
            [node] => Ok(node),
            several => {
                let told = |node: &&NodeRecord| format!("{} ({}, key {})", node.id, node.state, node.key);
                let candidates = several.iter().map(told).collect();
                Err(MasterError::Ambiguous { name: name.clone(), candidates, command: wanted.command() })
            }
        }
    }

    /// The other nodes of this one's name.
    pub fn namesakes(&self, node: &NodeRecord) -> Vec<NodeId> {
        let others = self.nodes.values().filter(|other| other.name == node.name && other.id != node.id);
        others.map(|other| other.id.clone()).collect()
    }

    fn by_id(&self, name: &NodeName) -> Option<&NodeRecord> {
        NodeId::parse(name.as_str()).ok().and_then(|id| self.nodes.get(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::{self, MasterHost};

    const ALL: [Use; 6] = [Use::Accept, Use::Reject, Use::Remove, Use::Show, Use::Role, Use::Replace];

    fn put(host: &MasterHost, state: NodeState) -> anyhow::Result<NodeId> {
        let node = fixture::node("dup", state, 0);
        let id = node.id.clone();
        host.put(node)?;
        Ok(id)
    }

    fn named(text: &str) -> NodeName {
        NodeName::parse(text).expect("a name of the tests")
    }

    #[test]
    fn no_command_chooses_between_nodes_that_wait_under_one_name() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let ids = [put(&host, NodeState::Pending)?, put(&host, NodeState::Pending)?];
        let cluster = host.app.cluster();
        for wanted in ALL {
            let error = cluster.find(&named("dup"), wanted).expect_err("nobody knows which").to_string();
            assert!(error.starts_with("2 nodes are named dup: n-"), "{error}");
            for id in &ids {
                assert!(error.contains(&format!("{id} (pending, key ")), "{error}");
                assert_eq!(cluster.find(&named(id.as_str()), wanted)?.id, *id);
            }
        }
        Ok(())
    }

    #[test]
    fn a_member_comes_first_where_no_waiting_node_is_meant_and_the_others_are_told() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let member = put(&host, NodeState::Active)?;
        let waits = put(&host, NodeState::Pending)?;
        let cluster = host.app.cluster();
        for wanted in ALL {
            let meant = if matches!(wanted, Use::Accept | Use::Reject) { &waits } else { &member };
            assert_eq!(cluster.find(&named("dup"), wanted)?.id, *meant, "{wanted:?}");
        }
        assert_eq!(cluster.namesakes(&cluster.nodes[&member]), [waits]);
        Ok(())
    }

    #[test]
    fn one_of_a_name_is_meant_in_any_state_and_none_is_unknown() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let removed = put(&host, NodeState::Removed)?;
        let cluster = host.app.cluster();
        for wanted in ALL {
            assert_eq!(cluster.find(&named("dup"), wanted)?.id, removed);
            let error = cluster.find(&named("nobody"), wanted).expect_err("there is none");
            assert_eq!(error.to_string(), "there is no node nobody");
        }
        Ok(())
    }
}
