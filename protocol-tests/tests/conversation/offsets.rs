//! Committing and fetching offsets (TRAPS 15, 26, 58, 59).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use gracchus_wire::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use gracchus_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use gracchus_wire::messages::{OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, Uuid};
use protocol_tests::typed::encode;
use protocol_tests::{Client, batch};

use super::members::*;
use super::support::*;

/// A commit of offset 5 with metadata for partition 0, by who is given.
fn commit_request(
    version: i16,
    group: &str,
    topic: &Topic,
    (member, generation): (&str, i32),
) -> OffsetCommitRequest {
    let mut partition = OffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(5)
        .with_committed_metadata(Some(text("note")));
    if version >= 6 {
        partition.committed_leader_epoch = 3;
    }
    let mut of_topic = OffsetCommitRequestTopic::default().with_partitions(vec![partition]);
    if version >= 10 {
        of_topic.topic_id = topic.id;
    } else {
        of_topic.name = topic.name.clone();
    }
    OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(text(member))
        .with_topics(vec![of_topic])
}

/// Commits; answers the code.
async fn commit(client: &mut Client, version: i16, group: &str, topic: &Topic, member: (&str, i32)) -> i16 {
    let answer = client.call(version, commit_request(version, group, topic, member)).await;
    answer.topics[0].partitions[0].error_code
}

/// What OffsetFetch tells of one partition: error, offset, leader epoch, metadata.
type Committed = (i16, i64, i32, Option<String>);

/// Fetches the offsets of a group: of partition 0 of a topic, or of all. Answers the group's code and the partitions.
async fn fetch_offsets(
    client: &mut Client,
    version: i16,
    group: &str,
    topic: Option<&Topic>,
) -> (i16, Vec<Committed>) {
    let mut request = OffsetFetchRequest::default();
    if version >= 8 {
        let topics = topic.map(|topic| {
            let mut of_topic = OffsetFetchRequestTopics::default().with_partition_indexes(vec![0]);
            if version >= 10 {
                of_topic.topic_id = topic.id;
            } else {
                of_topic.name = topic.name.clone();
            }
            vec![of_topic]
        });
        request.groups =
            vec![OffsetFetchRequestGroup::default().with_group_id(group_id(group)).with_topics(topics)];
    } else {
        request.group_id = group_id(group);
        request.topics = topic.map(|topic| {
            vec![
                OffsetFetchRequestTopic::default()
                    .with_name(topic.name.clone())
                    .with_partition_indexes(vec![0]),
            ]
        });
    }
    let answer = client.call(version, request).await;
    let string = |text: &Option<gracchus_wire::StrBytes>| text.as_ref().map(ToString::to_string);
    if version >= 8 {
        let group = &answer.groups[0];
        let all = group
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|p| (p.error_code, p.committed_offset, p.committed_leader_epoch, string(&p.metadata)));
        (group.error_code, all.collect())
    } else {
        let all = answer
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|p| (p.error_code, p.committed_offset, p.committed_leader_epoch, string(&p.metadata)));
        (answer.error_code, all.collect())
    }
}

#[tokio::test]
async fn every_version_commits_and_fetches() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "offsets", 1, &[]).await;
    for version in versions(ApiKey::OffsetCommit) {
        let group = unique("commits");
        let (member, generation) = stable(&mut client, &group).await;
        assert_eq!(commit(&mut client, version, &group, &topic, (&member, generation)).await, 0);
        for fetch in versions(ApiKey::OffsetFetch) {
            let epoch = if version >= 6 && fetch >= 5 { 3 } else { -1 };
            let expected = (0, vec![(0, 5, epoch, Some("note".to_owned()))]);
            let got = fetch_offsets(&mut client, fetch, &group, Some(&topic)).await;
            assert_eq!(got, expected, "committed in {version}, fetched in {fetch}");
            if fetch >= 2 {
                // TRAPS 15: null topics are all.
                assert_eq!(fetch_offsets(&mut client, fetch, &group, None).await, expected);
            }
        }
    }
}

#[tokio::test]
async fn traps_59_what_was_never_committed_is_minus_1_without_an_error() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "uncommitted", 1, &[]).await;
    for version in versions(ApiKey::OffsetFetch) {
        let got = fetch_offsets(&mut client, version, "no-such-group", Some(&topic)).await;
        assert_eq!(got, (0, vec![(0, -1, -1, Some(String::new()))]), "version {version}");
        if version >= 2 {
            assert_eq!(fetch_offsets(&mut client, version, "no-such-group", None).await, (0, vec![]));
        }
    }
}

#[tokio::test]
async fn a_group_without_a_name_has_offsets_as_in_kafka() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "nameless", 1, &[]).await;
    for version in versions(ApiKey::OffsetCommit) {
        assert_eq!(commit(&mut client, version, "", &topic, ("", -1)).await, 0);
        let (code, got) = fetch_offsets(&mut client, version.min(9), "", Some(&topic)).await;
        assert_eq!((code, got[0].0, got[0].1), (0, 0, 5), "version {version}");
    }
}

#[tokio::test]
async fn commits_are_fenced_by_member_and_generation() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "fenced", 1, &[]).await;
    let group = unique("fenced");
    let (member, generation) = stable(&mut client, &group).await;
    for version in versions(ApiKey::OffsetCommit) {
        for (member, generation, error) in [
            ("nobody", generation, 25),
            (member.as_str(), generation + 1, 22),
            (member.as_str(), generation - 1, 22),
            ("", -1, 25),
            (member.as_str(), -1, 22),
        ] {
            let code = commit(&mut client, version, &group, &topic, (member, generation)).await;
            assert_eq!(code, error, "'{member}' in generation {generation}, version {version}");
        }
        assert_eq!(
            commit(&mut client, version, "no-such-group", &topic, ("nobody", 3)).await,
            if version >= 9 { 69 } else { 22 }
        );
        // A client that assigns partitions itself has neither.
        assert_eq!(commit(&mut client, version, &unique("simple"), &topic, ("", -1)).await, 0);
    }
    assert_eq!(fetch_offsets(&mut client, 8, &group, None).await, (0, vec![]), "nothing was committed");
}

#[tokio::test]
async fn traps_26_commits_for_unknown_topics_are_refused_and_bad_metadata_too() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "metadata", 1, &[]).await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::from_u128(3) };
    for version in versions(ApiKey::OffsetCommit) {
        let group = unique("simple");
        let error = if version >= 10 { 100 } else { 3 };
        assert_eq!(commit(&mut client, version, &group, &unknown, ("", -1)).await, error);
        let mut request = commit_request(version, &group, &topic, ("", -1));
        request.topics[0].partitions[0].partition_index = 7;
        assert_eq!(client.call(version, request).await.topics[0].partitions[0].error_code, 3);
        let mut request = commit_request(version, &group, &topic, ("", -1));
        request.topics[0].partitions[0].committed_metadata = Some(text(&"x".repeat(4097)));
        assert_eq!(client.call(version, request).await.topics[0].partitions[0].error_code, 12);
    }
    for (version, error) in [(9, (0, -1)), (10, (100, -1))] {
        let (code, all) = fetch_offsets(&mut client, version, "some-group", Some(&unknown)).await;
        assert_eq!((code, (all[0].0, all[0].1)), (0, error), "version {version}");
    }
}

#[tokio::test]
async fn traps_58_offsets_and_groups_are_there_after_a_restart() {
    let Some((mut broker, mut client)) = start_with(&[]).await else { return };
    ready(&mut client).await;
    let topic = create(&mut client, "kept", 1, &[]).await;
    let groups: Vec<_> = (0..5).map(|_| unique("kept")).collect();
    let mut members = Vec::new();
    for group in &groups {
        let (member, generation) = stable(&mut client, group).await;
        assert_eq!(commit(&mut client, 9, group, &topic, (&member, generation)).await, 0);
        members.push((member, generation));
    }
    broker.restart().await;
    let mut client = broker.client().await;
    for (group, (member, generation)) in groups.iter().zip(members) {
        // Retriable while the group is loaded, never "unknown".
        let patience = Patience::new();
        let code = loop {
            patience.wait();
            match heartbeat(&mut client, 4, group, (&member, generation)).await {
                14 | 16 => {}
                code => break code,
            }
        };
        assert_eq!(code, 0, "the member is still in its group");
        let expected = (0, vec![(0, 5, 3, Some("note".to_owned()))]);
        assert_eq!(fetch_offsets(&mut client, 9, group, Some(&topic)).await, expected);
    }
}

#[tokio::test]
async fn commits_that_wait_for_one_another_are_all_answered_and_stored() {
    let Some((broker, mut client)) = start_with(&[("group.coordinator.append.linger.ms", "20")]).await else {
        return;
    };
    ready(&mut client).await;
    let topic = create(&mut client, "gathered", 1, &[]).await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let (group, mut client) = (unique("gathered"), broker.client().await);
        let (member, generation) = stable(&mut client, &group).await;
        waiting.push((group, member, generation, client));
    }
    let request = |group: &str, member: &str, generation| {
        encode(9, commit_request(9, group, &topic, (member, generation)))
    };
    for (group, member, generation, client) in &mut waiting {
        client.send_raw(&request(group, member, *generation)).await;
    }
    for (group, _, _, client) in &mut waiting {
        let answer = client.receive_answer(9, OffsetCommitRequest::default()).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, 0);
        let expected = (0, vec![(0, 5, 3, Some("note".to_owned()))]);
        assert_eq!(fetch_offsets(client, 9, group, Some(&topic)).await, expected);
    }
}

#[tokio::test]
async fn offsets_of_a_deleted_topic_and_a_deleted_group_are_gone() {
    let (_broker, mut client) = start_groups().await;
    let (kept, gone) = (create(&mut client, "kept", 1, &[]).await, create(&mut client, "gone", 1, &[]).await);
    let group = unique("both");
    for topic in [&kept, &gone] {
        assert_eq!(commit(&mut client, 9, &group, topic, ("", -1)).await, 0);
    }
    assert_eq!(fetch_offsets(&mut client, 9, &group, None).await.1.len(), 2);
    super::topics::delete(&mut client, &gone).await;
    let patience = Patience::new();
    while fetch_offsets(&mut client, 9, &group, None).await.1.len() != 1 {
        patience.wait();
    }
}

#[tokio::test]
async fn offset_delete_forgets_what_no_member_reads() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "forgotten", 1, &[]).await;
    let group = unique("forgets");
    assert_eq!(commit(&mut client, 9, &group, &topic, ("", -1)).await, 0);
    let request = |group: &str| {
        let partitions =
            [0, 9].map(|index| OffsetDeleteRequestPartition::default().with_partition_index(index));
        let topic = OffsetDeleteRequestTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.to_vec());
        OffsetDeleteRequest::default().with_group_id(group_id(group)).with_topics(vec![topic])
    };
    let answer = client.call(0, request(&group)).await;
    let mut codes: Vec<_> =
        answer.topics[0].partitions.iter().map(|p| (p.partition_index, p.error_code)).collect();
    codes.sort_unstable();
    assert_eq!((answer.error_code, codes), (0, vec![(0, 0), (9, 3)]));
    assert_eq!(fetch_offsets(&mut client, 9, &group, Some(&topic)).await.1[0].1, -1);
    assert_eq!(client.call(0, request("no-such-group")).await.error_code, 69);
    let nothing = OffsetDeleteRequest::default().with_group_id(group_id("no-such-group"));
    assert_eq!(client.call(0, nothing).await.error_code, 69, "also asked about nothing");
}

#[tokio::test]
async fn records_are_read_on_from_the_committed_offset() {
    let (_broker, mut client) = start_groups().await;
    let topic = create(&mut client, "read-on", 1, &[]).await;
    let group = unique("reader");
    produced(&mut client, &topic, batch::values(&["a", "b", "c", "d", "e", "f"])).await;
    assert_eq!(commit(&mut client, 9, &group, &topic, ("", -1)).await, 0);
    let (_, committed) = fetch_offsets(&mut client, 9, &group, Some(&topic)).await;
    let records = read(&mut client, &topic, committed[0].1).await;
    assert_eq!(records.last().unwrap().2.as_deref(), Some("f"));
}
