//! Who takes part in an election, as this machine hears it: the candidate, the names of the others, and what is amiss.
//! Pure.

use super::Contest;
use crate::discovery::datagram::{Announced, Datagram, Nonce};
use crate::discovery::election::{Candidate, Names, Standing, Step};
use crate::model::digest::Fingerprint;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// For how long another program has to speak as this machine before it is taken for a copy: the last words of one that
/// was killed may still be on their way.
const COPIED: Duration = Duration::from_secs(2);

/// Something that is amiss, until it was not heard of for a while.
#[derive(Debug, Clone)]
struct Trouble {
    text: String,
    /// When it was heard of first, and last.
    first: Instant,
    last: Instant,
}

/// What was heard of one kind of trouble.
#[derive(Debug, Clone, Default)]
struct Watch(Option<Trouble>);

impl Watch {
    /// It is heard of, again or anew; for how long it lasts by now.
    fn hear(&mut self, text: String, now: Instant, fresh: Duration) -> Duration {
        let first = self.at(now, fresh).map_or(now, |trouble| trouble.first);
        self.0 = Some(Trouble { text, first, last: now });
        now.saturating_duration_since(first)
    }

    fn at(&self, now: Instant, fresh: Duration) -> Option<&Trouble> {
        self.0.as_ref().filter(|trouble| now.saturating_duration_since(trouble.last) < fresh)
    }
}

/// Somebody takes part as this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// What its node is called.
    pub node: String,
    /// Where it is.
    pub at: IpAddr,
}

/// What is heard, and what follows from it.
pub(super) struct Hall<'a> {
    contest: &'a Contest,
    life: Nonce,
    own: Fingerprint,
    fresh: Duration,
    pub candidate: Candidate,
    pub names: Names,
    /// Machines that were told another number.
    differing: Watch,
    /// Another program that speaks as this machine.
    copied: Watch,
    /// Machines of another token, or another version of the datagrams.
    strangers: Watch,
}

impl<'a> Hall<'a> {
    pub fn new(contest: &'a Contest, candidate: Candidate, names: Names, life: Nonce) -> Self {
        let (own, fresh) = (candidate.own(), contest.pace().fresh);
        let [differing, copied, strangers] = [Watch::default(), Watch::default(), Watch::default()];
        Self { contest, life, own, fresh, candidate, names, differing, copied, strangers }
    }

    /// A datagram came in.
    ///
    /// # Errors
    /// When somebody has been taking part as this machine for too long to be what is left of its last run.
    pub fn hear(&mut self, bytes: &[u8], from: IpAddr, now: Instant) -> Result<(), Copy> {
        let sealed = match Datagram::parse(bytes) {
            Ok(Datagram::Announcement(sealed)) => sealed,
            Ok(Datagram::Unread { version, .. }) => {
                let text = format!("a machine at {from} announces in version {version} of discovery");
                self.strangers.hear(text, now, self.fresh);
                return Ok(());
            }
            // Whoever asks is answered by masters.
            Ok(Datagram::Query { .. } | Datagram::Answer(_)) | Err(_) => return Ok(()),
        };
        if sealed.announced.token != self.contest.token.as_str() || !sealed.opens(&self.contest.key) {
            let text = format!("a machine at {from} takes part with another token");
            self.strangers.hear(text, now, self.fresh);
            return Ok(());
        }
        self.trusted(sealed.announced, from, now)
    }

    fn trusted(&mut self, announced: Announced, from: IpAddr, now: Instant) -> Result<(), Copy> {
        let Announced { life, expected, said, node, .. } = announced;
        if said.from == self.own {
            return if life == self.life { Ok(()) } else { self.copy(node, from, now) };
        }
        self.names.insert(said.from, node.clone());
        if expected == self.contest.expected.get() {
            self.candidate.hear(said, now);
            return Ok(());
        }
        let own = self.contest.expected;
        let text = format!("{node} at {from} was told --expect {expected}, and this machine --expect {own}");
        self.differing.hear(text, now, self.fresh);
        self.candidate.hold(now);
        Ok(())
    }

    fn copy(&mut self, node: String, at: IpAddr, now: Instant) -> Result<(), Copy> {
        self.candidate.hold(now);
        let text = format!("{node} at {at} takes part as this machine");
        if self.copied.hear(text, now, self.fresh) < COPIED { Ok(()) } else { Err(Copy { node, at }) }
    }

    /// What follows, with the words for it.
    pub fn consider(&mut self, now: Instant) -> (Step, String) {
        let step = self.candidate.consider(now);
        let mut text = step.standing.told(&self.names);
        if matches!(step.standing, Standing::Few { .. } | Standing::Agreeing { .. }) {
            let of = |id: &Fingerprint| self.names.get(id).cloned();
            let there: Vec<String> = self.candidate.there().iter().filter_map(of).collect();
            text = format!("{text} (now: {})", there.join(", "));
        }
        for watch in [&self.differing, &self.copied, &self.strangers] {
            if let Some(trouble) = watch.at(now, self.fresh) {
                text = format!("{text}; {}", trouble.text);
            }
        }
        (step, text)
    }
}
