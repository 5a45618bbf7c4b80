//! Believes what a member of the cluster signed, under the authority that this host trusts.

use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::IdentityError;
use crate::identity::certificate::{self, Subject};
use crate::identity::membership::Membership;
use crate::identity::signature;
use crate::model::digest::Fingerprint;
use crate::snapshot::manifest::{Manifest, SealError, SignedManifest, Verifier};
use crate::steps::error::StepFailure;

/// The source that the master alone signs: the cluster's own state.
pub const CLUSTER: &str = "cluster";

/// The authority that this host trusts.
pub struct Trusted {
    authority: String,
    fingerprint: Fingerprint,
    master_alone: bool,
}

impl Trusted {
    /// That of this host's cluster; its members' signatures and the master's are good.
    ///
    /// # Errors
    /// When the host is no member, or its identity cannot be read.
    pub fn of(root: &Root) -> Result<Self, StepFailure> {
        Self::find(root)?.ok_or(StepFailure::NoMembership)
    }

    /// The same; none on a host that is no member.
    ///
    /// # Errors
    /// When its identity cannot be read.
    pub fn find(root: &Root) -> Result<Option<Self>, StepFailure> {
        let Some(membership) = Membership::load(root)? else { return Ok(None) };
        let Some(authority) = files::read_optional(&root.join(paths::TRUSTED_AUTHORITY))? else {
            return Ok(None);
        };
        let authority = String::from_utf8_lossy(&authority).into_owned();
        Ok(Some(Self { authority, fingerprint: membership.authority, master_alone: false }))
    }

    /// The same, for what the master alone may sign.
    #[must_use]
    pub fn master_alone(self) -> Self {
        Self { master_alone: true, ..self }
    }
}

impl Verifier for Trusted {
    fn verify(&self, message: &[u8], signature: &[u8], certificate_pem: &str) -> Result<(), SealError> {
        let what = "the snapshot's manifest";
        let judge = if self.master_alone { signature::verify_master } else { signature::verify };
        judge(message, signature, certificate_pem, &self.authority, self.fingerprint, what)
            .map_err(Into::into)
    }
}

/// Whether who signed it may sign a snapshot of its source: nobody but the master vouches for the cluster's own
/// state. The signature itself was judged before.
///
/// # Errors
/// When it is the cluster's own state by its name alone.
pub fn may_sign(signed: &SignedManifest, manifest: &Manifest) -> Result<(), StepFailure> {
    if manifest.metadata.source == CLUSTER && signer(signed)? != Subject::Master {
        return Err(StepFailure::Forged { id: signed.id() });
    }
    Ok(())
}

fn signer(signed: &SignedManifest) -> Result<Subject, IdentityError> {
    let what = "the signer's certificate";
    let chain = certificate::parse_pem(signed.certificate_pem(), what)?;
    Ok(certificate::summarize(&chain[0], what)?.subject)
}
