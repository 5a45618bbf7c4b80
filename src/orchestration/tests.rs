//! Orchestration files become steps, and steps a run, with nodes that answer, fail and are away.

use super::judge::Verdict;
use super::*;
use crate::model::explain::tells;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::model::storage_ops::{Retention, Thresholds};
use crate::sls::Context;
use crate::sls::embedded::Embedded;
use crate::sls::tree::StateTree;
use crate::wire::member::TaskDone;
use std::collections::BTreeMap;

mod files;
mod runs;

/// A tree of one file, `orchestration/site.sls`.
struct One(&'static str);

impl StateTree for One {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        (path == "orchestration/site.sls").then(|| self.0.as_bytes().to_vec())
    }

    fn below(&self, _directory: &str) -> Vec<String> {
        Vec::new()
    }
}

fn name(text: &str) -> NodeName {
    NodeName::parse(text).expect("a name of the tests")
}

fn plan(roles: &[(&str, Role)], new_node: Option<&str>) -> RolesPlan {
    let scale = Scale::of(roles.len());
    RolesPlan {
        roles: roles.iter().map(|(node, role)| (name(node), *role)).collect(),
        scale,
        thresholds: Thresholds::of(scale),
        retention: Retention::of(scale),
        new_node: new_node.map(name),
    }
}

fn site(text: &'static str) -> Result<Vec<Step>, OrchestrationError> {
    let plan = plan(&[("n1", Role::Edge), ("n2", Role::Core)], None);
    compile(&One(text), "orchestration.site", &Context::new("n1", plan.pillar()))
}

fn shipped(sls: &str, plan: &RolesPlan) -> Vec<Step> {
    compile(&Embedded, sls, &Context::new("n1", plan.pillar())).expect("the shipped file holds")
}

/// A member that is there and has applied generation 1.
fn seen(node: &str, role: Role) -> Seen {
    Seen {
        name: name(node),
        role: Some(role),
        scale: Scale::Small,
        address: "10.0.0.1".to_owned(),
        cpus: 4,
        memory_bytes: 8 << 30,
        applied: 1,
        there: true,
        gone: false,
        failure: None,
        takes_tasks: true,
        done: BTreeMap::new(),
    }
}

/// A run of these steps towards generation 2, begun at 0.
fn run(steps: Vec<Step>) -> Run {
    let mut run = Run::begin(2, Cause::Changed, 0);
    run.set_out(steps, None, 0);
    run
}

/// One advance, with nobody who waits to be let in.
fn on(run: &mut Run, nodes: &[Seen], now: u64) {
    advance(run, nodes, now, &mut |_, _| Verdict::well(false, String::new()));
}

fn states(run: &Run) -> Vec<(&str, &'static str)> {
    run.steps.iter().map(|one| (one.step.id.as_str(), one.state.name())).collect()
}

fn given(run: &Run) -> Vec<&str> {
    run.given().map_or(vec!["all"], |given| given.into_iter().map(NodeName::as_str).collect())
}
