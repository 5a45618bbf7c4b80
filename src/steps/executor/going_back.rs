//! The way back of what states changed besides files: first what needs the new files, and last, when files are as they
//! were, services that ran.

use super::effects::{Before, KINDS, parts};
use super::services_back;
use crate::host::account_changes as tools;
use crate::host::account_tables::{self as tables, GroupEntry, UserEntry};
use crate::host::accounts;
use crate::host::kernel;
use crate::host::mounting;
use crate::host::packages::{self, Found};
use crate::model::explain::Failure;
use crate::steps::Env;
use crate::steps::error::StepFailure;
use std::collections::BTreeMap;
use std::path::Path;

/// Brings everything back to what it was, but for services that ran: they need their files first. What cannot be
/// brought back keeps nothing else from it. May be repeated.
///
/// # Errors
/// What could not be brought back, each with what a person does instead; a repetition goes on.
pub fn undo(env: &Env, before: &BTreeMap<String, Before>) -> Result<(), StepFailure> {
    each(before, &KINDS, |name, before| match before {
        Before::Service { active, enabled, failed } => {
            services_back::end(env, name, (*active, *enabled), *failed)
        }
        before => undo_one(env, name, before),
    })
}

/// The rest of the way back, once files are as they were: services run again. May be repeated.
///
/// # Errors
/// As [`undo`].
pub fn undo_last(env: &Env, before: &BTreeMap<String, Before>) -> Result<(), StepFailure> {
    each(before, &["service"], |name, service| match service {
        Before::Service { active, enabled, .. } => {
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
            let (of, name) = parts(subject);
            if of != *kind {
                continue;
            }
            if let Err(error) = undo(name, before) {
                let mut failure = Failure::from(error);
                failure.hints.extend(by_hand(name, before, None).map(|line| format!("or by hand: {line}")));
                failures.push(failure);
            }
        }
    }
    failures.into_iter().reduce(Failure::and).map_or(Ok(()), |failure| Err(StepFailure::Below(failure)))
}

/// What a person does to bring one thing back from what it is `now`, if that is known; no secrets are in it.
pub(super) fn by_hand(name: &str, before: &Before, now: Option<&Before>) -> Option<String> {
    Some(match (before, now) {
        (Before::Service { active, enabled, .. }, _) => {
            let run = if *active { "restart" } else { "stop" };
            let boot = if *enabled { "enable" } else { "disable" };
            format!("systemctl {run} {name}; systemctl {boot} {name}")
        }
        (Before::Options(options), _) => format!("mount -o remount,{} {name}", options.join(",")),
        (Before::Mount(_) | Before::Mounted(_), _) => format!("umount {name}"),
        (Before::Package(Some(found)), _) if found.installed => {
            format!("apt-get install --allow-downgrades {name}={}", found.version)
        }
        (Before::Package(Some(_)), _) => format!("apt-get remove {name}"),
        (Before::Package(None), _) => format!("apt-get purge {name}"),
        (Before::User { entry: None, .. }, _) => format!("userdel {name}"),
        (Before::User { entry: Some(before), .. }, Some(Before::User { entry: Some(now), .. })) => {
            let options = user_options(now, before);
            let quoted = options.iter().map(|option| match option.starts_with("--") {
                true => option.clone(),
                false => format!("'{option}'"),
            });
            match options.is_empty() {
                true => format!("passwd {name}"),
                false => format!("usermod {} {name}", quoted.collect::<Vec<_>>().join(" ")),
            }
        }
        (Before::Group(None), _) => format!("groupdel {name}"),
        (Before::Group(Some(before)), _) => format!(
            "groupmod --gid {} {name}; gpasswd --members '{}' {name}",
            before.gid,
            before.members.join(",")
        ),
        (Before::Parameter(Some(value)), _) => format!("sysctl -w {name}='{value}'"),
        (Before::User { .. }, _) => format!("getent passwd {name}"),
        (Before::Parameter(None) | Before::Run(_), _) => return None,
    })
}

/// Brings one thing back to what it was; may be repeated.
///
/// # Errors
/// When it cannot be brought back.
pub(in crate::steps) fn undo_one(env: &Env, name: &str, before: &Before) -> Result<(), StepFailure> {
    match before {
        Before::Service { active, enabled, failed } => {
            services_back::end(env, name, (*active, *enabled), *failed)?;
            services_back::bring_back(env, name, (*active, *enabled), None)
        }
        Before::Run(_) => Ok(()),
        Before::Options(before) => options(Path::new(name), before),
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
            true => packages::put_back(name, &before.version)?,
            false => packages::remove(&names)?,
        },
        _ => {}
    }
    Ok(())
}

fn user(env: &Env, name: &str, before: &UserEntry, password: Option<&str>) -> Result<(), StepFailure> {
    let Some(now) = tables::user(&env.root, name)? else { return Ok(()) };
    tools::change_user(&env.root, name, &user_options(&now, before))?;
    match password {
        Some(password) if tables::password(&env.root, name)?.unwrap_or_default() != password => {
            Ok(tools::set_password(&env.root, name, password)?)
        }
        _ => Ok(()),
    }
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
