//! Times within one batch, for ListOffsets (TRAPS 36).
//!
//! The log finds the batch; here is which of its records is meant. Nothing is built, compressed batches are unpacked
//! piece by piece.

use gracchus_base::limits::{BATCH_HEADER_BYTES, DECOMPRESSED_BYTES_MAX};
use gracchus_base::{Offset, Timestamp};

use super::compress::Inflater;
use super::header::{BatchHeader, Compression, TimestampType};
use super::read::ReadError;
use super::record::{MalformedRecord, SliceSource, Source, StreamSource, skip_record};

/// The first record of `batch`, which is one whole batch, that is at `from` or later and not older than `target`.
///
/// # Errors
/// When the bytes are no batch, or do not unpack.
pub fn first_at_or_after(
    batch: &[u8],
    target: Timestamp,
    from: Offset,
) -> Result<Option<(Offset, Timestamp)>, ReadError> {
    find(batch, |offset, timestamp| offset >= from && timestamp >= target)
}

/// The first record of `batch` with the max timestamp that its header names; `None` if no record has it, which
/// compaction can bring about.
///
/// # Errors
/// When the bytes are no batch, or do not unpack.
pub fn first_with_max_timestamp(batch: &[u8]) -> Result<Option<(Offset, Timestamp)>, ReadError> {
    let max = BatchHeader::parse(batch)?.max_timestamp;
    find(batch, |_, timestamp| timestamp == max)
}

fn find(
    batch: &[u8],
    is_it: impl Fn(Offset, Timestamp) -> bool,
) -> Result<Option<(Offset, Timestamp)>, ReadError> {
    let header = BatchHeader::parse(batch)?;
    let body = batch.get(BATCH_HEADER_BYTES..header.total_bytes());
    let body = body.ok_or(ReadError::BatchLength { declared: header.total_bytes(), there: batch.len() })?;
    let codec = header.attributes.compression().ok_or(ReadError::Codec(header.attributes.0))?;
    let found = match codec {
        Compression::None => find_in(&mut SliceSource::new(body), &header, is_it),
        _ => {
            let inflater =
                Inflater::new(codec, body, DECOMPRESSED_BYTES_MAX).map_err(MalformedRecord::from)?;
            find_in(&mut StreamSource::new(inflater), &header, is_it)
        }
    };
    Ok(found?)
}

fn find_in<S: Source>(
    source: &mut S,
    header: &BatchHeader,
    is_it: impl Fn(Offset, Timestamp) -> bool,
) -> Result<Option<(Offset, Timestamp)>, MalformedRecord> {
    for _ in 0..header.records_count {
        let record = skip_record(source)?;
        let offset = header.base_offset.plus(i64::from(record.offset_delta));
        let timestamp = match header.attributes.timestamp_type() {
            TimestampType::Create => Timestamp(header.base_timestamp.0.wrapping_add(record.timestamp_delta)),
            TimestampType::LogAppend => header.max_timestamp,
        };
        if is_it(offset, timestamp) {
            return Ok(Some((offset, timestamp)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
