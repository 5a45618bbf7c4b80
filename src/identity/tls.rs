//! TLS as eos uses it: one crypto provider, named here and nowhere else.

use crate::identity::certificate;
use crate::identity::error::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::served::Served;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, Mutex, PoisonError};

/// The crypto provider of every connection.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Makes it the provider of connections that no configuration of ours is for: those to servers that the machine's own
/// authorities vouch for.
pub fn be_the_default() {
    // Once is enough, and every time it is the same one.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// A server that asks for a client certificate of the cluster, and serves those without one too:
/// what they may do is decided request by request.
///
/// # Errors
/// When the authority's certificate is damaged.
pub fn server(served: Arc<Served>, authority_pem: &str) -> Result<ServerConfig, IdentityError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority_pem)?), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|_| IdentityError::Damaged { what: "the authority's certificate" })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(IdentityError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(served);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A client that believes the cluster's authority alone, with a certificate of its own or without.
///
/// # Errors
/// When a certificate or key is damaged.
pub fn client(authority_pem: &str, own: Option<(&str, &PrivateKey)>) -> Result<ClientConfig, IdentityError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(IdentityError::Tls)?
        .with_root_certificates(roots(authority_pem)?);
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some((pem, key)) => {
            let chain = certificate::parse_pem(pem, "this node's certificate")?;
            builder.with_client_auth_cert(chain, key.der()).map_err(IdentityError::Tls)
        }
    }
}

/// A client that records the chain it is shown and believes none of it: for the first look at a
/// master, before the pin and the clock are compared.
///
/// # Errors
/// When TLS cannot be set up.
pub fn probe() -> Result<(ClientConfig, Arc<Recorder>), IdentityError> {
    let recorder = Arc::new(Recorder { chain: Mutex::default(), provider: provider() });
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(IdentityError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone())
        .with_no_client_auth();
    Ok((config, recorder))
}

fn roots(authority_pem: &str) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificate::parse_pem(authority_pem, "the authority's certificate")? {
        roots.add(certificate).map_err(IdentityError::Tls)?;
    }
    Ok(roots)
}

/// Records the chain of the last handshake. The signature of the handshake is verified, so the
/// other side holds the key of the certificate it shows; whose key that is, is judged afterwards.
#[derive(Debug)]
pub struct Recorder {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl Recorder {
    /// The chain that was shown, leaf first; empty before a handshake.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(leaf).chain(others).map(|one| one.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
