//! Whether a caller without a certificate holds the key that its request names, and asks now.

use crate::host::clock;
use crate::identity::IdentityError;
use crate::identity::authority;
use crate::identity::proof::{Transcript, Wish};
use crate::master::app::App;
use crate::master::cluster::Cluster;
use crate::master::error::MasterError;
use crate::model::digest::Fingerprint;

/// What the caller shows.
pub(super) struct Claim<'a> {
    /// Its certificate request, PEM.
    pub csr: &'a str,
    /// A challenge of this master.
    pub challenge: &'a str,
    /// Its own nonce; empty where there is none.
    pub nonce: &'a str,
    /// Its key over the conversation.
    pub signature: Option<&'a str>,
}

/// The key that asks.
pub(super) struct Proven {
    /// Its fingerprint.
    pub key: Fingerprint,
    /// Whether it signed this conversation: a certificate request alone may have been seen by others.
    pub signed: bool,
}

impl Claim<'_> {
    /// Checks what is cheap first, and nothing of it with the cluster in hand.
    pub(super) fn prove(&self, app: &App, wish: Wish) -> Result<Proven, MasterError> {
        if !app.challenger.recognises(self.challenge, clock::now_ms() / 1000) {
            return Err(MasterError::ChallengeStale);
        }
        let requested = authority::requested_key(self.csr).map_err(MasterError::Identity)?;
        let (authority, key) = (app.authority.fingerprint(), requested.fingerprint);
        let transcript = Transcript { authority, challenge: self.challenge, nonce: self.nonce, key };
        match self.signature {
            Some(signature) if !transcript.is_signed(wish, &requested, signature) => Err(unsigned()),
            signature => Ok(Proven { key, signed: signature.is_some() }),
        }
    }
}

impl Proven {
    /// Insists that a node which has signed before signs again.
    pub(super) fn insist(&self, cluster: &Cluster) -> Result<(), MasterError> {
        match cluster.by_key(self.key) {
            Some(known) if known.signs && !self.signed => Err(unsigned()),
            _ => Ok(()),
        }
    }
}

/// A request that is not signed, or by another key, or for another conversation.
pub(super) fn unsigned() -> MasterError {
    MasterError::Identity(IdentityError::BadSignature { what: "the node's request" })
}
