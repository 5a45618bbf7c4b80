//! Services as they were before states: what did not run is ended while its files are still there, and what ran runs
//! again once they are back, anew where it may have read what is undone.

use crate::host::services::{ServiceError, Started};
use crate::steps::Env;
use crate::steps::error::StepFailure;
use crate::steps::start_service::{END, READY};
use serde::{Deserialize, Serialize};

/// A service that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What tells this run of it from every other one.
    pub id: String,
    /// Whether a state has it read its configuration again without ending it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reloads: bool,
}

/// Ends a service that did not run, has its failure forgotten where it had not failed, and has it started no more at
/// boot where it was not.
pub(super) fn end(
    env: &Env,
    name: &str,
    (active, enabled): (bool, bool),
    failed: bool,
) -> Result<(), StepFailure> {
    let services = env.services.as_ref();
    if !active {
        let status = services.status(name)?;
        // Ending one that failed is what has the failure forgotten.
        if status.active || status.failure.is_some() && !failed {
            services.stop(name, END)?;
        }
    }
    if !enabled && services.enabled(name)? {
        services.disable(name)?;
    }
    Ok(())
}

/// Has a service run, and start at boot, as it did. One that ran in another run than now has read its configuration
/// since: it runs anew, with the one that is back.
pub(super) fn bring_back(
    env: &Env,
    name: &str,
    (active, enabled): (bool, bool),
    before: Option<&Run>,
) -> Result<(), StepFailure> {
    let services = env.services.as_ref();
    // Its unit file may be another one again, or gone.
    services.refresh(name)?;
    let status = services.status(name)?;
    if active && status.installed {
        let same = before.is_none_or(|before| status.run.as_ref() == Some(&before.id));
        match (status.active, same) {
            (true, true) if status.ready && before.is_some_and(|before| before.reloads) => {
                services.reload_service(name, READY)?;
            }
            (true, true) if status.ready => {}
            (true, true) => drop(services.start(name, READY)?),
            (true, false) => drop(services.restart(name, READY).or_else(|_| anew(env, name))?),
            (false, _) => drop(anew(env, name)?),
        }
    }
    let now = services.enabled(name)?;
    if now && !enabled {
        services.disable(name)?;
    } else if !now && enabled && status.installed {
        services.enable(name)?;
    }
    Ok(())
}

/// Starts a service with a clean count of starts: those that failed are not held against it.
fn anew(env: &Env, name: &str) -> Result<Started, ServiceError> {
    env.services.stop(name, END)?;
    env.services.start(name, READY)
}
