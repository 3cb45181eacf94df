//! Batches of our own making: offsets and group metadata, metadata records, markers.
//!
//! What clients send is never rebuilt here; it is stored as it came.

use bytes::Bytes;
use gracchus_base::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use gracchus_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use super::compress::{CompressError, compress};
use super::header::{Attributes, Batch, BatchHeader, Compression};
use super::varint::{put_varint, put_varlong, varint_bytes, varlong_bytes};

/// What is to stand in a batch's header. The default: no codec, no producer, an ordinary batch at offset 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOptions {
    pub base_offset: Offset,
    pub leader_epoch: LeaderEpoch,
    pub compression: Compression,
    /// See [`compress`]; 0 is the codec's default.
    pub level: i32,
    pub producer: Option<BatchProducer>,
    pub is_transactional: bool,
    /// The batch holds a transaction marker or another control record.
    pub is_control: bool,
}

/// Who writes a batch, and where it stands in that producer's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProducer {
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    /// [`Sequence::NONE`] for markers.
    pub base_sequence: Sequence,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            base_offset: Offset::ZERO,
            leader_epoch: LeaderEpoch::NONE,
            compression: Compression::None,
            level: 0,
            producer: None,
            is_transactional: false,
            is_control: false,
        }
    }
}

/// Why no batch came of the records.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("a batch has at least one record")]
    Empty,
    #[error("a batch is shorter than 2 GiB")]
    TooLarge,
    #[error(transparent)]
    Compress(#[from] CompressError),
}

/// Collects the records of one batch.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    records: Vec<u8>,
    count: i32,
    base_timestamp: Timestamp,
    max_timestamp: Timestamp,
}

impl BatchBuilder {
    /// A batch without records.
    pub const fn new(options: BatchOptions) -> Self {
        Self {
            options,
            records: Vec::new(),
            count: 0,
            base_timestamp: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
        }
    }

    /// Records so far.
    pub const fn count(&self) -> i32 {
        self.count
    }

    /// Bytes of the batch so far, before it is compressed.
    pub const fn plain_bytes(&self) -> usize {
        self.records.len().saturating_add(BATCH_HEADER_BYTES)
    }

    /// Appends a record at the next offset. `headers` are keys and values.
    pub fn push(
        &mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let timestamp_delta = timestamp.0.wrapping_sub(self.base_timestamp.0);
        let headers_bytes = headers.iter().fold(length_bytes(headers.len()), |sum, (key, value)| {
            sum.saturating_add(field_bytes(Some(key.as_bytes()))).saturating_add(field_bytes(*value))
        });
        let length = varlong_bytes(timestamp_delta)
            .saturating_add(1)
            .saturating_add(varint_bytes(self.count))
            .saturating_add(field_bytes(key))
            .saturating_add(field_bytes(value))
            .saturating_add(headers_bytes);
        let out = &mut self.records;
        put_length(out, length);
        out.push(0);
        put_varlong(out, timestamp_delta);
        put_varint(out, self.count);
        put_field(out, key);
        put_field(out, value);
        put_length(out, headers.len());
        for (key, value) in headers {
            put_field(out, Some(key.as_bytes()));
            put_field(out, *value);
        }
        self.count = self.count.saturating_add(1);
    }

    /// The batch, with its CRC.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn finish(self) -> Result<Batch, BuildError> {
        if self.count == 0 {
            return Err(BuildError::Empty);
        }
        if i32::try_from(self.plain_bytes()).is_err() {
            return Err(BuildError::TooLarge);
        }
        let options = self.options;
        let body: Bytes = match options.compression {
            Compression::None => self.records.into(),
            codec => compress(codec, options.level, &self.records)?.into(),
        };
        let length = body.len().saturating_add(BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES);
        let producer = options.producer.unwrap_or(BatchProducer {
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: Sequence::NONE,
        });
        let mut header = BatchHeader {
            base_offset: options.base_offset,
            length: i32::try_from(length).map_err(|_| BuildError::TooLarge)?,
            leader_epoch: options.leader_epoch,
            magic: 2,
            crc: 0,
            attributes: Attributes::of(options.compression, options.is_transactional, options.is_control),
            last_offset_delta: self.count.saturating_sub(1),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            base_sequence: producer.base_sequence,
            records_count: self.count,
        };
        header.crc = header.crc_with(&body);
        Ok(Batch { header, body })
    }
}

/// A length as the format counts it. No slice of records comes near 2 GiB: `finish` refuses what would.
fn length_of(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn length_bytes(n: usize) -> usize {
    varint_bytes(length_of(n))
}

fn put_length(out: &mut Vec<u8>, n: usize) {
    put_varint(out, length_of(n));
}

/// Bytes that [`put_field`] writes.
fn field_bytes(field: Option<&[u8]>) -> usize {
    field.map_or(1, |field| length_bytes(field.len()).saturating_add(field.len()))
}

/// Appends a length, -1 for null, and the bytes.
fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        Some(field) => {
            put_length(out, field.len());
            out.extend_from_slice(field);
        }
        None => put_varint(out, -1),
    }
}

#[cfg(test)]
mod tests;
