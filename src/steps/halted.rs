//! Starts again what storage operations stopped on this node, when eos leaves it.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::Services;
use crate::saga::step::StepError;
use crate::steps::start_service::READY;
use crate::storage::errand::Errands;

/// Starts every service that the agent stopped and recorded; the agent must not run any more, since it would stop
/// them again. The record stays, for another try.
///
/// # Errors
/// When the record cannot be read, or a service does not start.
pub fn start_again(root: &Root, services: &dyn Services) -> Result<(), StepError> {
    let Some(bytes) = files::read_optional(&root.join(paths::STORAGE_ERRANDS))? else { return Ok(()) };
    for halted in Errands::parse(&bytes)?.services.iter().rev().filter(|halted| halted.ran) {
        tracing::info!(service = halted.name, "starting a service again that storage operations stopped");
        services.start(&halted.name, READY)?;
    }
    Ok(())
}
