//! Snappy as Kafka's clients write it: the blocks of snappy-java (Java, Go), or one bare block (librdkafka).
//!
//! The form of snappy-java: `\x82SNAPPY\0`, a version and the oldest compatible version (4 bytes each), then blocks,
//! each a length (4 bytes, big endian) and a bare snappy block. Such streams may follow one another.

use super::DecompressError;
use crate::records::header::Compression;

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";

/// Version and compatible version as snappy-java writes them.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];

/// Plain bytes per block, snappy-java's default.
const BLOCK_BYTES: usize = 32 * 1024;

/// The best a bare block can do: a copy of three bytes stands for 64. What claims more is a lie, found before anything
/// is reserved.
const RATIO_MAX: usize = 22;

/// Bare blocks, unpacked one at a time.
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    /// How much of `block` has been handed out.
    taken: usize,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(packed: &'a [u8]) -> Result<Self, DecompressError> {
        if packed.is_empty() {
            return Err(corrupt("no bytes"));
        }
        let framed = packed.starts_with(&MAGIC);
        Ok(Self { rest: packed, framed, block: Vec::new(), taken: 0 })
    }

    /// Like `Inflater::read`; `bytes_left` is checked against what a block declares, before it is unpacked.
    pub(super) fn read(
        &mut self,
        out: &mut [u8],
        bytes_left: &mut usize,
        bytes_max: usize,
    ) -> Result<usize, DecompressError> {
        while self.taken >= self.block.len() {
            let Some(bare) = self.next_bare_block()? else { return Ok(0) };
            let declared = snap::raw::decompress_len(bare).map_err(corrupt)?;
            if declared > bare.len().saturating_mul(RATIO_MAX) {
                return Err(corrupt("a block claims more than it can hold"));
            }
            let left = bytes_left.checked_sub(declared);
            *bytes_left = left.ok_or(DecompressError::TooLarge { bytes_max })?;
            self.block.clear();
            self.block.resize(declared, 0);
            self.taken = 0;
            let n = snap::raw::Decoder::new().decompress(bare, &mut self.block).map_err(corrupt)?;
            self.block.truncate(n);
        }
        let ready = self.block.get(self.taken..).unwrap_or_default();
        let n = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(n);
        Ok(n)
    }

    fn next_bare_block(&mut self) -> Result<Option<&'a [u8]>, DecompressError> {
        if !self.framed {
            let all = std::mem::take(&mut self.rest);
            return Ok(Some(all).filter(|all| !all.is_empty()));
        }
        while let Some(behind) = self.rest.strip_prefix(&MAGIC) {
            let versions = behind.split_first_chunk::<4>();
            let (version, rest) = versions.ok_or_else(|| corrupt("the stream header is cut"))?;
            if i32::from_be_bytes(*version) < 1 {
                return Err(corrupt("the stream header has a version below 1"));
            }
            self.rest = rest.get(4..).ok_or_else(|| corrupt("the stream header is cut"))?;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let length = self.rest.split_first_chunk::<4>();
        let (length, rest) = length.ok_or_else(|| corrupt("a block length is cut"))?;
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(corrupt)?;
        let (bare, rest) = rest.split_at_checked(length).ok_or_else(|| corrupt("a block is cut"))?;
        self.rest = rest;
        Ok(Some(bare))
    }
}

/// Packs `plain` in the form of snappy-java.
pub(super) fn compress(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::from(MAGIC);
    out.extend_from_slice(&VERSIONS);
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(BLOCK_BYTES) {
        let bare = encoder.compress_vec(block)?;
        let length = i32::try_from(bare.len()).map_err(std::io::Error::other)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&bare);
    }
    Ok(out)
}

fn corrupt(reason: impl ToString) -> DecompressError {
    DecompressError::corrupt(Compression::Snappy, reason)
}
