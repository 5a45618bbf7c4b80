//! What states change besides files: as it was before, for the checkpoint, and the way back to that.
//!
//! What is recorded is what the machine had, not what was done to it, so that going back may be repeated, and may come
//! without anything having been done.

use crate::host::account_changes as tools;
use crate::host::account_tables::{self as tables, GroupEntry, UserEntry};
use crate::host::accounts;
use crate::host::kernel;
use crate::host::mounting;
use crate::host::packages::{self, Found};
use crate::sls::function::Function;
use crate::sls::plan::StatePlan;
use crate::steps::Env;
use crate::steps::error::StepFailure;
use crate::steps::start_service::{END, READY};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// One thing as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Before {
    /// A service, by its name.
    Service {
        /// Whether it ran.
        active: bool,
        /// Whether it started at boot.
        enabled: bool,
        /// Whether it had failed, so that it does not run.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
    /// A mount, by its path: whether something was mounted there.
    Mount(bool),
    /// A package, by its name; nothing when nothing of it was there.
    Package(Option<Found>),
    /// A user, by its name; nothing when there was none.
    User {
        /// The entry.
        entry: Option<UserEntry>,
        /// The hash of its password, where a state sets it.
        password: Option<String>,
    },
    /// A group, by its name; nothing when there was none.
    Group(Option<GroupEntry>),
    /// A parameter of the kernel, by its name; nothing when there was none.
    Parameter(Option<String>),
}

/// What the states of a plan may change besides files, as it is now: by kind and name.
///
/// # Errors
/// When the machine cannot be looked at.
pub fn before(env: &Env, plan: &StatePlan) -> Result<BTreeMap<String, Before>, StepFailure> {
    let mut found = BTreeMap::new();
    for state in &plan.states {
        match &state.function {
            Function::ServiceRunning { name, .. }
            | Function::ServiceDead { name, .. }
            | Function::ServiceEnabled { name }
            | Function::ServiceDisabled { name } => {
                let status = env.services.status(name)?;
                let (active, failed) = (status.active, status.failure.is_some());
                let enabled = env.services.enabled(name)?;
                found.insert(format!("service:{name}"), Before::Service { active, enabled, failed });
            }
            Function::Mounted(mount) if mount.mount && env.root.is_host() => {
                let there = mounting::at(Path::new(&mount.path))?.is_some();
                found.insert(format!("mount:{}", mount.path), Before::Mount(there));
            }
            Function::PackageInstalled { packages: wanted, .. } => {
                let missing = super::packages::missing(wanted)?;
                if missing.is_empty() {
                    continue;
                }
                let mut names =
                    packages::would_install(&super::packages::specifiers(&missing)).unwrap_or_default();
                names.extend(missing.into_iter().map(|package| package.name));
                let mut there = packages::found(&names)?;
                for name in names {
                    let package = Before::Package(there.remove(&name));
                    found.entry(format!("package:{name}")).or_insert(package);
                }
            }
            Function::UserPresent(user) => {
                let entry = tables::user(&env.root, &user.name)?;
                let password = match user.password {
                    Some(_) => tables::password(&env.root, &user.name)?,
                    None => None,
                };
                found.insert(format!("user:{}", user.name), Before::User { entry, password });
            }
            Function::GroupPresent(group) => {
                let entry = tables::group(&env.root, &group.name)?;
                found.insert(format!("group:{}", group.name), Before::Group(entry));
            }
            Function::SysctlPresent { name, .. } if env.root.is_host() => {
                found.insert(format!("parameter:{name}"), Before::Parameter(kernel::parameter(name)?));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Brings everything back to what it was; may be repeated.
///
/// # Errors
/// When something cannot be brought back; a repetition goes on.
pub fn undo(env: &Env, before: &BTreeMap<String, Before>) -> Result<(), StepFailure> {
    // Services use mounts, packages and users; packages and users use mounts no more then.
    for kind in ["service", "mount", "package", "user", "group", "parameter"] {
        for (subject, before) in before {
            let Some(name) = subject.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')) else {
                continue;
            };
            undo_one(env, name, before)?;
        }
    }
    Ok(())
}

fn undo_one(env: &Env, name: &str, before: &Before) -> Result<(), StepFailure> {
    match before {
        Before::Service { active, enabled, failed } => {
            service(env, name, *active, *enabled)?;
            match env.services.status(name)?.failure {
                // Ending one that failed is what has the failure forgotten.
                Some(_) if !failed => Ok(env.services.stop(name, END).map(drop)?),
                _ => Ok(()),
            }
        }
        Before::Mount(false) => match mounting::at(Path::new(name))? {
            Some(_) => Ok(mounting::unmount(Path::new(name))?),
            None => Ok(()),
        },
        Before::Mount(true) => Ok(()),
        Before::Package(before) => package(name, before.as_ref()),
        Before::User { entry: None, .. } => {
            accounts::remove_user(&env.root, name)?;
            Ok(())
        }
        Before::User { entry: Some(entry), password } => user(env, name, entry, password.as_deref()),
        Before::Group(entry) => group(env, name, entry.as_ref()),
        Before::Parameter(before) => match before {
            Some(value) if kernel::parameter(name)?.as_ref() != Some(value) => {
                Ok(kernel::set_parameter(name, value)?)
            }
            _ => Ok(()),
        },
    }
}

fn service(env: &Env, name: &str, active: bool, enabled: bool) -> Result<(), StepFailure> {
    let status = env.services.status(name)?;
    if status.active && !active {
        env.services.stop(name, END)?;
    } else if !status.active && active && status.installed {
        env.services.start(name, READY)?;
    }
    let now = env.services.enabled(name)?;
    if now && !enabled {
        env.services.disable(name)?;
    } else if !now && enabled && status.installed {
        env.services.enable(name)?;
    }
    Ok(())
}

fn package(name: &str, before: Option<&Found>) -> Result<(), StepFailure> {
    let names = [name.to_owned()];
    let now = packages::found(&names)?.remove(name);
    match (before, now) {
        (None, Some(_)) => packages::purge(&names)?,
        (Some(before), now) if now.as_ref() != Some(before) => match before.installed {
            true => packages::install(&[format!("{name}={}", before.version)])?,
            false => packages::remove(&names)?,
        },
        _ => {}
    }
    Ok(())
}

fn user(env: &Env, name: &str, before: &UserEntry, password: Option<&str>) -> Result<(), StepFailure> {
    let Some(now) = tables::user(&env.root, name)? else { return Ok(()) };
    let mut options: Vec<String> = Vec::new();
    let mut back = |option: &str, now: &str, before: &str| {
        if now != before {
            options.extend([option.to_owned(), before.to_owned()]);
        }
    };
    back("--uid", &now.uid.to_string(), &before.uid.to_string());
    back("--gid", &now.gid.to_string(), &before.gid.to_string());
    back("--comment", &now.full_name, &before.full_name);
    back("--home", &now.home, &before.home);
    back("--shell", &now.shell, &before.shell);
    back("--groups", &now.groups.join(","), &before.groups.join(","));
    if let Some(password) = password {
        back("--password", &tables::password(&env.root, name)?.unwrap_or_default(), password);
    }
    Ok(tools::change_user(&env.root, name, &options)?)
}

fn group(env: &Env, name: &str, before: Option<&GroupEntry>) -> Result<(), StepFailure> {
    match (before, tables::group(&env.root, name)?) {
        (None, Some(_)) => tools::remove_group(&env.root, name)?,
        (Some(before), Some(now)) => {
            if now.gid != before.gid {
                tools::renumber_group(&env.root, name, before.gid)?;
            }
            if now.members != before.members {
                tools::set_members(&env.root, name, &before.members)?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_by_the_first_version_is_understood() -> anyhow::Result<()> {
        let stored = include_str!("../../../tests/fixtures/v1/journal/entries-2.json");
        let stored: serde_json::Value = serde_json::from_str(stored)?;
        let before: BTreeMap<String, Before> = serde_json::from_value(stored["effects"].clone())?;
        assert_eq!(before["package:nginx"], Before::Package(None));
        assert_eq!(
            before["service:eos-storage-monitor"],
            Before::Service { active: true, enabled: true, failed: false }
        );
        assert_eq!(serde_json::to_value(&before)?, stored["effects"]);
        Ok(())
    }
}
