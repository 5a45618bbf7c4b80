//! Who holds which snapshots: what the nodes have told since the master started, and its own store.

use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::ids::{NodeId, NodeName, SnapshotId};
use crate::registry::record::NodeRecord;
use crate::snapshot::store::{SnapshotStore, resolve};
use crate::wire::snapshots::{ClusterHoldings, Held, Holder, Holding};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What the master's own store holds, read without the cluster.
///
/// # Errors
/// When the store cannot be read.
pub fn own(app: &App) -> Result<Vec<Holding>, MasterError> {
    let failed = |source| MasterError::Snapshot { action: "read", source: Box::new(source) };
    let listing = app.snapshots.store.list().map_err(failed)?;
    let holding = |one: crate::snapshot::store::Summary| Holding {
        id: one.id,
        source: one.metadata.source,
        generation: one.metadata.generation,
        created_at: one.metadata.created_at,
        restore_bytes: one.restore_bytes,
        stored_bytes: one.stored_bytes,
    };
    Ok(listing.snapshots.into_iter().map(holding).collect())
}

/// Everything that somebody has, newest first. Who answers and serves few comes first, the master last.
pub fn all(cluster: &Cluster, master: SocketAddr, own: Vec<Holding>, now: u64) -> ClusterHoldings {
    let mut held: BTreeMap<SnapshotId, Held> = BTreeMap::new();
    let mut add = |holding: &Holding, holder: Holder| {
        let fresh = || Held { snapshot: holding.clone(), holders: Vec::new() };
        held.entry(holding.id.clone()).or_insert_with(fresh).holders.push(holder);
    };
    let mut untold = Vec::new();
    for node in cluster.nodes.values().filter(|node| is_admitted(node)) {
        match cluster.live.get(&node.id).and_then(|live| live.holdings.as_ref()) {
            Some(told) => {
                let holder = holder(cluster, node, told.port, now);
                told.snapshots.iter().for_each(|holding| add(holding, holder.clone()));
            }
            None => untold.push(node.name.clone()),
        }
    }
    let itself =
        Holder { node: None, name: "master".to_owned(), address: master, alive: true, pullers: None };
    own.iter().for_each(|holding| add(holding, itself.clone()));
    let mut snapshots: Vec<Held> = held.into_values().collect();
    for one in &mut snapshots {
        one.holders.sort_by_key(|holder| (holder.node.is_none(), !holder.alive, holder.pullers));
    }
    snapshots.sort_by_key(|one| Reverse((one.snapshot.created_at, one.snapshot.generation)));
    untold.sort();
    ClusterHoldings { snapshots, untold }
}

fn is_admitted(node: &NodeRecord) -> bool {
    matches!(node.state, NodeState::Joining | NodeState::Active)
}

fn holder(cluster: &Cluster, node: &NodeRecord, port: u16, now: u64) -> Holder {
    Holder {
        node: Some(node.id.clone()),
        name: node.name.to_string(),
        address: SocketAddr::new(node.address, port),
        alive: cluster.alive(&node.id, now),
        pullers: cluster.live.get(&node.id).and_then(|live| live.report.snapshot_pullers),
    }
}

/// The newest snapshot of a source, or the one of this id or beginning of an id.
///
/// # Errors
/// When there is none, or several ids begin so.
pub fn meant(all: ClusterHoldings, text: &str) -> Result<Held, MasterError> {
    let unknown = || MasterError::Unknown { kind: "snapshot", name: text.to_owned() };
    let mut snapshots = all.snapshots;
    if let Some(newest) = snapshots.iter().position(|one| one.snapshot.source == text) {
        return Ok(snapshots.swap_remove(newest));
    }
    let known: BTreeSet<SnapshotId> = snapshots.iter().map(|one| one.snapshot.id.clone()).collect();
    let id = resolve(&known, text).map_err(|error| match error {
        crate::snapshot::store::StoreError::Unknown { .. } => unknown(),
        source => MasterError::Snapshot { action: "read", source: Box::new(source) },
    })?;
    snapshots.into_iter().find(|one| one.snapshot.id == id).ok_or_else(unknown)
}

/// Takes note of what a node holds.
pub fn told(cluster: &mut Cluster, id: &NodeId, name: &NodeName, holdings: crate::wire::snapshots::Holdings) {
    tracing::debug!(node = %name, count = holdings.snapshots.len(), "a node told what it holds");
    cluster.live.entry(id.clone()).or_default().holdings = Some(std::sync::Arc::new(holdings));
}
