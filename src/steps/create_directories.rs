//! Makes the directories that all later steps write into.

use crate::host::accounts::{self, EOS_USER};
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;

/// The step.
pub struct CreateDirectories {
    /// Whether the master's directory is among them.
    pub master: bool,
}

/// User and group of the master's files; those of eos itself where it has no user of its own.
///
/// # Errors
/// When the password file cannot be read.
pub fn master_owner(root: &Root) -> Result<Option<(u32, u32)>, accounts::AccountError> {
    if !root.is_host() {
        return Ok(None);
    }
    Ok(accounts::find_user(root, EOS_USER)?.map(|account| (account.uid, account.gid)))
}

impl Step<Env> for CreateDirectories {
    fn name(&self) -> &'static str {
        "create-directories"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("make the directories {}, {} and {}", paths::ETC, paths::STATE, paths::RUN)
    }

    fn touches(&self) -> Vec<Touch> {
        let mut touches = vec![
            Touch::Directory(paths::ETC.into()),
            Touch::Directory(paths::UNITS.into()),
            Touch::Directory(paths::IDENTITY.into()),
            // Filled by the services: logs, pid files, sockets.
            Touch::Tree(paths::LOGS.into()),
            Touch::Tree(paths::RUN.into()),
            // Filled by captures and restores.
            Touch::Tree(paths::RESTORES.into()),
        ];
        if self.master {
            touches.push(Touch::Tree(paths::MASTER.into()));
            // A node that joins fills it with the cluster's snapshot, in a step of its own.
            touches.push(Touch::Tree(paths::SNAPSHOTS.into()));
        }
        touches
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let make = |path: &str, mode, owner| {
            files::create_directory(&env.root.join(path), Attributes { mode, owner })
        };
        make(paths::ETC, 0o755, None)?;
        make(paths::UNITS, 0o755, None)?;
        make(paths::IDENTITY, 0o700, None)?;
        make(paths::LOGS, 0o755, None)?;
        make(paths::RUN, 0o755, None)?;
        make(paths::RESTORES, 0o700, None)?;
        if self.master {
            make(paths::MASTER, 0o700, master_owner(&env.root)?)?;
            make(paths::SNAPSHOTS, 0o700, None)?;
        }
        Ok(Outcome::Done)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}
