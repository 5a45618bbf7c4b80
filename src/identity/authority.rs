//! The cluster's certificate authority: made once at bootstrap, kept on the master only.

use crate::host::files;
use crate::identity::certificate::{self, Subject};
use crate::identity::error::IdentityError;
use crate::identity::key::{PrivateKey, sha256};
use crate::model::digest::Fingerprint;
use crate::model::ids::ClusterId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PublicKeyData, SanType,
};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::CertificateDer;
use std::path::Path;
use time::{Duration, OffsetDateTime};

/// The name that every master's certificate carries and every client asks for, whatever the address.
pub const MASTER_NAME: &str = "master.eos.internal";

/// How far certificates are back-dated, so that a clock that is behind by less still believes them.
pub const BACK_DATED: Duration = Duration::minutes(10);

/// For how long an authority is valid.
const AUTHORITY_LIFETIME: Duration = Duration::days(3650);

/// For how long a member's certificate is valid; it is renewed after two thirds of that.
pub const MEMBER_LIFETIME: Duration = Duration::days(90);

/// The authority with its key.
pub struct Authority {
    cluster: ClusterId,
    key: PrivateKey,
    pem: String,
    der: CertificateDer<'static>,
}

/// What a certificate shall say; nothing of it is taken from the request.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whom it names.
    pub subject: Subject,
    /// The time of signing, in seconds since 1970.
    pub now: i64,
}

impl Authority {
    /// Makes the authority of a new cluster.
    ///
    /// # Errors
    /// When no key can be made or used.
    pub fn create(cluster: ClusterId, key: PrivateKey, now: i64) -> Result<Self, IdentityError> {
        let failed = |source| IdentityError::Crypto { action: "make the certificate authority", source };
        let mut params = validity(now, AUTHORITY_LIFETIME)?;
        params.distinguished_name = name(&format!("eos cluster {cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(key.pair()).map_err(failed)?;
        Ok(Self { cluster, pem: certificate.pem(), der: certificate.into(), key })
    }

    /// Reads the authority from its two files.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged.
    pub fn load(cluster: ClusterId, key: &Path, certificate: &Path) -> Result<Self, IdentityError> {
        let pem =
            String::from_utf8_lossy(&files::read(certificate).map_err(IdentityError::File)?).into_owned();
        let der = certificate::parse_pem(&pem, "the authority's certificate")?.remove(0);
        Ok(Self { cluster, key: PrivateKey::load(key)?, pem, der })
    }

    /// The authority's certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The fingerprint that tokens carry.
    pub fn fingerprint(&self) -> Fingerprint {
        certificate::fingerprint(&self.der)
    }

    /// Signs the key of a request; whatever else the request asks for is ignored.
    ///
    /// # Errors
    /// When the request is damaged or not signed by its own key.
    pub fn sign_request(&self, request: &str, grant: &Grant) -> Result<String, IdentityError> {
        let request = parse_request(request)?;
        let params = self.member(grant)?;
        let issuer = self.issuer()?;
        params
            .signed_by(&request.public_key, &issuer)
            .map(|certificate| certificate.pem())
            .map_err(|source| IdentityError::Crypto { action: "sign a certificate", source })
    }

    /// Signs a key that this machine holds.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign_key(&self, key: &PrivateKey, grant: &Grant) -> Result<String, IdentityError> {
        self.sign_request(&key.request()?, grant)
    }

    fn issuer(&self) -> Result<Issuer<'_, &rcgen::KeyPair>, IdentityError> {
        Issuer::from_ca_cert_der(&self.der, self.key.pair())
            .map_err(|source| IdentityError::Crypto { action: "use the certificate authority", source })
    }

    fn member(&self, grant: &Grant) -> Result<CertificateParams, IdentityError> {
        let uri = grant.subject.uri(&self.cluster);
        let text = |text: &str| {
            text.try_into().map_err(|source| IdentityError::Crypto { action: "name a certificate", source })
        };
        let mut params = validity(grant.now, MEMBER_LIFETIME)?;
        params.distinguished_name = name(&uri);
        params.subject_alt_names = vec![SanType::URI(text(&uri)?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if let Some(name) = served_name(&grant.subject) {
            params.subject_alt_names.push(SanType::DnsName(text(&name)?));
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// The name that a server of this subject is asked for by, whatever its address: the master's API, and
/// the metrics of each agent.
pub fn served_name(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Master => Some(MASTER_NAME.to_owned()),
        Subject::Node(id) => Some(format!("{id}.node.eos.internal")),
        Subject::Admin => None,
    }
}

/// The public key that a request is for.
pub struct RequestedKey {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    point: Vec<u8>,
}

impl RequestedKey {
    /// Whether the signature (ECDSA P-256 with SHA-256, ASN.1) over the message is by this key.
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature).is_ok()
    }
}

/// The key that a request is for.
///
/// # Errors
/// When the request is damaged or not signed by its own key.
pub fn requested_key(request: &str) -> Result<RequestedKey, IdentityError> {
    let key = parse_request(request)?.public_key;
    let fingerprint = sha256(&key.subject_public_key_info());
    Ok(RequestedKey { fingerprint, point: key.der_bytes().to_vec() })
}

/// The fingerprint of the key that a request is for.
///
/// # Errors
/// When the request is damaged or not signed by its own key.
pub fn request_key(request: &str) -> Result<Fingerprint, IdentityError> {
    Ok(requested_key(request)?.fingerprint)
}

fn parse_request(request: &str) -> Result<CertificateSigningRequestParams, IdentityError> {
    CertificateSigningRequestParams::from_pem(request)
        .map_err(|_| IdentityError::Damaged { what: "the certificate request" })
}

fn validity(now: i64, lifetime: Duration) -> Result<CertificateParams, IdentityError> {
    let now =
        OffsetDateTime::from_unix_timestamp(now).map_err(|_| IdentityError::Damaged { what: "the clock" })?;
    let mut params = CertificateParams::default();
    params.not_before = now - BACK_DATED;
    params.not_after = now + lifetime;
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}
