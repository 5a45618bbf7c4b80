//! The daemons: master, agent, storage monitor, and the supervisor of each where there is no service manager.

use crate::agent;
use crate::agent::deputy;
use crate::agent::endpoint::Offer;
use crate::agent::generation::Workshop;
use crate::agent::holdings::Teller;
use crate::agent::link::Link;
use crate::agent::metrics::Metrics;
use crate::agent::monitor;
use crate::agent::monitor::errands::Attendant;
use crate::agent::readers::Readers;
use crate::agent::recovery::{self, Hand, Recovery};
use crate::agent::run::Agent;
use crate::agent::salt::{Steward, Tools};
use crate::cli::arguments::Global;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::files;
use crate::host::notify::{self, Shutdown};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::{ServiceManager, supervisor};
use crate::identity::machine;
use crate::master::run as master_run;
use crate::model::config::DEFAULT_AGENT_PORT;
use crate::model::explain::{Exit, Failure};
use crate::model::snapshots::SnapshotConfig;
use crate::serving::{Audience, Reread, Shelf};
use crate::steps::sources;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Whether a supervisor of eos holds the other end of standard input.
fn supervised() -> bool {
    std::env::var_os("EOS_SUPERVISED").is_some_and(|value| value == "1")
}

fn ready(status: &str) {
    tracing::info!("ready: {status}");
    if let Err(error) = notify::ready(status) {
        // Whoever waits for it will say that it did not come.
        tracing::warn!(%error, "the service manager could not be told of readiness");
    }
}

fn alive() {
    if let Err(error) = notify::alive() {
        tracing::warn!(%error, "the watchdog could not be told");
    }
}

/// Tells the watchdog for as long as it runs; never ends.
async fn beat() {
    let Some(interval) = notify::watchdog_interval() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(interval.min(Duration::from_secs(20)));
    loop {
        ticks.tick().await;
        alive();
    }
}

/// Resolves when the daemon shall end.
fn ending() -> Result<impl Future<Output = ()>, Failure> {
    let mut shutdown = Shutdown::listen(supervised()).map_err(failure)?;
    Ok(async move {
        match shutdown.requested().await {
            Ok(reason) => tracing::info!(?reason, "ending"),
            Err(error) => tracing::error!(%error, "ending, since signals can no longer be watched"),
        }
        if let Err(error) = notify::stopping() {
            tracing::debug!(%error, "the service manager could not be told");
        }
    })
}

fn ended() -> Done {
    Done::new(serde_json::json!({}), "").outcome("ended")
}

/// `eos master`.
///
/// # Errors
/// When this host holds no master's state, or the address is taken.
pub fn master(context: &Context) -> Result<Done, Failure> {
    machine::check(&context.root).map_err(failure)?;
    let config = context.resolve_for_all_roles(Vec::new())?.config;
    let address = master_address(context, &config)?;
    let reread = context.rereading();
    let roles = move || Ok(reread()?.config.snapshot.roles());
    let app = master_run::open(&context.root, config, roles, address).map_err(failure)?;
    context.block_on(async {
        let shutdown = ending()?;
        let serving = master_run::serve(app, || ready(&format!("listening on {address}")), shutdown);
        tokio::select! {
            result = serving => result.map_err(failure),
            () = beat() => Ok(()),
        }
    })?;
    Ok(ended())
}

fn master_address(context: &Context, config: &crate::model::config::Config) -> Result<SocketAddr, Failure> {
    let named =
        config.cluster.master.as_deref().and_then(|text| crate::model::layers::parse_endpoint(text).ok());
    let named = named.and_then(|endpoint| match endpoint.host {
        crate::model::layers::Host::Ip(ip) => {
            Some(SocketAddr::new(ip, endpoint.port.unwrap_or(config.cluster.port)))
        }
        crate::model::layers::Host::Name(_) => None,
    });
    match named {
        Some(address) => Ok(address),
        None => Ok(context.membership()?.master),
    }
}

/// `eos agent`.
///
/// # Errors
/// When this host is no member, or the address is taken.
pub fn agent(context: &Context) -> Result<Done, Failure> {
    machine::check(&context.root).map_err(failure)?;
    let config = context.resolve(Vec::new())?.config;
    let membership = context.membership()?;
    let port = config.node.agent_port.unwrap_or(DEFAULT_AGENT_PORT);
    let address = SocketAddr::new(membership.address, port);
    let workshop = workshop(context)?;
    context.block_on(async {
        let shutdown = ending()?;
        let link = Arc::new(Link::new(context.root.clone()));
        let offer = offer(context, &config.snapshot, Readers::new(membership.cluster.clone(), link.clone()));
        let teller =
            Teller::new(offer.shelf.clone(), link.clone(), context.root.join(paths::SNAPSHOTS), port);
        let tools = Tools::of(&context.root, &membership, workshop.services.kind());
        let steward = tools.map(|tools| Steward::new(tools, link.clone()));
        let name = membership.name.to_string();
        let attendant = Attendant::new(context.root.clone(), name, workshop.services.clone());
        let mut agent = Agent::new(workshop, offer.clone(), teller.wanted()).map_err(failure)?;
        let _recovery = recover(&context.root)?;
        let served = agent.served();
        let endpoint = agent::endpoint::bind(&context.root, address, served).await.map_err(failure)?;
        ready(&format!("watching the master at {}", membership.master));
        tokio::select! {
            () = endpoint.serve(offer, shutdown) => {}
            () = agent.work() => {}
            () = teller.work() => {}
            () = attendant.work() => {}
            () = tend_salt(steward) => {}
            () = beat() => {}
        }
        Ok::<(), Failure>(())
    })?;
    Ok(ended())
}

/// What the agent applies with. Under systemd its unit has `eos-apply.service` do it, since states may change anything.
fn workshop(context: &Context) -> Result<Workshop, Failure> {
    let workshop = Workshop::new(context.root.clone(), context.binary()?, context.services()?);
    if workshop.services.kind() != ServiceManager::Systemd {
        return Ok(workshop);
    }
    let hand = hand(&context.root, deputy::UNIT, "the agent applies states within its own sandbox")?;
    Ok(Workshop { hand, ..workshop })
}

/// Works with the Salt master of this host, where there is one.
async fn tend_salt(steward: Option<Steward>) {
    match steward {
        Some(steward) => steward.work().await,
        None => std::future::pending().await,
    }
}

/// Deals with what a crash left of captures and restores, now and as long as what it returns lives. Under systemd the
/// agent is confined, and hooks that cannot do their work would condemn a restore in good health: its unit has
/// `eos-recovery.service` do it.
fn recover(root: &Root) -> Result<Recovery, Failure> {
    if is_confined() {
        // It is the unit's also when there is none.
        hand(root, recovery::UNIT, "interrupted captures and restores wait for: eos snapshot recover")?;
    }
    let hand = if is_confined() { Hand::Unit } else { Hand::Agent };
    recovery::begin(root, hand).map_err(|error| failure(CliError::Runtime(error)))
}

/// Whether systemd runs this process in the sandbox of its unit.
fn is_confined() -> bool {
    !supervised() && std::env::var_os("INVOCATION_ID").is_some()
}

/// Who does what a confined agent cannot: the unit where there is one. Where it is missing, which is told with what
/// follows from that, nobody but this process can.
fn hand(root: &Root, unit: &str, without: &str) -> Result<Hand, Failure> {
    if !is_confined() {
        return Ok(Hand::Agent);
    }
    let unit = root.join(paths::UNITS).join(format!("{unit}.service"));
    if files::exists(&unit).map_err(failure)? {
        return Ok(Hand::Unit);
    }
    tracing::warn!("{} is missing, so {without}; eos bootstrap writes it", unit.display());
    Ok(Hand::Agent)
}

/// What the agent hands out.
fn offer(context: &Context, config: &SnapshotConfig, readers: Readers) -> Offer {
    let metrics = Metrics::of(context.root.clone());
    let (root, own) = (context.root.clone(), context.rereading());
    // Both may change while the agent runs.
    let audience = Reread::new(move || {
        let pulled = sources::pulled_roles(&root).map_err(Failure::from)?;
        Ok(Audience { own: own()?.config.snapshot.roles(), pulled })
    });
    let store = context.root.join(paths::SNAPSHOTS);
    let shelf = Shelf::new(store, config.pullers as usize, metrics.traffic.clone()).for_audience(audience);
    Offer { metrics: Arc::new(metrics), shelf: Arc::new(shelf), readers: Arc::new(readers) }
}

/// `eos storage monitor`.
///
/// # Errors
/// When the first configuration is missing or wrong.
pub fn monitor(context: &Context) -> Result<Done, Failure> {
    let signals = monitor::Signals {
        ready: Box::new(|| ready("watching storage")),
        alive: Box::new(alive),
        alive_every: notify::watchdog_interval(),
    };
    context.block_on(async {
        let shutdown = ending()?;
        monitor::run(context.root.clone(), signals, shutdown).await.map_err(failure)
    })?;
    Ok(ended())
}

/// `eos supervise`: one thread, nothing of the network, before anything else is set up.
pub fn supervise(global: &Global, unit: &str) -> ExitCode {
    let root = match Root::new(&global.root) {
        Ok(root) => root,
        Err(error) => {
            crate::view::stderr(&format!("error: the root cannot be used: {error}\n"));
            return ExitCode::from(Exit::Usage as u8);
        }
    };
    match supervisor::run(&root, unit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = failure(error);
            crate::view::failure(&global.output(), "supervise", &failure);
            ExitCode::from(failure.exit)
        }
    }
}
