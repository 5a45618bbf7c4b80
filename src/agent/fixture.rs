//! A node with an identity of its own, for the tests of this part.

use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::model::ids::ClusterId;
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

    /// Puts a certificate in its place that was signed at this time, in seconds since 1970.
    pub fn certify(&self, now: i64) -> anyhow::Result<()> {
        let grant = Grant { subject: Subject::Node(self.key.node_id()), now };
        let pem = self.authority.sign_key(&self.key, &grant)?;
        Ok(std::fs::write(self.root.join(paths::NODE_CERTIFICATE), pem)?)
    }
}
