//! A master's host for the tests of this part: a real registry, authority and audit log in a directory.

use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::Authority;
use crate::identity::key::PrivateKey;
use crate::lifecycle::NodeState;
use crate::master::app::App;
use crate::master::run;
use crate::model::config::Config;
use crate::model::facts::Resources;
use crate::model::ids::{ClusterId, NodeName};
use crate::model::role::Role;
use crate::registry::record::NodeRecord;
use crate::registry::sqlite::SqliteRegistry;
use crate::registry::{Change, Registry};
use crate::wire::version::VERSION;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tempfile::TempDir;

/// A host with a master that was founded and holds no node.
pub struct MasterHost {
    /// Its directory.
    pub folder: TempDir,
    /// The master.
    pub app: Arc<App>,
}

impl MasterHost {
    /// Founds a cluster and opens its master, on any free port.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::MASTER))?;
        let cluster = ClusterId::parse("c-fixture")?;
        let key = PrivateKey::load_or_create(&root.join(paths::AUTHORITY_KEY), None)?;
        let authority = Authority::create(cluster.clone(), key, crate::host::clock::now_seconds())?;
        std::fs::write(root.join(paths::AUTHORITY_CERTIFICATE), authority.pem())?;
        let mut registry = SqliteRegistry::open(&root.join(paths::REGISTRY))?;
        registry.commit(&[Change::Cluster(cluster), Change::Generation(1)])?;
        drop(registry);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 71, 1)), 0);
        let app = run::open(&root, Config::default(), || Ok(Default::default()), address)?;
        Ok(Self { folder, app })
    }

    /// Puts a node into the registry.
    pub fn put(&self, node: NodeRecord) -> anyhow::Result<()> {
        Ok(self.app.cluster().commit(vec![Change::PutNode(Box::new(node))])?)
    }

    /// Has the database refuse to forget the node of this name.
    pub fn refuse(&self, name: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join(paths::REGISTRY);
        let trigger = format!(
            "CREATE TRIGGER refuse BEFORE DELETE ON node WHEN OLD.name = '{name}' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        Ok(rusqlite::Connection::open(path)?.execute_batch(&trigger)?)
    }
}

/// A node of this name with a key of its own.
pub fn node(name: &str, state: NodeState, lease_until_ms: u64) -> NodeRecord {
    let key = PrivateKey::generate().expect("the operating system gives randomness");
    NodeRecord {
        id: key.node_id(),
        name: NodeName::parse(name).expect("it is valid"),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        state,
        key: key.fingerprint(),
        role: (state == NodeState::Active).then_some(Role::Core),
        preferred: None,
        pinned: None,
        resources: Resources {
            cpus: 1,
            memory_bytes: 1 << 30,
            disk_bytes: 1 << 34,
            disk_free_bytes: 1 << 33,
        },
        machine_id: None,
        hardware_id: None,
        boot_id: None,
        version: VERSION.to_owned(),
        order: 1,
        registered_ms: 0,
        lease_until_ms,
        stage: "register".to_owned(),
        applied: 0,
        master: false,
        token: None,
        replaces: None,
        asked_from: None,
        signs: true,
        minion: None,
    }
}
