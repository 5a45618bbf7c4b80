//! Archives from anywhere: all of one is below its target, as other readers of tar see it, or nothing is left.
#![no_main]

use eos::model::progress::Silent;
use eos::snapshot::tarball::{Allowed, TarballError, Unpacked, unpack};
use eos_fuzz::Arena;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

const TARGET: &str = "target";
/// How a zstd frame begins.
const FRAME: u32 = 0xFD2F_B528;
const STRICT: Allowed =
    Allowed { bytes: Some(256 << 10), entries: 100, outside_links: false, setuid: false, owners: false };

static ARENA: LazyLock<Arena> = LazyLock::new(Arena::new);

fuzz_target!(|archive: &[u8]| {
    // What only a flag allows is also tried with it.
    if let Err(TarballError::Refused { reason, .. }) = attempt(archive, &STRICT)
        && matches!(reason, "it is setuid or setgid" | "it links out of the archive")
    {
        let owners = rustix::process::geteuid().is_root();
        let _ = attempt(archive, &Allowed { outside_links: true, setuid: true, owners, ..STRICT });
    }
});

// Nearly every change breaks the checksum of a header; most are therefore given another one.
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    let size = fuzzer_mutate(data, size, most);
    if !seed.is_multiple_of(8) {
        seal(&mut data[..size]);
    }
    size
});

/// Sets the checksums of the headers, as far as their sizes lead from one to the next.
fn seal(mut rest: &mut [u8]) {
    while let Some((block, after)) = rest.split_at_mut_checked(512) {
        if block.iter().all(|byte| *byte == 0) || block.starts_with(&FRAME.to_le_bytes()) {
            return;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = block[124..135].iter().take_while(|byte| matches!(byte, b'0'..=b'7'));
        let size = digits.fold(0, |size: usize, digit| size << 3 | usize::from(digit - b'0'));
        let Some(next) = after.get_mut(size.next_multiple_of(512)..) else { return };
        rest = next;
    }
}

fn attempt(archive: &[u8], allowed: &Allowed) -> Result<Unpacked, TarballError> {
    let arena = &*ARENA;
    let go_on = AtomicBool::new(false);
    let (length, name) = (archive.len() as u64, OsStr::new(TARGET));
    let result = unpack(archive, length, arena.inside(), name, allowed, &go_on, &Silent);
    match &result {
        Ok(unpacked) => {
            arena.assert_holds(&[TARGET]);
            Checked::of(&arena.path(TARGET), allowed).assert_fits(unpacked, allowed);
            // What two readers disagree about is a finding for a person, and breaks no promise by itself.
            if std::env::var_os("EOS_COMPARE").is_some() {
                compare(archive, &arena.path(TARGET));
            }
            arena.inside().remove_tree(name).expect("removed");
        }
        Err(TarballError::NotRemoved { .. }) => panic!("something is left: {result:?}"),
        Err(_) => {}
    }
    arena.assert_holds(&[]);
    result
}

/// What there is below the target.
#[derive(Default)]
struct Checked {
    entries: usize,
    bytes: u64,
}

impl Checked {
    fn of(top: &Path, allowed: &Allowed) -> Self {
        let mut checked = Self::default();
        let mut pending = vec![top.to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory).expect("readable") {
                let path = entry.expect("readable").path();
                let metadata = fs::symlink_metadata(&path).expect("it is there");
                checked.entries += 1;
                assert!(allowed.setuid || metadata.is_symlink() || metadata.mode() & 0o6000 == 0, "{path:?}");
                if metadata.is_dir() {
                    pending.push(path);
                } else if metadata.is_symlink() {
                    assert!(allowed.outside_links || stays_below(top, &path), "{path:?} leads out");
                } else {
                    assert!(metadata.is_file(), "{path:?} is something special");
                    // Each name of a file counts its share: their sum is its size, or below it by rounding.
                    checked.bytes += metadata.len() / metadata.nlink();
                }
            }
        }
        checked
    }

    fn assert_fits(&self, unpacked: &Unpacked, allowed: &Allowed) {
        assert!(unpacked.entries <= allowed.entries && self.entries <= allowed.entries, "too many entries");
        assert!(self.bytes <= unpacked.bytes, "more bytes than counted");
        assert!(unpacked.bytes <= allowed.bytes.expect("it is limited"), "too many bytes");
    }
}

/// The system's own judgement: it follows the link and refuses to leave the directory.
fn stays_below(top: &Path, link: &Path) -> bool {
    let top_handle = fs::File::open(top).expect("a directory");
    let inside = link.strip_prefix(top).expect("it lies below");
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::openat2(top_handle, inside, flags, Mode::empty(), ResolveFlags::BENEATH);
    !matches!(found, Err(rustix::io::Errno::XDEV))
}

/// Another reader of tar finds the same entries in it.
fn compare(archive: &[u8], top: &Path) {
    const SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;
    let magic = archive.first_chunk().map_or(0, |magic| u32::from_le_bytes(*magic));
    let plain = match magic == FRAME || SKIPPABLE.contains(&magic) {
        true => &zstd::stream::decode_all(archive).expect("eos read it")[..],
        false => archive,
    };
    let mut other = tar::Archive::new(plain);
    for entry in other.entries().expect("it is at its beginning") {
        let mut entry = entry.expect("eos read it");
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        // It takes each line of PAX records for a record, and passes over what it cannot make sense of.
        if entry.pax_extensions().expect("eos read them").is_some_and(|mut all| all.any(|one| one.is_err())) {
            continue;
        }
        let path = top.join(OsStr::from_bytes(&entry.path_bytes()));
        let metadata = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        if kind.is_file() || kind.is_hard_link() {
            assert!(metadata.is_file(), "{path:?} is {kind:?}");
        } else if kind.is_dir() {
            assert!(metadata.is_dir(), "{path:?} is {kind:?}");
        } else if kind.is_symlink() {
            let target = entry.link_name_bytes().expect("a link has a target");
            assert_eq!(fs::read_link(&path).expect("a link").as_os_str().as_bytes(), &*target);
        } else {
            panic!("{path:?} is {kind:?}");
        }
        if kind.is_file() {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).expect("eos read it");
            assert!(fs::read(&path).expect("readable") == content, "{path:?} has other content");
        }
    }
}
