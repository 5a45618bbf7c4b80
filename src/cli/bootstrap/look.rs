//! The look before anything changes: this machine's measurements, the master's answer, the verdicts.

use crate::cli::bootstrap::decide::{Aim, Asked, BootstrapArguments};
use crate::cli::bootstrap::error::BootstrapError;
use crate::cli::bootstrap::{judgement, salt, terms};
use crate::cli::context::{Context, environment, failure};
use crate::cli::done::json;
use crate::client::{ClientError, Looked, MasterClient, Terms, look as look_at};
use crate::host::routes::Reach;
use crate::identity::machine::own_machine_id;
use crate::model::config::DEFAULT_AGENT_PORT;
use crate::model::explain::Failure;
use crate::model::facts::Facts;
use crate::model::progress::{Event, Sink, Wait};
use crate::preflight::address::Selected;
use crate::preflight::{self, Answer, MasterMeasured, Measurements, Report, Requirements};
use crate::steps::{Decision, Kind, StepFailure};
use crate::view::progress::Progress;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one attempt to reach the master may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long the check of the connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How often the way to the master, or back, is tried before it is told that there is none.
const CALLS: usize = 3;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// For how long a master that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was seen.
pub struct Seen {
    /// What this machine is.
    pub facts: Facts,
    /// Its address.
    pub address: Selected,
    /// The master's answer, for a join.
    pub master: Option<Looked>,
}

/// Looks at everything and judges it. Nothing was changed before this, and nothing is changed by it.
///
/// # Errors
/// When a check fails that is not skipped, or the master does not answer or is not the pinned one.
pub fn look(
    context: &Context,
    arguments: &BootstrapArguments,
    asked: &Asked,
    before: Option<&Decision>,
    progress: &Arc<Progress>,
    deadline: Instant,
) -> Result<Seen, Failure> {
    let skipped = preflight::find_all(&arguments.skip_check).map_err(failure)?;
    progress.emit(Event::Phase { name: "preflight".to_owned() });
    let looking = Looking { progress, until: deadline, waits: true };
    let Gathered { measured, looked, refusal } = gather(context, asked, before, &looking)?;
    let results = preflight::judge(&measured, &Requirements::default());
    let report = Report::new(results, &skipped);
    // What the master refuses and nothing else stops is told in its own words.
    if let Some((check, refusal)) = refusal
        && report.failures().iter().all(|failed| failed.name == check)
        && !skipped.iter().any(|skipped| skipped.name == check)
    {
        return Err(refusal);
    }
    for warning in report.warnings() {
        progress.emit(Event::Warning { text: warning.sentence() });
    }
    passed(context, report)?;
    let address = measured.address.map_err(failure)?;
    progress.emit(Event::Note { text: format!("address: {}", address.why) });
    if let Some(looked) = &looked {
        tell_trust(asked, looked, progress);
    }
    Ok(Seen { facts: measured.facts, address, master: looked })
}

/// A machine that could found a cluster.
pub struct Able {
    /// What it is.
    pub facts: Facts,
    /// Its address.
    pub address: IpAddr,
}

/// Looks whether this machine could found a cluster, and tells only what stands in the way.
///
/// # Errors
/// When a check fails that is not skipped.
pub fn able(
    context: &Context,
    arguments: &BootstrapArguments,
    asked: &Asked,
    before: Option<&Decision>,
    progress: &Arc<Progress>,
    deadline: Instant,
) -> Result<Able, Failure> {
    let skipped = preflight::find_all(&arguments.skip_check).map_err(failure)?;
    progress.emit(Event::Phase { name: "preflight".to_owned() });
    let measured = glance(context, asked, before, progress, deadline)?;
    passed(context, Report::new(preflight::judge(&measured, &Requirements::default()), &skipped))?;
    Ok(Able { facts: measured.facts, address: measured.address.map_err(failure)?.address })
}

/// The report stands beside the failure of one that did not pass.
fn passed(context: &Context, report: Report) -> Result<(), Failure> {
    let told = json(&report);
    report.into_result().map(drop).map_err(|error| {
        context.put_beside(told);
        failure(error)
    })
}

/// Who looks, until when, and whether a master that is away is waited for.
struct Looking<'a> {
    progress: &'a Arc<Progress>,
    until: Instant,
    waits: bool,
}

/// All measurements, with what the master answered.
pub struct Gathered {
    /// The measurements.
    pub measured: Measurements,
    /// The master's first answer; none for a first node, or when it gave none.
    pub looked: Option<Looked>,
    /// The check that the master's judgement fails, and its own words.
    refusal: Option<(&'static str, Failure)>,
}

/// Measures everything once, without waiting for a master that is away: what `eos preflight` judges.
///
/// # Errors
/// When this machine cannot be looked at, or the master is not the one that was named.
pub fn glance(
    context: &Context,
    asked: &Asked,
    before: Option<&Decision>,
    progress: &Arc<Progress>,
    deadline: Instant,
) -> Result<Measurements, Failure> {
    let looking = Looking { progress, until: deadline, waits: false };
    gather(context, asked, before, &looking).map(|gathered| gathered.measured)
}

fn gather(
    context: &Context,
    asked: &Asked,
    before: Option<&Decision>,
    looking: &Looking<'_>,
) -> Result<Gathered, Failure> {
    let mut measured = measurements(context, asked, before, looking.until)?;
    let (mut looked, mut refusal) = (None, None);
    if let (Aim::Join(master), Ok(selected)) = (asked.aim, &measured.address) {
        let local = selected.address;
        if looking.waits {
            looking.progress.emit(Event::Phase { name: "detect".to_owned() });
        }
        looked = reach_master(context, asked, master, local, looking)?;
        let reached = |found: &MasterMeasured| matches!(found.reach, Reach::Connected(_));
        for _ in 0..CALLS {
            if looked.is_none() || measured.master.as_ref().is_some_and(reached) {
                break;
            }
            // It answers by now: what was measured before it did is no longer true.
            measured = measurements(context, asked, before, looking.until)?;
        }
        if let Some(answer) = &looked {
            of_named_cluster(asked, master, answer)?;
            let terms = terms(context, looking.progress, looking.until);
            measured.answers.clock_ahead_seconds = Some(answer.ahead_seconds);
            measured.answers.master_version = Some(answer.hello.versions.version.clone());
            measured.answers.dial_back = dial_back(context, asked, master, local, answer, &terms);
            refusal = judgement::ask(context, asked, &mut measured, answer, (master, local), &terms)?;
        }
    }
    Ok(Gathered { measured, looked, refusal })
}

/// A cluster that was named by its id is the one that is joined, or none.
fn of_named_cluster(asked: &Asked, master: SocketAddr, looked: &Looked) -> Result<(), Failure> {
    match &asked.config.cluster.id {
        Some(wanted) if *wanted != looked.hello.cluster => {
            let (found, wanted) = (looked.hello.cluster.clone(), wanted.clone());
            Err(failure(BootstrapError::WrongCluster { master, found, wanted }))
        }
        _ => Ok(()),
    }
}

/// Measures this machine for what was asked.
///
/// # Errors
/// When not even its facts can be had.
fn measurements(
    context: &Context,
    asked: &Asked,
    before: Option<&Decision>,
    until: Instant,
) -> Result<Measurements, Failure> {
    let agent = asked.config.node.agent_port.unwrap_or(DEFAULT_AGENT_PORT);
    let mut ports = vec![(agent, "the agent's metrics".to_owned())];
    let master = match asked.aim {
        Aim::Join(master) => Some(master),
        Aim::FirstNode => {
            ports.push((asked.config.cluster.port, "the master's API".to_owned()));
            None
        }
    };
    // Services of an unfinished run may hold the ports already; they are its own.
    if before.is_some() {
        ports.clear();
    }
    let request = preflight::Request {
        root: &context.root,
        node_name: asked.config.node.name.as_ref().map(ToString::to_string),
        advertise_address: asked.config.node.advertise_address,
        master,
        master_timeout: CONNECT.min(until.saturating_duration_since(Instant::now())),
        ports,
        proxy: proxies(),
    };
    let mut measured = preflight::measure(&request).map_err(failure)?;
    let facts = &mut measured.facts;
    facts.machine_id = own_machine_id(&context.root, facts.machine_id.take()).map_err(failure)?;
    measured.answers.unfinished = before.map(|decision| format!("a bootstrap of {}", decision.name));
    measured.answers.operation_lock = Some(judgement::lock(&context.root)?);
    let kind = if master.is_some() { Kind::Join } else { Kind::FirstNode };
    measured.answers.salt = salt::answers(context, &asked.config.states, kind)?;
    measured.answers.token =
        asked.token.as_ref().map(|token| Answer::Good(format!("{} is complete", token.id)));
    Ok(measured)
}

fn proxies() -> Vec<(String, String)> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
    environment()
        .into_iter()
        .filter(|(name, value)| names.contains(&name.as_str()) && !value.is_empty())
        .collect()
}

fn reach_master(
    context: &Context,
    asked: &Asked,
    master: SocketAddr,
    local: IpAddr,
    looking: &Looking<'_>,
) -> Result<Option<Looked>, Failure> {
    let local = (local.is_ipv4() == master.is_ipv4()).then_some(local);
    let began = Instant::now();
    let until = looking.until.min(began + PATIENCE);
    let terms = terms(context, looking.progress, until).since(began);
    loop {
        let asking = look_at(master, local, asked.pin().or(asked.heard), ATTEMPT, &terms);
        let error = match context.block_on(asking) {
            Ok(looked) => return Ok(Some(looked)),
            Err(error) => error,
        };
        if context.is_interrupted() {
            let what = format!("the master at {master}");
            return Err(failure(StepFailure::Interrupted { what }));
        }
        if !error.is_transient() {
            return Err(failure(error));
        }
        if !looking.waits {
            // The check of the connection tells it.
            return Ok(None);
        }
        let now = Instant::now();
        if now >= until {
            return Err(failure(error));
        }
        let retry = until.min(now + error.pause(PAUSE));
        let cause = format!("the master at {master}: {error}");
        looking.progress.emit(Wait { cause, began, until, retry }.at(now));
        rest(context, retry);
        // One more attempt without any time would hide why all others failed.
        if Instant::now() >= until && !context.is_interrupted() {
            return Err(failure(error));
        }
    }
}

/// Lets time pass until then, or until the operator interrupts.
fn rest(context: &Context, until: Instant) {
    context.block_on(async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while Instant::now() < until && !context.is_interrupted() {
            ticks.tick().await;
        }
    });
}

/// Has the master connect back to the agent's port, on which this process listens for a moment.
fn dial_back(
    context: &Context,
    asked: &Asked,
    master: SocketAddr,
    local: IpAddr,
    looked: &Looked,
    terms: &Terms,
) -> Option<Answer> {
    let port = asked.config.node.agent_port.unwrap_or(DEFAULT_AGENT_PORT);
    let client = MasterClient::new(master, &looked.authority_pem, None, Some(local)).ok()?.on(terms.clone());
    let asked: Result<_, ClientError> = context.block_on(async {
        // A port that is taken is the business of another check.
        let Ok(_listener) = tokio::net::TcpListener::bind(SocketAddr::new(local, port)).await else {
            return Ok(None);
        };
        let mut result = client.dial_back(port).await?;
        // A line that loses a tenth loses every packet of one attempt now and then.
        for _ in 1..CALLS {
            if result.failure.is_none() {
                break;
            }
            result = client.dial_back(port).await?;
        }
        Ok(Some(result))
    });
    match asked {
        Ok(Some(result)) => Some(match result.failure {
            None => Answer::Good(format!("{} reached {}:{port}", master.ip(), result.address)),
            Some(why) => Answer::Bad {
                measured: format!("{} could not connect to {}:{port}: {why}", master.ip(), result.address),
                fix: format!(
                    "open TCP port {port} of this machine for the master: nft add rule inet filter input tcp dport {port} accept"
                ),
            },
        }),
        // TLS that fails here fails again with a name and a reason once the clock was judged.
        Ok(None) | Err(_) => None,
    }
}

fn tell_trust(asked: &Asked, looked: &Looked, progress: &Arc<Progress>) {
    let text = match (asked.pin(), &asked.token) {
        (Some(_), _) => format!(
            "trust: the authority of {} is the pinned one ({})",
            looked.hello.cluster,
            looked.authority.short()
        ),
        (None, Some(token)) => format!(
            "trust: the master of {} has to prove that it knows token {}",
            looked.hello.cluster, token.id
        ),
        (None, None) => format!(
            "trust on first use: the authority of {} is {}; compare it with `eos status` on the master",
            looked.hello.cluster, looked.authority
        ),
    };
    progress.emit(Event::Note { text });
}
