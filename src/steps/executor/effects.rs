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
use crate::host::services::is_enabled;
use crate::sls::function::Function;
use crate::sls::plan::StatePlan;
use crate::steps::Env;
use crate::steps::apply_states::MONITOR;
use crate::steps::error::StepFailure;
use crate::steps::executor::parameters;
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
    },
    /// A mount, by its path: whether something was mounted there.
    Mount(bool),
    /// The same once eos has mounted there: the device.
    Mounted(String),
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

/// The parts of a subject, `user:ann`.
pub(in crate::steps) fn parts(subject: &str) -> (&str, &str) {
    subject.split_once(':').unwrap_or((subject, ""))
}

/// In which order things are taken back. Services use mounts, packages and users; packages and users use mounts no more
/// then.
pub(in crate::steps) const KINDS: [&str; 6] = ["service", "mount", "package", "user", "group", "parameter"];

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
                let active = env.services.status(name)?.active;
                let enabled = is_enabled(&env.root, name)?;
                found.insert(format!("service:{name}"), Before::Service { active, enabled });
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
            _ => {}
        }
    }
    for name in parameters::concerned(env, plan)? {
        // What a file names and cannot be read, as a switch that is only written, could not be returned either.
        if let Ok(Some(value)) = kernel::parameter(&name) {
            found.entry(format!("parameter:{name}")).or_insert(Before::Parameter(Some(value)));
        }
    }
    Ok(found)
}

/// How the same things are now, for the ledger. The monitor's service is eos's own, which its steps take back.
///
/// # Errors
/// When the machine cannot be looked at.
pub fn now(env: &Env, before: &BTreeMap<String, Before>) -> Result<BTreeMap<String, Before>, StepFailure> {
    let names = before.keys().filter(|subject| parts(subject).0 == "package");
    let names: Vec<String> = names.map(|subject| parts(subject).1.to_owned()).collect();
    let mut there = packages::found(&names)?;
    let mut found = BTreeMap::new();
    for (subject, before) in before {
        let name = parts(subject).1;
        let now = match before {
            Before::Service { .. } if name == MONITOR => continue,
            Before::Service { .. } => Before::Service {
                active: env.services.status(name)?.active,
                enabled: is_enabled(&env.root, name)?,
            },
            Before::Mount(before) => match mounting::at(Path::new(name))? {
                Some(mounted) if !before => Before::Mounted(mounted.device),
                mounted => Before::Mount(mounted.is_some()),
            },
            Before::Mounted(_) => continue,
            Before::Package(_) => Before::Package(there.remove(name)),
            Before::User { password, .. } => Before::User {
                entry: tables::user(&env.root, name)?,
                password: match password {
                    Some(_) => tables::password(&env.root, name)?,
                    None => None,
                },
            },
            Before::Group(_) => Before::Group(tables::group(&env.root, name)?),
            Before::Parameter(_) => Before::Parameter(kernel::parameter(name)?),
        };
        found.insert(subject.clone(), now);
    }
    Ok(found)
}

/// What was recorded of a subject, in a checkpoint or the ledger.
///
/// # Errors
/// When it is damaged.
pub(in crate::steps) fn recorded(
    what: &'static str,
    subject: &str,
    value: &serde_json::Value,
) -> Result<Before, StepFailure> {
    serde_json::from_value(value.clone())
        .map_err(|error| StepFailure::PlanDamaged { what, why: format!("{subject}: {error}") })
}

/// Brings everything back to what it was; may be repeated.
///
/// # Errors
/// When something cannot be brought back; a repetition goes on.
pub fn undo(env: &Env, before: &BTreeMap<String, Before>) -> Result<(), StepFailure> {
    for kind in KINDS {
        for (subject, before) in before.iter().filter(|(subject, _)| parts(subject).0 == kind) {
            undo_one(env, parts(subject).1, before)?;
        }
    }
    Ok(())
}

/// Brings one thing back to what it was; may be repeated.
///
/// # Errors
/// When it cannot be brought back.
pub(in crate::steps) fn undo_one(env: &Env, name: &str, before: &Before) -> Result<(), StepFailure> {
    match before {
        Before::Service { active, enabled } => service(env, name, *active, *enabled),
        Before::Mount(false) => match mounting::at(Path::new(name))? {
            Some(_) => Ok(mounting::unmount(Path::new(name))?),
            None => Ok(()),
        },
        Before::Mount(true) | Before::Mounted(_) => Ok(()),
        Before::Package(before) => package(name, before.as_ref()),
        Before::User { entry: None, .. } => {
            accounts::remove_user(&env.root, name)?;
            Ok(())
        }
        Before::User { entry: Some(entry), password } => user(env, name, entry, password.as_deref()),
        Before::Group(entry) => group(env, name, entry.as_ref()),
        Before::Parameter(before) => match before {
            Some(value) if kernel::parameter(name)?.as_ref() != Some(value) => {
                Ok(kernel::restore_parameter(name, value)?)
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
    let now = is_enabled(&env.root, name)?;
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
    let mut options = user_options(&now, before);
    if let Some(password) = password {
        let now = tables::password(&env.root, name)?.unwrap_or_default();
        if now != password {
            options.extend(["--password".to_owned(), password.to_owned()]);
        }
    }
    Ok(tools::change_user(&env.root, name, &options)?)
}

/// What `usermod` needs to be told to make an entry what it was.
pub(in crate::steps) fn user_options(now: &UserEntry, before: &UserEntry) -> Vec<String> {
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
    options
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
        assert_eq!(before["service:eos-storage-monitor"], Before::Service { active: true, enabled: true });
        assert_eq!(serde_json::to_value(&before)?, stored["effects"]);
        Ok(())
    }

    #[test]
    fn what_the_ledger_of_version_2_has_is_understood() -> anyhow::Result<()> {
        let stored = include_str!("../../../tests/fixtures/v1/journal/manifest-2.json");
        let ledger: crate::journal::ledger::Ledger = serde_json::from_str(stored)?;
        for (subject, effect) in &ledger.effects {
            for value in [&effect.before, &effect.written] {
                assert_eq!(&serde_json::to_value(recorded("ledger", subject, value)?)?, value);
            }
            assert!(KINDS.contains(&parts(subject).0), "{subject}");
        }
        let error = recorded("ledger", "user:x", &serde_json::json!(7)).expect_err("it is damaged");
        crate::model::explain::tells(
            &error,
            "EOS-G052",
            "the plan of a ledger in the journal is damaged: user:x: invalid type: integer `7`, expected string or map",
        );
        Ok(())
    }
}
