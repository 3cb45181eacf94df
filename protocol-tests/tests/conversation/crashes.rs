//! What a SIGKILL leaves: everything that was acknowledged, once, under a new leader epoch.

use std::path::Path;

use gracchus_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use gracchus_wire::messages::{InitProducerIdRequest, OffsetCommitRequest, OffsetFetchRequest};
use protocol_tests::process::{Process, Signal, serve};
use protocol_tests::{Client, batch};

use super::members::*;
use super::support::*;

/// Kills it and starts it again.
async fn crash(mut process: Process, dir: &Path) -> (Process, Client) {
    process.signal(Signal::KILL);
    process.wait();
    let (process, address) = serve(dir, &[]);
    (process, Client::connect(address).await)
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill_with_offsets_duplicates_and_commits() {
    if !is_ours() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    ready(&mut client).await;
    let topic = create(&mut client, "killed", 1, &[]).await;
    let id = client.call(4, InitProducerIdRequest::default().with_transactional_id(None)).await.producer_id.0;
    let mut expected = Vec::new();
    for round in 0..3 {
        for number in 0..6 {
            let value = format!("{round}-{number}");
            let records = batch::idempotent(id, 0, round * 6 + number, &[&value]);
            assert_eq!(produce(&mut client, 9, &topic, records).await.error_code, 0);
            expected.push(value);
        }
        let group = format!("group-{round}");
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(i64::from(round));
        let of_topic = OffsetCommitRequestTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(vec![partition]);
        let request =
            OffsetCommitRequest::default().with_group_id(group_id(&group)).with_topics(vec![of_topic]);
        let committed = client.call(8, request).await;
        assert_eq!(committed.topics[0].partitions[0].error_code, 0);

        (process, client) = crash(process, dir.path()).await;
        assert_eq!(values(&mut client, &topic).await, expected);
        let described = describe(&mut client, &topic.name).await;
        assert_eq!(described.topic_id, topic.id);
        assert_eq!(described.partitions[0].leader_epoch, round + 1, "every start raises it");
        // TRAPS 46: the last five batches are known again from the log, older ones as no news.
        for sequence in round * 6 + 1..round * 6 + 6 {
            let again = batch::idempotent(id, 0, sequence, &["again"]);
            let answer = produce(&mut client, 9, &topic, again).await;
            assert_eq!((answer.error_code, answer.base_offset), (0, i64::from(sequence)));
        }
        let gap = produce(&mut client, 9, &topic, batch::idempotent(id, 0, round * 6 + 7, &["gap"])).await;
        assert_eq!((gap.error_code, gap.base_offset), (45, -1));
        ready(&mut client).await;
        let request = OffsetFetchRequest::default().with_group_id(group_id(&group)).with_topics(None);
        let fetched = client.call(7, request).await;
        assert_eq!(fetched.topics[0].partitions[0].committed_offset, i64::from(round));
    }
}
