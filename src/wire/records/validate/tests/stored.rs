use super::*;
use crate::records::{crc_matches, records};

/// What consumers will see of the records.
fn seen(batch: &Batch) -> Vec<crate::records::Record> {
    records(batch).unwrap().map(Result::unwrap).collect()
}

fn assert_whole(batch: &Batch) {
    let bytes = batch.to_bytes();
    assert_eq!(BatchHeader::parse(&bytes).unwrap(), batch.header);
    assert_eq!(batch.header.total_bytes(), bytes.len());
    assert!(crc_matches(&batch.header, &bytes));
}

#[test]
fn traps_45_a_right_batch_stays_as_it_came() {
    for codec in CODECS {
        let bytes = batch_of(codec).to_bytes();
        for target in [None, Some((codec, 9))] {
            let validated = validate(Some(bytes.clone()), &Rules { target, ..rules() }).unwrap();
            assert_eq!(validated.batch.to_bytes(), bytes);
            assert_eq!(validated.batch.body.as_ptr(), bytes[61..].as_ptr(), "not copied");
            assert_eq!(validated.log_append_time, Timestamp::NONE);
        }
    }
}

#[test]
fn traps_45_a_batch_in_another_codec_is_packed_anew() {
    for source in CODECS {
        for target in CODECS.into_iter().filter(|target| *target != source) {
            let rules = Rules { target: Some((target, 1)), ..rules() };
            let batch = validate(Some(batch_of(source).to_bytes()), &rules).unwrap().batch;
            assert_eq!(batch.header.attributes.compression(), Some(target));
            assert_whole(&batch);
            assert_eq!(seen(&batch), seen(&batch_of(source)), "{source:?} to {target:?}");
        }
    }
}

#[test]
fn traps_43_the_size_that_counts_is_also_that_of_the_batch_as_stored() {
    let mut builder =
        BatchBuilder::new(BatchOptions { compression: Compression::Gzip, ..BatchOptions::default() });
    builder.push(NOW, Some(b"k"), Some(&[b'v'; 300]), &[]);
    let bytes = builder.finish().unwrap().to_bytes();
    let rules = Rules { max_message_bytes: 200, ..rules() };
    assert!(bytes.len() < 200 && validate(Some(bytes.clone()), &rules).is_ok());
    let refused = refusal(bytes, &Rules { target: Some((Compression::None, 0)), ..rules });
    assert_eq!(refused.error, ErrorCode::MessageTooLarge);
}

#[test]
fn traps_42_a_max_timestamp_that_lies_is_set_right() {
    for codec in CODECS {
        for lie in [-1, NOW.0 - 1, i64::MAX, i64::MIN] {
            let bytes = changed(batch_of(codec), |header| header.max_timestamp = Timestamp(lie));
            let batch = validate(Some(bytes.clone()), &rules()).unwrap().batch;
            assert_eq!(batch.header.max_timestamp, NOW);
            assert_whole(&batch);
            assert_eq!(batch.to_bytes(), batch_of(codec).to_bytes());
            assert_eq!(batch.body.as_ptr(), bytes[61..].as_ptr(), "the body is not copied");
        }
    }
}

#[test]
fn traps_44_log_append_time_is_the_time_of_the_append() {
    for codec in CODECS {
        for target in [None, Some((Compression::Lz4, 9))] {
            let timestamp_type = TimestampType::LogAppend;
            let now = Timestamp(NOW.0 + 77);
            let validated = validate(
                Some(batch_of(codec).to_bytes()),
                &Rules { timestamp_type, now, target, after_max_ms: 0, ..rules() },
            )
            .unwrap();
            assert_eq!(validated.log_append_time, now);
            assert_eq!(validated.batch.header.max_timestamp, now);
            assert_eq!(validated.batch.header.attributes.timestamp_type(), TimestampType::LogAppend);
            assert_whole(&validated.batch);
            assert!(seen(&validated.batch).iter().all(|record| record.timestamp == now));
        }
    }
}

#[test]
fn attribute_bits_that_mean_nothing_stay_unless_the_header_is_written_anew_as_in_kafka() {
    let odd = changed(small(), |header| header.attributes = Attributes(0x7f00));
    assert_eq!(validate(Some(odd.clone()), &rules()).unwrap().batch.header.attributes, Attributes(0x7f00));
    let log_append = Rules { timestamp_type: TimestampType::LogAppend, ..rules() };
    assert_eq!(validate(Some(odd), &log_append).unwrap().batch.header.attributes, Attributes(8));
}

#[test]
fn header_only_believes_what_the_header_says_of_the_records() {
    let rules = Rules { header_only: true, requires_keys: true, ..rules() };
    let lies = changed(batch_of(Compression::Gzip), |header| header.max_timestamp = Timestamp(5));
    assert_eq!(validate(Some(lies.clone()), &rules).unwrap().batch.to_bytes(), lies);
    let garbage = packed(Compression::Zstd, 1, vec![1, 2, 3]);
    assert!(validate(Some(garbage.clone()), &rules).is_ok());
    let mut bad_crc = garbage.to_vec();
    bad_crc[62] ^= 1;
    assert_eq!(refusal(bad_crc, &rules).error, ErrorCode::CorruptMessage);
    let target = Some((Compression::None, 0));
    assert_eq!(refusal(garbage, &Rules { target, ..rules.clone() }).error, ErrorCode::UnknownServerError);
    let batch = validate(Some(lies), &Rules { target, ..rules }).unwrap().batch;
    assert_whole(&batch);
    assert_eq!(batch.header.max_timestamp, Timestamp(5));
}
