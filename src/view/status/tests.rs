//! The status of clusters in good and bad shape.

use super::*;
use crate::model::role::Role;
use crate::view::{Output, samples};
use crate::wire::admin::NodeStatus;

/// A cluster in which everything that can be at risk is.
fn troubled() -> (ClusterStatus, Local) {
    let mut cluster = samples::cluster();
    cluster.nodes = vec![
        samples::node(1, Role::Core),
        NodeStatus {
            last_seen_ms: Some(125_000),
            version: "0.0.9".to_owned(),
            ..samples::node(2, Role::Edge)
        },
        NodeStatus {
            generation: 6,
            converged: false,
            monitor: Some("no pass for 95 s".to_owned()),
            storage_level: Some("warning (71 %)".to_owned()),
            ..samples::node(3, Role::Data)
        },
        NodeStatus {
            state: "pending".to_owned(),
            role: None,
            preferred: Some(Role::Data),
            ..samples::node(4, Role::Data)
        },
    ];
    cluster.operations = vec![samples::operation()];
    let local = Local {
        services: vec![("eos-agent".to_owned(), "failed".to_owned(), false)],
        storage: vec![(PathBuf::from("/var/lib/eos"), Level::Emergency, 93.25)],
        operation: Some("bootstrap at stage services".to_owned()),
        ..samples::local()
    };
    (cluster, local)
}

fn shown(width: usize, cluster: Option<&ClusterStatus>, local: &Local) -> String {
    text(&Output::plain(width), cluster, local)
}

#[test]
fn dump() {
    let (cluster, local) = troubled();
    for width in [40, 80, 120] {
        println!("{}=======", shown(width, Some(&cluster), &local));
    }
    println!("{}=======", shown(80, Some(&samples::cluster()), &samples::local()));
    let lonely =
        Local { master_error: Some(samples::failure()), confirmed: false, role: None, ..samples::local() };
    println!("{}=======", shown(80, None, &lonely));
    println!("{:#}", json(None, &lonely));
    println!("{}", json(Some(&cluster), &local));
}
