//! Registers with the master and waits until it accepts this node.
//!
//! The node's key is on disk before the first request, and the master knows the node by it: a crash
//! on either side at any instant is answered by asking again, and no use of a token is counted twice.

use crate::client::{ClientError, look};
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::membership::{self, Membership};
use crate::identity::proof::{Side, Transcript, Wish};
use crate::model::progress::Event;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::registration::Applicant;
use crate::steps::{Decision, Env};
use crate::wire::join::{Accepted, RegisterReply};
use crate::wire::withdraw::{WithdrawRequest, Withdrawn};
use std::time::{Duration, Instant};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pause between two attempts while the master is away or busy; its latter half is left to chance.
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

    /// Asks once. The outer error is this node's own, the inner one the master's or the network's.
    fn ask(
        &self,
        env: &Env,
        key: &PrivateKey,
        began: Instant,
    ) -> Result<Result<RegisterReply, ClientError>, StepFailure> {
        let decision = &self.decision;
        let pinned = decision.authority.as_ref().map(|authority| authority.fingerprint);
        let local = (decision.address.is_ipv4() == decision.master.is_ipv4()).then_some(decision.address);
        let terms = env.terms().since(began);
        let looked = match env.block_on(look(decision.master, local, pinned, ATTEMPT, &terms)) {
            Ok(looked) => looked,
            Err(error) => return Ok(Err(error)),
        };
        let applicant = Applicant {
            name: decision.name.clone(),
            address: decision.address,
            preferred: decision.preferred,
            facts: &env.facts,
            token: env.token.as_ref(),
        };
        let (request, transcript) = applicant.request(&looked, key)?;
        let client = env.stranger_client(decision.master, decision.address)?.on(terms);
        let reply = env.block_on(client.register(&request));
        if let (Ok(RegisterReply::Accepted(accepted)), Some(token)) = (&reply, &env.token) {
            let proven = accepted
                .proof
                .as_ref()
                .is_some_and(|proof| transcript.of(&request).holds(Side::Master, &token.key(), proof));
            // A pinned authority is believed already; for a pre-shared token this proof is all there is.
            if !proven && token.authority.is_none() {
                return Err(IdentityError::MasterUnproven { token: token.id.to_string() }.into());
            }
        }
        Ok(reply)
    }

    /// Takes a registration back that nobody decided on; an answer that was lost on the way is one, too.
    fn withdraw(&self, env: &Env, key: &PrivateKey) -> Result<Result<Withdrawn, ClientError>, StepFailure> {
        let decision = &self.decision;
        let pinned = decision.authority.as_ref().map(|authority| authority.fingerprint);
        let local = (decision.address.is_ipv4() == decision.master.is_ipv4()).then_some(decision.address);
        let terms = env.parting_terms();
        let client = env.stranger_client(decision.master, decision.address)?.on(terms.clone());
        let looked = match env.block_on(look(decision.master, local, pinned, ATTEMPT, &terms)) {
            Ok(looked) => looked,
            Err(error) => return Ok(Err(error)),
        };
        let (authority, challenge) = (looked.authority, looked.hello.challenge);
        let transcript = Transcript { authority, challenge: &challenge, nonce: "", key: key.fingerprint() };
        let signature = Some(transcript.sign(Wish::Withdraw, key)?);
        let request = WithdrawRequest { csr: key.request()?, challenge, signature };
        Ok(env.block_on(client.withdraw(&request)))
    }

    /// Asks until the master says yes or no; a master that is away is waited for.
    fn until_accepted(&self, env: &Env, key: &PrivateKey) -> Result<Accepted, StepFailure> {
        let began = Instant::now();
        loop {
            let (cause, pause) = match self.ask(env, key, began)? {
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
                Err(error) if error.is_transient() => {
                    (format!("the master {}: {error}", self.decision.master), error.pause(PAUSE))
                }
                Err(error) => return Err(error.into()),
            };
            if !env.pause(&cause, began, pause) {
                return Err(self.gave_up(env, key, began));
            }
        }
    }

    fn gave_up(&self, env: &Env, key: &PrivateKey, began: Instant) -> StepFailure {
        if env.is_interrupted() {
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
            salt_call: self.decision.config.states.salt_call(),
            salt_master: None,
            minion: None,
        };
        Ok(membership.save(&env.root)?)
    }
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

    /// Tells the master; when it cannot be told, the lease does. An identity that is damaged takes
    /// the means to tell it away, and must not keep this host from being cleaned.
    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        match self.take_back(env) {
            Ok(Ok(())) => {}
            // A master that knows the node no more, or has put it out, needs not be told.
            Ok(Err(error)) if error.is_forgotten() || error.is_put_out() => {}
            Ok(Err(error)) => not_told(env, &error),
            Err(error) => not_told(env, &error),
        }
        Ok(())
    }
}

impl Register {
    /// The outer error is this node's own, the inner one the master's or the network's.
    fn take_back(&self, env: &Env) -> Result<Result<(), ClientError>, StepFailure> {
        if !env.parts {
            return Ok(Ok(()));
        }
        if Membership::load(&env.root)?.is_some() {
            let client = env.member_client()?.on(env.parting_terms());
            return Ok(env.block_on(client.leave()));
        }
        let key = env.root.join(paths::NODE_KEY);
        if !files::exists(&key)? || !files::exists(&env.root.join(paths::TRUSTED_AUTHORITY))? {
            return Ok(Ok(()));
        }
        Ok(self.withdraw(env, &PrivateKey::load(&key)?)?.map(|withdrawn| {
            tracing::info!(forgotten = withdrawn.forgotten, "registration withdrawn");
        }))
    }
}

fn not_told(env: &Env, error: &dyn std::error::Error) {
    let text = format!(
        "the master could not be told that this node leaves ({error}); it forgets a node that never confirmed by \
         itself, a member must be removed there: eos node remove"
    );
    env.sink.emit(Event::Warning { text });
}
