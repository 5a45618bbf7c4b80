//! The certificate that a server shows, replaced while it serves: the next connection sees the new one.

use crate::identity::certificate::{self, Summary};
use crate::identity::error::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::tls::provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::CertificateDer;
use std::sync::{Arc, PoisonError, RwLock};

/// A server's certificate with its key.
#[derive(Debug)]
pub struct Served {
    key: Arc<dyn SigningKey>,
    authority: Vec<CertificateDer<'static>>,
    shown: RwLock<(Arc<CertifiedKey>, Summary)>,
}

impl Served {
    /// For a key and its certificate; the authority's is shown with it, so that a joiner can compare
    /// its fingerprint.
    ///
    /// # Errors
    /// When a certificate or the key is damaged, or they do not belong together.
    pub fn new(
        certificate_pem: &str,
        key: &PrivateKey,
        authority_pem: &str,
    ) -> Result<Arc<Self>, IdentityError> {
        let authority = certificate::parse_pem(authority_pem, "the authority's certificate")?;
        let key = provider().key_provider.load_private_key(key.der()).map_err(IdentityError::Tls)?;
        let shown = shown(certificate_pem, &key, &authority)?;
        Ok(Arc::new(Self { key, authority, shown: RwLock::new(shown) }))
    }

    /// Shows this certificate of the same key from now on.
    ///
    /// # Errors
    /// When it is damaged or of another key; the old one is shown on then.
    pub fn replace(&self, certificate_pem: &str) -> Result<(), IdentityError> {
        let shown = shown(certificate_pem, &self.key, &self.authority)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// What the certificate says that is shown now.
    pub fn summary(&self) -> Summary {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

fn shown(
    certificate_pem: &str,
    key: &Arc<dyn SigningKey>,
    authority: &[CertificateDer<'static>],
) -> Result<(Arc<CertifiedKey>, Summary), IdentityError> {
    const WHAT: &str = "the server's certificate";
    let mut chain = certificate::parse_pem(certificate_pem, WHAT)?;
    let summary = certificate::summarize(&chain[0], WHAT)?;
    chain.extend_from_slice(authority);
    let certified = CertifiedKey::new(chain, key.clone());
    certified.keys_match().map_err(IdentityError::Tls)?;
    Ok((Arc::new(certified), summary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::authority::{Authority, Grant};
    use crate::identity::certificate::Subject;
    use crate::model::ids::ClusterId;

    const DAY: i64 = 86_400;

    #[test]
    fn a_certificate_is_replaced_by_one_of_the_same_key_alone() -> anyhow::Result<()> {
        let cluster = ClusterId::parse("c-served")?;
        let authority = Authority::create(cluster, PrivateKey::generate()?, 0)?;
        let sign = |key: &PrivateKey, now| authority.sign_key(key, &Grant { subject: Subject::Master, now });
        let key = PrivateKey::generate()?;
        let served = Served::new(&sign(&key, DAY)?, &key, authority.pem())?;
        assert_eq!(served.summary().not_after, 91 * DAY);
        served.replace(&sign(&key, 60 * DAY)?)?;
        assert_eq!(served.summary().not_after, 150 * DAY);
        let strange = sign(&PrivateKey::generate()?, 70 * DAY)?;
        served.replace(&strange).expect_err("of another key");
        served.replace("").expect_err("no certificate");
        assert_eq!(served.summary().not_after, 150 * DAY);
        Ok(())
    }
}
