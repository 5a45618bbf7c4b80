//! Applies the states of this node's role: configuration, monitor and its service.

use crate::client::MasterClient;
use crate::host::mounts;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::membership::Applied;
use crate::model::config::StorageConfig;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::context::Context;
use crate::sls::function::Function;
use crate::sls::inputs::Inputs;
use crate::sls::plan::{self, StatePlan, Wanted};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::executor::Executor;
use crate::steps::install_units::root_prefix;
use crate::steps::start_service::END;
use crate::steps::states_tree::DiskTree;
use crate::steps::{Decision, Env};
use crate::wire::member::Desired;
use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};

/// The service that the states start.
pub const MONITOR: &str = "eos-storage-monitor";

/// The step.
pub struct ApplyStates {
    /// What to apply; none asks the membership, or the master when nothing was applied yet.
    desired: Option<Applied>,
    binary: String,
    /// What is applied, from when it was rendered for the checkpoint on: nothing else is ever carried out.
    settled: OnceCell<Settled>,
}

/// Role, scale and pillar of one run, and the plan of exactly these.
struct Settled {
    wanted: Applied,
    plan: StatePlan,
}

impl ApplyStates {
    /// As a part of a bootstrap, where role and scale are known only when earlier steps have run.
    pub fn bootstrap(decision: &Decision) -> Self {
        Self { desired: None, binary: decision.binary.clone(), settled: OnceCell::new() }
    }

    /// A new generation on a member.
    pub fn generation(desired: &Desired, binary: String) -> Self {
        Self { desired: Some(applied(desired)), binary, settled: OnceCell::new() }
    }

    /// What this run applies: asked of the master and rendered the first time, the same ever after.
    fn settled(&self, env: &Env) -> Result<&Settled, StepFailure> {
        if let Some(settled) = self.settled.get() {
            return Ok(settled);
        }
        let wanted = self.wanted(env)?;
        let plan = render(env, &env.node_name()?, &wanted, &self.binary)?;
        Ok(self.settled.get_or_init(|| Settled { wanted, plan }))
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
                let desired = |client: MasterClient| async move { client.desired().await };
                let what = "say what this node shall be";
                env.until_answered(what, &client, desired).map(|desired| applied(&desired))
            }
        }
    }

    fn touched(&self, env: &Env) -> Result<Vec<Touch>, StepFailure> {
        let mut touches = self.touches();
        for touch in planned_touches(&env.root, &self.settled(env)?.plan)? {
            if !touches.contains(&touch) {
                touches.push(touch);
            }
        }
        Ok(touches)
    }

    fn apply(&self, env: &Env) -> Result<Outcome, StepFailure> {
        let Settled { wanted, plan } = self.settled(env)?;
        let mut membership = env.membership()?;
        let changed = Executor::new(env).apply(plan)?;
        let unchanged = !changed && membership.applied.as_ref() == Some(wanted);
        membership.applied = Some(wanted.clone());
        membership.save(&env.root)?;
        Ok(if unchanged { Outcome::Unchanged } else { Outcome::Done })
    }
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
    let inputs = inputs(env, name, wanted.role, wanted.scale, &wanted.pillar, binary)?;
    let context = Context::new(name.as_str(), inputs.pillar());
    let tree = DiskTree::of(&env.root);
    let plan = plan::render(&tree, &Wanted::Top, &context);
    // The engine takes a file that cannot be read for a missing one: the reason is told instead.
    tree.all_read()?;
    Ok(plan?)
}

/// What the states of a node depend on.
///
/// # Errors
/// When the master's storage settings are not understood.
pub fn inputs(
    env: &Env,
    name: &NodeName,
    role: Role,
    scale: Scale,
    pillar: &serde_json::Value,
    binary: &str,
) -> Result<Inputs, StepFailure> {
    let storage: StorageConfig = match pillar.get("storage") {
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|error| StepFailure::StorageSettings { why: error.to_string() })?,
        None => StorageConfig::default(),
    };
    let defaults = Inputs {
        root: root_prefix(&env.root),
        binary: binary.to_owned(),
        mounted: mounted(&env.root)?,
        ..Inputs::of(name.as_str(), role, scale)
    };
    Ok(defaults.configured(&storage))
}

/// The mount points of this node, as it sees them. One whose name is no text is nothing that a role watches.
fn mounted(root: &Root) -> Result<Vec<String>, StepFailure> {
    let points = mounts::below(root.path())?;
    let seen = |point: &PathBuf| Some(Path::new("/").join(point.strip_prefix(root.path()).ok()?));
    Ok(points.iter().filter_map(seen).filter_map(|point| Some(point.to_str()?.to_owned())).collect())
}

/// What starting the monitor's service and every tree of states changes.
fn always_touched() -> Vec<Touch> {
    let unit = format!("{}/{MONITOR}.service", paths::UNITS);
    let files = [unit.into(), wants(MONITOR), paths::STORAGE_OPS.into()].map(Touch::File);
    // The agent writes the membership too, so it is not told from a stranger's change by its digest.
    files.into_iter().chain([Touch::Tree(paths::MEMBERSHIP.into())]).collect()
}

/// What the plan writes, to be checkpointed.
///
/// # Errors
/// When a state would write outside of the root.
pub fn planned_touches(root: &Root, plan: &StatePlan) -> Result<Vec<Touch>, StepFailure> {
    let mut touches = Vec::new();
    for state in &plan.states {
        if let Some(path) = state.function.path() {
            let path = below(root, path).ok_or_else(|| StepFailure::Outside {
                id: state.id.clone(),
                path: path.to_owned(),
                root: root.path().to_owned(),
            })?;
            touches.push(match state.function.name() {
                "file.directory" => Touch::Directory(path),
                _ => Touch::File(path),
            });
        }
        if let Function::ServiceRunning { name, .. }
        | Function::ServiceDead { name, .. }
        | Function::ServiceEnabled { name } = &state.function
        {
            touches.push(Touch::File(wants(name)));
        }
    }
    Ok(touches)
}

/// The path relative to the root; none when it is not below it, and so could not be put back.
fn below(root: &Root, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path).strip_prefix(root.path()).ok()?;
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && relative.file_name().is_some()).then(|| relative.to_owned())
}

fn wants(service: &str) -> PathBuf {
    Path::new(paths::UNITS).join(format!("multi-user.target.wants/{service}.service"))
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
    fn touches_now(&self, env: &Env) -> Result<Vec<Touch>, StepError> {
        self.touched(env).map_err(to_step)
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
