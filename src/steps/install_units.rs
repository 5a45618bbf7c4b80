//! Writes the units of the master, the agent, and the recovery that the agent has systemd run.

use crate::host::accounts::EOS_USER;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::{embedded, inputs, jinja};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::start_service::END;
use crate::steps::{Decision, Env, Kind};

/// The step.
pub struct InstallUnits {
    decision: Decision,
}

impl InstallUnits {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { decision: decision.clone() }
    }

    fn units(&self) -> Vec<(&'static str, &'static str)> {
        let agent = ("eos-agent.service", embedded::AGENT_UNIT);
        let recovery = ("eos-recovery.service", embedded::RECOVERY_UNIT);
        match self.decision.kind {
            Kind::FirstNode => vec![("eos-master.service", embedded::MASTER_UNIT), agent, recovery],
            Kind::Join => vec![agent, recovery],
        }
    }

    fn render(&self, env: &Env, name: &'static str, template: &str) -> Result<String, StepFailure> {
        let root = root_prefix(env);
        let writable: Vec<String> = inputs::WRITABLE.iter().map(|path| format!("{root}/{path}")).collect();
        let variables = serde_json::json!({
            "binary": self.decision.binary,
            "root": root,
            "user": if self.decision.account { EOS_USER } else { "root" },
            "writable": writable,
        });
        Ok(jinja::plain(name, template, &variables)?)
    }
}

/// The root as templates and states want it: empty for the machine itself.
pub fn root_prefix(env: &Env) -> String {
    if env.root.is_host() { String::new() } else { env.root.path().display().to_string() }
}

impl Step<Env> for InstallUnits {
    fn name(&self) -> &'static str {
        "install-units"
    }

    fn stage(&self) -> Stage {
        Stage::Services
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.units().into_iter().map(|(name, _)| name).collect();
        format!("write the units {}", names.join(", "))
    }

    fn touches(&self) -> Vec<Touch> {
        let path = |name: &str| Touch::File(format!("{}/{name}", paths::UNITS).into());
        self.units().into_iter().map(|(name, _)| path(name)).collect()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        for (name, template) in self.units() {
            let text = self.render(env, name, template).map_err(to_step)?;
            let path = env.root.join(paths::UNITS).join(name);
            files::write_atomic(&path, text.as_bytes(), Attributes::PUBLIC)?;
        }
        env.services.reload()?;
        Ok(Outcome::Done)
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        // Started with the agent, and it may outlast it.
        env.services.stop("eos-recovery", END)?;
        Ok(())
    }
}
