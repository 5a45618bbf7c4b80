//! The operator's certificate on the master's host: signed at the founding, and anew whenever it is due.
//!
//! Who may run the operator's commands may read the authority's key beside them, so the certificate
//! comes back after any time off, with or without a running master. A crash leaves the old one.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::{self, Subject, Summary};
use crate::identity::key::PrivateKey;
use crate::identity::membership::Membership;
use crate::steps::error::StepFailure;

/// Signs the operator's key, and makes the key first when there is none.
///
/// # Errors
/// When the key cannot be used, or a file cannot be written.
pub fn certify(root: &Root, authority: &Authority, now: i64) -> Result<(), StepFailure> {
    let key = PrivateKey::load_or_create(&root.join(paths::ADMIN_KEY), None)?;
    let certificate = authority.sign_key(&key, &Grant { subject: Subject::Admin, now })?;
    let path = root.join(paths::ADMIN_CERTIFICATE);
    Ok(files::write_atomic(&path, certificate.as_bytes(), Attributes::SECRET)?)
}

/// Signs the operator's certificate anew when it is due, missing or damaged; says whether it did.
///
/// # Errors
/// When it is no longer valid and cannot be signed anew.
pub fn keep(root: &Root, now: i64) -> Result<bool, StepFailure> {
    let found = summary(root)?;
    if found.as_ref().is_some_and(|found| !found.is_due(now)) {
        return Ok(false);
    }
    match renew(root, now) {
        Ok(()) => Ok(true),
        // A full disk must not keep the operator from the commands that make room.
        Err(error) if found.is_some_and(|found| found.is_valid(now)) => {
            tracing::warn!(%error, "the operator's certificate could not be renewed; it is still valid");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn summary(root: &Root) -> Result<Option<Summary>, StepFailure> {
    const WHAT: &str = "the operator's certificate";
    let Some(bytes) = files::read_optional(&root.join(paths::ADMIN_CERTIFICATE))? else { return Ok(None) };
    let chain = certificate::parse_pem(&String::from_utf8_lossy(&bytes), WHAT);
    // A damaged one is replaced like a missing one.
    Ok(chain.and_then(|chain| certificate::summarize(&chain[0], WHAT)).ok())
}

fn renew(root: &Root, now: i64) -> Result<(), StepFailure> {
    let membership = Membership::load(root)?.ok_or(StepFailure::NoMembership)?;
    let (key, certificate) = (root.join(paths::AUTHORITY_KEY), root.join(paths::AUTHORITY_CERTIFICATE));
    let authority = Authority::load(membership.cluster, &key, &certificate)?;
    certify(root, &authority, now)?;
    tracing::info!("the operator's certificate was signed anew");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::membership;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    const DAY: i64 = 86_400;
    const FOUNDED: i64 = 1_800_000_000;

    fn host() -> anyhow::Result<(tempfile::TempDir, Root)> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        for path in [paths::IDENTITY, paths::MASTER] {
            std::fs::create_dir_all(root.join(path))?;
        }
        let cluster = crate::model::ids::ClusterId::parse("c-operator")?;
        let key = PrivateKey::load_or_create(&root.join(paths::AUTHORITY_KEY), None)?;
        let authority = Authority::create(cluster.clone(), key, FOUNDED)?;
        std::fs::write(root.join(paths::AUTHORITY_CERTIFICATE), authority.pem())?;
        certify(&root, &authority, FOUNDED)?;
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let membership = Membership {
            version: membership::VERSION,
            cluster,
            node: PrivateKey::generate()?.node_id(),
            name: crate::model::ids::NodeName::parse("node1")?,
            address,
            master: SocketAddr::new(address, 4505),
            authority: authority.fingerprint(),
            runs_master: true,
            confirmed: true,
            applied: None,
            salt_call: None,
            salt_master: None,
            minion: None,
        };
        membership.save(&root)?;
        Ok((folder, root))
    }

    fn ends(root: &Root) -> anyhow::Result<i64> {
        Ok(summary(root)?.ok_or_else(|| anyhow::anyhow!("no certificate"))?.not_after)
    }

    #[test]
    fn it_is_signed_anew_after_two_thirds_of_its_life_and_after_years() -> anyhow::Result<()> {
        let (_folder, root) = host()?;
        assert!(!keep(&root, FOUNDED + 59 * DAY)?);
        for later in [61 * DAY, 152 * DAY, 2000 * DAY] {
            assert!(keep(&root, FOUNDED + later)?, "{later}");
            assert_eq!(ends(&root)?, FOUNDED + later + 90 * DAY);
            assert!(!keep(&root, FOUNDED + later + 1)?, "{later}");
        }
        assert!(keep(&root, FOUNDED)?, "the clock was set back: it is not valid yet");
        Ok(())
    }

    #[test]
    fn one_that_is_missing_or_damaged_is_replaced() -> anyhow::Result<()> {
        let (_folder, root) = host()?;
        let path = root.join(paths::ADMIN_CERTIFICATE);
        std::fs::write(&path, "-----BEGIN CERT")?;
        assert!(keep(&root, FOUNDED + DAY)?);
        std::fs::remove_file(&path)?;
        assert!(keep(&root, FOUNDED + DAY)?);
        assert_eq!(ends(&root)?, FOUNDED + 91 * DAY);
        Ok(())
    }

    #[test]
    fn without_the_authority_a_valid_one_is_used_and_one_that_ended_is_an_error() -> anyhow::Result<()> {
        let (_folder, root) = host()?;
        std::fs::remove_file(root.join(paths::AUTHORITY_KEY))?;
        assert!(!keep(&root, FOUNDED + 70 * DAY)?);
        let error = keep(&root, FOUNDED + 100 * DAY).expect_err("nobody can sign it");
        assert_eq!(error.to_string(), "an identity file could not be used");
        Ok(())
    }
}
