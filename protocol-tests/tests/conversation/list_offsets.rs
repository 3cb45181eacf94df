//! ListOffsets, OffsetForLeaderEpoch and DeleteRecords: where a log begins and ends, and what stands where.

use gracchus_base::Timestamp;
use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    BrokerId, DeleteRecordsRequest, OffsetForLeaderEpochRequest, Uuid,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
};
use gracchus_wire::records::{BatchBuilder, BatchOptions, Compression};
use protocol_tests::{Client, batch};

use super::support::*;

/// What ListOffsets answers: error, offset, timestamp.
async fn ask(client: &mut Client, version: i16, topic: &Topic, timestamp: i64) -> (i16, i64, i64) {
    let answer = list_offset(client, version, topic, 0, timestamp).await;
    (answer.error_code, answer.offset, answer.timestamp)
}

/// A batch with a record for each time.
fn timed(compression: Compression, times: &[i64]) -> bytes::Bytes {
    let mut builder = BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
    for time in times {
        builder.push(Timestamp(*time), None, Some(b"v"), &[]);
    }
    builder.finish().unwrap().to_bytes()
}

#[tokio::test]
async fn traps_36_places_of_an_empty_log() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "empty", 1, &[]).await;
    for version in versions(ApiKey::ListOffsets) {
        for (place, since, offset) in
            [(-1, 0, 0), (-2, 0, 0), (-3, 7, -1), (-4, 8, 0), (-5, 9, -1), (-6, 11, -1), (5, 0, -1)]
        {
            let answer = ask(&mut client, version, &topic, place).await;
            let expected = if version >= since { (0, offset, -1) } else { (35, -1, -1) };
            assert_eq!(answer, expected, "place {place} in version {version}");
        }
    }
}

#[tokio::test]
async fn traps_36_places_and_times_of_a_log() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "times", 1, &[]).await;
    produced(&mut client, &topic, timed(Compression::None, &[1000, 3000, 2000])).await;
    produced(&mut client, &topic, timed(Compression::Lz4, &[2500, 2600])).await;
    produced(&mut client, &topic, timed(Compression::Gzip, &[5000, 4000])).await;
    for version in versions(ApiKey::ListOffsets) {
        let places = [
            (-1, 0, (0, 7, -1)),
            (-2, 0, (0, 0, -1)),
            (-3, 7, (0, 5, 5000)),
            (-4, 8, (0, 0, -1)),
            (-5, 9, (0, -1, -1)),
        ];
        for (place, since, expected) in places {
            let answer = ask(&mut client, version, &topic, place).await;
            let expected = if version >= since { expected } else { (35, -1, -1) };
            assert_eq!(answer, expected, "place {place} in version {version}");
        }
        let times = [
            (0, (0, 0, 1000)),
            (1000, (0, 0, 1000)),
            (1001, (0, 1, 3000)),
            (2400, (0, 1, 3000)),
            (3000, (0, 1, 3000)),
            (3001, (0, 5, 5000)),
            (5000, (0, 5, 5000)),
            (5001, (0, -1, -1)),
            (i64::MAX, (0, -1, -1)),
        ];
        for (time, expected) in times {
            assert_eq!(
                ask(&mut client, version, &topic, time).await,
                expected,
                "{time} in version {version}"
            );
        }
    }
}

#[tokio::test]
async fn traps_36_a_place_that_nobody_knows_is_an_unsupported_version() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "nobody", 1, &[]).await;
    for version in versions(ApiKey::ListOffsets) {
        for place in [-7, -100, i64::MIN] {
            assert_eq!(
                ask(&mut client, version, &topic, place).await,
                (35, -1, -1),
                "{place} in version {version}"
            );
        }
    }
}

#[tokio::test]
async fn traps_32_36_both_isolations_end_at_the_high_watermark() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "isolation", 1, &[]).await;
    produced(&mut client, &topic, batch::values(&["a", "b"])).await;
    for version in versions(ApiKey::ListOffsets).filter(|version| *version >= 2) {
        for isolation in [0, 1] {
            let request = list_offsets_request(&topic, 0, -1).with_isolation_level(isolation);
            let answer = client.call(version, request).await.topics[0].partitions[0].clone();
            assert_eq!((answer.error_code, answer.offset), (0, 2));
            assert_eq!(answer.leader_epoch, if version >= 4 { 0 } else { -1 });
        }
    }
}

#[tokio::test]
async fn traps_23_26_list_offsets_checks_topic_partition_and_epoch() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "checks", 1, &[]).await;
    for version in versions(ApiKey::ListOffsets) {
        for name in ["no-such-topic", "..", "a/b", "", "a\0b"] {
            let unknown = Topic { name: topic_name(name), id: Uuid::nil() };
            assert_eq!(ask(&mut client, version, &unknown, -1).await, (3, -1, -1), "{name:?}");
        }
        let answer = list_offset(&mut client, version, &topic, 3, -1).await;
        assert_eq!((answer.error_code, answer.offset), (3, -1));
        if version >= 4 {
            for (epoch, error) in [(0, 0), (-1, 0), (1, 75)] {
                let mut request = list_offsets_request(&topic, 0, -1);
                request.topics[0].partitions[0].current_leader_epoch = epoch;
                let answer = client.call(version, request).await.topics[0].partitions[0].clone();
                assert_eq!(answer.error_code, error, "epoch {epoch} in version {version}");
            }
        }
    }
}

/// OffsetForLeaderEpoch: error, epoch, end offset.
pub async fn epoch_end(
    client: &mut Client,
    version: i16,
    topic: &Topic,
    partition: i32,
    (current, epoch): (i32, i32),
) -> (i16, i32, i64) {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(partition)
        .with_current_leader_epoch(current)
        .with_leader_epoch(epoch);
    let topic =
        OffsetForLeaderTopic::default().with_topic(topic.name.clone()).with_partitions(vec![partition]);
    let mut request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    if version >= 3 {
        request.replica_id = BrokerId(-1);
    }
    let answer = client.call(version, request).await.topics[0].partitions[0].clone();
    (answer.error_code, answer.leader_epoch, answer.end_offset)
}

#[tokio::test]
async fn traps_37_the_end_of_an_epoch() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "ends", 1, &[]).await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::nil() };
    produced(&mut client, &topic, batch::values(&["a", "b"])).await;
    for version in versions(ApiKey::OffsetForLeaderEpoch) {
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (-1, 0)).await, (0, 0, 2));
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (0, 0)).await, (0, 0, 2));
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (-1, 1)).await, (0, -1, -1), "not begun yet");
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (-1, -1)).await, (0, -1, -1));
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (1, 0)).await, (75, -1, -1));
        assert_eq!(epoch_end(&mut client, version, &topic, 5, (-1, 0)).await, (3, -1, -1));
        assert_eq!(epoch_end(&mut client, version, &unknown, 0, (-1, 0)).await, (3, -1, -1));
    }
}

#[tokio::test]
async fn traps_37_every_start_begins_an_epoch_where_the_last_one_ended() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "starts", 1, &[]).await;
    produced(&mut client, &topic, batch::values(&["a", "b"])).await;
    broker.restart().await;
    let mut client = broker.client().await;
    let epoch = describe(&mut client, &topic.name).await.partitions[0].leader_epoch;
    assert!(epoch > 0);
    produced(&mut client, &topic, batch::values(&["c"])).await;
    for version in versions(ApiKey::OffsetForLeaderEpoch) {
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (-1, 0)).await, (0, 0, 2));
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (epoch, epoch)).await, (0, epoch, 3));
        assert_eq!(epoch_end(&mut client, version, &topic, 0, (0, 0)).await, (74, -1, -1), "TRAPS 23");
    }
    for (timestamp, expected) in [(-1, epoch), (-2, 0)] {
        assert_eq!(list_offset(&mut client, 5, &topic, 0, timestamp).await.leader_epoch, expected);
    }
    for (asked, error) in [(epoch - 1, 74), (epoch, 0), (epoch + 1, 75)] {
        let mut request = list_offsets_request(&topic, 0, -1);
        request.topics[0].partitions[0].current_leader_epoch = asked;
        assert_eq!(client.call(5, request).await.topics[0].partitions[0].error_code, error);
    }
    let data = fetch(&mut client, 12, &topic, 0).await;
    let epochs = batches_of(&data)
        .iter()
        .map(|b| gracchus_wire::records::BatchHeader::parse(b).unwrap().leader_epoch.0)
        .collect::<Vec<_>>();
    assert_eq!(epochs, [0, epoch]);
}

/// DeleteRecords: error and low watermark.
async fn delete_before(
    client: &mut Client,
    version: i16,
    topic: &Topic,
    partition: i32,
    offset: i64,
) -> (i16, i64) {
    let partition = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
    let topic = DeleteRecordsTopic::default().with_name(topic.name.clone()).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = client.call(version, request).await.topics[0].partitions[0].clone();
    (answer.error_code, answer.low_watermark)
}

#[tokio::test]
async fn traps_64_delete_records_moves_the_log_start() {
    let (_broker, mut client) = start().await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::nil() };
    for version in versions(ApiKey::DeleteRecords) {
        let topic = create(&mut client, &format!("records-{version}"), 1, &[]).await;
        produced(&mut client, &topic, batch::values(&["a", "b", "c"])).await;
        produced(&mut client, &topic, batch::values(&["d", "e"])).await;
        assert_eq!(delete_before(&mut client, version, &topic, 0, 0).await, (0, 0));
        assert_eq!(delete_before(&mut client, version, &topic, 0, 2).await, (0, 2));
        assert_eq!(delete_before(&mut client, version, &topic, 0, 1).await, (0, 2), "it does not move back");
        assert_eq!(
            delete_before(&mut client, version, &topic, 0, 6).await,
            (1, -1),
            "beyond the high watermark"
        );
        assert_eq!(delete_before(&mut client, version, &topic, 0, -2).await, (1, -1));
        assert_eq!(delete_before(&mut client, version, &topic, 1, 0).await, (3, -1));
        assert_eq!(delete_before(&mut client, version, &unknown, 0, 0).await, (3, -1));

        assert_eq!((log_start(&mut client, &topic).await, end(&mut client, &topic).await), (2, 5));
        assert_eq!(fetch(&mut client, 12, &topic, 1).await.error_code, 1);
        let data = fetch(&mut client, 12, &topic, 2).await;
        assert_eq!(data.log_start_offset, 2);
        assert_eq!(records_of(&data)[0].0, 0, "batches come whole (TRAPS 31)");
        let answer = produce(&mut client, 9, &topic, batch::values(&["f"])).await;
        assert_eq!((answer.base_offset, answer.log_start_offset), (5, 2));

        assert_eq!(
            delete_before(&mut client, version, &topic, 0, -1).await,
            (0, 6),
            "-1 is the high watermark"
        );
        assert_eq!((log_start(&mut client, &topic).await, end(&mut client, &topic).await), (6, 6));
        assert_eq!(fetch(&mut client, 12, &topic, 6).await.error_code, 0);
        assert_eq!(produced(&mut client, &topic, batch::values(&["g"])).await, 6);
    }
}

#[tokio::test]
async fn traps_64_the_log_start_survives_a_restart() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "kept", 1, &[]).await;
    produced(&mut client, &topic, batch::values(&["a", "b", "c"])).await;
    assert_eq!(delete_before(&mut client, 2, &topic, 0, 2).await, (0, 2));
    broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!((log_start(&mut client, &topic).await, end(&mut client, &topic).await), (2, 3));
    assert_eq!(fetch(&mut client, 12, &topic, 1).await.error_code, 1);
    assert_eq!(values_from(&mut client, &topic, 2).await, ["c"]);
}

async fn values_from(client: &mut Client, topic: &Topic, offset: i64) -> Vec<String> {
    let records = read(client, topic, offset).await.into_iter().filter(|(at, _, _)| *at >= offset);
    records.map(|(_, _, value)| value.unwrap()).collect()
}

#[tokio::test]
async fn traps_64_a_compacted_topic_keeps_its_records() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "compacted", 1, &[("cleanup.policy", "compact")]).await;
    assert_eq!(delete_before(&mut client, 2, &topic, 0, 0).await, (44, -1), "POLICY_VIOLATION");
}

#[tokio::test]
async fn a_last_timestamp_beyond_the_log_start_is_found_after_deletion() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "deleted", 1, &[]).await;
    produced(&mut client, &topic, timed(Compression::None, &[1000, 2000, 3000])).await;
    assert_eq!(delete_before(&mut client, 2, &topic, 0, 1).await, (0, 1));
    assert_eq!(ask(&mut client, 7, &topic, 500).await, (0, 1, 2000));
    assert_eq!(ask(&mut client, 7, &topic, 1000).await, (0, 1, 2000));
}
