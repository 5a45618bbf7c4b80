//! Confirms the member with the master: only now do other nodes change for it.

use crate::client::MasterClient;
use crate::host::paths;
use crate::identity::membership::Applied;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;
use crate::steps::error::{StepFailure, to_step};
use crate::steps::{report, restore_sources};
use crate::wire::member::Confirm as Message;

/// The step.
pub struct Confirm;

impl Confirm {
    fn confirm(env: &Env) -> Result<(), StepFailure> {
        let mut membership = env.membership()?;
        let applied = membership.applied.clone().ok_or(StepFailure::NoMembership)?;
        let report = report::gather(&env.root, env.facts.boot_id.as_deref(), None);
        let client = env.member_client()?;
        let message = Message { applied: applied.generation, report };
        let confirm = |client: MasterClient| {
            let message = &message;
            async move { client.confirm(message).await }
        };
        let desired = env.until_answered("confirm this node", &client, confirm)?.desired;
        membership.confirmed = true;
        // What was applied stands; a role that changed meanwhile is the agent's next generation.
        if (desired.role, desired.scale) == (applied.role, applied.scale) {
            membership.applied = Some(Applied { generation: desired.generation, ..applied });
        }
        membership.save(&env.root)?;
        restore_sources::keep(env)
    }
}

impl Step<Env> for Confirm {
    fn name(&self) -> &'static str {
        "confirm"
    }

    fn stage(&self) -> Stage {
        Stage::Confirm
    }

    fn describe(&self) -> String {
        "confirm the member with the master".to_owned()
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Tree(paths::MEMBERSHIP.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        Self::confirm(env).map(|()| Outcome::Done).map_err(to_step)
    }

    /// Leaving is the registration's undo, which follows.
    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}
