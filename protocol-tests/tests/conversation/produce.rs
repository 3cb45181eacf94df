//! Produce: what is appended and what is refused, with Kafka's codes and messages.

use bytes::Bytes;
use gracchus_base::Timestamp;
use gracchus_wire::ApiKey;
use gracchus_wire::messages::{ProduceRequest, Uuid};
use gracchus_wire::records::{
    Attributes, BatchBuilder, BatchHeader, BatchOptions, Compression, TimestampType,
};
use protocol_tests::batch;
use protocol_tests::typed::encode;

use super::support::*;

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn now() -> i64 {
    gracchus_base::Clock::system().now().0
}

/// A batch with one record per time.
fn timed(options: BatchOptions, times: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for time in times {
        builder.push(Timestamp(*time), None, Some(b"timed"), &[]);
    }
    builder.finish().unwrap().to_bytes()
}

/// The batch with other fields in its header and the CRC to it.
fn with_header(batch: &Bytes, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = BatchHeader::parse(batch).unwrap();
    let body = batch.slice(61..);
    change(&mut header);
    header.crc = header.crc_with(&body);
    [&header.encode()[..], &body].concat().into()
}

#[tokio::test]
async fn traps_09_every_version_from_3_appends() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "every", 1, &[]).await;
    for (offset, version) in (0..).zip(versions(ApiKey::Produce)) {
        for acks in [-1, 1] {
            let request = produce_request(version, &topic, 0, acks, batch::values(&["v"]));
            let answer = client.call(version, request).await;
            let partition = &answer.responses[0].partition_responses[0];
            let expected = offset * 2 + i64::from(acks == 1);
            assert_eq!((partition.error_code, partition.base_offset), (0, expected), "version {version}");
            assert_eq!(partition.log_append_time_ms, -1, "records keep their own times");
            assert_eq!(partition.log_start_offset, if version >= 5 { 0 } else { -1 }, "version {version}");
            let by_id = if version >= 13 { topic.id } else { Uuid::nil() };
            assert_eq!(answer.responses[0].topic_id, by_id);
        }
    }
}

#[tokio::test]
async fn traps_26_an_unknown_topic_or_partition_is_refused_by_version() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "known", 1, &[]).await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::from_u128(77) };
    for version in versions(ApiKey::Produce) {
        let records = || batch::values(&["v"]);
        let answer = client.call(version, produce_request(version, &unknown, 0, -1, records())).await;
        let refused = &answer.responses[0].partition_responses[0];
        assert_eq!(refused.error_code, if version >= 13 { 100 } else { 3 }, "version {version}");
        assert_eq!(refused.base_offset, -1);
        for index in [1, -1] {
            let answer = client.call(version, produce_request(version, &topic, index, -1, records())).await;
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 3, "version {version}");
        }
    }
    let nil = Topic { id: Uuid::nil(), ..topic.clone() };
    let answer = client.call(13, produce_request(13, &nil, 0, -1, batch::values(&["v"]))).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 100);
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn bad_names_of_topics_are_unknown_topics_to_produce() {
    let (_broker, mut client) = start().await;
    for name in ["", ".", "..", "../x", "a/b", "a\0b", &"x".repeat(250)] {
        let topic = Topic { name: topic_name(name), id: Uuid::nil() };
        let answer = produce(&mut client, 9, &topic, batch::values(&["v"])).await;
        assert_eq!(answer.error_code, 3, "{name:?}");
    }
}

#[tokio::test]
async fn traps_38_acks_0_is_not_answered() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "silent", 1, &[]).await;
    for version in versions(ApiKey::Produce) {
        let request = produce_request(version, &topic, 0, 0, batch::values(&["v"]));
        client.send_raw(&encode(version, request)).await;
    }
    // The next answer on the connection is to this request. Readers see what is flushed, which may take a moment.
    let sent = i64::try_from(versions(ApiKey::Produce).count()).unwrap();
    let patience = Patience::new();
    while end(&mut client, &topic).await < sent {
        patience.wait();
    }
    assert_eq!(values(&mut client, &topic).await.len(), versions(ApiKey::Produce).count());
}

#[tokio::test]
async fn traps_38_acks_0_that_fails_closes_the_connection() {
    let (broker, mut client) = start().await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::nil() };
    let mut silent = broker.client().await;
    silent.send_raw(&encode(9, produce_request(9, &unknown, 0, 0, batch::values(&["v"])))).await;
    silent.expect_closed().await;
    assert_served(&mut client).await;
}

#[tokio::test]
async fn traps_39_acks_are_minus_1_0_or_1() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "acks", 1, &[]).await;
    for acks in [2, -2, 3, i16::MAX, i16::MIN] {
        let answer = client.call(9, produce_request(9, &topic, 0, acks, batch::values(&["v"]))).await;
        let refused = &answer.responses[0].partition_responses[0];
        assert_eq!(
            (refused.error_code, refused.base_offset, refused.log_start_offset),
            (21, -1, -1),
            "{acks}"
        );
    }
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::nil() };
    let answer = client.call(9, produce_request(9, &unknown, 0, 5, batch::values(&["v"]))).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 3, "what is not there is told first");
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_40_a_payload_is_one_batch() {
    let (broker, mut client) = start().await;
    let topic = create(&mut client, "payload", 1, &[]).await;
    let one = batch::values(&["v"]);
    // Nothing, and more than one batch, are no valid requests.
    for records in [Bytes::new(), [&one[..], &one[..]].concat().into()] {
        let mut bad = broker.client().await;
        let answer = produce(&mut bad, 9, &topic, records).await;
        assert_eq!(answer.error_code, 87, "{answer:?}");
    }
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_40_counts_and_deltas_of_a_batch_must_agree() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "counts", 1, &[]).await;
    let two = batch::values(&["a", "b"]);
    let lies = [
        with_header(&two, |header| header.records_count = 3),
        with_header(&two, |header| header.records_count = 1),
        with_header(&two, |header| header.records_count = 0),
        with_header(&two, |header| header.records_count = -1),
        with_header(&two, |header| header.last_offset_delta = 2),
        with_header(&two, |header| header.last_offset_delta = -1),
    ];
    for (at, lie) in lies.into_iter().enumerate() {
        let answer = produce(&mut client, 9, &topic, lie).await;
        assert_eq!(answer.error_code, 87, "lie {at}: {answer:?}");
    }
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_40_zstd_needs_version_7() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "zstd", 1, &[]).await;
    let zstd = BatchOptions { compression: Compression::Zstd, ..BatchOptions::default() };
    for version in versions(ApiKey::Produce) {
        let answer = produce(&mut client, version, &topic, batch::build(zstd, &["v"])).await;
        assert_eq!(answer.error_code, if version >= 7 { 0 } else { 76 }, "version {version}");
    }
}

#[tokio::test]
async fn traps_41_the_formats_0_and_1_are_refused() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "magic", 1, &[]).await;
    for (magic, error) in [(0, 87), (1, 87), (3, 2), (-1_i8, 2)] {
        let mut bytes = batch::values(&["v"]).to_vec();
        bytes[16] = magic.to_be_bytes()[0];
        let answer = produce(&mut client, 9, &topic, bytes.into()).await;
        assert_eq!(answer.error_code, error, "{magic}: {answer:?}");
    }
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_42_a_wrong_crc_is_a_corrupt_message() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "crc", 1, &[]).await;
    let good = batch::values(&["some value"]);
    for at in [17, 24, 45, 62, good.len() - 1] {
        let mut bad = good.to_vec();
        bad[at] ^= 0x10;
        let answer = produce(&mut client, 9, &topic, bad.into()).await;
        assert_eq!((answer.error_code, answer.base_offset), (2, -1), "byte {at}: {answer:?}");
    }
    // A batch that is shorter or longer than it says.
    for bytes in [&good[..good.len() - 1], &good[..60], &good[..5]] {
        let answer = produce(&mut client, 9, &topic, Bytes::copy_from_slice(bytes)).await;
        assert_eq!(answer.error_code, 87, "{} bytes: {answer:?}", bytes.len());
    }
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_42_offset_and_epoch_are_set_by_the_broker_and_the_crc_still_holds() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "patch", 1, &[]).await;
    let sent = batch::values(&["a", "b"]);
    produced(&mut client, &topic, sent.clone()).await;
    produced(&mut client, &topic, sent.clone()).await;
    let data = fetch(&mut client, 12, &topic, 0).await;
    for (batch, offset) in batches_of(&data).iter().zip([0, 2]) {
        let header = BatchHeader::parse(batch).unwrap();
        assert_eq!((header.base_offset.0, header.leader_epoch.0), (offset, 0));
        assert_eq!(header.crc, header.crc_with(&batch[61..]));
        assert_eq!(batch[17..], sent[17..], "everything else is as it was sent");
    }
}

#[tokio::test]
async fn a_base_offset_that_is_not_0_is_refused() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "base", 1, &[]).await;
    let batch = with_header(&batch::values(&["v"]), |header| header.base_offset.0 = 5);
    let answer = produce(&mut client, 9, &topic, batch).await;
    assert_eq!((answer.error_code, answer.base_offset), (87, -1), "{answer:?}");
}

#[tokio::test]
async fn traps_34_control_batches_come_from_brokers_only() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "control", 1, &[]).await;
    let options = BatchOptions { is_control: true, ..BatchOptions::default() };
    let answer = produce(&mut client, 9, &topic, batch::build(options, &["v"])).await;
    assert_eq!(answer.error_code, 87, "{answer:?}");
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn traps_43_a_batch_above_max_message_bytes_is_too_large() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "large", 1, &[("max.message.bytes", "200")]).await;
    let value = |bytes: usize| "x".repeat(bytes);
    let fits = batch::values(&[&value(200 - batch::values(&[&value(100)]).len() + 100)]);
    assert_eq!(fits.len(), 200);
    let answer = produce(&mut client, 9, &topic, fits).await;
    assert_eq!(answer.error_code, 0);
    let answer = produce(&mut client, 9, &topic, batch::values(&[&value(132)])).await;
    assert_eq!((answer.error_code, answer.base_offset), (10, -1), "{answer:?}");
    assert_eq!(end(&mut client, &topic).await, 1);
}

#[tokio::test]
async fn traps_44_times_too_far_off_are_refused_record_by_record() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "times", 1, &[("message.timestamp.before.max.ms", "86400000")]).await;
    let late = now() + 2 * 3_600_000;
    let old = now() - 2 * 86_400_000;
    for version in versions(ApiKey::Produce) {
        for bad in [late, old] {
            let records = timed(BatchOptions::default(), &[now(), bad]);
            let answer = produce(&mut client, version, &topic, records).await;
            assert_eq!((answer.error_code, answer.base_offset), (32, -1), "version {version}: {answer:?}");
            let refused: Vec<_> = answer.record_errors.iter().map(|record| record.batch_index).collect();
            assert_eq!(refused, if version >= 8 { vec![1] } else { vec![] }, "version {version}: {answer:?}");
            assert_eq!(answer.error_message.is_some(), version >= 8, "version {version}");
        }
    }
    assert_eq!(end(&mut client, &topic).await, 0);
    assert_eq!(produced(&mut client, &topic, timed(BatchOptions::default(), &[now() + 3_000_000])).await, 0);
}

#[tokio::test]
async fn traps_44_log_append_time_is_told_and_stored() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "appended", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let before = now();
    for (offset, codec) in (0..).zip(CODECS) {
        // A time that create times could not have: it does not matter here.
        let options = BatchOptions { compression: codec, ..BatchOptions::default() };
        let answer = produce(&mut client, 9, &topic, timed(options, &[1000, before + 10_000_000_000])).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, offset * 2), "{answer:?}");
        assert!((before..=now()).contains(&answer.log_append_time_ms), "{answer:?}");
        let data = fetch(&mut client, 12, &topic, offset * 2).await;
        let header = BatchHeader::parse(&batches_of(&data)[0]).unwrap();
        assert_eq!(header.attributes.timestamp_type(), TimestampType::LogAppend);
        assert_eq!(header.max_timestamp.0, answer.log_append_time_ms);
        assert_eq!(header.crc, header.crc_with(&batches_of(&data)[0][61..]));
    }
}

/// Where times are the producer's, Kafka lets such a batch pass without looking at its records' times; ours does not.
#[tokio::test]
async fn a_batch_that_claims_log_append_time_is_refused() {
    let (_broker, mut client) = start().await;
    let stamped = create(&mut client, "stamped", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let created = create(&mut client, "created", 1, &[]).await;
    for compression in CODECS {
        let sent = batch::build(BatchOptions { compression, ..BatchOptions::default() }, &["v"]);
        let claims = with_header(&sent, |header| {
            header.attributes = header.attributes.with_timestamp_type(TimestampType::LogAppend);
        });
        let answer = produce(&mut client, 9, &stamped, claims.clone()).await;
        assert_eq!(answer.error_code, 32, "{compression:?}: {answer:?}");
        if is_ours() {
            assert_eq!(produce(&mut client, 9, &created, claims).await.error_code, 32);
        }
    }
}

#[tokio::test]
async fn traps_45_bytes_are_kept_as_sent_with_every_codec() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "kept", 1, &[]).await;
    for (offset, codec) in (0..).zip(CODECS) {
        let options = BatchOptions { compression: codec, ..BatchOptions::default() };
        let sent = batch::build(options, &["one value", "one value", "one value"]);
        assert_eq!(produced(&mut client, &topic, sent.clone()).await, offset * 3);
        let data = fetch(&mut client, 12, &topic, offset * 3).await;
        assert_eq!(batches_of(&data)[0][17..], sent[17..], "{codec:?}");
    }
    assert_eq!(values(&mut client, &topic).await, vec!["one value"; 15]);
}

#[tokio::test]
async fn traps_45_another_compression_type_recompresses() {
    let (_broker, mut client) = start().await;
    for (name, codec) in ["uncompressed", "gzip", "snappy", "lz4", "zstd"].into_iter().zip(CODECS) {
        let topic = create(&mut client, &format!("to-{name}"), 1, &[("compression.type", name)]).await;
        for sent in CODECS {
            let options = BatchOptions { compression: sent, ..BatchOptions::default() };
            produced(&mut client, &topic, batch::build(options, &["a", "b"])).await;
        }
        let data = fetch(&mut client, 12, &topic, 0).await;
        let stored = batches_of(&data).iter().map(|b| BatchHeader::parse(b).unwrap()).collect::<Vec<_>>();
        assert!(
            stored.iter().all(|header| header.attributes.compression() == Some(codec)),
            "{name}: {stored:?}"
        );
        assert_eq!(values(&mut client, &topic).await, ["a", "b"].repeat(5), "{name}");
    }
}

#[tokio::test]
async fn a_codec_that_is_none_or_garbage_in_it_is_refused() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "garbage", 1, &[]).await;
    let good = batch::values(&["not compressed at all"]);
    for codec in 1..=7 {
        let lie = with_header(&good, |header| header.attributes = Attributes(codec));
        let answer = produce(&mut client, 9, &topic, lie).await;
        // Kafka calls it UNKNOWN_SERVER_ERROR, which is true of nobody here.
        assert_ne!(answer.error_code, 0, "codec {codec}: {answer:?}");
    }
    assert_eq!(end(&mut client, &topic).await, 0);
}

#[tokio::test]
async fn a_compacted_topic_requires_keys() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "compacted", 1, &[("cleanup.policy", "compact")]).await;
    for codec in CODECS {
        let options = BatchOptions { compression: codec, ..BatchOptions::default() };
        let answer = produce(&mut client, 9, &topic, batch::build(options, &["a", "b"])).await;
        assert_eq!(answer.error_code, 87, "{answer:?}");
        let refused: Vec<_> = answer.record_errors.iter().map(|record| record.batch_index).collect();
        assert_eq!(refused, [0, 1], "{answer:?}");
    }
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(Timestamp(now()), Some(b"key"), Some(b"value"), &[]);
    builder.push(Timestamp(now()), Some(b"key"), None, &[]);
    assert_eq!(produced(&mut client, &topic, builder.finish().unwrap().to_bytes()).await, 0);
    assert_eq!(read(&mut client, &topic, 1).await.pop(), Some((1, Some("key".into()), None)));
}

#[tokio::test]
async fn one_refused_partition_does_not_hide_another() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "several", 3, &[]).await;
    let mut request = produce_request(9, &topic, 0, -1, batch::values(&["a"]));
    for (index, records) in
        [(7, batch::values(&["b"])), (1, Bytes::from_static(b"no batch")), (2, batch::values(&["c"]))]
    {
        let more =
            produce_request(9, &topic, index, -1, records).topic_data.remove(0).partition_data.remove(0);
        request.topic_data[0].partition_data.push(more);
    }
    let answer = client.call(9, request).await;
    let codes =
        answer.responses[0].partition_responses.iter().map(|p| (p.index, p.error_code)).collect::<Vec<_>>();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [(0, 0), (1, 87), (2, 0), (7, 3)], "{codes:?}");
}

#[tokio::test]
async fn a_request_without_topics_is_answered_without_topics() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::Produce) {
        let answer =
            client.call(version, ProduceRequest::default().with_acks(-1).with_timeout_ms(1000)).await;
        assert_eq!(answer.responses.len(), 0);
    }
}

#[tokio::test]
async fn a_negative_timeout_is_no_reason_to_refuse() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "negative", 1, &[]).await;
    for acks in [1, -1] {
        let request = produce_request(9, &topic, 0, acks, batch::values(&["v"])).with_timeout_ms(-1);
        let answer = client.call(9, request).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "acks {acks}");
    }
}

#[tokio::test]
async fn a_transactional_produce_is_refused_for_good() {
    let Some((_broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "transactional", 1, &[]).await;
    let options = BatchOptions { is_transactional: true, ..BatchOptions::default() };
    let request = produce_request(9, &topic, 0, -1, batch::build(options, &["v"]));
    let id = gracchus_wire::messages::TransactionalId(text("tx"));
    for request in [request.clone(), request.with_transactional_id(Some(id))] {
        let answer = client.call(9, request).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 53);
    }
    assert_eq!(end(&mut client, &topic).await, 0);
}
