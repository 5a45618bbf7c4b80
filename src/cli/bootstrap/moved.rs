//! A member whose machine has another address now, as after a new lease of DHCP: bootstrap takes the new one.
//!
//! The membership is replaced at once; the agent starts again by itself should this command die before it has it do so,
//! and tells the master of the address with its next question.

use crate::cli::bootstrap::decide::Asked;
use crate::cli::context::{Context, failure};
use crate::host::facts;
use crate::host::paths;
use crate::identity::IdentityError;
use crate::identity::membership::Membership;
use crate::model::explain::Failure;
use crate::model::progress::{Event, Sink};
use crate::preflight::address::select_address;
use crate::steps::start_service::READY;
use crate::view::progress::Progress;
use std::sync::Arc;

/// The membership with the address that the machine has now; none when it still has the one that others know.
///
/// # Errors
/// When it cannot be said which address that is, or the master runs here: all members know it by its address.
pub(super) fn follow(
    context: &Context,
    asked: &Asked,
    membership: &Membership,
    progress: &Arc<Progress>,
    dry_run: bool,
) -> Result<Option<Membership>, Failure> {
    let Err(gone) = membership.address_is_here() else { return Ok(None) };
    if membership.runs_master || !matches!(gone, IdentityError::AddressGone { .. }) {
        return Err(failure(gone));
    }
    let facts = facts::gather(&context.root, &context.root.join(paths::STATE)).map_err(failure)?;
    let named = asked.config.node.advertise_address;
    let selected = select_address(Some(membership.master.ip()), &facts.addresses, named).map_err(failure)?;
    let does = if dry_run { "it would be" } else { "it is" };
    let text = format!(
        "{} is gone from this machine; {does} reached at {} on {} from now on: {}",
        membership.address, selected.address, selected.interface, selected.why
    );
    progress.emit(Event::Note { text });
    // The agent may have applied a generation since.
    let moved = Membership { address: selected.address, ..context.membership()? };
    if !dry_run {
        moved.save(&context.root).map_err(failure)?;
        context.services()?.restart("eos-agent", READY).map_err(failure)?;
    }
    Ok(Some(moved))
}
