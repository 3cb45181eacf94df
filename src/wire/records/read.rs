//! Records read back out of batches: for replaying internal topics, and for tests. Not for the produce path, which
//! builds no records.

use bytes::{Buf, Bytes};
use gracchus_base::limits::{BATCH_HEADER_BYTES, DECOMPRESSED_BYTES_MAX};
use gracchus_base::{Offset, Timestamp};

use super::compress::decompress;
use super::header::{Batch, BatchHeader, HeaderError, TimestampType};
use super::record::{MalformedRecord, Numbers, varint, varlong};

/// One record, its parts cut out of the batch without copying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub offset: Offset,
    /// The batch's max timestamp where the log gave the time (`LogAppendTime`).
    pub timestamp: Timestamp,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: RecordHeaders,
}

/// The headers of a record, as bytes: a batch of a few kilobytes may hold millions of them, at 64 bytes of memory for two
/// of an unpacked record, and what replays records has no use for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeaders(Bytes);

impl RecordHeaders {
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordHeader> + use<> {
        let mut rest = self.0.clone();
        // Each was cut once, when the record was.
        std::iter::from_fn(move || cut_header(&mut rest).ok())
    }
}

/// A header of a record; keys are text by convention, and not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// Why the records of a batch could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("the batch is {there} bytes long, its header says {declared}")]
    BatchLength { declared: usize, there: usize },
    #[error("no codec has the number {0}")]
    Codec(i16),
    #[error(transparent)]
    Record(#[from] MalformedRecord),
}

/// The records of a batch, unpacked if need be (to at most [`DECOMPRESSED_BYTES_MAX`]).
///
/// # Errors
/// When the batch cannot be unpacked; a record that is none shows up in the iterator.
pub fn records(batch: &Batch) -> Result<Records, ReadError> {
    let header = batch.header;
    let codec = header.attributes.compression().ok_or(ReadError::Codec(header.attributes.0))?;
    let rest = decompress(codec, &batch.body, DECOMPRESSED_BYTES_MAX).map_err(MalformedRecord::from)?;
    Ok(Records { header, rest, left: header.records_count })
}

/// The records of the one batch in `bytes`, as [`records`] gives them. The CRC is not looked at.
///
/// # Errors
/// When `bytes` are not exactly one batch, or as [`records`].
pub fn records_of(bytes: &Bytes) -> Result<Records, ReadError> {
    let header = BatchHeader::parse(bytes)?;
    if bytes.len() != header.total_bytes() {
        return Err(ReadError::BatchLength { declared: header.total_bytes(), there: bytes.len() });
    }
    records(&Batch { header, body: bytes.slice(BATCH_HEADER_BYTES..) })
}

/// The iterator of [`records`]; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    rest: Bytes,
    left: i32,
}

impl Iterator for Records {
    type Item = Result<Record, MalformedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        let record = self.cut();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

impl Records {
    /// Cuts the next record out.
    fn cut(&mut self) -> Result<Record, MalformedRecord> {
        let length = varint(&mut Cut(&mut self.rest))?;
        let n = usize::try_from(length).map_err(|_| MalformedRecord::Length(length))?;
        let mut fields = take(&mut self.rest, n)?;
        let fields = &mut fields;
        Cut(fields).byte()?;
        let timestamp_delta = varlong(&mut Cut(fields))?;
        let offset_delta = varint(&mut Cut(fields))?;
        let key = cut_bytes(fields)?;
        let value = cut_bytes(fields)?;
        let headers = cut_headers(fields)?;
        if !fields.is_empty() {
            return Err(MalformedRecord::Size);
        }
        // What is replayed goes on behind the batch's last offset: no record may stand beyond it.
        if !(0..=self.header.last_offset_delta).contains(&offset_delta) {
            return Err(MalformedRecord::OffsetDelta(offset_delta));
        }
        let timestamp = match self.header.attributes.timestamp_type() {
            TimestampType::Create => Timestamp(self.header.base_timestamp.0.wrapping_add(timestamp_delta)),
            TimestampType::LogAppend => self.header.max_timestamp,
        };
        let offset = self.header.base_offset.plus(i64::from(offset_delta));
        Ok(Record { offset, timestamp, key, value, headers })
    }
}

fn cut_headers(fields: &mut Bytes) -> Result<RecordHeaders, MalformedRecord> {
    let count = varint(&mut Cut(fields))?;
    if usize::try_from(count).map_or(true, |count| count > fields.len()) {
        return Err(MalformedRecord::HeadersCount(count));
    }
    let headers = RecordHeaders(fields.clone());
    for _ in 0..count {
        cut_header(fields)?;
    }
    // They go to the end of the record, or it has not its size.
    Ok(headers)
}

fn cut_header(fields: &mut Bytes) -> Result<RecordHeader, MalformedRecord> {
    let key = cut_bytes(fields)?.ok_or(MalformedRecord::Length(-1))?;
    Ok(RecordHeader { key, value: cut_bytes(fields)? })
}

/// A length and as many bytes; `None` for null.
fn cut_bytes(fields: &mut Bytes) -> Result<Option<Bytes>, MalformedRecord> {
    let length = varint(&mut Cut(fields))?;
    match usize::try_from(length) {
        Ok(n) => take(fields, n).map(Some),
        Err(_) => Ok(None),
    }
}

fn take(bytes: &mut Bytes, n: usize) -> Result<Bytes, MalformedRecord> {
    if n > bytes.len() {
        return Err(MalformedRecord::Truncated);
    }
    Ok(bytes.split_to(n))
}

/// Takes numbers off the front of shared bytes.
struct Cut<'a>(&'a mut Bytes);

impl Numbers for Cut<'_> {
    fn byte(&mut self) -> Result<u8, MalformedRecord> {
        self.0.try_get_u8().map_err(|_| MalformedRecord::Truncated)
    }
}
