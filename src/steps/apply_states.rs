//! Applies the states of this node's role: configuration, monitor and its service.

use crate::client::MasterClient;
use crate::host::files;
use crate::host::mounts;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::membership::{Applied, Membership};
use crate::model::config::StorageConfig;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::context::{Context, Machine};
use crate::sls::difference::StateResult;
use crate::sls::grains;
use crate::sls::inputs::Inputs;
use crate::sls::plan::{self, StatePlan, Wanted};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::executor::effects::{self, Before};
use crate::steps::executor::{self, Executor, going_back, parameters};
use crate::steps::install_units::root_prefix;
use crate::steps::salt_call;
use crate::steps::start_service::{END, READY};
use crate::steps::states_tree::DiskTree;
use crate::steps::touches;
use crate::steps::{Decision, Env};
use crate::wire::member::Desired;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The service that the states start.
pub const MONITOR: &str = "eos-storage-monitor";

/// The step.
pub struct ApplyStates {
    /// What to apply; none asks the membership, or the master when nothing was applied yet.
    desired: Option<Applied>,
    binary: String,
    /// What is applied, from when it was rendered for the checkpoint on: nothing else is ever carried out.
    settled: OnceCell<Settled>,
    /// What came of each state, for whoever applies.
    results: Arc<Mutex<Vec<StateResult>>>,
}

/// Role, scale and pillar of one run, and the plan of exactly these.
struct Settled {
    wanted: Applied,
    plan: StatePlan,
}

impl ApplyStates {
    /// As a part of a bootstrap, where role and scale are known only when earlier steps have run.
    pub fn bootstrap(decision: &Decision) -> Self {
        Self::new(None, decision.binary.clone())
    }

    /// A new generation on a member.
    pub fn generation(desired: &Desired, binary: String) -> Self {
        Self::new(Some(applied(desired)), binary)
    }

    fn new(desired: Option<Applied>, binary: String) -> Self {
        Self { desired, binary, settled: OnceCell::new(), results: Arc::default() }
    }

    /// Where the results of the states will be once they were applied.
    pub fn results(&self) -> Arc<Mutex<Vec<StateResult>>> {
        self.results.clone()
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
                let told = env.until_answered(what, &client, desired).map(|desired| applied(&desired))?;
                // A member whose turn of a newer generation has not come keeps what it has.
                let own = membership
                    .applied
                    .filter(|own| membership.confirmed && own.generation == told.generation);
                Ok(own.unwrap_or(told))
            }
        }
    }

    fn touched(&self, env: &Env) -> Result<Vec<Touch>, StepFailure> {
        let mut touches = self.touches();
        if env.membership()?.salt_call.is_some() {
            touches.push(Touch::Tree(salt_call::DIRECTORY.into()));
        }
        for touch in touches::of(env, &self.settled(env)?.plan)? {
            if !touches.contains(&touch) {
                touches.push(touch);
            }
        }
        Ok(touches)
    }

    /// Through an installed Salt. The monitor's service is eos's own: Salt is not asked to run it.
    fn by_salt(
        &self,
        env: &Env,
        program: &str,
        membership: &Membership,
    ) -> Result<executor::Applied, StepFailure> {
        let Settled { wanted, plan } = self.settled(env)?;
        let inputs = inputs(env, &membership.name, wanted.role, wanted.scale, &wanted.pillar, &self.binary)?;
        let inputs = Inputs { services: false, ..inputs };
        let applied = salt_call::apply(env, program, membership, &inputs, plan)?;
        if applied.failure.is_none() {
            env.services.refresh(MONITOR)?;
            env.services.enable(MONITOR)?;
            match applied.changed() && env.services.status(MONITOR)?.active {
                true => env.services.restart(MONITOR, READY)?,
                false => env.services.start(MONITOR, READY)?,
            };
        }
        Ok(applied)
    }

    fn apply(&self, env: &Env) -> Result<Outcome, StepFailure> {
        let Settled { wanted, plan } = self.settled(env)?;
        let mut membership = env.membership()?;
        let applied = match &membership.salt_call {
            None => Executor::new(env).apply(plan),
            Some(program) => self.by_salt(env, program, &membership)?,
        };
        let changed = applied.changed();
        self.results.lock().expect("nothing panics while it holds the results").clone_from(&applied.results);
        if let Some(failure) = applied.failure {
            return Err(failure);
        }
        parameters::release(env)?;
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

/// The files of this machine, for templates that ask.
struct Files;

impl Machine for Files {
    fn is_file(&self, path: &str) -> bool {
        files::is_file(Path::new(path))
    }

    fn is_directory(&self, path: &str) -> bool {
        files::is_directory(Path::new(path))
    }
}

/// Renders the states of a node.
///
/// # Errors
/// When a state file is wrong; the error names file and line.
pub fn render(env: &Env, name: &NodeName, wanted: &Applied, binary: &str) -> Result<StatePlan, StepFailure> {
    let inputs = inputs(env, name, wanted.role, wanted.scale, &wanted.pillar, binary)?;
    let context = context(env, name, inputs.pillar());
    let tree = DiskTree::of(&env.root);
    let plan = plan::render(&tree, &Wanted::Top, &context);
    // The engine takes a file that cannot be read for a missing one: the reason is told instead.
    tree.all_read()?;
    Ok(plan?)
}

/// What templates of a node see with this pillar: its grains and its files too, whoever asks for its states.
pub fn context(env: &Env, name: &NodeName, pillar: serde_json::Value) -> Context {
    Context {
        grains: grains::of(name.as_str(), &env.facts),
        machine: Arc::new(Files),
        ..Context::new(name.as_str(), pillar)
    }
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
    let files = [unit.into(), touches::wants(MONITOR), paths::STORAGE_OPS.into()].map(Touch::File);
    // The agent writes the membership too, so it is not told from a stranger's change by its digest.
    files.into_iter().chain([Touch::Tree(paths::MEMBERSHIP.into())]).collect()
}

/// What a plan changes besides files, as it is now, for the checkpoint.
///
/// # Errors
/// When the machine cannot be looked at.
pub fn effects_before(
    env: &Env,
    plan: &StatePlan,
) -> Result<BTreeMap<String, serde_json::Value>, StepFailure> {
    Ok(stored(effects::before(env, plan)?))
}

/// How the same is after the plan was carried out, for the ledger.
///
/// # Errors
/// When the checkpoint is damaged, or the machine cannot be looked at.
pub fn effects_after(
    env: &Env,
    before: &BTreeMap<String, serde_json::Value>,
) -> Result<BTreeMap<String, serde_json::Value>, StepFailure> {
    Ok(stored(effects::now(env, &recorded(before)?)?))
}

fn stored(effects: BTreeMap<String, Before>) -> BTreeMap<String, serde_json::Value> {
    let value = |before| serde_json::to_value(before).expect("what was before serialises");
    effects.into_iter().map(|(subject, before)| (subject, value(before))).collect()
}

fn recorded(stored: &BTreeMap<String, serde_json::Value>) -> Result<BTreeMap<String, Before>, StepFailure> {
    let mut known = BTreeMap::new();
    for (subject, value) in stored {
        known.insert(subject.clone(), effects::recorded("checkpoint", subject, value)?);
    }
    Ok(known)
}

/// Puts back what a plan changed besides files.
///
/// # Errors
/// When the checkpoint is damaged, or something cannot be put back.
pub fn undo_effects(env: &Env, before: &BTreeMap<String, serde_json::Value>) -> Result<(), StepFailure> {
    going_back::undo(env, &recorded(before)?)
}

/// The rest of it, once files are back: services that ran do so again.
///
/// # Errors
/// As [`undo_effects`].
pub fn undo_effects_last(env: &Env, before: &BTreeMap<String, serde_json::Value>) -> Result<(), StepFailure> {
    going_back::undo_last(env, &recorded(before)?)
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

    fn before(&self, env: &Env) -> Result<BTreeMap<String, serde_json::Value>, StepError> {
        effects_before(env, &self.settled(env).map_err(to_step)?.plan).map_err(to_step)
    }

    fn after(
        &self,
        env: &Env,
        before: &BTreeMap<String, serde_json::Value>,
    ) -> Result<BTreeMap<String, serde_json::Value>, StepError> {
        effects_after(env, before).map_err(to_step)
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

    fn undo_to(&self, env: &mut Env, before: &BTreeMap<String, serde_json::Value>) -> Result<(), StepError> {
        let undone = undo_effects(env, before).map_err(to_step);
        match (undone, self.undo(env)) {
            (Err(first), Err(second)) => Err(first.and(second)),
            (first, second) => first.and(second),
        }
    }

    fn undo_last(
        &self,
        env: &mut Env,
        before: &BTreeMap<String, serde_json::Value>,
    ) -> Result<(), StepError> {
        undo_effects_last(env, before).map_err(to_step)
    }
}
