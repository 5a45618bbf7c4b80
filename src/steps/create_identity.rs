//! Makes the node's key, from which its id follows.

use crate::host::paths;
use crate::identity::key::PrivateKey;
use crate::identity::machine::Machine;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;

/// The step.
pub struct CreateIdentity;

impl Step<Env> for CreateIdentity {
    fn name(&self) -> &'static str {
        "create-identity"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        "make the node's key".to_owned()
    }

    fn touches(&self) -> Vec<Touch> {
        // Its owner may move the disk to another machine, and say so.
        vec![Touch::File(paths::NODE_KEY.into()), Touch::Tree(paths::MACHINE.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        PrivateKey::load_or_create(&env.root.join(paths::NODE_KEY), None)?;
        Machine::here(&env.root)?.save(&env.root)?;
        Ok(Outcome::Done)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}
