//! Starts a service of eos and has it started at boot.

use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;
use crate::steps::halted;
use std::time::Duration;

/// How long a service may take to be ready.
pub const READY: Duration = Duration::from_secs(30);

/// How long a service may take to end.
pub const END: Duration = Duration::from_secs(40);

/// The step.
#[derive(PartialEq, Eq)]
pub struct StartService {
    step: &'static str,
    service: &'static str,
}

impl StartService {
    /// Starts the master.
    pub const MASTER: Self = Self { step: "start-master", service: "eos-master" };
    /// Starts the agent.
    pub const AGENT: Self = Self { step: "start-agent", service: "eos-agent" };
}

impl Step<Env> for StartService {
    fn name(&self) -> &'static str {
        self.step
    }

    fn stage(&self) -> Stage {
        Stage::Services
    }

    fn describe(&self) -> String {
        format!("start {} and have it started at boot", self.service)
    }

    fn touches(&self) -> Vec<Touch> {
        let wants = format!("etc/systemd/system/multi-user.target.wants/{}.service", self.service);
        vec![Touch::File(wants.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        env.services.enable(self.service)?;
        let started = env.services.start(self.service, env.at_most(READY))?;
        Ok(if started.already_running { Outcome::Unchanged } else { Outcome::Done })
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        env.services.stop(self.service, END)?;
        env.services.disable(self.service)?;
        if *self == Self::AGENT {
            halted::start_again(&env.root, env.services.as_ref())?;
        }
        Ok(())
    }
}
