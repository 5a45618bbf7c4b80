//! Finds clusters: asks, and has each master that answered stand by its answer.
//!
//! A datagram proves nothing by itself: whoever hears the nonce can answer to it. So the API that it names is looked
//! at, and it has to show the authority that was named and the certificate of the key that signed.

use crate::client::{ClientError, Looked, Terms, look};
use crate::discovery::ask::{Asking, Heard, Ignored, Reply, Way, ask};
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

    /// Whether its master stands by the answer.
    pub fn is_verified(&self) -> bool {
        self.standing == Standing::Verified
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

impl Findings {
    /// Takes what another round of asking found: what it says anew takes the place of what was said before, and what
    /// was tried adds up.
    fn take(&mut self, clusters: Vec<Found>, heard: Heard) {
        let again = |found: &Found| clusters.iter().any(|new| new.statement == found.statement);
        self.clusters.retain(|found| !again(found));
        self.clusters.extend(clusters);
        self.clusters.sort_by_key(|found| (found.statement.cluster.clone(), found.address(), found.after));
        let unread: Vec<_> = heard.unread.into_iter().filter(|told| !self.unread.contains(told)).collect();
        self.unread.extend(unread);
        self.ignored = self.ignored.and(heard.ignored);
        for way in heard.ways {
            let same = |known: &&mut Way| (&known.interface, known.group) == (&way.interface, way.group);
            match self.ways.iter_mut().find(same) {
                Some(known) => {
                    known.sent += way.sent;
                    known.heard_back |= way.heard_back;
                    known.trouble = way.trouble;
                }
                None => self.ways.push(way),
            }
        }
    }
}

/// Asks until the patience is over or a cluster is found that stands by its answer. Anything else anybody can send: it
/// is told, and ends nothing.
///
/// # Errors
/// When the interfaces cannot be listed, or the operating system gives no randomness.
pub async fn find(asking: &Asking, terms: &Terms) -> Result<Findings, DiscoveryError> {
    let began = Instant::now();
    let mut findings = Findings::default();
    let mut left = asking.patience;
    loop {
        let seed = random::<32>().map_err(DiscoveryError::Identity)?;
        let mut heard =
            ask(&Asking { patience: left, ..*asking }, &seed).await.map_err(DiscoveryError::Network)?;
        let own = |reply: &Reply| {
            let said = &reply.answer.statement;
            asking.apart_from == Some((said.authority, said.addresses[0]))
        };
        let others = std::mem::take(&mut heard.answers).into_iter().filter(|reply| !own(reply)).collect();
        let (clusters, put_aside) = stand_by(others, terms).await;
        findings.ignored = findings.ignored.and(put_aside);
        findings.take(clusters, heard);
        left = asking.patience.saturating_sub(began.elapsed());
        if left < WORTHWHILE || findings.clusters.iter().any(Found::is_verified) {
            findings.elapsed = began.elapsed();
            return Ok(findings);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::GROUP_V4;

    fn heard(heard_back: bool) -> Heard {
        let way = Way { interface: "eth0".to_owned(), group: GROUP_V4, sent: 2, heard_back, trouble: None };
        let unread = vec![(SocketAddr::from(([10, 0, 1, 40], 4505)), 7)];
        Heard { ways: vec![way], unread, ..Heard::default() }
    }

    #[test]
    fn what_one_round_of_asking_showed_stands_after_a_shorter_one() {
        let mut findings = Findings::default();
        findings.take(Vec::new(), heard(true));
        findings.take(Vec::new(), heard(false));
        let [way] = &findings.ways[..] else { panic!("one way: {:?}", findings.ways) };
        assert_eq!((way.sent, way.heard_back), (4, true));
        assert_eq!(findings.unread.len(), 1);
    }
}
