//! Finds clusters: asks, and has each master that answered stand by its answer.
//!
//! A datagram proves nothing by itself: whoever hears the nonce can answer to it. So the API that it names is looked
//! at, and it has to show the authority that was named and the certificate of the key that signed.

use crate::client::{ClientError, Looked, Terms, look};
use crate::discovery::ask::{Asking, Ignored, Reply, Way, ask};
use crate::discovery::datagram::{Answer, Statement};
use crate::discovery::error::DiscoveryError;
use crate::identity::key::random;
use crate::identity::signature;
use crate::wire::version::Versions;
use futures_util::future::join_all;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// For how long a master's API is waited for.
const LOOK: Duration = Duration::from_secs(2);

/// The least time that is worth asking once more.
const WORTHWHILE: Duration = Duration::from_millis(100);

/// Claims that are looked at in one round.
const MOST_CLAIMS: usize = 32;

/// A cluster that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What its master says.
    pub statement: Statement,
    /// Who sent the answer.
    pub from: SocketAddr,
    /// The interface that was asked over.
    pub interface: String,
    /// The group that was asked.
    pub group: IpAddr,
    /// The time from the first query to the first answer.
    pub after: Duration,
    /// What looking at its API showed.
    pub standing: Standing,
}

/// What became of the claim of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The API showed the authority, and the key that signed the answer.
    Verified,
    /// The API could not be looked at.
    Unverified(String),
}

impl Found {
    /// Where its API is.
    pub fn address(&self) -> SocketAddr {
        self.statement.addresses[0]
    }

    /// Whether both sides have a protocol in common.
    pub fn speaks(&self) -> bool {
        self.statement.versions.meets(&Versions::own())
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Every cluster and master once, by cluster and address.
    pub clusters: Vec<Found>,
    /// Who answered in a version of the datagrams that this build does not read.
    pub unread: Vec<(SocketAddr, u8)>,
    /// What was put aside.
    pub ignored: Ignored,
    /// What was tried.
    pub ways: Vec<Way>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Asks until the patience is over or somebody is found. Answers that nobody stands by count as silence.
///
/// # Errors
/// When the interfaces cannot be listed, or the operating system gives no randomness.
pub async fn find(asking: &Asking, terms: &Terms) -> Result<Findings, DiscoveryError> {
    let began = Instant::now();
    let mut ignored = Ignored::default();
    let mut left = asking.patience;
    loop {
        let seed = random::<32>().map_err(DiscoveryError::Identity)?;
        let heard =
            ask(&Asking { patience: left, ..*asking }, &seed).await.map_err(DiscoveryError::Network)?;
        let own = |reply: &Reply| {
            let said = &reply.answer.statement;
            asking.apart_from == Some((said.authority, said.addresses[0]))
        };
        let others = heard.answers.into_iter().filter(|reply| !own(reply)).collect();
        let (clusters, put_aside) = stand_by(others, terms).await;
        ignored = ignored.and(heard.ignored).and(put_aside);
        left = asking.patience.saturating_sub(began.elapsed());
        if !clusters.is_empty() || !heard.unread.is_empty() || left < WORTHWHILE {
            let (unread, ways) = (heard.unread, heard.ways);
            return Ok(Findings { clusters, unread, ignored, ways, elapsed: began.elapsed() });
        }
    }
}

/// What masters stand by of these answers, each once, and how much was put aside.
async fn stand_by(replies: Vec<Reply>, terms: &Terms) -> (Vec<Found>, Ignored) {
    let mut ignored = Ignored::default();
    // The same over several interfaces is one claim; each signature is looked at all the same.
    let mut claims: Vec<Vec<Reply>> = Vec::new();
    for reply in replies {
        let same = |claim: &Vec<Reply>| claim[0].answer.statement == reply.answer.statement;
        match claims.iter().position(same) {
            Some(at) => claims[at].push(reply),
            None if claims.len() < MOST_CLAIMS => claims.push(vec![reply]),
            None => ignored.excess += 1,
        }
    }
    let mut found = Vec::new();
    for (cluster, forged) in join_all(claims.into_iter().map(|claim| judge(claim, terms))).await {
        found.extend(cluster);
        ignored.forged += forged;
    }
    found.sort_by(|left: &Found, right| {
        let key = |found: &Found| (found.statement.cluster.clone(), found.address(), found.after);
        key(left).cmp(&key(right))
    });
    (found, ignored)
}

/// Looks at the API that these answers, all of the same words, name.
async fn judge(claim: Vec<Reply>, terms: &Terms) -> (Option<Found>, u64) {
    let statement = &claim[0].answer.statement;
    let looked = look(statement.addresses[0], None, Some(statement.authority), LOOK, terms).await;
    let all = claim.len() as u64;
    let (good, standing): (Vec<Reply>, Standing) = match &looked {
        Ok(looked) => {
            let good = |reply: &Reply| stands(&reply.answer, looked);
            (claim.into_iter().filter(good).collect(), Standing::Verified)
        }
        // Who answers there is somebody else, or nobody that the named authority signed for.
        Err(ClientError::Identity { .. }) => (Vec::new(), Standing::Verified),
        Err(error) => (claim, Standing::Unverified(error.to_string())),
    };
    let forged = all - good.len() as u64;
    let first = good.into_iter().min_by_key(|reply| reply.after);
    let found = first.map(|Reply { answer, from, interface, group, after }| Found {
        statement: answer.statement,
        from,
        interface,
        group,
        after,
        standing,
    });
    (found, forged)
}

/// Whether the master that was looked at signed this answer, and is of the cluster that it names.
fn stands(answer: &Answer, looked: &Looked) -> bool {
    let signed = signature::verify_master(
        &answer.signed(),
        &answer.signature,
        &looked.certificate_pem,
        &looked.authority_pem,
        answer.statement.authority,
        "an answer of discovery",
    );
    signed.is_ok() && looked.hello.cluster.as_str() == answer.statement.cluster
}
