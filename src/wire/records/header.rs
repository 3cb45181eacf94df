//! The 61 bytes in front of every record batch (format v2, KIP-98).
//!
//! Offsets in the batch, all big endian: base offset 0 (8 bytes), length 8 (4), partition leader epoch 12 (4), magic 16
//! (1), CRC 17 (4), attributes 21 (2), last offset delta 23 (4), base timestamp 27 (8), max timestamp 35 (8), producer
//! id 43 (8), producer epoch 51 (2), base sequence 53 (4), records count 57 (4). The CRC covers 21 to the end, so base
//! offset and leader epoch can be set without computing it again (TRAPS 42).

use bytes::Bytes;
use gracchus_base::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use gracchus_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

/// Where the part begins that the CRC covers.
pub const CRC_COVERS_FROM: usize = 21;

/// The parsed header of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: Offset,
    /// Bytes after the length field; the batch is [`BatchHeader::total_bytes`] long.
    pub length: i32,
    pub leader_epoch: LeaderEpoch,
    pub magic: i8,
    pub crc: u32,
    pub attributes: Attributes,
    pub last_offset_delta: i32,
    pub base_timestamp: Timestamp,
    pub max_timestamp: Timestamp,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub base_sequence: Sequence,
    pub records_count: i32,
}

/// One batch as it is stored: the parsed header, which is written anew, and everything behind it as it came.
#[derive(Clone, Debug)]
pub struct Batch {
    pub header: BatchHeader,
    /// The bytes after the first [`BATCH_HEADER_BYTES`].
    pub body: Bytes,
}

impl Batch {
    /// Header and body in one piece; copies the body.
    pub fn to_bytes(&self) -> Bytes {
        [&self.header.encode()[..], &self.body].concat().into()
    }
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

/// A codec, by its number in the attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Compression {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

/// Who made the timestamps of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    #[default]
    Create,
    LogAppend,
}

/// Why bytes are no batch header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("a batch header needs {BATCH_HEADER_BYTES} bytes, there are {0}")]
    Truncated(usize),
    #[error("batch length {0} is shorter than a header")]
    Length(i32),
    #[error("record format {0} is not supported")]
    Magic(i8),
}

impl Attributes {
    /// The bits of a batch with create times.
    pub const fn of(compression: Compression, is_transactional: bool, is_control: bool) -> Self {
        let transactional = if is_transactional { 16 } else { 0 };
        let control = if is_control { 32 } else { 0 };
        Self(compression as i16 | transactional | control)
    }

    /// The same bits with another maker of timestamps.
    #[must_use]
    pub const fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        match timestamp_type {
            TimestampType::Create => Self(self.0 & !8),
            TimestampType::LogAppend => Self(self.0 | 8),
        }
    }

    /// The codec; `None` for the numbers 5 to 7, which no codec has.
    pub const fn compression(self) -> Option<Compression> {
        match self.0 & 7 {
            0 => Some(Compression::None),
            1 => Some(Compression::Gzip),
            2 => Some(Compression::Snappy),
            3 => Some(Compression::Lz4),
            4 => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// Bit 3.
    pub const fn timestamp_type(self) -> TimestampType {
        if self.0 & 8 == 0 { TimestampType::Create } else { TimestampType::LogAppend }
    }

    /// Bit 4.
    pub const fn is_transactional(self) -> bool {
        self.0 & 16 != 0
    }

    /// Bit 5: the batch holds a transaction marker or another control record.
    pub const fn is_control(self) -> bool {
        self.0 & 32 != 0
    }

    /// Bit 6: the base timestamp is the delete horizon of a compacted batch (KIP-534).
    pub const fn has_delete_horizon(self) -> bool {
        self.0 & 64 != 0
    }
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`. Checks magic and the lower bound of the length; whether the batch is
    /// whole and its CRC right is for the caller to check, who knows how many bytes there should be.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let Some(header) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
            return Err(HeaderError::Truncated(bytes.len()));
        };
        let field = Fields(header);
        let magic = i8::from_be_bytes(field.at(16));
        if magic != 2 {
            return Err(HeaderError::Magic(magic));
        }
        let length = i32::from_be_bytes(field.at(8));
        if length < (BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES) as i32 {
            return Err(HeaderError::Length(length));
        }
        Ok(Self {
            base_offset: Offset(i64::from_be_bytes(field.at(0))),
            length,
            leader_epoch: LeaderEpoch(i32::from_be_bytes(field.at(12))),
            magic,
            crc: u32::from_be_bytes(field.at(17)),
            attributes: Attributes(i16::from_be_bytes(field.at(21))),
            last_offset_delta: i32::from_be_bytes(field.at(23)),
            base_timestamp: Timestamp(i64::from_be_bytes(field.at(27))),
            max_timestamp: Timestamp(i64::from_be_bytes(field.at(35))),
            producer_id: ProducerId(i64::from_be_bytes(field.at(43))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(field.at(51))),
            base_sequence: Sequence(i32::from_be_bytes(field.at(53))),
            records_count: i32::from_be_bytes(field.at(57)),
        })
    }

    /// Bytes of the whole batch: header and records.
    pub const fn total_bytes(&self) -> usize {
        (self.length as usize).saturating_add(BATCH_PREFIX_BYTES)
    }

    /// The offset of the last record.
    pub const fn last_offset(&self) -> Offset {
        self.base_offset.plus(self.last_offset_delta as i64)
    }

    /// The offset after the last record.
    pub const fn next_offset(&self) -> Offset {
        self.last_offset().plus(1)
    }

    /// The sequence of the last record, [`Sequence::NONE`] for a batch that is not idempotent.
    pub const fn last_sequence(&self) -> Sequence {
        if self.base_sequence.0 < 0 {
            Sequence::NONE
        } else {
            self.base_sequence.plus(self.last_offset_delta)
        }
    }

    /// The CRC of a batch with this header and `body`.
    pub fn crc_with(&self, body: &[u8]) -> u32 {
        let header = self.encode();
        let covered = header.get(CRC_COVERS_FROM..).unwrap_or_default();
        crc32c::crc32c_append(crc32c::crc32c(covered), body)
    }

    /// The header as it is stored. The CRC is written as it stands in `self`.
    pub fn encode(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut out = [0; BATCH_HEADER_BYTES];
        let mut rest = &mut out[..];
        put(&mut rest, self.base_offset.0.to_be_bytes());
        put(&mut rest, self.length.to_be_bytes());
        put(&mut rest, self.leader_epoch.0.to_be_bytes());
        put(&mut rest, self.magic.to_be_bytes());
        put(&mut rest, self.crc.to_be_bytes());
        put(&mut rest, self.attributes.0.to_be_bytes());
        put(&mut rest, self.last_offset_delta.to_be_bytes());
        put(&mut rest, self.base_timestamp.0.to_be_bytes());
        put(&mut rest, self.max_timestamp.0.to_be_bytes());
        put(&mut rest, self.producer_id.0.to_be_bytes());
        put(&mut rest, self.producer_epoch.0.to_be_bytes());
        put(&mut rest, self.base_sequence.0.to_be_bytes());
        put(&mut rest, self.records_count.to_be_bytes());
        debug_assert!(rest.is_empty(), "the fields fill the header");
        out
    }
}

/// Writes `field` at the front of `rest` and moves on; the fields of a header fit it.
fn put<const N: usize>(rest: &mut &mut [u8], field: [u8; N]) {
    if let Some((at, behind)) = std::mem::take(rest).split_first_chunk_mut() {
        *at = field;
        *rest = behind;
    }
}

/// Reads fixed-width fields out of a header whose length is known.
struct Fields<'a>(&'a [u8; BATCH_HEADER_BYTES]);

impl Fields<'_> {
    /// The `N` bytes from `start` on; every caller stays inside the header, zeros would stand for what lies outside.
    fn at<const N: usize>(&self, start: usize) -> [u8; N] {
        self.0.get(start..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }
}

/// Whether the CRC in the header matches the batch; `batch` is the whole batch and nothing else.
pub fn crc_matches(header: &BatchHeader, batch: &[u8]) -> bool {
    batch.get(CRC_COVERS_FROM..).is_some_and(|covered| crc32c::crc32c(covered) == header.crc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_what_stands_at_its_offsets() {
        let mut bytes = [0u8; BATCH_HEADER_BYTES];
        bytes[7] = 9;
        bytes[11] = 49;
        bytes[15] = 3;
        bytes[16] = 2;
        bytes[22] = 0b0011_0100;
        bytes[26] = 4;
        bytes[50] = 11;
        bytes[56] = 7;
        bytes[60] = 5;
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(header.base_offset, Offset(9));
        assert_eq!(header.total_bytes(), 61);
        assert_eq!(header.leader_epoch, LeaderEpoch(3));
        assert_eq!(header.attributes.compression(), Some(Compression::Zstd));
        assert!(header.attributes.is_transactional() && header.attributes.is_control());
        assert_eq!(header.last_offset(), Offset(13));
        assert_eq!(header.last_sequence(), Sequence(11));
        assert_eq!(header.encode(), bytes);
    }

    #[test]
    fn short_old_and_lying_headers_are_errors() {
        assert_eq!(BatchHeader::parse(&[0; 60]), Err(HeaderError::Truncated(60)));
        let mut bytes = [0u8; BATCH_HEADER_BYTES];
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Magic(0)));
        bytes[16] = 2;
        bytes[11] = 48;
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Length(48)));
    }
}
