//! What groups have committed, over restarts and over the deletion of the topic that holds it.

use std::time::Duration;

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    DeleteTopicsRequest, FindCoordinatorRequest, GroupId, ListOffsetsRequest, OffsetCommitRequest,
    OffsetFetchRequest, StrBytes, list_offsets_request as lo, offset_commit_request as oc,
    offset_fetch_request as of,
};
use protocol_tests::client::topic_name;
use protocol_tests::process::{Signal, serve};
use protocol_tests::{Client, TestBroker, batch};

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

#[tokio::test]
async fn faults_02_what_was_acknowledged_and_committed_is_there_after_kill_9_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut process, mut address) = serve(dir.path(), &[]);
    Client::connect(address).await.create_topic("t", 1, &[]).await;
    let mut offset = 0;
    for round in 1..=5 {
        let mut client = Client::connect(address).await;
        for _ in 0..20 {
            let answer = client.produce("t", 0, -1, batch::values(&["x", "y"])).await;
            let answer = &answer.responses[0].partition_responses[0];
            assert_eq!((answer.error_code, answer.base_offset), (0, offset), "round {round}");
            offset += 2;
        }
        commit(&mut client, offset).await;
        process.signal(Signal::KILL);
        process.wait();
        (process, address) = serve(dir.path(), &[]);
        let mut client = Client::connect(address).await;
        assert_eq!(committed(&mut client).await, offset, "round {round}");
        assert_eq!(end(&mut client).await, offset, "round {round}");
    }
}

/// The end of the topic's partition, as a consumer sees it.
async fn end(client: &mut Client) -> i64 {
    let partition = lo::ListOffsetsPartition::default().with_partition_index(0).with_timestamp(-1);
    let topic = lo::ListOffsetsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let answer = client.call(5, request).await;
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    partition.offset
}
