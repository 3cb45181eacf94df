//! One record of a batch, read from a slice or from a stream of unpacked bytes, without building it.
//!
//! A record: length (varint), attributes (1 byte), timestamp delta (varlong), offset delta (varint), key, value (each a
//! varint length, -1 for null, and bytes), number of headers (varint), headers (key and value). Whatever the bytes say,
//! reading stops at their end (TRAPS 68).

use super::compress::{DecompressError, Inflater};
use super::varint::{VARINT_BYTES_MAX, VARLONG_BYTES_MAX, unzigzag_32, unzigzag_64};

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRecord {
    #[error("the records end in the middle of a record")]
    Truncated,
    #[error("a number has too many bytes")]
    Varint,
    #[error("a length of {0}")]
    Length(i32),
    #[error("{0} record headers")]
    HeadersCount(i32),
    #[error("a record's length is not the length of its fields")]
    Size,
    #[error("a record {0} offsets behind the first of a batch that does not go so far")]
    OffsetDelta(i32),
    #[error(transparent)]
    Decompress(#[from] DecompressError),
}

/// The fixed fields of a record, and how long its key and value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    /// -1 for null.
    pub key_bytes: i32,
    /// -1 for null.
    pub value_bytes: i32,
}

/// Bytes that numbers are read from.
pub(crate) trait Numbers {
    /// The next byte.
    fn byte(&mut self) -> Result<u8, MalformedRecord>;
}

/// Where the bytes of records come from.
pub(crate) trait Source: Numbers {
    /// Passes over `n` bytes.
    fn skip(&mut self, n: usize) -> Result<(), MalformedRecord>;
    /// Bytes taken since the start.
    fn taken(&self) -> usize;
    /// Whether nothing is left.
    fn is_at_end(&mut self) -> Result<bool, MalformedRecord>;
}

/// Reads one record, passing over key, value and headers.
#[inline]
pub(crate) fn skip_record<S: Source>(source: &mut S) -> Result<RecordHead, MalformedRecord> {
    let length = varint(source)?;
    let end = usize::try_from(length).map_err(|_| MalformedRecord::Length(length))?;
    let end = source.taken().checked_add(end).ok_or(MalformedRecord::Length(length))?;
    source.byte()?;
    let timestamp_delta = varlong(source)?;
    let offset_delta = varint(source)?;
    let key_bytes = skip_bytes(source)?;
    let value_bytes = skip_bytes(source)?;
    let headers = varint(source)?;
    if headers != 0 {
        skip_headers(source, headers, end)?;
    }
    if source.taken() != end {
        return Err(MalformedRecord::Size);
    }
    Ok(RecordHead { timestamp_delta, offset_delta, key_bytes, value_bytes })
}

/// A header has two bytes at least; more headers than bytes are refused before the first is read.
fn skip_headers<S: Source>(source: &mut S, count: i32, end: usize) -> Result<(), MalformedRecord> {
    let left = end.saturating_sub(source.taken());
    if usize::try_from(count).map_or(true, |count| count > left) {
        return Err(MalformedRecord::HeadersCount(count));
    }
    for _ in 0..count {
        let key_bytes = skip_bytes(source)?;
        if key_bytes < 0 {
            return Err(MalformedRecord::Length(key_bytes));
        }
        skip_bytes(source)?;
    }
    Ok(())
}

/// Passes over a length and as many bytes; gives the length, -1 for null. Kafka takes every negative length for null,
/// librdkafka does not, so that a consumer would stop there: refused.
#[inline]
fn skip_bytes<S: Source>(source: &mut S) -> Result<i32, MalformedRecord> {
    let length = varint(source)?;
    match usize::try_from(length) {
        Ok(n) => source.skip(n)?,
        Err(_) if length == -1 => {}
        Err(_) => return Err(MalformedRecord::Length(length)),
    }
    Ok(length)
}

/// A 32-bit number of at most 5 bytes.
#[inline]
pub(crate) fn varint<S: Numbers>(source: &mut S) -> Result<i32, MalformedRecord> {
    let first = source.byte()?;
    let bits = if first < 0x80 { u64::from(first) } else { long(source, first, VARINT_BYTES_MAX)? };
    // As in Kafka, bits above the 32nd are dropped.
    Ok(unzigzag_32(bits as u32))
}

/// A 64-bit number of at most 10 bytes.
#[inline]
pub(crate) fn varlong<S: Numbers>(source: &mut S) -> Result<i64, MalformedRecord> {
    let first = source.byte()?;
    let bits = if first < 0x80 { u64::from(first) } else { long(source, first, VARLONG_BYTES_MAX)? };
    Ok(unzigzag_64(bits))
}

/// The rest of a number of more than one byte.
fn long<S: Numbers>(source: &mut S, first: u8, bytes_max: u32) -> Result<u64, MalformedRecord> {
    let mut bits = u64::from(first & 0x7f);
    for i in 1..bytes_max {
        let byte = source.byte()?;
        bits |= u64::from(byte & 0x7f).wrapping_shl(i.wrapping_mul(7));
        if byte < 0x80 {
            return Ok(bits);
        }
    }
    Err(MalformedRecord::Varint)
}

/// Records that lie in memory.
pub(crate) struct SliceSource<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> SliceSource<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len() }
    }
}

impl Numbers for SliceSource<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, MalformedRecord> {
        let (byte, rest) = self.rest.split_first().ok_or(MalformedRecord::Truncated)?;
        self.rest = rest;
        Ok(*byte)
    }
}

impl Source for SliceSource<'_> {
    #[inline]
    fn skip(&mut self, n: usize) -> Result<(), MalformedRecord> {
        self.rest = self.rest.get(n..).ok_or(MalformedRecord::Truncated)?;
        Ok(())
    }

    #[inline]
    fn taken(&self) -> usize {
        self.total.wrapping_sub(self.rest.len())
    }

    fn is_at_end(&mut self) -> Result<bool, MalformedRecord> {
        Ok(self.rest.is_empty())
    }
}

/// Bytes that are unpacked at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// Records that are unpacked while they are read.
pub(crate) struct StreamSource<'a> {
    inflater: Inflater<'a>,
    piece: Box<[u8]>,
    /// The part of `piece` that is filled and not yet taken.
    start: usize,
    end: usize,
    taken: usize,
}

impl<'a> StreamSource<'a> {
    pub(crate) fn new(inflater: Inflater<'a>) -> Self {
        Self { inflater, piece: vec![0; PIECE_BYTES].into(), start: 0, end: 0, taken: 0 }
    }

    /// Unpacks the next piece if nothing is left of the last one; false at the end.
    #[cold]
    fn fill(&mut self) -> Result<bool, MalformedRecord> {
        self.start = 0;
        self.end = 0;
        self.end = self.inflater.read(&mut self.piece)?;
        Ok(self.end > 0)
    }
}

impl Numbers for StreamSource<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, MalformedRecord> {
        if self.start >= self.end && !self.fill()? {
            return Err(MalformedRecord::Truncated);
        }
        let byte = *self.piece.get(self.start).ok_or(MalformedRecord::Truncated)?;
        self.start = self.start.wrapping_add(1);
        self.taken = self.taken.wrapping_add(1);
        Ok(byte)
    }
}

impl Source for StreamSource<'_> {
    #[inline]
    fn skip(&mut self, n: usize) -> Result<(), MalformedRecord> {
        let mut left = n;
        while left > 0 {
            if self.start >= self.end && !self.fill()? {
                return Err(MalformedRecord::Truncated);
            }
            let step = left.min(self.end.wrapping_sub(self.start));
            self.start = self.start.wrapping_add(step);
            left = left.wrapping_sub(step);
        }
        self.taken = self.taken.wrapping_add(n);
        Ok(())
    }

    #[inline]
    fn taken(&self) -> usize {
        self.taken
    }

    fn is_at_end(&mut self) -> Result<bool, MalformedRecord> {
        Ok(self.start >= self.end && !self.fill()?)
    }
}
