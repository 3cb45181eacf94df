//! ElectLeaders, where the only broker leads.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    ElectLeadersRequest, ElectLeadersResponse, TopicName, elect_leaders_request::TopicPartitions,
};

use super::support::*;

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const REQUEST_TIMED_OUT: i16 = 7;
const INVALID_REQUEST: i16 = 42;
const ELECTION_NOT_NEEDED: i16 = 84;
const NOT_NEEDED: &str = "Leader election not needed for topic partition.";

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

/// The kinds of elections that a version can ask for.
fn kinds(version: i16) -> &'static [i8] {
    if version >= 1 { &[PREFERRED, UNCLEAN] } else { &[PREFERRED] }
}

fn elect(kind: i8, topics: Option<&[(&TopicName, &[i32])]>) -> ElectLeadersRequest {
    let topic = |(name, partitions): &(&TopicName, &[i32])| {
        TopicPartitions::default().with_topic((*name).clone()).with_partitions(partitions.to_vec())
    };
    ElectLeadersRequest::default()
        .with_election_type(kind)
        .with_topic_partitions(topics.map(|topics| topics.iter().map(topic).collect()))
        .with_timeout_ms(10_000)
}

/// Partition, error and message, in the order of the answer.
fn outcomes(answer: &ElectLeadersResponse) -> Vec<(i32, i16, Option<&str>)> {
    let partitions = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
    partitions.map(|p| (p.partition_id, p.error_code, p.error_message.as_deref())).collect()
}

#[tokio::test]
async fn where_the_leader_is_who_it_is_to_be_no_election_is_needed() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "led", 2, &[]).await;
    let before = describe(&mut client, &topic.name).await;
    for version in versions(ApiKey::ElectLeaders) {
        for kind in kinds(version) {
            let asked = elect(*kind, Some(&[(&topic.name, &[0, 0]), (&topic.name, &[1])]));
            let answer = client.call(version, asked).await;
            assert_eq!(answer.error_code, 0);
            let names: Vec<_> = answer.replica_election_results.iter().map(|r| r.topic.as_str()).collect();
            assert_eq!(names, [topic.name.as_str(); 2]);
            let not_needed = |index| (index, ELECTION_NOT_NEEDED, Some(NOT_NEEDED));
            assert_eq!(outcomes(&answer), [0, 0, 1].map(not_needed), "version {version} kind {kind}");
        }
    }
    assert_eq!(describe(&mut client, &topic.name).await, before, "nor is there one");
}

#[tokio::test]
async fn of_all_partitions_only_those_that_need_an_election_are_told() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "among-all", 2, &[]).await;
    for version in versions(ApiKey::ElectLeaders) {
        for kind in kinds(version) {
            let answer = client.call(version, elect(*kind, None)).await;
            assert_eq!(answer.error_code, 0);
            let mut topics = answer.replica_election_results.iter();
            let told = topics.find(|told| told.topic == topic.name).expect("every topic is told");
            assert_eq!(told.partition_result, [], "version {version} kind {kind}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_beside_what_is() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "one-led", 1, &[]).await;
    let nowhere = topic_name(&unique("nowhere"));
    let no_topic = format!("No such topic as {}", nowhere.as_str());
    let no_partition = format!("No such partition as {}-", topic.name.as_str());
    let (one, minus_one) = (format!("{no_partition}1"), format!("{no_partition}-1"));
    for version in versions(ApiKey::ElectLeaders) {
        for kind in kinds(version) {
            let asked = [(&nowhere, &[0][..]), (&topic.name, &[1, 0, -1]), (&nowhere, &[])];
            let answer = client.call(version, elect(*kind, Some(&asked))).await;
            let unknown = |index, message| (index, UNKNOWN_TOPIC_OR_PARTITION, Some(message));
            let expected = [
                unknown(0, no_topic.as_str()),
                unknown(1, &one),
                (0, ELECTION_NOT_NEEDED, Some(NOT_NEEDED)),
                unknown(-1, &minus_one),
            ];
            assert_eq!((answer.error_code, outcomes(&answer)), (0, expected.to_vec()), "version {version}");
            assert_eq!(answer.replica_election_results.len(), 3);
        }
    }
}

#[tokio::test]
async fn a_kind_of_election_that_is_none_is_refused_as_a_whole_and_for_each_partition() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "no-kind", 1, &[]).await;
    for version in versions(ApiKey::ElectLeaders).filter(|version| *version >= 1) {
        for kind in [2, 127, -1] {
            let answer = client.call(version, elect(kind, Some(&[(&topic.name, &[0, 9])]))).await;
            let message = format!("Unknown election type {kind}");
            let refused = |index| (index, INVALID_REQUEST, Some(message.as_str()));
            let expected = (INVALID_REQUEST, vec![refused(0), refused(9)]);
            assert_eq!((answer.error_code, outcomes(&answer)), expected, "version {version}");
            let all = client.call(version, elect(kind, None)).await;
            assert_eq!((all.error_code, all.replica_election_results.len()), (INVALID_REQUEST, 0));
            let none = client.call(version, elect(kind, Some(&[]))).await;
            assert_eq!((none.error_code, none.replica_election_results.len()), (0, 0));
        }
    }
}

#[tokio::test]
async fn an_election_that_has_no_time_is_not_held() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "hurried", 1, &[]).await;
    for version in versions(ApiKey::ElectLeaders) {
        let whole = if version >= 1 { REQUEST_TIMED_OUT } else { 0 };
        for timeout_ms in [0, -1, i32::MIN] {
            let asked = elect(PREFERRED, Some(&[(&topic.name, &[0, 9])])).with_timeout_ms(timeout_ms);
            let answer = client.call(version, asked).await;
            let late = |index| (index, REQUEST_TIMED_OUT, None);
            let expected = (whole, vec![late(0), late(9)]);
            assert_eq!((answer.error_code, outcomes(&answer)), expected, "version {version}");
            let all = client.call(version, elect(PREFERRED, None).with_timeout_ms(timeout_ms)).await;
            assert_eq!((all.error_code, all.replica_election_results.len()), (whole, 0));
        }
    }
}
