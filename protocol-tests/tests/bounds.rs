//! What a broker holds for its clients: each class is bounded by a setting, and says how often that was not enough.

use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    FetchRequest, FindCoordinatorRequest, GroupId, OffsetCommitRequest, StrBytes, fetch_request as f,
    offset_commit_request as oc,
};
use protocol_tests::client::topic_name;
use protocol_tests::{Client, TestBroker, batch};

/// Opens a fetch session over so many partitions; answers its id, 0 if there is none.
async fn open_session(client: &mut Client, partitions: i32) -> i32 {
    let partition = |at| f::FetchPartition::default().with_partition(at).with_partition_max_bytes(1000);
    let topic = f::FetchTopic::default().with_topic(topic_name("t"));
    let topic = topic.with_partitions((0..partitions).map(partition).collect());
    let request = FetchRequest::default().with_replica_id((-1).into()).with_session_epoch(0);
    let request = request.with_max_bytes(1000).with_topics(vec![topic]);
    client.call(12, request).await.session_id
}

#[tokio::test]
async fn a_fetch_session_without_a_slot_or_with_too_many_partitions_is_counted() {
    let settings = [
        ("max.incremental.fetch.session.cache.slots", "1"),
        ("max.incremental.fetch.session.cache.partitions", "3"),
    ];
    let broker = TestBroker::start_with(&settings).await;
    let mut client = broker.client().await;
    client.create_topic("t", 4, &[]).await;
    assert_eq!(open_session(&mut client, 4).await, 0);
    assert!(open_session(&mut client, 2).await > 0);
    assert_eq!(open_session(&mut client, 1).await, 0);
    let memory = broker.memory();
    let sessions = memory.fetch_sessions;
    assert_eq!((sessions.held, sessions.max, sessions.hits), (1, 1, 1));
    let partitions = memory.fetch_session_partitions;
    assert_eq!((partitions.held, partitions.max, partitions.hits), (2, 3, 1));
}

/// Commits for a group of that name once its coordinator is there; answers the code.
async fn commit(client: &mut Client, group: &str, metadata: &str) -> i16 {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(20));
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let partition = oc::OffsetCommitRequestPartition::default()
        .with_committed_offset(1)
        .with_committed_metadata(Some(text(metadata)));
    let topic = oc::OffsetCommitRequestTopic::default().with_name(topic_name("t"));
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    for _ in 0..500 {
        tries.tick().await;
        client.call(3, FindCoordinatorRequest::default().with_key(text(group))).await;
        let error = client.call(8, request.clone()).await.topics[0].partitions[0].error_code;
        let retriable = [ErrorCode::CoordinatorLoadInProgress, ErrorCode::NotCoordinator];
        if retriable.iter().all(|code| code.code() != error) {
            return error;
        }
    }
    panic!("no coordinator");
}

#[tokio::test]
async fn groups_over_all_coordinators_are_bounded_and_a_restart_counts_them_again() {
    let mut broker = TestBroker::start_with(&[("max.groups", "5")]).await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    // Of 50 partitions hardly two groups have the same.
    for n in 0..5 {
        assert_eq!(commit(&mut client, &format!("g{n}"), "").await, 0);
    }
    for n in 5..8 {
        let code = commit(&mut client, &format!("g{n}"), "").await;
        assert_eq!(code, ErrorCode::PolicyViolation.code());
    }
    assert_eq!(commit(&mut client, "g0", "").await, 0, "groups that are there go on");
    let memory = broker.memory();
    assert_eq!((memory.groups.held, memory.groups.max, memory.groups.hits), (5, 5, 3));
    assert!(memory.group_state_bytes.held > 0 && memory.group_state_bytes.hits == 0);
    broker.restart().await;
    let again = broker.until_memory(|memory| memory.groups.held == 5).await;
    assert_eq!(again.group_state_bytes.held, memory.group_state_bytes.held);
    let mut client = broker.client().await;
    assert_eq!(commit(&mut client, "other", "").await, ErrorCode::PolicyViolation.code());
}

#[tokio::test]
async fn bytes_of_group_state_over_all_coordinators_are_bounded() {
    const MAX: u64 = 1 << 20;
    let broker = TestBroker::start_with(&[("max.group.state.bytes", "1048576")]).await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    let metadata = "m".repeat(4000);
    let mut groups = 0;
    while commit(&mut client, &format!("g{groups}"), &metadata).await == 0 {
        groups += 1;
        assert!(groups < 400, "refused at last");
    }
    let bytes = broker.memory().group_state_bytes;
    assert!(bytes.held > MAX * 9 / 10 && bytes.held <= MAX && bytes.hits == 1, "{bytes}");
}

#[tokio::test]
async fn producers_over_all_partitions_are_bounded_also_after_a_restart_and_who_has_few_keeps_them() {
    const MAX: u64 = 160;
    let settings = [("max.producer.ids", "160"), ("num.log.shards", "2")];
    let mut broker = TestBroker::start_with(&settings).await;
    let mut client = broker.client().await;
    client.create_topic("t", 4, &[]).await;
    let mut produce = async |partition, id, sequence| {
        let batch = batch::idempotent(id, 0, sequence, &["v"]);
        let answer = client.produce("t", partition, -1, batch).await;
        let answer = &answer.responses[0].partition_responses[0];
        assert_eq!(answer.error_code, 0);
        answer.base_offset
    };
    // Partitions 0 and 2 are of one shard: one has a single producer, the other a flood of them.
    let first = produce(0, 1, 0).await;
    for id in 0..300 {
        produce(2, 1000 + id, 0).await;
        assert!(broker.memory().producer_ids.held <= MAX / 2, "the part of a shard");
    }
    assert_eq!(produce(0, 1, 0).await, first, "a duplicate is still known");
    let before = broker.memory().producer_ids;
    assert_eq!(before.max, MAX);
    assert_eq!(before.held + before.hits, 301);
    broker.restart().await;
    let after = broker.memory().producer_ids;
    assert!(after.held > 0 && after.held <= MAX / 2, "{after}");
    client = broker.client().await;
    let batch = batch::idempotent(1, 0, 0, &["v"]);
    let again = client.produce("t", 0, -1, batch).await;
    assert_eq!(again.responses[0].partition_responses[0].base_offset, first);
}

#[tokio::test]
async fn a_partition_that_is_deleted_takes_its_producers_along() {
    let broker = TestBroker::start_with(&[("max.producer.ids.per.partition", "10")]).await;
    let mut client = broker.client().await;
    client.create_topic("t", 1, &[]).await;
    for id in 0..20 {
        client.produce("t", 0, -1, batch::idempotent(id, 0, 0, &["v"])).await;
    }
    let held = broker.memory().producer_ids;
    assert_eq!((held.held, held.hits), (10, 10));
    let request = gracchus_wire::messages::DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name("t")])
        .with_timeout_ms(10_000);
    assert_eq!(client.call(5, request).await.responses[0].error_code, 0);
    broker.until_memory(|memory| memory.producer_ids.held == 0).await;
}

#[tokio::test]
async fn requests_that_wait_for_memory_are_counted_and_what_they_held_comes_back() {
    let max = ("socket.request.max.bytes", "2000000");
    let broker = TestBroker::start_with(&[max, ("queued.max.request.bytes", "2000000")]).await;
    let mut crowd = Vec::new();
    for _ in 0..4 {
        let mut client = broker.client().await;
        client.send_raw(&1_900_000_i32.to_be_bytes()).await;
        // More than what is granted at once, and less than the frame.
        client.send_raw(&vec![0; 1_200_000]).await;
        crowd.push(client);
    }
    let memory = broker.until_memory(|memory| memory.requests.hits > 0 && memory.requests.held > 0).await;
    assert!(memory.requests.held <= memory.requests.max, "{memory}");
    drop(crowd);
    broker.until_memory(|memory| memory.requests.held == 0).await;
}
