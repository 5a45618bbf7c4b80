//! Incremental manifests: their fixture, where everything lies, and the lies about what is borrowed.

use super::*;
use crate::snapshot::frame::seek_table_length;

fn borrowing(path: &str, size: u64, part: u32, offset: u64) -> Entry {
    let digest = Digest::of(path.as_bytes());
    entry(path.as_bytes(), Content::File { size, digest, sparse: false, at: Some(At(part, offset)) })
}

/// Two borrowed parts of two frames of 1000 bytes each, and one of its own.
fn incremental(entries: Vec<Entry>) -> Manifest {
    let own = crate::snapshot::layout::stream_length(&entries).unwrap() as u32;
    let (mut parts, mut frames) = (Vec::new(), Vec::new());
    for (part, lengths) in [vec![1000, 1000], vec![1000, 1000], vec![own]].into_iter().enumerate() {
        let size = 10 * lengths.len() as u64 + seek_table_length(lengths.len()) as u64;
        parts.push(Part { borrowed: part < 2, digest: Digest::of(&[part as u8]), size });
        for (index, uncompressed) in lengths.into_iter().enumerate() {
            let (offset, digest) = (10 * index as u64, Digest::of(&[part as u8, index as u8]));
            frames.push(Frame { compressed: 10, digest, offset, part: part as u32, uncompressed });
        }
    }
    Manifest { entries, frames, metadata: metadata(), parts, version: VERSION }
}

fn good() -> Manifest {
    incremental(vec![
        directory("d"),
        borrowing("d/a", 600, 1, 700),
        file("d/b"),
        borrowing("d/c", 100, 0, 512),
        hardlink("d/d", "d/a"),
    ])
}

fn refused(manifest: &Manifest) -> String {
    reparse(manifest).expect_err("it lies").to_string()
}

#[test]
fn the_incremental_fixture_of_version_1_stays_readable() {
    let fixture = include_str!("../../../../tests/fixtures/v1/snapshot/incremental.json");
    let signed = SignedManifest::from_bytes(fixture.as_bytes(), &Limits::default()).unwrap();
    let manifest = signed.verify(&signed.id(), &TestSeal("test certificate"), &Limits::default()).unwrap();
    assert_eq!(manifest, good());
    assert_eq!(signed, SignedManifest::sign(&good(), &TestSeal("test certificate")).unwrap());
    assert!(!manifest.is_full() && super::sample().is_full());
}

#[test]
fn an_incremental_manifest_is_canonical_too() {
    let canonical = good().canonical();
    let generic: serde_json::Value = serde_json::from_slice(&canonical).unwrap();
    assert_eq!(serde_json::to_vec(&generic).unwrap(), canonical, "a generic map sorts its keys");
    let text = String::from_utf8(canonical).unwrap();
    assert!(text.contains("{\"at\":[1,700],\"digest\"") && text.contains("{\"borrowed\":true,\"digest\""));
    let denied = text.replacen("{\"borrowed\":true,", "{\"borrowed\":false,", 1);
    let refused = Manifest::parse(denied.as_bytes(), &Limits::default());
    assert!(matches!(refused, Err(ManifestError::NotCanonical)), "{refused:?}");
}

#[test]
fn each_frame_and_each_entry_has_its_place() {
    let manifest = good();
    let spans = manifest.spans();
    assert_eq!((spans.part(0), spans.part(1)), (0..1000 * 2, 2000..4000));
    assert_eq!((spans.frame(3), spans.frames_of(1)), (3000..4000, 2..4));
    assert_eq!(spans.entry(1).range(), 2700..3300, "content alone");
    assert_eq!(spans.entry(3).content(), 512..612);
    let header = crate::snapshot::layout::header(&manifest.entries[0]).len() as u64;
    assert_eq!(spans.entry(0).range(), 4000..4000 + header);
    assert_eq!(spans.entry(2).range().start, 4000 + header);
    assert_eq!(spans.entry(2).content().end + spans.entry(2).padding, spans.entry(4).start);
    assert_eq!(spans.entry(2).range().end - spans.entry(2).content().start, 512);
    assert_eq!((spans.end() + 1024, spans.own().start), (spans.own().end, 4000));
    assert_eq!(spans.in_order(), [3, 1, 0, 2, 4]);
    assert_eq!(spans.entries_in(&(2000..3000)), [1]);
    assert_eq!(spans.entries_in(&(612..2700)), [] as [usize; 0]);
    assert_eq!(spans.entries_in(&(0..u64::MAX)), spans.in_order());
    assert_eq!((spans.frames_in(&(2700..3300)), spans.frames_in(&(999..1001))), (2..4, 0..2));
    assert_eq!((spans.frames_in(&(1000..2000)), spans.frames_in(&(5..5))), (1..2, 0..0));
    assert_eq!(spans.needed(), [0, 2, 3, 4], "nothing lies in frame 1");
}

#[test]
fn every_position_of_a_full_snapshot_belongs_to_one_entry_or_the_end() {
    let manifest = super::sample();
    let spans = manifest.spans();
    let mut position = 0;
    for index in spans.in_order() {
        assert_eq!(spans.entry(*index).start, position);
        position = spans.entry(*index).range().end;
    }
    assert_eq!((spans.end(), spans.own()), (position, 0..position + 1024));
}

#[test]
fn lies_about_what_is_borrowed_are_refused() {
    let beyond = "its content is borrowed from beyond the end of a part";
    for (size, offset) in [(2001, 0), (1, 2000), (2, u64::MAX), (0, 5)] {
        let text = refused(&incremental(vec![borrowing("a", size, 0, offset), borrowing("b", 9, 1, 0)]));
        assert!(text.ends_with(beyond), "{size}+{offset}: {text}");
    }
    for part in [2, 3, u32::MAX] {
        let text = refused(&incremental(vec![borrowing("a", 5, part, 0)]));
        assert!(text.ends_with("its content is borrowed from a part that is not borrowed"), "{text}");
    }
    for (offset, size) in [(100, 50), (149, 1), (90, 11), (0, 2000)] {
        let text = refused(&incremental(vec![
            borrowing("a", 50, 0, 100),
            borrowing("b", size, 0, offset),
            borrowing("c", 5, 1, 0),
        ]));
        assert!(text.ends_with("its content is borrowed by another entry too"), "{text}");
    }
    let idle = refused(&incremental(vec![borrowing("a", 5, 0, 0)]));
    assert!(
        idle.ends_with(
            "part 1 of the snapshot manifest is refused: it is borrowed and nothing in it is used"
        )
    );
}

#[test]
fn borrowed_parts_come_first_and_the_own_stream_is_always_there() {
    let mut mixed = good();
    mixed.parts[0].borrowed = false;
    assert!(refused(&mixed).contains("it is borrowed and comes after one that is not"));
    let mut short = good();
    short.frames[4].uncompressed -= 512;
    assert!(matches!(reparse(&short), Err(ManifestError::Length { .. })));
    let mut without = good();
    without.parts.pop();
    without.frames.pop();
    assert!(matches!(reparse(&without), Err(ManifestError::Length { framed: 0, .. })));
    let mut link = good();
    link.entries[4].content = Content::Directory;
    let text = String::from_utf8(link.canonical()).unwrap();
    let with_place = text.replacen("{\"gid\"", "{\"at\":[0,0],\"gid\"", 1);
    let refused = Manifest::parse(with_place.as_bytes(), &Limits::default());
    assert!(matches!(refused, Err(ManifestError::Unreadable { .. })), "only files have a place: {refused:?}");
}
