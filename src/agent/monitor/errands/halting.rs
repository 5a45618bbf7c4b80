//! Stops the services that the configuration names, and starts exactly those again.
//!
//! That a service is going to be stopped is recorded before it is, so whoever reads the record after a crash starts
//! one service too many rather than one too few: starting one that runs changes nothing.

use crate::host::services::{ServiceError, Services};
use crate::model::explain::Failure;
use crate::steps::start_service::{END, READY};
use crate::storage::config::OWN_SERVICES;
use crate::storage::errand::{Errands, Halted};
use jiff::Timestamp;

/// What was done to services.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Done {
    /// Those that were stopped, or started again.
    pub(super) names: Vec<String>,
    /// What failed first.
    pub(super) failure: Option<Failure>,
}

/// Keeps the record; when it cannot, nothing is done.
pub(super) type Keep<'a> = dyn FnMut(&Errands) -> Result<(), Failure> + 'a;

/// Stops each of the services that runs and was not looked at since they are to be stopped.
pub(super) fn stop(
    services: &dyn Services,
    names: &[String],
    record: &mut Errands,
    keep: &mut Keep<'_>,
) -> Option<Done> {
    let unseen = |name: &&String| !record.services.iter().any(|halted| halted.name == **name);
    let names: Vec<String> = names.iter().filter(unseen).cloned().collect();
    if names.is_empty() {
        return None;
    }
    let mut done = Done::default();
    for name in names {
        let outcome = look(services, &name).and_then(|ran| {
            record.services.push(Halted { name: name.clone(), ran, at: Timestamp::now() });
            keep(record)?;
            if ran {
                tracing::warn!(service = name, "stopping a service until there is room again");
                services.stop(&name, END).map_err(|error| Failure::of(&error))?;
            }
            Ok(ran)
        });
        match outcome {
            Ok(true) => done.names.push(name),
            Ok(false) => {}
            Err(failure) => {
                tracing::error!(service = name, code = failure.code, "{}", failure.message);
                done.failure.get_or_insert(failure);
                // One that may run after all is looked at again.
                let still = services.status(&name).is_ok_and(|status| status.active);
                record.services.retain(|halted| halted.name != name || (halted.ran && !still));
            }
        }
    }
    Some(done)
}

fn look(services: &dyn Services, name: &str) -> Result<bool, Failure> {
    let plain = name.strip_suffix(".service").unwrap_or(name);
    if OWN_SERVICES.contains(&plain) {
        // The configuration refuses it already; a record of somebody else's does not.
        return Ok(false);
    }
    services.status(plain).map(|status| status.active).map_err(|error: ServiceError| Failure::of(&error))
}

/// Starts again what was stopped, the last one first; what cannot be started stays in the record.
pub(super) fn start(services: &dyn Services, record: &mut Errands, keep: &mut Keep<'_>) -> Option<Done> {
    if record.services.is_empty() {
        return None;
    }
    let mut done = Done::default();
    for halted in record.services.clone().into_iter().rev() {
        if halted.ran {
            tracing::info!(service = halted.name, "starting a service again");
            match services.start(&halted.name, READY) {
                Ok(_) => done.names.push(halted.name.clone()),
                Err(error) => {
                    tracing::error!(service = halted.name, %error, "a service was not started again");
                    done.failure.get_or_insert(Failure::of(&error));
                    continue;
                }
            }
        }
        record.services.retain(|known| known.name != halted.name);
    }
    if let Err(failure) = keep(record) {
        done.failure.get_or_insert(failure);
    }
    (done.failure.is_some() || !done.names.is_empty()).then_some(done)
}
