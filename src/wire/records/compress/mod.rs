//! The four codecs of record batches: packing, and unpacking with bounded memory.
//!
//! Unpacking streams: a caller takes as much as it needs, and the total is capped, so that a few bytes cannot become
//! gigabytes (FAULTS "Decompression bomb", TRAPS 68). No declared size is believed. What must not be here: records.

mod inflate;
mod lz4;
mod snappy;
#[cfg(test)]
mod tests;

use std::io::Write;

use bytes::Bytes;

pub use inflate::Inflater;

use super::header::Compression;

/// The largest zstd window that is accepted, as a power of two: 128 MiB, the library's own default and what level 22
/// asks for whenever its input comes as a stream. The window's pages are touched only as far as output is produced.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Why compressed bytes could not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    #[error("the bytes are no {codec:?} data: {reason}")]
    Corrupt { codec: Compression, reason: String },
    #[error("the data unpacks to more than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
}

impl DecompressError {
    fn corrupt(codec: Compression, reason: impl ToString) -> Self {
        Self::Corrupt { codec, reason: reason.to_string() }
    }
}

/// Why bytes could not be packed: the codec's library refused, which it does for levels it does not know.
#[derive(Debug, thiserror::Error)]
#[error("{codec:?} cannot compress at level {level}")]
pub struct CompressError {
    codec: Compression,
    level: i32,
    #[source]
    source: std::io::Error,
}

/// The level that Kafka uses where `compression.<codec>.level` is not set; 0 for codecs without levels.
pub const fn default_level(codec: Compression) -> i32 {
    match codec {
        Compression::None | Compression::Snappy => 0,
        Compression::Gzip => -1,
        Compression::Lz4 => 9,
        Compression::Zstd => 3,
    }
}

/// Unpacks all of `packed`, to at most `output_bytes_max` bytes. Bytes without a codec are handed back as they are.
///
/// # Errors
/// See [`DecompressError`].
pub fn decompress(
    codec: Compression,
    packed: &Bytes,
    output_bytes_max: usize,
) -> Result<Bytes, DecompressError> {
    if codec == Compression::None {
        return Ok(packed.clone());
    }
    let mut inflater = Inflater::new(codec, packed, output_bytes_max)?;
    let mut out = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let n = inflater.read(&mut piece)?;
        let Some(read) = piece.get(..n).filter(|read| !read.is_empty()) else {
            return Ok(out.into());
        };
        out.extend_from_slice(read);
    }
}

/// Packs `plain` in the form that Java clients read: gzip and zstd frames, snappy in snappy-java's blocks, an LZ4 frame
/// of independent 64 KiB blocks. `level` is Kafka's `compression.<codec>.level`, 0 the codec's default; snappy has none,
/// and LZ4 is always packed fast, since the library has one level only.
///
/// # Errors
/// When the codec's library refuses, see [`CompressError`].
pub fn compress(codec: Compression, level: i32, plain: &[u8]) -> Result<Vec<u8>, CompressError> {
    let packed = match codec {
        Compression::None => Ok(plain.to_vec()),
        Compression::Gzip => gzip(level, plain),
        Compression::Snappy => snappy::compress(plain),
        Compression::Lz4 => lz4::compress(plain),
        Compression::Zstd => zstd::bulk::compress(plain, level),
    };
    packed.map_err(|source| CompressError { codec, level, source })
}

fn gzip(level: i32, plain: &[u8]) -> std::io::Result<Vec<u8>> {
    // Kafka allows 1 to 9 and, for zlib's own default, -1; 0 would not compress at all.
    let level = u32::try_from(level).ok().filter(|level| (1..=9).contains(level));
    let level = level.map_or_else(flate2::Compression::default, flate2::Compression::new);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain)?;
    encoder.finish()
}
