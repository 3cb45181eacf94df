//! The batch around the records: exactly one, whole, and with a header that agrees with itself.
//!
//! The order of the checks is Kafka's, since the first that fails is the one that is answered.

use bytes::Bytes;
use gracchus_base::ErrorCode::{
    CorruptMessage, InvalidRecord, MessageTooLarge, UnknownServerError, UnsupportedCompressionType,
};
use gracchus_base::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use gracchus_base::{Offset, ProducerId};

use super::{Refused, Rules};
use crate::records::header::{BatchHeader, Compression, crc_matches};

/// The shortest length field of any record format; what is below is no batch.
const LENGTH_MIN: i32 = 14;

/// Bytes up to and with the magic.
const MAGIC_END: usize = 17;

/// The first Produce version whose clients all know zstd (KIP-110).
const ZSTD_PRODUCE_VERSION: i16 = 7;

/// The one batch in `records`: its header, checked, the bytes behind it, and its codec.
pub(super) fn whole_batch(
    records: Option<Bytes>,
    rules: &Rules,
) -> Result<(BatchHeader, Bytes, Compression), Refused> {
    // Kafka 4.3.1 dies of null records with a NullPointerException and never answers.
    let mut batch = records.ok_or_else(|| Refused::new(InvalidRecord, "no records"))?;
    let Some(total) = batch_at_front(&batch)? else {
        return Err(Refused::new(InvalidRecord, "no whole batch"));
    };
    let behind = batch.split_off(total.min(batch.len()));
    let magic = batch.get(MAGIC_END.saturating_sub(1)).copied();
    if magic != Some(2) {
        return Err(Refused::new(InvalidRecord, "record formats 0 and 1 are gone (KIP-724, TRAPS 41)"));
    }
    let header = BatchHeader::parse(&batch).map_err(|e| Refused::new(CorruptMessage, e))?;
    let codec = header.attributes.compression();
    if codec == Some(Compression::Zstd) && rules.produce_version < ZSTD_PRODUCE_VERSION {
        return Err(Refused::new(UnsupportedCompressionType, "zstd in an old version of Produce"));
    }
    // As in Kafka, bytes behind the batch that are no batch, not even the beginning of a bad one, are dropped.
    if batch_at_front(&behind)?.is_some() {
        return Err(Refused::new(InvalidRecord, "more than one batch (TRAPS 40)"));
    }
    if header.base_offset != Offset::ZERO {
        return Err(Refused::new(InvalidRecord, format!("base offset {}, not 0", header.base_offset)));
    }
    check_size(batch.len(), rules)?;
    if !crc_matches(&header, &batch) {
        return Err(Refused::new(CorruptMessage, "the CRC does not match"));
    }
    let Some(codec) = codec else {
        return Err(Refused::new(UnknownServerError, "codecs 5 to 7 do not exist"));
    };
    check_header(&header)?;
    let body = batch.split_off(BATCH_HEADER_BYTES.min(batch.len()));
    Ok((header, body, codec))
}

/// The size of the batch at the front of `bytes`; `None` where there is no whole one. Some nonsense is an error, whose
/// texts are Kafka's.
fn batch_at_front(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let corrupt =
        |text: String| Refused { message: Some(text.clone()), ..Refused::new(CorruptMessage, text) };
    let Some(length) = bytes.get(8..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(None) };
    let length = i32::from_be_bytes(*length);
    if length < LENGTH_MIN {
        return Err(corrupt(format!(
            "Record size {length} is less than the minimum record overhead ({LENGTH_MIN})"
        )));
    }
    let Some(magic) = bytes.get(MAGIC_END.saturating_sub(1)) else { return Ok(None) };
    if *magic > 2 {
        let magic = i8::from_be_bytes([*magic]);
        return Err(corrupt(format!("Invalid magic found in record: {magic}")));
    }
    let total =
        usize::try_from(length).map_or(usize::MAX, |length| length.saturating_add(BATCH_PREFIX_BYTES));
    Ok(Some(total).filter(|total| *total <= bytes.len()))
}

/// `max.message.bytes` (TRAPS 43).
pub(super) fn check_size(total: usize, rules: &Rules) -> Result<(), Refused> {
    if total <= rules.max_message_bytes {
        return Ok(());
    }
    let max = rules.max_message_bytes;
    Err(Refused::new(MessageTooLarge, format!("a batch of {total} bytes where max.message.bytes is {max}")))
}

/// What `LogValidator.validateBatch` looks at. Kafka checks neither that a transactional batch has a producer id nor
/// that an idempotent one has an epoch: the first is a matter of the request's transactional id, the second of producer
/// state.
fn check_header(header: &BatchHeader) -> Result<(), Refused> {
    let invalid = |reason: String| Err(Refused::new(InvalidRecord, reason));
    let (delta, count) = (header.last_offset_delta, header.records_count);
    if delta < 0 || count <= 0 || delta != count.saturating_sub(1) {
        return invalid(format!("last offset delta {delta} and {count} records (TRAPS 40)"));
    }
    if header.attributes.is_control() {
        return invalid("clients write no control records (TRAPS 34)".into());
    }
    if header.producer_id > ProducerId::NONE && header.base_sequence.0 < 0 {
        let (id, sequence) = (header.producer_id, header.base_sequence);
        return invalid(format!("sequence {sequence} with producer id {id}"));
    }
    Ok(())
}
