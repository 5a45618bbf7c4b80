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
use crate::model::explain::Failure;
use crate::sls::function::Function;
use crate::sls::plan::StatePlan;
use crate::steps::Env;
use crate::steps::error::StepFailure;
use crate::steps::executor::services_back::{self, Run};
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
    /// A service that ran: in which run.
    Run(Run),
    /// A mount, by its path: whether something was mounted there.
    Mount(bool),
    /// The options of what was mounted at a path.
    Options(Vec<String>),
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
                if let Some(id) = status.run {
                    found.insert(format!("run:{name}"), Before::Run(Run { id }));
                }
                let active = status.active;
                let enabled = is_enabled(&env.root, name)?;
                found.insert(format!("service:{name}"), Before::Service { active, enabled });
            }
            Function::Mounted(mount) if mount.mount && env.root.is_host() => {
                let there = mounting::at(Path::new(&mount.path))?;
                found.insert(format!("mount:{}", mount.path), Before::Mount(there.is_some()));
                if let Some(there) = there {
                    found.insert(format!("options:{}", mount.path), Before::Options(there.options));
                }
            }
            Function::PackageInstalled { packages: wanted, refresh } => {
                let missing = super::packages::missing(wanted)?;
                if missing.is_empty() {
                    continue;
                }
                // What comes with them is told by the lists from which they will be installed.
                if *refresh {
                    packages::refresh()?;
                }
                let mut names =
                    packages::would_change(&super::packages::specifiers(&missing)).unwrap_or_default();
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

/// Brings everything back to what it was, but for services that ran: they need their files first. What cannot be
/// brought back keeps nothing else from it. May be repeated.
///
/// # Errors
/// What could not be brought back, each with what a person does instead; a repetition goes on.
pub fn undo(env: &Env, before: &BTreeMap<String, Before>) -> Result<(), StepFailure> {
    // Services use mounts, packages and users; packages and users use mounts no more then.
    let kinds = ["service", "options", "mount", "package", "user", "group", "parameter"];
    each(before, &kinds, |name, before| match before {
        Before::Service { active, enabled } => services_back::end(env, name, *active, *enabled),
        before => undo_one(env, name, before),
    })
}

/// The rest of the way back, once files are as they were: services run again. May be repeated.
///
/// # Errors
/// As [`undo`].
pub fn undo_last(env: &Env, before: &BTreeMap<String, Before>) -> Result<(), StepFailure> {
    each(before, &["service"], |name, service| match service {
        Before::Service { active, enabled } => {
            let run = match before.get(&format!("run:{name}")) {
                Some(Before::Run(run)) => Some(run),
                _ => None,
            };
            services_back::bring_back(env, name, (*active, *enabled), run)
        }
        _ => Ok(()),
    })
}

/// Does something with each thing of these kinds, whatever fails, and tells all that did.
fn each(
    before: &BTreeMap<String, Before>,
    kinds: &[&str],
    undo: impl Fn(&str, &Before) -> Result<(), StepFailure>,
) -> Result<(), StepFailure> {
    let mut failures = Vec::new();
    for kind in kinds {
        for (subject, before) in before {
            let Some((_, name)) = subject.split_once(':').filter(|(of, _)| of == kind) else { continue };
            if let Err(error) = undo(name, before) {
                let mut failure = Failure::from(error);
                failure.hints.extend(by_hand(name, before).map(|line| format!("or by hand: {line}")));
                failures.push(failure);
            }
        }
    }
    failures.into_iter().reduce(Failure::and).map_or(Ok(()), |failure| Err(StepFailure::Below(failure)))
}

/// What a person does to bring one thing back; no secrets are in it.
fn by_hand(name: &str, before: &Before) -> Option<String> {
    Some(match before {
        Before::Service { active: true, .. } => format!("systemctl restart {name}"),
        Before::Service { active: false, .. } => format!("systemctl stop {name}"),
        Before::Options(options) => format!("mount -o remount,{} {name}", options.join(",")),
        Before::Mount(false) => format!("umount {name}"),
        Before::Package(Some(found)) if found.installed => {
            format!("apt-get install --allow-downgrades {name}={}", found.version)
        }
        Before::Package(Some(_)) => format!("apt-get remove {name}"),
        Before::Package(None) => format!("apt-get purge {name}"),
        Before::User { entry: None, .. } => format!("userdel {name}"),
        Before::Group(None) => format!("groupdel {name}"),
        Before::Parameter(Some(value)) => format!("sysctl -w {name}='{value}'"),
        Before::User { .. } => format!("compare it with its entry before: getent passwd {name}"),
        Before::Group(Some(before)) => {
            format!(
                "groupmod --gid {0} {name}; gpasswd --members '{1}' {name}",
                before.gid,
                before.members.join(",")
            )
        }
        Before::Run(_) | Before::Mount(true) | Before::Parameter(None) => return None,
    })
}

fn undo_one(env: &Env, name: &str, before: &Before) -> Result<(), StepFailure> {
    match before {
        Before::Service { active, enabled } => {
            services_back::end(env, name, *active, *enabled)?;
            services_back::bring_back(env, name, (*active, *enabled), None)
        }
        Before::Run(_) => Ok(()),
        Before::Options(before) => options(Path::new(name), before),
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

fn options(path: &Path, before: &[String]) -> Result<(), StepFailure> {
    let differ = |mounted: &mounting::Mounted| !mounting::same_options(&mounted.options, before);
    let Some(now) = mounting::at(path)?.filter(differ) else { return Ok(()) };
    mounting::restore_options(&now.options, before, path)?;
    match mounting::at(path)?.filter(differ) {
        Some(now) => Err(mounting::not_restored(&now.options, before, path).into()),
        None => Ok(()),
    }
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
    tools::change_user(&env.root, name, &options)?;
    match password {
        Some(password) if tables::password(&env.root, name)?.unwrap_or_default() != password => {
            Ok(tools::set_password(&env.root, name, password)?)
        }
        _ => Ok(()),
    }
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
}
