//! Detached signatures by a key whose certificate chains to the cluster's authority.

use crate::identity::certificate::{self, Subject};
use crate::identity::error::IdentityError;
use crate::model::digest::Fingerprint;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Checks that `signature` over `message` is by the key of `certificate_pem`, that the authority
/// signed that certificate as the master's or a member's, and that the authority is the expected one.
///
/// # Errors
/// When any of it does not hold.
pub fn verify(
    message: &[u8],
    signature: &[u8],
    certificate_pem: &str,
    authority_pem: &str,
    expected: Fingerprint,
    what: &'static str,
) -> Result<(), IdentityError> {
    signer(message, signature, certificate_pem, (authority_pem, expected), what).map(drop)
}

fn signer(
    message: &[u8],
    signature: &[u8],
    certificate_pem: &str,
    (authority_pem, expected): (&str, Fingerprint),
    what: &'static str,
) -> Result<Subject, IdentityError> {
    let leaf = certificate::parse_pem(certificate_pem, "the signer's certificate")?.remove(0);
    let authority = certificate::parse_pem(authority_pem, "the authority's certificate")?.remove(0);
    certificate::check_chain(&leaf, &authority, Some(expected))?;
    let subject = certificate::summarize(&leaf, "the signer's certificate")?.subject;
    if subject == Subject::Admin {
        return Err(IdentityError::BadSignature { what });
    }
    let (_, parsed) = X509Certificate::from_der(&leaf)
        .map_err(|_| IdentityError::Damaged { what: "the signer's certificate" })?;
    let key = &parsed.public_key().subject_public_key.data;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key)
        .verify(message, signature)
        .map_err(|_| IdentityError::BadSignature { what })?;
    Ok(subject)
}

/// The same, and the signer is the master: nobody else vouches for the cluster's own state.
///
/// # Errors
/// When any of it does not hold.
pub fn verify_master(
    message: &[u8],
    signature: &[u8],
    certificate_pem: &str,
    authority_pem: &str,
    expected: Fingerprint,
    what: &'static str,
) -> Result<(), IdentityError> {
    match signer(message, signature, certificate_pem, (authority_pem, expected), what)? {
        Subject::Master => Ok(()),
        _ => Err(IdentityError::BadSignature { what }),
    }
}
