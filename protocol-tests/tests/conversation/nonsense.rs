//! Well-formed requests whose values make no sense: each is told so where Kafka tells it. Most were found by sending the
//! same malformed requests to both (`compat/malformed`).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    BrokerId, DeleteGroupsRequest, FetchRequest, InitProducerIdRequest, ProducerId, Uuid,
};
use protocol_tests::{Client, batch};

use super::members::*;
use super::support::*;

const UNKNOWN_SERVER_ERROR: i16 = -1;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const UNSUPPORTED_VERSION: i16 = 35;
const INVALID_REQUEST: i16 = 42;

/// The error of the whole answer, and those of its partitions.
async fn fetch_codes(client: &mut Client, version: i16, request: FetchRequest) -> (i16, Vec<i16>) {
    let answer = client.call(version, request).await;
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    (answer.error_code, partitions.map(|partition| partition.error_code).collect())
}

#[tokio::test]
async fn a_fetch_with_an_isolation_level_that_is_none_fails_as_a_whole() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "isolated", 1, &[]).await;
    for version in versions(ApiKey::Fetch) {
        for level in [-1, 2] {
            let topics = vec![fetch_topic(version, &topic, vec![fetch_partition(0, 0)])];
            let request = fetch_request(topics).with_isolation_level(level);
            let whole = if version >= 7 { UNKNOWN_SERVER_ERROR } else { 0 };
            let each = if version >= 13 { vec![] } else { vec![UNKNOWN_SERVER_ERROR] };
            let codes = fetch_codes(&mut client, version, request).await;
            assert_eq!(codes, (whole, each), "version {version} level {level}");
        }
    }
}

#[tokio::test]
async fn a_client_that_says_it_is_a_replica_is_told_in_every_partition_that_it_is_none() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "no-replica", 1, &[]).await;
    produced(&mut client, &topic, batch::values(&["secret"])).await;
    for version in versions(ApiKey::Fetch) {
        let topics = vec![fetch_topic(version, &topic, vec![fetch_partition(0, 0), fetch_partition(9, 0)])];
        let mut request = fetch_request(topics);
        if version >= 15 {
            request.replica_state.replica_id = BrokerId(99);
        } else {
            request.replica_id = BrokerId(99);
        }
        let codes = fetch_codes(&mut client, version, request).await;
        let each = vec![NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION];
        assert_eq!(codes, (0, each), "version {version}");
    }
}

#[tokio::test]
async fn a_fetch_of_a_name_that_no_topic_can_have_says_that_there_is_none() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "legal", 1, &[]).await;
    for version in versions(ApiKey::Fetch).filter(|version| *version < 13) {
        for name in ["", "..", "a/b"] {
            for epoch in if version >= 7 { vec![-1, 0] } else { vec![-1] } {
                let illegal = Topic { name: topic_name(name), id: Uuid::nil() };
                let topics = [&illegal, &topic].map(|t| fetch_topic(version, t, vec![fetch_partition(0, 0)]));
                let mut request = fetch_request(topics.to_vec());
                if version >= 7 {
                    request.session_epoch = epoch;
                }
                let (whole, mut each) = fetch_codes(&mut client, version, request).await;
                each.sort_unstable();
                let expected = (0, vec![0, UNKNOWN_TOPIC_OR_PARTITION]);
                assert_eq!((whole, each), expected, "version {version} {name:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_negative_leader_epoch_in_a_fetch_is_none() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "no-epoch", 1, &[]).await;
    for version in versions(ApiKey::Fetch).filter(|version| *version >= 9) {
        let partition = fetch_partition(0, 0).with_current_leader_epoch(-2);
        let request = fetch_request(vec![fetch_topic(version, &topic, vec![partition])]);
        assert_eq!(fetch_codes(&mut client, version, request).await, (0, vec![0]), "version {version}");
    }
}

#[tokio::test]
async fn list_offsets_with_an_isolation_level_that_is_none_fails() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "isolated", 1, &[]).await;
    for version in versions(ApiKey::ListOffsets).filter(|version| *version >= 2) {
        for level in [-1, 2] {
            let request = list_offsets_request(&topic, 0, -1).with_isolation_level(level);
            let answer = client.call(version, request).await;
            let code = answer.topics[0].partitions[0].error_code;
            assert_eq!(code, UNKNOWN_SERVER_ERROR, "version {version} level {level}");
        }
    }
}

#[tokio::test]
async fn a_place_that_the_version_does_not_know_is_refused_whatever_partition_it_is_asked_of() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "placeless", 1, &[]).await;
    for (version, partition, timestamp) in [(6, 0, -3), (6, 9, -3), (11, 9, -7), (11, 0, i64::MIN)] {
        let mut request = list_offsets_request(&topic, partition, timestamp);
        request.topics[0].partitions[0].current_leader_epoch = 99;
        let answer = client.call(version, request).await;
        let code = answer.topics[0].partitions[0].error_code;
        assert_eq!(code, UNSUPPORTED_VERSION, "version {version} partition {partition} time {timestamp}");
    }
}

#[tokio::test]
async fn a_partition_that_is_asked_for_twice_is_answered_once() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "twice", 1, &[]).await;
    for version in versions(ApiKey::ListOffsets) {
        let once = list_offsets_request(&topic, 0, -1);
        let (mut partition, mut whole) = (once.clone(), once);
        partition.topics[0].partitions.extend_from_within(..);
        whole.topics.extend_from_within(..);
        for request in [partition, whole] {
            let answer = client.call(version, request).await;
            let all = answer.topics.iter().flat_map(|topic| &topic.partitions);
            let codes: Vec<_> = all.map(|partition| partition.error_code).collect();
            assert_eq!(codes, [INVALID_REQUEST], "version {version}");
        }
    }
}

#[tokio::test]
async fn a_producer_id_without_an_epoch_and_an_epoch_without_an_id_are_refused() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::InitProducerId).filter(|version| *version >= 3) {
        for (id, epoch) in [(5, -1), (-1, 5)] {
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_producer_id(ProducerId(id))
                .with_producer_epoch(epoch);
            let answer = client.call(version, request).await;
            let said = (answer.error_code, answer.producer_id.0, answer.producer_epoch);
            assert_eq!(said, (INVALID_REQUEST, -1, -1), "version {version}");
        }
    }
}

#[tokio::test]
async fn a_group_that_is_to_be_deleted_twice_is_answered_once() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::DeleteGroups) {
        let names = vec![group_id("no-such-group"), group_id("no-such-group")];
        let answer = client.call(version, DeleteGroupsRequest::default().with_groups_names(names)).await;
        let codes: Vec<_> = answer.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [69], "version {version}");
    }
}
