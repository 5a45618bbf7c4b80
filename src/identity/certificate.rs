//! Reads certificates: fingerprint, whom they name, until when, and whether an authority signed them.

use crate::identity::error::IdentityError;
use crate::identity::key::sha256;
use crate::model::digest::Fingerprint;
use crate::model::ids::{ClusterId, NodeId};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a certificate of the cluster may be used for; its URI `eos://CLUSTER/...` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The master's server certificate.
    Master,
    /// The operator on the master's own host.
    Admin,
    /// A member, or a node that is joining.
    Node(NodeId),
}

impl Subject {
    /// The URI that the certificate carries.
    pub fn uri(&self, cluster: &ClusterId) -> String {
        match self {
            Self::Master => format!("eos://{cluster}/master"),
            Self::Admin => format!("eos://{cluster}/admin"),
            Self::Node(id) => format!("eos://{cluster}/node/{id}"),
        }
    }

    fn parse(uri: &str) -> Option<(ClusterId, Self)> {
        let (cluster, subject) = uri.strip_prefix("eos://")?.split_once('/')?;
        let subject = match subject.split_once('/') {
            None if subject == "master" => Self::Master,
            None if subject == "admin" => Self::Admin,
            Some(("node", id)) => Self::Node(NodeId::parse(id).ok()?),
            _ => return None,
        };
        Some((ClusterId::parse(cluster).ok()?, subject))
    }
}

/// What eos needs to know of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The cluster that its URI names.
    pub cluster: ClusterId,
    /// Whom it names.
    pub subject: Subject,
    /// SHA-256 of the public key.
    pub key: Fingerprint,
    /// Valid from, in seconds since 1970.
    pub not_before: i64,
    /// Valid until, in seconds since 1970.
    pub not_after: i64,
}

impl Summary {
    /// Whether a new certificate should take its place at `now` (seconds since 1970): two thirds of
    /// its life are over, or it is not valid yet since a clock was set back.
    pub fn is_due(&self, now: i64) -> bool {
        let life = self.not_after - self.not_before;
        now < self.not_before || now > self.not_before + life / 3 * 2
    }

    /// Whether it is valid at `now`, in seconds since 1970.
    pub fn is_valid(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// All certificates of a PEM text.
///
/// # Errors
/// When it holds none or a damaged one.
pub fn parse_pem(pem: &str, what: &'static str) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or(IdentityError::Damaged { what })
}

/// The fingerprint of a certificate.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    sha256(certificate.as_ref())
}

/// Reads whom a certificate of the cluster names.
///
/// # Errors
/// When it is damaged or names nobody in the way of eos.
pub fn summarize(certificate: &CertificateDer<'_>, what: &'static str) -> Result<Summary, IdentityError> {
    let damaged = || IdentityError::Damaged { what };
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| damaged())?;
    let names = parsed.subject_alternative_name().ok().flatten().ok_or_else(damaged)?;
    let (cluster, subject) = names
        .value
        .general_names
        .iter()
        .find_map(|name| match name {
            GeneralName::URI(uri) => Subject::parse(uri),
            _ => None,
        })
        .ok_or_else(damaged)?;
    Ok(Summary {
        cluster,
        subject,
        key: sha256(parsed.public_key().raw),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
    })
}

/// Checks, without looking at the clock, that the authority is the pinned one and signed the certificate.
///
/// # Errors
/// When it is another authority, or the signature is not its.
pub fn check_chain(
    leaf: &CertificateDer<'_>,
    authority: &CertificateDer<'_>,
    pinned: Option<Fingerprint>,
) -> Result<(), IdentityError> {
    let found = fingerprint(authority);
    if let Some(pinned) = pinned.filter(|pinned| *pinned != found) {
        return Err(IdentityError::WrongAuthority { found, pinned });
    }
    let damaged = |_| IdentityError::Damaged { what: "the master's certificate" };
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(damaged)?;
    let (_, parsed) = X509Certificate::from_der(authority).map_err(damaged)?;
    let is_authority = parsed.is_ca() && parsed.verify_signature(None).is_ok();
    if !is_authority || leaf.verify_signature(Some(parsed.public_key())).is_err() {
        return Err(IdentityError::NotSigned { authority: found });
    }
    Ok(())
}
