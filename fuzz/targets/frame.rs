//! Frames and parts from anywhere: never more room than stated, and exactly what the manifest says or nothing.
//!
//! The first byte of an input says what the rest is: a length and a frame (`L`), the bytes of a part (`P`),
//! or the lengths of two frames and the tar stream that they hold (`T`).
#![no_main]

use eos::host::directory::{Directory, DirectoryError};
use eos::model::digest::Digest;
use eos::model::progress::Silent;
use eos::snapshot::manifest::{FRAME_LIMIT, Frame, Limits, Manifest, Part, SignedManifest};
use eos::snapshot::store::Parts;
use eos::snapshot::unpack::{Policy, unpack};
use eos::snapshot::{frame, layout};
use eos_fuzz::Arena;
use libfuzzer_sys::fuzz_target;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::LazyLock;
use zstd::bulk::{Decompressor, compress};

const STAGING: &str = "staging";
const WHOLE: &[u8] = include_bytes!("../../tests/fixtures/v1/snapshot/small.tar.zst");
const SIGNED: &[u8] = include_bytes!("../../tests/fixtures/v1/snapshot/small.json");

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let limits = Limits::default();
    SignedManifest::from_bytes(SIGNED, &limits).and_then(|signed| signed.read(&limits)).expect("the fixture")
});
static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| zstd::stream::decode_all(WHOLE).expect("the fixture"));
static ARENA: LazyLock<Arena> = LazyLock::new(Arena::new);

fuzz_target!(|bytes: &[u8]| {
    match bytes {
        [b'L', a, b, c, frame @ ..] => {
            one_frame(frame, u32::from_le_bytes([*a, *b, *c, 0]) % (FRAME_LIMIT + 1));
        }
        [b'P', part @ ..] => {
            part_as_stated(part);
            part_as_found(part);
        }
        [b'T', a, b, stream @ ..] => tar_stream(stream, usize::from(u16::from_le_bytes([*a, *b]))),
        _ => {}
    }
});

fn one_frame(bytes: &[u8], stated: u32) {
    let mut into = vec![0; stated as usize];
    if frame::decompress(&mut Decompressor::default(), bytes, &mut into).is_err() {
        return;
    }
    let streamed = zstd::stream::decode_all(bytes).expect("it is one frame");
    assert!(streamed == into, "two readers agree");
    let again = compress(&into, 1).expect("compressed");
    let mut back = vec![0; stated as usize];
    frame::decompress(&mut Decompressor::default(), &again, &mut back).expect("its own frame");
    assert!(back == into);
}

/// A part that a source sent for the one that the manifest names.
fn part_as_stated(bytes: &[u8]) {
    let taken = unpacked(&MANIFEST, bytes);
    let framed = &WHOLE[..MANIFEST.frames.iter().map(|frame| frame.compressed as usize).sum()];
    assert_eq!(taken, bytes.starts_with(framed), "the frames and no others are taken");
}

/// A part whose digest a liar signed: what it holds still has to be what is listed.
fn part_as_found(bytes: &[u8]) {
    let (mut frames, mut at) = (Vec::new(), 0);
    for frame in &MANIFEST.frames {
        let rest = &bytes[at..];
        let length = zstd::zstd_safe::find_frame_compressed_size(rest).unwrap_or(rest.len()).min(rest.len());
        frames.push((&rest[..length], frame.uncompressed));
        at += length;
    }
    if frames.iter().all(|(bytes, _)| !bytes.is_empty()) {
        forged(&frames);
    }
}

/// A tar stream, in frames that end after `first` bytes and at the end.
fn tar_stream(bytes: &[u8], first: usize) {
    let (one, two) = bytes.split_at(first.min(bytes.len()));
    let pieces: Vec<(Vec<u8>, u32)> = [one, two]
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| (compress(piece, 1).expect("compressed"), piece.len() as u32))
        .collect();
    let pieces: Vec<(&[u8], u32)> = pieces.iter().map(|(bytes, length)| (&bytes[..], *length)).collect();
    assert_eq!(forged(&pieces), bytes == &STREAM[..], "what is listed and nothing else is taken");
}

/// Whether a part of these frames is unpacked, when the manifest has their digests.
fn forged(pieces: &[(&[u8], u32)]) -> bool {
    let (mut frames, mut part) = (Vec::new(), Vec::new());
    for (bytes, uncompressed) in pieces {
        let (compressed, offset) = (bytes.len() as u32, part.len() as u64);
        let digest = Digest::of(bytes);
        frames.push(Frame { compressed, digest, offset, part: 0, uncompressed: *uncompressed });
        part.extend_from_slice(bytes);
    }
    part.extend(frame::seek_table(frames.iter().map(|frame| (frame.compressed, frame.uncompressed))));
    let parts = vec![Part { borrowed: false, digest: Digest::of(&part), size: part.len() as u64 }];
    unpacked(&Manifest { frames, parts, ..MANIFEST.clone() }, &part)
}

/// One part, in memory.
struct OnePart<'a>(&'a [u8]);

impl Parts for OnePart<'_> {
    fn open(&self, _: &Part) -> Result<File, DirectoryError> {
        let fd = rustix::fs::memfd_create("part", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
        let mut file = File::from(fd);
        file.write_all(self.0).expect("memory");
        Ok(file)
    }
}

/// Whether it is unpacked: then as listed, else nothing is left.
fn unpacked(manifest: &Manifest, part: &[u8]) -> bool {
    let arena = &*ARENA;
    let policy = Policy { owners: false, ..Policy::default() };
    let result = unpack(manifest, &OnePart(part), arena.inside(), OsStr::new(STAGING), &policy, &Silent);
    let Ok(staging) = result else {
        arena.assert_holds(&[]);
        return false;
    };
    arena.assert_holds(&[STAGING]);
    assert_as_listed(&staging);
    arena.inside().remove_tree(OsStr::new(STAGING)).expect("removed");
    true
}

fn assert_as_listed(staging: &Directory) {
    let mut content = Vec::new();
    let mut file = staging.open_file(Path::new("data/file")).expect("it is listed");
    file.read_to_end(&mut content).expect("readable");
    let entry = &MANIFEST.entries[1];
    let at = layout::header(&MANIFEST.entries[0]).len() + layout::header(entry).len();
    assert_eq!(content, STREAM[at..at + entry.size() as usize]);
}
