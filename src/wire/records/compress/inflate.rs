//! A stream of unpacked bytes with a cap.

use std::io::Read;

use super::{DecompressError, ZSTD_WINDOW_LOG_MAX, lz4, snappy};
use crate::records::header::Compression;

/// Unpacks a slice piece by piece, never more than its cap in total.
pub struct Inflater<'a> {
    codec: Compression,
    decoder: Decoder<'a>,
    /// Bytes that may still come out.
    bytes_left: usize,
    bytes_max: usize,
}

enum Decoder<'a> {
    Plain(&'a [u8]),
    Gzip(Box<flate2::bufread::MultiGzDecoder<&'a [u8]>>),
    Snappy(snappy::Blocks<'a>),
    Lz4(Box<lz4::Frame<'a>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, &'a [u8]>>),
}

impl<'a> Inflater<'a> {
    /// Prepares to unpack `packed` to at most `output_bytes_max` bytes.
    ///
    /// # Errors
    /// When the front of `packed` shows already that it is no data of this codec.
    pub fn new(
        codec: Compression,
        packed: &'a [u8],
        output_bytes_max: usize,
    ) -> Result<Self, DecompressError> {
        let decoder = match codec {
            Compression::None => Decoder::Plain(packed),
            Compression::Gzip => Decoder::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(packed))),
            Compression::Snappy => Decoder::Snappy(snappy::Blocks::new(packed)?),
            Compression::Lz4 => Decoder::Lz4(Box::new(lz4::Frame::new(packed)?)),
            Compression::Zstd => Decoder::Zstd(Box::new(zstd_decoder(packed)?)),
        };
        Ok(Self { codec, decoder, bytes_left: output_bytes_max, bytes_max: output_bytes_max })
    }

    /// Fills the front of `out` and says how far; 0 at the end, or if `out` is empty.
    ///
    /// # Errors
    /// See [`DecompressError`].
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, DecompressError> {
        let n = match &mut self.decoder {
            Decoder::Plain(rest) => rest.read(out),
            Decoder::Gzip(decoder) => decoder.read(out),
            Decoder::Snappy(blocks) => return blocks.read(out, &mut self.bytes_left, self.bytes_max),
            Decoder::Lz4(frame) => frame.read(out),
            Decoder::Zstd(decoder) => decoder.read(out),
        };
        let n = n.map_err(|e| DecompressError::corrupt(self.codec, e))?;
        let left = self.bytes_left.checked_sub(n);
        self.bytes_left = left.ok_or(DecompressError::TooLarge { bytes_max: self.bytes_max })?;
        Ok(n)
    }
}

fn zstd_decoder(packed: &[u8]) -> Result<zstd::stream::read::Decoder<'static, &[u8]>, DecompressError> {
    let corrupt = |e| DecompressError::corrupt(Compression::Zstd, e);
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(corrupt)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
    Ok(decoder)
}
