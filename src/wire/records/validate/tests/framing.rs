use gracchus_base::ErrorCode::{
    CorruptMessage, InvalidRecord, MessageTooLarge, UnknownServerError, UnsupportedCompressionType,
};
use gracchus_base::{Offset, ProducerEpoch, ProducerId, Sequence};

use super::*;

fn cat(parts: &[&[u8]]) -> Bytes {
    parts.concat().into()
}

#[test]
fn traps_40_no_whole_batch_is_an_invalid_record() {
    // Kafka never answers a request with null records: it dies of them.
    assert_eq!(validate(None, &rules()).map(|_| ()).unwrap_err().error, InvalidRecord);
    assert_eq!(error(Bytes::new()), InvalidRecord);
    assert_eq!(error(vec![0; 5]), InvalidRecord);
    let bytes = small().to_bytes();
    assert_eq!(error(bytes.slice(..bytes.len() - 3)), InvalidRecord);
}

#[test]
fn traps_40_two_batches_are_an_invalid_record() {
    let bytes = small().to_bytes();
    assert_eq!(error(cat(&[&bytes, &bytes])), InvalidRecord);
}

#[test]
fn bytes_behind_a_batch_that_are_no_batch_are_dropped() {
    let bytes = small().to_bytes();
    for behind in [&[0; 5][..], &bytes[..40]] {
        let validated = validate(Some(cat(&[&bytes, behind])), &rules()).unwrap();
        assert_eq!(validated.batch.to_bytes(), bytes);
    }
    let refused = refusal(cat(&[&bytes, &[0; 30]]), &rules());
    assert_eq!(refused.error, CorruptMessage);
}

#[test]
fn traps_41_old_formats_are_an_invalid_record_and_unknown_ones_corrupt() {
    for (magic, expected, text) in [
        (0, InvalidRecord, None),
        (1, InvalidRecord, None),
        (-1, CorruptMessage, Some("Invalid magic found in record: -1")),
        (3, CorruptMessage, Some("Invalid magic found in record: 3")),
    ] {
        let refused = refusal(changed(small(), |header| header.magic = magic), &rules());
        assert_eq!((refused.error, refused.message.as_deref()), (expected, text), "magic {magic}");
    }
}

#[test]
fn a_length_that_is_too_short_is_corrupt() {
    for length in [-1, 0, 13] {
        let refused = refusal(changed(small(), |header| header.length = length), &rules());
        let text = format!("Record size {length} is less than the minimum record overhead (14)");
        assert_eq!((refused.error, refused.message), (CorruptMessage, Some(text)));
    }
    for length in [14, 20, 30, 48, 49] {
        assert_eq!(error(changed(small(), |header| header.length = length)), CorruptMessage, "{length}");
    }
}

#[test]
fn traps_42_a_crc_that_does_not_match_is_corrupt() {
    let mut bytes = small().to_bytes().to_vec();
    bytes[17] ^= 1;
    assert_eq!(error(bytes), CorruptMessage);
}

#[test]
fn traps_42_a_base_offset_other_than_0_is_an_invalid_record_even_with_a_bad_crc() {
    let batch = changed(small(), |header| header.base_offset = Offset(5));
    assert_eq!(error(batch.clone()), InvalidRecord);
    let mut bytes = batch.to_vec();
    bytes[17] ^= 1;
    assert_eq!(error(bytes), InvalidRecord);
}

#[test]
fn traps_40_counts_that_do_not_agree_are_an_invalid_record() {
    for (count, delta) in [(2, 0), (0, -1), (0, 0), (-1, 0), (1, 1), (1, i32::MIN), (i32::MIN, 0)] {
        let batch = changed(small(), |header| {
            header.records_count = count;
            header.last_offset_delta = delta;
        });
        assert_eq!(error(batch), InvalidRecord, "{count} {delta}");
    }
}

#[test]
fn traps_40_a_count_that_is_not_the_number_of_records_is_an_invalid_record() {
    for codec in CODECS {
        for count in [1, 3, i32::MAX] {
            let batch = changed(batch_of(codec), |header| {
                header.records_count = count;
                header.last_offset_delta = count - 1;
            });
            assert_eq!(error(batch), InvalidRecord, "{codec:?} {count}");
        }
    }
    assert_eq!(error(raw(Compression::None, 1, &[])), InvalidRecord);
}

#[test]
fn traps_34_clients_write_no_control_batches() {
    let batch = changed(small(), |header| header.attributes = Attributes(32));
    assert_eq!(error(batch), InvalidRecord);
}

#[test]
fn traps_40_zstd_needs_produce_version_7() {
    let records = batch_of(Compression::Zstd).to_bytes();
    let refused = refusal(records.clone(), &Rules { produce_version: 6, ..rules() });
    assert_eq!(refused.error, UnsupportedCompressionType);
    assert!(validate(Some(records), &Rules { produce_version: 7, ..rules() }).is_ok());
}

#[test]
fn codecs_5_to_7_are_an_unknown_server_error_as_in_kafka() {
    for codec in 5..8 {
        assert_eq!(
            error(changed(small(), |header| header.attributes = Attributes(codec))),
            UnknownServerError
        );
    }
}

#[test]
fn a_producer_id_needs_a_sequence() {
    let with = |id, epoch, sequence| {
        changed(small(), |header| {
            header.producer_id = ProducerId(id);
            header.producer_epoch = ProducerEpoch(epoch);
            header.base_sequence = Sequence(sequence);
        })
    };
    assert_eq!(error(with(5, 0, -1)), InvalidRecord);
    assert_eq!(error(with(5, 0, -2)), InvalidRecord);
    // Kafka takes these.
    for (id, epoch, sequence) in [(5, 0, 0), (6, -1, 0), (-2, -1, -1), (-1, 3, 4)] {
        assert!(validate(Some(with(id, epoch, sequence)), &rules()).is_ok());
    }
}

#[test]
fn an_idempotent_and_transactional_batch_stays_as_it_came() {
    let producer = BatchProducer {
        producer_id: ProducerId(5),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(0),
    };
    let options =
        BatchOptions { producer: Some(producer), is_transactional: true, ..BatchOptions::default() };
    let mut builder = BatchBuilder::new(options);
    builder.push(NOW, None, None, &[]);
    let bytes = builder.finish().unwrap().to_bytes();
    assert_eq!(validate(Some(bytes.clone()), &rules()).unwrap().batch.to_bytes(), bytes);
    // As in Kafka: without a producer id, too; the request's transactional id decides.
    let batch = changed(small(), |header| header.attributes = Attributes(16));
    assert!(validate(Some(batch), &rules()).is_ok());
}

#[test]
fn traps_43_a_batch_above_the_limit_is_too_large_before_anything_else_is_looked_at() {
    let mut bytes =
        changed(batch_of(Compression::None), |header| header.attributes = Attributes(32)).to_vec();
    bytes[17] ^= 1;
    let rules = Rules { max_message_bytes: bytes.len() - 1, ..rules() };
    assert_eq!(refusal(bytes, &rules).error, MessageTooLarge);
}
