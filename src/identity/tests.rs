//! What is not believed: certificates, signatures and files that somebody else made or damaged.

use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::{Subject, check_chain, parse_pem};
use crate::identity::key::PrivateKey;
use crate::identity::membership::Membership;
use crate::identity::served::Served;
use crate::identity::{IdentityError, signature};
use crate::model::explain::tells;
use crate::model::ids::ClusterId;
use base64::Engine;

fn authority() -> Authority {
    let cluster = ClusterId::parse("c-tests").expect("an id");
    Authority::create(cluster, PrivateKey::generate().expect("a key"), 0).expect("an authority")
}

fn certificate(authority: &Authority, key: &PrivateKey, subject: Subject) -> String {
    authority.sign_key(key, &Grant { subject, now: 0 }).expect("it is signed")
}

fn key() -> PrivateKey {
    PrivateKey::generate().expect("a key")
}

#[test]
fn an_authority_that_is_not_the_pinned_one_is_refused_with_both_fingerprints() {
    let (own, other) = (authority(), authority());
    let leaf = certificate(&other, &key(), Subject::Master);
    let der = |pem: &str| parse_pem(pem, "it").expect("PEM").remove(0);
    let (leaf, presented) = (der(&leaf), der(other.pem()));
    let error = check_chain(&leaf, &presented, Some(own.fingerprint())).expect_err("another authority");
    let (found, pinned) = (other.fingerprint(), own.fingerprint());
    let text = format!("the master's certificate authority is {found}, but {pinned} was expected");
    tells(&error, "EOS-I012", &text);
    check_chain(&leaf, &presented, Some(found)).expect("it is the pinned one");
}

#[test]
fn a_certificate_that_the_presented_authority_did_not_sign_is_refused() {
    let (own, other) = (authority(), authority());
    let der = |pem: &str| parse_pem(pem, "it").expect("PEM").remove(0);
    let forged = der(&certificate(&other, &key(), Subject::Master));
    let text = |shown: &Authority| {
        let fingerprint = shown.fingerprint();
        format!("the master's certificate is not signed by the authority it presents ({fingerprint})")
    };
    // Somebody in between shows the public certificate of the pinned authority with a leaf of his own.
    let error = check_chain(&forged, &der(own.pem()), Some(own.fingerprint())).expect_err("not signed by it");
    tells(&error, "EOS-I013", &text(&own));
    // A member's certificate is no authority, even though the cluster's own signed it.
    let member = der(&certificate(&own, &key(), Subject::Admin));
    let error = check_chain(&forged, &member, None).expect_err("no authority");
    assert!(matches!(error, IdentityError::NotSigned { .. }), "{error}");
}

#[test]
fn a_signature_of_other_bytes_or_of_nobody_who_signs_does_not_verify() {
    let authority = authority();
    let signer = key();
    let master = certificate(&authority, &signer, Subject::Master);
    let signed = signer.sign(b"manifest").expect("a signature");
    let verify = |message: &[u8], signature: &[u8], certificate: &str| {
        let expected = authority.fingerprint();
        signature::verify(message, signature, certificate, authority.pem(), expected, "the manifest")
    };
    verify(b"manifest", &signed, &master).expect("it is the master's");
    let text = "the signature on the manifest does not verify";
    tells(&verify(b"Manifest", &signed, &master).expect_err("changed bytes"), "EOS-I015", text);
    let by_other = key().sign(b"manifest").expect("a signature");
    tells(&verify(b"manifest", &by_other, &master).expect_err("another key"), "EOS-I015", text);
    let member = certificate(&authority, &signer, Subject::Node(signer.node_id()));
    verify(b"manifest", &signed, &member).expect("a member's");
    let operator = certificate(&authority, &signer, Subject::Admin);
    tells(&verify(b"manifest", &signed, &operator).expect_err("it signs nothing"), "EOS-I015", text);
    let as_master = |certificate: &str| {
        let (pem, expected) = (authority.pem(), authority.fingerprint());
        signature::verify_master(b"manifest", &signed, certificate, pem, expected, "the manifest")
    };
    as_master(&master).expect("it is the master's");
    tells(&as_master(&member).expect_err("a member is no master"), "EOS-I015", text);
}

#[test]
fn a_certificate_of_another_key_is_not_served() -> anyhow::Result<()> {
    let authority = authority();
    let foreign = certificate(&authority, &key(), Subject::Master);
    let error = Served::new(&foreign, &key(), authority.pem()).expect_err("keys do not match");
    tells(&error, "EOS-I003", "could not set up TLS");
    Ok(())
}

#[test]
fn an_authority_file_that_holds_no_certificate_signs_nothing() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (key_file, file) = (folder.path().join("ca.key"), folder.path().join("ca.crt"));
    let cluster = ClusterId::parse("c-tests")?;
    let absent = Authority::load(cluster.clone(), &key_file, &file).err().expect("there is no file");
    tells(&absent, "EOS-I004", "an identity file could not be used");
    PrivateKey::load_or_create(&key_file, None)?;
    let text = base64::engine::general_purpose::STANDARD.encode(b"no certificate");
    std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))?;
    let damaged = Authority::load(cluster, &key_file, &file)?;
    let error = damaged.sign_key(&key(), &Grant { subject: Subject::Admin, now: 0 }).expect_err("no issuer");
    tells(&error, "EOS-I001", "could not use the certificate authority");
    Ok(())
}

#[test]
fn a_membership_that_is_damaged_or_newer_is_told_and_not_taken_for_none() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let file = root.join(paths::MEMBERSHIP);
    std::fs::create_dir_all(file.parent().expect("it is below the root"))?;
    assert!(Membership::load(&root)?.is_none());
    std::fs::write(&file, "{\"version\": 1")?;
    let error = Membership::load(&root).expect_err("cut off");
    let why = "EOF while parsing an object at line 1 column 13";
    tells(&error, "EOS-I030", &format!("the membership file is damaged: {why}"));
    std::fs::write(&file, "{\"version\": 2, \"more\": true}")?;
    let error = Membership::load(&root).expect_err("a later eos wrote it");
    tells(&error, "EOS-I031", "the membership file has format 2, and this eos knows formats up to 1");
    Ok(())
}
