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
use crate::model::ids::{NodeId, NodeName, SnapshotId};
use crate::wire::snapshots::{Held, Holder, Holding};
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
    /// What its holders say of it, by which it was chosen and which its manifest has to bear out; none when it was
    /// chosen by its id.
    pub told: Option<Holding>,
    /// Who has it, in the order in which to ask, the master last.
    pub holders: Vec<Holder>,
    /// Others of the same source, of which the first may be taken when this one cannot be had.
    pub others: Vec<Found>,
    /// Nodes of which the master does not know what they hold.
    pub untold: Vec<NodeName>,
}

/// Somebody was named who does not have the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoHolder {
    /// As given.
    pub from: String,
    /// Who has it.
    pub known: Vec<String>,
}

impl Found {
    fn of(held: Held, meant: &str, own: Option<&NodeId>) -> Self {
        let Held { snapshot, mut holders, others, untold } = held;
        holders.retain(|holder| holder.node.is_none() || holder.node.as_ref() != own);
        if holders.iter().any(|holder| holder.alive) {
            holders.retain(|holder| holder.alive);
        }
        let others = others.into_iter().map(|one| Self::of(one, meant, own)).collect();
        let id = snapshot.id.clone();
        Self { id, told: Some(snapshot).filter(|one| one.source == meant), holders, others, untold }
    }

    /// It and the others, in the order in which they may be taken.
    pub fn candidates(mut self) -> Vec<Self> {
        let others = std::mem::take(&mut self.others);
        std::iter::once(self).chain(others).collect()
    }

    /// The holders with these names, ids or addresses, or all.
    ///
    /// # Errors
    /// When one that is named is no holder.
    pub fn chosen(&self, from: &[String]) -> Result<Vec<Holder>, NoHolder> {
        let names = |holder: &Holder, text: &str| {
            holder.name == text
                || holder.node.as_ref().is_some_and(|id| id.as_str() == text)
                || holder.address.to_string() == text
                || holder.address.ip().to_string() == text
        };
        if let Some(from) = from.iter().find(|text| !self.holders.iter().any(|one| names(one, text))) {
            let known = self.holders.iter().map(|one| format!("{} ({})", one.name, one.address));
            return Err(NoHolder { from: from.clone(), known: known.collect() });
        }
        let wanted = |holder: &&Holder| from.is_empty() || from.iter().any(|text| names(holder, text));
        Ok(self.holders.iter().filter(wanted).cloned().collect())
    }
}

/// Asks the master which snapshot is meant by the name of a source, an id or its beginning, and who has it
/// besides `own`. Holders that are silent are left out, unless there are no others.
///
/// # Errors
/// When the master does not answer or knows no such snapshot.
pub async fn find(master: &MasterClient, meant: &str, own: Option<&NodeId>) -> Result<Found, ClientError> {
    match master.holders(meant).await {
        Ok(held) => Ok(Found::of(held, meant, own)),
        // A master that keeps no list of holders hands out the cluster's own snapshot all the same.
        Err(ClientError::Refused { failure, .. }) if failure.code == NO_SUCH_ROUTE && meant == CLUSTER => {
            let id = master.latest_snapshot().await?.id;
            let holders = vec![master_itself(master.address())];
            Ok(Found { id, told: None, holders, others: Vec::new(), untold: Vec::new() })
        }
        Err(error) => Err(error),
    }
}

/// The master as a holder.
pub fn master_itself(address: SocketAddr) -> Holder {
    Holder { node: None, name: "master".to_owned(), address, alive: true, pullers: None }
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
impl Found {
    /// A snapshot of the source `metrics`, made then, that the nodes with these last numbers hold.
    pub(crate) fn sample(id: &str, created_at: jiff::Timestamp, holders: &[u8]) -> Self {
        let id = SnapshotId::parse(id).expect("an id");
        let holder = |last: &u8| Holder {
            name: format!("node{last}"),
            ..master_itself(([10, 0, 0, *last], 4506).into())
        };
        let told = Holding {
            id: id.clone(),
            source: "metrics".to_owned(),
            generation: 1,
            created_at,
            restore_bytes: 1,
            stored_bytes: 1,
        };
        let holders = holders.iter().map(holder).collect();
        Self { id, told: Some(told), holders, others: Vec::new(), untold: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let held = Held { snapshot: snapshot.clone(), holders, others: Vec::new(), untold: Vec::new() };
            let found = Found::of(held, "metrics", Some(&own));
            let name = |one: Holder| one.node.map_or("master".to_owned(), String::from);
            found.holders.into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found(&[(Some("n-1"), true), (Some("n-2"), true), (None, true)]), ["n-2", "master"]);
        assert_eq!(found(&[(Some("n-2"), true), (Some("n-3"), false)]), ["n-2"]);
        assert_eq!(found(&[(Some("n-1"), true), (Some("n-3"), false)]), ["n-3"]);
        assert_eq!(found(&[(Some("n-1"), true)]), [""; 0]);
    }

    #[test]
    fn holders_are_named_by_name_id_or_address_and_all_are_asked_unless_some_are_named() {
        let named = |name: &str, last: u8| Holder {
            node: NodeId::parse(&format!("n-{name}")).ok(),
            name: name.to_owned(),
            ..master_itself(([10, 0, 0, last], 4506).into())
        };
        let holders = vec![named("node1", 1), named("node2", 2), named("node3", 3)];
        let id = SnapshotId::parse("abcd").expect("an id");
        let found = Found { id, told: None, holders, others: Vec::new(), untold: Vec::new() };
        let chosen = |from: &[&str]| {
            let from: Vec<String> = from.iter().map(|text| (*text).to_owned()).collect();
            let chosen = found.chosen(&from)?;
            Ok::<_, NoHolder>(chosen.into_iter().map(|one| one.name).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(chosen(&[]).as_deref(), Ok("node1 node2 node3"));
        assert_eq!(chosen(&["node2"]).as_deref(), Ok("node2"));
        assert_eq!(chosen(&["10.0.0.3", "n-node1"]).as_deref(), Ok("node1 node3"));
        assert_eq!(chosen(&["10.0.0.2:4506"]).as_deref(), Ok("node2"));
        let missing = chosen(&["node1", "node7"]).expect_err("it has it not");
        assert_eq!((missing.from.as_str(), missing.known.len()), ("node7", 3));
    }
}
