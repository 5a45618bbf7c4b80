//! Units that a newer eos brings up to date, by a bootstrap that dies on the way.

use crate::restores::joined;
use crate::support::{EOS, Machine, eventually};
use eos::host::{clock, facts, paths, services};
use eos::journal::lock::OperationLock;
use eos::model::progress::Silent;
use eos::saga::engine::{Engine, Request};
use eos::saga::error::SagaError;
use eos::saga::faults::FaultPlan;
use eos::steps::refresh_units::{KIND, Refresh, RefreshUnits};
use eos::steps::{AnyStep, Env};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);

/// Brings the units up to date in this process, which dies as planned.
fn dies(machine: &Machine, faults: FaultPlan) {
    let (root, runtime) = (machine.root(), tokio::runtime::Runtime::new().unwrap());
    let refresh = Refresh::needed(&root, true, Path::new(EOS)).unwrap().expect("a unit stands otherwise");
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut env = Env {
        binary: PathBuf::from(EOS),
        services: Arc::from(services::detect(&root, PathBuf::from(EOS)).unwrap()),
        sink: Arc::new(Silent),
        runtime: runtime.handle().clone(),
        interrupted: interrupted.clone(),
        facts: facts::gather(&root, &root.join(paths::STATE)).unwrap(),
        token: None,
        parts: true,
        deadline: Instant::now() + SOON,
        root: root.clone(),
    };
    let mut lock = None;
    let free = || {
        lock = OperationLock::acquire(&root, KIND, clock::timestamp()).ok();
        lock.is_some()
    };
    assert!(eventually(SOON, free), "the agent holds the lock");
    let mut lock = lock.unwrap();
    let plan = serde_json::to_value(&refresh).unwrap();
    let steps: Vec<AnyStep> = vec![Box::new(RefreshUnits(refresh))];
    let mut engine = Engine::new(&root, &mut lock, &Silent, interrupted.as_ref()).with_faults(faults);
    let result = engine.run(Request::new(KIND, plan), &steps, &mut env);
    assert!(matches!(result, Err(SagaError::Died { .. })), "{result:?}");
    lock.abandon();
}

#[test]
fn an_update_of_units_that_died_keeps_no_agent_from_its_generations_and_the_next_bootstrap_does_it() {
    let in_step = FaultPlan { crash_in_step: Some("refresh-units".to_owned()), ..FaultPlan::none() };
    let after = |record| FaultPlan { crash_after_record: Some(record), ..FaultPlan::none() };
    for (number, faults) in [after(1), after(2), in_step, after(3)].into_iter().enumerate() {
        let address = |host: usize| format!("127.0.56.{}", 2 * number + host);
        let [machine, other] =
            [(1, "node1"), (2, "node2")].map(|(host, name)| Machine::empty(&address(host), name));
        machine.found();
        let unit = machine.path("etc/systemd/system/eos-agent.service");
        let current = fs::read_to_string(&unit).unwrap();
        let older = current.replace("Wants=eos-recovery.service\n", "");
        fs::write(&unit, &older).unwrap();
        dies(&machine, faults);

        // Who joins gives every node a new generation.
        joined(&other, &machine, &[]).ends_with(0);
        let goes_on = || fs::read_to_string(&unit).unwrap() == older;
        assert!(eventually(SOON, goes_on), "fault {number}");
        let run = machine.eos(&["bootstrap", "--single-node", "--output", "json"]).ends_with(0);
        assert_eq!(run.verdict()["outcome"], "done");
        assert_eq!(fs::read_to_string(&unit).unwrap(), current);
    }
}
