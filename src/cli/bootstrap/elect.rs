//! `--expect N`: the same command on N machines. Whoever hears the cluster joins it; where there is none, they elect
//! the one that founds it.
//!
//! While an election lasts nothing of this machine is changed but its record. A crash leaves that, and the next run
//! goes on as the same machine.

use crate::cli::bootstrap::decide::{Aim, Asked, BootstrapArguments};
use crate::cli::bootstrap::detect;
use crate::cli::bootstrap::line::CommandLine;
use crate::cli::bootstrap::look::{self, Able};
use crate::cli::bootstrap::part::Part;
use crate::cli::bootstrap::quest::Quest;
use crate::cli::context::{Context, failure};
use crate::cli::error::CliError;
use crate::discovery::contest::{Contest, Recorded};
use crate::discovery::election::{Record, Standing};
use crate::discovery::{DiscoveryError, Scope};
use crate::identity::election::ElectionKey;
use crate::identity::key::random;
use crate::identity::token::Token;
use crate::journal::lock::OperationLock;
use crate::model::digest::Fingerprint;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::steps::Decision;
use crate::view::progress::Progress;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long nobody may have answered before a cluster is founded.
const SILENCE: Duration = Duration::from_secs(2);

/// The same where somebody answered whose master was not reached: it may only be starting.
const CLAIMED: Duration = Duration::from_secs(15);

/// How many machines are to elect a founder, if this run is one of an election.
pub(super) fn expected(arguments: &BootstrapArguments, asked: &Asked) -> Option<NonZeroU16> {
    arguments.expect.filter(|_| asked.aim == Aim::FirstNode)
}

/// What this machine recorded of an election, with the directories that were made for it.
///
/// # Errors
/// When it cannot be read, or the lock's own file cannot be written.
pub(super) fn recorded(context: &Context, lock: &mut OperationLock) -> Result<Option<Recorded>, Failure> {
    let recorded = Recorded::load(&context.root).map_err(failure)?;
    if let Some(recorded) = &recorded {
        lock.adopt(&recorded.made).map_err(failure)?;
    }
    Ok(recorded)
}

/// An election as this run sees it.
pub(super) struct Election<'a> {
    pub context: &'a Context,
    pub arguments: &'a BootstrapArguments,
    pub expected: NonZeroU16,
    /// An unfinished bootstrap of this machine, which founds: it goes on unless another one did meanwhile.
    pub before: Option<&'a Decision>,
    pub progress: &'a Arc<Progress>,
    pub deadline: Instant,
}

impl Election<'_> {
    /// Takes part until a cluster answers, which is then what is joined, or this machine is elected. The part of one
    /// that was elected lasts for as long as it is kept.
    ///
    /// # Errors
    /// When this machine could not found a cluster, has no token for it, the time is over, or the operator interrupts.
    pub(super) fn settle(
        &self,
        asked: &mut Asked,
        recorded: Option<Recorded>,
        lock: &OperationLock,
        line: &mut CommandLine,
    ) -> Result<Option<Part>, Failure> {
        let token = pre_shared(asked.token.as_ref())?;
        let (id, key) = (token.id.clone(), ElectionKey::of(&token.key()));
        let able =
            look::able(self.context, self.arguments, asked, self.before, self.progress, self.deadline)?;
        self.progress.emit(Event::Phase { name: "elect".to_owned() });
        let contest = Contest {
            port: asked.config.cluster.discovery.port,
            scope: Scope::of(asked.config.node.advertise_address),
            expected: self.expected,
            token: id.clone(),
            key,
            node: asked.name(&able.facts)?,
        };
        let round = contest.round();
        let part = match self.before {
            Some(_) => None,
            None => {
                let recorded = recorded.filter(|recorded| recorded.token == id);
                let recorded = recorded.map_or_else(|| new(&id, lock), Ok)?;
                Some(Part::begin(self.context, contest, recorded)?)
            }
        };
        self.until_settled(asked, &able, round, part, line)
    }

    fn until_settled(
        &self,
        asked: &mut Asked,
        able: &Able,
        round: Duration,
        mut part: Option<Part>,
        line: &mut CommandLine,
    ) -> Result<Option<Part>, Failure> {
        let began = Instant::now();
        let mut quest = Quest::new(self.context, self.progress, (began, self.deadline));
        let mut silent = Duration::ZERO;
        loop {
            let elected = part.as_ref().is_none_or(|part| part.standing() == Some(Standing::Elected));
            let rest = round.min(self.deadline.saturating_duration_since(Instant::now()));
            let heard = quest.round(asked, able, self.before, rest, part.as_mut())?;
            if let Some(found) = &heard.ours {
                detect::joins(asked, found, line, self.progress);
                return Ok(None);
            }
            silent += heard.elapsed;
            if elected && silent >= if heard.claimed { CLAIMED } else { SILENCE } {
                self.founds(silent);
                return Ok(part);
            }
            if Instant::now() >= self.deadline {
                return Err(unelected(part.as_ref(), began.elapsed()));
            }
        }
    }

    fn founds(&self, silent: Duration) {
        let text = match self.before {
            Some(before) => format!("no other cluster answered: this goes on to found {}", before.cluster),
            None => format!(
                "elected by more than half of {} machines, and no cluster answered within {:.1} s: this founds it",
                self.expected,
                silent.as_secs_f64()
            ),
        };
        self.progress.emit(Event::Note { text });
    }
}

fn unelected(part: Option<&Part>, took: Duration) -> Failure {
    let standing = part.map_or_else(|| "it was not looked for long enough".to_owned(), Part::told);
    failure(DiscoveryError::Unelected { seconds: took.as_secs_f64().round() as u64, standing })
}

/// The token by which the machines of an election know each other: one that no cluster made.
///
/// # Errors
/// When there is none, or a cluster made it.
pub fn pre_shared(token: Option<&Token>) -> Result<&Token, Failure> {
    let token = token.ok_or_else(|| failure(CliError::ElectionToken))?;
    match token.authority {
        None => Ok(token),
        Some(_) => Err(failure(CliError::TokenOfCluster { id: token.id.to_string() })),
    }
}

/// The record of a machine that takes part for the first time.
fn new(token: &crate::model::ids::TokenId, lock: &OperationLock) -> Result<Recorded, Failure> {
    let candidate = Fingerprint::from_bytes(random::<32>().map_err(failure)?);
    Ok(Recorded {
        token: token.clone(),
        candidate,
        record: Record::Free,
        supported: None,
        made: lock.made().to_vec(),
    })
}
