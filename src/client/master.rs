//! A connection to the master, as a joiner, a member or the operator.

use crate::client::error::ClientError;
use crate::client::reply::{Allowed, BRIEF, CALL, LONG, answer};
use crate::client::terms::Terms;
use crate::identity::authority::MASTER_NAME;
use crate::identity::key::PrivateKey;
use crate::identity::tls;
use crate::model::ids::{NodeId, NodeName, TokenId};
use crate::wire::admin::{
    AcceptNode, AuditLine, ClusterStatus, CreateToken, CreatedToken, DecidedNode, MeantNode, NodeStatus,
    SetRole, TokenStatus, Use,
};
use crate::wire::join::{DialBack, DialBackResult, RegisterReply, RegisterRequest};
use crate::wire::member::{
    Confirm, Confirmed, Desired, LatestSnapshot, Poll, PollReply, Progress, Renew, Renewed,
};
use crate::wire::salt::{MinionKey, MinionStanding, SaltReport, SaltWork};
use crate::wire::snapshots::{ClusterHoldings, Held, Holdings, Standing};
use crate::wire::withdraw::{WithdrawRequest, Withdrawn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A connection to the master; cheap to clone.
#[derive(Debug, Clone)]
pub struct MasterClient {
    pub(crate) http: reqwest::Client,
    pub(crate) address: SocketAddr,
    pub(crate) terms: Terms,
    /// What its connections believe and show, and from where they come.
    pub(crate) config: Arc<rustls::ClientConfig>,
    pub(crate) local: Option<IpAddr>,
}

/// The base of every URL: the name is fixed and resolved to the address, so a certificate needs no addresses.
pub(crate) fn origin(address: SocketAddr) -> String {
    format!("https://{MASTER_NAME}:{}", address.port())
}

pub(crate) fn http(
    address: SocketAddr,
    config: rustls::ClientConfig,
    local: Option<IpAddr>,
    connect: Duration,
) -> reqwest::Client {
    named(MASTER_NAME, address, config, local, connect)
}

/// A connection to whoever has a certificate of this name.
pub(crate) fn named(
    name: &str,
    address: SocketAddr,
    config: rustls::ClientConfig,
    local: Option<IpAddr>,
    connect: Duration,
) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        // Several requests at a time are several connections, so none waits for another's window.
        .http1_only()
        .resolve(name, address)
        .local_address(local)
        .connect_timeout(connect)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("TLS is configured already, and nothing else of it can be refused")
}

impl MasterClient {
    /// A connection that believes this authority; with a certificate it is mutual.
    ///
    /// # Errors
    /// When keys or certificates are damaged.
    pub fn new(
        address: SocketAddr,
        authority_pem: &str,
        own: Option<(&str, &PrivateKey)>,
        local: Option<IpAddr>,
    ) -> Result<Self, ClientError> {
        let config =
            tls::client(authority_pem, own).map_err(|source| ClientError::Identity { address, source })?;
        let http = http(address, config.clone(), local, Duration::from_secs(5));
        Ok(Self { http, address, terms: Terms::default(), config: Arc::new(config), local })
    }

    /// The same connection for calls on these terms.
    #[must_use]
    pub fn on(self, terms: Terms) -> Self {
        Self { terms, ..self }
    }

    /// Where the master is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, allowed: Allowed) -> Result<T, ClientError> {
        let request = self.http.get(format!("{}{path}", origin(self.address)));
        answer(request, self.address, &format!("GET {path}"), allowed, &self.terms).await
    }

    async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        allowed: Allowed,
    ) -> Result<T, ClientError> {
        let request = self.http.post(format!("{}{path}", origin(self.address))).json(body);
        answer(request, self.address, &format!("POST {path}"), allowed, &self.terms).await
    }

    async fn delete(&self, path: &str) -> Result<(), ClientError> {
        let request = self.http.delete(format!("{}{path}", origin(self.address)));
        answer(request, self.address, &format!("DELETE {path}"), BRIEF, &self.terms).await
    }
}

/// Calls of a node that is not a member yet. Each fails as [`ClientError`] says.
#[expect(clippy::missing_errors_doc, reason = "every call fails as ClientError says")]
impl MasterClient {
    /// Asks to be let in.
    pub async fn register(&self, request: &RegisterRequest) -> Result<RegisterReply, ClientError> {
        self.post("/v1/register", request, BRIEF).await
    }

    /// Takes back a registration that is not a membership yet.
    pub async fn withdraw(&self, request: &WithdrawRequest) -> Result<Withdrawn, ClientError> {
        self.post("/v1/withdraw", request, BRIEF).await
    }

    /// Asks the master to connect back.
    pub async fn dial_back(&self, port: u16) -> Result<DialBackResult, ClientError> {
        self.post("/v1/dial-back", &DialBack { port }, BRIEF).await
    }
}

/// Calls of an accepted node. Each fails as [`ClientError`] says.
#[expect(clippy::missing_errors_doc, reason = "every call fails as ClientError says")]
impl MasterClient {
    /// What this node shall be.
    pub async fn desired(&self) -> Result<Desired, ClientError> {
        self.get("/v1/member/desired", LONG).await
    }

    /// Renews the lease of a join.
    pub async fn progress(&self, stage: &str) -> Result<(), ClientError> {
        self.post("/v1/member/lease", &Progress { stage: stage.to_owned() }, BRIEF).await
    }

    /// Confirms a join.
    pub async fn confirm(&self, confirm: &Confirm) -> Result<Confirmed, ClientError> {
        self.post("/v1/member/confirm", confirm, LONG).await
    }

    /// Reports, and waits for a newer generation.
    pub async fn poll(&self, poll: &Poll) -> Result<PollReply, ClientError> {
        self.post(
            "/v1/member/poll",
            poll,
            Allowed { deadline: Duration::from_millis(poll.wait_ms) + CALL, ..LONG },
        )
        .await
    }

    /// Takes this node out of the cluster.
    pub async fn leave(&self) -> Result<(), ClientError> {
        self.post("/v1/member/leave", &(), BRIEF).await
    }

    /// Renews this node's certificate.
    pub async fn renew(&self, csr: String) -> Result<Renewed, ClientError> {
        self.post("/v1/member/renew", &Renew { csr }, BRIEF).await
    }

    /// Tells the key of this node's minion, and asks what has become of it.
    pub async fn minion(&self, key: &MinionKey) -> Result<MinionStanding, ClientError> {
        self.post("/v1/member/minion", key, BRIEF).await
    }

    /// Tells what was done with the Salt master, and waits for what shall be.
    pub async fn salt(&self, report: &SaltReport) -> Result<SaltWork, ClientError> {
        self.post(
            "/v1/member/salt",
            report,
            Allowed { deadline: Duration::from_millis(report.wait_ms) + CALL, ..LONG },
        )
        .await
    }

    /// What another node is.
    pub async fn standing(&self, node: &NodeId) -> Result<Standing, ClientError> {
        self.get(&format!("/v1/members/{node}"), BRIEF).await
    }

    /// Tells all snapshots that this node's store holds.
    pub async fn tell_holdings(&self, holdings: &Holdings) -> Result<(), ClientError> {
        self.post("/v1/snapshots/holdings", holdings, BRIEF).await
    }

    /// The newest snapshot of a source, or the one of this id or beginning of an id, with all who have it.
    pub async fn holders(&self, meant: &str) -> Result<Held, ClientError> {
        self.get(&format!("/v1/snapshots/sources/{meant}"), LONG).await
    }

    /// Every snapshot that somebody in the cluster has.
    pub async fn holdings(&self) -> Result<ClusterHoldings, ClientError> {
        self.get("/v1/snapshots/holdings", LONG).await
    }

    /// The newest snapshot of the cluster's own state.
    pub async fn latest_snapshot(&self) -> Result<LatestSnapshot, ClientError> {
        self.get("/v1/snapshots/latest", BRIEF).await
    }

    /// The whole cluster as the master sees it.
    pub async fn status(&self) -> Result<ClusterStatus, ClientError> {
        self.get("/v1/status", LONG).await
    }
}

/// Calls of the operator. Each fails as [`ClientError`] says.
#[expect(clippy::missing_errors_doc, reason = "every call fails as ClientError says")]
impl MasterClient {
    /// Makes a token.
    pub async fn create_token(&self, wanted: &CreateToken) -> Result<CreatedToken, ClientError> {
        self.post("/v1/tokens", wanted, BRIEF).await
    }

    /// Every token, without secrets.
    pub async fn tokens(&self) -> Result<Vec<TokenStatus>, ClientError> {
        self.get("/v1/tokens", LONG).await
    }

    /// Revokes a token.
    pub async fn revoke_token(&self, id: &TokenId) -> Result<(), ClientError> {
        self.delete(&format!("/v1/tokens/{id}")).await
    }

    /// Accepts a node that waits, by its name or id; with `plan` only says what would change.
    pub async fn accept(&self, node: &NodeName, how: &AcceptNode) -> Result<DecidedNode, ClientError> {
        self.post(&format!("/v1/nodes/{node}/accept"), how, LONG).await
    }

    /// Refuses a node that waits, by its name or id.
    pub async fn reject(&self, node: &NodeName) -> Result<MeantNode, ClientError> {
        self.post(&format!("/v1/nodes/{node}/reject"), &(), BRIEF).await
    }

    /// Removes a node, by its name or id; its certificate is void at once.
    pub async fn remove(&self, node: &NodeName) -> Result<DecidedNode, ClientError> {
        self.post(&format!("/v1/nodes/{node}/remove"), &(), LONG).await
    }

    /// One node, by its name or id.
    pub async fn node(&self, node: &NodeName) -> Result<NodeStatus, ClientError> {
        self.node_for(node, Use::Show).await
    }

    /// The node that this name or id means when it is named for this.
    pub async fn node_for(&self, node: &NodeName, wanted: Use) -> Result<NodeStatus, ClientError> {
        self.get(&format!("/v1/nodes/{node}?wanted={}", wanted.name()), LONG).await
    }

    /// Sets a node's role, or gives it back to the planner.
    pub async fn set_role(&self, wanted: &SetRole) -> Result<DecidedNode, ClientError> {
        self.post("/v1/roles/set", wanted, LONG).await
    }

    /// The newest lines of the audit log, oldest first.
    pub async fn audit(&self, count: usize) -> Result<Vec<AuditLine>, ClientError> {
        self.get(&format!("/v1/audit?newest={count}"), LONG).await
    }
}
