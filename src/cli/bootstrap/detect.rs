//! What this machine shall become when neither the command line nor a file says so: asked of the network.

use crate::cli::bootstrap::decide::{Aim, Asked, BootstrapArguments};
use crate::cli::bootstrap::elect;
use crate::cli::bootstrap::line::CommandLine;
use crate::cli::context::{Context, failure};
use crate::cli::error::CliError;
use crate::cli::search::Search;
use crate::discovery::choice::{self, Wanted, described};
use crate::discovery::{DiscoveryError, Findings, Found, family};
use crate::model::config::DiscoveryMethod;
use crate::model::digest::Fingerprint;
use crate::model::explain::Failure;
use crate::model::ids::ClusterId;
use crate::model::progress::{Event, Sink};
use crate::steps::Decision;
use crate::view::progress::Progress;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long a node that is only to join listens to silence; with the diagnosis it stays below five seconds.
const TO_JOIN: Duration = Duration::from_secs(3);

/// For how long one listens that founds a cluster on silence.
const BEFORE_FOUNDING: Duration = Duration::from_secs(2);

/// For how long one listens whether its cluster's name is taken.
const FOR_NAMESAKES: Duration = Duration::from_millis(800);

/// For how long others are waited for once one answered: every cluster gets a second query in it.
const SETTLE: Duration = Duration::from_millis(200);

/// What is asked of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seeks {
    /// Nothing: what to become was said.
    Nothing,
    /// A cluster to join, and nothing else will do.
    Cluster,
    /// A cluster to join; without one a new one is founded.
    Any,
    /// A cluster to join; without one so many machines elect who founds it.
    Election(NonZeroU16),
    /// Whether there is a cluster of this name already.
    Namesakes(ClusterId),
}

fn seeks(arguments: &BootstrapArguments, asked: &Asked, before: Option<&Decision>) -> Seeks {
    if asked.aim != Aim::FirstNode {
        return Seeks::Nothing;
    }
    match arguments.expect {
        Some(expected) => return Seeks::Election(expected),
        None if arguments.auto_discover => return Seeks::Cluster,
        None => {}
    }
    let off = asked.config.cluster.discovery.method == DiscoveryMethod::None;
    if before.is_some() || arguments.new_cluster || off {
        return Seeks::Nothing;
    }
    match &asked.config.cluster.id {
        Some(id) if arguments.single_node => Seeks::Namesakes(id.clone()),
        None if arguments.single_node => Seeks::Nothing,
        // Its cluster is there, and this is none of its first nodes: a new one would have another authority.
        _ if asked.pin().is_some() => Seeks::Cluster,
        _ => Seeks::Any,
    }
}

/// Settles what this machine shall become. Where machines are to elect it, that is only looked at.
///
/// # Errors
/// When a cluster is to be joined and none answered, several may be meant, the name of a new one is taken, or the
/// operator interrupts.
pub fn detect(
    context: &Context,
    arguments: &BootstrapArguments,
    asked: &mut Asked,
    before: Option<&Decision>,
    line: &mut CommandLine,
    (progress, deadline): (&Arc<Progress>, Instant),
) -> Result<(), Failure> {
    let seeks = seeks(arguments, asked, before);
    let patience = match seeks {
        Seeks::Nothing => {
            return unasked(arguments, asked, before, progress);
        }
        Seeks::Cluster => TO_JOIN,
        Seeks::Election(_) => {
            elect::pre_shared(asked.token.as_ref())?;
            TO_JOIN
        }
        Seeks::Any => BEFORE_FOUNDING,
        Seeks::Namesakes(_) => FOR_NAMESAKES,
    };
    let patience = patience.min(deadline.saturating_duration_since(Instant::now()));
    progress.emit(Event::Phase { name: "discover".to_owned() });
    let config = asked.config.clone();
    let search = Search { config: &config, patience, settle: SETTLE, progress };
    let findings = search.run(context)?;
    put_aside(&findings, progress);
    let found = match &seeks {
        Seeks::Namesakes(id) => {
            choice::guard(&findings.clusters, id).map_err(failure)?;
            None
        }
        _ => chosen(context, asked, &findings, seeks == Seeks::Cluster, &search)?,
    };
    match found {
        Some(found) => joins(asked, found, line, progress),
        None => match seeks {
            Seeks::Any => founds(asked, &findings, progress),
            Seeks::Election(expected) => would_elect(expected, progress),
            Seeks::Nothing | Seeks::Cluster | Seeks::Namesakes(_) => {}
        },
    }
    Ok(())
}

/// The cluster to join; none when one may be founded instead.
fn chosen<'a>(
    context: &Context,
    asked: &Asked,
    findings: &'a Findings,
    only_joins: bool,
    search: &Search<'_>,
) -> Result<Option<&'a Found>, Failure> {
    let wanted = Wanted { cluster: asked.config.cluster.id.clone(), authority: asked.pin() };
    if let Some(found) = choice::choose(&findings.clusters, &wanted).map_err(failure)? {
        return Ok(Some(found));
    }
    let verified = findings.clusters.iter().any(Found::is_verified);
    if let Some((from, version)) = findings.unread.first().filter(|_| !verified) {
        // Whatever it is, nobody founds another cluster beside it without knowing.
        let (theirs, ours) = (
            format!("version {version} of discovery"),
            format!("version {}", crate::discovery::datagram::VERSION),
        );
        return Err(failure(DiscoveryError::Incompatible {
            cluster: format!("a master at {from}"),
            theirs,
            ours,
        }));
    }
    match wanted.name() {
        _ if !only_joins => Ok(None),
        Some(name) if !findings.clusters.is_empty() => Err(failure(choice::others(&findings.clusters, name))),
        _ => Err(search.silence(context, findings)),
    }
}

/// This machine joins the cluster that answered.
pub(super) fn joins(asked: &mut Asked, found: &Found, line: &mut CommandLine, progress: &Arc<Progress>) {
    let milliseconds = found.after.as_millis();
    let text = format!(
        "the cluster {} answered on {} over {} after {milliseconds} ms: this joins it; to found another one: eos \
         bootstrap --new-cluster",
        described(found),
        found.interface,
        family(found.group),
    );
    progress.emit(Event::Note { text });
    asked.aim = Aim::Join(found.address());
    asked.heard = Some(found.statement.authority);
    line.aims(asked.aim);
}

/// What is only looked at takes no part in an election.
fn would_elect(expected: NonZeroU16, progress: &Arc<Progress>) {
    let text = format!(
        "no cluster answered: this machine would take part in the election of a founder among {expected}; what \
         follows is of the one that is elected"
    );
    progress.emit(Event::Note { text });
}

fn founds(asked: &Asked, findings: &Findings, progress: &Arc<Progress>) {
    let text = why_founds(asked.config.cluster.id.as_ref(), findings);
    let text =
        format!("{text}: this founds a new one; to join one, run eos bootstrap --join-cluster ADDRESS");
    progress.emit(Event::Note { text });
}

/// Why no cluster is joined: others answered, nobody did, or nobody could be asked.
fn why_founds(id: Option<&ClusterId>, findings: &Findings) -> String {
    let others: Vec<String> = findings.clusters.iter().map(described).collect();
    let seconds = findings.elapsed.as_secs_f64();
    match id {
        Some(id) if !others.is_empty() => format!("{} answered, and not {id}", others.join(", ")),
        _ if findings.ways.iter().all(|way| way.sent == 0) => {
            "no cluster was named, and none could be looked for: no interface carries multicast".to_owned()
        }
        Some(id) => format!("the cluster {id} did not answer on the network within {seconds:.1} s"),
        None => format!("no cluster was named, and none answered on the network within {seconds:.1} s"),
    }
}

/// Nobody named a cluster, and none is looked for: a new one must not come as a surprise.
fn unasked(
    arguments: &BootstrapArguments,
    asked: &Asked,
    before: Option<&Decision>,
    progress: &Arc<Progress>,
) -> Result<(), Failure> {
    let said = arguments.single_node || arguments.new_cluster;
    if asked.aim == Aim::FirstNode && !said && before.is_none() {
        if let Some(pinned) = asked.pin().filter(|_| asked.token.is_none()) {
            return Err(failure(pinned_and_unasked(pinned)));
        }
        let text = "no cluster was named, and none was looked for, since cluster.discovery.method is none: this \
                    founds a new one; to join one, run eos bootstrap --join-cluster ADDRESS";
        progress.emit(Event::Note { text: text.to_owned() });
    }
    Ok(())
}

/// A new cluster would have another authority than the one that is pinned.
fn pinned_and_unasked(pinned: Fingerprint) -> CliError {
    let line = format!(
        "a cluster of the authority {} is to be joined (cluster.ca_fingerprint), and none is looked for, since \
         cluster.discovery.method is none: name its master with --join-cluster ADDRESS",
        pinned.short()
    );
    CliError::Usage { line }
}

fn put_aside(findings: &Findings, progress: &Arc<Progress>) {
    let ignored = findings.ignored;
    if ignored.forged + ignored.replayed > 0 {
        let text = format!(
            "Identity risk: somebody on the network answers for masters that do not stand by it: {} forged and {} \
             replayed answers were put aside",
            ignored.forged, ignored.replayed
        );
        progress.emit(Event::Warning { text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Config;
    use clap::{Args, Command, FromArgMatches};

    fn arguments(words: &[&str]) -> BootstrapArguments {
        let command = BootstrapArguments::augment_args(Command::new("bootstrap").no_binary_name(true));
        let matches = command.try_get_matches_from(words).expect("a command line");
        BootstrapArguments::from_arg_matches(&matches).expect("its options")
    }

    fn sought(words: &[&str], change: fn(&mut Config)) -> Seeks {
        let mut config = Config::default();
        change(&mut config);
        seeks(&arguments(words), &Asked::of(config), None)
    }

    #[test]
    fn a_plain_bootstrap_with_a_pinned_authority_only_ever_joins() {
        let pin = |config: &mut Config| {
            config.cluster.ca_fingerprint = Some(Fingerprint::from_bytes([1; 32]));
        };
        assert_eq!(sought(&[], |_| ()), Seeks::Any);
        assert_eq!(sought(&[], pin), Seeks::Cluster);
        assert_eq!(sought(&["--new-cluster"], pin), Seeks::Nothing);
        assert_eq!(sought(&["--single-node"], pin), Seeks::Nothing);
    }

    #[test]
    fn why_a_cluster_is_founded_tells_what_was_named_and_who_answered() {
        let id = ClusterId::parse("prod").expect("an id");
        let way = crate::discovery::ask::Way {
            interface: "eth0".to_owned(),
            group: crate::discovery::GROUP_V4,
            sent: 3,
            heard_back: true,
            trouble: None,
        };
        let elapsed = Duration::from_secs(2);
        let silence = Findings { ways: vec![way], elapsed, ..Findings::default() };
        let told = "the cluster prod did not answer on the network within 2.0 s";
        assert_eq!(why_founds(Some(&id), &silence), told);
        let told = "no cluster was named, and none answered on the network within 2.0 s";
        assert_eq!(why_founds(None, &silence), told);
        assert!(why_founds(None, &Findings::default()).contains("no interface carries multicast"));
    }
}
