//! What the agent makes of how a round ended.

use super::*;
use crate::agent::fixture::{Node, master};
use crate::host::services;
use crate::wire::member::{PollReply, Progress};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 71, 3)), 1);

fn agent(node: &Node) -> anyhow::Result<Agent> {
    node.certify(clock::now_seconds())?;
    node.join(NOBODY)?;
    let binary = std::path::PathBuf::from("/bin/true");
    let services = Arc::from(services::detect(&node.root, binary.clone())?);
    let workshop = Workshop::new(node.root.clone(), binary, services);
    let offer = node.offer(1)?;
    let agent = Agent::new(workshop, offer, Arc::default());
    agent.map_err(|error| anyhow::anyhow!(error.to_string()))
}

fn some_failure() -> Failure {
    Failure::of(&AgentError::NotMember)
}

/// An agent as it is after the master answered.
fn connected(node: &Node) -> anyhow::Result<Agent> {
    let mut agent = agent(node)?;
    let membership = Membership::load(&node.root)?.ok_or_else(|| anyhow::anyhow!("it was saved"))?;
    agent.client(&membership).map_err(|trouble| anyhow::anyhow!("{trouble:?}"))?;
    agent.metrics.connected.set(1);
    Ok(agent)
}

#[test]
fn a_generation_that_failed_leaves_the_connection_as_it_is() -> anyhow::Result<()> {
    let node = Node::new()?;
    let mut agent = connected(&node)?;
    assert!(agent.heed(Err(Trouble::Work(some_failure()))));
    assert_eq!((agent.metrics.connected.get(), agent.metrics.failures.get()), (1, 1));
    assert!(agent.client.is_some(), "the master answered, so its connection is good");
    assert!(agent.heed(Err(Trouble::Connection(some_failure()))));
    assert_eq!((agent.metrics.connected.get(), agent.metrics.failures.get()), (0, 2));
    assert!(agent.client.is_none());
    Ok(())
}

#[test]
fn a_refusal_of_the_master_is_an_answer() {
    let refused = Trouble::from(ClientError::Refused { failure: some_failure(), again: None });
    assert!(matches!(refused, Trouble::Work(_)), "{refused:?}");
    let silent =
        ClientError::TimedOut { address: NOBODY, action: "poll".to_owned(), waited: Duration::from_secs(1) };
    assert!(matches!(Trouble::from(silent), Trouble::Connection(_)));
}

#[test]
fn while_the_host_is_busy_the_pause_grows_until_a_round_is_settled() -> anyhow::Result<()> {
    let node = Node::new()?;
    let mut agent = connected(&node)?;
    let mut pauses = Vec::new();
    for _ in 0..7 {
        assert!(agent.heed(Ok(Round::Busy)));
        pauses.push(agent.next_pause().as_millis());
    }
    for (pause, longest) in pauses.iter().zip([500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
        assert!((longest / 2..=longest).contains(pause), "{pauses:?}");
    }
    assert_eq!((agent.metrics.connected.get(), agent.metrics.failures.get()), (1, 0));
    assert!(!agent.heed(Ok(Round::Settled)));
    assert_eq!(agent.pause, FIRST_PAUSE);
    Ok(())
}

#[test]
fn agents_that_lost_their_master_together_do_not_come_back_together() -> anyhow::Result<()> {
    let node = Node::new()?;
    let mut agent = connected(&node)?;
    let mut pauses = std::collections::BTreeSet::new();
    for _ in 0..40 {
        agent.pause = LONGEST_PAUSE;
        pauses.insert(agent.next_pause());
    }
    assert!(pauses.len() > 20, "{pauses:?}");
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_the_future_is_replaced_by_the_key_once_the_master_cannot_be_asked()
-> anyhow::Result<()> {
    let node = Node::new()?;
    let mut agent = agent(&node)?;
    node.certify(clock::now_seconds() + 5 * 86_400)?;
    let first = agent.round().await;
    assert!(matches!(first, Err(Trouble::Connection(_))), "the master is asked with it first: {first:?}");
    agent.heed(first);
    let second = agent.round().await;
    let Err(Trouble::Work(failure)) = second else { anyhow::bail!("the key was not used: {second:?}") };
    assert!(failure.message.contains("127.0.71.3"), "{failure:?}");

    node.certify(clock::now_seconds())?;
    agent.heed(Err(Trouble::Connection(some_failure())));
    let third = agent.round().await;
    assert!(matches!(third, Err(Trouble::Connection(_))), "a valid one is no reason: {third:?}");
    Ok(())
}

#[tokio::test]
async fn a_round_without_a_master_is_trouble_with_the_connection() -> anyhow::Result<()> {
    let node = Node::new()?;
    let mut agent = connected(&node)?;
    let ended = agent.round().await;
    assert!(matches!(ended, Err(Trouble::Connection(_))), "{ended:?}");
    assert_eq!(agent.metrics.connected.get(), 0);
    Ok(())
}

#[tokio::test]
async fn a_renewal_that_fails_is_told_also_while_a_generation_is_not_tried_again_yet() -> anyhow::Result<()> {
    let node = Node::new()?;
    let mut agent = agent(&node)?;
    let mut membership = Membership::load(&node.root)?.ok_or_else(|| anyhow::anyhow!("it was saved"))?;
    let desired = Desired {
        generation: 4,
        cluster: membership.cluster.clone(),
        node: membership.node.clone(),
        name: membership.name.clone(),
        role: crate::model::role::Role::Data,
        scale: crate::model::scale::Scale::Single,
        master: NOBODY,
        pillar: serde_json::Value::Null,
    };
    let reply = PollReply { desired, renew: true, confirm: false, trace: None, holdings: false, task: None };
    let poll = post(async move || Json(reply));
    let renew = post(async || StatusCode::INTERNAL_SERVER_ERROR);
    let router = Router::new().route("/v1/member/poll", poll).route("/v1/member/renew", renew);
    let (address, serving) = master(&node, router)?;
    membership.master = address;
    membership.address = address.ip();
    membership.save(&node.root)?;
    agent.attempts.failed(4, Instant::now() + Duration::from_secs(60));
    let ended = agent.round().await;
    assert!(matches!(ended, Ok(Round::Busy)), "{ended:?}");
    assert_eq!(agent.metrics.failures.get(), 1, "of the renewal");
    serving.abort();
    Ok(())
}

#[tokio::test]
async fn a_node_is_heard_of_while_it_applies_a_generation() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.certify(clock::now_seconds())?;
    let (heard, mut signs) = tokio::sync::mpsc::unbounded_channel();
    let lease = post(async move |Json(progress): Json<Progress>| {
        heard.send(progress.stage).map(Json).map_err(|_| StatusCode::GONE)
    });
    let router = Router::new().route("/v1/member/lease", lease);
    let (address, serving) = master(&node, router)?;
    let certificate = std::fs::read_to_string(node.root.join(paths::NODE_CERTIFICATE))?;
    let client = MasterClient::new(address, node.authority.pem(), Some((&certificate, &node.key)), None)?;
    let work = async { (signs.recv().await, signs.recv().await) };
    let done = heard_until(work, &client, Duration::from_millis(20)).await;
    assert_eq!(done, (Some("apply".to_owned()), Some("apply".to_owned())));
    serving.abort();
    Ok(())
}

#[test]
fn a_host_that_is_no_member_has_no_agent() -> anyhow::Result<()> {
    let node = Node::new()?;
    let binary = std::path::PathBuf::from("/bin/true");
    let services = Arc::from(services::detect(&node.root, binary.clone())?);
    let workshop = Workshop::new(node.root.clone(), binary, services);
    let offer = node.offer(1)?;
    let error = Agent::new(workshop, offer, Arc::default()).err().expect("it is no member");
    let text = "this host is not a member of a cluster, so its agent has nothing to do";
    crate::model::explain::tells(&error, "EOS-A001", text);
    Ok(())
}
