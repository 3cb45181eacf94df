//! What a Produce request carries for one partition, checked as Kafka checks it (`ProduceRequest.validateRecords`,
//! `UnifiedLog.analyzeAndValidateRecords`, `LogValidator`) and made ready to be stored.
//!
//! Every record is walked over, none is built, and the bytes stay as they came; only a header that lies about its
//! timestamps is written anew (DESIGN section 6). Where this is stricter than Kafka, the place says so: what a consumer
//! could not read must not get into a log. What must not be here: producer state, and anything about the log's end.

mod frame;
mod walk;

use bytes::Bytes;
use gracchus_base::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use gracchus_base::{ErrorCode, Timestamp, TopicPartition};

use super::compress::{DecompressError, Inflater, compress, decompress};
use super::header::{Attributes, Batch, BatchHeader, Compression, TimestampType};
use super::record::{SliceSource, StreamSource};
use walk::{Fault, walk};

/// What a partition accepts, out of its topic's configuration and the request.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For the texts of errors only.
    pub partition: TopicPartition,
    pub now: Timestamp,
    /// `max.message.bytes`: the largest batch, header and all, as it came and as it is stored (TRAPS 43).
    pub max_message_bytes: usize,
    /// `message.timestamp.type`
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`
    pub before_max_ms: i64,
    /// `message.timestamp.after.max.ms`
    pub after_max_ms: i64,
    /// The topic is compacted, so that records without a key are refused.
    pub requires_keys: bool,
    /// The codec and level that `compression.type` names; `None` for `producer` (TRAPS 45). A batch that has this codec
    /// stays as it is, whatever its level.
    pub target: Option<(Compression, i32)>,
    /// Look at the header and the CRC only (`log.validate.records=header`): record counts, timestamps and keys are
    /// believed.
    pub header_only: bool,
    /// The version of the Produce request; codecs depend on it (KIP-110).
    pub produce_version: i16,
    /// What a compressed batch may unpack to.
    pub decompressed_bytes_max: usize,
}

/// A batch that may be appended.
#[derive(Clone, Debug)]
pub struct Validated {
    /// Base offset 0 and the sender's leader epoch, which the log sets; all else is as it is to be stored.
    pub batch: Batch,
    /// What the answer says (TRAPS 44): [`Timestamp::NONE`] unless the topic has `LogAppendTime`.
    pub log_append_time: Timestamp,
}

/// Why records were refused, as a Produce answer says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub error: ErrorCode,
    /// The answer's error message. Kafka has none for most errors, clients then print the code's own text.
    pub message: Option<String>,
    pub record_errors: Vec<RecordError>,
    /// What was wrong, for our own log.
    pub reason: String,
}

/// What is wrong with one record (KIP-467).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Counted from 0 within the batch.
    pub batch_index: i32,
    pub message: Option<String>,
}

impl Refused {
    fn new(error: ErrorCode, reason: impl ToString) -> Self {
        Self { error, message: None, record_errors: Vec::new(), reason: reason.to_string() }
    }
}

/// Checks what a Produce request carries for one partition.
///
/// # Errors
/// See [`Refused`]. The codes are Kafka's, asked of the reference case by case; a batch that unpacks to more than
/// `decompressed_bytes_max` is `MESSAGE_TOO_LARGE`, at which clients send smaller ones.
pub fn validate(records: Option<Bytes>, rules: &Rules) -> Result<Validated, Refused> {
    let (header, body, codec) = frame::whole_batch(records, rules)?;
    let target = rules.target.filter(|(target, _)| *target != codec);
    let (header, body) = match target {
        None => {
            let max_timestamp = if rules.header_only {
                header.max_timestamp
            } else {
                walk_stored(&header, &body, codec, rules)?
            };
            (stamped(header, &body, max_timestamp, rules), body)
        }
        Some(target) => repacked(header, &body, codec, target, rules)?,
    };
    let log_append_time = match rules.timestamp_type {
        TimestampType::Create => Timestamp::NONE,
        TimestampType::LogAppend => rules.now,
    };
    Ok(Validated { batch: Batch { header, body }, log_append_time })
}

/// Walks over the records as they came, unpacking piece by piece where they are compressed.
fn walk_stored(
    header: &BatchHeader,
    body: &[u8],
    codec: Compression,
    rules: &Rules,
) -> Result<Timestamp, Refused> {
    let walked = match codec {
        Compression::None => walk(&mut SliceSource::new(body), header, rules),
        _ => match Inflater::new(codec, body, rules.decompressed_bytes_max) {
            Ok(inflater) => walk(&mut StreamSource::new(inflater), header, rules),
            Err(e) => return Err(not_unpacked(e)),
        },
    };
    walked.map_err(refused)
}

/// The header with its timestamp type and max timestamp set right, and the CRC computed anew if that changed anything
/// (TRAPS 42). Kafka then drops the attribute bits that it does not know, too.
fn stamped(header: BatchHeader, body: &[u8], max_timestamp: Timestamp, rules: &Rules) -> BatchHeader {
    let max_timestamp = match rules.timestamp_type {
        TimestampType::Create => max_timestamp,
        TimestampType::LogAppend => rules.now,
    };
    let as_it_came = header.attributes.timestamp_type() == rules.timestamp_type;
    if as_it_came && header.max_timestamp == max_timestamp {
        return header;
    }
    let codec = header.attributes.compression().unwrap_or_default();
    restamped(BatchHeader { max_timestamp, ..header }, codec, body, rules)
}

/// The header with attributes and CRC made anew.
fn restamped(header: BatchHeader, codec: Compression, body: &[u8], rules: &Rules) -> BatchHeader {
    let old = header.attributes;
    let attributes = Attributes::of(codec, old.is_transactional(), old.is_control());
    let mut header =
        BatchHeader { attributes: attributes.with_timestamp_type(rules.timestamp_type), ..header };
    header.crc = header.crc_with(body);
    header
}

/// The batch in the codec that the topic asks for (KIP-390, TRAPS 45). Records are packed again as they are: they are
/// relative to base offset and base timestamp, which do not change.
fn repacked(
    header: BatchHeader,
    body: &Bytes,
    codec: Compression,
    (target, level): (Compression, i32),
    rules: &Rules,
) -> Result<(BatchHeader, Bytes), Refused> {
    let plain = decompress(codec, body, rules.decompressed_bytes_max).map_err(not_unpacked)?;
    let max_timestamp = if rules.header_only {
        header.max_timestamp
    } else {
        walk(&mut SliceSource::new(&plain), &header, rules).map_err(refused)?
    };
    let body: Bytes = match target {
        Compression::None => plain,
        _ => compress(target, level, &plain)
            .map_err(|e| Refused::new(ErrorCode::UnknownServerError, e))?
            .into(),
    };
    let total = body.len().saturating_add(BATCH_HEADER_BYTES);
    frame::check_size(total, rules)?;
    let length = i32::try_from(total.saturating_sub(BATCH_PREFIX_BYTES));
    let length = length.map_err(|e| Refused::new(ErrorCode::MessageTooLarge, e))?;
    let max_timestamp = match rules.timestamp_type {
        TimestampType::Create => max_timestamp,
        TimestampType::LogAppend => rules.now,
    };
    let header = BatchHeader { length, max_timestamp, ..header };
    Ok((restamped(header, target, &body, rules), body))
}

fn refused(fault: Fault) -> Refused {
    match fault {
        Fault::Records(refused) => refused,
        Fault::Malformed(super::MalformedRecord::Decompress(e)) => not_unpacked(e),
        Fault::Malformed(e) => Refused::new(ErrorCode::InvalidRecord, e),
        Fault::OffsetDelta | Fault::RecordsLeft => Refused::new(ErrorCode::InvalidRecord, fault),
    }
}

/// Kafka answers `UNKNOWN_SERVER_ERROR` for bytes that do not unpack.
fn not_unpacked(e: DecompressError) -> Refused {
    let error = match e {
        DecompressError::Corrupt { .. } => ErrorCode::UnknownServerError,
        DecompressError::TooLarge { .. } => ErrorCode::MessageTooLarge,
    };
    Refused::new(error, e)
}

#[cfg(test)]
mod tests;
