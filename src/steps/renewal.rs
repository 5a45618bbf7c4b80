//! A new certificate for a node by its key alone: the way back for one whose certificate ended.
//!
//! The ordinary renewal goes over mutual TLS, which a certificate that ended no longer opens. Here the
//! node registers again: the master knows its key, and this node knows the cluster's authority.
//! Repeating it is harmless, and a crash leaves the old certificate or the new one.

use crate::client::{ClientError, Terms, look};
use crate::host::clock;
use crate::host::facts;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::certificate::{self, Summary};
use crate::identity::key::PrivateKey;
use crate::identity::membership::Membership;
use crate::identity::proof::{self, Transcript, Wish};
use crate::steps::env;
use crate::steps::error::StepFailure;
use crate::wire::join::{NodeRegistration, RegisterReply, RegisterRequest};
use crate::wire::version::Versions;
use std::time::Duration;

/// Seconds before its end from which a certificate counts as ended: the clocks of node and master may
/// differ, and the ordinary renewal had a month by then.
const MARGIN: i64 = 86_400;

/// How long the first look at the master may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Whether the node's certificate cannot be used at `now` (seconds since 1970): it ended or is about to,
/// it is not valid yet since a clock was ahead when it was signed, or it is missing or damaged.
///
/// # Errors
/// When its file cannot be read.
pub fn is_needed(root: &Root, now: i64) -> Result<bool, StepFailure> {
    let bytes = files::read_optional(&root.join(paths::NODE_CERTIFICATE))?.unwrap_or_default();
    Ok(summary(&String::from_utf8_lossy(&bytes))
        .is_none_or(|found| has_ended(&found, now) || !found.is_valid(now)))
}

/// Whether a certificate has ended at `now`, or is about to.
pub fn has_ended(certificate: &Summary, now: i64) -> bool {
    now >= certificate.not_after - MARGIN
}

fn summary(pem: &str) -> Option<Summary> {
    const WHAT: &str = "the node's certificate";
    let chain = certificate::parse_pem(pem, WHAT).ok()?;
    certificate::summarize(&chain[0], WHAT).ok()
}

/// Registers with the node's key and puts the new certificate in the place of the old one.
///
/// # Errors
/// When the master does not answer, is another one, or refuses: it removed or rejected the node, or
/// does not know it any more.
pub async fn by_key(root: &Root, membership: &Membership, terms: &Terms) -> Result<(), StepFailure> {
    let key = PrivateKey::load(&root.join(paths::NODE_KEY))?;
    let master = membership.master;
    let local = env::source(membership.address, master);
    let looked = look(master, local, Some(membership.authority), ATTEMPT, terms).await?;
    let (challenge, nonce) = (looked.hello.challenge, proof::nonce()?);
    let transcript = Transcript {
        authority: looked.authority,
        challenge: &challenge,
        nonce: &nonce,
        key: key.fingerprint(),
    };
    let request = RegisterRequest {
        registration: registration(root, membership)?,
        csr: key.request()?,
        signature: Some(transcript.sign(Wish::Register, &key)?),
        challenge,
        nonce,
        token: None,
        dry_run: false,
    };
    let client = env::stranger_client(root, master, membership.address)?.on(terms.clone());
    match client.register(&request).await? {
        RegisterReply::Accepted(accepted) => {
            store(root, &accepted.certificate)?;
            tracing::info!(verdict = accepted.verdict, "the node's certificate was renewed by its key");
            Ok(())
        }
        RegisterReply::Pending { .. } => {
            let (name, cluster) = (membership.name.clone(), membership.cluster.clone());
            Err(StepFailure::Forgotten { name, cluster, master })
        }
        RegisterReply::Judged { .. } => {
            let action = "POST /v1/register".to_owned();
            let status = "only a judgement".to_owned();
            Err(ClientError::Foreign { address: master, action, status }.into())
        }
    }
}

/// Puts a new certificate of the node in the place of the old one.
///
/// # Errors
/// When it cannot be written; the old one stays then.
pub fn store(root: &Root, certificate: &str) -> Result<(), StepFailure> {
    let path = root.join(paths::NODE_CERTIFICATE);
    Ok(files::write_atomic(&path, certificate.as_bytes(), Attributes::SECRET)?)
}

fn registration(root: &Root, membership: &Membership) -> Result<NodeRegistration, StepFailure> {
    let facts = facts::gather(root, &root.join(paths::STATE))?;
    Ok(NodeRegistration {
        hostname: membership.name.clone(),
        ip: membership.address,
        resources: facts.resources,
        request_role: None,
        machine_id: facts.machine_id,
        hardware_id: facts.hardware_id,
        boot_id: facts.boot_id,
        versions: Versions::own(),
        clock_ms: clock::now_ms(),
    })
}
