//! A whole snapshot in one body: a head that says how long each piece is, the manifest, the parts.
//!
//! The head is `eos-snap`, then in little endian: the version (4 bytes), how many parts (4), the bytes of
//! the signed manifest (8), and the bytes of each part (8 each), in the order in which the manifest lists
//! them. Whether the pieces are what the manifest says is for the one who reads it to verify.

/// The version that is written here, and the only one that is read.
pub const VERSION: u32 = 1;

/// What the body of an answer with a whole snapshot is called.
pub const MEDIA_TYPE: &str = "application/vnd.eos.snapshot";

/// Parameter of the request: the most bytes that the answer may have. More is answered with 413.
pub const AT_MOST: &str = "at_most";

const MAGIC: &[u8; 8] = b"eos-snap";
const FIXED: usize = MAGIC.len() + 4 + 4 + 8;

/// The head for a manifest and parts of so many bytes.
pub fn head(manifest: u64, parts: &[u64]) -> Vec<u8> {
    let mut head = Vec::with_capacity(FIXED + 8 * parts.len());
    head.extend(MAGIC);
    head.extend(VERSION.to_le_bytes());
    head.extend((parts.len() as u32).to_le_bytes());
    head.extend(manifest.to_le_bytes());
    parts.iter().for_each(|part| head.extend(part.to_le_bytes()));
    head
}

/// Bytes of the whole body; none if they do not fit 64 bits.
pub fn length(manifest: u64, parts: &[u64]) -> Option<u64> {
    let head = (FIXED + 8 * parts.len()) as u64;
    parts.iter().try_fold(head.checked_add(manifest)?, |sum, part| sum.checked_add(*part))
}

/// The pieces of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded<'a> {
    /// The signed manifest.
    pub manifest: &'a [u8],
    /// The part files, in the manifest's order.
    pub parts: Vec<&'a [u8]>,
}

/// Why bytes are no such body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// They begin with something else.
    #[error("it is no embedded snapshot")]
    Other,
    /// A newer version.
    #[error("it has version {found} of the form, and only {VERSION} is known here")]
    Version {
        /// What it says.
        found: u32,
    },
    /// The pieces are longer or shorter than the body.
    #[error("its pieces do not make up its length")]
    Length,
}

impl<'a> Embedded<'a> {
    /// Takes a body apart; anything that the head does not announce is refused.
    ///
    /// # Errors
    /// When it is something else, of another version, too short or too long.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let (magic, rest) = body.split_first_chunk::<8>().ok_or(Fault::Other)?;
        if magic != MAGIC {
            return Err(Fault::Other);
        }
        let (version, rest) = rest.split_first_chunk().ok_or(Fault::Length)?;
        let found = u32::from_le_bytes(*version);
        if found != VERSION {
            return Err(Fault::Version { found });
        }
        let (count, rest) = rest.split_first_chunk().ok_or(Fault::Length)?;
        let (manifest, rest) = rest.split_first_chunk().ok_or(Fault::Length)?;
        let count = u32::from_le_bytes(*count) as usize;
        let table = count.checked_mul(8).filter(|table| *table <= rest.len()).ok_or(Fault::Length)?;
        let (table, rest) = rest.split_at(table);
        let (manifest, mut rest) = piece(rest, u64::from_le_bytes(*manifest))?;
        let mut parts = Vec::with_capacity(count);
        for length in table.as_chunks().0 {
            let (part, left) = piece(rest, u64::from_le_bytes(*length))?;
            parts.push(part);
            rest = left;
        }
        if rest.is_empty() { Ok(Self { manifest, parts }) } else { Err(Fault::Length) }
    }
}

fn piece(bytes: &[u8], length: u64) -> Result<(&[u8], &[u8]), Fault> {
    let length = usize::try_from(length).map_err(|_| Fault::Length)?;
    bytes.split_at_checked(length).ok_or(Fault::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(manifest: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let lengths: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
        [&head(manifest.len() as u64, &lengths)[..], manifest, &parts.concat()].concat()
    }

    #[test]
    fn a_body_is_taken_apart_as_it_was_put_together() {
        let empty: &[&[u8]] = &[];
        for parts in [empty, &[b""], &[b"abc", b"", b"defg"]] {
            let whole = body(b"{}", parts);
            let lengths: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
            assert_eq!(length(2, &lengths), Some(whole.len() as u64));
            assert_eq!(Embedded::parse(&whole), Ok(Embedded { manifest: b"{}", parts: parts.to_vec() }));
        }
        assert_eq!(length(u64::MAX, &[]), None);
    }

    #[test]
    fn a_body_that_is_cut_longer_or_something_else_is_refused() {
        let whole = body(b"{}", &[b"abc"]);
        for cut in 8..whole.len() {
            assert_eq!(Embedded::parse(&whole[..cut]), Err(Fault::Length), "{cut}");
        }
        assert_eq!(Embedded::parse(&[&whole[..], b"x"].concat()), Err(Fault::Length));
        assert_eq!(Embedded::parse(b"{\"version\":1}"), Err(Fault::Other));
        assert_eq!(Embedded::parse(b"eos"), Err(Fault::Other));
        let mut newer = whole.clone();
        newer[8] = 2;
        assert_eq!(Embedded::parse(&newer), Err(Fault::Version { found: 2 }));
        assert_eq!(
            Fault::Version { found: 2 }.to_string(),
            "it has version 2 of the form, and only 1 is known here"
        );
    }

    #[test]
    fn lengths_that_no_body_has_are_refused_without_taking_memory() {
        let mut many = body(b"", &[]);
        many[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Embedded::parse(&many), Err(Fault::Length));
        let mut long = body(b"", &[b""]);
        long[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Embedded::parse(&long), Err(Fault::Length));
        let mut parts = body(b"", &[b"", b""]);
        parts[24..40].fill(0xff);
        assert_eq!(Embedded::parse(&parts), Err(Fault::Length));
    }

    #[test]
    fn the_form_of_version_1_stays_readable() {
        let body = include_bytes!("../../tests/fixtures/v1/wire/embedded.bin");
        let embedded = Embedded::parse(body).unwrap();
        assert_eq!((embedded.manifest, embedded.parts), (&b"{\"a\":1}"[..], vec![&b"abc"[..], b"", b"de"]));
    }
}
