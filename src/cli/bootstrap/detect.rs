//! What this machine shall become when neither the command line nor a file says so: asked of the network.

use crate::cli::bootstrap::decide::{Aim, Asked, BootstrapArguments};
use crate::cli::bootstrap::line::CommandLine;
use crate::cli::context::{Context, failure};
use crate::cli::search::Search;
use crate::discovery::choice::{self, Wanted, described};
use crate::discovery::{DiscoveryError, Findings, Found, family};
use crate::model::config::DiscoveryMethod;
use crate::model::explain::Failure;
use crate::model::ids::ClusterId;
use crate::model::progress::{Event, Sink};
use crate::steps::Decision;
use crate::view::progress::Progress;
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
    /// Whether there is a cluster of this name already.
    Namesakes(ClusterId),
}

fn seeks(arguments: &BootstrapArguments, asked: &Asked, before: Option<&Decision>) -> Seeks {
    if asked.aim != Aim::FirstNode {
        return Seeks::Nothing;
    }
    if arguments.auto_discover {
        return Seeks::Cluster;
    }
    let off = asked.config.cluster.discovery.method == DiscoveryMethod::None;
    if before.is_some() || arguments.new_cluster || off {
        return Seeks::Nothing;
    }
    match &asked.config.cluster.id {
        Some(id) if arguments.single_node => Seeks::Namesakes(id.clone()),
        None if arguments.single_node => Seeks::Nothing,
        // Its cluster is there, and this is none of its first nodes.
        _ if asked.token.as_ref().is_some_and(|token| token.authority.is_some()) => Seeks::Cluster,
        _ => Seeks::Any,
    }
}

/// Settles what this machine shall become.
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
            unasked(arguments, asked, before, progress);
            return Ok(());
        }
        Seeks::Cluster => TO_JOIN,
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
        None if seeks == Seeks::Any => founds(asked, &findings, progress),
        None => {}
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
    if let Some((from, version)) = findings.unread.first() {
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

fn joins(asked: &mut Asked, found: &Found, line: &mut CommandLine, progress: &Arc<Progress>) {
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

fn founds(asked: &Asked, findings: &Findings, progress: &Arc<Progress>) {
    let seconds = findings.elapsed.as_secs_f64();
    let mut text = if findings.ways.iter().all(|way| way.sent == 0) {
        "no cluster was named, and none could be looked for: no interface carries multicast".to_owned()
    } else {
        format!("no cluster was named, and none answered on the network within {seconds:.1} s")
    };
    if let (Some(id), false) = (&asked.config.cluster.id, findings.clusters.is_empty()) {
        let others: Vec<String> = findings.clusters.iter().map(described).collect();
        text = format!("{} answered, and not {id}", others.join(", "));
    }
    text.push_str(": this founds a new one; to join one, run eos bootstrap --join-cluster ADDRESS");
    progress.emit(Event::Note { text });
}

/// Nobody named a cluster, and none is looked for: a new one must not come as a surprise.
fn unasked(
    arguments: &BootstrapArguments,
    asked: &Asked,
    before: Option<&Decision>,
    progress: &Arc<Progress>,
) {
    let said = arguments.single_node || arguments.new_cluster;
    if asked.aim == Aim::FirstNode && !said && before.is_none() {
        let text = "no cluster was named, and none was looked for, since cluster.discovery.method is none: this \
                    founds a new one; to join one, run eos bootstrap --join-cluster ADDRESS";
        progress.emit(Event::Note { text: text.to_owned() });
    }
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
