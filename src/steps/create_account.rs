//! Makes the unprivileged user of the master on the machine itself.

use crate::host::accounts::{self, EOS_USER};
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;

/// The home directory that the account names; it is not made by it.
const HOME: &str = "/var/lib/eos";

/// The step.
pub struct CreateAccount;

impl Step<Env> for CreateAccount {
    fn name(&self) -> &'static str {
        "create-account"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("make the system user {EOS_USER} for the master")
    }

    /// The password files are shared with everybody, so they are never put back whole: undo removes the user.
    fn touches(&self) -> Vec<Touch> {
        Vec::new()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let (_, created) = accounts::create_system_user(&env.root, EOS_USER, HOME)?;
        Ok(if created { Outcome::Done } else { Outcome::Unchanged })
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        accounts::remove_user(&env.root, EOS_USER)?;
        Ok(())
    }
}
