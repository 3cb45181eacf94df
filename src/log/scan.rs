//! Walks the batches of a segment file from header to header, with a buffer of fixed size.
//!
//! Bodies larger than the buffer are stepped over, or fed to the CRC piece by piece: memory does not depend on what
//! stands in the file.

use std::io;
use std::ops::Range;

use gracchus_base::Offset;
use gracchus_base::limits::BATCH_HEADER_BYTES;
use gracchus_wire::records::BatchHeader;
use gracchus_wire::records::header::CRC_COVERS_FROM;

use crate::fs::{self, Source};

/// The buffer for finding one batch.
pub(crate) const LOOKUP_BUFFER: usize = 8 * 1024;
/// The buffer for reading through a segment.
pub(crate) const SWEEP_BUFFER: usize = 256 * 1024;

/// Where the format's number stands in a batch, by which a batch can be looked for.
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;

/// How many times the bytes that are left may be read to find a batch in them: what looks like many long batches, and is
/// none, must not take for ever.
const SEARCH_READS_MAX: u64 = 4;

/// The header at `skip` in a window of which `left` bytes are left from its start on, if a batch of those offsets may
/// begin there.
fn likely_header(window: &[u8], skip: usize, left: usize, offsets: &Range<Offset>) -> Option<BatchHeader> {
    let bytes = window.get(skip..)?;
    // Most bytes are told by this one.
    bytes.get(MAGIC_AT).filter(|byte| **byte == MAGIC)?;
    let header = BatchHeader::parse(bytes).ok()?;
    let fits = skip.saturating_add(header.total_bytes()) <= left && header.last_offset_delta >= 0;
    let is_due = offsets.contains(&header.base_offset) && header.next_offset() <= offsets.end;
    (fits && is_due).then_some(header)
}

/// A walk over the batches in `position..end`.
pub(crate) struct Scan<'a> {
    source: Source<'a>,
    /// Where the next batch begins.
    position: u32,
    end: u32,
    buffer: Vec<u8>,
    /// The part of the file that `buffer` holds.
    buffered_from: u32,
    buffered_len: usize,
    buffer_max: usize,
}

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Batch {
        position: u32,
        header: BatchHeader,
    },
    /// The walk has come to its end, behind a whole batch.
    End,
    /// No whole batch begins here.
    Bad {
        position: u32,
    },
}

impl<'a> Scan<'a> {
    pub(crate) fn new(source: impl Into<Source<'a>>, position: u32, end: u32, buffer_max: usize) -> Self {
        Self {
            source: source.into(),
            position,
            end,
            buffer: Vec::new(),
            buffered_from: 0,
            buffered_len: 0,
            buffer_max,
        }
    }

    /// Reads the next header and steps over its batch. The CRC is not checked.
    pub(crate) fn next(&mut self) -> io::Result<Step> {
        let position = self.position;
        if position >= self.end {
            return Ok(Step::End);
        }
        let left = self.end.saturating_sub(position) as usize;
        let Ok(header) = BatchHeader::parse(self.bytes(position, BATCH_HEADER_BYTES)?) else {
            return Ok(Step::Bad { position });
        };
        if header.total_bytes() > left || header.last_offset_delta < 0 || header.base_offset.get() < 0 {
            return Ok(Step::Bad { position });
        }
        self.position = position.saturating_add(u32::try_from(header.total_bytes()).unwrap_or(u32::MAX));
        Ok(Step::Batch { position, header })
    }

    /// Goes to the first good batch at `from` or behind it whose offsets lie in `offsets`, over bytes that are none, and
    /// answers its place and header. The walk goes on with that batch.
    pub(crate) fn find_batch(
        &mut self,
        from: u32,
        offsets: Range<Offset>,
    ) -> io::Result<Option<(u32, BatchHeader)>> {
        let mut at = from;
        let mut budget = u64::from(self.end.saturating_sub(from)).saturating_mul(SEARCH_READS_MAX);
        loop {
            let left = self.end.saturating_sub(at) as usize;
            let window = self.bytes(at, LOOKUP_BUFFER)?;
            let Some(last) = window.len().checked_sub(BATCH_HEADER_BYTES) else { return Ok(None) };
            let likely =
                (0..=last).find_map(|skip| Some((skip, likely_header(window, skip, left, &offsets)?)));
            let Some((skip, header)) = likely else {
                at = at.saturating_add(u32::try_from(last).unwrap_or(u32::MAX)).saturating_add(1);
                continue;
            };
            at = at.saturating_add(u32::try_from(skip).unwrap_or(u32::MAX));
            let Some(rest) = budget.checked_sub(header.total_bytes() as u64) else { return Ok(None) };
            budget = rest;
            if self.crc_matches(at, &header)? {
                self.position = at;
                return Ok(Some((at, header)));
            }
            at = at.saturating_add(1);
        }
    }

    /// Whether the CRC of the batch at `position` matches.
    pub(crate) fn crc_matches(&mut self, position: u32, header: &BatchHeader) -> io::Result<bool> {
        let end = position.saturating_add(u32::try_from(header.total_bytes()).unwrap_or(u32::MAX));
        let mut at = position.saturating_add(CRC_COVERS_FROM as u32);
        let mut crc = 0;
        while at < end {
            let wanted = (end.saturating_sub(at) as usize).min(self.buffer_max);
            let piece = self.bytes(at, wanted)?;
            if piece.is_empty() {
                return Ok(false);
            }
            crc = crc32c::crc32c_append(crc, piece);
            at = at.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        }
        Ok(crc == header.crc)
    }

    /// Up to `wanted` bytes from `at` on, fewer at the end of the walk or of the file.
    fn bytes(&mut self, at: u32, wanted: usize) -> io::Result<&[u8]> {
        let wanted = wanted.min(self.end.saturating_sub(at) as usize);
        let inside = at.checked_sub(self.buffered_from).map(|skip| skip as usize);
        let here = inside.filter(|skip| skip.saturating_add(wanted) <= self.buffered_len);
        let skip = match here {
            Some(skip) => skip,
            None => {
                let room = self.buffer_max.min(self.end.saturating_sub(at) as usize);
                self.buffer.resize(room.max(self.buffer.len()), 0);
                let buffer = self.buffer.get_mut(..room).unwrap_or_default();
                self.buffered_len = fs::read_full(self.source, u64::from(at), buffer)?;
                self.buffered_from = at;
                0
            }
        };
        let end = skip.saturating_add(wanted).min(self.buffered_len);
        Ok(self.buffer.get(skip..end).unwrap_or_default())
    }
}
