//! Founds the cluster: its authority, its registry with the first node in it, and the operator's certificate.
//!
//! A crash in the middle leaves a registry that the next run completes: every part is written only
//! when it is missing, and the registry's first transaction comes last.

use crate::host::clock;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::membership::{self, Applied, Membership};
use crate::identity::token::Token;
use crate::lifecycle::NodeState;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::registry::record::{NodeRecord, TokenRecord};
use crate::registry::sqlite::SqliteRegistry;
use crate::registry::{Change, Registry};
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::create_directories::master_owner;
use crate::steps::error::{StepFailure, to_step};
use crate::steps::{Decision, Env, operator};
use crate::wire::version::VERSION;

/// The step.
pub struct FoundCluster {
    decision: Decision,
}

impl FoundCluster {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { decision: decision.clone() }
    }

    fn authority(&self, env: &Env, owner: Option<(u32, u32)>) -> Result<Authority, StepFailure> {
        let key_path = env.root.join(paths::AUTHORITY_KEY);
        let certificate_path = env.root.join(paths::AUTHORITY_CERTIFICATE);
        let key = PrivateKey::load_or_create(&key_path, owner)?;
        if !files::exists(&certificate_path)? {
            let authority = Authority::create(self.decision.cluster.clone(), key, clock::now_seconds())?;
            let public = Attributes::PUBLIC.owned_by(owner);
            files::write_atomic(&certificate_path, authority.pem().as_bytes(), public)?;
        }
        Ok(Authority::load(self.decision.cluster.clone(), &key_path, &certificate_path)?)
    }

    fn certify(&self, env: &Env, authority: &Authority) -> Result<(), StepFailure> {
        let node = PrivateKey::load(&env.root.join(paths::NODE_KEY))?;
        let now = clock::now_seconds();
        let certificate =
            authority.sign_key(&node, &Grant { subject: Subject::Node(node.node_id()), now })?;
        let path = env.root.join(paths::NODE_CERTIFICATE);
        files::write_atomic(&path, certificate.as_bytes(), Attributes::SECRET)?;
        operator::certify(&env.root, authority, now)?;
        let trusted = env.root.join(paths::TRUSTED_AUTHORITY);
        Ok(files::write_atomic(&trusted, authority.pem().as_bytes(), Attributes::PUBLIC)?)
    }

    fn record(&self, env: &Env, key: &PrivateKey) -> NodeRecord {
        let now = clock::now_ms();
        NodeRecord {
            id: key.node_id(),
            name: self.decision.name.clone(),
            address: self.decision.address,
            state: NodeState::Active,
            key: key.fingerprint(),
            role: Some(Role::Monolith),
            preferred: self.decision.preferred,
            pinned: None,
            resources: env.facts.resources,
            machine_id: env.facts.machine_id.clone(),
            hardware_id: env.facts.hardware_id.clone(),
            boot_id: env.facts.boot_id.clone(),
            version: VERSION.to_owned(),
            order: 0,
            registered_ms: now,
            lease_until_ms: u64::MAX,
            stage: "confirm".to_owned(),
            applied: 1,
            master: true,
            token: None,
            replaces: None,
            asked_from: None,
            signs: false,
            minion: None,
        }
    }

    fn found(&self, env: &Env) -> Result<(), StepFailure> {
        let owner = master_owner(&env.root)?;
        let authority = self.authority(env, owner)?;
        self.certify(env, &authority)?;
        let node = PrivateKey::load(&env.root.join(paths::NODE_KEY))?;
        let path = env.root.join(paths::REGISTRY);
        let mut changes = vec![
            Change::Cluster(self.decision.cluster.clone()),
            Change::Generation(1),
            Change::Settings(self.decision.config.storage.digest()),
            Change::PutNode(Box::new(self.record(env, &node))),
        ];
        let states = &self.decision.config.states;
        changes.extend(states.salt_master().map(|_| Change::PutSalt(Box::default())));
        changes.extend(env.token.as_ref().map(|token| Change::PutToken(pre_shared(token, clock::now_ms()))));
        SqliteRegistry::open(&path)?.commit(&changes)?;
        if let Some((user, group)) = owner {
            files::change_owner(&path, user, group)?;
        }
        let membership = Membership {
            version: membership::VERSION,
            cluster: self.decision.cluster.clone(),
            node: node.node_id(),
            name: self.decision.name.clone(),
            address: self.decision.address,
            master: self.decision.master,
            authority: authority.fingerprint(),
            runs_master: true,
            confirmed: false,
            applied: Some(Applied {
                generation: 1,
                role: Role::Monolith,
                scale: Scale::Single,
                pillar: serde_json::json!({ "storage": self.decision.config.storage }),
            }),
            salt_call: self.decision.config.states.salt_call(),
            salt_master: self.decision.config.states.salt_master().map(str::to_owned),
            minion: None,
        };
        Ok(membership.save(&env.root)?)
    }
}

/// The record of a token that was made before the cluster: it admits any number of nodes of any role
/// until it is revoked, since machines that hold it may boot at any time.
fn pre_shared(token: &Token, now_ms: u64) -> TokenRecord {
    TokenRecord {
        id: token.id.clone(),
        key: token.key().to_stored(),
        created_ms: now_ms,
        expires_ms: u64::MAX,
        uses: None,
        used: 0,
        role: None,
        revoked: false,
    }
}

impl Step<Env> for FoundCluster {
    fn name(&self) -> &'static str {
        "found-cluster"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("found the cluster {}: certificate authority, registry, first node", self.decision.cluster)
    }

    fn touches(&self) -> Vec<Touch> {
        [paths::ADMIN_KEY, paths::TRUSTED_AUTHORITY]
            .into_iter()
            .map(|path| Touch::File(path.into()))
            .chain(
                // Certificates are renewed while the cluster lives.
                [paths::MASTER, paths::MEMBERSHIP, paths::NODE_CERTIFICATE, paths::ADMIN_CERTIFICATE]
                    .map(|path| Touch::Tree(path.into())),
            )
            .collect()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.found(env).map(|()| Outcome::Done).map_err(to_step)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}
