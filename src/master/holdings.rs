//! Who holds which snapshots: what the nodes have told since the master started, and its own store.

use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::ids::{NodeId, NodeName, SnapshotId};
use crate::model::role::Role;
use crate::registry::record::NodeRecord;
use crate::serving::Roles;
use crate::snapshot::store::{StoreError, Summary, resolve};
use crate::wire::snapshots::{ClusterHoldings, Held, Holder, Holding, Holdings, newest_first};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// Of each holder so many snapshots of a source are offered.
const OFFERED: usize = 4;

/// What is said of a snapshot: its source, when it was made, and its generation.
type Claim = (SnapshotId, String, Timestamp, u64);

/// What the master's own store holds, read without the cluster; a manifest that was read is not read again.
///
/// # Errors
/// When the store cannot be read.
pub fn own(app: &App) -> Result<Vec<Holding>, MasterError> {
    let failed = |source| MasterError::Snapshot { action: "read", source: Box::new(source) };
    let known = app.snapshots.shelf.pulls.known.all(&app.snapshots.store).map_err(failed)?;
    let holding = |one: Arc<Summary>| Holding {
        id: one.id.clone(),
        source: one.metadata.source.clone(),
        generation: one.metadata.generation,
        created_at: one.metadata.created_at,
        restore_bytes: one.restore_bytes,
        stored_bytes: one.stored_bytes,
    };
    Ok(known.into_iter().map(holding).collect())
}

/// Everything of what is `wanted` that somebody has, newest first. Who answers and serves few comes first, the
/// master last. What nodes say differently of one snapshot stands side by side, since only its manifest tells who
/// is right; what a node says that it holds of a source that is not for its role is left out.
pub fn all(
    app: &App,
    cluster: &Cluster,
    (own, roles): (&[Holding], &Roles),
    wanted: &dyn Fn(&Holding) -> bool,
    now: u64,
) -> ClusterHoldings {
    let mut held: BTreeMap<Claim, Held> = BTreeMap::new();
    let mut add = |holding: &Holding, holder: Holder| {
        let fresh = || Held {
            snapshot: holding.clone(),
            holders: Vec::new(),
            others: Vec::new(),
            untold: Vec::new(),
        };
        held.entry(claim(holding)).or_insert_with(fresh).holders.push(holder);
    };
    let mut untold = Vec::new();
    for node in cluster.nodes.values().filter(|node| is_admitted(node)) {
        match cluster.live.get(&node.id).and_then(|live| live.holdings.as_ref()) {
            Some(told) => {
                let holder = holder(cluster, node, told.port, now);
                let wanted = told.snapshots.iter().filter(|one| wanted(one));
                let for_it = wanted.filter(|one| may_hold(app, cluster, node, roles.get(&one.source)));
                for_it.for_each(|holding| add(holding, holder.clone()));
            }
            None => untold.push(node.name.clone()),
        }
    }
    let itself =
        Holder { node: None, name: "master".to_owned(), address: app.address, alive: true, pullers: None };
    own.iter().filter(|one| wanted(one)).for_each(|holding| add(holding, itself.clone()));
    let mut snapshots: Vec<Held> = held.into_values().collect();
    snapshots.iter_mut().for_each(|one| in_order(&mut one.holders));
    snapshots.sort_by_key(|one| newest_first(&one.snapshot, now));
    untold.sort();
    ClusterHoldings { snapshots, untold }
}

fn claim(one: &Holding) -> Claim {
    (one.id.clone(), one.source.clone(), one.created_at, one.generation)
}

fn in_order(holders: &mut [Holder]) {
    holders.sort_by_key(|holder| (holder.node.is_none(), !holder.alive, holder.pullers));
}

/// Whether a source that is for these roles is for the node's; of one that is joining, for the role that it will have.
fn may_hold(app: &App, cluster: &Cluster, node: &NodeRecord, roles: Option<&BTreeSet<Role>>) -> bool {
    let Some(roles) = roles.filter(|roles| !roles.is_empty()) else { return true };
    let role = match node.state {
        NodeState::Active => node.role,
        _ => app.desired(cluster, node).ok().map(|desired| desired.role),
    };
    // The founder captured as the only node, which is everything at once, and gets a role when others come. It
    // vouches for the cluster itself, so nothing is won by not believing what it has.
    node.master || role.is_some_and(|role| roles.contains(&role))
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

/// Whether it may be meant by this text: by the name of its source, or the beginning of its id.
pub fn may_mean(text: &str, one: &Holding) -> bool {
    one.source == text || one.id.as_str().starts_with(text)
}

/// The newest snapshot of a source that somebody has who answers, with others of it that may be had instead; or
/// the one of this id or beginning of an id, whose holders may say what they want of it: the id is its content.
///
/// # Errors
/// When there is none, or several ids begin so.
pub fn meant(all: ClusterHoldings, text: &str) -> Result<Held, MasterError> {
    let unknown = || MasterError::Unknown { kind: "snapshot", name: text.to_owned() };
    let (of_source, mut others): (Vec<Held>, Vec<Held>) =
        all.snapshots.into_iter().partition(|one| one.snapshot.source == text);
    let mut offered = offered(of_source).into_iter();
    if let Some(newest) = offered.next() {
        return Ok(Held { others: offered.collect(), untold: all.untold, ..newest });
    }
    let known: BTreeSet<SnapshotId> = others.iter().map(|one| one.snapshot.id.clone()).collect();
    let id = resolve(&known, text).map_err(|error| match error {
        StoreError::Unknown { .. } => unknown(),
        source => MasterError::Snapshot { action: "read", source: Box::new(source) },
    })?;
    others.retain(|one| one.snapshot.id == id);
    let mut claims = others.into_iter();
    let mut held = claims.next().ok_or_else(unknown)?;
    held.holders.extend(claims.flat_map(|one| one.holders));
    in_order(&mut held.holders);
    Ok(held)
}

/// Those that somebody has who answers before the others, and of each holder only the first few: whoever says that
/// it has many keeps nobody else's from being seen.
fn offered(mut of_source: Vec<Held>) -> Vec<Held> {
    of_source.sort_by_key(|one| !one.holders.iter().any(|holder| holder.alive));
    let mut seen: BTreeMap<Option<NodeId>, usize> = BTreeMap::new();
    of_source.retain(|one| {
        let counts = one.holders.iter().map(|holder| {
            let count = seen.entry(holder.node.clone()).or_default();
            *count += 1;
            *count
        });
        counts.min().is_some_and(|fewest| fewest <= OFFERED)
    });
    of_source
}

/// Takes note of what a node holds.
pub fn told(cluster: &mut Cluster, id: &NodeId, name: &NodeName, mut holdings: Holdings) {
    // A node has one opinion of a snapshot.
    let mut known = BTreeSet::new();
    holdings.snapshots.retain(|one| known.insert(one.id.clone()));
    tracing::debug!(node = %name, count = holdings.snapshots.len(), "a node told what it holds");
    cluster.live.entry(id.clone()).or_default().holdings = Some(Arc::new(holdings));
}
