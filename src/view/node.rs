//! `eos node list|show`: the nodes as the master knows them.

use crate::view::Output;
use crate::view::table::{fields, table};
use crate::view::units::{ago, bytes};
use crate::wire::admin::NodeStatus;

/// A table of nodes.
pub fn list(output: &Output, nodes: &[NodeStatus]) -> String {
    if nodes.is_empty() {
        return "no nodes\n".to_owned();
    }
    let rows: Vec<[String; 7]> = nodes
        .iter()
        .map(|node| {
            [
                node.name.to_string(),
                role(node),
                node.state.clone(),
                generation(node),
                last_seen(node),
                node.version.clone(),
                node.address.to_string(),
            ]
        })
        .collect();
    let header = ["NAME", "ROLE", "STATE", "GENERATION", "LAST SEEN", "VERSION", "ADDRESS"];
    format!("{}{}", table(output.width, header, &rows), ids(output, nodes))
}

/// The ids of those that are no members: names are not unique among them, and ids are what to name them by.
fn ids(output: &Output, nodes: &[NodeStatus]) -> String {
    let others = nodes.iter().filter(|node| node.state != "active");
    let rows: Vec<[String; 4]> = others
        .map(|node| {
            [node.name.to_string(), node.id.to_string(), node.state.clone(), node.address.to_string()]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}", table(output.width, ["NOT A MEMBER", "ID", "STATE", "ADDRESS"], &rows))
}

/// Everything that is known of a node.
pub fn show(output: &Output, node: &NodeStatus) -> String {
    let resources = &node.resources;
    let mut rows = vec![
        ("name", node.name.to_string()),
        ("id", node.id.to_string()),
        ("address", node.address.to_string()),
        ("state", node.state.clone()),
        ("role", role(node)),
        ("pinned", node.pinned.map_or("no".to_owned(), |role| format!("to {role}, by the operator"))),
        ("scale", node.scale.to_string()),
        ("generation", generation(node)),
        ("last seen", last_seen(node)),
        ("version", node.version.clone()),
        ("key", node.key.clone()),
        ("master", if node.master { "on this node" } else { "elsewhere" }.to_owned()),
        ("processors", resources.cpus.to_string()),
        ("memory", bytes(resources.memory_bytes)),
        ("disk", format!("{} free of {}", bytes(resources.disk_free_bytes), bytes(resources.disk_bytes))),
    ];
    let told = [("storage", &node.storage_level), ("complaint", &node.monitor)];
    rows.extend(told.into_iter().filter_map(|(field, value)| Some((field, value.clone()?))));
    for other in &node.namesakes {
        rows.push((
            "same name",
            format!("{other}, not this one: `{}`", output.rooted(&format!("eos node show {other}"))),
        ));
    }
    if let Some(failure) = &node.failure {
        rows.push(("failure", format!("{} [{}]", failure.message, failure.code)));
        rows.extend(failure.causes.iter().map(|cause| ("caused by", cause.clone())));
        rows.extend(failure.hints.iter().map(|hint| ("hint", hint.clone())));
    }
    fields(output.width, &rows)
}

fn role(node: &NodeStatus) -> String {
    // What a node had before it was put out is its role no more.
    let role = node.role.filter(|_| !matches!(node.state.as_str(), "removed" | "rejected"));
    match (role, node.preferred) {
        (Some(role), _) => role.to_string(),
        (None, Some(preferred)) => format!("- (asks for {preferred})"),
        (None, None) => "-".to_owned(),
    }
}

fn generation(node: &NodeStatus) -> String {
    match (node.state.as_str(), node.converged) {
        ("active", true) => format!("{} converged", node.generation),
        ("active" | "joining", _) => format!("{} not converged", node.generation),
        _ => "-".to_owned(),
    }
}

fn last_seen(node: &NodeStatus) -> String {
    node.last_seen_ms.map_or("not yet".to_owned(), ago)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::role::Role;
    use crate::view::samples;
    use crate::wire::admin::NodeStatus;

    fn nodes() -> Vec<NodeStatus> {
        let late = NodeStatus {
            converged: false,
            generation: 6,
            last_seen_ms: Some(125_000),
            ..samples::node(2, Role::Edge)
        };
        let pending = NodeStatus {
            state: "pending".to_owned(),
            role: None,
            preferred: Some(Role::Data),
            last_seen_ms: None,
            ..samples::node(3, Role::Data)
        };
        vec![samples::node(1, Role::Core), late, pending]
    }

    #[test]
    fn nodes_are_a_table_at_120_columns() {
        assert_eq!(
            list(&Output::plain(120), &nodes()),
            "\
NAME   ROLE               STATE    GENERATION       LAST SEEN  VERSION  ADDRESS
node1  core               active   7 converged      4 s ago    0.1.0    10.0.0.1
node2  edge               active   6 not converged  2 min ago  0.1.0    10.0.0.2
node3  - (asks for data)  pending  -                not yet    0.1.0    10.0.0.3

NOT A MEMBER  ID   STATE    ADDRESS
node3         id3  pending  10.0.0.3
"
        );
    }

    #[test]
    fn a_node_that_was_removed_has_no_role() {
        let node = NodeStatus { state: "removed".to_owned(), ..samples::node(1, Role::Core) };
        assert!(list(&Output::plain(120), &[node]).contains("node1  -     removed"));
    }

    #[test]
    fn nodes_are_blocks_at_40_columns() {
        assert_eq!(
            list(&Output::plain(40), &nodes()[..1]),
            "\
node1
  role        core
  state       active
  generation  7 converged
  last seen   4 s ago
  version     0.1.0
  address     10.0.0.1
"
        );
        assert_eq!(list(&Output::plain(40), &[]), "no nodes\n");
    }

    #[test]
    fn a_node_is_shown_with_its_failure() {
        let node = NodeStatus {
            failure: Some(samples::failure()),
            pinned: Some(Role::Core),
            namesakes: vec![samples::node(9, Role::Core).id],
            ..samples::node(1, Role::Core)
        };
        assert_eq!(
            show(&Output::plain(80), &node),
            "\
name        node1
id          id1
address     10.0.0.1
state       active
role        core
pinned      to core, by the operator
scale       small
generation  7 converged
last seen   4 s ago
version     0.1.0
key         sha256:abc
master      on this node
processors  4
memory      8.0 GiB
disk        60.0 GiB free of 100.0 GiB
storage     normal
same name   id9, not this one: `eos node show id9`
failure     the master 10.0.0.1:7700 did not answer within 10 s [EOS-J012]
caused by   the connection was refused
caused by   os error 111
hint        see whether it runs: systemctl status eos-master
"
        );
    }
}
