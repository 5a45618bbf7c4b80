//! Carries out a plan of states on this machine, in its order, and stops at the first that fails.

use crate::host::accounts;
use crate::host::command;
use crate::host::entry;
use crate::host::files::{self, Attributes};
use crate::sls::difference::{self, Difference, Existing, FileKind, Outcome, OwnerNumbers, StateResult};
use crate::sls::function::{Attributes as Wanted, Function};
use crate::sls::plan::{State, StatePlan};
use crate::steps::Env;
use crate::steps::error::StepFailure;
use crate::steps::start_service::{END, READY};
use std::path::Path;
use std::time::Duration;

/// How long a `cmd.run` may take.
const COMMAND: Duration = Duration::from_secs(300);

/// Applies plans.
pub struct Executor<'a> {
    env: &'a Env,
}

impl<'a> Executor<'a> {
    /// For this environment.
    pub fn new(env: &'a Env) -> Self {
        Self { env }
    }

    /// Applies every state; says whether anything changed.
    ///
    /// # Errors
    /// When a state fails; those before it stay applied, for the saga to undo.
    pub fn apply(&self, plan: &StatePlan) -> Result<bool, StepFailure> {
        let mut changed: Vec<bool> = Vec::with_capacity(plan.states.len());
        for state in &plan.states {
            let any =
                |places: &[usize]| places.iter().any(|place| changed.get(*place).copied().unwrap_or(false));
            let held_back = !state.onchanges.is_empty() && !any(&state.onchanges);
            let watched = any(&state.watches);
            let did = if held_back { false } else { self.carry_out(state, watched)? };
            tracing::debug!(id = state.id, function = state.function.name(), changed = did, "state");
            changed.push(did);
        }
        Ok(changed.contains(&true))
    }

    /// What applying the plan would change, state by state.
    ///
    /// # Errors
    /// When the machine cannot be looked at.
    pub fn test(&self, plan: &StatePlan) -> Result<Vec<StateResult>, StepFailure> {
        plan.states.iter().map(|state| self.look(state)).collect()
    }

    fn look(&self, state: &State) -> Result<StateResult, StepFailure> {
        let (outcome, comment, changes) = match self.difference(&state.function)? {
            Difference::Unchanged => match self.service_change(&state.function)? {
                Some(comment) => (Outcome::WouldChange, comment, Vec::new()),
                None => (Outcome::Unchanged, String::new(), Vec::new()),
            },
            Difference::Changed(changes) => (Outcome::WouldChange, String::new(), changes),
            Difference::Blocked(why) => (Outcome::Failed, why, Vec::new()),
        };
        Ok(StateResult {
            id: state.id.clone(),
            function: state.function.name().to_owned(),
            name: state.name.clone(),
            sls: state.sls.clone(),
            outcome,
            comment,
            changes,
        })
    }

    fn service_change(&self, function: &Function) -> Result<Option<String>, StepFailure> {
        Ok(match function {
            Function::ServiceRunning { name, .. } if !self.env.services.status(name)?.active => {
                Some(format!("{name} would be started"))
            }
            Function::ServiceDead { name, .. } if self.env.services.status(name)?.active => {
                Some(format!("{name} would be stopped"))
            }
            Function::CommandRun { command, .. } => Some(format!("would run: {command}")),
            _ => None,
        })
    }

    fn difference(&self, function: &Function) -> Result<Difference, StepFailure> {
        let Some(path) = function.path() else { return Ok(Difference::Unchanged) };
        let existing = existing(Path::new(path))?;
        Ok(match self.owner(function)? {
            Ok(owner) => difference::difference(function, existing.as_ref(), owner),
            Err(unknown) => Difference::Blocked(unknown),
        })
    }

    fn carry_out(&self, state: &State, watched: bool) -> Result<bool, StepFailure> {
        match &state.function {
            Function::ServiceRunning { name, enable } => self.running(name, *enable, watched),
            Function::ServiceDead { name, enable } => {
                let stopped = self.env.services.stop(name, END)?;
                self.boot(name, *enable)?;
                Ok(stopped)
            }
            Function::ServiceEnabled { name } => self.boot(name, Some(true)).map(|()| false),
            Function::CommandRun { .. } => self.command(state),
            Function::Nothing => Ok(false),
            Function::Fail { reason } => Err(failed(state, reason)),
            file => match self.difference(file)? {
                Difference::Unchanged => Ok(false),
                Difference::Blocked(why) => Err(failed(state, &why)),
                Difference::Changed(_) => self.write(state).map(|()| true),
            },
        }
    }

    fn running(&self, name: &str, enable: Option<bool>, watched: bool) -> Result<bool, StepFailure> {
        self.env.services.refresh(name)?;
        self.boot(name, enable)?;
        if watched && self.env.services.status(name)?.active {
            self.env.services.restart(name, READY)?;
            return Ok(true);
        }
        Ok(!self.env.services.start(name, READY)?.already_running)
    }

    fn boot(&self, name: &str, enable: Option<bool>) -> Result<(), StepFailure> {
        match enable {
            Some(true) => self.env.services.enable(name)?,
            Some(false) => self.env.services.disable(name)?,
            None => {}
        }
        Ok(())
    }

    fn command(&self, state: &State) -> Result<bool, StepFailure> {
        let Function::CommandRun { command: line, directory, unless, only_if, creates } = &state.function
        else {
            return Ok(false);
        };
        let shell = |line: &str| {
            let line = match directory {
                Some(directory) => format!("cd {directory} && {line}"),
                None => line.to_owned(),
            };
            command::run(&["/bin/sh", "-c", &line], COMMAND)
        };
        for path in creates {
            if files::exists(Path::new(path))? {
                return Ok(false);
            }
        }
        for condition in unless {
            if shell(condition)?.status == Some(0) {
                return Ok(false);
            }
        }
        for condition in only_if {
            if shell(condition)?.status != Some(0) {
                return Ok(false);
            }
        }
        let output = shell(line)?;
        if output.status == Some(0) {
            return Ok(true);
        }
        let last = output.stderr.trim_end().lines().next_back().unwrap_or("no message").to_owned();
        Err(failed(state, &format!("status {}: {last}", output.status.unwrap_or(-1))))
    }

    fn write(&self, state: &State) -> Result<(), StepFailure> {
        let function = &state.function;
        let Some(path) = function.path().map(Path::new) else { return Ok(()) };
        let owner = self.owner(function)?.map_err(|unknown| failed(state, &unknown))?;
        if function.makes_directories()
            && let Some(parent) = path.parent()
        {
            files::create_directory(parent, Attributes { mode: 0o755, owner: None })?;
        }
        match function {
            Function::FileManaged { contents, attributes, .. } => {
                let now = existing(path)?;
                let bytes = match (contents, &now) {
                    (Some(bytes), _) => bytes.clone(),
                    (None, Some(Existing { kind: FileKind::File(bytes), .. })) => bytes.clone(),
                    (None, _) => Vec::new(),
                };
                files::write_atomic(path, &bytes, merged(attributes, owner, now.as_ref(), 0o644))?;
            }
            Function::FileDirectory { attributes, .. } => {
                let now = existing(path)?;
                let wanted = merged(attributes, owner, now.as_ref(), 0o755);
                files::create_directory(path, wanted)?;
                entry::set_attributes(path, wanted)?;
            }
            Function::FileSymlink { target, force, .. } => {
                if *force && existing(path)?.is_some() {
                    entry::remove(path)?;
                }
                entry::replace_symlink(path, target)?;
            }
            Function::FileAbsent { .. } => entry::remove(path)?,
            _ => {}
        }
        Ok(())
    }

    /// Whom the file shall belong to, or why that cannot be: a name that this machine does not know.
    fn owner(&self, function: &Function) -> Result<Result<OwnerNumbers, String>, StepFailure> {
        let (Function::FileManaged { attributes, .. } | Function::FileDirectory { attributes, .. }) =
            function
        else {
            return Ok(Ok(OwnerNumbers::default()));
        };
        let mut owner = OwnerNumbers::default();
        if let Some(name) = &attributes.user {
            owner.user = accounts::find_user(&self.env.root, name)?.map(|account| account.uid);
            if owner.user.is_none() {
                return Ok(Err(format!("there is no user {name}")));
            }
        }
        if let Some(name) = &attributes.group {
            owner.group = accounts::find_group(&self.env.root, name)?;
            if owner.group.is_none() {
                return Ok(Err(format!("there is no group {name}")));
            }
        }
        Ok(Ok(owner))
    }
}

fn failed(state: &State, comment: &str) -> StepFailure {
    StepFailure::State {
        id: state.id.clone(),
        function: state.function.name().to_owned(),
        comment: comment.to_owned(),
    }
}

/// The attributes to give: what the state names, else what stands there, else the default.
fn merged(wanted: &Wanted, owner: OwnerNumbers, now: Option<&Existing>, mode: u32) -> Attributes {
    let owner = match (owner.user, owner.group, now) {
        (None, None, None) => None,
        (user, group, Some(now)) => Some((user.unwrap_or(now.user), group.unwrap_or(now.group))),
        (user, group, None) => Some((user.unwrap_or(0), group.unwrap_or(0))),
    };
    Attributes { mode: wanted.mode.or(now.map(|now| now.mode)).unwrap_or(mode), owner }
}

fn existing(path: &Path) -> Result<Option<Existing>, StepFailure> {
    Ok(entry::look(path)?.map(|found| Existing {
        kind: match found.kind {
            entry::Kind::File(bytes) => FileKind::File(bytes),
            entry::Kind::Directory => FileKind::Directory,
            entry::Kind::Symlink(target) => FileKind::Symlink(target),
            entry::Kind::Other => FileKind::Other,
        },
        mode: found.mode,
        user: found.user,
        group: found.group,
    }))
}
