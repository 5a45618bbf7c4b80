//! Who holds what, as nodes tell it and as pullers and the operator ask for it.

use super::*;
use crate::lifecycle::NodeState;
use crate::master::fixture;
use crate::registry::record::NodeRecord;

/// A member of the lab's cluster, and what its agent says.
struct Agent<'a> {
    lab: &'a Lab,
    node: NodeRecord,
}

impl<'a> Agent<'a> {
    fn new(lab: &'a Lab, name: &str, last: u8) -> anyhow::Result<Self> {
        let mut node = fixture::node(name, NodeState::Active, 0);
        node.address = [10, 0, 0, last].into();
        node.order = u64::from(last);
        lab.app.cluster().commit(vec![Change::PutNode(Box::new(node.clone()))])?;
        Ok(Self { lab, node })
    }

    async fn ask(&self, request: Request<Body>) -> anyhow::Result<(u16, Value)> {
        let subject = Some(Summary {
            cluster: ClusterId::parse("c1")?,
            subject: Subject::Node(self.node.id.clone()),
            key: self.node.key,
            not_before: 0,
            not_after: i64::MAX,
        });
        let peer = Peer { address: self.node.address, subject };
        let router =
            router(self.lab.app.clone()).layer(Extension(peer)).layer(Extension(Stopping::default()));
        read(router.oneshot(request).await?).await
    }

    async fn tells(&self, holdings: Value) -> anyhow::Result<(u16, Value)> {
        let body = serde_json::json!({ "version": 1, "port": 4506, "snapshots": holdings });
        let request =
            Request::post("/v1/snapshots/holdings").header(header::CONTENT_TYPE, "application/json");
        self.ask(request.body(Body::from(body.to_string()))?).await
    }

    async fn polls(&self) -> anyhow::Result<Value> {
        let report = serde_json::json!({ "snapshot_pullers": self.node.order });
        let poll = serde_json::json!({ "applied": 3, "wait_ms": 0, "report": report });
        let request = Request::post("/v1/member/poll").header(header::CONTENT_TYPE, "application/json");
        Ok(self.ask(request.body(Body::from(poll.to_string()))?).await?.1)
    }

    async fn source(&self, meant: &str) -> anyhow::Result<(u16, Value)> {
        self.ask(Request::get(format!("/v1/snapshots/sources/{meant}")).body(Body::empty())?).await
    }
}

fn snapshot(id: char, source: &str, day: u8) -> Value {
    serde_json::json!({
        "id": id.to_string().repeat(64), "source": source, "generation": 3,
        "created_at": format!("2026-11-{day:02}T00:00:00Z"), "restore_bytes": 7, "stored_bytes": 5,
    })
}

fn names(held: &Value) -> Vec<&str> {
    let holders = held["holders"].as_array().map(Vec::as_slice).unwrap_or_default();
    holders.iter().filter_map(|one| one["name"].as_str()).collect()
}

#[tokio::test]
async fn a_source_is_told_with_its_newest_snapshot_and_who_has_that() -> anyhow::Result<()> {
    let lab = lab()?;
    let [busy, idle, other] = [("node1", 9), ("node2", 1), ("node3", 5)]
        .map(|(name, last)| Agent::new(&lab, name, last).expect("a node"));
    for agent in [&busy, &idle, &other] {
        assert_eq!(agent.polls().await?["holdings"], true, "nothing is known yet");
    }
    let (old, new) = (snapshot('a', "metrics", 1), snapshot('b', "metrics", 2));
    assert_eq!(busy.tells(serde_json::json!([new, old])).await?.0, 200);
    assert_eq!(idle.tells(serde_json::json!([new])).await?.0, 200);
    assert_eq!(other.tells(serde_json::json!([old])).await?.0, 200);
    assert_eq!(busy.polls().await?["holdings"], false);
    let (status, held) = other.source("metrics").await?;
    assert_eq!((status, &held["snapshot"]), (200, &new), "{held}");
    assert_eq!(names(&held), ["node2", "node1"], "who serves fewer comes first");
    assert_eq!(held["holders"][0]["address"], "10.0.0.1:4506");
    let (_, held) = other.source(&"a".repeat(8)).await?;
    assert_eq!((&held["snapshot"], names(&held)), (&old, vec!["node3", "node1"]), "{held}");
    assert_eq!(other.source("nothing").await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn a_node_that_is_removed_holds_nothing_and_a_silent_one_is_listed_as_silent() -> anyhow::Result<()> {
    let lab = lab()?;
    let [one, two] =
        [("node1", 1), ("node2", 2)].map(|(name, last)| Agent::new(&lab, name, last).expect("a node"));
    for agent in [&one, &two] {
        agent.polls().await?;
        agent.tells(serde_json::json!([snapshot('a', "metrics", 1)])).await?;
    }
    let third = Agent::new(&lab, "node3", 3)?;
    let alive = |all: &Value| -> Vec<(String, bool)> {
        let holders = all["snapshots"][0]["holders"].as_array().cloned().unwrap_or_default();
        let told = |one: &Value| (one["name"].as_str().unwrap_or_default().to_owned(), one["alive"] == true);
        holders.iter().map(told).collect()
    };
    let now = clock::now_ms();
    let live = |id: &crate::model::ids::NodeId| lab.app.cluster().live[id].presence.clone();
    live(&one.node.id).heard(now - 600_000);
    let (status, all) = lab.get("/v1/snapshots/holdings").await?;
    assert_eq!(status, 200);
    assert_eq!(alive(&all), [("node2".to_owned(), true), ("node1".to_owned(), false)]);
    assert_eq!(all["untold"], serde_json::json!(["node3"]));
    assert_eq!(third.ask(Request::get("/v1/snapshots/holdings").body(Body::empty())?).await?.0, 403);
    lab.ask(
        true,
        Request::post("/v1/nodes/node2/remove")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("null"))?,
    )
    .await?;
    let (_, all) = lab.get("/v1/snapshots/holdings").await?;
    assert_eq!(alive(&all), [("node1".to_owned(), false)]);
    assert_eq!(two.tells(serde_json::json!([])).await?.0, 403);
    let (_, standing) =
        one.ask(Request::get(format!("/v1/members/{}", two.node.id)).body(Body::empty())?).await?;
    assert_eq!((&standing["admitted"], &standing["state"]), (&Value::from(false), &Value::from("removed")));
    let (_, standing) = two.lab.get(&format!("/v1/members/{}", one.node.id)).await?;
    assert_eq!((&standing["admitted"], &standing["role"]), (&Value::from(true), &Value::from("core")));
    assert_eq!(lab.get("/v1/members/n-unknown").await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn the_master_itself_is_the_last_holder_and_a_list_that_is_none_is_refused() -> anyhow::Result<()> {
    let lab = lab()?;
    let agent = Agent::new(&lab, "node1", 1)?;
    agent.polls().await?;
    let (_, latest) = lab.get("/v1/snapshots/latest").await?;
    let id = latest["id"].as_str().unwrap_or_default().to_owned();
    let mut own = snapshot('a', "cluster", 1);
    own["id"] = Value::from(id.as_str());
    agent.tells(serde_json::json!([own])).await?;
    let (_, held) = agent.source("cluster").await?;
    assert_eq!((held["snapshot"]["id"].as_str(), names(&held)), (Some(id.as_str()), vec!["node1", "master"]));
    assert_eq!(held["holders"][1]["node"], Value::Null);
    let many = vec![snapshot('a', "metrics", 1); crate::wire::snapshots::MOST];
    assert_eq!(agent.tells(Value::from(many)).await?.0, 200, "it is more than other bodies may have");
    let request = Request::post("/v1/snapshots/holdings").header(header::CONTENT_TYPE, "application/json");
    let newer = Body::from(r#"{"version":2,"port":1,"snapshots":[]}"#);
    assert_eq!(agent.ask(request.body(newer)?).await?.0, 400);
    Ok(())
}
