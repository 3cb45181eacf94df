//! DescribeProducers: what a partition remembers of its producers.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    DescribeProducersRequest,
    describe_producers_request::TopicRequest,
    describe_producers_response::{PartitionResponse, TopicResponse},
};
use protocol_tests::{Client, batch};

use super::support::*;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC_EXCEPTION: i16 = 17;

async fn ask(client: &mut Client, version: i16, topics: &[(&str, &[i32])]) -> Vec<TopicResponse> {
    let topics = topics.iter().map(|(name, indexes)| {
        TopicRequest::default().with_name(topic_name(name)).with_partition_indexes(indexes.to_vec())
    });
    client.call(version, DescribeProducersRequest::default().with_topics(topics.collect())).await.topics
}

/// Id, epoch and last sequence of each producer, by id.
fn producers(partition: &PartitionResponse) -> Vec<(i64, i32, i32)> {
    assert_eq!((partition.error_code, partition.error_message.as_deref()), (0, None));
    let active = partition.active_producers.iter();
    let mut told: Vec<_> = active.map(|p| (p.producer_id.0, p.producer_epoch, p.last_sequence)).collect();
    told.sort_unstable();
    told
}

#[tokio::test]
async fn each_producer_is_told_with_its_epoch_and_last_sequence() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "produced", 2, &[]).await;
    for (id, epoch, sequence, records) in
        [(71, 0, 0, &["a"][..]), (72, 3, 0, &["b", "c", "d"]), (71, 0, 1, &["e", "f"])]
    {
        produced(&mut client, &topic, batch::idempotent(id, epoch, sequence, records)).await;
    }
    produced(&mut client, &topic, batch::values(&["of nobody"])).await;
    for version in versions(ApiKey::DescribeProducers) {
        let topics = ask(&mut client, version, &[(&topic.name, &[0, 1])]).await;
        assert_eq!((topics.len(), &topics[0].name), (1, &topic.name));
        let [first, second] = &topics[0].partitions[..] else { panic!("{topics:?}") };
        assert_eq!((first.partition_index, second.partition_index), (0, 1));
        assert_eq!(producers(first), [(71, 0, 2), (72, 3, 2)], "version {version}");
        assert_eq!(producers(second), [], "version {version}");
        for producer in &first.active_producers {
            assert!(producer.last_timestamp >= 0, "{producer:?}");
            assert_eq!((producer.coordinator_epoch, producer.current_txn_start_offset), (-1, -1));
        }
    }
}

#[tokio::test]
async fn a_new_epoch_takes_the_place_of_the_old_one() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "bumped", 1, &[]).await;
    for version in versions(ApiKey::DescribeProducers) {
        for (epoch, sequence, last) in [(0, 0, 0), (0, 1, 1), (4, 0, 0)] {
            let id = 80 + i64::from(version);
            produced(&mut client, &topic, batch::idempotent(id, epoch, sequence, &["v"])).await;
            let topics = ask(&mut client, version, &[(&topic.name, &[0])]).await;
            assert_eq!(producers(&topics[0].partitions[0]), [(id, i32::from(epoch), last)]);
        }
    }
}

#[tokio::test]
async fn what_is_not_there_has_no_producers() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "few", 1, &[]).await;
    let nowhere = unique("nowhere");
    let not_hosted = Some("This server does not host this topic-partition.");
    let empty = Some("Topic name is invalid: the empty string is not allowed");
    let character = "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, \
                     '.', '_' and '-'";
    for version in versions(ApiKey::DescribeProducers) {
        let asked: [(&str, &[i32]); 6] = [
            (&topic.name, &[1, 0, -1]),
            (&nowhere, &[0]),
            ("", &[0]),
            ("a/b", &[0]),
            ("__cluster_metadata", &[0]),
            ("none-at-all", &[]),
        ];
        let topics = ask(&mut client, version, &asked).await;
        assert_eq!(topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), asked.map(|a| a.0));
        let partitions = topics.iter().flat_map(|topic| &topic.partitions);
        let told: Vec<_> =
            partitions.map(|p| (p.partition_index, p.error_code, p.error_message.as_deref())).collect();
        let expected = [
            (1, UNKNOWN_TOPIC_OR_PARTITION, None),
            (0, 0, None),
            (-1, UNKNOWN_TOPIC_OR_PARTITION, None),
            (0, UNKNOWN_TOPIC_OR_PARTITION, not_hosted),
            (0, INVALID_TOPIC_EXCEPTION, empty),
            (0, INVALID_TOPIC_EXCEPTION, Some(character)),
            (0, UNKNOWN_TOPIC_OR_PARTITION, not_hosted),
        ];
        assert_eq!(told, expected, "version {version}");
        assert_eq!(ask(&mut client, version, &[]).await, []);
    }
}

#[tokio::test]
async fn a_partition_that_is_named_twice_is_told_once() {
    let Some((_broker, mut client)) = start_with(&[]).await else { return };
    let topic = create(&mut client, "twice", 2, &[]).await;
    let topics = ask(&mut client, 0, &[(&topic.name, &[0, 0]), (&topic.name, &[0, 1])]).await;
    let told =
        topics.iter().map(|topic| topic.partitions.iter().map(|p| p.partition_index).collect::<Vec<_>>());
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        [[0], [1]],
        "where an answer may be a thousand times its question; Kafka tells each mention"
    );
}
