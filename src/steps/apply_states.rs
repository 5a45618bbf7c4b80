//! Applies the states of this node's role: configuration, monitor and its service.

use crate::host::paths;
use crate::identity::membership::Applied;
use crate::model::config::StorageConfig;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::context::Context;
use crate::sls::inputs::Inputs;
use crate::sls::plan::{self, StatePlan, Wanted};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::executor::Executor;
use crate::steps::install_units::root_prefix;
use crate::steps::start_service::END;
use crate::steps::states_tree::DiskTree;
use crate::steps::{Decision, Env};
use crate::wire::member::Desired;

/// The service that the states start.
pub const MONITOR: &str = "eos-storage-monitor";

/// The step.
pub struct ApplyStates {
    /// What to apply; none asks the membership, or the master when nothing was applied yet.
    desired: Option<Applied>,
    binary: String,
}

impl ApplyStates {
    /// As a part of a bootstrap, where role and scale are known only when earlier steps have run.
    pub fn bootstrap(decision: &Decision) -> Self {
        Self { desired: None, binary: decision.binary.clone() }
    }

    /// A new generation on a member.
    pub fn generation(desired: &Desired, binary: String) -> Self {
        Self { desired: Some(applied(desired)), binary }
    }

    /// What the tree on this node will write. A joining node learns its role and scale from the master
    /// only when the step runs, and they may change until then: there, every one it could be counts.
    fn planned(&self, env: &Env) -> Result<Vec<Touch>, StepFailure> {
        let membership = env.membership()?;
        let known = self.desired.clone().or(membership.applied.filter(|_| membership.runs_master));
        let possible = match known {
            Some(applied) => vec![applied],
            None => joiner_possibilities(),
        };
        let mut touches = self.touches();
        for wanted in possible {
            let plan = render(env, &membership.name, &wanted, &self.binary)?;
            let fresh: Vec<Touch> =
                planned_touches(env, &plan).into_iter().filter(|touch| !touches.contains(touch)).collect();
            touches.extend(fresh);
        }
        Ok(touches)
    }

    fn wanted(&self, env: &Env) -> Result<Applied, StepFailure> {
        if let Some(applied) = &self.desired {
            return Ok(applied.clone());
        }
        let membership = env.membership()?;
        match membership.applied {
            Some(applied) if membership.runs_master => Ok(applied),
            _ => {
                let client = env.member_client()?;
                let desired = || env.block_on(client.desired());
                env.until_answered("say what this node shall be", desired).map(|desired| applied(&desired))
            }
        }
    }

    fn apply(&self, env: &Env) -> Result<Outcome, StepFailure> {
        let wanted = self.wanted(env)?;
        let mut membership = env.membership()?;
        let plan = render(env, &membership.name, &wanted, &self.binary)?;
        let changed = Executor::new(env).apply(&plan)?;
        let unchanged = !changed && membership.applied.as_ref() == Some(&wanted);
        membership.applied = Some(wanted);
        membership.save(&env.root)?;
        Ok(if unchanged { Outcome::Unchanged } else { Outcome::Done })
    }
}

/// Every role and scale that a node which joins others may get.
fn joiner_possibilities() -> Vec<Applied> {
    let scales = [Scale::Small, Scale::Medium, Scale::Distributed];
    let pairs = Role::REQUESTABLE.into_iter().flat_map(|role| scales.map(|scale| (role, scale)));
    let pillar = serde_json::Value::Null;
    pairs.map(|(role, scale)| Applied { generation: 0, role, scale, pillar: pillar.clone() }).collect()
}

fn applied(desired: &Desired) -> Applied {
    Applied {
        generation: desired.generation,
        role: desired.role,
        scale: desired.scale,
        pillar: desired.pillar.clone(),
    }
}

/// Renders the states of a node.
///
/// # Errors
/// When a state file is wrong; the error names file and line.
pub fn render(env: &Env, name: &NodeName, wanted: &Applied, binary: &str) -> Result<StatePlan, StepFailure> {
    let inputs = inputs(env, name, wanted.role, wanted.scale, &wanted.pillar, binary);
    let context = Context::new(name.as_str(), inputs.pillar());
    Ok(plan::render(&DiskTree::of(&env.root), &Wanted::Top, &context)?)
}

fn inputs(
    env: &Env,
    name: &NodeName,
    role: Role,
    scale: Scale,
    pillar: &serde_json::Value,
    binary: &str,
) -> Inputs {
    let storage: StorageConfig = pillar
        .get("storage")
        .cloned()
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default();
    let defaults = Inputs {
        root: root_prefix(env),
        binary: binary.to_owned(),

        ..Inputs::of(name.as_str(), role, scale)
    };
    defaults.configured(&storage)
}

/// What starting the monitor's service and every tree of states changes.
fn always_touched() -> Vec<Touch> {
    let unit = format!("{}/{MONITOR}.service", paths::UNITS);
    let wants = format!("{}/multi-user.target.wants/{MONITOR}.service", paths::UNITS);
    let files = [unit.as_str(), wants.as_str(), paths::STORAGE_OPS].map(|path| Touch::File(path.into()));
    // The agent writes the membership too, so it is not told from a stranger's change by its digest.
    files.into_iter().chain([Touch::Tree(paths::MEMBERSHIP.into())]).collect()
}

fn planned_touches(env: &Env, plan: &StatePlan) -> Vec<Touch> {
    let below =
        |path: &str| std::path::Path::new(path).strip_prefix(env.root.path()).ok().map(ToOwned::to_owned);
    let touch = |state: &plan::State| {
        let path = below(state.function.path()?)?;
        Some(match state.function.name() {
            "file.directory" => Touch::Directory(path),
            _ => Touch::File(path),
        })
    };
    plan.states.iter().filter_map(touch).collect()
}

impl Step<Env> for ApplyStates {
    fn name(&self) -> &'static str {
        "apply-states"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        match &self.desired {
            Some(applied) => format!("apply the states of role {} at scale {}", applied.role, applied.scale),
            None => "apply the states of this node's role, storage operations among them".to_owned(),
        }
    }

    fn touches(&self) -> Vec<Touch> {
        always_touched()
    }

    /// A tree that cannot be rendered makes the step itself fail, with file and line.
    fn touches_now(&self, env: &Env) -> Vec<Touch> {
        self.planned(env).unwrap_or_else(|_| self.touches())
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.apply(env).map_err(to_step)
    }

    /// The monitor runs only since this step where the step is part of a bootstrap; after a new
    /// generation it goes on with the files that are put back, which it watches.
    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        if self.desired.is_none() {
            env.services.stop(MONITOR, END)?;
            env.services.disable(MONITOR)?;
        }
        Ok(())
    }
}
