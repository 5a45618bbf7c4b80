//! The first look at a master: what it is, whose authority it presents, and how its clock differs.

use crate::client::error::ClientError;
use crate::client::master::{http, origin};
use crate::client::reply::{Allowed, BRIEF, answer};
use crate::client::terms::Terms;
use crate::identity::{IdentityError, certificate, tls};
use crate::model::digest::Fingerprint;
use crate::wire::join::Hello;
use rustls_pki_types::CertificateDer;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

/// What the first look found. Nothing of it is believed before the authority is.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What the master says.
    pub hello: Hello,
    /// The fingerprint of the authority it presents.
    pub authority: Fingerprint,
    /// That authority, PEM.
    pub authority_pem: String,
    /// The master's own certificate, PEM.
    pub certificate_pem: String,
    /// How far this machine's clock is ahead of the master's, in seconds, to half a round trip.
    pub ahead_seconds: i64,
    /// The round trip.
    pub round_trip: Duration,
}

/// Looks at the master without believing it, then checks its chain against the pin.
///
/// The clock plays no part in it, so a wrong clock is told as a wrong clock and not as a
/// certificate that is not valid yet.
///
/// # Errors
/// When nobody answers, something else answers, or the authority is not the pinned one.
pub async fn look(
    address: SocketAddr,
    local: Option<IpAddr>,
    pinned: Option<Fingerprint>,
    deadline: Duration,
    terms: &Terms,
) -> Result<Looked, ClientError> {
    let identity = |source| ClientError::Identity { address, source };
    let (config, recorder) = tls::probe().map_err(identity)?;
    let http = http(address, config, local, deadline);
    let began = SystemTime::now();
    let request = http.get(format!("{}/v1/hello", origin(address)));
    let allowed = Allowed { deadline, ..BRIEF };
    let hello: Hello = answer(request, address, "GET /v1/hello", allowed, terms).await?;
    let round_trip = began.elapsed().unwrap_or_default();
    let chain = recorder.chain();
    let (Some(leaf), Some(authority)) = (chain.first(), chain.get(1)) else {
        let status = "a certificate without its authority".to_owned();
        return Err(ClientError::Foreign { address, action: "GET /v1/hello".to_owned(), status });
    };
    certificate::check_chain(leaf, authority, pinned).map_err(identity)?;
    let summary = certificate::summarize(leaf, "the master's certificate").map_err(identity)?;
    if summary.subject != certificate::Subject::Master || summary.cluster != hello.cluster {
        let source = IdentityError::NotSigned { authority: certificate::fingerprint(authority) };
        return Err(identity(source));
    }
    let middle = began + round_trip / 2;
    let here = middle.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
    Ok(Looked {
        authority: certificate::fingerprint(authority),
        authority_pem: pem(authority),
        certificate_pem: pem(leaf),
        ahead_seconds: (here - hello.time_ms as i64) / 1000,
        round_trip,
        hello,
    })
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
