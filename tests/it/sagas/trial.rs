//! One machine on which a saga is tried again and again, with faults or without.

use crate::support::{EOS, Machine, Run, assert_same};
use eos::cli::bootstrap::KIND;
use eos::host::inventory::Inventory;
use eos::host::{clock, facts, paths, services};
use eos::identity::token::Token;
use eos::journal::file;
use eos::journal::lock::OperationLock;
use eos::model::progress::Silent;
use eos::saga::engine::{Engine, Finished, Request};
use eos::saga::error::SagaError;
use eos::saga::faults::FaultPlan;
use eos::saga::step::StepError;
use eos::steps::{self, AnyStep, Decision, Env};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// A saga on a machine.
pub struct Trial<'a> {
    /// The machine.
    pub machine: &'a Machine,
    master: Option<&'a Machine>,
    token: Option<String>,
    decision: Decision,
    runtime: Runtime,
}

impl<'a> Trial<'a> {
    /// The saga of a first node.
    pub fn first_node(machine: &'a Machine) -> Self {
        Self::new(machine, None)
    }

    /// The saga of a join.
    pub fn join(machine: &'a Machine, master: &'a Machine) -> Self {
        Self::new(machine, Some(master))
    }

    fn new(machine: &'a Machine, master: Option<&'a Machine>) -> Self {
        // Without it, the machine of this process and that of the command would have different ids.
        let id = blake3::hash(machine.root().path().as_os_str().as_encoded_bytes()).to_hex();
        machine.put("etc/machine-id", &format!("{}\n", &id[..32]), 0o444);
        let token = master.map(Machine::token);
        let mut arguments = command_line(machine, master);
        arguments.extend(["--dry-run", "--output", "json"]);
        let mut command = machine.command(&arguments);
        command.envs(token.iter().map(|token| ("EOS_TOKEN", token)));
        let planned = Run::from(command.output().unwrap()).ends_with(0).verdict();
        let decision = serde_json::from_value(planned["result"]["decision"].clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { machine, master, token, decision, runtime: runtime.unwrap() }
    }

    /// The names of the saga's steps.
    pub fn steps(&self) -> Vec<String> {
        steps::of(&self.decision).iter().map(|step| step.name().to_owned()).collect()
    }

    fn environment(&self) -> Env {
        let root = self.machine.root();
        Env {
            binary: PathBuf::from(EOS),
            services: Arc::from(services::detect(&root, PathBuf::from(EOS)).unwrap()),
            sink: Arc::new(Silent),
            runtime: self.runtime.handle().clone(),
            interrupted: Arc::new(AtomicBool::new(false)),
            facts: facts::gather(&root, &root.join(paths::STATE)).unwrap(),
            token: self.token.as_deref().map(|token| Token::parse(token).unwrap()),
            parts: true,
            deadline: Instant::now() + Duration::from_secs(120),
            root,
        }
    }

    /// One process that works with the engine, with faults; after a planned death nothing is tidied up.
    fn process<T>(
        &self,
        faults: FaultPlan,
        work: impl FnOnce(&mut Engine<'_>, &[AnyStep], &mut Env) -> Result<T, SagaError>,
    ) -> Result<T, SagaError> {
        let root = self.machine.root();
        let mut lock = OperationLock::acquire(&root, KIND, clock::timestamp()).unwrap();
        let mut env = self.environment();
        let interrupted = env.interrupted.clone();
        let mut engine = Engine::new(&root, &mut lock, &Silent, interrupted.as_ref()).with_faults(faults);
        let result = work(&mut engine, &steps::of(&self.decision), &mut env);
        if matches!(result, Err(SagaError::Died { .. })) {
            lock.abandon();
        }
        result
    }

    /// Carries the saga out in this process.
    pub fn attempt(&self, faults: FaultPlan) -> Result<Finished, SagaError> {
        let plan = serde_json::to_value(&self.decision).unwrap();
        self.process(faults, |engine, steps, env| engine.run(Request::new(KIND, plan), steps, env))
    }

    /// Goes on in this process with what an earlier one left; none when there is nothing to go on with.
    pub fn go_on(&self, faults: FaultPlan) -> Result<Option<Finished>, SagaError> {
        self.process(faults, |engine, steps, env| match engine.recover()? {
            Some((saga, _)) => engine.resume(&saga, steps, env).map(Some),
            None => Ok(None),
        })
    }

    /// Rolls the newest saga back in this process; none when there is none.
    pub fn take_back(&self, faults: FaultPlan) -> Result<Option<Finished>, SagaError> {
        self.process(faults, |engine, steps, env| {
            engine.recover()?;
            let newest = file::sagas(&self.machine.root()).unwrap().pop();
            newest.map(|saga| engine.rollback(&saga, steps, env)).transpose()
        })
    }

    /// Calls the undo of every step in this process, twice each, the last step first.
    pub fn undo_each_twice(&self) -> Result<(), StepError> {
        let mut env = self.environment();
        let steps = steps::of(&self.decision);
        steps.iter().rev().try_for_each(|step| step.undo(&mut env).and_then(|()| step.undo(&mut env)))
    }

    /// How many records the journal of the newest saga has.
    pub fn records(&self) -> usize {
        let root = self.machine.root();
        let newest = file::sagas(&root).unwrap().pop();
        newest.map_or(0, |saga| file::entries(&root, &saga).unwrap().len())
    }

    /// Runs the same bootstrap from the command line.
    pub fn run_again(&self) -> Run {
        let mut command = self.machine.command(&command_line(self.machine, self.master));
        command.envs(self.token.iter().map(|token| ("EOS_TOKEN", token)));
        command.output().unwrap().into()
    }

    /// Rolls the newest saga back from the command line.
    #[track_caller]
    pub fn roll_back(&self) {
        self.machine.eos(&["rollback"]).ends_with(0);
    }

    /// Asserts that the machine is as before, that nothing runs on it, and that the master knows of nobody.
    #[track_caller]
    pub fn assert_undone(&self, before: &Inventory, what: &str) {
        assert_same(before, &self.machine.tree(), what);
        assert_eq!(self.machine.processes(), Vec::<i32>::new(), "{what}: nothing runs");
        if let Some(master) = self.master {
            assert_eq!(
                self.names_at_master(),
                [master.name.as_str()],
                "{what}: the master knows of nobody else"
            );
        }
    }

    /// The nodes that the master knows.
    pub fn names_at_master(&self) -> Vec<String> {
        let status = self.master.unwrap_or(self.machine).status();
        let nodes = status["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn command_line<'a>(machine: &'a Machine, master: Option<&'a Machine>) -> Vec<&'a str> {
    master.map_or_else(|| machine.first_node(), |master| machine.join(master))
}
