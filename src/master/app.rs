//! What every handler of the master works on.

use crate::host::clock;
use crate::host::root::Root;
use crate::identity::authority::Authority;
use crate::identity::key::PrivateKey;
use crate::identity::proof::Challenger;
use crate::master::audit::{self, AuditLog};
use crate::master::cluster::Cluster;
use crate::master::crowd::Crowd;
use crate::master::error::MasterError;
use crate::master::forecast::Forecast;
use crate::master::metrics::Metrics;
use crate::master::neighbours::Neighbours;
use crate::master::orchestration::Orchestra;
use crate::master::slots::Turns;
use crate::master::snapshots::ClusterSnapshots;
use crate::master::strangers::Strangers;
use crate::master::turn::Turn;
use crate::model::config::Config;
use crate::roles::RoleRules;
use crate::serving::{Reread, Roles};
use crate::telemetry::context;
use crate::wire::member::Desired;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The longest text of a stranger's line that is written down, in characters.
const LONGEST_DETAIL: usize = 300;

/// Connections that the master opens to strangers at a time.
const DIALS: u32 = 32;

/// Questions of strangers that are worked on at a time; each may wait for the disk.
const QUESTIONS: u32 = 16;

/// For how long a stranger waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Seconds without progress after which a joining node is forgotten, unless configured.
pub const LEASE_SECONDS: u32 = 120;

/// The master's state, shared by all handlers.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// The configuration.
    pub config: Config,
    /// How roles are given.
    pub rules: RoleRules,
    /// The cluster's authority.
    pub authority: Authority,
    /// The key of the master's own certificate; it signs manifests.
    pub signer: PrivateKey,
    /// The master's own certificate.
    pub certificate: String,
    /// Challenges.
    pub challenger: Challenger,
    /// Snapshots of the cluster's own state.
    pub snapshots: ClusterSnapshots,
    /// What an operator would graph.
    pub metrics: Metrics,
    /// What a test has happen to a request.
    #[cfg(feature = "testing")]
    pub faults: crate::master::faults::Faults,
    /// Tells waiting agents whose turn it is to take the newest generation, or to do something.
    pub turn: watch::Sender<Arc<Turn>>,
    /// Has the run of an orchestration looked at.
    pub orchestra: Orchestra,
    /// Connections back to nodes that want to join.
    pub dials: Turns,
    /// Questions of callers that are not known.
    pub questions: Turns,
    /// What those that join will be.
    pub forecast: Forecast,
    /// Joins that are confirmed together.
    pub crowd: Crowd,
    /// Rivals on the network.
    pub neighbours: Neighbours,
    sources: Reread<Roles>,
    cluster: Mutex<Cluster>,
    audit: Mutex<AuditLog>,
    strangers: Mutex<Strangers>,
    trace: Mutex<Option<String>>,
}

/// What [`App::new`] is made of.
pub struct Parts {
    /// The root of the master's host, below which the states tree lies.
    pub root: Root,
    /// Where it listens.
    pub address: SocketAddr,
    /// The configuration.
    pub config: Config,
    /// Which roles may have which sources, as the configuration says now.
    pub sources: Reread<Roles>,
    /// The cluster's authority.
    pub authority: Authority,
    /// The key of the master's own certificate.
    pub signer: PrivateKey,
    /// The master's own certificate.
    pub certificate: String,
    /// Snapshots of the cluster's own state.
    pub snapshots: ClusterSnapshots,
    /// The cluster.
    pub cluster: Cluster,
    /// The audit log.
    pub audit: AuditLog,
    /// What a test has happen to a request.
    #[cfg(feature = "testing")]
    pub faults: crate::master::faults::Faults,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new(parts: Parts) -> Result<Arc<Self>, MasterError> {
        let (turn, _) = watch::channel(Arc::new(Turn::of(&parts.cluster)));
        Ok(Arc::new(Self {
            address: parts.address,
            rules: RoleRules::from(&parts.config.cluster.roles),
            sources: parts.sources.knowing(parts.config.snapshot.roles()),
            config: parts.config,
            authority: parts.authority,
            signer: parts.signer,
            certificate: parts.certificate,
            challenger: Challenger::new().map_err(MasterError::Identity)?,
            metrics: Metrics::new(&parts.snapshots.shelf.traffic),
            snapshots: parts.snapshots,
            #[cfg(feature = "testing")]
            faults: parts.faults,
            turn,
            orchestra: Orchestra::new(parts.root),
            dials: Turns::new(DIALS, PATIENCE),
            questions: Turns::new(QUESTIONS, PATIENCE),
            forecast: Forecast::default(),
            crowd: Crowd::default(),
            neighbours: Neighbours::default(),
            cluster: Mutex::new(parts.cluster),
            audit: Mutex::new(parts.audit),
            strangers: Mutex::default(),
            trace: Mutex::default(),
        }))
    }

    /// The cluster, held while the guard lives. A panic in a holder does not end the master: what
    /// is in memory was committed before it was changed.
    pub fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line to the audit log.
    ///
    /// # Errors
    /// When it cannot be written; then the action it stands for must not happen.
    pub fn audit(&self, actor: &str, action: &str, subject: &str, detail: &str) -> Result<(), MasterError> {
        tracing::info!(actor, action, subject, detail, "audit: {action} {subject} by {actor}");
        let mut audit = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        audit.record(actor, action, subject, detail).map_err(MasterError::File)
    }

    /// Writes what a stranger caused to the audit log, unless there is too much of it: that is counted.
    ///
    /// # Errors
    /// As [`App::audit`].
    pub fn audit_stranger(
        &self,
        from: IpAddr,
        action: &str,
        subject: &str,
        why: &str,
    ) -> Result<(), MasterError> {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left_out) = strangers.admits(from, clock::now_ms()) else { return Ok(()) };
        let mut detail: String = why.chars().take(LONGEST_DETAIL).collect();
        if left_out > 0 {
            detail.push_str(&format!(" (and {left_out} lines of strangers before it that were left out)"));
        }
        self.audit(&from.to_string(), action, subject, &detail)
    }

    /// The newest lines of the audit log, oldest first; writers do not wait for it.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn audit_lines(&self, count: usize) -> Result<Vec<crate::wire::admin::AuditLine>, MasterError> {
        let path = self.audit.lock().unwrap_or_else(PoisonError::into_inner).path().to_owned();
        audit::newest(&path, count)
    }

    /// Has a new generation handed out, which the agents wait for.
    pub fn announce(&self, cluster: &Cluster) {
        self.metrics.generation.set(cluster.generation as i64);
        self.metrics.members.set(cluster.members().count() as i64);
        *self.trace.lock().unwrap_or_else(PoisonError::into_inner) = context::current();
        self.hand_out(cluster);
        self.orchestra.wake();
    }

    /// Wakes the agents whose turn it is now.
    pub fn hand_out(&self, cluster: &Cluster) {
        self.turn.send_replace(Arc::new(Turn::of(cluster)));
    }

    /// The trace in which the newest generation came about.
    pub fn trace(&self) -> Option<String> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which roles may have which sources, as the configuration says now; it is read outside of the cluster's lock.
    pub fn source_roles(&self) -> Arc<Roles> {
        self.sources.get().expect("it knows what the master was started with")
    }

    /// For how long a joining node may be silent.
    pub fn lease_ms(&self) -> u64 {
        u64::from(self.config.admission.lease_seconds.unwrap_or(LEASE_SECONDS)) * 1000
    }

    /// What a member shall be, or what a joining node will be once it confirms.
    ///
    /// # Errors
    /// When the planner refuses.
    pub fn desired(
        &self,
        cluster: &Cluster,
        node: &crate::registry::record::NodeRecord,
    ) -> Result<Desired, MasterError> {
        let member = node.state == crate::lifecycle::NodeState::Active;
        let (generation, role, scale) = if member {
            let role = node.role.ok_or_else(|| MasterError::NoRole { name: node.name.clone() })?;
            (cluster.generation, role, cluster.scale())
        } else {
            let (role, scale) = self.forecast.of(cluster, &self.rules, node)?;
            (cluster.generation + 1, role, scale)
        };
        let storage = serde_json::to_value(&self.config.storage).expect("the configuration serialises");
        Ok(Desired {
            generation,
            cluster: cluster.id.clone(),
            node: node.id.clone(),
            name: node.name.clone(),
            role,
            scale,
            master: self.address,
            pillar: serde_json::json!({ "storage": storage }),
        })
    }
}
