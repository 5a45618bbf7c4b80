//! Certificates of a running master, as those see them who connect.

use super::*;
use crate::client::{Terms, look};
use crate::identity::certificate::{Summary, summarize};
use crate::identity::membership::{self, Membership};
use crate::identity::token::Token;
use crate::lifecycle::NodeState;
use crate::master::fixture::{self, MasterHost};
use crate::model::explain::Failure;
use crate::model::ids::NodeName;
use crate::registry::Change;
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::saga::step::Step;
use crate::steps::decision::TrustedAuthority;
use crate::steps::register::Register;
use crate::steps::{self, Decision, Env, Kind, StepFailure, decision, env, renewal};
use axum::response::IntoResponse;
use tempfile::TempDir;

const DAY: i64 = 86_400;

/// What a new connection is shown.
async fn shown(address: SocketAddr) -> anyhow::Result<Summary> {
    use rustls_pki_types::ServerName;
    let (config, recorder) = tls::probe()?;
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("master.eos.internal")?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let chain = recorder.chain();
    assert_eq!(chain.len(), 2, "the authority travels with the certificate");
    Ok(summarize(&chain[0], "the master's certificate")?)
}

/// A master that serves on any free port until it is dropped.
struct Serving {
    host: MasterHost,
    served: Arc<Served>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    async fn start() -> anyhow::Result<Self> {
        Self::behind(|router| router).await
    }

    /// A master whose answers somebody changes on their way.
    async fn behind(change: impl FnOnce(axum::Router) -> axum::Router) -> anyhow::Result<Self> {
        let host = MasterHost::new()?;
        let app = host.app.clone();
        let served = Served::new(&app.certificate, &app.signer, app.authority.pem())?;
        let config = tls::server(served.clone(), app.authority.pem())?;
        let listener = server::listen(app.address)?;
        let address = listener.local_addr()?;
        let forever = std::future::pending::<()>();
        let limits = Limits::master();
        let routes = change(handlers::router(app));
        let serving = server::serve(listener, Arc::new(config), routes, limits, forever);
        Ok(Self { host, served, address, task: tokio::spawn(serving) })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_running_master_shows_a_new_certificate_once_its_own_is_due() -> anyhow::Result<()> {
    let master = Serving::start().await?;
    let (app, served, address) = (&master.host.app, &master.served, master.address);
    let first = shown(address).await?;
    let now = clock::now_seconds();
    renew(app, served, now + 59 * DAY);
    assert_eq!(shown(address).await?, first, "it is not due yet");
    renew(app, served, now + 61 * DAY);
    let second = shown(address).await?;
    assert_eq!(second.not_after, now + 151 * DAY);
    assert_eq!(second.key, first.key, "the key stays");
    look(address, None, Some(app.authority.fingerprint()), Duration::from_secs(5), &Terms::default()).await?;
    Ok(())
}

/// A node of the master's cluster whose certificate ended ten days ago.
fn expired_node(master: &Serving, state: NodeState) -> anyhow::Result<(TempDir, Root, Membership)> {
    let app = &master.host.app;
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    std::fs::create_dir_all(root.join(paths::IDENTITY))?;
    std::fs::write(root.join(paths::TRUSTED_AUTHORITY), app.authority.pem())?;
    let key = PrivateKey::load_or_create(&root.join(paths::NODE_KEY), None)?;
    let grant = Grant { subject: Subject::Node(key.node_id()), now: clock::now_seconds() - 100 * DAY };
    std::fs::write(root.join(paths::NODE_CERTIFICATE), app.authority.sign_key(&key, &grant)?)?;
    let record = fixture::node("node2", state, u64::MAX);
    master.host.put(NodeRecord { id: key.node_id(), key: key.fingerprint(), ..record.clone() })?;
    let membership = Membership {
        version: membership::VERSION,
        cluster: app.cluster().id.clone(),
        node: key.node_id(),
        name: record.name,
        address: master.address.ip(),
        master: master.address,
        authority: app.authority.fingerprint(),
        runs_master: false,
        confirmed: true,
        applied: None,
        salt_call: None,
        salt_master: None,
        minion: None,
    };
    Ok((folder, root, membership))
}

#[tokio::test]
async fn a_member_whose_certificate_ended_gets_a_new_one_by_its_key() -> anyhow::Result<()> {
    let master = Serving::start().await?;
    let (_folder, root, membership) = expired_node(&master, NodeState::Active)?;
    let asked = |root: &Root| env::member_client(root, membership.master, membership.address);
    asked(&root).map_err(refusal)?.desired().await.expect_err("its certificate is not believed");
    assert!(renewal::is_needed(&root, clock::now_seconds()).map_err(refusal)?);
    let before = master.host.app.cluster().nodes.clone();
    renewal::by_key(&root, &membership, &Terms::default()).await.map_err(refusal)?;
    assert!(!renewal::is_needed(&root, clock::now_seconds()).map_err(refusal)?);
    asked(&root).map_err(refusal)?.desired().await?;
    assert_eq!(master.host.app.cluster().nodes, before, "it is the member that it was");
    Ok(())
}

#[tokio::test]
async fn a_removed_rejected_or_forgotten_node_does_not_come_back_by_its_key() -> anyhow::Result<()> {
    for (state, code) in
        [(Some(NodeState::Removed), "EOS-J010"), (Some(NodeState::Rejected), "EOS-J011"), (None, "EOS-J041")]
    {
        let master = Serving::start().await?;
        let (_folder, root, membership) = expired_node(&master, state.unwrap_or(NodeState::Active))?;
        if state.is_none() {
            master.host.app.cluster().commit(vec![Change::DropNode(membership.node.clone())])?;
        }
        let refused =
            renewal::by_key(&root, &membership, &Terms::default()).await.expect_err("it is refused");
        assert_eq!(Failure::from(refused).code, code);
        assert!(renewal::is_needed(&root, clock::now_seconds()).map_err(refusal)?);
    }
    Ok(())
}

fn refusal(failure: StepFailure) -> anyhow::Error {
    let failure = Failure::from(failure);
    anyhow::anyhow!("{} {} {:?}", failure.code, failure.message, failure.causes)
}

/// Takes the master's proof out of an answer, as somebody who does not know the token would have to.
async fn without_proof(answer: axum::response::Response) -> axum::response::Response {
    let (mut head, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("it is short");
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
        return head.into_response();
    };
    if let Some(accepted) = value.as_object_mut() {
        accepted.remove("proof");
    }
    head.headers.remove(axum::http::header::CONTENT_LENGTH);
    (head, value.to_string()).into_response()
}

/// Has a node with this token register with the master there; the failure that it ends with.
fn registering(master: &Serving, token: Token, runtime: tokio::runtime::Handle) -> anyhow::Result<Failure> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    std::fs::create_dir_all(root.join(paths::IDENTITY))?;
    std::fs::write(root.join(paths::TRUSTED_AUTHORITY), master.host.app.authority.pem())?;
    PrivateKey::load_or_create(&root.join(paths::NODE_KEY), None)?;
    let authority = TrustedAuthority {
        fingerprint: master.host.app.authority.fingerprint(),
        certificate: master.host.app.authority.pem().to_owned(),
    };
    let decision = Decision {
        version: decision::VERSION,
        kind: Kind::Join,
        cluster: master.host.app.cluster().id.clone(),
        name: NodeName::parse("node2")?,
        address: master.address.ip(),
        master: master.address,
        authority: Some(authority),
        preferred: None,
        binary: "/bin/true".to_owned(),
        account: false,
        config: Config::default(),
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let mut env = Env { token: Some(token), ..steps::fixture::env(&root, deadline, runtime)? };
    Ok(Register::new(&decision).run(&mut env).expect_err("it must not believe").failure)
}

#[test]
fn a_master_that_does_not_prove_to_know_a_pre_shared_token_is_not_joined() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let master = runtime
        .block_on(Serving::behind(|router| router.layer(axum::middleware::map_response(without_proof))))?;
    let token = Token::generate(None)?;
    let now = clock::now_ms();
    master.host.app.cluster().commit(vec![Change::PutToken(TokenRecord {
        id: token.id.clone(),
        key: token.key().to_stored(),
        created_ms: now,
        expires_ms: now + 60_000,
        uses: None,
        used: 0,
        role: None,
        revoked: false,
    })])?;
    let id = token.id.clone();
    let failure = registering(&master, token, runtime.handle().clone())?;
    let text = format!("the master could not prove that it knows token {id}");
    assert_eq!((failure.code.as_str(), failure.message), ("EOS-I014", text));
    assert_eq!(failure.exit, 5);
    assert!(failure.hints[0].ends_with("eos token create"), "{:?}", failure.hints);
    Ok(())
}
