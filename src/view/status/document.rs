//! The status as JSON: `result` of `eos status --output json`.

use crate::view::status::{Local, warnings, worst};
use crate::view::{Output, restores};
use crate::wire::admin::{ClusterStatus, NodeStatus};
use serde_json::{Value, json};

/// The whole status. Without the master's answer `cluster` is null, and `nodes` holds this node alone, as
/// it knows itself.
pub fn json(output: &Output, cluster: Option<&ClusterStatus>, local: &Local) -> Value {
    let warnings = warnings(output, cluster, local);
    let nodes = match cluster {
        Some(cluster) => cluster.nodes.iter().map(node).collect(),
        None => vec![alone(local)],
    };
    json!({
        "health": worst(&warnings),
        "warnings": warnings,
        "cluster": cluster.map(|cluster| json!({
            "id": cluster.cluster,
            "master": cluster.master,
            "authority": cluster.authority,
            "version": cluster.version,
            "generation": cluster.generation,
            "scale": cluster.scale,
        })),
        "nodes": nodes,
        "operations": operations(cluster, local),
        "orchestration": cluster.and_then(|cluster| cluster.orchestration.as_ref()),
        "neighbours": cluster.map(|cluster| &cluster.neighbours).into_iter().flatten().collect::<Vec<_>>(),
        "snapshots": cluster.map(|cluster| &cluster.snapshots).into_iter().flatten().collect::<Vec<_>>(),
        "services": services(local),
        "local": this_node(output, local),
    })
}

/// A node: `name, role, scale, state, generation, converged, last_seen_ms, version, address` and more.
pub(in crate::view) fn node(node: &NodeStatus) -> Value {
    serde_json::to_value(node).expect("a status has no failing serialiser")
}

/// This node in the form of the others; what only the master knows is null.
fn alone(local: &Local) -> Value {
    json!({
        "name": local.name,
        "role": local.role,
        "scale": local.scale,
        "state": if local.confirmed { "active" } else { "joining" },
        "generation": local.generation,
        "converged": null,
        "last_seen_ms": null,
        "version": env!("CARGO_PKG_VERSION"),
        "address": null,
    })
}

/// What goes on in the cluster and on this node. Only a join is given up by itself.
fn operations(cluster: Option<&ClusterStatus>, local: &Local) -> Value {
    let here = local.operation.iter().map(|running| {
        json!({
            "what": running.what, "holder": running.holder(local), "stage": null,
            "age_ms": running.age_ms, "remaining_ms": null,
        })
    });
    let joins = cluster.into_iter().flat_map(|cluster| &cluster.operations).map(|join| json!(join));
    joins.chain(here).collect()
}

fn services(local: &Local) -> Value {
    local
        .services
        .iter()
        .map(|(name, state, healthy)| json!({ "name": name, "state": state, "healthy": healthy }))
        .collect()
}

fn this_node(output: &Output, local: &Local) -> Value {
    let storage: Value = local
        .storage
        .iter()
        .map(|mount| {
            json!({
                "mount": mount.path, "level": mount.level, "percent": mount.percent,
                "decided_by": mount.decided_by, "time_to_full_seconds": mount.time_to_full_seconds,
            })
        })
        .collect();
    json!({
        "name": local.name,
        "role": local.role,
        "scale": local.scale,
        "generation": local.generation,
        "confirmed": local.confirmed,
        "engine": if local.salt_call.is_some() { "salt" } else { "embedded" },
        "salt_call": local.salt_call,
        "monitor": local.monitor,
        "storage": storage,
        "services_stopped": local.services_stopped,
        "snapshots_refused": local.snapshots_refused,
        "restores": local.restores.iter().map(restores::json).collect::<Value>(),
        "operation": local.operation.as_ref().map(|running| &running.what),
        "identity": local.identity.as_ref().map(|failure| output.rooted_failure(failure)),
        "master_lost": local.master_lost.as_ref().map(|(lost, _)| lost),
        "master_error": local.master_error.as_ref().map(|failure| output.rooted_failure(failure)),
    })
}
