//! The search for the cluster of an election, round after round: the one whose master knows the token.

use crate::cli::bootstrap::decide::Asked;
use crate::cli::bootstrap::judgement;
use crate::cli::bootstrap::look::Able;
use crate::cli::bootstrap::part::Part;
use crate::cli::context::{Context, failure};
use crate::cli::search::interrupted;
use crate::client::Terms;
use crate::discovery::ask::Asking;
use crate::discovery::choice::{self, Wanted, described};
use crate::discovery::{Findings, Found, Scope, Standing, find};
use crate::model::digest::Fingerprint;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink, Wait};
use crate::steps::{Decision, StepFailure};
use crate::view::progress::Progress;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long others are waited for once one answered.
const SETTLE: Duration = Duration::from_millis(200);

/// What one round came to.
pub(super) struct Heard {
    /// The cluster to join.
    pub ours: Option<Found>,
    /// Whether somebody answered who may be it, and whose master was not reached.
    pub claimed: bool,
    /// How long it was listened.
    pub elapsed: Duration,
}

/// The search.
pub(super) struct Quest<'a> {
    context: &'a Context,
    progress: &'a Arc<Progress>,
    began: Instant,
    deadline: Instant,
    /// Authorities of clusters that do not know the token.
    others: BTreeSet<Fingerprint>,
    /// Who claims to be a master, and why it was not believed.
    claim: Option<String>,
    shown: String,
}

impl<'a> Quest<'a> {
    pub(super) fn new(
        context: &'a Context,
        progress: &'a Arc<Progress>,
        (began, deadline): (Instant, Instant),
    ) -> Self {
        let (others, claim, shown) = (BTreeSet::new(), None, String::new());
        Self { context, progress, began, deadline, others, claim, shown }
    }

    /// Listens for so long, and tells what is waited for.
    ///
    /// # Errors
    /// When it cannot be listened, several clusters are meant, the part of this machine ended, or the operator
    /// interrupts.
    pub(super) fn round(
        &mut self,
        asked: &Asked,
        able: &Able,
        before: Option<&Decision>,
        patience: Duration,
        part: Option<&mut Part>,
    ) -> Result<Heard, Failure> {
        let asking = Asking {
            port: asked.config.cluster.discovery.port,
            scope: Scope::of(asked.config.node.advertise_address),
            patience,
            settle: Some(SETTLE),
            apart_from: None,
        };
        let findings = self.listen(&asking, part)?;
        let wanted = Wanted { cluster: asked.config.cluster.id.clone(), authority: asked.pin() };
        // The master of this machine's own unfinished bootstrap may answer already.
        let own =
            |found: &Found| before.is_some_and(|before| before.cluster.as_str() == found.statement.cluster);
        let meant = findings.clusters.into_iter().filter(|found| wanted.is(found) && !own(found));
        let (verified, claims): (Vec<Found>, Vec<Found>) = meant.partition(Found::is_verified);
        self.claim = claims.first().map(claimed);
        let mut ours = Vec::new();
        for found in verified {
            if self.is_ours(asked, able, &found)? {
                ours.push(found);
            }
        }
        let ours = choice::choose(&ours, &wanted).map_err(failure)?.cloned();
        Ok(Heard { ours, claimed: self.claim.is_some(), elapsed: findings.elapsed })
    }

    fn listen(&mut self, asking: &Asking, mut part: Option<&mut Part>) -> Result<Findings, Failure> {
        let context = self.context;
        context.block_on(async {
            let terms = Terms::default().stopped_by(context.interrupted.clone());
            let search = find(asking, &terms);
            tokio::pin!(search);
            let stopped = interrupted(context);
            tokio::pin!(stopped);
            loop {
                self.tell(part.as_deref());
                let spoke = async {
                    match part.as_deref_mut() {
                        Some(part) => part.spoke().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    found = &mut search => return found.map_err(failure),
                    spoke = spoke => spoke?,
                    () = &mut stopped => {
                        let what = "the election of a founder".to_owned();
                        return Err(failure(StepFailure::Interrupted { what }));
                    }
                }
            }
        })
    }

    fn tell(&mut self, part: Option<&Part>) {
        let mut cause = part.map_or_else(|| "another cluster that answers".to_owned(), Part::told);
        if let Some(claim) = &self.claim {
            cause = format!("{cause}; {claim}");
        }
        if let Some(part) = part.filter(|_| cause != self.shown) {
            tracing::info!(standing = ?part.standing(), "election: {cause}");
            self.shown.clone_from(&cause);
        }
        let (began, until) = (self.began, self.deadline);
        self.progress.expect(Some(Wait { cause, began, until, retry: until }));
    }

    /// Whether the master of this cluster knows the token; one that does not is told once.
    fn is_ours(&mut self, asked: &Asked, able: &Able, found: &Found) -> Result<bool, Failure> {
        if self.others.contains(&found.statement.authority) {
            return Ok(false);
        }
        let known = judgement::knows_token(self.context, asked, able, found)?;
        if !known {
            self.others.insert(found.statement.authority);
            let text = format!(
                "{} does not know the token: it is another cluster than the one that is made here",
                described(found)
            );
            self.progress.emit(Event::Note { text });
        }
        Ok(known)
    }
}

impl Drop for Quest<'_> {
    fn drop(&mut self) {
        self.progress.expect(None);
    }
}

fn claimed(found: &Found) -> String {
    let why = match &found.standing {
        Standing::Unverified(why) => why.as_str(),
        Standing::Verified => "",
    };
    format!("{} answers, and its master is not reached: {why}", described(found))
}
