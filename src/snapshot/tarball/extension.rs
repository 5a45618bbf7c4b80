//! PAX records: what a header cannot say, or not exactly (POSIX.1-2001 pax, pure).

use crate::snapshot::manifest::Time;
use std::collections::{BTreeMap, HashSet};

/// The most bytes of records or of a long name before one header.
pub(super) const LIMIT: u64 = 1 << 20;

const TWICE: &str = "a PAX record is there twice";

/// How the keys of extended attributes begin.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";

/// What the records before a header say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
    pub(super) modified: Option<Time>,
    pub(super) extended: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Reads the records of one header.
///
/// Times of access, comments and other keys that change nothing of what is restored are passed over.
///
/// # Errors
/// What is wrong with them.
pub(super) fn parse(bytes: &[u8]) -> Result<Extension, &'static str> {
    let mut extension = Extension::default();
    for (key, value) in records(bytes)? {
        match key {
            b"path" => extension.path = Some(value.to_vec()),
            b"linkpath" => extension.target = Some(value.to_vec()),
            b"size" => extension.size = Some(decimal(value).ok_or("a size of a PAX record is not one")?),
            b"uid" => extension.uid = Some(id(value)?),
            b"gid" => extension.gid = Some(id(value)?),
            b"mtime" => extension.modified = Some(time(value).ok_or("a time of a PAX record is not one")?),
            key if key.starts_with(b"GNU.sparse.") => return Err("it is in GNU's form for sparse files"),
            key if key.starts_with(b"SCHILY.acl.") => return Err("it carries an access control list"),
            key if key.starts_with(XATTR) => {
                let name = unescaped(&key[XATTR.len()..]);
                if extension.extended.insert(name, value.to_vec()).is_some() {
                    return Err(TWICE);
                }
            }
            _ => {}
        }
    }
    Ok(extension)
}

/// Records that hold for all headers after them; only a comment may stand there.
///
/// # Errors
/// When there is another one, or they are malformed.
pub(super) fn check_global(bytes: &[u8]) -> Result<(), &'static str> {
    match records(bytes)?.into_iter().all(|(key, _)| key == b"comment") {
        true => Ok(()),
        false => Err("it has PAX records for all of its entries at once"),
    }
}

/// Key and value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// `LENGTH KEY=VALUE\n`, where the length counts the whole record.
fn records(mut bytes: &[u8]) -> Result<Vec<Record<'_>>, &'static str> {
    const MALFORMED: &str = "a PAX record is malformed";
    let (mut records, mut keys) = (Vec::new(), HashSet::new());
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or(MALFORMED)?;
        let length = decimal(&bytes[..space]).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length > space && *length <= bytes.len()).ok_or(MALFORMED)?;
        let (record, rest) = bytes.split_at(length);
        let record = record[space + 1..].strip_suffix(b"\n").ok_or(MALFORMED)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(MALFORMED)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if !keys.insert(key) {
            return Err(TWICE);
        }
        records.push((key, value));
        bytes = rest;
    }
    Ok(records)
}

/// `=` ends a key, so writers put `%3D` in its place.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::with_capacity(name.len()), name);
    while let Some((first, after)) = rest.split_first() {
        let (byte, left) = match rest {
            [b'%', b'3', b'D', left @ ..] => (b'=', left),
            [b'%', b'2', b'5', left @ ..] => (b'%', left),
            _ => (*first, after),
        };
        plain.push(byte);
        rest = left;
    }
    plain
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

fn id(digits: &[u8]) -> Result<i64, &'static str> {
    decimal(digits).and_then(|id| i64::try_from(id).ok()).ok_or("an owner of a PAX record is not one")
}

/// `-6.876543211`: seconds, downwards before 1970, with up to nine digits that count.
fn time(text: &[u8]) -> Option<Time> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut halves = digits.splitn(2, |byte| *byte == b'.');
    let seconds = i64::try_from(decimal(halves.next()?)?).ok()?;
    let fraction = match halves.next() {
        None => 0,
        Some(fraction) => {
            let nine: Vec<u8> = fraction.iter().copied().chain([b'0'; 9]).take(9).collect();
            let all_digits = !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit);
            u32::try_from(decimal(&nine)?).ok().filter(|_| all_digits)?
        }
    };
    Some(match (negative, fraction) {
        (false, _) => Time(seconds, fraction),
        (true, 0) => Time(-seconds, 0),
        (true, _) => Time(-seconds - 1, 1_000_000_000 - fraction),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(time(b"3.000000005"), Some(Time(3, 5)));
        assert_eq!(time(b"-6.876543211"), Some(Time(-7, 123_456_789)));
        assert_eq!(time(b"-0.000000001"), Some(Time(-1, 999_999_999)));
        assert_eq!(time(b"-7"), Some(Time(-7, 0)));
        assert_eq!(time(b"1.5"), Some(Time(1, 500_000_000)));
        assert_eq!(time(b"1.0000000019"), Some(Time(1, 1)));
        for wrong in [&b""[..], b"-", b"1.", b".5", b"1e3", b"99999999999999999999", b"1.-5"] {
            assert_eq!(time(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn records_that_are_not_exactly_in_form_are_refused() {
        let read = |bytes: &[u8]| parse(bytes).map(|found| found.path);
        assert_eq!(read(b"10 path=a\n"), Ok(Some(b"a".to_vec())));
        assert_eq!(read(b"30 mtime=1.5\n10 path=a\n"), Err("a PAX record is malformed"));
        for wrong in [
            &b"8 path=a\n"[..],
            b"11 path=a\n",
            b"10 path=a ",
            b"10 path a\n",
            b"10path=a\n",
            b"-1 path=a\n",
            b"0 path=a\n",
            b"99999999999999999999 path=a\n",
            b" path=a\n",
            b"\n",
        ] {
            assert_eq!(read(wrong), Err("a PAX record is malformed"), "{}", String::from_utf8_lossy(wrong));
        }
        assert_eq!(read(b"10 path=a\n10 path=b\n"), Err("a PAX record is there twice"));
        let many: String = (10_000..70_000).map(|key| format!("9 {key}=\n")).collect();
        assert_eq!(read(many.as_bytes()), Ok(None), "each is compared with all before it in one step");
        assert_eq!(check_global(b"16 comment=1234\n"), Ok(()));
        assert!(check_global(b"10 path=a\n").is_err());
    }
}
