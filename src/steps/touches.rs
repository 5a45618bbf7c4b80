//! Every path that the states of a plan may write, to be checkpointed before they do.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::saga::step::Touch;
use crate::sls::function::{Function, Tree};
use crate::sls::plan::{State, StatePlan};
use crate::steps::Env;
use crate::steps::error::StepFailure;
use crate::steps::executor::{kernel::parameter_file, mounts::table};
use std::path::{Component, Path, PathBuf};

/// What the plan writes.
///
/// # Errors
/// When a state writes outside of the root, or changes the machine itself and the root is another one.
pub fn of(env: &Env, plan: &StatePlan) -> Result<Vec<Touch>, StepFailure> {
    let mut touches = Vec::new();
    for state in &plan.states {
        refuse_another_root(env, state)?;
        match &state.function {
            Function::FileRecurse(tree) => trees(&env.root, state, tree, &mut touches)?,
            Function::FileDirectory { path, recursion: None, .. } => {
                touches.push(Touch::Directory(below(&env.root, state, path)?));
            }
            Function::FileDirectory { path, .. } => touches.push(Touch::Tree(below(&env.root, state, path)?)),
            Function::ServiceRunning { name, .. }
            | Function::ServiceDead { name, .. }
            | Function::ServiceEnabled { name }
            | Function::ServiceDisabled { name } => touches.push(Touch::File(wants(name))),
            Function::SysctlPresent { file, .. } => {
                let path = parameter_file(env, file.as_deref());
                touches.push(Touch::File(below(&env.root, state, &path.to_string_lossy())?));
            }
            Function::Mounted(mount) => {
                let table = table(env, mount);
                touches.push(Touch::File(below(&env.root, state, &table.to_string_lossy())?));
                if mount.make_directory {
                    touches.push(Touch::Directory(below(&env.root, state, &mount.path)?));
                }
            }
            Function::UserPresent(user) => {
                if user.create_home {
                    let home = user.home.clone().unwrap_or_else(|| format!("/home/{}", user.name));
                    let path = below(&env.root, state, &home)?;
                    let there = files::exists(Path::new(&home))?;
                    // Of a home that is there, only what belongs to the directory itself may change.
                    touches.push(if there { Touch::Directory(path) } else { Touch::Tree(path) });
                }
            }
            other => {
                if let Some(path) = other.path() {
                    touches.push(Touch::File(below(&env.root, state, path)?));
                }
            }
        }
    }
    Ok(touches)
}

/// Accounts and packages have no place below a root: their tools would change the machine.
fn refuse_another_root(env: &Env, state: &State) -> Result<(), StepFailure> {
    let of_machine = matches!(
        state.function,
        Function::UserPresent(_) | Function::GroupPresent(_) | Function::PackageInstalled { .. }
    );
    if !of_machine || env.root.is_host() {
        return Ok(());
    }
    Err(StepFailure::NotTheHost {
        id: state.id.clone(),
        function: state.function.name().to_owned(),
        place: format!("{}:{}", state.file, state.line),
        root: env.root.path().to_owned(),
    })
}

fn trees(root: &Root, state: &State, tree: &Tree, touches: &mut Vec<Touch>) -> Result<(), StepFailure> {
    let base = below(root, state, &tree.path)?;
    if tree.clean {
        touches.push(Touch::Tree(base));
        return Ok(());
    }
    touches.push(Touch::Directory(base.clone()));
    let directories = tree.directories.iter().filter(|path| !path.is_empty());
    touches.extend(directories.map(|path| Touch::Directory(base.join(path))));
    touches.extend(tree.files.iter().map(|(path, _)| Touch::File(base.join(path))));
    Ok(())
}

/// The path relative to the root.
///
/// # Errors
/// When it is not below it, and so could not be put back.
fn below(root: &Root, state: &State, path: &str) -> Result<PathBuf, StepFailure> {
    let relative = Path::new(path).strip_prefix(root.path()).ok();
    let plain = |relative: &&Path| {
        relative.file_name().is_some()
            && relative.components().all(|part| matches!(part, Component::Normal(_)))
    };
    relative.filter(plain).map(Path::to_owned).ok_or_else(|| StepFailure::Outside {
        id: state.id.clone(),
        path: path.to_owned(),
        root: root.path().to_owned(),
    })
}

/// What makes a service start at boot.
pub(in crate::steps) fn wants(service: &str) -> PathBuf {
    Path::new(paths::UNITS).join(format!("multi-user.target.wants/{service}.service"))
}
