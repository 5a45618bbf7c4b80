//! `eos status`: this node, and its cluster as the master sees it.

use crate::agent::monitor;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::unfinished;
use crate::host::clock;
use crate::host::services::Services;
use crate::identity::machine;
use crate::identity::membership::Membership;
use crate::journal::lock;
use crate::model::explain::{Explain, Failure};
use crate::snapshot::restore::{self, Told};
use crate::steps::contact::Lost;
use crate::steps::report;
use crate::view;
use crate::view::status::{Local, Running, Watched};
use crate::wire::admin::ClusterStatus;
use clap::Args;
use jiff::Timestamp;
use std::time::Duration;

/// Options of `eos status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArguments {
    /// Show it again every two seconds until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// Runs the command.
///
/// # Errors
/// When this host is no member, or its files cannot be read. A master that does not answer is shown.
pub fn run(context: &Context, arguments: &StatusArguments) -> Result<Done, Failure> {
    if arguments.watch {
        watch(context)?;
    }
    look(context)
}

/// The status as it is now.
fn look(context: &Context) -> Result<Done, Failure> {
    let begun = unfinished::find(context)?;
    if let Some(begun) = &begun
        && Membership::load(&context.root).map_err(failure)?.is_none()
    {
        return Ok(begun.alone(&context.output));
    }
    let (cluster, local) = gather(context)?;
    let text = view::status::text(&context.output, cluster.as_ref(), &local);
    let result = view::status::json(&context.output, cluster.as_ref(), &local);
    Ok(match begun {
        Some(begun) => begun.before(&context.output, result, &text),
        None => Done::new(result, text),
    })
}

/// Shows the status again and again; Ctrl-C ends the program.
fn watch(context: &Context) -> Result<std::convert::Infallible, Failure> {
    loop {
        let Done { mut result, text, .. } = look(context)?;
        let text = match context.output.format {
            view::Format::Json => {
                result["schema"] = view::SCHEMA.into();
                format!("{result}\n")
            }
            view::Format::Text if context.output.terminal => format!("\x1b[H\x1b[2J{text}"),
            view::Format::Text => text,
        };
        view::stdout(&text);
        context.block_on(async {
            let period = Duration::from_secs(2);
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
            ticks.tick().await;
        });
    }
}

fn gather(context: &Context) -> Result<(Option<ClusterStatus>, Local), Failure> {
    let membership = context.membership()?;
    let asked = context.ask(async |master| master.status().await);
    let services = context.services()?;
    let (cluster, master_error) = match asked {
        Ok(cluster) => (Some(cluster), None),
        Err(failure) => (None, Some(failure)),
    };
    let applied = membership.applied.as_ref();
    let monitor = report::monitor(&context.root, clock::timestamp()).map_err(failure)?;
    let mounts = monitor.status.iter().flat_map(|status| &status.mounts);
    let local = Local {
        name: membership.name.to_string(),
        role: applied.map(|applied| applied.role),
        scale: applied.map(|applied| applied.scale),
        generation: applied.map(|applied| applied.generation),
        confirmed: membership.confirmed,
        services: service_lines(services.as_ref(), &membership)?,
        storage: mounts.map(Watched::from).collect(),
        services_stopped: stopped(context),
        snapshots_refused: monitor.status.as_ref().is_some_and(|status| status.snapshots_refused),
        monitor: monitor.complaint(),
        restores: restores(context),
        identity: machine::check(&context.root)
            .and_then(|()| membership.address_is_here())
            .err()
            .map(failure),
        master_lost: lost(context)?,
        master_error,
        operation: operation(context)?,
        salt_call: membership.salt_call.clone(),
    };
    Ok((cluster, local))
}

/// Since when the agent has been without the master; the clock may have been set back since.
fn lost(context: &Context) -> Result<Option<(Lost, u64)>, Failure> {
    let lost = Lost::load(&context.root).map_err(failure)?;
    let age = |lost: &Lost| clock::timestamp().as_millisecond() - lost.since.as_millisecond();
    Ok(lost.map(|lost| {
        let age = u64::try_from(age(&lost)).unwrap_or(0);
        (lost, age)
    }))
}

fn service_lines(
    services: &dyn Services,
    membership: &Membership,
) -> Result<Vec<(String, String, bool)>, Failure> {
    let mut lines = Vec::new();
    for name in ["eos-master", "eos-agent", "eos-storage-monitor"] {
        if name == "eos-master" && !membership.runs_master {
            continue;
        }
        let status = services.status(name).map_err(failure)?;
        let text = match (status.ready, status.active, status.failure) {
            (true, ..) => format!("running (pid {})", status.pid.unwrap_or_default()),
            (false, true, _) => view::status::STARTING.to_owned(),
            (false, false, Some(failure)) => format!("failed: {failure}"),
            (false, false, None) => "stopped".to_owned(),
        };
        lines.push((name.to_owned(), text, status.ready));
    }
    Ok(lines)
}

/// What was restored here. A damaged record is told, and no reason to say nothing of the rest.
fn restores(context: &Context) -> Vec<Told> {
    restore::told(&context.root).unwrap_or_else(|error| {
        view::stderr(&format!("warning[{}]: what was restored is not known: {error}\n", error.code()));
        Vec::new()
    })
}

/// The services that are stopped until there is room again. A damaged record is told, and no reason to say nothing
/// of the rest.
fn stopped(context: &Context) -> Vec<String> {
    let told = monitor::record(&context.root).unwrap_or_else(|error| {
        view::stderr(&format!(
            "warning[{}]: which services are stopped is not known: {error}\n",
            error.code()
        ));
        None
    });
    let services = told.unwrap_or_default().services.into_iter();
    services.filter(|service| service.ran).map(|service| service.name).collect()
}

fn operation(context: &Context) -> Result<Option<Running>, Failure> {
    let holder = lock::holder(&context.root).map_err(failure)?;
    let age = |since: Timestamp| clock::timestamp().as_millisecond() - since.as_millisecond();
    Ok(holder.map(|holder| Running {
        age_ms: age(holder.since).try_into().unwrap_or(0),
        process: holder.pid,
        what: holder.command,
    }))
}
