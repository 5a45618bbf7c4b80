//! An election of a founder over the networks of this machine: it announces itself, hears the others, and records what
//! it stands by before it says so.
//!
//! What a crash leaves is the record, from which the next run goes on as the same machine.

mod hall;
mod pace;
pub mod record;
#[cfg(test)]
mod tests;

pub use record::Recorded;

use crate::discovery::datagram::Announced;
use crate::discovery::election::{Announcement, Candidate, Names, Record, Standing, Terms};
use crate::discovery::lines::{Ears, Lines};
use crate::discovery::{DiscoveryError, Scope};
use crate::identity::election::ElectionKey;
use crate::identity::key::random;
use crate::model::ids::{NodeName, TokenId};
use hall::{Copy, Hall};
use pace::Pace;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// An election, as this machine was told of it.
pub struct Contest {
    /// The UDP port of discovery.
    pub port: u16,
    /// Over which interfaces.
    pub scope: Scope,
    /// How many machines take part.
    pub expected: NonZeroU16,
    /// The token's public id.
    pub token: TokenId,
    /// What seals announcements.
    pub key: ElectionKey,
    /// What this node will be called.
    pub node: NodeName,
}

/// Where this machine stands, for who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// By itself.
    pub standing: Standing,
    /// In words, with what is amiss.
    pub text: String,
}

impl Contest {
    fn pace(&self) -> Pace {
        Pace::of(self.expected.get())
    }

    /// For how long one search for a master should last.
    pub fn round(&self) -> Duration {
        self.pace().settle / 2
    }

    /// Takes part for as long as it is polled; never ends well. Whatever changes in the record is saved by `save`,
    /// synced, before it is said.
    ///
    /// # Errors
    /// When the record cannot be saved, the interfaces cannot be listed, or a copy of this machine takes part.
    pub async fn run(
        self,
        mut recorded: Recorded,
        mut save: impl FnMut(&Recorded) -> Result<(), DiscoveryError>,
        told: watch::Sender<Option<Told>>,
    ) -> Result<std::convert::Infallible, DiscoveryError> {
        let (life, seed) = (drawn::<16>()?, drawn::<32>()?);
        let (mut lines, mut ears) = (Lines::new(self.scope, self.port, seed), Ears::open(self.port));
        let mut hall = self.hall(&recorded, life);
        let (mut next, mut announced) = (Instant::now(), 0);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next.into()) => {
                    lines.look().map_err(DiscoveryError::Network)?;
                    ears.join(&mut lines);
                    let (step, text) = hall.consider(Instant::now());
                    if let Some(record) = step.write {
                        recorded.record = record;
                        recorded.supported = supported(record, &hall.names);
                        tracing::info!(candidate = %recorded.candidate.short(), ?record, "election: recorded");
                        save(&recorded)?;
                    }
                    let datagram = self.datagram(step.say, life);
                    lines.send(|_| datagram.clone()).await;
                    told.send_replace(Some(Told { standing: step.standing, text }));
                    next = Instant::now() + self.pace().pause(&life, announced);
                    announced += 1;
                }
                (bytes, from) = ears.next() => {
                    let Some(from) = from else { continue };
                    hall.hear(&bytes, from.ip(), Instant::now())
                        .map_err(|Copy { node, at }| DiscoveryError::Copied { node, at })?;
                }
            }
        }
    }

    fn hall(&self, recorded: &Recorded, life: [u8; 16]) -> Hall<'_> {
        let Pace { settle, fresh, .. } = self.pace();
        let terms = Terms::new(self.expected.into(), fresh, settle);
        let candidate = Candidate::new(recorded.candidate, terms, recorded.record, Instant::now());
        let mut names = Names::from([(recorded.candidate, self.node.to_string())]);
        if let (Record::Supports(whom), Some(name)) = (recorded.record, &recorded.supported) {
            names.insert(whom, name.clone());
        }
        Hall::new(self, candidate, names, life)
    }

    fn datagram(&self, said: Announcement, life: [u8; 16]) -> Vec<u8> {
        let (token, node) = (self.token.to_string(), self.node.to_string());
        let announced = Announced { life, token, expected: self.expected.get(), said, node };
        announced.sealed(&self.key).expect("the names of nodes and the ids of tokens can be announced")
    }
}

fn supported(record: Record, names: &Names) -> Option<String> {
    match record {
        Record::Supports(whom) => names.get(&whom).cloned(),
        Record::Free | Record::Elected => None,
    }
}

fn drawn<const N: usize>() -> Result<[u8; N], DiscoveryError> {
    random::<N>().map_err(DiscoveryError::Identity)
}
