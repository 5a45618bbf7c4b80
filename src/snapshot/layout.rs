//! The tar stream of a snapshot: every byte between the files' contents follows from the manifest (pure).
//!
//! Because the encoding is a function of the entries, a reader does not parse the stream: it compares it.
//! What ordinary `tar` extracts is therefore what the manifest lists. The encoding is part of format
//! version 1 and must not change.

use super::manifest::{Content, Entry, Time};

const BLOCK: usize = 512;

/// The end of the archive: two empty blocks.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The bytes before an entry's content: a ustar header, after a PAX header if it cannot say everything.
pub fn header(entry: &Entry) -> Vec<u8> {
    let mut path = entry.path.as_bytes().to_vec();
    let (kind, target) = match &entry.content {
        Content::Directory => (b'5', &b""[..]),
        Content::File { .. } => (b'0', &b""[..]),
        Content::Symlink { target } => (b'2', target.as_bytes()),
        Content::Hardlink { target } => (b'1', target.as_bytes()),
    };
    if kind == b'5' {
        path.push(b'/');
    }
    let records = records(entry, &path, target);
    let mut bytes = Vec::with_capacity(BLOCK * 3);
    if !records.is_empty() {
        let size = records.len() as u64;
        bytes.extend(ustar(&Fields {
            name: b"pax",
            kind: b'x',
            mode: 0o644,
            uid: 0,
            gid: 0,
            size,
            modified: 0,
            target: b"",
        }));
        bytes.extend(&records);
        bytes.resize(bytes.len() + padding(size), 0);
    }
    let modified = if fits_octal(entry.modified) { entry.modified.0 as u64 } else { 0 };
    bytes.extend(ustar(&Fields {
        name: &path,
        kind,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        size: entry.size(),
        modified,
        target,
    }));
    bytes
}

/// Bytes of [`header`], without making it.
pub fn header_length(entry: &Entry) -> usize {
    match records_length(entry) {
        0 => BLOCK,
        records => 2 * BLOCK + records.next_multiple_of(BLOCK),
    }
}

/// Bytes of zeros after so many bytes of content.
pub fn padding(size: u64) -> usize {
    ((BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64) as usize
}

/// Bytes of the whole own stream, its end included; `None` if it does not fit 64 bits.
///
/// Every entry is in it but those whose content is borrowed.
pub fn stream_length(entries: &[Entry]) -> Option<u64> {
    let mut own = entries.iter().filter(|entry| !entry.is_borrowed());
    own.try_fold(END.len() as u64, |sum, entry| {
        let size = entry.size();
        sum.checked_add(header_length(entry) as u64)?.checked_add(size)?.checked_add(padding(size) as u64)
    })
}

struct Fields<'a> {
    name: &'a [u8],
    kind: u8,
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    modified: u64,
    target: &'a [u8],
}

fn ustar(fields: &Fields<'_>) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    text(&mut block[0..100], fields.name);
    octal(&mut block[100..108], fields.mode.into());
    octal(&mut block[108..116], fields.uid.into());
    octal(&mut block[116..124], fields.gid.into());
    octal(&mut block[124..136], fields.size);
    octal(&mut block[136..148], fields.modified);
    block[148..156].fill(b' ');
    block[156] = fields.kind;
    text(&mut block[157..257], fields.target);
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block[148..155], sum);
    block
}

fn text(field: &mut [u8], value: &[u8]) {
    let length = value.len().min(field.len());
    field[..length].copy_from_slice(&value[..length]);
}

/// Octal digits and a NUL; a value that does not fit is 0 here and has a PAX record.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let mut left = if value < 1 << (3 * digits) { value } else { 0 };
    for digit in field[..digits].iter_mut().rev() {
        *digit = b'0' + (left % 8) as u8;
        left /= 8;
    }
}

fn fits_octal(time: Time) -> bool {
    time.1 == 0 && (0..1 << 33).contains(&time.0)
}

fn records(entry: &Entry, path: &[u8], target: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    if path.len() > 100 {
        record(&mut records, b"path", path);
    }
    if target.len() > 100 {
        record(&mut records, b"linkpath", target);
    }
    if entry.size() >= 1 << 33 {
        record(&mut records, b"size", entry.size().to_string().as_bytes());
    }
    for (key, number) in [(&b"uid"[..], entry.uid), (b"gid", entry.gid)] {
        if number >= 1 << 21 {
            record(&mut records, key, number.to_string().as_bytes());
        }
    }
    if !fits_octal(entry.modified) {
        record(&mut records, b"mtime", decimal(entry.modified).as_bytes());
    }
    for (name, value) in &entry.extended {
        record(&mut records, &extended_key(name.as_bytes()), value.as_bytes());
    }
    records
}

/// Bytes of [`records`], without making them.
fn records_length(entry: &Entry) -> usize {
    let path = entry.path.as_bytes().len() + usize::from(entry.content == Content::Directory);
    let target = match &entry.content {
        Content::Symlink { target } | Content::Hardlink { target } => target.as_bytes().len(),
        Content::Directory | Content::File { .. } => 0,
    };
    let mut length = 0;
    let mut add = |key: usize, value: usize| length += record_length(key, value);
    if path > 100 {
        add("path".len(), path);
    }
    if target > 100 {
        add("linkpath".len(), target);
    }
    if entry.size() >= 1 << 33 {
        add("size".len(), decimal_digits(entry.size()));
    }
    for number in [entry.uid, entry.gid].into_iter().filter(|number| *number >= 1 << 21) {
        add("uid".len(), decimal_digits(number.into()));
    }
    if !fits_octal(entry.modified) {
        add("mtime".len(), decimal(entry.modified).len());
    }
    for (name, value) in &entry.extended {
        add(extended_key(name.as_bytes()).len(), value.as_bytes().len());
    }
    length
}

fn decimal_digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// The key of an extended attribute; `=` would end it, so GNU tar and this write `%3D`.
fn extended_key(name: &[u8]) -> Vec<u8> {
    let mut key = b"SCHILY.xattr.".to_vec();
    for byte in name {
        match byte {
            b'=' => key.extend(b"%3D"),
            b'%' => key.extend(b"%25"),
            byte => key.push(*byte),
        }
    }
    key
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits too.
fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let length = record_length(key.len(), value.len());
    records.extend(format!("{length} ").as_bytes());
    records.extend(key);
    records.push(b'=');
    records.extend(value);
    records.push(b'\n');
}

/// Bytes of a record with its own length in front.
fn record_length(key: usize, value: usize) -> usize {
    let rest = key + value + 3;
    let mut length = rest + 1;
    while length != rest + decimal_digits(length as u64) {
        length += 1;
    }
    length
}

fn decimal(Time(seconds, nanoseconds): Time) -> String {
    if seconds < 0 && nanoseconds > 0 {
        return format!("-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds);
    }
    format!("{seconds}.{nanoseconds:09}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::manifest::Name;

    #[test]
    fn a_time_before_1970_counts_downwards() {
        assert_eq!(decimal(Time(-7, 123_456_789)), "-6.876543211");
        assert_eq!(decimal(Time(-1, 999_999_999)), "-0.000000001");
        assert_eq!(decimal(Time(-7, 0)), "-7.000000000");
        assert_eq!(decimal(Time(3, 5)), "3.000000005");
    }

    #[test]
    fn the_length_of_a_record_counts_its_own_digits() {
        for length in 0..1100 {
            let mut records = Vec::new();
            record(&mut records, b"path", &vec![b'x'; length]);
            let stated: usize = String::from_utf8_lossy(&records).split(' ').next().unwrap().parse().unwrap();
            assert_eq!(stated, records.len());
        }
    }

    #[test]
    fn what_a_header_cannot_say_stands_in_a_pax_record_that_tar_readers_understand() {
        let (size, digest) = (9 << 30, crate::model::digest::Digest::of(b""));
        let entry = Entry {
            path: Name::new("d/".repeat(60) + "f"),
            mode: 0o640,
            uid: 4_000_000_000,
            gid: 7,
            modified: Time(-1, 999_999_999),
            extended: [(b"user.a=b".to_vec(), b"1".to_vec())]
                .map(|(k, v)| (Name::new(k), Name::new(v)))
                .into(),
            content: Content::File { size, digest, sparse: true, at: None },
        };
        let bytes = header(&entry);
        assert_eq!(bytes.len(), header_length(&entry));
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut read = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(read.size(), size);
        assert_eq!(read.path_bytes(), entry.path.as_bytes());
        let records = read.pax_extensions().unwrap().unwrap();
        let keys: Vec<String> = records.map(|one| one.unwrap().key().unwrap().to_owned()).collect();
        assert_eq!(keys, ["path", "size", "uid", "mtime", "SCHILY.xattr.user.a%3Db"]);
    }
}
