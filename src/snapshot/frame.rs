//! zstd frames and the seek table at the end of a part (the zstd seekable format), pure.

use super::manifest::FRAME_LIMIT;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// The largest window a frame may ask for, as a power of two: 8 MiB, twice the largest frame.
const WINDOW_LOG_LIMIT: u8 = 23;

/// The most bytes that a frame of `FRAME_LIMIT` compresses to.
pub fn compressed_limit() -> usize {
    zstd_safe::compress_bound(FRAME_LIMIT as usize)
}

/// Bytes of the seek table of so many frames.
pub fn seek_table_length(frames: usize) -> usize {
    8 + frames * 8 + 9
}

/// The seek table: a skippable frame that zstd ignores and seekable readers use.
///
/// Each pair is the compressed and the uncompressed length of a frame.
pub fn seek_table(frames: impl ExactSizeIterator<Item = (u32, u32)>) -> Vec<u8> {
    let count = frames.len();
    let length = seek_table_length(count);
    let mut table = Vec::with_capacity(length);
    table.extend(SKIPPABLE_MAGIC.to_le_bytes());
    table.extend((length as u32 - 8).to_le_bytes());
    for (compressed, uncompressed) in frames {
        table.extend(compressed.to_le_bytes());
        table.extend(uncompressed.to_le_bytes());
    }
    table.extend((count as u32).to_le_bytes());
    table.push(0); // no checksums in the table: the manifest has better ones
    table.extend(SEEKABLE_MAGIC.to_le_bytes());
    table
}

/// A compressor of independent frames that state their content's size and carry a checksum.
pub fn compressor(level: i32) -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

/// Decompresses one frame whose bytes are already verified, into exactly its stated length.
///
/// The error says what is wrong with the frame; then `into` holds anything.
pub fn decompress(
    decompressor: &mut Decompressor<'_>,
    bytes: &[u8],
    into: &mut [u8],
) -> Result<(), &'static str> {
    check_header(bytes, into.len())?;
    let length = decompressor
        .decompress_to_buffer(bytes, into)
        .map_err(|_| "it does not decompress to its stated length")?;
    if length == into.len() { Ok(()) } else { Err("it holds fewer bytes than stated") }
}

fn check_header(bytes: &[u8], uncompressed: usize) -> Result<(), &'static str> {
    if bytes.len() < 6 || bytes[..4] != ZSTD_MAGIC {
        return Err("it is not a zstd frame");
    }
    let descriptor = bytes[4];
    if descriptor & 0b11 != 0 {
        return Err("it asks for a dictionary");
    }
    let single_segment = descriptor & 0b10_0000 != 0;
    if !single_segment && 10 + (bytes[5] >> 3) > WINDOW_LOG_LIMIT {
        return Err("it asks for a window of more than 8 MiB");
    }
    match zstd_safe::get_frame_content_size(bytes) {
        Ok(Some(size)) if size != uncompressed as u64 => {
            return Err("it states another length than the manifest");
        }
        Ok(_) => {}
        Err(_) => return Err("its header is damaged"),
    }
    match zstd_safe::find_frame_compressed_size(bytes) {
        Ok(length) if length == bytes.len() => Ok(()),
        Ok(_) => Err("it is followed by other bytes"),
        Err(_) => Err("it is cut off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn open(bytes: &[u8], length: u32) -> Result<Vec<u8>, &'static str> {
        crate::snapshot::seeds::keep("frame", &[b"L", &length.to_le_bytes()[..3], bytes].concat());
        let mut into = vec![0; length as usize];
        decompress(&mut Decompressor::new().unwrap(), bytes, &mut into).map(|()| into)
    }

    #[test]
    fn a_frame_is_read_back_and_says_its_length() {
        let frame = compressor(3).unwrap().compress(&[7; 5000]).unwrap();
        assert_eq!(open(&frame, 5000), Ok(vec![7; 5000]));
        assert_eq!(open(&frame, 4999), Err("it states another length than the manifest"));
    }

    #[test]
    fn a_bomb_never_gets_more_room_than_its_stated_length() {
        // A stream without a stated content size, 64 MiB of zeros in a few kilobytes.
        let bomb = zstd::stream::encode_all(std::io::repeat(0).take(64 << 20), 3).unwrap();
        assert_eq!(open(&bomb, 4096), Err("it does not decompress to its stated length"));
    }

    #[test]
    fn odd_frames_are_refused_by_name() {
        let good = compressor(3).unwrap().compress(b"some bytes of content").unwrap();
        let two = [good.clone(), good.clone()].concat();
        assert_eq!(open(&two, 21), Err("it is followed by other bytes"));
        assert_eq!(
            open(&[good.clone(), seek_table([].into_iter())].concat(), 21),
            Err("it is followed by other bytes")
        );
        assert_eq!(open(&good[..good.len() - 1], 21), Err("it is cut off"));
        assert_eq!(open(&seek_table([(1, 1)].into_iter()), 21), Err("it is not a zstd frame"));
        let mut dictionary = good.clone();
        dictionary[4] |= 1;
        assert_eq!(open(&dictionary, 21), Err("it asks for a dictionary"));
        let window = [0x28, 0xB5, 0x2F, 0xFD, 0, (31 - 10) << 3, 1, 0, 0];
        assert_eq!(open(&window, 21), Err("it asks for a window of more than 8 MiB"));
        let mut checksum = good.clone();
        *checksum.last_mut().unwrap() ^= 1;
        assert_eq!(open(&checksum, 21), Err("it does not decompress to its stated length"));
    }
}
