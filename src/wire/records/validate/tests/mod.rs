//! The codes and texts expected here are what a running Kafka 4.3.1 answered to the same bytes; where ours differ, the
//! test's name says so.

mod framing;
mod hostile;
mod per_record;
mod stored;

use bytes::Bytes;
use gracchus_base::{ErrorCode, PartitionIndex, Timestamp, TopicName, TopicPartition};

use super::*;
use crate::records::{BatchBuilder, BatchOptions, BatchProducer};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn rules() -> Rules {
    let topic = TopicName::parse("plain").unwrap();
    Rules {
        partition: TopicPartition { topic, partition: PartitionIndex(0) },
        now: NOW,
        max_message_bytes: 1_048_588,
        timestamp_type: TimestampType::Create,
        before_max_ms: i64::MAX,
        after_max_ms: 3_600_000,
        requires_keys: false,
        target: None,
        header_only: false,
        produce_version: 12,
        decompressed_bytes_max: 1 << 20,
    }
}

/// Two records, the second the newest.
fn batch_of(compression: Compression) -> Batch {
    let mut builder = BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
    builder.push(Timestamp(NOW.0 - 5), Some(b"k"), Some(b"v"), &[("h", None)]);
    builder.push(NOW, Some(b"k2"), Some(&[7; 300]), &[]);
    builder.finish().unwrap()
}

/// One record.
fn small() -> Batch {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(NOW, Some(b"k"), Some(b"v"), &[]);
    builder.finish().unwrap()
}

/// The batch with its header changed and the CRC right.
fn changed(batch: Batch, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = batch.header;
    change(&mut header);
    header.crc = header.crc_with(&batch.body);
    Batch { header, ..batch }.to_bytes()
}

/// A batch of `count` records that says that `records` are it.
fn raw(codec: Compression, count: i32, records: &[u8]) -> Bytes {
    let body = match codec {
        Compression::None => records.to_vec(),
        _ => compress(codec, 1, records).unwrap(),
    };
    packed(codec, count, body)
}

/// The same with bytes that are packed already, or should be.
fn packed(codec: Compression, count: i32, body: Vec<u8>) -> Bytes {
    let length = body.len() as i32 + 49;
    changed(Batch { body: body.into(), ..small() }, |header| {
        header.length = length;
        header.attributes = Attributes::of(codec, false, false);
        header.records_count = count;
        header.last_offset_delta = count - 1;
    })
}

fn refusal(records: impl Into<Bytes>, rules: &Rules) -> Refused {
    validate(Some(records.into()), rules).map(|_| ()).unwrap_err()
}

/// The error of a refusal that says nothing more, as most do.
fn error(records: impl Into<Bytes>) -> ErrorCode {
    let refused = refusal(records, &rules());
    assert_eq!((&refused.message, &refused.record_errors[..]), (&None, &[][..]));
    refused.error
}
