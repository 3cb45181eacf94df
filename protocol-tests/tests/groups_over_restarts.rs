//! What groups have committed, over restarts and over the deletion of the topic that holds it.

use std::time::Duration;

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    DeleteTopicsRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest, StrBytes,
    offset_commit_request as oc, offset_fetch_request as of,
};
use protocol_tests::client::topic_name;
use protocol_tests::{Client, TestBroker};

fn group() -> GroupId {
    GroupId(StrBytes::from_static_str("g"))
}

/// Asks until the coordinator is there: it says so while it loads, or while its topic is made.
async fn commit(client: &mut Client, offset: i64) {
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..500 {
        tries.tick().await;
        client.call(3, FindCoordinatorRequest::default().with_key("g".into())).await;
        let partition =
            oc::OffsetCommitRequestPartition::default().with_partition_index(0).with_committed_offset(offset);
        let topic = oc::OffsetCommitRequestTopic::default().with_name(topic_name("t"));
        let request = OffsetCommitRequest::default()
            .with_group_id(group())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        let error = client.call(8, request).await.topics[0].partitions[0].error_code;
        if error == ErrorCode::None.code() {
            return;
        }
        let retriable = [ErrorCode::CoordinatorLoadInProgress, ErrorCode::NotCoordinator];
        assert!(retriable.iter().any(|code| code.code() == error), "error {error}");
    }
    panic!("no coordinator");
}

async fn committed(client: &mut Client) -> i64 {
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    loop {
        tries.tick().await;
        let topic = of::OffsetFetchRequestTopics::default()
            .with_name(topic_name("t"))
            .with_partition_indexes(vec![0]);
        let asked = of::OffsetFetchRequestGroup::default().with_group_id(group());
        let request = OffsetFetchRequest::default().with_groups(vec![asked.with_topics(Some(vec![topic]))]);
        let answer = client.call(8, request).await;
        if answer.groups[0].error_code == ErrorCode::None.code() {
            return answer.groups[0].topics[0].partitions[0].committed_offset;
        }
    }
}

#[tokio::test]
async fn committed_offsets_are_there_after_a_restart() {
    let mut broker = TestBroker::start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    commit(&mut client, 5).await;
    broker.restart().await;
    assert_eq!(committed(&mut broker.client().await).await, 5);
}

#[tokio::test]
async fn the_offsets_topic_can_be_deleted_and_comes_back_empty() {
    let mut broker = TestBroker::start().await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    commit(&mut client, 5).await;
    let request = DeleteTopicsRequest::default().with_topic_names(vec![topic_name("__consumer_offsets")]);
    let deleted = client.call(5, request.with_timeout_ms(10_000)).await;
    assert_eq!(deleted.responses[0].error_code, 0);
    client.call(3, FindCoordinatorRequest::default().with_key("g".into())).await;
    assert_eq!(committed(&mut client).await, -1);
    commit(&mut client, 7).await;
    assert_eq!(committed(&mut client).await, 7);
    broker.restart().await;
    assert_eq!(committed(&mut broker.client().await).await, 7);
}
