//! Applies states of the node's own tree that an orchestration asks for, besides those of its role.

use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::difference::Outcome as StateOutcome;
use crate::sls::plan::{self, StatePlan, Wanted};
use crate::steps::Env;
use crate::steps::apply_states::{
    context, effects_after, effects_before, inputs, undo_effects, undo_effects_last,
};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::executor::{Executor, parameters};
use crate::steps::states_tree::DiskTree;
use crate::steps::touches;
use crate::wire::member::Task;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The step.
pub struct ApplyTask {
    task: Task,
    binary: String,
    /// What is applied, from when it was rendered for the checkpoint on.
    plan: OnceCell<StatePlan>,
}

impl ApplyTask {
    /// For this task.
    pub fn new(task: &Task, binary: String) -> Self {
        Self { task: task.clone(), binary, plan: OnceCell::new() }
    }

    /// Whether applying it would change something.
    ///
    /// # Errors
    /// When a state file is wrong, or a state could not be applied.
    pub fn would_change(&self, env: &Env) -> Result<bool, StepFailure> {
        let results = Executor::new(env).test(self.plan(env)?);
        match results.iter().find(|result| result.outcome == StateOutcome::Failed) {
            Some(failed) => Err(StepFailure::State {
                id: failed.id.clone(),
                function: failed.function.clone(),
                comment: failed.comment.clone(),
                place: format!("{}:{}", failed.file, failed.line),
            }),
            None => Ok(results.iter().any(|result| result.outcome == StateOutcome::WouldChange)),
        }
    }

    fn plan(&self, env: &Env) -> Result<&StatePlan, StepFailure> {
        if let Some(plan) = self.plan.get() {
            return Ok(plan);
        }
        let membership = env.membership()?;
        let applied = membership.applied.as_ref().ok_or(StepFailure::NoMembership)?;
        let name = &membership.name;
        let own = inputs(env, name, applied.role, applied.scale, &applied.pillar, &self.binary)?;
        let mut pillar = own.pillar();
        merge(&mut pillar, &self.task.pillar);
        let tree = DiskTree::of(&env.root);
        let wanted = Wanted::Named(self.task.sls.clone());
        let plan = plan::render(&tree, &wanted, &context(env, name, pillar));
        tree.all_read()?;
        let plan = plan?;
        Ok(self.plan.get_or_init(|| plan))
    }
}

/// Mappings are merged, and everything else is replaced, as Salt does with `pillar=`.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => into.clone_from(from),
    }
}

impl Step<Env> for ApplyTask {
    fn name(&self) -> &'static str {
        "apply-task"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("apply {}, as the cluster's orchestration asks", self.task.sls.join(", "))
    }

    fn touches(&self) -> Vec<Touch> {
        Vec::new()
    }

    /// A tree that cannot be rendered makes the step itself fail, with file and line.
    fn touches_now(&self, env: &Env) -> Result<Vec<Touch>, StepError> {
        self.plan(env).and_then(|plan| touches::of(env, plan)).map_err(to_step)
    }

    fn before(&self, env: &Env) -> Result<BTreeMap<String, Value>, StepError> {
        self.plan(env).and_then(|plan| effects_before(env, plan)).map_err(to_step)
    }

    fn after(
        &self,
        env: &Env,
        before: &BTreeMap<String, Value>,
    ) -> Result<BTreeMap<String, Value>, StepError> {
        effects_after(env, before).map_err(to_step)
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let plan = self.plan(env).map_err(to_step)?;
        let applied = Executor::new(env).apply(plan);
        let outcome = if applied.changed() { Outcome::Done } else { Outcome::Unchanged };
        match applied.failure {
            Some(failure) => Err(to_step(failure)),
            None => parameters::release(env).map(|()| outcome).map_err(to_step),
        }
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }

    fn undo_to(&self, env: &mut Env, before: &BTreeMap<String, Value>) -> Result<(), StepError> {
        undo_effects(env, before).map_err(to_step)
    }

    fn undo_last(&self, env: &mut Env, before: &BTreeMap<String, Value>) -> Result<(), StepError> {
        undo_effects_last(env, before).map_err(to_step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_pillar_of_a_task_is_laid_over_the_nodes_own() {
        let mut pillar = json!({"eos": {"role": "edge", "mounts": ["/"]}});
        merge(&mut pillar, &json!({"eos": {"mounts": ["/data"]}, "site": {"release": 3}}));
        let wanted = json!({"eos": {"role": "edge", "mounts": ["/data"]}, "site": {"release": 3}});
        assert_eq!(pillar, wanted);
    }
}
