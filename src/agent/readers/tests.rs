//! Whom an agent serves, over its own routes, with a master behind it that is asked over TLS.

use super::*;
use crate::agent::endpoint::{Offer, router};
use crate::agent::fixture::{Node, master};
use crate::host::clock;
use crate::host::paths;
use crate::identity::certificate::Summary;
use crate::model::digest::Fingerprint;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::serving::tests::published;
use crate::wire::ErrorBody;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Json, Router};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tower::ServiceExt;

const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the master knows of one node, and how often it was asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<(Option<Standing>, usize)>>);

impl Asked {
    fn says(&self, standing: Option<Standing>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = standing;
    }

    fn times(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn answer(&self) -> Result<Json<Standing>, (StatusCode, Json<ErrorBody>)> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.1 += 1;
        let unknown = Failure { code: UNKNOWN.to_owned(), ..Failure::of(&ServingError::Full { most: 1 }) };
        asked.0.clone().map(Json).ok_or((StatusCode::NOT_FOUND, Json(ErrorBody { error: unknown })))
    }
}

/// A node with a snapshot, and what answers for its master.
struct Site {
    _node: Node,
    offer: Offer,
    asked: Asked,
    path: String,
    master: tokio::task::JoinHandle<()>,
}

impl Site {
    async fn new() -> anyhow::Result<Self> {
        let node = Node::new()?;
        node.certify(clock::now_seconds())?;
        let asked = Asked::default();
        let answers = asked.clone();
        let route = get(move |_: Path<String>| std::future::ready(answers.answer()));
        let (address, serving) = master(&node, Router::new().route("/v1/members/{id}", route))?;
        node.join(address)?;
        let offer = node.offer(8)?;
        let (id, _) = published(&node.root.join(paths::SNAPSHOTS), "metrics", b"x")?;
        Ok(Self { _node: node, offer, asked, path: format!("/v1/snapshots/{id}/manifest"), master: serving })
    }

    fn summary(&self, cluster: &str, subject: Subject) -> Option<Summary> {
        let key = Fingerprint::from_bytes([0; 32]);
        let cluster = ClusterId::parse(cluster).expect("an id");
        Some(Summary { cluster, subject, key, not_before: 0, not_after: 0 })
    }

    async fn told(&self, subject: Option<Summary>) -> anyhow::Result<(u16, String)> {
        let peer = Peer { address: ANY.ip(), subject };
        let router = router(self.offer.clone()).layer(Extension(peer));
        let answer = router.oneshot(Request::get(&self.path).body(Body::empty())?).await?;
        let status = answer.status().as_u16();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
        let value: serde_json::Value = serde_json::from_slice(&bytes)?;
        Ok((status, value["error"]["code"].as_str().unwrap_or_default().to_owned()))
    }

    async fn told_member(&self) -> anyhow::Result<(u16, String)> {
        self.told(self.summary("c-agent", Subject::Node(member().id))).await
    }
}

fn member() -> Standing {
    Standing {
        id: NodeId::parse("n-1").expect("an id"),
        name: NodeName::parse("node1").expect("a name"),
        state: "active".to_owned(),
        admitted: true,
        role: Some(Role::Data),
        sources: None,
    }
}

fn removed() -> Standing {
    Standing { state: "removed".to_owned(), admitted: false, role: None, ..member() }
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_the_operator_are_served_and_nobody_else() -> anyhow::Result<()> {
    let site = Site::new().await?;
    assert_eq!(site.told(None).await?, code(401, "EOS-T160"));
    assert_eq!(site.told_member().await?, code(403, "EOS-T161"), "the master does not know it");
    let operator = |cluster| site.summary(cluster, Subject::Admin);
    assert_eq!(site.told(operator("c-agent")).await?.0, 200);
    assert_eq!(site.told(operator("c-other")).await?, code(403, "EOS-T161"));
    assert_eq!(site.told(site.summary("c-agent", Subject::Master)).await?, code(403, "EOS-T161"));
    site.offer.readers.forget();
    site.asked.says(Some(member()));
    assert_eq!(site.told_member().await?.0, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_is_served_and_one_that_waits_or_was_refused_is_not() -> anyhow::Result<()> {
    let site = Site::new().await?;
    site.asked.says(Some(Standing { state: "joining".to_owned(), ..member() }));
    assert_eq!(site.told_member().await?.0, 200);
    for state in ["pending", "rejected", "removed"] {
        site.offer.readers.forget();
        site.asked.says(Some(Standing { state: state.to_owned(), ..removed() }));
        assert_eq!(site.told_member().await?, code(403, "EOS-T161"), "{state}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_asked_about_once_until_the_members_change() -> anyhow::Result<()> {
    let site = Site::new().await?;
    site.asked.says(Some(member()));
    for _ in 0..3 {
        assert_eq!(site.told_member().await?.0, 200);
    }
    assert_eq!(site.asked.times(), 1);
    site.asked.says(Some(removed()));
    assert_eq!(site.told_member().await?.0, 200, "it is remembered");
    site.offer.readers.forget();
    assert_eq!(site.told_member().await?, code(403, "EOS-T161"));
    assert_eq!(site.asked.times(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_master_members_that_are_known_are_served_and_others_shall_come_again() -> anyhow::Result<()>
{
    let mut site = Site::new().await?;
    site.master.abort();
    assert!((&mut site.master).await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(site.told_member().await?, code(503, "EOS-T165"), "nobody can be asked");
    let long_ago = Instant::now().checked_sub(KNOWN * 2).expect("the machine runs for longer");
    let remember = |since, standing| {
        let mut known = site.offer.readers.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(member().id, (since, Judgement::Is(standing)));
    };
    remember(long_ago, member());
    assert_eq!(site.told_member().await?.0, 200, "it was a member");
    remember(long_ago, removed());
    assert_eq!(site.told_member().await?, code(503, "EOS-T165"), "it was none");
    let too_long = Instant::now().checked_sub(TRUSTED + KNOWN);
    if let Some(too_long) = too_long {
        remember(too_long, member());
        assert_eq!(site.told_member().await?.0, 503, "that was too long ago");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn which_roles_may_have_a_source_is_what_the_master_says_along_with_the_callers_role()
-> anyhow::Result<()> {
    let site = Site::new().await?;
    for (roles, answer) in [
        (Some(&[Role::Core][..]), code(403, "EOS-T162")),
        (Some(&[Role::Core, Role::Data]), code(200, "")),
        (Some(&[]), code(200, "")),
        (None, code(200, "")),
    ] {
        let roles = roles.map(|roles| roles.iter().copied().collect());
        let sources = roles.map(|roles| [("metrics".to_owned(), roles)].into());
        site.asked.says(Some(Standing { sources, ..member() }));
        site.offer.readers.forget();
        assert_eq!(site.told_member().await?, answer);
    }
    Ok(())
}
