//! The engine over toy steps that make, change and remove files, directories, trees and an effect
//! outside of files: every failure, every crash, every undo.

mod endings;
mod kept;
mod leading_out;
mod resetting;
mod resuming;
mod unwinding;

use super::engine::{Engine, Finished, Interrupt, Request};
use super::error::SagaError;
use super::faults::FaultPlan;
use super::step::{Outcome, Stage, Step, StepError, Touch};
use crate::host::inventory::Inventory;
use crate::host::root::Root;
use crate::journal::file;
use crate::journal::lock::OperationLock;
use crate::model::ids::SagaId;
use crate::model::progress::{Event, Sink};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

/// What outlives a process besides its files: services that run, what others were told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    root: std::path::PathBuf,
    services: BTreeSet<&'static str>,
}

type Work = fn(&Path) -> std::io::Result<()>;

struct Toy {
    name: &'static str,
    stage: Stage,
    touches: Vec<Touch>,
    work: Work,
    service: Option<&'static str>,
}

impl Step<Env> for Toy {
    fn name(&self) -> &'static str {
        self.name
    }
    fn stage(&self) -> Stage {
        self.stage
    }
    fn describe(&self) -> String {
        format!("do what {} does", self.name)
    }
    fn touches(&self) -> Vec<Touch> {
        self.touches.clone()
    }
    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let failed = |e| crate::host::files::FileError::new("play", self.name, e);
        (self.work)(&env.root).map_err(failed)?;
        env.services.extend(self.service);
        Ok(if self.name == "look-around" { Outcome::Unchanged } else { Outcome::Done })
    }
    /// Whether the service ran.
    fn before(&self, env: &Env) -> Result<BTreeMap<String, serde_json::Value>, StepError> {
        let ran = |service: &'static str| (service.to_owned(), env.services.contains(service).into());
        Ok(self.service.into_iter().map(ran).collect())
    }
    fn undo_to(&self, env: &mut Env, before: &BTreeMap<String, serde_json::Value>) -> Result<(), StepError> {
        match self.service.map(|service| (service, before[service] == true)) {
            Some((service, true)) => env.services.extend([service]),
            _ => self.undo(env)?,
        }
        Ok(())
    }
    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        if let Some(service) = self.service {
            env.services.remove(service);
        }
        Ok(())
    }
}

fn toy(name: &'static str, stage: Stage, touches: Vec<Touch>, work: Work) -> Box<dyn Step<Env>> {
    Box::new(Toy { name, stage, touches, work, service: None })
}

fn file(path: &str) -> Touch {
    Touch::File(path.into())
}

fn put(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn gone(path: &Path) -> std::io::Result<()> {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path)?
    } else if path.is_symlink() || path.exists() {
        fs::remove_file(path)?
    }
    Ok(())
}

/// The step that has an effect outside of files.
fn start_service() -> Toy {
    Toy {
        name: "start-service",
        stage: Stage::Services,
        touches: vec![file("run/eos/toy.pid"), file("etc/eos/cluster.yaml")],
        work: |root| {
            put(&root.join("run/eos/toy.pid"), "1\n", 0o644)?;
            put(&root.join("etc/eos/cluster.yaml"), "role: monolith\nready: true\n", 0o600)
        },
        service: Some("toy"),
    }
}

/// The step that changes directories themselves.
fn change_directories() -> Box<dyn Step<Env>> {
    toy(
        "directories",
        Stage::Configure,
        vec![Touch::Directory("srv/mode".into()), Touch::Directory("srv/made/deep".into())],
        |root| {
            fs::set_permissions(root.join("srv/mode"), fs::Permissions::from_mode(0o700))?;
            fs::create_dir_all(root.join("srv/made/deep"))
        },
    )
}

/// Steps that together do everything to the file system that a step may.
pub fn steps() -> Vec<Box<dyn Step<Env>>> {
    vec![
        toy("look-around", Stage::Detect, vec![file("etc/passwd")], |_| Ok(())),
        toy(
            "write-config",
            Stage::Configure,
            vec![file("etc/eos/cluster.yaml"), file("etc/eos/deep/er/x")],
            |root| {
                put(&root.join("etc/eos/cluster.yaml"), "role: monolith\n", 0o640)?;
                put(&root.join("etc/eos/deep/er/x"), "x", 0o600)
            },
        ),
        toy(
            "replace-unit",
            Stage::Configure,
            vec![file("etc/systemd/system/toy.service"), file("etc/link")],
            |root| {
                put(&root.join("etc/systemd/system/toy.service"), "[Unit]\n", 0o644)?;
                gone(&root.join("etc/link"))?;
                put(&root.join("etc/link"), "no link any more", 0o644)
            },
        ),
        toy(
            "remove-old",
            Stage::Configure,
            vec![file("etc/old.conf"), Touch::Tree("opt/old".into())],
            |root| {
                gone(&root.join("etc/old.conf"))?;
                gone(&root.join("opt/old"))
            },
        ),
        toy(
            "make-tree",
            Stage::Snapshot,
            vec![Touch::Tree("var/lib/eos/master".into()), Touch::Tree("var/lib/eos/cluster".into())],
            |root| {
                put(&root.join("var/lib/eos/master/registry.db"), "rows", 0o600)?;
                put(&root.join("var/lib/eos/cluster/a/b/c"), "c", 0o644)
            },
        ),
        toy("replace-tree", Stage::Snapshot, vec![Touch::Tree("srv/data".into())], |root| {
            gone(&root.join("srv/data"))?;
            put(&root.join("srv/data/new/file"), "new", 0o644)
        }),
        change_directories(),
        Box::new(start_service()),
    ]
}

/// A machine with things on it, and what it looked like at first.
pub struct World {
    folder: tempfile::TempDir,
    pub root: Root,
    pub before: Inventory,
    pub env: Env,
    pub steps: Vec<Box<dyn Step<Env>>>,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let root = Root::new(folder.path()).expect("a working directory");
        furnish(folder.path()).expect("a furnished root");
        let before = look(&root);
        let env = Env { root: folder.path().to_owned(), services: BTreeSet::new() };
        Self { folder, root, before, env, steps: steps() }
    }

    /// One process: it takes the lock, does something with the engine, and ends, or dies.
    pub fn process<T>(
        &mut self,
        faults: FaultPlan,
        work: impl FnOnce(&mut Engine<'_>, &[Box<dyn Step<Env>>], &mut Env) -> Result<T, SagaError>,
    ) -> Result<T, SagaError> {
        self.watched(faults, &crate::model::progress::Silent, &AtomicBool::new(false), work)
    }

    pub fn watched<T>(
        &mut self,
        faults: FaultPlan,
        sink: &dyn Sink,
        interrupted: &dyn Interrupt,
        work: impl FnOnce(&mut Engine<'_>, &[Box<dyn Step<Env>>], &mut Env) -> Result<T, SagaError>,
    ) -> Result<T, SagaError> {
        let mut lock =
            OperationLock::acquire(&self.root, "eos test", Timestamp::UNIX_EPOCH).expect("the lock is free");
        let mut engine = Engine::new(&self.root, &mut lock, sink, interrupted).with_faults(faults);
        let result = work(&mut engine, &self.steps, &mut self.env);
        if let Err(SagaError::Died { .. }) = result {
            lock.abandon();
        }
        result
    }

    pub fn run(&mut self, faults: FaultPlan) -> Result<Finished, SagaError> {
        self.process(faults, |engine, steps, env| engine.run(request(), steps, env))
    }

    /// The next start: finish what was left, by going on.
    pub fn restart(&mut self) -> Result<Option<Finished>, SagaError> {
        self.process(FaultPlan::none(), |engine, steps, env| match engine.recover()? {
            Some((saga, _)) => engine.resume(&saga, steps, env).map(Some),
            None => Ok(None),
        })
    }

    /// The next start: finish what was left, by undoing it.
    pub fn undo(&mut self, faults: FaultPlan) -> Result<Option<Finished>, SagaError> {
        self.process(faults, |engine, steps, env| match engine.recover()? {
            Some((saga, _)) => engine.rollback(&saga, steps, env).map(Some),
            None => match file::sagas(engine.root)?.last() {
                Some(saga) => engine.rollback(saga, steps, env).map(Some),
                None => Ok(None),
            },
        })
    }

    pub fn now(&self) -> Inventory {
        look(&self.root)
    }

    pub fn path(&self, relative: &str) -> std::path::PathBuf {
        self.folder.path().join(relative)
    }

    pub fn assert_as_before(&self, case: &str) {
        assert_eq!(self.before.difference(&self.now()), Vec::<String>::new(), "{case}");
        assert_eq!(self.env.services, BTreeSet::new(), "{case}");
    }

    /// Everything that is eos's result: all but journal and checkpoints, the ledger included.
    pub fn result(&self) -> (Inventory, BTreeSet<&'static str>) {
        let mut found = self.now();
        let own: Vec<String> = found
            .nodes()
            .keys()
            .filter(|path| {
                ["journal", "checkpoints"].iter().any(|own| path.starts_with(&format!("./var/lib/eos/{own}")))
            })
            .cloned()
            .collect();
        for path in own {
            found.remove(&path);
        }
        (found, self.env.services.clone())
    }
}

pub fn request() -> Request {
    Request::new("bootstrap", serde_json::json!({"role": "monolith"}))
}

pub fn first() -> SagaId {
    SagaId::parse("0001-bootstrap").expect("an id")
}

fn look(root: &Root) -> Inventory {
    Inventory::of(root, &["."]).expect("a readable root")
}

fn furnish(root: &Path) -> std::io::Result<()> {
    put(&root.join("etc/passwd"), "root\n", 0o644)?;
    put(&root.join("etc/systemd/system/toy.service"), "[Unit]\nDescription=older\n", 0o640)?;
    chown(root.join("etc/systemd/system/toy.service"), Some(12), Some(34))?;
    symlink("../nowhere", root.join("etc/link"))?;
    put(&root.join("etc/old.conf"), "old", 0o4711)?;
    put(&root.join("opt/old/sub/file"), "old", 0o644)?;
    put(&root.join("srv/data/one"), "one", 0o600)?;
    put(&root.join("srv/data/sub/two"), &"two".repeat(100_000), 0o444)?;
    symlink("one", root.join("srv/data/link"))?;
    fs::set_permissions(root.join("srv/data/sub"), fs::Permissions::from_mode(0o2555))?;
    fs::create_dir_all(root.join("srv/mode"))?;
    chown(root.join("srv/data"), Some(56), Some(78))
}

/// Remembers what it was told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<Event>>);

impl Sink for Told {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no panic while it is held").push(event);
    }

    fn expect(&self, _wait: Option<crate::model::progress::Wait>) {}
}
