//! Values that the tests of this module show.

use crate::model::explain::Failure;
use crate::model::facts::Resources;
use crate::model::ids::{ClusterId, NodeId, NodeName, SnapshotId};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::snapshot::restore::{Applied, Ended, Last, Told};
use crate::storage::growth::Resource;
use crate::storage::level::Level;
use crate::view::status::{Local, Watched};
use crate::wire::admin::{ClusterStatus, NodeStatus, Operation, SnapshotStatus};
use jiff::Timestamp;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// A failure with two causes.
pub fn failure() -> Failure {
    Failure {
        code: "EOS-J012".to_owned(),
        message: "the master 10.0.0.1:7700 did not answer within 10 s".to_owned(),
        causes: vec!["the connection was refused".to_owned(), "os error 111".to_owned()],
        hints: vec!["see whether it runs: systemctl status eos-master".to_owned()],
        exit: 4,
    }
}

/// An identifier of a node.
pub fn name(text: &str) -> NodeName {
    NodeName::parse(text).expect("a name of the tests")
}

/// A healthy member, `node1` with 10.0.0.1 and so on.
pub fn node(number: u8, role: Role) -> NodeStatus {
    NodeStatus {
        id: NodeId::parse(&format!("id{number}")).expect("an id of the tests"),
        name: name(&format!("node{number}")),
        address: Ipv4Addr::new(10, 0, 0, number).into(),
        state: "active".to_owned(),
        role: Some(role),
        preferred: None,
        pinned: None,
        order: 0,
        scale: Scale::Small,
        generation: 7,
        converged: true,
        last_seen_ms: Some(4_000),
        version: "0.1.0".to_owned(),
        resources: Resources {
            cpus: 4,
            memory_bytes: 8 << 30,
            disk_bytes: 100 << 30,
            disk_free_bytes: 60 << 30,
        },
        key: "sha256:abc".to_owned(),
        monitor: None,
        storage_level: Some("normal".to_owned()),
        failure: None,
        master: number == 1,
        replaces: None,
        copies: Vec::new(),
        namesakes: Vec::new(),
    }
}

/// A healthy cluster of edge, core and two nodes for data.
pub fn cluster() -> ClusterStatus {
    ClusterStatus {
        cluster: ClusterId::parse("prod-cluster-001").expect("an id of the tests"),
        master: SocketAddr::from(([10, 0, 0, 1], 7700)),
        authority: "sha256:def".to_owned(),
        version: "0.1.0".to_owned(),
        generation: 7,
        scale: Scale::Small,
        nodes: vec![node(1, Role::Core), node(2, Role::Edge), node(3, Role::Data), node(4, Role::Data)],
        operations: Vec::new(),
        orchestration: None,
        snapshots: vec![SnapshotStatus {
            id: SnapshotId::parse(&"1a2b3c4d".repeat(8)).expect("an id of the tests"),
            created_at: "2026-01-02T03:04:05.678901Z".to_owned(),
            bytes: 1_503_238_554,
            source: "cluster".to_owned(),
        }],
        neighbours: Vec::new(),
        warnings: Vec::new(),
        roles: None,
    }
}

/// Something that goes on.
pub fn operation() -> Operation {
    Operation {
        what: "join of node5".to_owned(),
        holder: "node5".to_owned(),
        stage: "snapshot".to_owned(),
        age_ms: 12_000,
        remaining_ms: 588_000,
    }
}

/// The node on which the status is asked for, healthy.
pub fn local() -> Local {
    Local {
        name: "node1".to_owned(),
        role: Some(Role::Core),
        scale: Some(Scale::Small),
        generation: Some(7),
        confirmed: true,
        services: vec![
            ("eos-master".to_owned(), "running, ready".to_owned(), true),
            ("eos-agent".to_owned(), "running, ready".to_owned(), true),
        ],
        monitor: None,
        storage: vec![watched("/", Level::Normal, 41.5)],
        services_stopped: Vec::new(),
        snapshots_refused: false,
        restores: Vec::new(),
        identity: None,
        master_error: None,
        master_lost: None,
        operation: None,
        salt_call: None,
    }
}

/// A source of which a snapshot was restored, and stayed.
pub fn restored() -> Told {
    let at: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
    let id = SnapshotId::parse(&"1a2b3c4d".repeat(8)).expect("an id");
    let ended_at = at + jiff::SignedDuration::from_secs(1);
    let now = Applied {
        id: id.clone(),
        created_at: at,
        generation: 7,
        restored_at: at,
        from: Vec::new(),
        received_bytes: 1,
        restored_bytes: 2,
    };
    let (source, target) = ("metrics".to_owned(), "/srv/metrics".to_owned());
    let (now, previous, has_previous) = (Some(now), None, true);
    let id = Some(id.to_string());
    Told {
        ended: Some(Ended { version: 1, source: source.clone(), id, ended_at, code: None }),
        last: Some(Last { version: 1, source: source.clone(), target, now, has_previous, previous }),
        source,
    }
}

/// A mount of which there is least room for data, and that does not grow.
pub fn watched(path: &str, level: Level, percent: f64) -> Watched {
    let decided_by = Resource::Bytes;
    Watched { path: PathBuf::from(path), level, percent, decided_by, time_to_full_seconds: None }
}
