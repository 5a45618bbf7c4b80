//! A manifest with its detached signature, as it lies on the disk and crosses the wire.

use super::{Limits, Manifest, ManifestError, id_of};
use crate::model::ids::SnapshotId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Why a key or a certificate did not serve.
pub type SealError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Signs with the key of this node.
pub trait Signer {
    /// The raw signature of the message.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError>;
    /// The certificate of the key, in PEM.
    fn certificate_pem(&self) -> &str;
}

/// Judges signatures by the cluster's CA.
pub trait Verifier: Sync {
    /// Accepts only a certificate that chains to the CA and a signature that its key made.
    fn verify(&self, message: &[u8], signature: &[u8], certificate_pem: &str) -> Result<(), SealError>;
}

/// Signer and verifier in one, where both are needed.
pub trait Seal: Signer + Verifier {}

impl<T: Signer + Verifier> Seal for T {}

/// The canonical bytes of a manifest, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedManifest {
    certificate: String,
    pub(super) manifest: String,
    signature: String,
    version: u32,
}

impl SignedManifest {
    /// Signs a manifest.
    pub fn sign(manifest: &Manifest, signer: &dyn Signer) -> Result<Self, ManifestError> {
        let canonical = manifest.canonical();
        let signature =
            signer.sign(&message(&id_of(&canonical))).map_err(|source| ManifestError::Signing { source })?;
        Ok(Self {
            certificate: signer.certificate_pem().to_owned(),
            manifest: String::from_utf8(canonical).expect("canonical JSON is ASCII"),
            signature: STANDARD.encode(signature),
            version: super::VERSION,
        })
    }

    /// Reads hostile bytes; nothing in them is believed yet but their form.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self, ManifestError> {
        let limit = limits.signed_bytes();
        if bytes.len() > limit {
            return Err(ManifestError::TooLarge { bytes: bytes.len() as u64, limit: limit as u64 });
        }
        let signed: Self =
            serde_json::from_slice(bytes).map_err(|source| super::unreadable(bytes, source))?;
        if signed.version != super::VERSION {
            return Err(ManifestError::Version { found: signed.version, known: super::VERSION });
        }
        Ok(signed)
    }

    /// The bytes for the disk and the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a signed manifest is four plain fields")
    }

    /// The id of the snapshot, of the bytes as they are.
    pub fn id(&self) -> SnapshotId {
        id_of(self.manifest.as_bytes())
    }

    /// The certificate of the signer, in PEM; not judged.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The manifest, without a look at the signature: for what lies in this node's own store.
    pub fn read(&self, limits: &Limits) -> Result<Manifest, ManifestError> {
        Manifest::parse(self.manifest.as_bytes(), limits)
    }

    /// The manifest, if it is the wanted one and the signature is good; it is judged before it is parsed.
    pub fn verify(
        &self,
        wanted: &SnapshotId,
        verifier: &dyn Verifier,
        limits: &Limits,
    ) -> Result<Manifest, ManifestError> {
        self.judge(wanted, verifier)?;
        self.read(limits)
    }

    /// Whether it is the wanted one and the signature is good; nothing is parsed.
    pub fn judge(&self, wanted: &SnapshotId, verifier: &dyn Verifier) -> Result<(), ManifestError> {
        self.judge_as(&self.id(), wanted, verifier)
    }

    /// With nothing but who signed.
    pub(super) fn empty(certificate: String, signature: String) -> Self {
        Self { certificate, manifest: String::new(), signature, version: super::VERSION }
    }

    /// As `judge`, of a manifest whose id is known.
    pub(super) fn judge_as(
        &self,
        found: &SnapshotId,
        wanted: &SnapshotId,
        verifier: &dyn Verifier,
    ) -> Result<(), ManifestError> {
        if found != wanted {
            return Err(ManifestError::Id { found: found.to_string(), wanted: wanted.to_string() });
        }
        let refuse = |source| ManifestError::Signature { source };
        let signature = STANDARD.decode(&self.signature).map_err(|error| refuse(error.into()))?;
        verifier.verify(&message(found), &signature, &self.certificate).map_err(refuse)
    }
}

/// What is signed: bound to its purpose, so that the signature serves for nothing else.
fn message(id: &SnapshotId) -> Vec<u8> {
    format!("eos snapshot manifest v1\n{id}\n").into_bytes()
}
