//! The manifest: its fixture, its canonical form, and every lie that it refuses.

use super::*;

mod borrowed;

/// A seal for tests: a keyed BLAKE3, real enough that a changed byte is noticed.
pub(crate) struct TestSeal(pub &'static str);

impl TestSeal {
    fn mac(&self, message: &[u8]) -> Vec<u8> {
        blake3::keyed_hash(blake3::hash(self.0.as_bytes()).as_bytes(), message).as_bytes().to_vec()
    }
}

impl Signer for TestSeal {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(self.mac(message))
    }

    fn certificate_pem(&self) -> &str {
        self.0
    }
}

impl Verifier for TestSeal {
    fn verify(&self, message: &[u8], signature: &[u8], certificate_pem: &str) -> Result<(), SealError> {
        if certificate_pem == self.0 && self.mac(message) == signature {
            Ok(())
        } else {
            Err("not ours".into())
        }
    }
}

pub(crate) fn metadata() -> Metadata {
    Metadata {
        cluster_id: ClusterId::parse("prod-cluster-001").unwrap(),
        created_at: "2026-01-02T03:04:05.000000006Z".parse().unwrap(),
        eos_version: "0.1.0".into(),
        generation: 7,
        source: "cluster".into(),
    }
}

fn entry(path: &[u8], content: Content) -> Entry {
    Entry {
        path: Name::new(path),
        mode: 0o755,
        uid: 0,
        gid: 0,
        modified: Time(1_700_000_000, 5),
        extended: Default::default(),
        content,
    }
}

fn file(path: &str) -> Entry {
    entry(path.as_bytes(), Content::File { size: 3, digest: Digest::of(b"abc"), sparse: false, at: None })
}

fn directory(path: &str) -> Entry {
    entry(path.as_bytes(), Content::Directory)
}

fn symlink(path: &str, target: &str) -> Entry {
    entry(path.as_bytes(), Content::Symlink { target: Name::new(target) })
}

fn hardlink(path: &str, target: &str) -> Entry {
    entry(path.as_bytes(), Content::Hardlink { target: Name::new(target) })
}

/// A manifest whose frames fit its entries, without a check.
fn around(entries: Vec<Entry>) -> Manifest {
    let uncompressed = crate::snapshot::layout::stream_length(&entries).unwrap() as u32;
    let frame = Frame { compressed: 90, digest: Digest::of(b"frame"), offset: 0, part: 0, uncompressed };
    let size = 90 + crate::snapshot::frame::seek_table_length(1) as u64;
    let parts = vec![Part { borrowed: false, digest: Digest::of(b"part"), size }];
    Manifest { entries, frames: vec![frame], metadata: metadata(), parts, version: VERSION }
}

fn sample() -> Manifest {
    around(vec![
        directory("etc"),
        file("etc/a"),
        hardlink("etc/b", "etc/a"),
        symlink("etc/c", "../../anywhere"),
        entry(
            b"etc/\xff\"%\\\n",
            Content::File { size: 9, digest: Digest::of(b"x"), sparse: true, at: None },
        ),
    ])
}

fn reparse(manifest: &Manifest) -> Result<Manifest, ManifestError> {
    crate::snapshot::seeds::keep("manifest", &manifest.canonical());
    Manifest::parse(&manifest.canonical(), &Limits::default())
}

fn refusal(entries: Vec<Entry>) -> String {
    reparse(&around(entries)).unwrap_err().to_string()
}

#[test]
fn the_fixture_of_version_1_stays_readable() {
    let fixture = include_str!("../../../tests/fixtures/v1/snapshot/manifest.json");
    let signed = SignedManifest::from_bytes(fixture.as_bytes(), &Limits::default()).unwrap();
    let manifest = signed.verify(&signed.id(), &TestSeal("test certificate"), &Limits::default()).unwrap();
    assert_eq!(manifest, sample());
    assert_eq!(signed, SignedManifest::sign(&sample(), &TestSeal("test certificate")).unwrap());
    assert_eq!(String::from_utf8(signed.to_bytes()).unwrap(), fixture);
}

#[test]
fn canonical_json_has_sorted_keys_no_white_space_and_one_form() {
    let canonical = sample().canonical();
    let generic: serde_json::Value = serde_json::from_slice(&canonical).unwrap();
    assert_eq!(serde_json::to_vec(&generic).unwrap(), canonical, "a generic map sorts its keys");
    assert!(canonical.is_ascii());
    assert_eq!(reparse(&sample()).unwrap(), sample());
    let spaced = serde_json::to_vec_pretty(&generic).unwrap();
    assert!(matches!(Manifest::parse(&spaced, &Limits::default()), Err(ManifestError::NotCanonical)));
}

#[test]
fn paths_that_could_leave_the_target_are_refused() {
    for path in ["../x", "/abs", "//abs", "etc/../../x", "etc/./x", ".", "..", "", "etc//x", "etc/", "a\0b"] {
        let text = refusal(vec![directory("etc"), file(path)]);
        assert!(text.contains("which is refused: it") || text.contains("a component"), "{path}: {text}");
    }
}

#[test]
fn an_entry_below_a_link_a_file_or_nothing_is_refused() {
    let parent = "which is refused: its parent is not a listed directory";
    assert!(refusal(vec![symlink("a", ".."), file("a/x")]).ends_with(parent));
    assert!(refusal(vec![file("a"), file("a/x")]).ends_with(parent));
    assert!(refusal(vec![file("a/x")]).ends_with(parent));
}

#[test]
fn duplicates_and_disorder_are_refused() {
    assert!(refusal(vec![file("a"), file("a")]).ends_with("it is listed twice"));
    assert!(refusal(vec![symlink("a", "x"), directory("a")]).ends_with("it is listed twice"));
    assert!(refusal(vec![file("b"), file("a")]).ends_with("it is not in ascending order"));
}

#[test]
fn hard_links_lead_only_to_files_listed_before() {
    let text = "its hard link target is not a file listed before it";
    for target in ["/etc/passwd", "../x", "b", "d", "l", "c", ""] {
        let entries = vec![file("a"), hardlink("b", target), file("c"), directory("d"), symlink("l", "a")];
        assert!(refusal(entries).ends_with(text), "{target}");
    }
    let mut other = hardlink("b", "a");
    other.mode = 0o4755;
    assert!(refusal(vec![file("a"), other]).ends_with("its attributes contradict its hard link target"));
}

#[test]
fn link_targets_modes_and_sizes_are_bounded() {
    assert!(refusal(vec![symlink("a", "")]).ends_with("its link target is empty"));
    assert!(refusal(vec![symlink("a", "x\0y")]).ends_with("contains a NUL byte"));
    assert!(refusal(vec![symlink("a", &"x".repeat(4096))]).ends_with("its link target is too long"));
    let mut odd = file("a");
    odd.mode = 0o20644;
    assert!(refusal(vec![odd]).ends_with("its mode or its time is out of range"));
    let huge = Content::File { size: u64::MAX, digest: Digest::of(b""), sparse: true, at: None };
    let mut lying = around(vec![]);
    lying.entries = vec![entry(b"a", huge)];
    assert!(reparse(&lying).unwrap_err().to_string().ends_with("its size is out of range"));
}

#[test]
fn sizes_that_contradict_the_frames_are_refused() {
    let mut lying = sample();
    lying.entries[1].content =
        Content::File { size: 1 << 40, digest: Digest::of(b"abc"), sparse: false, at: None };
    assert!(matches!(reparse(&lying), Err(ManifestError::Length { .. })));
    let mut lying = sample();
    lying.entries.pop();
    assert!(matches!(reparse(&lying), Err(ManifestError::Length { .. })));
    let mut lying = sample();
    lying.parts[0].size += 1;
    assert!(matches!(reparse(&lying), Err(ManifestError::Part { part: 0, .. })));
    type Change = fn(&mut Frame);
    let changes: [Change; 6] = [
        |frame| frame.offset = 1,
        |frame| frame.part = 1,
        |frame| frame.uncompressed = 0,
        |frame| frame.uncompressed = u32::MAX,
        |frame| frame.compressed = u32::MAX,
        |frame| frame.compressed = 0,
    ];
    for change in changes {
        let mut lying = sample();
        change(&mut lying.frames[0]);
        assert!(matches!(reparse(&lying), Err(ManifestError::Frame { frame: 0, .. })));
    }
    let mut lying = sample();
    lying.parts.push(Part { borrowed: false, digest: Digest::of(b"other"), size: 17 });
    assert!(matches!(reparse(&lying), Err(ManifestError::Part { part: 1, .. })));
}

#[test]
fn the_limits_hold_before_anything_is_believed() {
    let bytes = sample().canonical();
    let small = Limits { manifest_bytes: 10, ..Limits::default() };
    assert!(matches!(Manifest::parse(&bytes, &small), Err(ManifestError::TooLarge { .. })));
    let few = Limits { entries: 2, ..Limits::default() };
    assert!(matches!(Manifest::parse(&bytes, &few), Err(ManifestError::TooMany { .. })));
    let short = Limits { path_bytes: 4, ..Limits::default() };
    assert!(matches!(Manifest::parse(&bytes, &short), Err(ManifestError::Entry { .. })));
}

#[test]
fn unknown_types_fields_and_versions_are_refused_by_name() {
    let text = String::from_utf8(sample().canonical()).unwrap();
    let device = text.replace("\"type\":\"symlink\"", "\"type\":\"chardev\"");
    assert!(matches!(
        Manifest::parse(device.as_bytes(), &Limits::default()),
        Err(ManifestError::Unreadable { .. })
    ));
    let with_target = text.replacen("\"type\":\"symlink\"", "\"type\":\"directory\"", 1);
    let refused = Manifest::parse(with_target.as_bytes(), &Limits::default());
    assert!(matches!(refused, Err(ManifestError::Unreadable { .. })));
    let newer = text.replace("\"version\":1}", "\"version\":2,\"wonder\":true}");
    let refused = Manifest::parse(newer.as_bytes(), &Limits::default());
    assert!(matches!(refused, Err(ManifestError::Version { found: 2, known: 1 })), "{refused:?}");
}

#[test]
fn a_manifest_of_another_id_or_signer_is_refused_before_it_is_parsed() {
    let limits = Limits::default();
    let signed = SignedManifest::sign(&sample(), &TestSeal("ours")).unwrap();
    let other = SnapshotId::parse("ab").unwrap();
    assert!(matches!(signed.verify(&other, &TestSeal("ours"), &limits), Err(ManifestError::Id { .. })));
    let refused = signed.verify(&signed.id(), &TestSeal("theirs"), &limits);
    assert!(matches!(refused, Err(ManifestError::Signature { .. })));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(at in 0..4000usize, with in proptest::collection::vec(0u8..=255, 0..4)) {
        let mut bytes = sample().canonical();
        let at = at % bytes.len();
        bytes.splice(at..(at + 1).min(bytes.len()), with);
        if let Ok(manifest) = Manifest::parse(&bytes, &Limits::default()) {
            proptest::prop_assert_eq!(manifest.canonical(), bytes);
        }
    }
}

#[test]
fn an_outline_says_what_the_whole_manifest_says() {
    let manifest = sample();
    let signed = SignedManifest::sign(&manifest, &TestSeal("ours")).unwrap();
    let expected = Outline {
        metadata: manifest.metadata.clone(),
        parts: manifest.parts.clone(),
        entries: manifest.entries.len(),
        frames: manifest.frames.len(),
        restore_bytes: manifest.restore_size(),
    };
    assert!(expected.entries > 3 && expected.restore_bytes > 0);
    assert_eq!(Outline::from(&manifest), expected);
    let skimmed = skim(&signed.to_bytes()[..]).unwrap();
    let outline = skimmed.outline.as_ref().unwrap();
    assert_eq!((outline.stored_bytes(), outline), (manifest.stored_size(), &expected));
    assert_eq!(skimmed.id, signed.id());
    skimmed.judge(&signed.id(), &TestSeal("ours")).unwrap();
    let other = SnapshotId::parse("ab").unwrap();
    assert!(matches!(skimmed.judge(&other, &TestSeal("ours")), Err(ManifestError::Id { .. })));
    let refused = skimmed.judge(&signed.id(), &TestSeal("theirs"));
    assert!(matches!(refused, Err(ManifestError::Signature { .. })));

    let mut newer: SignedManifest = signed.clone();
    newer.manifest = newer.manifest.replace("\"version\":1", "\"version\":2");
    let skimmed = skim(&newer.to_bytes()[..]).unwrap();
    assert!(matches!(skimmed.outline, Err(ManifestError::Version { found: 2, known: 1 })));
    assert_eq!(skimmed.id, newer.id(), "whatever it says");
    newer.manifest = "{}".to_owned();
    assert!(matches!(skim(&newer.to_bytes()[..]).unwrap().outline, Err(ManifestError::Unreadable { .. })));
}

#[test]
fn a_signed_manifest_that_is_cut_or_in_another_form_is_not_skimmed() {
    let bytes = SignedManifest::sign(&sample(), &TestSeal("ours")).unwrap().to_bytes();
    for length in 0..bytes.len() {
        let cut = skim(&bytes[..length]);
        assert!(matches!(cut, Err(ManifestError::Unreadable { .. })), "{length}");
    }
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("{\"certificate", "{ \"certificate"),
        ("\\\"entries", "\\u0022entries"),
        ("\"version\":1}", "\"version\":1}}"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        assert!(matches!(skim(other.as_bytes()), Err(ManifestError::Unreadable { .. })), "{from}");
    }
    let newer = text.replace("\"version\":1}", "\"version\":7}");
    assert!(matches!(skim(newer.as_bytes()), Err(ManifestError::Version { found: 7, known: 1 })), "{newer}");
    assert!(skim((text.clone() + " \n").as_bytes()).unwrap().outline.is_ok(), "white space is nothing");
    let long = text.replacen("ours", &"x".repeat(1 << 20), 1);
    assert!(matches!(skim(long.as_bytes()), Err(ManifestError::Unreadable { .. })));
}
