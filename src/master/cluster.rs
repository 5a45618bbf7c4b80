//! The cluster as the master holds it in memory; every change is written down before it is made here.

use crate::host::files::FileError;
use crate::lifecycle::NodeState;
use crate::master::copies::Speakers;
use crate::master::error::MasterError;
use crate::master::minions::KeyTrouble;
use crate::master::presence::{ALIVE_MS, Presence, UNHEARD_MS};
use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeId, NodeName, TokenId};
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::orchestration::{Run, Stage};
use crate::registry::record::{NodeRecord, SaltRecord, TokenRecord};
use crate::registry::{
    CLUSTER, Change, Exporter, GENERATION, ORCHESTRATION, Records, Registry, RegistryError, SALT, SETTINGS,
};
use crate::wire::member::{Report, TaskDone};
use crate::wire::snapshots::Holdings;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A node that was not heard of for this long is planned for as one that may not come back.
const FAILING_MS: u64 = 300_000;

/// What the master heard of a node since it started; never written down.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// When it was last heard of.
    pub presence: Arc<Presence>,
    /// What it last reported.
    pub report: Report,
    /// Which snapshots it holds, if it has told.
    pub holdings: Option<Arc<Holdings>>,
    /// Whether a generation was begun because of what it says to have applied.
    pub overtaken: bool,
    /// The role and the scale that it has applied, as its agent says.
    pub applied_as: (Option<Role>, Option<Scale>),
    /// Whether its agent takes tasks; none until it has asked for work.
    pub takes_tasks: Option<bool>,
    /// Who speaks as it.
    pub speakers: Speakers,
    /// Has those of its requests that wait for an answer be answered now.
    pub recalled: Arc<tokio::sync::Notify>,
    /// The tasks of the newest run that it has done, by their ids.
    pub done: BTreeMap<String, TaskDone>,
}

/// The cluster with its store.
pub struct Cluster {
    registry: Box<dyn Registry>,
    /// Its id.
    pub id: ClusterId,
    /// The newest generation.
    pub generation: u64,
    /// The digest of the settings that it brought; none in a registry of before that was remembered.
    pub settings: Option<String>,
    /// Every node by id.
    pub nodes: BTreeMap<NodeId, NodeRecord>,
    /// Every token by id.
    pub tokens: BTreeMap<TokenId, TokenRecord>,
    /// The newest run of an orchestration.
    pub run: Option<Run>,
    /// What is remembered of the cluster's Salt master; none where there is none.
    pub salt: Option<SaltRecord>,
    /// The keys with which the Salt master had trouble since this master started.
    pub minions: BTreeMap<NodeName, KeyTrouble>,
    /// What was heard since the master started.
    pub live: BTreeMap<NodeId, Live>,
    /// When this master started, in milliseconds since 1970.
    pub started_ms: u64,
    /// For how many milliseconds a node may be silent before another may take its place.
    pub alive_ms: u64,
}

impl Cluster {
    /// Reads the cluster from its store.
    ///
    /// # Errors
    /// When the store cannot be read or holds no cluster.
    pub fn load(mut registry: Box<dyn Registry>, now: u64) -> Result<Self, MasterError> {
        let Records { values, nodes, tokens } = registry.load().map_err(MasterError::Registry)?;
        let id = values.get(CLUSTER).and_then(|text| ClusterId::parse(text).ok());
        let id = id.ok_or(MasterError::NotBootstrapped { missing: "the cluster's id" })?;
        let generation = values.get(GENERATION).map(|text| text.parse());
        let generation = generation.transpose().map_err(|_| MasterError::Generation)?.unwrap_or(0);
        let run = values.get(ORCHESTRATION).map(|text| Run::parse(text)).transpose();
        let damaged = |source| RegistryError::Record { kind: "orchestration", source };
        let run = run.map_err(|source| MasterError::Registry(damaged(source)))?;
        let salt = values.get(SALT).map(|text| SaltRecord::parse(text)).transpose();
        let damaged = |source| RegistryError::Record { kind: "salt", source };
        let salt = salt.map_err(|source| MasterError::Registry(damaged(source)))?;
        Ok(Self {
            registry,
            id,
            generation,
            settings: values.get(SETTINGS).cloned(),
            run,
            salt,
            minions: BTreeMap::new(),
            nodes: nodes.into_iter().map(|node| (node.id.clone(), node)).collect(),
            tokens: tokens.into_iter().map(|token| (token.id.clone(), token)).collect(),
            live: BTreeMap::new(),
            started_ms: now,
            alive_ms: ALIVE_MS,
        })
    }

    /// Writes the changes down, then makes them.
    ///
    /// # Errors
    /// When they cannot be written; then nothing has changed.
    pub fn commit(&mut self, changes: Vec<Change>) -> Result<(), MasterError> {
        self.registry.commit(&changes).map_err(MasterError::Registry)?;
        for change in changes {
            match change {
                Change::Generation(generation) => self.generation = generation,
                Change::Settings(digest) => self.settings = Some(digest.to_string()),
                Change::Cluster(id) => self.id = id,
                Change::PutNode(node) => drop(self.nodes.insert(node.id.clone(), *node)),
                Change::DropNode(id) => {
                    self.nodes.remove(&id);
                    self.live.remove(&id);
                }
                Change::PutRun(run) => self.put_run(*run),
                Change::PutSalt(salt) => self.salt = Some(*salt),
                Change::PutToken(token) => drop(self.tokens.insert(token.id.clone(), token)),
            }
        }
        Ok(())
    }

    /// Takes a run; what nodes did for an earlier one is forgotten.
    fn put_run(&mut self, run: Run) {
        if self.run.as_ref().is_none_or(|old| old.generation != run.generation) {
            self.live.values_mut().for_each(|live| live.done.clear());
        }
        self.run = Some(run);
    }

    /// The run that has to do with the newest generation; none when all may have it at once.
    pub fn current_run(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.generation == self.generation && run.stage != Stage::Done)
    }

    /// What copies the registry without anything secret; it runs without the cluster.
    pub fn exporter(&self) -> Exporter {
        self.registry.exporter()
    }

    /// The node with this key.
    pub fn by_key(&self, key: Fingerprint) -> Option<&NodeRecord> {
        self.nodes.values().find(|node| node.key == key)
    }

    /// The members.
    pub fn members(&self) -> impl Iterator<Item = &NodeRecord> {
        self.nodes.values().filter(|node| node.state == NodeState::Active)
    }

    /// The scale that the members make.
    pub fn scale(&self) -> Scale {
        Scale::of(self.members().count())
    }

    /// Milliseconds since the node was last heard of; none if never since the master started.
    pub fn silent_ms(&self, id: &NodeId, now: u64) -> Option<u64> {
        self.live.get(id).map(|live| live.presence.silent_ms(now))
    }

    /// Whether the node is there; a master that has just started takes it to be. Whoever asks whether a
    /// node answers asks here.
    pub fn alive(&self, id: &NodeId, now: u64) -> bool {
        match self.silent_ms(id, now) {
            Some(silent) => silent < self.alive_ms,
            None => now.saturating_sub(self.started_ms) < UNHEARD_MS.max(self.alive_ms),
        }
    }

    /// Whether the node is away for so long that no role should count on it.
    pub fn failing(&self, id: &NodeId, now: u64) -> bool {
        let silent = self.silent_ms(id, now).unwrap_or_else(|| now.saturating_sub(self.started_ms));
        silent >= FAILING_MS
    }

    /// When the node was last heard of, in words.
    pub fn seen(&self, id: &NodeId, now: u64) -> String {
        match self.silent_ms(id, now) {
            Some(silent) => format!("{} s ago", silent / 1000),
            None => "not since the master started".to_owned(),
        }
    }

    /// The change that gives back the use of a token that was counted for a node which is no member yet.
    pub fn give_back(&self, node: &NodeRecord) -> Option<Change> {
        let mut token = self.tokens.get(node.token.as_ref()?)?.clone();
        token.used = token.used.saturating_sub(1);
        Some(Change::PutToken(token))
    }

    /// The next place in the order of joining.
    pub fn next_order(&self) -> u64 {
        self.nodes.values().map(|node| node.order + 1).max().unwrap_or(0)
    }
}

impl From<FileError> for MasterError {
    fn from(source: FileError) -> Self {
        Self::File(source)
    }
}
