//! The node's certificate as the agent uses it: in its own listener and towards the master.
//!
//! The file is what counts; whoever replaces it, the agent adopts the new one at its next round.

use crate::agent::error::AgentError;
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::served::Served;
use std::sync::Arc;

/// The certificate in use.
pub struct NodeCertificate {
    pem: String,
    served: Arc<Served>,
}

impl NodeCertificate {
    /// Reads key and certificates of the node. Whether they are still valid plays no part.
    ///
    /// # Errors
    /// When one is missing or damaged.
    pub fn load(root: &Root) -> Result<Self, AgentError> {
        let load = || {
            let key = PrivateKey::load(&root.join(paths::NODE_KEY))?;
            let pem = text(root, paths::NODE_CERTIFICATE)?;
            let served = Served::new(&pem, &key, &text(root, paths::TRUSTED_AUTHORITY)?)?;
            Ok(Self { pem, served })
        };
        load().map_err(AgentError::Identity)
    }

    /// What the agent's listener shows.
    pub fn served(&self) -> Arc<Served> {
        self.served.clone()
    }

    /// Uses what is in the file from now on; says whether that is another one than before.
    ///
    /// # Errors
    /// When it is missing or damaged; the one before is used on then.
    pub fn adopt(&mut self, root: &Root) -> Result<bool, IdentityError> {
        let pem = text(root, paths::NODE_CERTIFICATE)?;
        if pem == self.pem {
            return Ok(false);
        }
        self.served.replace(&pem)?;
        self.pem = pem;
        Ok(true)
    }
}

/// The text of a file of the node's identity.
pub(super) fn text(root: &Root, path: &str) -> Result<String, IdentityError> {
    let bytes = files::read(&root.join(path)).map_err(IdentityError::File)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::endpoint;
    use crate::agent::fixture::Node;
    use crate::identity::authority::served_name;
    use crate::identity::certificate::Subject;
    use crate::identity::tls;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    const DAY: i64 = 86_400;
    const NOW: i64 = 1_800_000_000;

    /// Until when the certificate is valid that a new connection is shown.
    async fn shown_until(node: &Node, address: SocketAddr) -> anyhow::Result<i64> {
        let (config, recorder) = tls::probe()?;
        let stream = TcpStream::connect(address).await?;
        let name = served_name(&Subject::Node(node.key.node_id())).expect("a node serves");
        let name = rustls_pki_types::ServerName::try_from(name)?;
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Ok(crate::identity::certificate::summarize(&recorder.chain()[0], "it")?.not_after)
    }

    #[tokio::test]
    async fn the_listener_shows_a_renewed_certificate_without_a_restart() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.certify(NOW)?;
        let mut certificate = NodeCertificate::load(&node.root)?;
        let (end, ended) = oneshot::channel::<()>();
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 71, 2)), 4506);
        let (root, served, offer) = (node.root.clone(), certificate.served(), node.offer(1)?);
        let listening = tokio::spawn(async move {
            let shutdown = async move { drop(ended.await) };
            let endpoint = endpoint::bind(&root, address, served).await?;
            endpoint.serve(offer, shutdown).await;
            Ok::<(), AgentError>(())
        });
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(10));
        while TcpStream::connect(address).await.is_err() {
            assert!(!listening.is_finished(), "it cannot listen on {address}");
            ticks.tick().await;
        }
        assert_eq!(shown_until(&node, address).await?, NOW + 90 * DAY);
        assert!(!certificate.adopt(&node.root)?, "nothing is new");
        node.certify(NOW + 60 * DAY)?;
        assert!(certificate.adopt(&node.root)?);
        assert_eq!(shown_until(&node, address).await?, NOW + 150 * DAY);
        drop(end);
        Ok(listening.await??)
    }

    #[test]
    fn a_damaged_file_is_told_and_the_certificate_before_is_shown_on() -> anyhow::Result<()> {
        let node = Node::new()?;
        node.certify(NOW)?;
        let mut certificate = NodeCertificate::load(&node.root)?;
        std::fs::write(node.root.join(paths::NODE_CERTIFICATE), "cut")?;
        certificate.adopt(&node.root).expect_err("it is damaged");
        assert_eq!(certificate.served().summary().not_after, NOW + 90 * DAY);
        Ok(())
    }
}
