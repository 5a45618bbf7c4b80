//! Puts the states tree in place on the first node: the installed one, or the one that eos carries.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::tree;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::embedded;
use crate::steps::Env;
use std::path::Path;

/// The step.
pub struct InstallStates;

impl Step<Env> for InstallStates {
    fn name(&self) -> &'static str {
        "install-states"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("put the states tree into /{}", paths::CLUSTER_STATES)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Tree(paths::CLUSTER_STATE.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let target = env.root.join(paths::CLUSTER_STATES);
        let directory = Attributes { mode: 0o755, owner: None };
        files::remove_tree(&target)?;
        files::create_directory(&target, directory)?;
        for (name, bytes) in installed(env)? {
            let path = target.join(&name);
            if let Some(parent) = path.parent() {
                files::create_directory(parent, directory)?;
            }
            files::write_atomic(&path, &bytes, Attributes::PUBLIC)?;
        }
        Ok(Outcome::Done)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}

/// The tree that an installation ships, where there is one: an operator may have changed it there.
fn installed(env: &Env) -> Result<Vec<(String, Vec<u8>)>, StepError> {
    let shipped = env.root.join(paths::SHARED_STATES);
    if !files::exists(&shipped.join("top.sls"))? {
        return Ok(embedded::FILES.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect());
    }
    let mut found = Vec::new();
    for relative in tree::files_below(&shipped)? {
        let bytes = files::read(&shipped.join(&relative))?;
        found.push((Path::new(&relative).to_string_lossy().into_owned(), bytes));
    }
    Ok(found)
}
