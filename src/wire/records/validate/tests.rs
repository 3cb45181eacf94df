use bytes::Bytes;
use gracchus_base::{ErrorCode, PartitionIndex, Timestamp, TopicName, TopicPartition};

use super::*;
use crate::records::{BatchBuilder, BatchOptions, records};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

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

fn batch_of(compression: Compression) -> Batch {
    let mut builder = BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
    builder.push(Timestamp(NOW.0 - 5), Some(b"k"), Some(b"v"), &[("h", None)]);
    builder.push(NOW, None, Some(&[7; 300]), &[]);
    builder.finish().unwrap()
}

#[test]
fn a_right_batch_stays_as_it_came() {
    for codec in
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let bytes = batch_of(codec).to_bytes();
        let validated = validate(Some(bytes.clone()), &rules()).unwrap();
        assert_eq!(validated.batch.to_bytes(), bytes);
        assert_eq!(validated.batch.body.as_ptr(), bytes[61..].as_ptr(), "not copied");
        assert_eq!(validated.log_append_time, Timestamp::NONE);
    }
}

#[test]
fn a_batch_in_another_codec_is_packed_anew() {
    let bytes = batch_of(Compression::Gzip).to_bytes();
    for target in [Compression::None, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let validated =
            validate(Some(bytes.clone()), &Rules { target: Some((target, 1)), ..rules() }).unwrap();
        let header = validated.batch.header;
        assert_eq!(header.attributes.compression(), Some(target));
        assert_eq!(header.total_bytes(), validated.batch.to_bytes().len());
        let read: Vec<_> = records(&validated.batch).unwrap().map(Result::unwrap).collect();
        let sent: Vec<_> = records(&batch_of(Compression::None)).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, sent);
    }
}

#[test]
fn a_bad_crc_is_a_corrupt_message() {
    let mut bytes = batch_of(Compression::None).to_bytes().to_vec();
    bytes[70] ^= 1;
    let refused = validate(Some(Bytes::from(bytes)), &rules()).unwrap_err();
    assert_eq!(refused.error, ErrorCode::CorruptMessage);
}
