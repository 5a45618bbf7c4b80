//! A private key (ECDSA P-256) and what is made with it: a request, a signature, an id.

use crate::host::files::{self, Attributes};
use crate::identity::error::IdentityError;
use crate::model::digest::{Fingerprint, hex};
use crate::model::ids::NodeId;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData, SigningKey};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::Path;

/// A private key; never printed.
pub struct PrivateKey {
    pair: KeyPair,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.fingerprint())
    }
}

impl PrivateKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map(|pair| Self { pair })
            .map_err(|source| IdentityError::Crypto { action: "make a key", source })
    }

    /// Reads a key in PKCS#8 PEM.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(pem: &str) -> Result<Self, IdentityError> {
        KeyPair::from_pem(pem)
            .map(|pair| Self { pair })
            .map_err(|_| IdentityError::Damaged { what: "a private key" })
    }

    /// Reads the key at the path, or makes one and writes it there with mode 600 before it is used.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create(path: &Path, owner: Option<(u32, u32)>) -> Result<Self, IdentityError> {
        match files::read_optional(path).map_err(IdentityError::File)? {
            Some(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)),
            None => {
                let key = Self::generate()?;
                let pem = zeroize::Zeroizing::new(key.pair.serialize_pem());
                files::write_atomic(path, pem.as_bytes(), Attributes::SECRET.owned_by(owner))
                    .map_err(IdentityError::File)?;
                Ok(key)
            }
        }
    }

    /// Reads the key at the path.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::parse(&String::from_utf8_lossy(&files::read(path).map_err(IdentityError::File)?))
    }

    /// The SHA-256 of the public key's DER; what a node's id is made of.
    pub fn fingerprint(&self) -> Fingerprint {
        sha256(&self.pair.subject_public_key_info())
    }

    /// The node id of this key: `n-` and the first 80 bits of its fingerprint.
    pub fn node_id(&self) -> NodeId {
        node_id(self.fingerprint())
    }

    /// A certificate request (PKCS#10, PEM) that names nothing but the key: the master decides the rest.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn request(&self) -> Result<String, IdentityError> {
        let failed = |source| IdentityError::Crypto { action: "make a certificate request", source };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.node_id().as_str());
        params.serialize_request(&self.pair).and_then(|request| request.pem()).map_err(failed)
    }

    /// Signs a message (ECDSA P-256 with SHA-256, ASN.1).
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IdentityError> {
        self.pair.sign(message).map_err(|source| IdentityError::Crypto { action: "sign", source })
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    pub(crate) fn der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pair.serialize_der()))
    }
}

/// The node id that belongs to a public key's fingerprint.
pub fn node_id(key: Fingerprint) -> NodeId {
    NodeId::parse(&format!("n-{}", hex(&key.as_bytes()[..10]))).expect("hexadecimal digits make an id")
}

/// The SHA-256 of these bytes.
pub fn sha256(bytes: &[u8]) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    Fingerprint::from_bytes(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Random bytes of the operating system.
///
/// # Errors
/// When it gives none.
pub fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0u8; N];
    let failed =
        |_| IdentityError::Crypto { action: "draw random bytes", source: rcgen::Error::RingUnspecified };
    SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
