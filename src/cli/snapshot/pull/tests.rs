//! From whom a snapshot is pulled, and whose word is not taken.

use super::*;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::model::ids::{ClusterId, NodeId};
use crate::snapshot::manifest::tests::metadata;
use crate::snapshot::manifest::{Limits, Manifest, Metadata, Name, SealError, SignedManifest, Signer};

fn holder(name: &str, last: u8) -> Holder {
    Holder {
        node: Some(NodeId::parse(&format!("n-{name}")).expect("an id")),
        name: name.to_owned(),
        address: ([10, 0, 0, last], 4506).into(),
        alive: true,
        pullers: None,
    }
}

fn found(holders: Vec<Holder>) -> Found {
    let id = SnapshotId::parse("abcd").expect("an id");
    Found { id, told: None, holders, others: Vec::new(), untold: Vec::new() }
}

fn chosen_of(found: &Found, from: &[&str]) -> Result<Vec<String>, Failure> {
    let from: Vec<String> = from.iter().map(|text| (*text).to_owned()).collect();
    Ok(chosen(found, &from)?.into_iter().map(|holder| holder.name).collect())
}

#[test]
fn who_has_it_not_is_named_with_those_who_have() {
    let one = found(vec![holder("node1", 1)]);
    let error = chosen_of(&one, &["node1", "node7"]).expect_err("it has it not");
    assert_eq!(error.code, "EOS-T168");
    assert_eq!(error.message, "node7 is no holder of snapshot abcd, but node1 (10.0.0.1:4506) are");
    let error = chosen_of(&found(Vec::new()), &[]).expect_err("there is nobody");
    assert_eq!(error.code, "EOS-T167");
}

struct Sealed(PrivateKey, String);

impl Signer for Sealed {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.sign(message).map_err(Into::into)
    }

    fn certificate_pem(&self) -> &str {
        &self.1
    }
}

/// A download of an empty snapshot of this source, signed by this subject.
fn download(source: &str, subject: impl Fn(&PrivateKey) -> Subject) -> anyhow::Result<Fetched> {
    let now = crate::host::clock::now_seconds();
    let authority = Authority::create(ClusterId::parse("c1")?, PrivateKey::generate()?, now)?;
    let key = PrivateKey::generate()?;
    let pem = authority.sign_key(&key, &Grant { subject: subject(&key), now })?;
    let folder = tempfile::tempdir()?;
    let store = DiskStore::open(Directory::open(folder.path())?)?;
    let metadata = Metadata { source: source.to_owned(), ..metadata() };
    let sources =
        [crate::snapshot::capture::Source::Bytes { path: Name::new("f"), bytes: b"x", mode: 0o600 }];
    let cut = crate::snapshot::pack::Cut::default();
    let sink = crate::model::progress::Silent;
    let id = crate::snapshot::capture::create(&store, &sources, &metadata, cut, &Sealed(key, pem), &sink)?;
    let signed: SignedManifest = store.manifest(&id)?;
    let manifest: Manifest = signed.read(&Limits::default())?;
    Ok(Fetched { signed, manifest, received_bytes: 0 })
}

#[test]
fn the_clusters_own_state_is_taken_from_the_masters_hand_alone() -> anyhow::Result<()> {
    for (source, by_master, code) in
        [("cluster", true, "EOS-T025"), ("cluster", false, "EOS-T169"), ("metrics", false, "EOS-T025")]
    {
        let of_node = |key: &PrivateKey| Subject::Node(key.node_id());
        let fetched = download(source, |key| if by_master { Subject::Master } else { of_node(key) })?;
        let folder = tempfile::tempdir()?;
        let store = DiskStore::open(Directory::open(folder.path())?)?;
        let staging = store.begin_download(&fetched.signed.id())?;
        let error = publish(&store, staging, &fetched, None).expect_err("no part was downloaded");
        assert_eq!(error.code, code, "{source}: {error:?}");
        assert_eq!(store.downloads()?.len(), usize::from(code != "EOS-T169"), "a forged one is gone");
    }
    Ok(())
}
