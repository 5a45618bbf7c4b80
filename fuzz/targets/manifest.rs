//! Manifests from anywhere: what is accepted is canonical, keeps the rules, and is written back byte for byte.
#![no_main]

use eos::model::digest::Digest;
use eos::snapshot::manifest::{
    Content, Entry, FRAME_LIMIT, Frame, Limits, Manifest, Part, SealError, SignedManifest, Verifier,
};
use eos::snapshot::{frame, layout};
use libfuzzer_sys::fuzz_target;
use std::path::{Component, Path};

const LIMITS: Limits = Limits { manifest_bytes: 64 << 10, entries: 20, path_bytes: 300, depth: 8 };

fuzz_target!(|bytes: &[u8]| {
    accepted(bytes);
    if let Ok(signed) = SignedManifest::from_bytes(bytes, &LIMITS) {
        let again = SignedManifest::from_bytes(&signed.to_bytes(), &LIMITS).expect("what eos wrote");
        assert_eq!(again, signed);
        if let Ok(manifest) = signed.read(&LIMITS) {
            assert_eq!(manifest.id(), signed.id());
            if let Ok(verified) = signed.verify(&signed.id(), &Anybody, &LIMITS) {
                assert_eq!(verified, manifest);
            }
            fitted(manifest);
        }
    }
    if let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) {
        let canonical = manifest.canonical();
        assert_eq!(serde_json::from_slice::<Manifest>(&canonical).expect("what eos wrote"), manifest);
        accepted(&canonical);
        fitted(manifest);
    }
});

/// Believes every signature, so that what follows it is reached.
struct Anybody;

impl Verifier for Anybody {
    fn verify(&self, _: &[u8], _: &[u8], _: &str) -> Result<(), SealError> {
        Ok(())
    }
}

/// Gives a manifest the frames that its entries need: mutation alone never gets the sums right.
fn fitted(mut manifest: Manifest) {
    let Some(mut rest) = layout::stream_length(&manifest.entries).filter(|length| *length < 1 << 30) else {
        return accepted(&manifest.canonical());
    };
    let mut offset = 0;
    manifest.frames.clear();
    while rest > 0 {
        let uncompressed = rest.min(FRAME_LIMIT.into()) as u32;
        let digest = Digest::of(&rest.to_le_bytes());
        manifest.frames.push(Frame { compressed: 20, digest, offset, part: 0, uncompressed });
        (offset, rest) = (offset + 20, rest - u64::from(uncompressed));
    }
    let size = offset + frame::seek_table_length(manifest.frames.len()) as u64;
    manifest.parts = vec![Part { borrowed: false, digest: Digest::of(b"part"), size }];
    accepted(&manifest.canonical());
}

/// If these bytes are accepted as a manifest, everything that it promises holds.
fn accepted(bytes: &[u8]) {
    let Ok(manifest) = Manifest::parse(bytes, &LIMITS) else { return };
    assert_eq!(manifest.canonical(), bytes, "one manifest has one form");
    let generic: serde_json::Value = serde_json::from_slice(bytes).expect("it is JSON");
    assert_eq!(serde_json::to_vec(&generic).expect("it was JSON"), bytes, "its keys are sorted");
    let wide = Limits::default();
    assert_eq!(Manifest::parse(bytes, &wide).expect("less strict"), manifest);
    let Manifest { metadata, entries, parts, frames, .. } = manifest.clone();
    assert_eq!(Manifest::new(metadata, entries, parts, frames).expect("its own rules"), manifest);

    assert!(bytes.len() <= LIMITS.manifest_bytes && manifest.entries.len() <= LIMITS.entries);
    assert!(manifest.entries.is_sorted_by(|one, next| one.path < next.path), "in order, and none twice");
    manifest.entries.iter().for_each(|entry| plain(entry, &manifest));
    let framed: usize = (0..manifest.parts.len()).map(|part| manifest.frames_of(part).count()).sum();
    assert_eq!(framed, manifest.frames.len(), "every frame belongs to a part");
    assert!(manifest.frames.iter().all(|frame| frame.uncompressed <= FRAME_LIMIT));
    let spans = manifest.spans();
    let ranges: Vec<_> = spans.in_order().iter().map(|index| spans.entry(*index).range()).collect();
    assert!(ranges.is_sorted_by(|one, next| one.end <= next.start), "no two entries share a position");
    assert_eq!(spans.end() + layout::END.len() as u64, spans.own().end);
    let stored: u64 = manifest.parts.iter().map(|part| part.size).sum();
    assert_eq!(stored, manifest.stored_size());
}

/// Judged by other means than the reader's own.
fn plain(entry: &Entry, manifest: &Manifest) {
    let path = entry.path.as_path();
    assert!(path.components().all(|one| matches!(one, Component::Normal(_))), "{path:?}");
    assert_eq!(path.components().as_path().as_os_str(), path.as_os_str(), "it has no second spelling");
    assert!(entry.path.as_bytes().len() <= LIMITS.path_bytes && path.components().count() <= LIMITS.depth);
    assert!(entry.mode <= 0o7777 && entry.modified.1 < 1_000_000_000);
    let listed = |wanted: &Path| manifest.entries.iter().find(|one| one.path.as_path() == wanted);
    let parent = path.parent().expect("it is not empty");
    if parent != Path::new("") {
        assert_eq!(listed(parent).expect("it is listed").content, Content::Directory);
    }
    match &entry.content {
        Content::Hardlink { target } => {
            let file = listed(target.as_path()).expect("it is listed");
            assert!(matches!(file.content, Content::File { .. }) && file.path < entry.path);
        }
        Content::Symlink { target } => {
            assert!(!target.as_bytes().is_empty() && !target.as_bytes().contains(&0));
        }
        Content::File { .. } | Content::Directory => {}
    }
    assert!(layout::header(entry).len().is_multiple_of(512));
}
