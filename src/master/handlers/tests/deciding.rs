//! Decisions of the operator that are asked for twice, since the first answer was lost.

use super::{Lab, lab, read};
use crate::host::paths;
use crate::lifecycle::NodeState;
use crate::master::fixture;
use crate::model::ids::NodeId;
use crate::registry::Change;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

fn put(lab: &Lab, name: &str, state: NodeState) -> anyhow::Result<NodeId> {
    let node = fixture::node(name, state, 0);
    let id = node.id.clone();
    lab.app.cluster().commit(vec![Change::PutNode(Box::new(node))])?;
    Ok(id)
}

async fn decide(lab: &Lab, path: &str, body: &Value) -> anyhow::Result<Value> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    let answer = lab.ask(true, request.body(Body::from(body.to_string()))?).await?;
    let (status, answer) = read(answer).await?;
    anyhow::ensure!(status == 200, "{answer}");
    Ok(answer)
}

fn audited(lab: &Lab, action: &str) -> anyhow::Result<usize> {
    let log = std::fs::read_to_string(lab.root.join(paths::AUDIT))?;
    Ok(log.matches(&format!("\"{action}\"")).count())
}

#[tokio::test]
async fn a_replacement_that_is_accepted_twice_is_accepted_once() -> anyhow::Result<()> {
    let lab = lab()?;
    put(&lab, "node1", NodeState::Active)?;
    let waits = put(&lab, "node2", NodeState::Pending)?;
    let path = format!("/v1/nodes/{waits}/accept");
    let how = json!({ "replace": "node1", "plan": false });
    let first = decide(&lab, &path, &how).await?;
    let stored = lab.app.cluster().nodes[&waits].clone();
    assert_eq!(stored.state, NodeState::Joining);
    assert_eq!(decide(&lab, &path, &how).await?, first);
    assert_eq!(lab.app.cluster().nodes[&waits], stored, "not even its lease is longer");
    assert_eq!(audited(&lab, "accept")?, 1);
    Ok(())
}

#[tokio::test]
async fn what_is_so_already_is_not_done_again() -> anyhow::Result<()> {
    let lab = lab()?;
    let member = put(&lab, "node1", NodeState::Active)?;
    let waits = put(&lab, "node2", NodeState::Pending)?;
    let leaves = put(&lab, "node3", NodeState::Active)?;
    let role = json!({ "node": member, "role": "compute" });
    for (path, body, action) in [
        ("/v1/roles/set".to_owned(), role, "role"),
        (format!("/v1/nodes/{waits}/reject"), Value::Null, "reject"),
        (format!("/v1/nodes/{leaves}/remove"), Value::Null, "remove"),
    ] {
        decide(&lab, &path, &body).await?;
        let generation = lab.app.cluster().generation;
        decide(&lab, &path, &body).await?;
        assert_eq!(lab.app.cluster().generation, generation, "{action}");
        assert_eq!(audited(&lab, action)?, 1, "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_is_looked_up_for_what_it_is_named() -> anyhow::Result<()> {
    let lab = lab()?;
    let member = put(&lab, "dup", NodeState::Active)?;
    let waits = put(&lab, "dup", NodeState::Pending)?;
    for (query, meant) in [
        ("", &member),
        ("?wanted=show", &member),
        ("?wanted=remove", &member),
        ("?wanted=role", &member),
        ("?wanted=replace", &member),
        ("?wanted=accept", &waits),
        ("?wanted=reject", &waits),
    ] {
        let (status, node) = lab.get(&format!("/v1/nodes/dup{query}")).await?;
        assert_eq!((status, node["id"].as_str()), (200, Some(meant.as_str())), "{query}");
    }
    Ok(())
}
