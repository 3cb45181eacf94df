//! Fetch without sessions: sizes, waiting, offsets, epochs.

use std::time::{Duration, Instant};

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{BrokerId, FetchRequest, Uuid};
use gracchus_wire::records::BatchHeader;
use protocol_tests::typed::encode;
use protocol_tests::{Client, TestBroker, batch};

use super::support::*;

/// A value so long that the batch around it has about `bytes`.
fn long(bytes: usize) -> String {
    "x".repeat(bytes - 70)
}

/// Three batches of one record and about 300 bytes each; answers the size of one.
async fn three(client: &mut Client, topic: &Topic) -> usize {
    let batch = batch::values(&[&long(300)]);
    for offset in 0..3 {
        assert_eq!(produced(client, topic, batch.clone()).await, offset);
    }
    batch.len()
}

/// Fetches partition 0 from 0 with limits on the bytes.
async fn limited(client: &mut Client, version: i16, topic: &Topic, partition_max: i32, max: i32) -> usize {
    let partition = fetch_partition(0, 0).with_partition_max_bytes(partition_max);
    let request = fetch_request(vec![fetch_topic(version, topic, vec![partition])]).with_max_bytes(max);
    let answer = client.call(version, request).await;
    answer.responses[0].partitions[0].records.as_ref().map_or(0, bytes::Bytes::len)
}

#[tokio::test]
async fn a_produce_then_a_fetch_on_one_connection_reads_its_own_write_in_every_version() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "own", 1, &[]).await;
    for (offset, version) in (0..).zip(versions(ApiKey::Fetch)) {
        let value = format!("version {version}");
        client.send_raw(&encode(9, produce_request(9, &topic, 0, -1, batch::values(&[&value])))).await;
        let request = fetch_request(vec![fetch_topic(version, &topic, vec![fetch_partition(0, offset)])]);
        client.send_raw(&encode(version, request)).await;
        client.receive_answer(9, gracchus_wire::messages::ProduceRequest::default()).await;
        let answer = client.receive_answer(version, FetchRequest::default()).await;
        let data = &answer.responses[0].partitions[0];
        assert_eq!(records_of(data), [(offset, None, Some(value))], "version {version}");
        assert_eq!((data.high_watermark, data.last_stable_offset), (offset + 1, offset + 1), "TRAPS 32");
        assert_eq!(data.log_start_offset, if version >= 5 { 0 } else { -1 });
        assert_eq!(data.preferred_read_replica, BrokerId(-1), "TRAPS 35");
        assert!(data.aborted_transactions.as_ref().is_none_or(Vec::is_empty), "TRAPS 33");
        assert_eq!(answer.responses[0].topic_id, if version >= 13 { topic.id } else { Uuid::nil() });
    }
}

#[tokio::test]
async fn traps_32_33_read_committed_reads_to_the_last_stable_offset_with_a_list_of_aborted_transactions() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "committed", 1, &[]).await;
    three(&mut client, &topic).await;
    for version in versions(ApiKey::Fetch) {
        for (isolation, aborted) in [(0, None), (1, Some(vec![]))] {
            let request = fetch_request(vec![fetch_topic(version, &topic, vec![fetch_partition(0, 0)])]);
            let answer = client.call(version, request.with_isolation_level(isolation)).await;
            let data = &answer.responses[0].partitions[0];
            assert_eq!(records_of(data).len(), 3);
            assert_eq!(data.aborted_transactions, aborted, "version {version}, isolation {isolation}");
        }
    }
}

#[tokio::test]
async fn traps_26_an_unknown_topic_or_partition_is_told_by_version() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "fetchable", 1, &[]).await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::from_u128(99) };
    for version in versions(ApiKey::Fetch) {
        let data = fetch(&mut client, version, &unknown, 0).await;
        assert_eq!(data.error_code, if version >= 13 { 100 } else { 3 }, "version {version}");
        assert_eq!(data.aborted_transactions, Some(vec![]), "TRAPS 33");
        assert_eq!((data.high_watermark, data.records.map_or(0, |records| records.len())), (-1, 0));
        for index in [1, -1] {
            let request = fetch_request(vec![fetch_topic(version, &topic, vec![fetch_partition(index, 0)])]);
            let answer = client.call(version, request).await;
            assert_eq!(answer.responses[0].partitions[0].error_code, 3, "version {version}");
        }
    }
}

#[tokio::test]
async fn traps_23_69_epochs_other_than_the_leaders_are_refused() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "epoch", 1, &[]).await;
    three(&mut client, &topic).await;
    broker.restart().await;
    let mut client = broker.client().await;
    let epoch = describe(&mut client, &topic.name).await.partitions[0].leader_epoch;
    assert!(epoch > 0, "a restart raises the epoch of a partition with data");
    for version in versions(ApiKey::Fetch).filter(|version| *version >= 9) {
        for (asked, error) in [(epoch - 1, 74), (epoch + 1, 75), (epoch, 0), (-1, 0)] {
            let partition = fetch_partition(0, 0).with_current_leader_epoch(asked);
            let request = fetch_request(vec![fetch_topic(version, &topic, vec![partition])]);
            let answer = client.call(version, request).await;
            let data = &answer.responses[0].partitions[0];
            assert_eq!(data.error_code, error, "version {version}, epoch {asked}");
            if error != 0 {
                assert_eq!((data.high_watermark, &data.records), (-1, &Some(bytes::Bytes::new())));
            }
            // Who is fenced is told the leader and where it is.
            let hint = (data.current_leader.leader_id.0, data.current_leader.leader_epoch);
            let is_told = error == 74 && version >= 16;
            assert_eq!(hint, if is_told { (1, epoch) } else { (-1, -1) }, "version {version}, epoch {asked}");
            let nodes =
                answer.node_endpoints.iter().map(|node| (node.node_id.0, node.port)).collect::<Vec<_>>();
            let port = i32::from(broker.address().port());
            assert_eq!(nodes, if is_told { vec![(1, port)] } else { vec![] }, "version {version}");
        }
    }
    let asked = fetch_partition(0, 3).with_last_fetched_epoch(0);
    let request = fetch_request(vec![fetch_topic(12, &topic, vec![asked])]);
    let data = client.call(12, request).await.responses[0].partitions[0].clone();
    assert_eq!((data.error_code, data.diverging_epoch.epoch, data.diverging_epoch.end_offset), (0, -1, -1));
}

#[tokio::test]
async fn a_client_whose_log_diverges_is_told_where() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "diverging", 1, &[]).await;
    three(&mut client, &topic).await;
    for version in versions(ApiKey::Fetch).filter(|version| *version >= 12) {
        let cases = [(3, 0, 0, (-1, -1)), (2, 0, 0, (-1, -1)), (5, 0, 0, (0, 3)), (2, 1, 1, (-1, -1))];
        for (offset, epoch, error, expected) in cases {
            let asked = fetch_partition(0, offset).with_last_fetched_epoch(epoch);
            let request = fetch_request(vec![fetch_topic(version, &topic, vec![asked])]);
            let data = client.call(version, request).await.responses[0].partitions[0].clone();
            let told = (data.diverging_epoch.epoch, data.diverging_epoch.end_offset);
            assert_eq!((data.error_code, told), (error, expected), "offset {offset} of epoch {epoch}");
        }
    }
}

#[tokio::test]
async fn an_offset_out_of_range_is_told_at_once() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "range", 1, &[]).await;
    three(&mut client, &topic).await;
    for version in versions(ApiKey::Fetch) {
        for offset in [4, i64::MAX, -1, -2] {
            let topics = vec![fetch_topic(version, &topic, vec![fetch_partition(0, offset)])];
            let request = fetch_request(topics).with_max_wait_ms(60_000).with_min_bytes(1);
            let data = client.call(version, request).await.responses[0].partitions[0].clone();
            assert_eq!(
                (data.error_code, data.high_watermark),
                (1, -1),
                "offset {offset} in version {version}"
            );
        }
        let data = fetch(&mut client, version, &topic, 3).await;
        assert_eq!((data.error_code, data.high_watermark), (0, 3));
        assert_eq!(records_of(&data), []);
    }
}

#[tokio::test]
async fn traps_29_the_first_batch_comes_whole_whatever_the_limits() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "first", 1, &[]).await;
    let size = three(&mut client, &topic).await;
    for version in versions(ApiKey::Fetch) {
        for (partition_max, max) in [(1, 1), (1, 1 << 20), (1 << 20, 1), (0, 1 << 20)] {
            let got = limited(&mut client, version, &topic, partition_max, max).await;
            assert_eq!(got, size, "version {version}, limits {partition_max} and {max}");
        }
    }
}

#[tokio::test]
async fn traps_29_after_the_first_batch_limits_hold_and_partitions_come_in_the_order_of_the_request() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "several", 3, &[]).await;
    let value = long(300);
    for partition in 0..3 {
        client.call(9, produce_request(9, &topic, partition, -1, batch::values(&[&value]))).await;
    }
    let size = i32::try_from(batch::values(&[&value]).len()).unwrap();
    for version in versions(ApiKey::Fetch) {
        let partitions = [2, 0, 1].map(|partition| fetch_partition(partition, 0)).to_vec();
        let request = fetch_request(vec![fetch_topic(version, &topic, partitions)]).with_max_bytes(size);
        let answer = client.call(version, request).await;
        let got = answer.responses[0].partitions.iter().map(|p| (p.partition_index, records_of(p).len()));
        assert_eq!(got.collect::<Vec<_>>(), [(2, 1), (0, 0), (1, 0)], "version {version}");
        assert!(answer.responses[0].partitions.iter().all(|partition| partition.high_watermark == 1));
    }
}

#[tokio::test]
async fn traps_31_the_answer_starts_with_the_batch_that_holds_the_offset_and_may_end_inside_one() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "inside", 1, &[]).await;
    produced(&mut client, &topic, batch::values(&["a", "b", "c"])).await;
    produced(&mut client, &topic, batch::values(&["d", "e"])).await;
    let data = fetch(&mut client, 12, &topic, 2).await;
    assert_eq!(BatchHeader::parse(&batches_of(&data)[0]).unwrap().base_offset.0, 0);
    assert_eq!(records_of(&data).len(), 5);
    let data = fetch(&mut client, 12, &topic, 4).await;
    assert_eq!(BatchHeader::parse(&batches_of(&data)[0]).unwrap().base_offset.0, 3);

    let cut = create(&mut client, "cut", 1, &[]).await;
    let size = three(&mut client, &cut).await;
    let asked = i32::try_from(size + size / 2).unwrap();
    for version in versions(ApiKey::Fetch) {
        assert_eq!(limited(&mut client, version, &cut, asked, 1 << 20).await, size + size / 2);
        assert_eq!(limited(&mut client, version, &cut, 1 << 20, asked).await, size + size / 2);
    }
}

/// Takes the files of a partition out of the page cache, where the file system has one.
fn evict(broker: &TestBroker, topic: &Topic) {
    let dir = broker.dir().join(format!("{}-0", topic.name.as_str()));
    for entry in std::fs::read_dir(dir).unwrap() {
        let file = std::fs::File::open(entry.unwrap().path()).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
}

#[tokio::test]
async fn what_was_taken_out_of_memory_is_read_from_the_disk() {
    let Some((broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "cold", 1, &[("segment.bytes", "1048576")]).await;
    let value = long(100_000);
    for offset in 0..40 {
        assert_eq!(produced(&mut client, &topic, batch::values(&[&value])).await, offset);
    }
    for from in [0, 13, 39] {
        evict(&broker, &topic);
        let mut next = from;
        while next < 40 {
            let records = records_of(&fetch(&mut client, 12, &topic, next).await);
            assert!(!records.is_empty());
            for (offset, _, read) in records {
                assert!((offset, read.as_ref()) == (next, Some(&value)), "offset {offset}, not {next}");
                next += 1;
            }
        }
    }
}

#[tokio::test]
async fn traps_30_a_long_poll_is_answered_when_data_arrives() {
    let (broker, mut client) = start().await;
    let topic = create(&mut client, "poll", 1, &[]).await;
    let mut producer = broker.client().await;
    for (offset, version) in (0..).zip(versions(ApiKey::Fetch)) {
        let began = Instant::now();
        let request = fetch_request(vec![fetch_topic(version, &topic, vec![fetch_partition(0, offset)])]);
        client.send_raw(&encode(version, request.with_max_wait_ms(60_000).with_min_bytes(1))).await;
        assert_eq!(produced(&mut producer, &topic, batch::values(&["v"])).await, offset);
        let answer = client.receive_answer(version, FetchRequest::default()).await;
        assert_eq!(records_of(&answer.responses[0].partitions[0]).len(), 1, "version {version}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn traps_30_min_bytes_are_waited_for_over_all_partitions_until_max_wait() {
    let (broker, mut client) = start().await;
    let topic = create(&mut client, "min", 2, &[]).await;
    let mut producer = broker.client().await;
    let size = i32::try_from(batch::values(&["v"]).len()).unwrap();
    let request = |wait, min| {
        let partitions = vec![fetch_partition(0, 0), fetch_partition(1, 0)];
        fetch_request(vec![fetch_topic(12, &topic, partitions)]).with_max_wait_ms(wait).with_min_bytes(min)
    };
    let began = Instant::now();
    let answer = client.call(12, request(60, 1)).await;
    assert!(began.elapsed() >= Duration::from_millis(60), "nothing is there: it waits");
    assert_eq!(answer.responses[0].partitions.len(), 2, "and answers without records");

    client.send_raw(&encode(12, request(60_000, 2 * size))).await;
    for partition in 0..2 {
        producer.call(9, produce_request(9, &topic, partition, -1, batch::values(&["v"]))).await;
    }
    let answer = client.receive_answer(12, FetchRequest::default()).await;
    assert!(answer.responses[0].partitions.iter().all(|partition| records_of(partition).len() == 1));

    let began = Instant::now();
    client.call(12, request(60, 2 * size + 1)).await;
    assert!(began.elapsed() >= Duration::from_millis(60), "one byte is missing");
    // No more than max_bytes can ever come, so no more is waited for.
    client.call(12, request(60_000, i32::MAX).with_max_bytes(size)).await;
}

#[tokio::test]
async fn negative_waits_and_sizes_are_answered_at_once() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "waits", 1, &[]).await;
    for version in versions(ApiKey::Fetch) {
        let ask = || fetch_request(vec![fetch_topic(version, &topic, vec![fetch_partition(0, 0)])]);
        for request in
            [ask().with_max_wait_ms(-1).with_min_bytes(1), ask().with_max_wait_ms(60_000).with_min_bytes(-1)]
        {
            let answer = client.call(version, request).await;
            assert_eq!((answer.error_code, answer.responses[0].partitions[0].error_code), (0, 0));
        }
    }
}

#[tokio::test]
async fn traps_30_an_error_in_one_partition_ends_the_wait() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "ends", 2, &[]).await;
    for version in versions(ApiKey::Fetch) {
        let partitions = vec![fetch_partition(0, 0), fetch_partition(1, 100)];
        let request = fetch_request(vec![fetch_topic(version, &topic, partitions)]);
        let answer = client.call(version, request.with_max_wait_ms(60_000).with_min_bytes(1)).await;
        let told = answer.responses[0].partitions.iter().map(|p| (p.partition_index, p.error_code));
        assert_eq!(told.collect::<Vec<_>>(), [(0, 0), (1, 1)], "version {version}");
    }
}

#[tokio::test]
async fn partitions_that_do_not_exist_do_not_end_the_wait_for_those_that_do() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "waits", 1, &[]).await;
    let request = |indexes: &[i32]| {
        let partitions = indexes.iter().map(|index| fetch_partition(*index, 0)).collect();
        fetch_request(vec![fetch_topic(12, &topic, partitions)]).with_max_wait_ms(60).with_min_bytes(1)
    };
    let began = Instant::now();
    client.call(12, request(&[0, 7])).await;
    assert!(began.elapsed() >= Duration::from_millis(60), "else a client would ask without a pause");
    client.call(12, request(&[7]).with_max_wait_ms(60_000)).await;
}

#[tokio::test]
async fn a_poll_of_a_deleted_topic_ends() {
    let (broker, mut client) = start().await;
    let topic = create(&mut client, "deleted", 1, &[]).await;
    let mut admin = broker.client().await;
    let request = fetch_request(vec![fetch_topic(13, &topic, vec![fetch_partition(0, 0)])]);
    client.send_raw(&encode(13, request.with_max_wait_ms(5_000).with_min_bytes(1))).await;
    super::topics::delete(&mut admin, &topic).await;
    let answer = client.receive_answer(13, FetchRequest::default()).await;
    assert_ne!(answer.responses[0].partitions[0].error_code, 0);
}
