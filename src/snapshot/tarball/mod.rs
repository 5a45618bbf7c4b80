//! Ordinary tar archives, compressed with zstd: one of a directory is made, and any one is unpacked.
//!
//! An archive from anywhere is hostile: it is refused as a whole, with the reason and nothing left behind,
//! when any of it could mean two things or reach out of the directory that it is unpacked into.

mod error;
mod extension;
mod header;
mod input;
mod pack;
mod place;
mod reader;
mod staging;
#[cfg(test)]
mod tests;
mod unpack;

pub use error::TarballError;
#[cfg(test)]
pub(crate) use error::samples;
pub use pack::{Packed, Packing, pack};
pub use unpack::{Allowed, Unpacked, unpack};
