//! Renders `/etc/eos/cluster.yaml` from the decision.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::model::role_targets::{Minimums, Targets};
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::{embedded, jinja};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::{Decision, Env};

/// The step.
pub struct WriteConfiguration {
    decision: Decision,
}

impl WriteConfiguration {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { decision: decision.clone() }
    }

    fn render(&self) -> Result<String, StepFailure> {
        let decision = &self.decision;
        let config = &decision.config;
        let roles = &config.cluster.roles;
        let variables = serde_json::json!({
            "id": decision.cluster,
            "master": decision.master.ip().to_string(),
            "port": decision.master.port(),
            "ca_fingerprint": decision.authority.as_ref().map(|authority| authority.fingerprint),
            "discovery_method": config.cluster.discovery.method,
            "discovery_port": config.cluster.discovery.port,
            "assignment": config.cluster.roles.assignment,
            "rebalance_on_join": config.cluster.roles.rebalance_on_join,
            "targets": (roles.targets != Targets::default()).then_some(roles.targets),
            "minimum": (roles.minimum != Minimums::default()).then_some(roles.minimum),
            "name": decision.name,
            "preferred_role": decision.preferred,
            "advertise_address": decision.address,
        });
        let rendered = jinja::plain("templates/cluster.yaml.jinja", embedded::CLUSTER_CONFIG, &variables)?;
        let extra = extra(&self.decision)?;
        Ok(rendered + &extra)
    }
}

/// The sections that the operator's configuration had beyond the cluster's and the node's.
fn extra(decision: &Decision) -> Result<String, StepFailure> {
    let config = &decision.config;
    let mut rest = serde_yaml::Mapping::new();
    let mut keep = |name: &str, section: serde_yaml::Value, default: serde_yaml::Value| {
        if section != default {
            rest.insert(name.into(), section);
        }
    };
    let failed =
        |why: serde_yaml::Error| StepFailure::Template { name: "cluster.yaml", why: why.to_string() };
    let defaults = crate::model::config::Config::default();
    let value = |section: Result<serde_yaml::Value, serde_yaml::Error>| section.map_err(failed);
    keep(
        "admission",
        value(serde_yaml::to_value(&config.admission))?,
        value(serde_yaml::to_value(&defaults.admission))?,
    );
    keep(
        "storage",
        value(serde_yaml::to_value(&config.storage))?,
        value(serde_yaml::to_value(&defaults.storage))?,
    );
    keep(
        "telemetry",
        value(serde_yaml::to_value(&config.telemetry))?,
        value(serde_yaml::to_value(&defaults.telemetry))?,
    );
    if rest.is_empty() {
        return Ok(String::new());
    }
    serde_yaml::to_string(&rest).map(|text| format!("\n{text}")).map_err(failed)
}

impl Step<Env> for WriteConfiguration {
    fn name(&self) -> &'static str {
        "write-configuration"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("write /{}", paths::CLUSTER_CONFIG)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::File(paths::CLUSTER_CONFIG.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let text = self.render().map_err(to_step)?;
        files::write_atomic(&env.root.join(paths::CLUSTER_CONFIG), text.as_bytes(), Attributes::PUBLIC)?;
        Ok(Outcome::Done)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}
