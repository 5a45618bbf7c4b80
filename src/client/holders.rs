//! Who holds a snapshot, and connections to them with this node's certificate.

use crate::client::error::ClientError;
use crate::client::line::Line;
use crate::client::master::{MasterClient, named};
use crate::client::snapshots::HttpSource;
use crate::client::terms::Terms;
use crate::identity::authority::{MASTER_NAME, served_name};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::tls;
use crate::model::ids::{NodeId, SnapshotId};
use crate::wire::snapshots::{Held, Holder};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long a connection to a holder may take.
const CONNECT: Duration = Duration::from_secs(5);

/// The code with which a master says that it has no such route.
const NO_SUCH_ROUTE: &str = "EOS-M027";

/// The source that every master has a snapshot of.
const CLUSTER: &str = "cluster";

/// A snapshot and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The snapshot.
    pub id: SnapshotId,
    /// Who has it, in the order in which to ask, the master last.
    pub holders: Vec<Holder>,
}

/// Asks the master which snapshot is meant by the name of a source, an id or its beginning, and who has it
/// besides `own`. Holders that are silent are left out, unless there are no others.
///
/// # Errors
/// When the master does not answer or knows no such snapshot.
pub async fn find(master: &MasterClient, meant: &str, own: Option<&NodeId>) -> Result<Found, ClientError> {
    match master.holders(meant).await {
        Ok(held) => Ok(others(held, own)),
        // A master that keeps no list of holders hands out the cluster's own snapshot all the same.
        Err(ClientError::Refused { failure }) if failure.code == NO_SUCH_ROUTE && meant == CLUSTER => {
            let id = master.latest_snapshot().await?.id;
            Ok(Found { id, holders: vec![master_itself(master.address())] })
        }
        Err(error) => Err(error),
    }
}

/// The master as a holder.
pub fn master_itself(address: SocketAddr) -> Holder {
    Holder { node: None, name: "master".to_owned(), address, alive: true, pullers: None }
}

fn others(held: Held, own: Option<&NodeId>) -> Found {
    let mut holders = held.holders;
    holders.retain(|holder| holder.node.is_none() || holder.node.as_ref() != own);
    if holders.iter().any(|holder| holder.alive) {
        holders.retain(|holder| holder.alive);
    }
    Found { id: held.snapshot.id, holders }
}

/// Makes connections to holders.
pub struct Connector {
    authority: String,
    certificate: String,
    key: PrivateKey,
    local: Option<IpAddr>,
    terms: Terms,
    runtime: Handle,
}

impl Connector {
    /// With this certificate and key, believing this authority; each connection comes from `local`.
    pub fn new(
        authority: String,
        (certificate, key): (String, PrivateKey),
        local: Option<IpAddr>,
        runtime: Handle,
    ) -> Self {
        Self { authority, certificate, key, local, terms: Terms::default(), runtime }
    }

    /// The same, for calls on these terms.
    #[must_use]
    pub fn on(self, terms: Terms) -> Self {
        Self { terms, ..self }
    }

    /// The holder as a source. Only the node itself is believed, by the id in its certificate.
    ///
    /// # Errors
    /// When keys or certificates are damaged.
    pub fn source(&self, holder: &Holder) -> Result<HttpSource, ClientError> {
        let address = holder.address;
        let failed = |source| ClientError::Identity { address, source };
        let config = tls::client(&self.authority, Some((&self.certificate, &self.key))).map_err(failed)?;
        let certified = match &holder.node {
            None => MASTER_NAME.to_owned(),
            Some(id) => {
                served_name(&Subject::Node(id.clone())).expect("every node has a name to be asked by")
            }
        };
        let local = self.local.filter(|local| local.is_ipv4() == address.is_ipv4());
        let http = named(&certified, address, config.clone(), local, CONNECT);
        let line = Line::new(Arc::new(config), &certified, address, local);
        let name = format!("{} ({address})", holder.name);
        Ok(HttpSource::at(
            (http, line, &certified),
            (name, address),
            self.terms.clone(),
            self.runtime.clone(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::snapshots::Holding;

    fn holder(node: Option<&str>, alive: bool) -> Holder {
        let node = node.map(|id| NodeId::parse(id).expect("an id"));
        Holder { node, alive, ..master_itself(([10, 0, 0, 1], 4506).into()) }
    }

    #[test]
    fn a_node_does_not_ask_itself_and_asks_the_silent_only_when_all_are() {
        let snapshot = Holding {
            id: SnapshotId::parse("abc").expect("an id"),
            source: "metrics".to_owned(),
            generation: 1,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            restore_bytes: 1,
            stored_bytes: 1,
        };
        let own = NodeId::parse("n-1").expect("an id");
        let found = |holders: &[(Option<&str>, bool)]| {
            let holders = holders.iter().map(|(node, alive)| holder(*node, *alive)).collect();
            let found = others(Held { snapshot: snapshot.clone(), holders }, Some(&own));
            let name = |one: Holder| one.node.map_or("master".to_owned(), String::from);
            found.holders.into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found(&[(Some("n-1"), true), (Some("n-2"), true), (None, true)]), ["n-2", "master"]);
        assert_eq!(found(&[(Some("n-2"), true), (Some("n-3"), false)]), ["n-2"]);
        assert_eq!(found(&[(Some("n-1"), true), (Some("n-3"), false)]), ["n-3"]);
        assert_eq!(found(&[(Some("n-1"), true)]), [""; 0]);
    }
}
