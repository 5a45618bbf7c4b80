//! Archives that are cut off, go on after their end, are too large, or are not what they claim to be.

use super::hostile::{archive, extension, file, header, record};
use super::*;
use crate::model::explain::{Explain, tells};

#[track_caller]
fn refused(bytes: &[u8], words: &str, allowed: &Allowed) {
    let place = Place::new();
    let error = place.unpack(bytes, allowed).expect_err(words);
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(one) = cause {
        text.push_str(&format!(": {one}"));
        cause = one.source();
    }
    assert!(text.contains(words), "{text:?} does not say {words:?}");
    assert_eq!(place.names(), [""; 0], "{words}");
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).expect("compressed")
}

#[test]
fn an_archive_that_is_cut_off_anywhere_is_refused() {
    let whole = archive(&[file("a", &[1; 700]), file("b", b"two")]);
    for length in (512..whole.len()).step_by(97) {
        refused(&whole[..length], "the archive is cut off after byte", &Allowed::default());
    }
    refused(&whole[..whole.len() - 512], "is cut off", &Allowed::default());
    refused(&whole[..whole.len() - 1024], "is cut off", &Allowed::default());
    let packed = compressed(&whole);
    for length in (6..packed.len()).step_by(7) {
        refused(&packed[..length], "", &Allowed::default());
    }
}

#[test]
fn nothing_but_filling_follows_the_end() {
    let whole = archive(&[file("a", b"x")]);
    let words = "the archive goes on after its end";
    refused(&[&whole[..], &whole[..]].concat(), words, &Allowed::default());
    refused(&[&whole[..], b"garbage"].concat(), words, &Allowed::default());
    refused(&[&whole[..], &vec![0; 2 << 20]].concat(), words, &Allowed::default());
    let between = [file("a", b"x"), vec![0; 512], file("b", b"y")].concat();
    refused(&archive(&[between]), "an empty block stands between its entries", &Allowed::default());
    let place = Place::new();
    place.unpack(&[&whole[..], &[0; 9 * 512]].concat(), &Allowed::default()).expect("a filled record");
    let two = [compressed(&whole), compressed(&whole)].concat();
    refused(&two, words, &Allowed::default());
}

#[test]
fn a_damaged_header_is_refused() {
    let mut wrong = archive(&[file("a", b"x")]);
    wrong[0] = b'b';
    refused(&wrong, "neither a tar archive", &Allowed::default());
    let mut later = archive(&[file("a", b"x"), file("b", b"y")]);
    later[1024] = b'c';
    refused(&later, "at byte 1024 of its tar stream: the checksum of a header is wrong", &Allowed::default());
    let negative = header(b"a", b'0', 0, |block| block[124..136].fill(0xff));
    refused(&archive(&[negative]), "a size is negative", &Allowed::default());
    let huge =
        header(b"a", b'0', 0, |block| block[124..136].copy_from_slice(b"\x80\x01\0\0\0\0\0\0\0\0\0\0"));
    refused(&archive(&[huge]), "too large", &Allowed::default());
    for empty in [b"\0", b" "] {
        let nothing = header(b"a", b'0', 0, |block| block[124..136].copy_from_slice(&empty.repeat(12)));
        refused(&archive(&[nothing]), "a header states no size", &Allowed::default());
    }
    let eight = header(b"a", b'0', 0, |block| block[124..136].copy_from_slice(b"00000000008\0"));
    refused(&archive(&[eight]), "not octal", &Allowed::default());
}

#[test]
fn limits_end_a_bomb_before_it_is_written() {
    let many: Vec<Vec<u8>> = (0..50).map(|n| file(&format!("f{n}"), b"")).collect();
    let few = Allowed { entries: 49, ..Allowed::default() };
    let words = "the archive has at least 0 bytes in 50 entries, and at most any number in 49 are allowed";
    refused(&archive(&many), words, &few);
    // One entry, to which 49 directories lead.
    let deep = format!("{}/f", ["d"; 49].join("/"));
    refused(&archive(&[file(&deep, b"")]), words, &few);
    let small = Allowed { bytes: Some(999), ..Allowed::default() };
    refused(&archive(&[file("a", &[1; 600]), file("b", &[1; 400])]), "1000 bytes in 2 entries", &small);
    // A file of 1 TiB that claims to follow, in a few hundred bytes.
    let bomb =
        header(b"a", b'0', 0, |block| block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\x01\0\0\0\0\0"));
    refused(&bomb, "bytes free, and the archive needs at least 1099511627776", &Allowed::default());
    refused(&compressed(&bomb), "needs at least 1099511627776", &Allowed::default());
}

#[test]
fn a_stream_that_decompresses_a_thousandfold_ends_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    let one = compressed(&archive(&[file("a", &zeros)]));
    assert!(one.len() < zeros.len() / 1000, "{} bytes", one.len());
    let small = Allowed { bytes: Some(1 << 20), ..Allowed::default() };
    refused(&one, "at least 67108864 bytes in 1 entries", &small);
    // None of them is large, and what they come to is told only by reading on.
    let many: Vec<Vec<u8>> = (0..1000).map(|n| file(&format!("f{n}"), &zeros[..64 << 10])).collect();
    let many = compressed(&archive(&many));
    assert!(many.len() < 1 << 20, "{} bytes", many.len());
    refused(&many, "at least 1114112 bytes in 17 entries", &small);
    // Nor are there bytes at all.
    let names: Vec<Vec<u8>> = (0..20_000).map(|n| file(&format!("f{n}"), b"")).collect();
    let few = Allowed { entries: 1000, ..Allowed::default() };
    refused(&compressed(&archive(&names)), "in 1001 entries", &few);
    // The names are not content, and have a limit of their own.
    let long = extension(b'x', &record("path", &zeros));
    refused(&compressed(&archive(&[long, file("x", b"")])), "", &Allowed::default());
}

#[test]
fn compressed_data_that_is_damaged_or_asks_for_too_much_is_refused() {
    let whole = archive(&[file("a", &[1; 70_000])]);
    let words = "the archive cannot be read after byte";
    let mut sum = zstd::bulk::Compressor::new(3).expect("a compressor");
    sum.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).expect("set");
    let good = sum.compress(&whole).expect("compressed");
    let mut damaged = good.clone();
    *damaged.last_mut().expect("it has bytes") ^= 1;
    refused(&damaged, words, &Allowed::default());
    let mut dictionary = good.clone();
    dictionary[4] |= 1;
    refused(&dictionary, words, &Allowed::default());
    let window = [&[0x28, 0xB5, 0x2F, 0xFD, 0, (31 - 10) << 3][..], &good[6..]].concat();
    refused(&window, words, &Allowed::default());
    refused(&[&good[..], b"garbage after the frame"].concat(), words, &Allowed::default());
    // What the frame says of the length of its content (RFC 8878, 3.1.1.1.4).
    let states = |frame: &[u8]| u32::from_le_bytes(frame[5..9].try_into().expect("four bytes"));
    assert_eq!(states(&good) as usize, whole.len());
    for wrong in [states(&good) - 1, states(&good) + 1, states(&good) + 512, 1 << 30] {
        let lies = [&good[..5], &wrong.to_le_bytes(), &good[9..]].concat();
        refused(&lies, words, &Allowed::default());
    }
    // A skippable frame that claims 4 GiB.
    refused(&[0x50, 0x2A, 0x4D, 0x18, 0xff, 0xff, 0xff, 0xff, 1, 2], "", &Allowed::default());
    let place = Place::new();
    let skippable = [0x5E, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    place.unpack(&[&skippable[..], &good[..]].concat(), &Allowed::default()).expect("it is skipped");
}

#[test]
fn frames_that_hold_nothing_end_although_their_stream_does_not() {
    let empty = zstd::bulk::compress(b"", 1).expect("compressed");
    let skippable = [&[0x5E, 0x2A, 0x4D, 0x18, 0, 0, 0x10, 0][..], &vec![0; 1 << 20]].concat();
    let good = zstd::bulk::compress(&archive(&[file("a", b"x")]), 1).expect("compressed");
    let few = [empty.repeat(1000), skippable.repeat(8), good].concat();
    Place::new().unpack(&few, &Allowed::default()).expect("they are skipped");
    let endless = [empty, skippable.repeat(66)].concat();
    refused(&endless, "the archive cannot be read after byte 0", &Allowed::default());
}

#[test]
fn what_is_no_archive_is_named() {
    for (bytes, words) in [
        (&b"\x1f\x8b\x08\0some"[..], "compressed with gzip"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"\xfd7zXZ\0", "compressed with xz"),
        (b"hello", "neither a tar archive nor compressed with zstd"),
        (b"", "neither a tar archive"),
    ] {
        refused(bytes, words, &Allowed::default());
    }
    refused(&compressed(b"no tar in here"), "is cut off", &Allowed::default());
}

#[test]
fn an_interrupted_unpacking_leaves_nothing() {
    let place = Place::new();
    let whole = archive(&[file("a", b"x")]);
    let parent = Directory::open(&place.path("")).expect("it is there");
    let stop = AtomicBool::new(true);
    let error = unpack(&whole[..], 0, &parent, OsStr::new("target"), &Allowed::default(), &stop, &Silent)
        .expect_err("it was interrupted");
    tells(&error, "EOS-T115", "interrupted while the archive was unpacked; nothing of it is left");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn an_interrupted_packing_leaves_nothing() {
    let place = Place::new();
    fs::create_dir(place.path("source")).expect("made");
    fs::write(place.path("source/a"), b"x").expect("written");
    let error = place.pack_until("source", "a.tar.zst", true).expect_err("it was interrupted");
    let TarballError::Capture { source } = &error else { panic!("{error:?}") };
    let text = format!("interrupted while {} was captured", place.path("source/a").display());
    tells(source, "EOS-T036", &text);
    assert_eq!(error.exit(), crate::model::explain::Exit::Interrupted);
    assert_eq!(place.names(), ["source"]);
}

#[test]
fn what_no_archive_carries_is_not_packed() {
    let place = Place::new();
    fs::create_dir(place.path("source")).expect("made");
    let _socket = std::os::unix::net::UnixListener::bind(place.path("source/socket")).expect("bound");
    let error = place.pack_until("source", "a.tar.zst", false).expect_err("it is a socket");
    tells(&error, "EOS-T102", "the directory cannot be packed");
    assert_eq!(place.names(), ["source"]);
}

/// An archive during whose reading something happens, once.
struct Eventful<'a, F> {
    archive: &'a [u8],
    event: Option<F>,
}

impl<F: FnOnce()> std::io::Read for Eventful<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        // The first block is read before anything is made.
        if self.archive.len().is_multiple_of(1024)
            && let Some(event) = self.event.take_if(|_| into.len() != 512)
        {
            event();
        }
        let length = into.len().min(512);
        std::io::Read::read(&mut self.archive, &mut into[..length])
    }
}

fn during(place: &Place, archive: &[u8], event: impl FnOnce()) -> TarballError {
    let parent = Directory::open(&place.path("")).expect("it is there");
    let eventful = Eventful { archive, event: Some(event) };
    let go_on = AtomicBool::new(false);
    unpack(eventful, 0, &parent, OsStr::new("target"), &Allowed::default(), &go_on, &Silent)
        .expect_err("it is refused")
}

#[test]
fn a_directory_that_somebody_exchanges_meanwhile_is_not_put_in_place() {
    let place = Place::new();
    let (staging, aside) = (place.path(".target.unpacking-0"), place.path("aside"));
    let whole = archive(&[file("a", &[1; 600]), file("b", b"two")]);
    let error = during(&place, &whole, || {
        fs::rename(&staging, &aside).expect("moved");
        symlink("/etc", &staging).expect("made");
    });
    let text = format!("{} was exchanged for something else while it was filled", staging.display());
    tells(&error, "EOS-T113", &text);
    assert_eq!(place.names(), [".target.unpacking-0", "aside"], "a stranger's things stay");
    assert!(fs::read_dir(aside).expect("readable").next().is_none(), "and nothing of the archive");
}

#[test]
fn what_cannot_be_removed_after_a_refusal_is_named_with_it() {
    let place = Place::new();
    let staging = place.path(".target.unpacking-0");
    let below = staging.join("a");
    let whole = archive(&[file("a/b", &[1; 600]), file("../b", b"two")]);
    let error = during(&place, &whole, || {
        rustix::mount::mount("tmpfs", &below, "tmpfs", rustix::mount::MountFlags::empty(), None)
            .expect("root");
    });
    rustix::mount::unmount(&below, rustix::mount::UnmountFlags::DETACH).expect("it was mounted");
    let reason = "the archive's entry \"../b\" is refused: it climbs with '..'";
    let text = format!("{} could not be removed after the archive was refused ({reason})", staging.display());
    tells(&error, "EOS-T114", &text);
}

#[test]
fn a_disk_without_room_for_bytes_or_names_leaves_nothing() {
    for (options, code) in [("size=128k", "EOS-T101"), ("nr_inodes=8,size=64m", "EOS-T101")] {
        let place = Place::new();
        let disk = place.path("disk");
        fs::create_dir(&disk).expect("made");
        let options_text = std::ffi::CString::new(options).expect("no zero");
        rustix::mount::mount(
            "tmpfs",
            &disk,
            "tmpfs",
            rustix::mount::MountFlags::empty(),
            Some(&*options_text),
        )
        .expect("root");
        let small = Place::at(&disk);
        // Each file is small enough for the free space that was looked at in the beginning.
        let many: Vec<Vec<u8>> = (0..60).map(|n| file(&format!("f{n}"), &[n])).collect();
        let error = small.unpack(&archive(&many), &Allowed::default()).expect_err(options);
        let names = small.names();
        drop(small);
        rustix::mount::unmount(&disk, rustix::mount::UnmountFlags::DETACH).expect("it was mounted");
        tells(&error, code, "an entry of the archive cannot be put in its place");
        assert_eq!(names, [""; 0], "{options}");
    }
}

#[test]
fn directories_that_are_only_led_through_count_as_entries() {
    let deep = file("a/b/c/d", b"x");
    let few = Allowed { entries: 3, ..Allowed::default() };
    refused(
        &archive(std::slice::from_ref(&deep)),
        "0 bytes in 4 entries, and at most any number in 3 are allowed",
        &few,
    );
    let place = Place::new();
    place.unpack(&archive(&[deep]), &Allowed { entries: 4, ..few }).expect("four are allowed");
}

#[test]
fn what_is_kept_until_the_end_is_bounded() {
    let value = vec![b'v'; (64 << 10) + 1];
    let records = super::hostile::record("SCHILY.xattr.user.a", &value);
    let entries = [super::hostile::extension(b'x', &records), header(b"d/", b'5', 0, |_| {})];
    refused(&archive(&entries), "an extended attribute longer than 64 KiB", &Allowed::default());
    let links: Vec<Vec<u8>> = (0..300)
        .flat_map(|number| {
            let path = [vec![b'p'; 200], format!("{number}").into_bytes()].concat();
            let target = vec![b't'; 4000];
            let records =
                [super::hostile::record("path", &path), super::hostile::record("linkpath", &target)];
            [super::hostile::extension(b'x', &records.concat()), header(b"l", b'2', 0, |_| {})]
        })
        .collect();
    refused(&archive(&links), "the names up to it take more than ", &Allowed::default());
}

#[test]
fn a_mount_point_is_refused_before_anything_is_read() {
    let place = Place::new();
    fs::create_dir(place.path("target")).expect("made");
    let target = place.path("target");
    rustix::mount::mount("tmpfs", &target, "tmpfs", rustix::mount::MountFlags::empty(), None).expect("root");
    let error = place.unpack(&archive(&[file("a", b"x")]), &Allowed::default()).expect_err("it is mounted");
    rustix::mount::unmount(&target, rustix::mount::UnmountFlags::DETACH).expect("it was mounted");
    let text =
        format!("{} is a mount point, and a rename cannot put a directory in its place", target.display());
    tells(&error, "EOS-T116", &text);
    assert_eq!(place.names(), ["target"]);
}

#[test]
fn nothing_of_others_is_removed_beside_the_target() {
    let place = Place::new();
    for name in
        [".target.unpacking-notes", ".target.unpacking-", ".target.unpacking-1x", ".target.unpacking-7"]
    {
        fs::create_dir_all(place.path(name).join("kept")).expect("made");
    }
    std::os::unix::fs::chown(place.path(".target.unpacking-7"), Some(1234), None).expect("root");
    place.unpack(&archive(&[file("a", b"x")]), &Allowed::default()).expect("unpacked");
    assert_eq!(
        place.names(),
        [
            ".target.unpacking-",
            ".target.unpacking-1x",
            ".target.unpacking-7",
            ".target.unpacking-notes",
            "target"
        ]
    );
}
