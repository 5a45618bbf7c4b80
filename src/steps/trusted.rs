//! Believes what a member of the cluster signed, under the authority that this host trusts.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::membership::Membership;
use crate::identity::signature;
use crate::model::digest::Fingerprint;
use crate::snapshot::manifest::{SealError, Verifier};
use crate::steps::error::StepFailure;

/// The authority that this host trusts.
pub struct Trusted {
    authority: String,
    fingerprint: Fingerprint,
}

impl Trusted {
    /// That of this host's cluster.
    ///
    /// # Errors
    /// When the host is no member, or its identity cannot be read.
    pub fn of(root: &Root) -> Result<Self, StepFailure> {
        let membership = Membership::load(root)?.ok_or(StepFailure::NoMembership)?;
        let authority = files::read(&root.join(paths::TRUSTED_AUTHORITY))?;
        let authority = String::from_utf8_lossy(&authority).into_owned();
        Ok(Self { authority, fingerprint: membership.authority })
    }
}

impl Verifier for Trusted {
    fn verify(&self, message: &[u8], signature: &[u8], certificate_pem: &str) -> Result<(), SealError> {
        let what = "the snapshot's manifest";
        signature::verify(message, signature, certificate_pem, &self.authority, self.fingerprint, what)
            .map_err(Into::into)
    }
}
