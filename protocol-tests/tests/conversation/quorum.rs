//! DescribeQuorum, of a broker that is its own controller.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    DescribeQuorumRequest, DescribeQuorumResponse, Uuid,
    describe_quorum_request::{PartitionData as Partition, TopicData},
    describe_quorum_response::PartitionData,
};
use protocol_tests::Client;

use super::support::*;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const METADATA: &str = "__cluster_metadata";

fn ask(topics: &[(&str, &[i32])]) -> DescribeQuorumRequest {
    let topics = topics.iter().map(|(name, indexes)| {
        let partitions = indexes.iter().map(|index| Partition::default().with_partition_index(*index));
        TopicData::default().with_topic_name(topic_name(name)).with_partitions(partitions.collect())
    });
    DescribeQuorumRequest::default().with_topics(topics.collect())
}

async fn quorum(client: &mut Client, version: i16) -> (DescribeQuorumResponse, PartitionData) {
    let answer = client.call(version, ask(&[(METADATA, &[0])])).await;
    assert_eq!((answer.error_code, answer.topics.len()), (0, 1));
    let topic = &answer.topics[0];
    assert_eq!((topic.topic_name.as_str(), topic.partitions.len()), (METADATA, 1));
    let partition = topic.partitions[0].clone();
    (answer, partition)
}

#[tokio::test]
async fn the_quorum_is_the_one_voter_that_leads() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DescribeQuorum) {
        let (answer, partition) = quorum(&mut client, version).await;
        assert_eq!((partition.partition_index, partition.error_code), (0, 0));
        assert_eq!(partition.leader_id.0, 1);
        assert!(partition.leader_epoch >= 0, "{}", partition.leader_epoch);
        assert_eq!((partition.current_voters.len(), partition.observers.len()), (1, 0));
        let voter = &partition.current_voters[0];
        assert_eq!((voter.replica_id.0, voter.replica_directory_id), (1, Uuid::nil()));
        // Of the reference, which writes by itself, the end may be on its way.
        assert!(voter.log_end_offset >= partition.high_watermark && partition.high_watermark > 0);
        assert!(!is_ours() || voter.log_end_offset == partition.high_watermark);
        let (fetched, caught_up) = (voter.last_fetch_timestamp, voter.last_caught_up_timestamp);
        assert_eq!(fetched, caught_up);
        assert_eq!(fetched > 1_600_000_000_000, version >= 1, "{fetched} in version {version}");
        let nodes: Vec<i32> = answer.nodes.iter().map(|node| node.node_id.0).collect();
        assert_eq!(nodes, if version >= 2 { vec![1] } else { vec![] });
    }
}

#[tokio::test]
async fn the_quorum_goes_on_with_every_change_of_metadata() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DescribeQuorum) {
        let (_, before) = quorum(&mut client, version).await;
        create(&mut client, "changes", 3, &[]).await;
        let (_, after) = quorum(&mut client, version).await;
        // A topic and three partitions.
        assert!(after.high_watermark >= before.high_watermark + 4, "{before:?} {after:?}");
        assert_eq!(after.leader_epoch, before.leader_epoch);
    }
}

#[tokio::test]
async fn every_start_is_a_new_epoch_of_the_leader_on_the_same_log() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    let (_, before) = quorum(&mut client, 2).await;
    broker.restart().await;
    let (_, after) = quorum(&mut broker.client().await, 2).await;
    assert_eq!(after.leader_epoch, before.leader_epoch + 1);
    assert!(after.high_watermark > before.high_watermark, "{before:?} {after:?}");
}

#[tokio::test]
async fn who_asks_for_anything_but_the_metadata_partition_is_told_that_there_is_none() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "no-quorum", 1, &[]).await;
    let others: [&[(&str, &[i32])]; 7] = [
        &[],
        &[(METADATA, &[])],
        &[(METADATA, &[1])],
        &[(METADATA, &[0, 0])],
        &[(METADATA, &[0, -1])],
        &[(METADATA, &[0]), (METADATA, &[0])],
        &[(METADATA, &[0]), (&topic.name, &[0])],
    ];
    for version in versions(ApiKey::DescribeQuorum) {
        let words = (version >= 2).then_some("This server does not host this topic-partition.");
        for asked in others {
            let answer = client.call(version, ask(asked)).await;
            assert_eq!((answer.error_code, answer.nodes.len()), (0, 0));
            let told = answer.topics.iter().map(|topic| {
                let indexes = topic.partitions.iter().map(|partition| {
                    let message = partition.error_message.as_deref().filter(|text| !text.is_empty());
                    assert_eq!((partition.error_code, message), (UNKNOWN_TOPIC_OR_PARTITION, words));
                    assert_eq!((partition.leader_id.0, partition.high_watermark), (0, 0));
                    assert_eq!((partition.current_voters.len(), partition.observers.len()), (0, 0));
                    partition.partition_index
                });
                (topic.topic_name.to_string(), indexes.collect::<Vec<_>>())
            });
            let expected = asked.iter().map(|(name, indexes)| ((*name).to_owned(), indexes.to_vec()));
            assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "version {version}");
        }
    }
}
