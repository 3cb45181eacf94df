//! LZ4 frames as Kafka's clients write them: version 1, independent blocks.
//!
//! The library reads a frame that ends without an end mark as if it were whole, and goes on with whatever lies behind
//! it. Kafka's Java code refuses the first and never looks at the second, so the frame is measured here before it is
//! unpacked.

use std::io::{Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::DecompressError;
use crate::records::header::Compression;

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();

/// One frame that is known to end.
pub(super) struct Frame<'a>(FrameDecoder<&'a [u8]>);

impl<'a> Frame<'a> {
    pub(super) fn new(packed: &'a [u8]) -> Result<Self, DecompressError> {
        Ok(Self(FrameDecoder::new(first_frame(packed)?)))
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(out)?;
        if n == 0 && !out.is_empty() && !self.0.get_ref().is_empty() {
            // The library takes a block of no bytes for the end.
            return Err(std::io::Error::other("an empty block stands before the end mark"));
        }
        Ok(n)
    }
}

/// The bytes of the frame at the front of `packed`, end mark and checksum included; goes from block to block without
/// unpacking any.
fn first_frame(packed: &[u8]) -> Result<&[u8], DecompressError> {
    let cut = || corrupt("the frame is cut");
    let rest = packed.strip_prefix(&MAGIC).ok_or_else(|| corrupt("it does not begin like a frame"))?;
    let flags = *rest.first().ok_or_else(cut)?;
    if flags & 0xe0 != 0x60 {
        return Err(corrupt("the frame's blocks depend on one another, or its version is not 1"));
    }
    let block_checksum = if flags & 0x10 != 0 { 4_usize } else { 0 };
    let content_size = if flags & 0x08 != 0 { 8_usize } else { 0 };
    let content_checksum = if flags & 0x04 != 0 { 4_usize } else { 0 };
    // Behind the flags: block size, perhaps the content's size, checksum of the descriptor.
    let mut rest = rest.get(content_size.saturating_add(3)..).ok_or_else(cut)?;
    loop {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        // The highest bit says that the block is not packed.
        let length = (u32::from_le_bytes(*length) & 0x7fff_ffff) as usize;
        if length == 0 {
            let behind = behind.get(content_checksum..).ok_or_else(cut)?;
            let frame = packed.len().saturating_sub(behind.len());
            return packed.get(..frame).ok_or_else(cut);
        }
        rest = behind.get(length.saturating_add(block_checksum)..).ok_or_else(cut)?;
    }
}

/// Packs `plain` as Kafka's Java clients do: independent blocks of 64 KiB, no checksums but the descriptor's.
pub(super) fn compress(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain)?;
    encoder.finish().map_err(std::io::Error::other)
}

fn corrupt(reason: &str) -> DecompressError {
    DecompressError::corrupt(Compression::Lz4, reason)
}
