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
        Self::in_state(lab, name, last, NodeState::Active)
    }

    fn in_state(lab: &'a Lab, name: &str, last: u8, state: NodeState) -> anyhow::Result<Self> {
        let mut node = fixture::node(name, state, u64::MAX);
        node.address = [10, 0, 0, last].into();
        node.order = u64::from(last);
        lab.app.cluster().commit(vec![Change::PutNode(Box::new(node.clone()))])?;
        Ok(Self { lab, node })
    }

    async fn ask(&self, request: Request<Body>) -> anyhow::Result<(u16, Value)> {
        read(self.answered(request).await?).await
    }

    async fn answered(&self, request: Request<Body>) -> anyhow::Result<Response<Body>> {
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
        Ok(router.oneshot(request).await?)
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

    /// What it shall be, as a poll says it and as its bootstrap is told.
    async fn desired(&self, applied: u64) -> anyhow::Result<[Value; 2]> {
        let poll = serde_json::json!({
            "applied": applied, "role": "compute", "scale": "medium", "wait_ms": 0, "report": {},
        });
        let request = Request::post("/v1/member/poll").header(header::CONTENT_TYPE, "application/json");
        let (_, polled) = self.ask(request.body(Body::from(poll.to_string()))?).await?;
        let (_, asked) = self.ask(Request::get("/v1/member/desired").body(Body::empty())?).await?;
        Ok([polled["desired"].clone(), asked])
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
async fn a_node_that_joins_may_pull_before_it_is_a_member_and_one_that_is_not_admitted_may_not()
-> anyhow::Result<()> {
    let lab = lab()?;
    let member = Agent::new(&lab, "node1", 1)?;
    let of_a_holder = serde_json::json!([snapshot('a', "metrics", 1)]);
    member.tells(of_a_holder).await?;
    let (_, part) = part(&lab).await?;
    let latest = lab.get("/v1/snapshots/latest").await?.1["id"].as_str().unwrap_or_default().to_owned();
    let paths = [
        "/v1/snapshots/latest".to_owned(),
        format!("/v1/snapshots/{latest}/manifest"),
        format!("/v1/snapshots/{latest}/embedded?at_most=10000000"),
        part,
        "/v1/snapshots/sources/metrics".to_owned(),
    ];
    for (state, admitted) in [
        (NodeState::Joining, true),
        (NodeState::Active, true),
        (NodeState::Pending, false),
        (NodeState::Rejected, false),
        (NodeState::Removed, false),
    ] {
        let agent = Agent::in_state(&lab, "node2", 2, state)?;
        for path in &paths {
            let status = agent.answered(Request::get(path).body(Body::empty())?).await?.status().as_u16();
            assert_eq!(status, if admitted { 200 } else { 403 }, "{state}: {path}");
        }
        // What other holders ask of it, and how it will be judged by them.
        let standing = Request::get(format!("/v1/members/{}", agent.node.id)).body(Body::empty())?;
        let (status, told) = member.ask(standing).await?;
        assert_eq!((status, &told["admitted"]), (200, &Value::from(admitted)), "{state}: {told}");
        assert_eq!(told["role"].is_string(), admitted, "{state}: the role that it has or will have: {told}");
    }
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
    let own = lab.get("/v1/snapshots/holdings").await?.1["snapshots"][0]["snapshot"].clone();
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

#[tokio::test]
async fn the_newest_that_somebody_has_who_answers_is_told_and_then_the_older_ones() -> anyhow::Result<()> {
    let lab = lab()?;
    let [gone, old, ahead] = [("node1", 1), ("node2", 2), ("node3", 3)]
        .map(|(name, last)| Agent::new(&lab, name, last).expect("a node"));
    for agent in [&gone, &old, &ahead] {
        agent.polls().await?;
    }
    let mut future = snapshot('c', "metrics", 1);
    future["created_at"] = Value::from("2999-01-01T00:00:00Z");
    let day = |id, day: u8| {
        let mut one = snapshot(id, "metrics", day);
        one["created_at"] = Value::from(format!("2020-11-{day:02}T00:00:00Z"));
        one
    };
    gone.tells(serde_json::json!([day('b', 9)])).await?;
    old.tells(serde_json::json!([day('a', 1)])).await?;
    ahead.tells(serde_json::json!([future])).await?;
    let order = |held: &Value| -> Vec<String> {
        let others = held["others"].as_array().cloned().unwrap_or_default();
        let id = |one: &Value| one["snapshot"]["id"].as_str().unwrap_or_default()[..1].to_owned();
        std::iter::once(held).chain(&others).map(id).collect()
    };
    assert_eq!(order(&old.source("metrics").await?.1), ["b", "a", "c"], "a clock that is ahead wins nothing");
    lab.app.cluster().live[&gone.node.id].presence.heard(clock::now_ms() - 600_000);
    let (_, held) = old.source("metrics").await?;
    assert_eq!(order(&held), ["a", "c", "b"], "what is to be had comes first");
    assert_eq!(names(&held["others"][1]), ["node1"]);
    Ok(())
}

#[tokio::test]
async fn what_one_node_says_of_a_snapshot_hides_nothing_that_others_say() -> anyhow::Result<()> {
    let lab = lab()?;
    let [liar, honest] =
        [("node1", 1), ("node2", 2)].map(|(name, last)| Agent::new(&lab, name, last).expect("a node"));
    for agent in [&liar, &honest] {
        agent.polls().await?;
    }
    let (right, other) = (snapshot('a', "metrics", 1), snapshot('a', "logs", 2));
    liar.tells(serde_json::json!([other, right])).await?;
    honest.tells(serde_json::json!([right])).await?;
    let (_, held) = honest.source("metrics").await?;
    assert_eq!((&held["snapshot"], names(&held)), (&right, vec!["node2"]), "a node says one thing of it");
    assert_eq!(names(&honest.source("logs").await?.1), ["node1"]);
    let (_, held) = honest.source(&"a".repeat(10)).await?;
    assert_eq!(names(&held), ["node1", "node2"], "by its id it is what it is");
    let many = |id: u8| {
        let mut one = snapshot('b', "metrics", 2);
        one["id"] = Value::from(format!("{id:064x}"));
        one
    };
    liar.tells(Value::from((0..100).map(many).collect::<Vec<_>>())).await?;
    let (_, held) = honest.source("metrics").await?;
    let others = held["others"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        (names(&held), others.len()),
        (vec!["node1"], 4),
        "four of its own, and then that of the other"
    );
    assert_eq!(names(&others[3]), ["node2"]);
    Ok(())
}

#[tokio::test]
async fn a_node_that_may_not_have_a_source_is_no_holder_of_it() -> anyhow::Result<()> {
    let source = "- {name: metrics, path: /srv/metrics, roles: [data]}";
    let sources = crate::model::snapshots::sources(&serde_yaml::from_str(source)?)?;
    let lab = lab_with(|config| config.snapshot.sources = sources)?;
    let [core, data] =
        [("node1", 1), ("node2", 2)].map(|(name, last)| Agent::new(&lab, name, last).expect("a node"));
    let mut node = data.node.clone();
    node.role = Some(crate::model::role::Role::Data);
    lab.app.cluster().commit(vec![Change::PutNode(Box::new(node))])?;
    for agent in [&core, &data] {
        agent.polls().await?;
    }
    core.tells(serde_json::json!([snapshot('b', "metrics", 2), snapshot('c', "open", 2)])).await?;
    assert_eq!(data.source("metrics").await?.0, 404);
    assert_eq!(names(&data.source("open").await?.1), ["node1"]);
    data.tells(serde_json::json!([snapshot('a', "metrics", 1)])).await?;
    assert_eq!(names(&data.source("metrics").await?.1), ["node2"]);
    let mut founder = core.node.clone();
    founder.master = true;
    lab.app.cluster().commit(vec![Change::PutNode(Box::new(founder))])?;
    assert_eq!(
        names(&data.source("metrics").await?.1),
        ["node1"],
        "it has what it captured as the only node"
    );
    Ok(())
}

#[tokio::test]
async fn which_roles_may_have_which_sources_is_told_along_with_what_a_node_is() -> anyhow::Result<()> {
    let lab = lab_with(|config| {
        let text = "[{name: metrics, path: /srv/metrics, roles: [data]}, {name: open, path: /srv/open}]";
        let read = |text| crate::model::snapshots::sources(&serde_yaml::from_str(text).expect("it is YAML"));
        config.snapshot.sources = read(text).expect("they are sources");
    })?;
    let agent = Agent::new(&lab, "node1", 1)?;
    let path = format!("/v1/members/{}", agent.node.id);
    let (status, told) = agent.ask(Request::get(path).body(Body::empty())?).await?;
    assert_eq!((status, &told["sources"]), (200, &serde_json::json!({ "metrics": ["data"], "open": [] })));
    Ok(())
}

#[tokio::test]
async fn a_member_whose_turn_has_not_come_is_told_the_same_however_it_asks() -> anyhow::Result<()> {
    let lab = lab()?;
    let member = Agent::new(&lab, "node1", 1)?;
    let joiner = Agent::in_state(&lab, "node2", 2, NodeState::Joining)?;
    let confirm = serde_json::json!({ "applied": 0, "report": {} }).to_string();
    let request = Request::post("/v1/member/confirm").header(header::CONTENT_TYPE, "application/json");
    let (status, confirmed) = joiner.ask(request.body(Body::from(confirm))?).await?;
    assert_eq!(status, 200, "{confirmed}");
    let newest = lab.app.cluster().generation;
    assert!(newest > 0);
    // Nothing hands the generation out yet, so the member keeps what it says to have.
    let [polled, asked] = member.desired(newest - 1).await?;
    assert_eq!(
        (&polled["generation"], &polled["role"]),
        (&(newest - 1).into(), &"compute".into()),
        "{polled}"
    );
    assert_eq!(polled, asked);
    // Who has applied the newest one is told of that.
    let [polled, asked] = member.desired(newest).await?;
    assert_eq!(polled["generation"], newest);
    assert_eq!(polled, asked);
    Ok(())
}
