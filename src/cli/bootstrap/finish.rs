//! What bootstrap says at its end.

use crate::cli::bootstrap::decide::{Aim, Asked};
use crate::cli::bootstrap::{moved, operation};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::client::Terms;
use crate::host::clock;
use crate::host::services::ServiceManager;
use crate::identity::membership::Membership;
use crate::journal::lock::OperationLock;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::steps::Decision;
use crate::steps::StepFailure;
use crate::steps::apply_states::MONITOR;
use crate::steps::install_units::ON_DEMAND;
use crate::steps::refresh_units::Refresh;
use crate::steps::renewal;
use crate::steps::start_service::READY;
use crate::view::progress::Progress;
use crate::wire::admin::{CreateToken, CreatedToken};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The code with which a master refuses a node that the operator rejected.
const REJECTED: &str = "EOS-J011";

/// For how long the token of the printed join command is good.
const TOKEN_SECONDS: u64 = 24 * 3600;

/// How long a master that was founded just now may take to make that token.
const PARTING: Duration = Duration::from_secs(5);

/// After the first node: the facts, and the command for the next one as the last line.
///
/// The cluster is founded, whatever comes now: neither an interruption nor the end of the command's time
/// makes a failure of that.
pub(super) fn first_node(context: &Context, decision: &Decision, progress: &Arc<Progress>) -> Done {
    let created = token(context, progress);
    let head = format!(
        "{} is the first node of cluster {}: role monolith, scale single, storage operations monitored",
        decision.name, decision.cluster
    );
    let after = context.output.rooted("  eos status        shows it\n  eos reset         takes it back\n");
    let mut result = json!({
        "cluster": decision.cluster, "node": decision.name, "role": "monolith", "scale": "single",
        "address": decision.address, "master": decision.master, "generation": 1,
    });
    let next = match created {
        Ok(created) => {
            let command =
                format!("eos bootstrap --join-cluster={} --token {}", decision.master, created.token);
            let next = format!("To add a node, run there (the token is good for 24 h):\n{command}\n");
            result["token"] = json!(created.token);
            result["token_id"] = json!(created.id);
            result["join_command"] = json!(command);
            next
        }
        Err(failure) => {
            let text = format!("no token was made for the next node: {}", failure.message);
            progress.emit(Event::Warning { text });
            context.output.rooted("To add a node, make a token for it:\neos token create\n")
        }
    };
    Done::new(result, format!("{head}\n\n{after}\n{next}"))
}

fn token(context: &Context, progress: &Arc<Progress>) -> Result<CreatedToken, Failure> {
    let terms = Terms::until(progress.clone(), Instant::now() + PARTING);
    let client = context.operator("token create")?.on(terms);
    let wanted = CreateToken { expires_seconds: TOKEN_SECONDS, uses: None, role: None };
    context.block_on(client.create_token(&wanted)).map_err(failure)
}

/// After a join: only what the master confirmed.
pub(super) fn joined(context: &Context, decision: &Decision) -> Result<Done, Failure> {
    let membership = context.membership()?;
    let (role, scale, generation) = match &membership.applied {
        Some(applied) => (applied.role.to_string(), applied.scale.to_string(), applied.generation),
        None => (String::new(), String::new(), 0),
    };
    let after = context.output.rooted("  eos status        shows the cluster\n");
    let text = format!(
        "{name} is a member of cluster {cluster}: role {role}, scale {scale}, generation {generation}; the master \
         confirmed it and storage operations are monitored\n\n{after}",
        name = decision.name,
        cluster = decision.cluster,
    );
    let result = json!({
        "cluster": decision.cluster, "node": decision.name, "role": role, "scale": scale,
        "address": decision.address, "master": decision.master, "generation": generation,
    });
    Ok(Done::new(result, text))
}

/// What is to be said of another engine than the one that the node was made with: that is settled for as long as it is
/// a member, because the way back of all that was applied since hangs on it.
fn other_engine(asked: &Asked, membership: &Membership) -> Option<String> {
    let of = |salt_call: &Option<String>| salt_call.clone().unwrap_or_else(|| "eos itself".to_owned());
    let (wanted, own) = (asked.config.states.salt_call(), &membership.salt_call);
    (wanted != *own).then(|| {
        let way = match membership.runs_master {
            true => "eos reset, then found it anew: eos bootstrap --single-node".to_owned(),
            false => format!("eos reset, then join again: eos bootstrap --join-cluster={}", membership.master),
        };
        format!(
            "the states of this node are applied by {} since its bootstrap, and that {} was named now has no effect; \
             to change it: {way}",
            of(own),
            of(&wanted)
        )
    })
}

/// A member that runs bootstrap again: nothing to do, unless its units are of an older eos, a service stands still or
/// the certificate ended while the node was off.
pub(super) fn member(
    context: &Context,
    asked: &Asked,
    membership: &Membership,
    progress: &Arc<Progress>,
    terms: &Terms,
    lock: Option<OperationLock>,
) -> Result<Done, Failure> {
    // Without the lock nothing is changed: it is only said what would be.
    let dry_run = lock.is_none();
    let elsewhere = match asked.aim {
        Aim::Join(master) if asked.explicit && master != membership.master => Some(master.to_string()),
        Aim::FirstNode if asked.explicit && !membership.runs_master => Some("a new cluster".to_owned()),
        _ => {
            asked.config.cluster.id.as_ref().filter(|id| **id != membership.cluster).map(ToString::to_string)
        }
    };
    if let Some(wanted) = elsewhere {
        let (name, cluster) = (membership.name.to_string(), membership.cluster.to_string());
        return Err(failure(CliError::OtherCluster { name, cluster, wanted }));
    }
    if let Some(text) = other_engine(asked, membership) {
        progress.emit(Event::Warning { text });
    }
    let moved = moved::follow(context, asked, membership, progress, dry_run)?;
    let from = moved.as_ref().map(|_| membership.address);
    let membership = moved.as_ref().unwrap_or(membership);
    let renews = renewal::is_needed(&context.root, clock::now_seconds()).map_err(Failure::from)?;
    if !renews {
        still_a_member(context, membership, progress, terms)?;
    }
    let refreshed = units(context, membership, progress, lock)?;
    let started = started(context, membership, progress, dry_run)?;
    if renews && !dry_run {
        // The answer says as well whether it still is a member.
        let text = "this node's certificate has ended; asking the master for a new one by the node's key";
        progress.emit(Event::Note { text: text.to_owned() });
        let renewed = context.block_on(renewal::by_key(&context.root, membership, terms));
        renewed.map_err(|error| unless_interrupted(context, membership, error.into()))?;
    }
    let mut changes = Vec::new();
    if let Some(from) = from {
        changes.push(format!("took the address {} for {from}", membership.address));
    }
    if renews {
        changes.push("renewed its certificate".to_owned());
    }
    if !dry_run && !refreshed.is_empty() {
        changes.push(format!("brought up to date {}", refreshed.join(", ")));
    }
    if !started.is_empty() {
        changes.push(format!("started {}", started.join(", ")));
    }
    let applied = membership.applied.as_ref();
    let role = applied.map_or_else(String::new, |applied| applied.role.to_string());
    let result = json!({
        "cluster": membership.cluster, "node": membership.name, "role": role,
        "scale": applied.map(|applied| applied.scale), "generation": applied.map(|applied| applied.generation),
        "address": membership.address, "master": membership.master, "started": started,
        "renewed": renews, "units": refreshed, "moved_from": from,
    });
    let head =
        format!("{} is already a member of cluster {} (role {role})", membership.name, membership.cluster);
    if changes.is_empty() {
        return Ok(Done::new(result, format!("no change: {head}\n")).outcome("no-change"));
    }
    Ok(Done::new(result, format!("{head}; {}\n", changes.join(", "))))
}

/// Starts the services that stand still; their names.
fn started(
    context: &Context,
    membership: &Membership,
    progress: &Arc<Progress>,
    dry_run: bool,
) -> Result<Vec<&'static str>, Failure> {
    let services = context.services()?;
    let mut names = vec!["eos-agent", MONITOR];
    if membership.runs_master {
        names.insert(0, "eos-master");
    }
    let mut started = Vec::new();
    for name in names {
        if !services.status(name).map_err(failure)?.ready {
            let text = if dry_run { "it would be started" } else { "starting it" };
            progress.emit(Event::Note { text: format!("{name} does not run; {text}") });
            if !dry_run {
                services.start(name, READY).map_err(failure)?;
                started.push(name);
            }
        }
    }
    Ok(started)
}

/// Has the units stand as this eos writes them, by a saga of their own; the names of those that do not stand so.
fn units(
    context: &Context,
    membership: &Membership,
    progress: &Arc<Progress>,
    lock: Option<OperationLock>,
) -> Result<Vec<String>, Failure> {
    let needed = Refresh::needed(&context.root, membership.runs_master, &context.binary()?);
    let Some(refresh) = needed.map_err(Failure::from)? else { return Ok(Vec::new()) };
    let names = refresh.names.clone();
    let listed = names.join(", ");
    let Some(mut lock) = lock else {
        let text = format!("not as this eos writes them: {listed}; they would be brought up to date");
        progress.emit(Event::Note { text });
        return Ok(names);
    };
    let text = format!(
        "not as this eos writes them: {listed}; bringing them up to date (eos rollback undoes it; settings of your own \
         belong in drop-ins)"
    );
    progress.emit(Event::Note { text });
    operation::refresh(context, &mut lock, refresh, progress)?;
    let services = names.iter().filter_map(|name| name.strip_suffix(".service"));
    let services: Vec<&str> = services.filter(|name| !ON_DEMAND.contains(name)).collect();
    if !services.is_empty() {
        let mut text = "what runs goes on as it was started, until it is started again".to_owned();
        if context.services()?.kind() == ServiceManager::Systemd {
            text.push_str(&format!(": systemctl restart {}", services.join(" ")));
        }
        progress.emit(Event::Note { text });
    }
    Ok(names)
}

/// The failure of a call to the master, which is none of the master's when the operator cut it short.
fn unless_interrupted(context: &Context, membership: &Membership, error: Failure) -> Failure {
    if !context.is_interrupted() {
        return error;
    }
    failure(StepFailure::Interrupted { what: format!("the master at {}", membership.master) })
}

/// Asks the master whether this node still is what its own files say. A master that does not answer
/// proves nothing, and is told.
fn still_a_member(
    context: &Context,
    membership: &Membership,
    progress: &Arc<Progress>,
    terms: &Terms,
) -> Result<(), Failure> {
    if membership.runs_master {
        return Ok(());
    }
    let client = context.member()?.on(terms.clone());
    let Err(error) = context.block_on(client.desired()) else { return Ok(()) };
    if context.is_interrupted() {
        return Err(unless_interrupted(context, membership, failure(error)));
    }
    if error.is_forgotten() {
        let (name, cluster) = (membership.name.clone(), membership.cluster.clone());
        return Err(failure(StepFailure::Forgotten { name, cluster, master: membership.master }));
    }
    if error.is_transient() {
        let text = format!(
            "the master at {} did not say whether {} still is a member: {error}",
            membership.master, membership.name
        );
        progress.emit(Event::Warning { text });
        return Ok(());
    }
    let mut refused = failure(error);
    if refused.code == REJECTED {
        refused.hints.push(
            "or join anew with another identity: eos reset && eos bootstrap --join-cluster ADDRESS"
                .to_owned(),
        );
    }
    Err(refused)
}
