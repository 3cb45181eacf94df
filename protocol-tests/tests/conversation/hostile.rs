//! Questions nobody asks in good faith: the same thing very often, in the name of a broker, by names that are paths or are
//! as long as names can be (FAULTS, hostile input). What is answered once here Kafka answers at each mention.

use std::collections::BTreeSet;
use std::path::Path;

use gracchus_wire::messages::{
    self as m, CreateTopicsRequest, DeleteRecordsRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    MetadataRequest, OffsetCommitRequest, OffsetFetchRequest, Uuid, delete_records_request as d,
    describe_configs_request::DescribeConfigsResource,
    metadata_request::MetadataRequestTopic,
    offset_commit_request as c,
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
};
use protocol_tests::{Client, TestBroker, batch};

use super::members::*;
use super::support::*;

const MANY: usize = 20_000;

/// A broker of ours that serves groups, and a topic.
async fn start_ours() -> Option<(TestBroker, Client, Topic)> {
    let (broker, mut client) = start_with(&[]).await?;
    ready(&mut client).await;
    let topic = create_named(&mut client, "t", 1, &[]).await;
    Some((broker, client, topic))
}

/// Commits offset 5 of partition 0 with metadata; answers the code.
async fn commit(client: &mut Client, group: &str, topic: &Topic, metadata: &str) -> i16 {
    let partition = c::OffsetCommitRequestPartition::default()
        .with_committed_offset(5)
        .with_committed_metadata(Some(text(metadata)));
    let of_topic =
        c::OffsetCommitRequestTopic::default().with_name(topic.name.clone()).with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![of_topic]);
    client.call(8, request).await.topics[0].partitions[0].error_code
}

fn group_of(group: &str, topics: Option<Vec<OffsetFetchRequestTopics>>) -> OffsetFetchRequestGroup {
    OffsetFetchRequestGroup::default().with_group_id(group_id(group)).with_topics(topics)
}

fn offsets_of(name: &str, partitions: Vec<i32>) -> OffsetFetchRequestTopics {
    OffsetFetchRequestTopics::default().with_name(topic_name(name)).with_partition_indexes(partitions)
}

#[tokio::test]
async fn offsets_that_are_asked_for_many_times_are_answered_once() {
    let Some((_broker, mut client, topic)) = start_ours().await else { return };
    let metadata = "m".repeat(4096);
    assert_eq!(commit(&mut client, "g", &topic, &metadata).await, 0);
    // All offsets of a group, its topic, and the topic's partition, each of them often: 80 MB of metadata each.
    let often = vec![
        vec![group_of("g", None); MANY],
        vec![group_of("g", Some(vec![offsets_of("t", vec![0]); MANY]))],
        vec![group_of("g", Some(vec![offsets_of("t", vec![0; MANY])]))],
    ];
    for groups in often {
        let answer = client.call(8, OffsetFetchRequest::default().with_groups(groups)).await;
        let partitions = answer.groups.iter().flat_map(|group| &group.topics).flat_map(|t| &t.partitions);
        let told: Vec<_> = partitions.map(|p| (p.committed_offset, p.metadata.as_deref())).collect();
        assert_eq!(told, [(5, Some(metadata.as_str()))]);
    }
}

#[tokio::test]
async fn offsets_of_very_many_topics_are_answered_in_the_order_of_the_request() {
    let Some((_broker, mut client, topic)) = start_ours().await else { return };
    assert_eq!(commit(&mut client, "g", &topic, "").await, 0);
    // Compared each with each, these would take minutes.
    let mut topics: Vec<_> = (0..100_000).map(|n| offsets_of(&format!("unknown-{n}"), vec![n])).collect();
    topics.push(offsets_of("t", vec![0, 7]));
    let groups = vec![group_of("g", Some(topics))];
    let answer = client.call(8, OffsetFetchRequest::default().with_groups(groups)).await;
    let told = &answer.groups[0].topics;
    assert!((0..100_000).zip(told).all(|(n, topic)| topic.partitions[0].partition_index == n));
    let last = told.last().unwrap().partitions.iter().map(|p| (p.partition_index, p.committed_offset));
    assert_eq!(last.collect::<Vec<_>>(), [(0, 5), (7, -1)]);
}

#[tokio::test]
async fn groups_that_are_described_many_times_are_answered_once() {
    let Some((_broker, mut client, _)) = start_ours().await else { return };
    let large: &'static [u8] = vec![0; 100_000].leak();
    let joined = join(&mut client, 9, "g", &[("range", large)]).await;
    // Others see a group once it is stored.
    let synced = sync(&mut client, 5, "g", (&joined.member_id, joined.generation_id), &[]).await;
    assert_eq!((joined.error_code, synced.error_code), (0, 0));
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id("g"); MANY]);
    let answer = client.call(5, request).await;
    let members = answer.groups.iter().flat_map(|group| &group.members);
    assert_eq!(members.map(|member| member.member_metadata.len()).collect::<Vec<_>>(), [100_000]);
}

#[tokio::test]
async fn settings_that_are_described_many_times_are_answered_once_however_the_broker_is_written() {
    let Some((_broker, mut client, _)) = start_ours().await else { return };
    let resource = |kind, name: &str| {
        let resource = DescribeConfigsResource::default().with_resource_type(kind);
        resource.with_resource_name(text(name)).with_configuration_keys(None)
    };
    let mut resources = vec![resource(4, "1"); MANY];
    resources.extend((1..100).map(|zeros| resource(4, &format!("{}1", "0".repeat(zeros)))));
    resources.extend([resource(4, "+1"), resource(2, "t"), resource(2, "t"), resource(4, "")]);
    let request = DescribeConfigsRequest::default().with_resources(resources);
    let answer = client.call(4, request.with_include_documentation(true)).await;
    let told: Vec<_> =
        answer.results.iter().map(|one| (one.resource_type, one.resource_name.as_str())).collect();
    assert_eq!(told, [(4, "1"), (2, "t"), (4, "")]);
    assert!(answer.results.iter().all(|result| result.error_code == 0));
}

#[tokio::test]
async fn topics_that_are_named_many_times_in_metadata_are_answered_once() {
    let Some((_broker, mut client, topic)) = start_ours().await else { return };
    let named = MetadataRequestTopic::default().with_name(Some(topic.name.clone()));
    let request = MetadataRequest::default().with_topics(Some(vec![named; MANY]));
    assert_eq!(client.call(9, request).await.topics.len(), 1);
}

#[tokio::test]
async fn a_client_that_claims_to_be_a_replica_sees_no_end_but_that_of_consumers() {
    let Some((_broker, mut client, topic)) = start_ours().await else { return };
    produced(&mut client, &topic, batch::values(&["v"])).await;
    let request = list_offsets_request(&topic, 0, -1).with_replica_id(m::BrokerId(1));
    assert_eq!(client.call(8, request).await.topics[0].partitions[0].offset, end(&mut client, &topic).await);
}

/// Every path below a directory.
fn paths(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let below = if path.is_dir() { paths(&path) } else { BTreeSet::new() };
            below.into_iter().chain([path.display().to_string()])
        })
        .collect()
}

#[tokio::test]
async fn names_that_are_paths_are_refused_at_every_entry_and_touch_no_file() {
    let Some((broker, mut client, _)) = start_ours().await else { return };
    let before = paths(broker.dir());
    let long = "x".repeat(32_000);
    for name in ["..", "../outside", "/etc", "a/b", "a\0b", "t/../t", "", &long] {
        let bad = Topic { name: topic_name(name), id: Uuid::nil() };
        let create = CreateTopicsRequest::default().with_topics(vec![creatable(name, 1, &[])]);
        assert_eq!(client.call(7, create).await.topics[0].error_code, 17, "{name:?}");
        let named = MetadataRequestTopic::default().with_name(Some(bad.name.clone()));
        let demand = MetadataRequest::default().with_topics(Some(vec![named]));
        let demand = client.call(9, demand.with_allow_auto_topic_creation(true)).await;
        assert_eq!(demand.topics[0].error_code, 17, "{name:?}");
        assert_eq!(produce(&mut client, 9, &bad, batch::values(&["v"])).await.error_code, 3, "{name:?}");
        let request = fetch_request(vec![fetch_topic(12, &bad, vec![fetch_partition(0, 0)])]);
        let told = client.call(12, request).await;
        assert!(told.responses.iter().flat_map(|t| &t.partitions).all(|p| p.error_code == 3), "{name:?}");
        assert_eq!(list_offset(&mut client, 8, &bad, 0, -1).await.error_code, 3, "{name:?}");
        assert_eq!(commit(&mut client, "g", &bad, "").await, 3, "{name:?}");
        let partition = d::DeleteRecordsPartition::default().with_offset(-1);
        let records = d::DeleteRecordsTopic::default().with_name(bad.name.clone());
        let request =
            DeleteRecordsRequest::default().with_topics(vec![records.with_partitions(vec![partition])]);
        assert_eq!(client.call(2, request).await.topics[0].partitions[0].error_code, 3, "{name:?}");
    }
    assert_eq!(paths(broker.dir()), before);
}

#[tokio::test]
async fn names_of_groups_may_be_anything_are_no_paths_and_are_there_after_a_restart() {
    let Some((mut broker, mut client, topic)) = start_ours().await else { return };
    let before = paths(broker.dir());
    let long = "g".repeat(32_000);
    let names = ["..", "../outside", "/etc/passwd", "a\0b", "\u{202e}\u{1f4a9}", &long];
    for name in names {
        assert_eq!(commit(&mut client, name, &topic, "note").await, 0, "{name:?}");
        assert_eq!(commit(&mut client, name, &topic, &"m".repeat(4097)).await, 12, "{name:?}");
    }
    // Partitions of the offsets topic get their files when they are first written.
    let is_of_offsets = |path: &String| path.contains("/__consumer_offsets-");
    assert!(paths(broker.dir()).difference(&before).all(is_of_offsets));
    broker.restart().await;
    let mut client = broker.client().await;
    ready(&mut client).await;
    for name in names {
        let groups = vec![group_of(name, Some(vec![offsets_of("t", vec![0])]))];
        let answer = client.call(8, OffsetFetchRequest::default().with_groups(groups)).await;
        assert_eq!(answer.groups[0].topics[0].partitions[0].committed_offset, 5, "{name:?}");
    }
}
