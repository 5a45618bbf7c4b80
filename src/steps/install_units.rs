//! Writes the units of the master, the agent, and what the agent has systemd run outside of its sandbox.

use crate::host::accounts::EOS_USER;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::{embedded, inputs, jinja};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::start_service::END;
use crate::steps::{Decision, Env, Kind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The units that run when the agent has something for them, without `.service`.
pub const ON_DEMAND: [&str; 2] = ["eos-apply", "eos-recovery"];

/// What the units of a node are made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// What the node became when it was bootstrapped.
    pub kind: Kind,
    /// The program that the units run.
    pub binary: String,
    /// Whether the master has a user of its own.
    pub account: bool,
}

impl Units {
    /// The names of the units, each with its template.
    fn templates(&self) -> Vec<(&'static str, &'static str)> {
        let agent = ("eos-agent.service", embedded::AGENT_UNIT);
        let apply = ("eos-apply.service", embedded::APPLY_UNIT);
        let recovery = ("eos-recovery.service", embedded::RECOVERY_UNIT);
        match self.kind {
            Kind::FirstNode => vec![("eos-master.service", embedded::MASTER_UNIT), agent, apply, recovery],
            Kind::Join => vec![agent, apply, recovery],
        }
    }

    /// Every unit: its name, and what stands in it.
    ///
    /// # Errors
    /// When a template cannot be rendered.
    pub fn rendered(&self, root: &Root) -> Result<Vec<(&'static str, String)>, StepFailure> {
        let root = root_prefix(root);
        let writable: Vec<String> = inputs::WRITABLE.iter().map(|path| format!("{root}/{path}")).collect();
        let variables = serde_json::json!({
            "binary": self.binary,
            "root": root,
            "user": if self.account { EOS_USER } else { "root" },
            "writable": writable,
        });
        let render = |(name, template)| Ok((name, jinja::plain(name, template, &variables)?));
        self.templates().into_iter().map(render).collect()
    }
}

/// The step.
pub struct InstallUnits {
    units: Units,
}

impl InstallUnits {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        let Decision { kind, account, .. } = *decision;
        Self { units: Units { kind, binary: decision.binary.clone(), account } }
    }

    fn names(&self) -> Vec<&'static str> {
        self.units.templates().into_iter().map(|(name, _)| name).collect()
    }
}

/// Where the unit of this name lies, below the root.
pub fn path(name: &str) -> PathBuf {
    Path::new(paths::UNITS).join(name)
}

/// The root as templates and states want it: empty for the machine itself.
pub fn root_prefix(root: &Root) -> String {
    if root.is_host() { String::new() } else { root.path().display().to_string() }
}

impl Step<Env> for InstallUnits {
    fn name(&self) -> &'static str {
        "install-units"
    }

    fn stage(&self) -> Stage {
        Stage::Services
    }

    fn describe(&self) -> String {
        format!("write the units {}", self.names().join(", "))
    }

    fn touches(&self) -> Vec<Touch> {
        self.names().into_iter().map(|name| Touch::File(path(name))).collect()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        for (name, text) in self.units.rendered(&env.root).map_err(to_step)? {
            files::write_atomic(&env.root.join(path(name)), text.as_bytes(), Attributes::PUBLIC)?;
        }
        env.services.reload()?;
        Ok(Outcome::Done)
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        // Started with the agent or by it, and they may outlast it.
        for name in ON_DEMAND {
            env.services.stop(name, END)?;
        }
        Ok(())
    }
}
