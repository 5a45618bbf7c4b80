//! What states change besides files, as it was before, for the checkpoint.
//!
//! What is recorded is what the machine had, not what was done to it, so that going back may be repeated, and may come
//! without anything having been done.

use crate::host::account_tables::{self as tables, GroupEntry, UserEntry};
use crate::host::kernel;
use crate::host::mounting;
use crate::host::packages::{self, Found};
use crate::sls::function::{Function, Package};
use crate::sls::plan::StatePlan;
use crate::steps::Env;
use crate::steps::apply_states::MONITOR;
use crate::steps::error::StepFailure;
use crate::steps::executor::parameters;
use crate::steps::executor::services_back::Run;
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
    /// A service that ran: in which run.
    Run(Run),
    /// A mount, by its path: whether something was mounted there.
    Mount(bool),
    /// The options of what was mounted at a path.
    Options(Vec<String>),
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
pub(in crate::steps) const KINDS: [&str; 7] =
    ["service", "options", "mount", "package", "user", "group", "parameter"];

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
                let reloads = matches!(&state.function, Function::ServiceRunning { reload: true, .. });
                service(env, name, reloads, &mut found)?;
            }
            Function::Mounted(mount) if mount.mount && env.root.is_host() => {
                let there = mounting::at(Path::new(&mount.path))?;
                found.insert(format!("mount:{}", mount.path), Before::Mount(there.is_some()));
                if let Some(there) = there {
                    found.insert(format!("options:{}", mount.path), Before::Options(there.options));
                }
            }
            Function::PackageInstalled { packages: wanted, refresh } => {
                packages_of(wanted, *refresh, &mut found)?;
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

fn service(
    env: &Env,
    name: &str,
    reloads: bool,
    found: &mut BTreeMap<String, Before>,
) -> Result<(), StepFailure> {
    let status = env.services.status(name)?;
    let (active, failed) = (status.active, status.failure.is_some());
    if let Some(id) = status.run {
        let run = format!("run:{name}");
        let known = matches!(found.get(&run), Some(Before::Run(run)) if run.reloads);
        found.insert(run, Before::Run(Run { id, reloads: known || reloads }));
    }
    let enabled = env.services.enabled(name)?;
    found.insert(format!("service:{name}"), Before::Service { active, enabled, failed });
    Ok(())
}

fn packages_of(
    wanted: &[Package],
    refresh: bool,
    found: &mut BTreeMap<String, Before>,
) -> Result<(), StepFailure> {
    let missing = super::packages::missing(wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    // What comes with them is told by the lists from which they will be installed.
    if refresh {
        packages::refresh()?;
    }
    let mut names = packages::would_change(&super::packages::specifiers(&missing)).unwrap_or_default();
    names.extend(missing.into_iter().map(|package| package.name));
    let mut there = packages::found(&names)?;
    for name in names {
        let package = Before::Package(there.remove(&name));
        found.entry(format!("package:{name}")).or_insert(package);
    }
    Ok(())
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
            Before::Service { .. } => {
                let status = env.services.status(name)?;
                let enabled = env.services.enabled(name)?;
                Before::Service { active: status.active, enabled, failed: status.failure.is_some() }
            }
            Before::Mount(before) => match mounting::at(Path::new(name))? {
                Some(mounted) if !before => Before::Mounted(mounted.device),
                mounted => Before::Mount(mounted.is_some()),
            },
            Before::Mounted(_) | Before::Run(_) => continue,
            Before::Options(_) => match mounting::at(Path::new(name))? {
                Some(mounted) => Before::Options(mounted.options),
                None => continue,
            },
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
