//! Hostile archives and damaged parts: each refused with its reason, nothing left, nothing outside touched.

use super::*;
use crate::model::digest::Digest;
use crate::model::explain::tells;
use crate::model::progress::Silent;
use crate::snapshot::assemble::{Order, WorkArea, assemble};
use crate::snapshot::capture::tests::{captured, rich_tree};
use crate::snapshot::fetch::{Patience, Terms};
use crate::snapshot::manifest::tests::metadata;
use crate::snapshot::manifest::{At, FRAME_LIMIT, Frame, Part, Time, VERSION};
use crate::snapshot::{frame, layout};
use std::fs;
use std::os::unix::fs::FileExt;

fn entry(path: &str, content: Content) -> Entry {
    Entry {
        path: Name::new(path),
        mode: 0o755,
        uid: 0,
        gid: 0,
        modified: Time(1_700_000_000, 0),
        extended: Default::default(),
        content,
    }
}

fn file(path: &str, content: &[u8]) -> Entry {
    entry(
        path,
        Content::File { size: content.len() as u64, digest: Digest::of(content), sparse: false, at: None },
    )
}

fn symlink(path: &str, target: &str) -> Entry {
    entry(path, Content::Symlink { target: Name::new(target) })
}

fn hardlink(path: &str, target: &str) -> Entry {
    entry(path, Content::Hardlink { target: Name::new(target) })
}

fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len() + layout::padding(content.len() as u64), 0);
    bytes
}

/// A temporary place with a witness beside the staging directory.
struct Arena(tempfile::TempDir);

impl Arena {
    fn new() -> Self {
        let arena = Self(tempfile::tempdir().unwrap());
        fs::create_dir(arena.0.path().join("parts")).unwrap();
        fs::create_dir(arena.0.path().join("here")).unwrap();
        fs::write(arena.0.path().join("witness"), "untouched").unwrap();
        fs::write(arena.0.path().join("here/witness"), "untouched").unwrap();
        arena
    }

    /// A manifest of these entries over frames of this stream, whatever both say.
    fn forge(&self, entries: Vec<Entry>, stream: &[u8]) -> Manifest {
        let mut compressor = frame::compressor(3).unwrap();
        let compressed: Vec<(Vec<u8>, usize)> = stream
            .chunks(FRAME_LIMIT as usize)
            .map(|chunk| (compressor.compress(chunk).unwrap(), chunk.len()))
            .collect();
        self.of_frames(entries, compressed)
    }

    fn of_frames(&self, entries: Vec<Entry>, compressed: Vec<(Vec<u8>, usize)>) -> Manifest {
        let (mut bytes, mut frames) = (Vec::new(), Vec::new());
        for (one, uncompressed) in &compressed {
            frames.push(Frame {
                compressed: one.len() as u32,
                digest: Digest::of(one),
                offset: bytes.len() as u64,
                part: 0,
                uncompressed: *uncompressed as u32,
            });
            bytes.extend_from_slice(one);
        }
        bytes.extend(frame::seek_table(frames.iter().map(|frame| (frame.compressed, frame.uncompressed))));
        let part = Part { borrowed: false, digest: Digest::of(&bytes), size: bytes.len() as u64 };
        fs::write(self.0.path().join("parts").join(part.file_name()), bytes).unwrap();
        Manifest { entries, frames, metadata: metadata(), parts: vec![part], version: VERSION }
    }

    fn unpack(&self, manifest: &Manifest, policy: &Policy) -> Result<Directory, UnpackError> {
        let parts = Directory::open(&self.0.path().join("parts")).unwrap();
        let here = Directory::open(&self.0.path().join("here")).unwrap();
        unpack(manifest, &parts, &here, OsStr::new("staging"), policy, &Silent)
    }

    fn refused(&self, manifest: &Manifest) -> UnpackError {
        let error = self.unpack(manifest, &Policy::default()).unwrap_err();
        assert_eq!(fs::read_to_string(self.0.path().join("witness")).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(self.0.path().join("here/witness")).unwrap(), "untouched");
        assert_eq!(fs::read_dir(self.0.path().join("here")).unwrap().count(), 1, "staging is removed");
        if !matches!(error, UnpackError::Disk { .. } | UnpackError::Space { .. }) {
            assert_eq!(self.assembled(manifest), Err(error.to_string()));
            assert_eq!(fs::read_dir(self.0.path().join("area")).unwrap().count(), 0, "nothing is left");
        }
        error
    }

    /// The same by way of a work area, as a restore has it.
    fn assembled(&self, manifest: &Manifest) -> Result<(), String> {
        let policy = Policy::default();
        let parts = Directory::open(&self.0.path().join("parts")).unwrap();
        fs::create_dir_all(self.0.path().join("area")).unwrap();
        let area = Directory::open(&self.0.path().join("area")).unwrap();
        let patience = Patience::default();
        let terms = Terms { sources: &[], connections: 1, patience, limiter: None };
        let (id, local) = (manifest.id(), Some(&parts as &dyn Parts));
        let order = Order { id: &id, manifest, terms, held: None, local, seeds: &[], policy: &policy };
        let assembled = assemble(&order, &WorkArea(&area), &|| false, &Silent);
        assembled.map(drop).map_err(|error| error.to_string())
    }
}

/// What is said when the archive has `hostile` where the manifest lists `a`.
fn instead_of_a(hostile: &[u8]) -> String {
    let arena = Arena::new();
    let stream = [hostile, &layout::END, &layout::END].concat();
    let error = arena.refused(&arena.forge(vec![file("a", b"")], &stream));
    assert!(matches!(error, UnpackError::Header { .. } | UnpackError::Short), "{error:?}");
    error.to_string()
}

#[test]
fn an_archive_that_names_a_path_outside_is_refused() {
    for path in ["../x", "a/../../x", "/abs", "//abs", "a/./../..", ".", "..", "/"] {
        let text = instead_of_a(&layout::header(&file(path, b"")));
        assert_eq!(
            text,
            format!(
                "the archive has \"{path}\" of type Regular with mode 755 and 0 bytes where the manifest lists \"a\""
            )
        );
    }
}

#[test]
fn an_archive_with_a_link_where_a_file_is_listed_is_refused() {
    for target in ["/etc/passwd", "../witness", "a", ""] {
        assert!(instead_of_a(&layout::header(&symlink("a", target))).contains("of type Symlink"));
        assert!(instead_of_a(&layout::header(&hardlink("a", target))).contains("of type Link"));
    }
}

#[test]
fn an_archive_with_a_device_a_pipe_or_an_unknown_type_is_refused() {
    for kind in [b'3', b'4', b'6', b'7', b'g', b'x', b'L', b'S', b'Z'] {
        let mut header = tar::Header::from_byte_slice(&layout::header(&file("a", b""))).clone();
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_cksum();
        assert!(
            instead_of_a(header.as_bytes()).contains("where the manifest lists \"a\""),
            "{}",
            kind as char
        );
    }
}

#[test]
fn an_archive_that_lies_about_a_size_or_a_mode_is_refused() {
    assert!(instead_of_a(&layout::header(&file("a", b"xyz"))).contains("and 3 bytes"));
    let mut setuid = file("a", b"");
    setuid.mode = 0o4755;
    assert!(instead_of_a(&layout::header(&setuid)).contains("with mode 4755"));
    let mut garbled = layout::header(&file("a", b""));
    garbled[150] ^= 1;
    assert!(instead_of_a(&garbled).contains("no tar header"));
}

#[test]
fn a_pax_header_that_overrides_a_benign_name_or_size_is_refused() {
    for record in
        ["14 path=../x\n", "12 size=999\n", "99999 path=x\n", "9 path=x", "22 linkpath=../../x\n\n\n"]
    {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::XHeader);
        header.set_size(record.len() as u64);
        header.set_cksum();
        let hostile =
            [header.as_bytes(), &padded(record.as_bytes())[..], &layout::header(&file("a", b""))].concat();
        assert!(instead_of_a(&hostile).contains("where the manifest lists \"a\""));
    }
}

#[test]
fn an_entry_more_than_listed_is_refused() {
    let a = layout::header(&file("a", b""));
    let extra = layout::header(&file("b", b""));
    let arena = Arena::new();
    let instead_of_end = [&a[..], &extra, &layout::END].concat();
    let text = arena.refused(&arena.forge(vec![file("a", b"")], &instead_of_end)).to_string();
    assert!(text.starts_with("the archive goes on after the last entry of the manifest"), "{text}");
    let after_end = [&a[..], &layout::END, &extra, &layout::END].concat();
    let error = arena.refused(&arena.forge(vec![file("a", b"")], &after_end));
    assert!(matches!(error, UnpackError::Extra { .. }), "a second archive: {error:?}");
    let twice = [&a[..], &a, &layout::END].concat();
    let error = arena.refused(&arena.forge(vec![file("a", b"")], &twice));
    assert!(matches!(error, UnpackError::Extra { .. }), "a duplicate: {error:?}");
}

#[test]
fn an_entry_fewer_than_listed_is_refused() {
    let arena = Arena::new();
    let stream = [&layout::header(&file("a", b""))[..], &layout::END].concat();
    let error = arena.refused(&arena.forge(vec![file("a", b""), file("b", b"")], &stream));
    assert!(matches!(error, UnpackError::Header { .. }), "{error:?}");
    let cut = layout::header(&file("a", b""));
    let error = arena.refused(&arena.forge(vec![file("a", b"")], &cut));
    assert!(matches!(error, UnpackError::Short), "{error:?}");
}

#[test]
fn content_that_is_not_the_listed_one_is_refused() {
    let arena = Arena::new();
    let stream = [&layout::header(&file("a", b"good"))[..], &padded(b"evil"), &layout::END].concat();
    let error = arena.refused(&arena.forge(vec![file("a", b"good")], &stream));
    tells(&error, "EOS-T071", "the content of \"a\" has another digest than the manifest says");
    let mut hidden = [&layout::header(&file("a", b"good"))[..], &padded(b"good"), &layout::END].concat();
    hidden[600] = 1;
    let error = arena.refused(&arena.forge(vec![file("a", b"good")], &hidden));
    tells(&error, "EOS-T070", "the archive hides bytes after the content of \"a\"");
}

#[test]
fn a_bomb_gets_no_more_than_its_frame_states() {
    let arena = Arena::new();
    let bomb = zstd::stream::encode_all(std::io::Read::take(std::io::repeat(0), 256 << 20), 3).unwrap();
    let error = arena.refused(&arena.of_frames(vec![file("a", b"")], vec![(bomb, 1536)]));
    assert!(error.to_string().ends_with("it does not decompress to its stated length"), "{error}");
}

#[test]
fn links_that_lead_out_and_setuid_need_the_policy() {
    let accept = |entries: Vec<Entry>, policy: Policy| {
        let arena = Arena::new();
        let mut stream: Vec<u8> = entries.iter().flat_map(layout::header).collect();
        stream.extend(layout::END);
        let manifest = arena.forge(entries, &stream);
        arena.unpack(&manifest, &policy).map(drop).map_err(|error| error.to_string())
    };
    let directory = || entry("d", Content::Directory);
    for target in ["/etc", "../../x", "sub/../../..", "x/../y", "../d/.."] {
        let said = accept(vec![directory(), symlink("d/l", target)], Policy::default()).unwrap_err();
        assert_eq!(said, "the snapshot's entry \"d/l\" is refused: it links out of the snapshot", "{target}");
        let allowed = Policy { outside_links: true, ..Policy::default() };
        assert_eq!(accept(vec![directory(), symlink("d/l", target)], allowed), Ok(()), "{target}");
    }
    assert_eq!(accept(vec![directory(), symlink("d/l", "../d/./x")], Policy::default()), Ok(()));
    let trees = Policy { trees: vec![Name::new("d")], ..Policy::default() };
    let said = accept(vec![directory(), symlink("d/l", "../other")], trees.clone()).unwrap_err();
    assert_eq!(said, "the snapshot's entry \"d/l\" is refused: it links out of the snapshot");
    assert_eq!(accept(vec![directory(), symlink("d/l", "x")], trees), Ok(()));
    let mut setuid = file("s", b"");
    setuid.mode = 0o4755;
    let said = accept(vec![setuid.clone()], Policy::default()).unwrap_err();
    assert_eq!(said, "the snapshot's entry \"s\" is refused: it is setuid or setgid");
    assert_eq!(accept(vec![setuid], Policy { setuid: true, ..Policy::default() }), Ok(()));
    let few = Policy { max_entries: 0, ..Policy::default() };
    assert!(accept(vec![directory()], few).unwrap_err().contains("and at most"));
}

#[test]
fn an_existing_staging_directory_is_neither_used_nor_removed() {
    let arena = Arena::new();
    let manifest = arena.forge(vec![], &layout::END);
    std::os::unix::fs::symlink("..", arena.0.path().join("here/staging")).unwrap();
    let error = arena.unpack(&manifest, &Policy::default()).unwrap_err();
    assert!(matches!(error, UnpackError::Present { .. }));
    assert!(arena.0.path().join("here/staging").is_symlink());
}

#[test]
fn a_flipped_byte_in_any_frame_is_found_before_it_is_decompressed() {
    let arena = Arena::new();
    let tree = arena.0.path().join("tree");
    rich_tree(&tree);
    let (manifest, _) = captured(&tree, &arena.0.path().join("parts"));
    for (index, one) in manifest.frames.iter().enumerate() {
        let part = manifest.parts[one.part as usize];
        let path = arena.0.path().join("parts").join(part.file_name());
        let bytes = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        let at = one.offset + u64::from(one.compressed) / 2;
        bytes.read_exact_at(&mut byte, at).unwrap();
        bytes.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
        let error = arena.refused_silently(&manifest);
        assert!(matches!(error, UnpackError::Frame { frame, .. } if frame == index), "{index}: {error:?}");
        bytes.write_all_at(&byte, at).unwrap();
    }
    arena.unpack(&manifest, &Policy { outside_links: true, ..Policy::default() }).unwrap();
}

impl Arena {
    /// As `refused`, where the tree's own links are allowed.
    fn refused_silently(&self, manifest: &Manifest) -> UnpackError {
        let error = self.unpack(manifest, &Policy { outside_links: true, ..Policy::default() }).unwrap_err();
        assert!(!self.0.path().join("here/staging").exists());
        error
    }
}

#[test]
fn the_snapshot_of_version_1_stays_restorable() {
    let signed = include_bytes!("../../../tests/fixtures/v1/snapshot/small.json");
    let part = include_bytes!("../../../tests/fixtures/v1/snapshot/small.tar.zst");
    let limits = crate::snapshot::manifest::Limits::default();
    let signed = crate::snapshot::manifest::SignedManifest::from_bytes(signed, &limits).unwrap();
    let seal = crate::snapshot::manifest::tests::TestSeal("test certificate");
    let manifest = signed.verify(&signed.id(), &seal, &limits).unwrap();
    let arena = Arena::new();
    fs::write(arena.0.path().join("parts").join(manifest.parts[0].file_name()), part).unwrap();
    arena.unpack(&manifest, &Policy::default()).unwrap();
    let out = arena.0.path().join("here/staging");
    assert_eq!(fs::read_to_string(out.join("data/file")).unwrap(), "content");
    assert_eq!(fs::read_link(out.join("data/link")).unwrap(), Path::new("file"));
    assert_eq!(fs::read_dir(out.join("data")).unwrap().count(), 4, "a directory, a file and two links");
}

#[test]
fn parts_that_are_not_there_and_a_policy_that_is_broken_are_told() {
    let arena = Arena::new();
    let manifest = arena.forge(vec![file("a", b"")], &layout::END);
    fs::remove_file(arena.0.path().join("parts").join(manifest.parts[0].file_name())).unwrap();
    tells(&arena.refused(&manifest), "EOS-T060", "the snapshot cannot be unpacked");

    let few = Policy { max_entries: 0, max_bytes: 7, ..Policy::default() };
    let text = "the snapshot has 0 bytes in 1 entries, and at most 7 in 0 are allowed";
    tells(&arena.unpack(&manifest, &few).unwrap_err(), "EOS-T062", text);
    let mut setuid = file("s", b"");
    setuid.mode = 0o4755;
    let text = "the snapshot's entry \"s\" is refused: it is setuid or setgid";
    tells(&arena.refused(&arena.forge(vec![setuid], &layout::END)), "EOS-T065", text);
}

#[test]
fn a_snapshot_that_is_larger_than_the_disk_is_refused_before_anything_is_made() {
    let arena = Arena::new();
    let size = 1 << 60;
    let huge = entry("a", Content::File { size, digest: Digest::of(b""), sparse: false, at: None });
    let error = arena.refused(&arena.forge(vec![huge], &layout::END));
    let UnpackError::Space { free, .. } = error else { panic!("{error:?}") };
    let here = arena.0.path().join("here");
    let text = format!("{} has {free} bytes free, and the snapshot needs {size}", here.display());
    tells(&error, "EOS-T063", &text);
}

#[test]
fn one_sparse_file_does_not_let_the_others_pass_that_have_no_room() {
    let arena = Arena::new();
    let of = |path: &str, size, sparse| {
        entry(path, Content::File { size, digest: Digest::of(b""), sparse, at: None })
    };
    let entries = vec![of("a", 1 << 59, false), of("b", 1 << 60, true)];
    let error = arena.refused(&arena.forge(entries, &layout::END));
    assert!(matches!(error, UnpackError::Space { needed, .. } if needed == 1 << 59), "{error:?}");
}

/// Parts whose disk goes away while something is mounted below the staging directory.
struct Vanishing(std::path::PathBuf);

impl Parts for Vanishing {
    fn open(&self, part: &Part) -> Result<fs::File, crate::host::directory::DirectoryError> {
        rustix::mount::mount("tmpfs", &self.0, "tmpfs", rustix::mount::MountFlags::empty(), None).unwrap();
        let path = part.file_name().into();
        let source = std::io::ErrorKind::NotFound.into();
        Err(crate::host::directory::DirectoryError::Io { action: "open", path, source })
    }
}

#[test]
fn what_cannot_be_removed_after_a_failure_is_named_with_the_failure() {
    let arena = Arena::new();
    let manifest = arena.forge(vec![file("a", b"")], &layout::END);
    let here = arena.0.path().join("here");
    let staging = here.join("staging");
    let parent = Directory::open(&here).unwrap();
    let parts = Vanishing(staging.clone());
    let name = OsStr::new("staging");
    let error = unpack(&manifest, &parts, &parent, name, &Policy::default(), &Silent).unwrap_err();
    rustix::mount::unmount(&staging, rustix::mount::UnmountFlags::DETACH).unwrap();
    let text = format!(
        "{} could not be removed after the snapshot failed to unpack (the snapshot cannot be unpacked)",
        staging.display()
    );
    tells(&error, "EOS-T072", &text);
}

/// Zeros around a content that is borrowed twice from two frames, and a stream that has the rest.
#[test]
fn what_is_borrowed_is_found_in_its_part_and_its_digest_is_always_checked() {
    let arena = Arena::new();
    let mut compressor = frame::compressor(3).unwrap();
    let old: Vec<u8> = (0..3000u32).map(|byte| byte as u8).collect();
    let borrowed = |path: &str, range: std::ops::Range<usize>| {
        let (size, digest) = (range.len() as u64, Digest::of(&old[range.clone()]));
        let at = Some(At(0, range.start as u64));
        entry(path, Content::File { size, digest, sparse: false, at })
    };
    let entries = vec![
        borrowed("a", 2900..3000),
        file("b", b"own content"),
        borrowed("c", 900..1500),
        hardlink("d", "a"),
    ];
    let mut old_frames: Vec<(Vec<u8>, usize)> = Vec::new();
    for chunk in old.chunks(1000) {
        old_frames.push((compressor.compress(chunk).unwrap(), chunk.len()));
    }
    let before = arena.of_frames(vec![], old_frames);
    let own = [
        &layout::header(&entries[1])[..],
        &padded(b"own content"),
        &layout::header(&entries[3]),
        &layout::END,
    ]
    .concat();
    let after = arena.forge(vec![], &own);
    let parts = vec![Part { borrowed: true, ..before.parts[0] }, after.parts[0]];
    let own_frames = after.frames.iter().map(|frame| Frame { part: 1, ..*frame });
    let frames = before.frames.iter().copied().chain(own_frames).collect();
    let mut manifest = Manifest::new(metadata(), entries, parts, frames).unwrap();
    arena.unpack(&manifest, &Policy::default()).unwrap();
    let out = arena.0.path().join("here/staging");
    assert_eq!(fs::read(out.join("a")).unwrap(), &old[2900..]);
    assert_eq!(fs::read(out.join("d")).unwrap(), &old[2900..]);
    assert_eq!(fs::read(out.join("c")).unwrap(), &old[900..1500]);
    assert_eq!(fs::read_to_string(out.join("b")).unwrap(), "own content");
    fs::remove_dir_all(out).unwrap();
    if let Content::File { at, .. } = &mut manifest.entries[2].content {
        *at = Some(At(0, 901));
    }
    let text = "the content of \"c\" has another digest than the manifest says";
    tells(&arena.refused(&manifest), "EOS-T071", text);
}
