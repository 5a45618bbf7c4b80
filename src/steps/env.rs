//! What the steps work with: the machine, the network, and what the operator gave.

use crate::client::holders::Connector;
use crate::client::{ClientError, MasterClient, Terms};
use crate::host::clock;
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::Services;
use crate::identity::key::PrivateKey;
use crate::identity::membership::Membership;
use crate::identity::token::Token;
use crate::model::facts::Facts;
use crate::model::ids::NodeName;
use crate::model::progress::{Sink, Wait};
use crate::steps::error::StepFailure;
use crate::steps::operator;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The pause between two attempts while the master is away or busy; its latter half is left to chance.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the master is tried to be told that this node goes; its lease ends by itself.
const PARTING: Duration = Duration::from_secs(5);

/// The same when the command's time is over.
const LATE_PARTING: Duration = Duration::from_secs(2);

/// The environment of a saga.
pub struct Env {
    /// The root.
    pub root: Root,
    /// The program that supervises and is run by units.
    pub binary: PathBuf,
    /// What runs services.
    pub services: Arc<dyn Services>,
    /// Where progress goes.
    pub sink: Arc<dyn Sink>,
    /// Where calls to the master run.
    pub runtime: tokio::runtime::Handle,
    /// Set when the operator interrupts.
    pub interrupted: Arc<AtomicBool>,
    /// What this machine is.
    pub facts: Facts,
    /// The token, if one was given.
    pub token: Option<Token>,
    /// Whether the master is told when this node goes. A copy goes without: the node stays.
    pub parts: bool,
    /// When the whole command gives up.
    pub deadline: Instant,
}

impl Env {
    /// Waits for a call to the master.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The terms of calls to the master: they end with the command, and when the operator interrupts.
    pub fn terms(&self) -> Terms {
        Terms::until(self.sink.clone(), self.deadline).stopped_by(self.interrupted.clone())
    }

    /// The terms on which the master is told that this node goes, also when all time is over.
    pub fn parting_terms(&self) -> Terms {
        let now = Instant::now();
        Terms::until(self.sink.clone(), self.deadline.clamp(now + LATE_PARTING, now + PARTING))
    }

    /// So long, or the time that the command has left.
    pub fn at_most(&self, wanted: Duration) -> Duration {
        wanted.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the operator asked to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Pauses for so long, telling why; false when the operator interrupts or the deadline passes.
    pub fn pause(&self, cause: &str, began: Instant, pause: Duration) -> bool {
        self.pause_until(cause, began, pause, self.deadline)
    }

    /// The same for a wait that gives up then, or with the command.
    pub fn pause_until(&self, cause: &str, began: Instant, pause: Duration, until: Instant) -> bool {
        let (now, until) = (Instant::now(), until.min(self.deadline));
        let retry = (now + pause).min(until);
        let wait = Wait { cause: cause.to_owned(), began, until, retry };
        if !self.is_interrupted() && now < retry {
            self.sink.emit(wait.at(now));
            self.rest(retry);
        }
        !self.is_interrupted() && Instant::now() < until
    }

    /// Lets time pass until then, or until the operator interrupts.
    fn rest(&self, end: Instant) {
        self.runtime.block_on(async {
            let mut ticks = tokio::time::interval(Duration::from_millis(50));
            while Instant::now() < end && !self.is_interrupted() {
                ticks.tick().await;
            }
        });
    }

    /// Calls the master until it answers; that it is away is told and waited for until the deadline.
    ///
    /// # Errors
    /// When it refuses, the operator interrupts, or it does not answer in time.
    pub fn until_answered<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        what: &str,
        client: &MasterClient,
        mut call: impl FnMut(MasterClient) -> F,
    ) -> Result<T, StepFailure> {
        let began = Instant::now();
        let client = client.clone().on(self.terms().since(began));
        loop {
            let error = match self.block_on(call(client.clone())) {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error.into()),
            };
            if !self.pause(&format!("the master to {what}: {error}"), began, error.pause(PAUSE)) {
                if self.is_interrupted() {
                    return Err(StepFailure::Interrupted { what: format!("the master to {what}") });
                }
                return Err(error.into());
            }
        }
    }

    /// The membership that an earlier step wrote.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn membership(&self) -> Result<Membership, StepFailure> {
        Membership::load(&self.root)?.ok_or(StepFailure::NoMembership)
    }

    /// A mutual connection to the master with this node's certificate.
    ///
    /// # Errors
    /// When keys or certificates are missing or damaged.
    pub fn member_client(&self) -> Result<MasterClient, StepFailure> {
        let membership = self.membership()?;
        Ok(member_client(&self.root, membership.master, membership.address)?.on(self.terms()))
    }

    /// A connection to the master without a certificate.
    ///
    /// # Errors
    /// When the trusted authority is missing or damaged.
    pub fn stranger_client(&self, master: SocketAddr, local: IpAddr) -> Result<MasterClient, StepFailure> {
        Ok(stranger_client(&self.root, master, local)?.on(self.terms()))
    }

    /// What the states call this node.
    pub fn node_name(&self) -> Result<NodeName, StepFailure> {
        Ok(self.membership()?.name)
    }
}

/// A connection to the master without a certificate.
///
/// # Errors
/// When the trusted authority is missing or damaged.
pub fn stranger_client(root: &Root, master: SocketAddr, local: IpAddr) -> Result<MasterClient, StepFailure> {
    let authority = read_text(root, paths::TRUSTED_AUTHORITY)?;
    Ok(MasterClient::new(master, &authority, None, source(local, master))?)
}

/// A mutual connection to the master with the node's certificate.
///
/// # Errors
/// When keys or certificates are missing or damaged.
pub fn member_client(root: &Root, master: SocketAddr, local: IpAddr) -> Result<MasterClient, StepFailure> {
    client_with(root, paths::NODE_KEY, paths::NODE_CERTIFICATE, master, local)
}

/// Connections to nodes that hold snapshots, with the node's certificate.
///
/// # Errors
/// When keys or certificates are missing or damaged.
pub fn connector(root: &Root, local: IpAddr, runtime: Handle) -> Result<Connector, StepFailure> {
    let authority = read_text(root, paths::TRUSTED_AUTHORITY)?;
    let certificate = read_text(root, paths::NODE_CERTIFICATE)?;
    let key = PrivateKey::load(&root.join(paths::NODE_KEY))?;
    Ok(Connector::new(authority, (certificate, key), Some(local), runtime))
}

/// A mutual connection to the master with the operator's certificate, which is signed anew when it is due.
///
/// # Errors
/// When keys or certificates are missing or damaged.
pub fn operator_client(root: &Root, master: SocketAddr, local: IpAddr) -> Result<MasterClient, StepFailure> {
    operator::keep(root, clock::now_seconds())?;
    client_with(root, paths::ADMIN_KEY, paths::ADMIN_CERTIFICATE, master, local)
}

fn client_with(
    root: &Root,
    key: &str,
    certificate: &str,
    master: SocketAddr,
    local: IpAddr,
) -> Result<MasterClient, StepFailure> {
    let authority = read_text(root, paths::TRUSTED_AUTHORITY)?;
    let certificate = read_text(root, certificate)?;
    let key = PrivateKey::load(&root.join(key))?;
    MasterClient::new(master, &authority, Some((&certificate, &key)), source(local, master))
        .map_err(|error: ClientError| error.into())
}

/// The source address of connections: the advertised one, unless the families differ.
pub(super) fn source(local: IpAddr, master: SocketAddr) -> Option<IpAddr> {
    (local.is_ipv4() == master.is_ipv4()).then_some(local)
}

fn read_text(root: &Root, path: &str) -> Result<String, StepFailure> {
    Ok(String::from_utf8_lossy(&files::read(&root.join(path))?).into_owned())
}
