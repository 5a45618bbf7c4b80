//! Registers with the master and waits until it accepts this node.
//!
//! The node's key is on disk before the first request, and the master knows the node by it: a crash
//! on either side at any instant is answered by asking again, and no use of a token is counted twice.

use crate::client::{ClientError, look};
use crate::host::clock;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::membership::{self, Membership};
use crate::identity::proof::{self, Side, Transcript};
use crate::identity::token::Token;
use crate::model::progress::Event;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::{Decision, Env};
use crate::wire::join::{Accepted, NodeRegistration, RegisterReply, RegisterRequest, TokenProof};
use crate::wire::version::Versions;
use std::time::{Duration, Instant};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pause between two attempts while the master is away.
const PAUSE: Duration = Duration::from_secs(1);

/// The step.
pub struct Register {
    decision: Decision,
}

impl Register {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { decision: decision.clone() }
    }

    fn ask(&self, env: &Env, key: &PrivateKey) -> Result<RegisterReply, StepFailure> {
        let decision = &self.decision;
        let pinned = decision.authority.as_ref().map(|authority| authority.fingerprint);
        let local = (decision.address.is_ipv4() == decision.master.is_ipv4()).then_some(decision.address);
        let looked = env.block_on(look(decision.master, local, pinned, ATTEMPT))?;
        let nonce = proof::nonce()?;
        let transcript = Transcript {
            authority: looked.authority,
            challenge: &looked.hello.challenge,
            nonce: &nonce,
            key: key.fingerprint(),
        };
        let prove = |token: &Token| TokenProof {
            id: token.id.clone(),
            proof: transcript.prove(Side::Joiner, &token.key()),
        };
        let request = RegisterRequest {
            registration: self.registration(env),
            csr: key.request()?,
            challenge: looked.hello.challenge.clone(),
            nonce: nonce.clone(),
            token: env.token.as_ref().map(prove),
            dry_run: false,
        };
        let client = env.stranger_client(decision.master, decision.address)?;
        let reply = env.block_on(client.register(&request))?;
        if let (RegisterReply::Accepted(accepted), Some(token)) = (&reply, &env.token) {
            let proven = accepted
                .proof
                .as_ref()
                .is_some_and(|proof| transcript.holds(Side::Master, &token.key(), proof));
            // A pinned authority is believed already; for a pre-shared token this proof is all there is.
            if !proven && token.authority.is_none() {
                return Err(IdentityError::MasterUnproven { token: token.id.to_string() }.into());
            }
        }
        Ok(reply)
    }

    fn registration(&self, env: &Env) -> NodeRegistration {
        NodeRegistration {
            hostname: self.decision.name.clone(),
            ip: self.decision.address,
            resources: env.facts.resources,
            request_role: self.decision.preferred,
            machine_id: env.facts.machine_id.clone(),
            hardware_id: env.facts.hardware_id.clone(),
            boot_id: env.facts.boot_id.clone(),
            versions: Versions::own(),
            clock_ms: clock::now_ms(),
        }
    }

    /// Asks until the master says yes or no; a master that is away is waited for.
    fn until_accepted(&self, env: &Env, key: &PrivateKey) -> Result<Accepted, StepFailure> {
        let began = Instant::now();
        loop {
            let (cause, pause) = match self.ask(env, key) {
                Ok(RegisterReply::Accepted(accepted)) => return Ok(*accepted),
                Ok(RegisterReply::Pending { key, retry_after_ms }) => (
                    format!(
                        "acceptance: on the master run `eos node accept {}` (this node's key is {key})",
                        self.decision.name
                    ),
                    Duration::from_millis(retry_after_ms),
                ),
                Ok(RegisterReply::Judged { .. }) => {
                    let (address, action) = (self.decision.master, "POST /v1/register".to_owned());
                    let status = "only a judgement".to_owned();
                    return Err(ClientError::Foreign { address, action, status }.into());
                }
                Err(StepFailure::Below(failure)) if transient(&failure.code) => {
                    (format!("the master {}: {}", self.decision.master, failure.message), PAUSE)
                }
                Err(error) => return Err(error),
            };
            if !env.pause(&cause, began, pause) {
                return Err(self.gave_up(env, key, began));
            }
        }
    }

    fn gave_up(&self, env: &Env, key: &PrivateKey, began: Instant) -> StepFailure {
        if env.interrupted.load(std::sync::atomic::Ordering::Relaxed) {
            return StepFailure::Interrupted { what: "acceptance by the master".to_owned() };
        }
        let seconds = began.elapsed().as_secs();
        StepFailure::NotAccepted {
            seconds,
            key: key.fingerprint().to_string(),
            name: self.decision.name.to_string(),
        }
    }

    fn store(&self, env: &Env, accepted: &Accepted) -> Result<(), StepFailure> {
        let path = env.root.join(paths::NODE_CERTIFICATE);
        files::write_atomic(&path, accepted.certificate.as_bytes(), Attributes::SECRET)?;
        let authority = self.decision.authority.as_ref().map(|authority| authority.fingerprint);
        let membership = Membership {
            version: membership::VERSION,
            cluster: self.decision.cluster.clone(),
            node: accepted.node.clone(),
            name: self.decision.name.clone(),
            address: self.decision.address,
            master: self.decision.master,
            authority: authority.ok_or(IdentityError::Damaged { what: "the trusted authority" })?,
            runs_master: false,
            confirmed: false,
            applied: None,
        };
        Ok(membership.save(&env.root)?)
    }
}

/// Codes of failures that pass by themselves: no answer, no connection, a challenge that grew old.
fn transient(code: &str) -> bool {
    matches!(code, "EOS-J020" | "EOS-J021" | "EOS-J009" | "EOS-J012")
}

impl Step<Env> for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn stage(&self) -> Stage {
        Stage::Register
    }

    fn describe(&self) -> String {
        format!("register {} with the master at {}", self.decision.name, self.decision.master)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Tree(paths::NODE_CERTIFICATE.into()), Touch::Tree(paths::MEMBERSHIP.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let key = PrivateKey::load(&env.root.join(paths::NODE_KEY))?;
        let accepted = self.until_accepted(env, &key).map_err(to_step)?;
        tracing::info!(node = %accepted.node, verdict = accepted.verdict, "accepted");
        for warning in &accepted.warnings {
            env.sink.emit(Event::Warning { text: format!("the cluster: {warning}") });
        }
        self.store(env, &accepted).map_err(to_step)?;
        Ok(Outcome::Done)
    }

    /// Tells the master; when it cannot be told, the lease does.
    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        if Membership::load(&env.root)?.is_none() {
            return Ok(());
        }
        let client = env.member_client().map_err(to_step)?;
        match env.block_on(client.leave()) {
            Ok(()) => Ok(()),
            Err(error) if error.is_forgotten() => Ok(()),
            Err(error) => forgotten_later(env, error),
        }
    }
}

fn forgotten_later(env: &Env, error: ClientError) -> Result<(), StepError> {
    let text = format!(
        "the master could not be told that this node leaves ({error}); it forgets a node that never confirmed by \
         itself, a member must be removed there: eos node remove"
    );
    env.sink.emit(Event::Warning { text });
    Ok(())
}
