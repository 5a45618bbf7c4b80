//! A node with an identity of its own, for the tests of this part.

use crate::agent::endpoint::Offer;
use crate::agent::link::Link;
use crate::agent::metrics::Metrics;
use crate::agent::readers::Readers;
use crate::host::clock;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::membership::{self, Membership};
use crate::identity::served::Served;
use crate::identity::tls;
use crate::model::ids::{ClusterId, NodeName};
use crate::server::{self, Limits};
use crate::serving::Shelf;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;

/// A node with a key, and the authority of its cluster.
pub struct Node {
    /// Where it lives.
    pub root: Root,
    /// Its cluster's authority.
    pub authority: Authority,
    /// Its key.
    pub key: PrivateKey,
    _folder: TempDir,
}

impl Node {
    /// A node without a certificate yet.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::IDENTITY))?;
        let authority = Authority::create(ClusterId::parse("c-agent")?, PrivateKey::generate()?, 0)?;
        std::fs::write(root.join(paths::TRUSTED_AUTHORITY), authority.pem())?;
        let key = PrivateKey::load_or_create(&root.join(paths::NODE_KEY), None)?;
        Ok(Self { root, authority, key, _folder: folder })
    }

    /// Makes it a member of the cluster whose master is there.
    pub fn join(&self, master: SocketAddr) -> anyhow::Result<()> {
        let membership = Membership {
            version: membership::VERSION,
            cluster: ClusterId::parse("c-agent")?,
            node: self.key.node_id(),
            name: NodeName::parse("node2")?,
            address: master.ip(),
            master,
            authority: self.authority.fingerprint(),
            runs_master: false,
            confirmed: true,
            applied: None,
            salt_call: None,
            salt_master: None,
            minion: None,
        };
        Ok(membership.save(&self.root)?)
    }

    /// What its agent hands out, to so many at a time.
    pub fn offer(&self, pullers: usize) -> anyhow::Result<Offer> {
        let metrics = Metrics::default();
        let shelf = Shelf::new(self.root.join(paths::SNAPSHOTS), pullers, metrics.traffic.clone());
        let link = Arc::new(Link::new(self.root.clone()));
        let readers = Readers::new(ClusterId::parse("c-agent")?, link);
        Ok(Offer { metrics: Arc::new(metrics), shelf: Arc::new(shelf), readers: Arc::new(readers) })
    }

    /// Puts a certificate in its place that was signed at this time, in seconds since 1970.
    pub fn certify(&self, now: i64) -> anyhow::Result<()> {
        let grant = Grant { subject: Subject::Node(self.key.node_id()), now };
        let pem = self.authority.sign_key(&self.key, &grant)?;
        Ok(std::fs::write(self.root.join(paths::NODE_CERTIFICATE), pem)?)
    }
}

/// A master of the node's cluster that has only these routes.
pub fn master(node: &Node, router: Router) -> anyhow::Result<(SocketAddr, tokio::task::JoinHandle<()>)> {
    let grant = Grant { subject: Subject::Master, now: clock::now_seconds() };
    let key = PrivateKey::generate()?;
    let own = node.authority.sign_key(&key, &grant)?;
    let tls = tls::server(Served::new(&own, &key, node.authority.pem())?, node.authority.pem())?;
    let listener = server::listen("127.0.0.1:0".parse()?)?;
    let address = listener.local_addr()?;
    let serving = server::serve(listener, Arc::new(tls), router, Limits::agent(), std::future::pending());
    Ok((address, tokio::spawn(serving)))
}
