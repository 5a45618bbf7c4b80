//! Registrations, withdrawals and confirmations as their callers see them.

use super::*;
use crate::host::clock;
use crate::identity::proof::{Side, Transcript, Wish};
use crate::identity::token::Token;
use crate::lifecycle::NodeState;
use crate::master::fixture;
use crate::model::facts::Resources;
use crate::model::ids::{NodeId, NodeName};
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::wire::join::{NOBODY, NodeRegistration, RegisterRequest, TokenProof};
use crate::wire::version::Versions;
use crate::wire::withdraw::WithdrawRequest;
use serde::Serialize;

const ADDRESS: [u8; 4] = [10, 0, 0, 7];

impl Lab {
    async fn post(
        &self,
        subject: Option<Summary>,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Told> {
        let peer = Peer { address: ADDRESS.into(), subject };
        let router = router(self.app.clone()).layer(Extension(peer)).layer(Extension(Stopping::default()));
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        let answer = router.oneshot(request.body(Body::from(serde_json::to_vec(body)?))?).await?;
        let (status, value) = read(answer).await?;
        Ok(Told { status, value })
    }

    fn certificate(&self, subject: Subject, key: Fingerprint) -> Option<Summary> {
        let cluster = ClusterId::parse("c1").expect("an id");
        Some(Summary { cluster, subject, key, not_before: 0, not_after: i64::MAX })
    }

    fn operator(&self) -> Option<Summary> {
        self.certificate(Subject::Admin, Fingerprint::from_bytes([0; 32]))
    }

    fn put(&self, node: NodeRecord) -> anyhow::Result<()> {
        Ok(self.app.cluster().commit(vec![Change::PutNode(Box::new(node))])?)
    }

    fn token(&self) -> anyhow::Result<Token> {
        let token = Token::generate(Some(self.app.authority.fingerprint()))?;
        let record = TokenRecord {
            id: token.id.clone(),
            key: token.key().to_stored(),
            created_ms: 0,
            expires_ms: u64::MAX,
            uses: Some(1),
            used: 0,
            role: None,
            revoked: false,
        };
        self.app.cluster().commit(vec![Change::PutToken(record)])?;
        Ok(token)
    }

    fn used(&self, token: &Token) -> u32 {
        self.app.cluster().tokens[&token.id].used
    }

    /// A registration by this key, signed unless it is changed.
    fn registration(&self, key: &PrivateKey, name: &str) -> anyhow::Result<RegisterRequest> {
        let registration = NodeRegistration {
            hostname: NodeName::parse(name)?,
            ip: ADDRESS.into(),
            resources: Resources::default(),
            request_role: None,
            machine_id: Some(key.node_id().to_string()),
            hardware_id: None,
            boot_id: None,
            versions: Versions::own(),
            clock_ms: clock::now_ms(),
        };
        let mut request = RegisterRequest {
            registration,
            csr: key.request()?,
            challenge: self.app.challenger.issue(clock::now_ms() / 1000)?,
            nonce: "n".to_owned(),
            token: None,
            dry_run: false,
            signature: None,
        };
        request.signature = Some(self.transcript(&request, key).sign(Wish::Register, key)?);
        Ok(request)
    }

    fn transcript<'a>(&self, request: &'a RegisterRequest, key: &PrivateKey) -> Transcript<'a> {
        Transcript {
            authority: self.app.authority.fingerprint(),
            challenge: &request.challenge,
            nonce: &request.nonce,
            key: key.fingerprint(),
        }
    }

    /// The same with a token.
    fn with_token(&self, key: &PrivateKey, name: &str, token: &Token) -> anyhow::Result<RegisterRequest> {
        let mut request = self.registration(key, name)?;
        let proof = self.transcript(&request, key).prove(Side::Joiner, &token.key());
        request.token = Some(TokenProof { id: token.id.clone(), proof });
        Ok(request)
    }

    async fn register(&self, request: &RegisterRequest) -> anyhow::Result<Told> {
        self.post(None, "/v1/register", request).await
    }

    fn state(&self, id: &NodeId) -> Option<NodeState> {
        self.app.cluster().nodes.get(id).map(|node| node.state)
    }

    fn audited(&self) -> anyhow::Result<Vec<(String, String)>> {
        let lines = self.app.audit_lines(100)?;
        Ok(lines.into_iter().map(|line| (line.action, line.subject)).collect())
    }
}

/// What the master said.
#[derive(Debug)]
struct Told {
    status: u16,
    value: Value,
}

impl Told {
    fn code(&self) -> &str {
        self.value["error"]["code"].as_str().unwrap_or_default()
    }

    fn is_unsigned(&self) -> bool {
        let why = "the signature on the node's request does not verify";
        self.status == 403 && self.value["error"]["causes"][0] == why
    }

    fn state(&self) -> &str {
        self.value["state"].as_str().unwrap_or_default()
    }
}

#[tokio::test]
async fn who_once_saw_a_certificate_request_cannot_speak_for_its_node() -> anyhow::Result<()> {
    let (lab, key) = (lab()?, PrivateKey::generate()?);
    let signed = lab.registration(&key, "node2")?;
    let seen = signed.csr.clone();
    assert_eq!(lab.register(&signed).await?.state(), "pending");

    // Whoever replays the request has a fresh challenge of the master, and not the key.
    let replay = |protocol, signature| -> anyhow::Result<RegisterRequest> {
        let mut request = lab.registration(&PrivateKey::generate()?, "node9")?;
        (request.csr, request.signature) = (seen.clone(), signature);
        request.registration.versions.protocol = protocol;
        Ok(request)
    };
    let forged = lab.registration(&PrivateKey::generate()?, "node9")?.signature;
    for (protocol, signature) in [(2, None), (1, None), (2, forged), (2, signed.signature.clone())] {
        let told = lab.register(&replay(protocol, signature)?).await?;
        assert!(told.is_unsigned(), "protocol {protocol}: {told:?}");
    }
    let challenge = || lab.app.challenger.issue(clock::now_ms() / 1000);
    let withdrawal = WithdrawRequest { csr: seen.clone(), challenge: challenge()?, signature: None };
    assert!(lab.post(None, "/v1/withdraw", &withdrawal).await?.is_unsigned());
    let waits = lab.app.cluster().nodes[&key.node_id()].clone();
    assert_eq!((waits.name.as_str(), waits.state), ("node2", NodeState::Pending));

    let challenge = challenge()?;
    let authority = lab.app.authority.fingerprint();
    let transcript = Transcript { authority, challenge: &challenge, nonce: "", key: key.fingerprint() };
    let signature = Some(transcript.sign(Wish::Withdraw, &key)?);
    let withdrawal = WithdrawRequest { csr: seen, challenge: challenge.clone(), signature };
    assert_eq!(lab.post(None, "/v1/withdraw", &withdrawal).await?.value["forgotten"], true);
    assert_eq!(lab.state(&key.node_id()), None);
    Ok(())
}

#[tokio::test]
async fn a_node_of_protocol_1_that_never_signed_comes_in_as_before() -> anyhow::Result<()> {
    let (lab, key) = (lab()?, PrivateKey::generate()?);
    let mut request = lab.registration(&key, "node2")?;
    request.signature = None;
    request.registration.versions.protocol = 1;
    assert_eq!(lab.register(&request).await?.state(), "pending");
    let challenge = request.challenge.clone();
    let withdrawal = WithdrawRequest { csr: request.csr, challenge, signature: None };
    assert_eq!(lab.post(None, "/v1/withdraw", &withdrawal).await?.value["forgotten"], true);
    Ok(())
}

#[tokio::test]
async fn a_stale_challenge_is_told_first_and_while_the_cluster_is_in_use() -> anyhow::Result<()> {
    let lab = lab()?;
    let mut request = lab.registration(&PrivateKey::generate()?, "node2")?;
    (request.challenge, request.csr) = ("stale".to_owned(), "damaged".to_owned());
    let withdrawal = WithdrawRequest { csr: "damaged".to_owned(), challenge: String::new(), signature: None };
    let (taken, is_taken) = tokio::sync::oneshot::channel();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let app = lab.app.clone();
    let holder = std::thread::spawn(move || {
        let _cluster = app.cluster();
        taken.send(()).expect("the test waits for it");
        is_done.recv().expect_err("the other side is dropped");
    });
    is_taken.await?;
    assert_eq!(lab.register(&request).await?.code(), "EOS-J009");
    assert_eq!(lab.post(None, "/v1/withdraw", &withdrawal).await?.code(), "EOS-J009");
    drop(done);
    holder.join().expect("it does not panic");
    Ok(())
}

#[tokio::test]
async fn a_question_leaves_a_line_whatever_the_answer_and_one_about_a_token_only_leaves_none()
-> anyhow::Result<()> {
    let (lab, key) = (lab()?, PrivateKey::generate()?);
    lab.put(fixture::node("node2", NodeState::Active, 0))?;
    for name in ["node2", "node3"] {
        let request = RegisterRequest { dry_run: true, ..lab.registration(&key, name)? };
        lab.register(&request).await?;
    }
    let mut token_only = lab.registration(&key, &format!("{NOBODY}0123"))?;
    token_only.dry_run = true;
    token_only.registration.machine_id = None;
    assert_eq!(lab.register(&token_only).await?.state(), "judged");
    let line = |subject: &str| ("judge".to_owned(), subject.to_owned());
    assert_eq!(lab.audited()?, [line("node2"), line("node3")]);
    token_only.registration.machine_id = Some("m7".to_owned());
    lab.register(&token_only).await?;
    assert_eq!(lab.audited()?.len(), 3, "a machine-id can be found out by asking");
    Ok(())
}

#[tokio::test]
async fn the_master_connects_back_to_so_many_at_a_time() -> anyhow::Result<()> {
    let lab = lab()?;
    let mut held = Vec::new();
    for _ in 0..32 {
        held.push(lab.app.dials.take().await?);
    }
    let wanted = serde_json::json!({"port": 1});
    let told = lab.post(None, "/v1/dial-back", &wanted).await?;
    assert_eq!((told.status, told.code()), (503, "EOS-J014"), "{told:?}");
    drop(held);
    Ok(())
}

#[tokio::test]
async fn strangers_wait_for_each_other_and_members_do_not_wait_for_them() -> anyhow::Result<()> {
    let lab = lab()?;
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(lab.app.questions.take().await?);
    }
    let request = lab.registration(&PrivateKey::generate()?, "node2")?;
    assert_eq!(lab.register(&request).await?.code(), "EOS-J014");
    assert_eq!(lab.get("/v1/status").await?.0, 200);
    drop(held);
    assert_eq!(lab.register(&request).await?.state(), "pending");
    Ok(())
}

#[tokio::test]
async fn a_use_of_a_token_is_given_back_when_another_speaks_for_the_node() -> anyhow::Result<()> {
    let (lab, key) = (lab()?, PrivateKey::generate()?);
    let (first, second) = (lab.token()?, lab.token()?);
    let told = lab.register(&lab.with_token(&key, "node2", &first)?).await?;
    assert_eq!((told.state(), lab.used(&first)), ("accepted", 1), "{told:?}");
    let told = lab.register(&lab.with_token(&key, "node3", &second)?).await?;
    assert_eq!((told.state(), lab.used(&first), lab.used(&second)), ("accepted", 0, 1), "{told:?}");
    let told = lab.register(&lab.registration(&key, "node4")?).await?;
    assert_eq!((told.state(), lab.used(&second)), ("pending", 0), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_use_of_a_token_is_given_back_when_its_join_is_removed_or_replaced() -> anyhow::Result<()> {
    let lab = lab()?;
    lab.put(NodeRecord { master: true, ..fixture::node("node1", NodeState::Active, 0) })?;
    let (key, token) = (PrivateKey::generate()?, lab.token()?);
    lab.register(&lab.with_token(&key, "node2", &token)?).await?;
    assert_eq!(lab.used(&token), 1);
    let removed = lab.post(lab.operator(), "/v1/nodes/node2/remove", &()).await?;
    assert_eq!((removed.status, lab.used(&token)), (200, 0), "{removed:?}");

    let silent = PrivateKey::generate()?;
    lab.register(&lab.with_token(&silent, "node3", &token)?).await?;
    let before = lab.app.cluster().nodes[&silent.node_id()].clone();
    let anew = fixture::node("node3", NodeState::Joining, 0);
    let (machine_id, replaces) = (before.machine_id.clone(), Some(before.id.clone()));
    let anew = NodeRecord { machine_id, replaces, ..anew };
    lab.put(anew.clone())?;
    let certificate = || lab.certificate(Subject::Node(anew.id.clone()), anew.key);
    let confirm = serde_json::json!({"applied": 1, "report": {}});
    let there = lab.post(certificate(), "/v1/member/confirm", &confirm).await?;
    assert_eq!(there.code(), "EOS-J008", "{there:?}");
    {
        // As if the old self had last been heard of long ago.
        let mut cluster = lab.app.cluster();
        cluster.live.entry(before.id.clone()).or_default().presence.heard(0);
    }
    let confirmed = lab.post(certificate(), "/v1/member/confirm", &confirm).await?;
    assert_eq!((confirmed.status, lab.used(&token)), (200, 0), "{confirmed:?}");
    assert_eq!((lab.state(&before.id), lab.state(&anew.id)), (None, Some(NodeState::Active)));
    Ok(())
}

#[tokio::test]
async fn a_crowd_becomes_members_in_one_generation_and_who_takes_a_place_does_so_in_its_own()
-> anyhow::Result<()> {
    let lab = lab()?;
    lab.put(NodeRecord { master: true, ..fixture::node("node1", NodeState::Active, 0) })?;
    let old = fixture::node("old", NodeState::Active, 0);
    lab.put(old.clone())?;
    let mut joins: Vec<NodeRecord> =
        (0..6).map(|at| fixture::node(&format!("n{at}"), NodeState::Joining, 0)).collect();
    joins[3].replaces = Some(old.id.clone());
    joins.push(fixture::node("waits", NodeState::Pending, 0));
    let before = lab.app.cluster().generation;
    for node in &joins {
        lab.put(node.clone())?;
    }
    let confirm = serde_json::json!({"applied": 1, "report": {}});
    // All come while the first one is written down.
    let answers = joins.iter().map(|node| {
        let certificate = lab.certificate(Subject::Node(node.id.clone()), node.key);
        lab.post(certificate, "/v1/member/confirm", &confirm)
    });
    for (node, told) in joins.iter().zip(futures_util::future::join_all(answers).await) {
        let told = told?;
        let waits = node.name.as_str() == "waits";
        assert_eq!(told.status == 200, !waits, "{}: {told:?}", node.name);
        assert_eq!(lab.state(&node.id) == Some(NodeState::Active), !waits, "{}", node.name);
    }
    assert_eq!(lab.state(&old.id), None);
    assert_eq!(lab.app.cluster().generation, before + 3, "first, crowd, and the place that is taken");
    Ok(())
}

#[tokio::test]
async fn the_operator_accepts_no_second_node_under_one_name() -> anyhow::Result<()> {
    let lab = lab()?;
    lab.put(NodeRecord { master: true, ..fixture::node("node1", NodeState::Active, 0) })?;
    let (first, second) =
        (fixture::node("node2", NodeState::Pending, 0), fixture::node("node2", NodeState::Pending, 0));
    lab.put(first.clone())?;
    lab.put(second.clone())?;
    let accept = async |id: &NodeId| {
        let how = serde_json::json!({"plan": false, "replace": null});
        lab.post(lab.operator(), &format!("/v1/nodes/{id}/accept"), &how).await
    };
    assert_eq!(accept(&first.id).await?.status, 200);
    let refused = accept(&second.id).await?;
    assert_eq!(refused.code(), "EOS-J007", "{refused:?}");
    assert_eq!(lab.state(&second.id), Some(NodeState::Pending));
    Ok(())
}
