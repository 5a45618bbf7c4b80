//! Archives that mean harm, or two things: each is refused as a whole, and nothing is left behind.

use super::*;

const BLOCK: usize = 512;

/// A header block of a regular kind; `change` comes before the checksum.
pub(in super::super) fn header(name: &[u8], kind: u8, size: u64, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let length = name.len().min(100);
    block[..length].copy_from_slice(&name[..length]);
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    seal(&mut block);
    block
}

fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn padded(mut head: Vec<u8>, content: &[u8]) -> Vec<u8> {
    head.extend_from_slice(content);
    head.resize(head.len().next_multiple_of(BLOCK), 0);
    head
}

pub(in super::super) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    padded(header(name.as_bytes(), b'0', content.len() as u64, |_| {}), content)
}

fn entry(name: &str, kind: u8) -> Vec<u8> {
    header(name.as_bytes(), kind, 0, |block| {
        if kind == b'5' {
            block[100..108].copy_from_slice(b"0000755\0");
        }
    })
}

fn link(kind: u8, name: &str, target: &str) -> Vec<u8> {
    header(name.as_bytes(), kind, 0, |block| {
        block[157..157 + target.len()].copy_from_slice(target.as_bytes())
    })
}

pub(in super::super) fn extension(kind: u8, content: &[u8]) -> Vec<u8> {
    padded(header(b"extension", kind, content.len() as u64, |_| {}), content)
}

pub(in super::super) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..).find(|length| *length == rest + length.to_string().len()).expect("there is one");
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// The entries and the end.
pub(in super::super) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 2 * BLOCK]].concat()
}

/// It is refused with these words, everything beside the target is as it was, and nothing is left.
#[track_caller]
fn refused(bytes: &[u8], words: &str) {
    refused_with(bytes, words, &Allowed::default());
}

#[track_caller]
fn refused_with(bytes: &[u8], words: &str, allowed: &Allowed) {
    let place = Place::new();
    fs::write(place.path("sentinel"), b"untouched").expect("written");
    fs::create_dir(place.path("outside")).expect("made");
    let error = place.unpack(bytes, allowed).expect_err(words);
    let text = error.to_string();
    assert!(text.contains(words), "{text:?} does not say {words:?}");
    assert_eq!(place.names(), ["outside", "sentinel"], "{words}");
    assert_eq!(fs::read(place.path("sentinel")).expect("readable"), b"untouched");
    assert!(fs::read_dir(place.path("outside")).expect("readable").next().is_none());
}

#[track_caller]
fn taken(bytes: &[u8]) -> Place {
    let place = Place::new();
    place.unpack(bytes, &Allowed::default()).expect("it is harmless");
    place
}

#[test]
fn paths_that_lead_out_or_are_none_are_refused() {
    for (name, words) in [
        ("../x", "\"../x\" is refused: it climbs"),
        ("a/../../x", "it climbs"),
        ("a/..", "it climbs"),
        ("..", "it climbs"),
        ("/abs", "it is absolute"),
        ("//abs", "it is absolute"),
        ("///abs", "it is absolute"),
        ("/./abs", "it is absolute"),
        (".//abs", "it is absolute"),
        ("a/./../..", "'.'"),
        ("a/./b", "'.'"),
        ("a//b", "an empty component"),
        ("", "its name is empty"),
    ] {
        refused(&archive(&[file(name, b"x")]), words);
    }
    refused(&archive(&[extension(b'x', &record("path", b"a\0b")), file("a", b"x")]), "a NUL byte");
    refused(&archive(&[extension(b'x', &record("path", &[b'n'; 256])), file("a", b"x")]), "longer than 255");
    let long = ["p".repeat(200).as_str(); 25].join("/");
    refused(&archive(&[extension(b'x', &record("path", long.as_bytes())), file("a", b"x")]), "too long");
    let deep = ["d"; 200].join("/");
    refused(&archive(&[extension(b'x', &record("path", deep.as_bytes())), file("a", b"x")]), "too deep");
    refused(&archive(&[entry("/", b'5')]), "it is absolute");
    refused(&archive(&[file("x/", b"")]), "its name is a directory's, and its type a file's");
    for kind in [b'1', b'2'] {
        let named = [file("x", b""), link(kind, "l/", "x")];
        refused(&archive(&named), "its name is a directory's, and its type a link's");
    }
    refused(&archive(&[header(b"old/", 0, 0, |block| block[257..265].fill(0))]), "a directory's");
}

#[test]
fn names_with_any_other_bytes_survive() {
    let odd = b"tab\t newline\n \x07\xff\xfe caf\xc3\xa9";
    let place = taken(&archive(&[extension(b'x', &record("path", odd)), file("a", b"x")]));
    let path = place.path("target").join(OsString::from_vec(odd.to_vec()));
    assert_eq!(fs::read(path).expect("it has its name"), b"x");
}

#[test]
fn symbolic_links_that_lead_out_and_anything_through_a_link_are_refused() {
    refused(&archive(&[link(b'2', "l", "/etc/passwd")]), "it links out of the archive");
    refused(&archive(&[link(b'2', "l", "../../x")]), "it links out");
    refused(&archive(&[link(b'2', "d/l", "../../sentinel")]), "it links out");
    refused(&archive(&[link(b'2', "a", "b/../.."), link(b'2', "b", "c")]), "it links out");
    refused(&archive(&[link(b'2', "a", "b"), link(b'2', "b", "../x")]), "it links out");
    let below = "it lies below something that is no directory";
    refused(&archive(&[link(b'2', "l", "d"), file("l/x", b"x")]), below);
    refused(&archive(&[file("f", b"x"), file("f/x", b"x")]), below);
    refused(&archive(&[link(b'2', "l", "d"), entry("l", b'5')]), "it is there twice");
    refused(&archive(&[entry("d", b'5'), link(b'2', "d", "x"), file("d/x", b"x")]), "it is there twice");
    refused(&archive(&[file("d/x", b"x"), link(b'2', "d", "x")]), "it is there twice");
    refused(&archive(&[link(b'2', "l", "")]), "its link target is empty");
    refused(&archive(&[link(b'2', "", "x")]), "its name is empty");
    refused(&archive(&[file("x", b""), link(b'1', "", "x")]), "its name is empty");
    let records = record("linkpath", b"a\0b");
    refused(&archive(&[extension(b'x', &records), link(b'2', "l", "x")]), "contains a NUL byte");
    let records = record("linkpath", &[b'n'; 5000]);
    refused(&archive(&[extension(b'x', &records), link(b'2', "l", "x")]), "too long");
}

#[test]
fn links_among_themselves_are_made_and_never_followed() {
    let chain: Vec<Vec<u8>> =
        (0..300).map(|n| link(b'2', &format!("c{n}"), &format!("c{}", n + 1))).collect();
    taken(&archive(&chain));
    // What its links lead to is longer than any path, so nothing that resolves names could judge it.
    let name = |number: usize| format!("{}{number}", "n".repeat(90));
    let long: Vec<Vec<u8>> = (0..100)
        .map(|number| link(b'2', &name(number), &format!("{}/.", name(number + 1))))
        .chain([entry(&name(100), b'5')])
        .collect();
    taken(&archive(&long));
    let through = [long, vec![file(&format!("{}/x", name(0)), b"x")]].concat();
    refused(&archive(&through), "it lies below something that is no directory");
    let place = taken(&archive(&[link(b'2', "a", "b"), link(b'2', "b", "a"), link(b'2', "self", "self")]));
    assert_eq!(fs::read_link(place.path("target/a")).expect("a link"), Path::new("b"));
    let allowed = Allowed { outside_links: true, ..Allowed::default() };
    let place = Place::new();
    place.unpack(&archive(&[link(b'2', "l", "/etc")]), &allowed).expect("it was allowed");
    assert_eq!(fs::read_link(place.path("target/l")).expect("a link"), Path::new("/etc"));
    let through = archive(&[link(b'2', "l", "/etc"), file("l/x", b"x")]);
    refused_with(&through, "it lies below something that is no directory", &allowed);
}

#[test]
fn hard_links_lead_to_files_before_them_in_the_archive_only() {
    let words = "its hard link target is not a file before it in the archive";
    refused(&archive(&[link(b'1', "l", "/etc/passwd")]), words);
    refused(&archive(&[link(b'1', "l", "../sentinel")]), words);
    refused(&archive(&[link(b'2', "s", "f"), link(b'1', "l", "s")]), words);
    refused(&archive(&[entry("d", b'5'), link(b'2', "s", "d"), link(b'1', "l", "s/f")]), words);
    refused(&archive(&[link(b'1', "l", "later"), file("later", b"x")]), words);
    refused(&archive(&[link(b'1', "l", "sentinel"), file("l", b"x")]), words);
    refused(&archive(&[link(b'1', "l", "l")]), words);
    refused(&archive(&[entry("d", b'5'), link(b'1', "l", "d")]), words);
    let place = taken(&archive(&[file("f", b"x"), link(b'1', "g", "./f"), link(b'1', "h", "g")]));
    assert_eq!(fs::metadata(place.path("target/h")).expect("it is there").nlink(), 3);
    refused(&archive(&[file("f", b"x"), link(b'1', "g", "f"), file("g", b"y")]), "it is there twice");
}

#[test]
fn a_name_is_there_once() {
    refused(&archive(&[file("a", b"1"), file("a", b"2")]), "it is there twice");
    refused(&archive(&[file("a", b"1"), file("./a", b"2")]), "it is there twice");
    refused(&archive(&[entry("d", b'5'), entry("d/", b'5')]), "it is there twice");
    refused(&archive(&[entry("./", b'5'), entry(".", b'5')]), "it is there twice");
    refused(&archive(&[link(b'2', ".", "x")]), "it is the archive's top and no directory");
    // Names that differ in case or in their encoding are different names to Linux.
    let place = taken(&archive(&[
        file("Name", b"1"),
        file("name", b"2"),
        file("caf\u{e9}", b"3"),
        file("cafe\u{301}", b"4"),
    ]));
    assert_eq!(fs::read(place.path("target/name")).expect("readable"), b"2");
    assert_eq!(fs::read_dir(place.path("target")).expect("readable").count(), 4);
    let place = taken(&archive(&[file("d/x", b"x"), entry("d", b'5')]));
    assert_eq!(fs::metadata(place.path("target/d")).expect("there").permissions().mode() & 0o7777, 0o755);
}

#[test]
fn only_files_directories_and_links_are_unpacked() {
    for (kind, words) in [
        (b'3', "it is a device"),
        (b'4', "it is a device"),
        (b'6', "it is a pipe"),
        (b'7', "it is of a type that only some programs know"),
        (b's', "it is of a type"),
        (b'S', "it is of a type"),
        (b'D', "it is of a type"),
        (b'M', "it is of a type"),
        (b'V', "it is of a type"),
        (0xff, "it is of a type"),
    ] {
        refused(&archive(&[header(b"x", kind, 0, |_| {})]), words);
    }
    refused(&archive(&[padded(header(b"d", b'5', 3, |_| {}), b"abc")]), "it is no file, and has content");
    refused(&archive(&[file("f", b"x"), padded(header(b"l", b'1', 3, |_| {}), b"abc")]), "has content");
}

#[test]
fn rights_are_refused_unless_they_are_allowed() {
    let with_mode = |mode: &'static [u8; 8], kind: u8| {
        archive(&[header(b"x", kind, 0, |block| block[100..108].copy_from_slice(mode))])
    };
    for mode in [b"0004755\0", b"0002755\0", b"0007777\0"] {
        refused(&with_mode(mode, b'0'), "it is setuid or setgid");
        refused(&with_mode(mode, b'5'), "it is setuid or setgid");
    }
    refused(&with_mode(b"0104755\0", b'0'), "its mode is out of range");
    let place = Place::new();
    let allowed = Allowed { setuid: true, ..Allowed::default() };
    place.unpack(&with_mode(b"0004755\0", b'0'), &allowed).expect("it was allowed");
    assert_eq!(fs::metadata(place.path("target/x")).expect("there").mode() & 0o7777, 0o4755);
    // What everybody may write to, and the bit that keeps them from each other's files there, are no privilege.
    let place = taken(&with_mode(b"0001777\0", b'5'));
    assert_eq!(fs::metadata(place.path("target/x")).expect("there").mode() & 0o7777, 0o1777);
    for key in [
        "SCHILY.xattr.security.capability",
        "SCHILY.xattr.trusted.overlay.opaque",
        "SCHILY.xattr.system.posix_acl_access",
        "SCHILY.xattr.system.posix_acl_default",
    ] {
        let records = record(key, b"\x01\0\0\x02");
        refused(&archive(&[extension(b'x', &records), file("x", b"")]), "extended attribute");
    }
    let same = [record("SCHILY.xattr.user.a%25", b"1"), record("SCHILY.xattr.user.a%", b"2")].concat();
    refused(&archive(&[extension(b'x', &same), file("x", b"")]), "a PAX record is there twice");
    let records = record("SCHILY.acl.access", b"user::rw-,user:1000:rwx");
    refused(&archive(&[extension(b'x', &records), file("x", b"")]), "an access control list");
}

#[test]
fn owners_and_times_are_numbers_that_a_file_can_have() {
    let with = |at: std::ops::Range<usize>, bytes: &'static [u8]| {
        archive(&[header(b"x", b'0', 0, |block| block[at].copy_from_slice(bytes))])
    };
    refused(&with(108..116, &[0xff; 8]), "its owner is out of range");
    refused(&with(116..124, &[0x80, 0, 0, 1, 0, 0, 0, 0]), "its group is out of range");
    refused(&with(108..116, &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), "its owner is out of range");
    refused(&with(108..116, b"1777777\x01"), "a number of a header is not one");
    let records = record("uid", b"99999999999999999999");
    refused(&archive(&[extension(b'x', &records), file("x", b"")]), "an owner of a PAX record");
    refused(&archive(&[extension(b'x', &record("uid", b"-1")), file("x", b"")]), "an owner of a PAX record");
    refused(&with(136..148, &[0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), "its time is out of range");
    refused(&archive(&[extension(b'x', &record("mtime", b"1e9")), file("x", b"")]), "a time of a PAX record");
    let place =
        taken(&with(136..148, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf9]));
    assert_eq!(fs::metadata(place.path("target/x")).expect("there").mtime(), -7);
}

#[test]
fn sizes_that_contradict_each_other_are_refused() {
    let words = "a header and its PAX record state different sizes";
    let inner = archive(&[file("hidden", b"x")]);
    let smuggled = padded(header(b"f", b'0', 0, |_| {}), &inner);
    refused(
        &archive(&[extension(b'x', &record("size", inner.len().to_string().as_bytes())), smuggled]),
        words,
    );
    refused(&archive(&[extension(b'x', &record("size", b"0")), file("f", &inner)]), words);
    refused(&archive(&[extension(b'x', &record("size", b"5")), file("f", b"four")]), words);
    refused(
        &archive(&[extension(b'x', &record("size", b"+4")), file("f", b"four")]),
        "a size of a PAX record",
    );
    taken(&archive(&[extension(b'x', &record("size", b"4")), file("f", b"four")]));
}

#[test]
fn one_header_is_extended_in_one_way() {
    let words = "it extends one header in several ways";
    let (pax, long) = (extension(b'x', &record("path", b"p")), extension(b'L', b"long\0"));
    refused(&archive(&[pax.clone(), long.clone(), file("f", b"x")]), words);
    refused(&archive(&[long.clone(), pax.clone(), file("f", b"x")]), words);
    refused(&archive(&[pax.clone(), pax.clone(), file("f", b"x")]), words);
    refused(&archive(&[long.clone(), long.clone(), file("f", b"x")]), words);
    refused(&archive(&[pax.clone(), extension(b'g', &record("comment", b"c")), file("f", b"x")]), words);
    refused(&archive(&[pax]), "it ends where an entry should follow");
    refused(&archive(&[extension(b'L', b"../x\0"), file("f", b"x")]), "it climbs");
    refused(&archive(&[extension(b'L', b"no zero"), file("f", b"x")]), "does not end with a zero");
    refused(&archive(&[extension(b'K', b"/etc/passwd\0"), link(b'2', "l", "x")]), "it links out");
    refused(&archive(&[header(b"x", b'x', 2 << 20, |_| {})]), "longer than 1 MiB");
    for kind in [b'x', b'g', b'L', b'K'] {
        let old = header(b"x", kind, 0, |block| block[257..265].fill(0));
        refused(&archive(&[old]), "a header extends a name and is of no known form");
    }
    let prefixed = |version: &'static [u8]| {
        header(b"f", b'0', 0, |block| {
            block[263..265].copy_from_slice(version);
            block[345] = b'p';
        })
    };
    refused(&archive(&[prefixed(b"01")]), "a header extends a name and is of no known form");
    assert!(taken(&archive(&[prefixed(b"00")])).path("target/p/f").exists());
    let place = taken(&archive(&[long, extension(b'K', b"far\0"), link(b'2', "l", "near")]));
    assert_eq!(fs::read_link(place.path("target/long")).expect("a link"), Path::new("far"));
}

#[test]
fn pax_records_are_judged_like_headers() {
    refused(&archive(&[extension(b'x', &record("path", b"../x")), file("benign", b"x")]), "it climbs");
    refused(&archive(&[extension(b'x', &record("linkpath", b"/x")), link(b'2', "l", "a")]), "it links out");
    refused(&archive(&[extension(b'x', b"99 path=x\n"), file("f", b"x")]), "a PAX record is malformed");
    refused(&archive(&[extension(b'x', b"9 path=x"), file("f", b"x")]), "a PAX record is malformed");
    let twice = [record("path", b"a"), record("path", b"b")].concat();
    refused(&archive(&[extension(b'x', &twice), file("f", b"x")]), "a PAX record is there twice");
    for key in ["path", "size", "linkpath", "SCHILY.xattr.user.a"] {
        refused(
            &archive(&[extension(b'g', &record(key, b"1")), file("f", b"x")]),
            "for all of its entries at once",
        );
    }
    taken(&archive(&[extension(b'g', &record("comment", b"a commit")), file("f", b"x")]));
    // No entry stands for such a header, so the limit of entries never ends a stream of them.
    let endless = vec![extension(b'g', b""); (2 << 20) / BLOCK + 1];
    refused(&archive(&endless), "at byte 2097152 of its tar stream: its PAX headers for all entries");
    let large = extension(b'g', &record("comment", &vec![b'c'; 1 << 19]));
    refused(&archive(&vec![large; 4]), "its PAX headers for all entries are longer than 2 MiB");
    for key in ["GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.realsize"] {
        let records = record(key, b"9223372036854775807");
        refused(&archive(&[extension(b'x', &records), file("f", b"x")]), "GNU's form for sparse files");
    }
}
