//! Reads a signed manifest in one pass, in memory that does not grow with it: which one it is, who signed it, and its
//! outline (pure, but for the reader that it is given).
//!
//! It knows the one form that [`SignedManifest::to_bytes`] writes: the manifest is a JSON string in which nothing but
//! quotes and backslashes are escaped.

use super::outline::Lean;
use super::{ManifestError, Outline, SignedManifest, VERSION, Verifier};
use crate::model::ids::SnapshotId;
use serde::de::Error as _;
use std::io::{self, BufRead, BufReader, Read};

/// The most bytes of a certificate or a signature.
const LONGEST: usize = 256 << 10;

/// Bytes that the parser takes at a time.
const CHUNK: usize = 64 << 10;

/// What one pass tells of a signed manifest.
#[derive(Debug)]
pub struct Skimmed {
    /// Its id: the digest of the manifest as it is.
    pub id: SnapshotId,
    /// Its outline, or why it has none; nothing of it is judged.
    pub outline: Result<Outline, ManifestError>,
    /// Certificate and signature, without the manifest.
    empty: SignedManifest,
}

impl Skimmed {
    /// Whether it is the wanted one and the signature is good, as [`SignedManifest::judge`] has it.
    ///
    /// # Errors
    /// When it is another one, or nobody signed it who may.
    pub fn judge(&self, wanted: &SnapshotId, verifier: &dyn Verifier) -> Result<(), ManifestError> {
        self.empty.judge_as(&self.id, wanted, verifier)
    }
}

/// Reads all of it.
///
/// # Errors
/// When it has not the form, or cannot be read.
pub fn skim(from: impl Read) -> Result<Skimmed, ManifestError> {
    let unreadable =
        |error: io::Error| ManifestError::Unreadable { source: serde_json::Error::custom(error) };
    let mut from = BufReader::with_capacity(CHUNK, from);
    let mut read = || {
        expect(&mut from, b"{\"certificate\":\"")?;
        let certificate = short(&mut from)?;
        expect(&mut from, b",\"manifest\":\"")?;
        let mut content = Hashing {
            from: Unquoting { from: &mut from, over: false, broken: false },
            hasher: blake3::Hasher::new(),
        };
        let lean = serde_json::from_reader::<_, Lean>(BufReader::with_capacity(CHUNK, &mut content));
        // What the parser left is of the manifest too.
        io::copy(&mut content, &mut io::sink())?;
        let digest = content.hasher.finalize().to_hex();
        expect(&mut from, b",\"signature\":\"")?;
        let signature = short(&mut from)?;
        expect(&mut from, b",\"version\":")?;
        let version = number(&mut from)?;
        blank(&mut from)?;
        Ok((certificate, lean, digest, signature, version))
    };
    let (certificate, lean, digest, signature, version) = read().map_err(unreadable)?;
    if version != VERSION {
        return Err(ManifestError::Version { found: version, known: VERSION });
    }
    let outline = lean.map_err(|source| ManifestError::Unreadable { source }).and_then(Lean::outline);
    let id = SnapshotId::parse(digest.as_str()).map_err(|_| unreadable(form("its digest is no id")))?;
    Ok(Skimmed { id, outline, empty: SignedManifest::empty(certificate, signature) })
}

fn form(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Takes exactly these bytes.
fn expect(from: &mut impl Read, bytes: &[u8]) -> io::Result<()> {
    let mut found = vec![0; bytes.len()];
    from.read_exact(&mut found)?;
    if found == bytes { Ok(()) } else { Err(form("it has not the form of a signed manifest")) }
}

/// The rest of a JSON string, behind its first quote, of a length that is kept.
fn short(from: &mut impl BufRead) -> io::Result<String> {
    let mut quoted = vec![b'"'];
    loop {
        let byte = next(from)?;
        quoted.push(byte);
        match byte {
            b'"' => break,
            b'\\' => quoted.push(next(from)?),
            _ => {}
        }
        if quoted.len() > LONGEST {
            return Err(form("its certificate or signature is too long"));
        }
    }
    serde_json::from_slice(&quoted).map_err(io::Error::from)
}

/// The number that is the last of an object.
fn number(from: &mut impl BufRead) -> io::Result<u32> {
    let mut number = 0u32;
    loop {
        match next(from)? {
            digit @ b'0'..=b'9' => {
                let more =
                    number.checked_mul(10).and_then(|number| number.checked_add(u32::from(digit - b'0')));
                number = more.ok_or_else(|| form("its version is no number"))?;
            }
            b'}' => return Ok(number),
            _ => return Err(form("its version is no number")),
        }
    }
}

/// Nothing but white space to the end.
fn blank(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let rest = from.fill_buf()?;
        if rest.is_empty() {
            return Ok(());
        }
        if !rest.iter().all(u8::is_ascii_whitespace) {
            return Err(form("it goes on after its end"));
        }
        let length = rest.len();
        from.consume(length);
    }
}

fn next(from: &mut impl BufRead) -> io::Result<u8> {
    let byte = *from.fill_buf()?.first().ok_or(io::ErrorKind::UnexpectedEof)?;
    from.consume(1);
    Ok(byte)
}

/// What a JSON string means, up to its last quote, which is taken too.
struct Unquoting<'a, R> {
    from: &'a mut R,
    over: bool,
    /// Whether it was found not to have the form; nothing more is read of it then.
    broken: bool,
}

impl<R: BufRead> Unquoting<'_, R> {
    /// What stands before the next quote or backslash, or one escaped character.
    fn some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let come = self.from.fill_buf()?;
        if come.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let most = come.len().min(into.len());
        let plain = come[..most].iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(most);
        if plain > 0 {
            into[..plain].copy_from_slice(&come[..plain]);
            self.from.consume(plain);
            return Ok(plain);
        }
        if next(self.from)? == b'"' {
            self.over = true;
            return Ok(0);
        }
        let escaped = next(self.from)?;
        self.broken = !matches!(escaped, b'"' | b'\\');
        into[0] = escaped;
        Ok(1)
    }
}

/// As much as there is room for: quotes stand close to each other, and whoever reads pays for each call.
impl<R: BufRead> Read for Unquoting<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < into.len() && !self.over && !self.broken {
            length += self.some(&mut into[length..])?;
        }
        if self.broken { Err(form("it escapes what needs no escape")) } else { Ok(length) }
    }
}

/// Hashes what is read.
struct Hashing<R> {
    from: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(into)?;
        self.hasher.update(&into[..length]);
        Ok(length)
    }
}
