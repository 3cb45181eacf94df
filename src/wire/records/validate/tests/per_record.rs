use gracchus_base::limits::RECORD_ERRORS_MAX;

use super::*;

/// A record for each timestamp and key.
fn batch(compression: Compression, records: &[(i64, Option<&str>)]) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
    for (timestamp, key) in records {
        builder.push(Timestamp(*timestamp), key.map(str::as_bytes), Some(b"v"), &[]);
    }
    builder.finish().unwrap().to_bytes()
}

fn texts(refused: &Refused) -> Vec<(i32, &str)> {
    refused.record_errors.iter().map(|e| (e.batch_index, e.message.as_deref().unwrap())).collect()
}

const FUTURE: i64 = NOW.0 + 7_200_000;

#[test]
fn traps_44_create_times_beyond_the_limit_are_refused_record_by_record() {
    for codec in CODECS {
        let records = batch(codec, &[(FUTURE, Some("k")), (NOW.0, Some("k")), (FUTURE, Some("k"))]);
        let refused = refusal(records, &rules());
        assert_eq!(refused.error, ErrorCode::InvalidTimestamp);
        let text = "One or more records have been rejected due to invalid timestamp";
        assert_eq!(refused.message.as_deref(), Some(text));
        let range = "is out of range. The timestamp should be within [-9223370336854775807, 1700003600000]";
        let first = format!("Timestamp {FUTURE} of message with offset 0 {range}");
        let third = format!("Timestamp {FUTURE} of message with offset 2 {range}");
        assert_eq!(texts(&refused), [(0, &first[..]), (2, &third[..])]);
    }
}

#[test]
fn traps_44_the_limits_themselves_are_in_bounds() {
    let rules = Rules { before_max_ms: 1000, after_max_ms: 500, ..rules() };
    let is_fine = |timestamp| validate(Some(batch(Compression::None, &[(timestamp, None)])), &rules).is_ok();
    assert!(is_fine(NOW.0 - 1000) && is_fine(NOW.0 + 500));
    assert!(!is_fine(NOW.0 - 1001) && !is_fine(NOW.0 + 501));
    assert!(is_fine(-1), "no timestamp");
    assert!(!is_fine(-2));
}

#[test]
fn faults_32_timestamps_at_the_ends_of_the_range_are_treated_as_in_kafka() {
    let is_fine =
        |timestamp| validate(Some(batch(Compression::None, &[(timestamp, None)])), &rules()).is_ok();
    assert!(is_fine(-1) && is_fine(-100));
    assert!(!is_fine(i64::MIN) && !is_fine(i64::MAX));
}

#[test]
fn records_without_a_key_are_refused_on_a_compacted_topic() {
    let topic = TopicName::parse("keyed").unwrap();
    let partition = TopicPartition { topic, partition: PartitionIndex(0) };
    let rules = Rules { requires_keys: true, partition, ..rules() };
    let text = "Compacted topic cannot accept message without key in topic partition keyed-0";
    for codec in CODECS {
        let keys = [None, Some("k"), None, None, None, Some("")];
        let refused = refusal(batch(codec, &keys.map(|key| (NOW.0, key))), &rules);
        assert_eq!(refused.error, ErrorCode::InvalidRecord);
        let message = format!(
            "One or more records have been rejected due to 4 record errors in total, and only showing the first three \
             errors at most: [RecordError(batchIndex=0, message='{text}'), RecordError(batchIndex=2, message='{text}'), \
             RecordError(batchIndex=3, message='{text}')]"
        );
        assert_eq!(refused.message, Some(message));
        assert_eq!(texts(&refused), [(0, text), (2, text), (3, text), (4, text)]);
    }
    assert!(validate(Some(batch(Compression::None, &[(NOW.0, Some(""))])), &rules).is_ok());
}

#[test]
fn a_bad_timestamp_decides_the_code_where_keys_are_missing_too() {
    let rules = Rules { requires_keys: true, ..rules() };
    let refused = refusal(batch(Compression::None, &[(NOW.0, None), (FUTURE, Some("k"))]), &rules);
    assert_eq!(refused.error, ErrorCode::InvalidTimestamp);
    assert!(texts(&refused)[0].1.starts_with("Compacted topic"));
    assert!(texts(&refused)[1].1.starts_with("Timestamp"));
}

#[test]
fn producers_do_not_set_the_timestamp_type() {
    let lat = TimestampType::LogAppend;
    // On a topic with create times Kafka takes such batches if the header's max timestamp is in bounds.
    for timestamp_type in [TimestampType::Create, TimestampType::LogAppend] {
        let rules = Rules { timestamp_type, ..rules() };
        for (codec, kind) in
            [(Compression::None, "DefaultRecord"), (Compression::Gzip, "PartialDefaultRecord")]
        {
            let records = changed(batch_of(codec), |header| {
                header.attributes = header.attributes.with_timestamp_type(lat);
            });
            let refused = refusal(records, &rules);
            assert_eq!(refused.error, ErrorCode::InvalidTimestamp);
            let text = format!(
                "Invalid timestamp type in message {kind}(offset=0, timestamp=1700000000000, key=1 bytes, value=1 \
                 bytes). Producer should not set timestamp type to LogAppendTime."
            );
            assert_eq!(texts(&refused)[0], (0, &text[..]));
        }
    }
}

#[test]
fn an_answer_names_a_bounded_number_of_bad_records_unlike_kafka() {
    let records = vec![(NOW.0, None); 5000];
    let rules = Rules { requires_keys: true, ..rules() };
    let refused = refusal(batch(Compression::Zstd, &records), &rules);
    assert_eq!(refused.record_errors.len(), RECORD_ERRORS_MAX);
    assert!(refused.message.unwrap().contains("due to 5000 record errors in total"));
}
