//! One tar header block, read strictly: what it does not say plainly is refused (pure).
//!
//! POSIX ustar, GNU and the oldest headers without a magic are understood; numbers are octal or base-256.

/// Bytes of a tar block.
pub(super) const BLOCK: usize = 512;

/// What a header says, before its extensions are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The path as it stands there.
    pub(super) path: Vec<u8>,
    /// The 12 permission bits, and whatever stands above them.
    pub(super) mode: i64,
    /// The owner's number.
    pub(super) uid: i64,
    /// The group's number.
    pub(super) gid: i64,
    /// Bytes of content.
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
    /// The type.
    pub(super) kind: u8,
    /// The target of a link.
    pub(super) target: Vec<u8>,
}

/// Whether the block marks the end of the archive.
pub(super) fn is_end(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Whether the block is a header by its checksum.
pub(super) fn is_header(block: &[u8; BLOCK]) -> bool {
    number(&block[148..156]).is_ok_and(|stated| stated == checksum(block))
}

/// Reads a header.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Header, &'static str> {
    if !is_header(block) {
        return Err("the checksum of a header is wrong");
    }
    let size = number(&block[124..136])?;
    // Some readers take that for 0, and others for an error.
    if block[124..136].iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Err("a header states no size");
    }
    let prefix = if &block[257..263] == b"ustar\0" { text(&block[345..500]) } else { b"" };
    let known = matches!(&block[257..265], b"ustar\x0000" | b"ustar  \0");
    if !known && (!prefix.is_empty() || matches!(block[156], b'x' | b'g' | b'L' | b'K')) {
        // Some readers go by the type or the prefix alone, and others find an ordinary file.
        return Err("a header extends a name and is of no known form");
    }
    let name = text(&block[0..100]);
    let path = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
    Ok(Header {
        path,
        mode: number(&block[100..108])?,
        uid: number(&block[108..116])?,
        gid: number(&block[116..124])?,
        size: u64::try_from(size).map_err(|_| "a size is negative")?,
        modified: number(&block[136..148])?,
        kind: block[156],
        target: text(&block[157..257]).to_vec(),
    })
}

/// The sum of all bytes, with the checksum itself taken for spaces.
fn checksum(block: &[u8; BLOCK]) -> i64 {
    let of = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte)).sum::<i64>();
    of(block) - of(&block[148..156]) + 8 * i64::from(b' ')
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn number(field: &[u8]) -> Result<i64, &'static str> {
    if field[0] & 0x80 != 0 {
        return base_256(field);
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err("a number of a header is not one");
    }
    digits.iter().try_fold(0i64, |sum, digit| match digit {
        b'0'..=b'7' => sum
            .checked_mul(8)
            .and_then(|sum| sum.checked_add(i64::from(digit - b'0')))
            .ok_or("a number of a header is too large"),
        _ => Err("a number of a header is not octal"),
    })
}

/// Two's complement, most significant byte first; the topmost bit only marks the form.
fn base_256(field: &[u8]) -> Result<i64, &'static str> {
    let negative = field[0] & 0x40 != 0;
    let first = if negative { field[0] } else { field[0] & 0x7f };
    let start = if negative { -1i128 } else { 0 };
    let mut sum = start;
    for (index, byte) in field.iter().enumerate() {
        let byte = if index == 0 { first } else { *byte };
        if sum > i128::from(i64::MAX) || sum < i128::from(i64::MIN) {
            return Err("a number of a header is too large");
        }
        sum = (sum << 8) | i128::from(byte);
    }
    i64::try_from(sum).map_err(|_| "a number of a header is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256_and_nothing_else() {
        assert_eq!(number(b"0000644\0"), Ok(0o644));
        assert_eq!(number(b"   644 \0"), Ok(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(number(b"0000648\0"), Err("a number of a header is not octal"));
        assert_eq!(number(b"-000644\0"), Err("a number of a header is not one"));
        assert_eq!(number(b"64\x004\0\0\0\0"), Err("a number of a header is not one"));
        assert_eq!(number(&[0x80, 0, 0, 0, 1, 0, 0, 0]), Ok(1 << 24));
        assert_eq!(number(&[0xff; 8]), Ok(-1));
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf9]), Ok(-7));
        let large = [0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(number(&large), Err("a number of a header is too large"));
        assert_eq!(number(b"777777777777"), Ok(0o777_777_777_777));
    }
}
