//! FindCoordinator, ListGroups, DescribeGroups, DeleteGroups (TRAPS 57, 61).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::describe_groups_response::DescribedGroup;
use gracchus_wire::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, ListGroupsRequest, MetadataRequest,
};
use protocol_tests::Client;

use super::members::*;
use super::support::*;

/// A group as the newest version describes it.
pub async fn described(client: &mut Client, group: &str) -> DescribedGroup {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    client.call(6, request).await.groups.remove(0)
}

#[tokio::test]
async fn traps_57_the_first_search_for_a_coordinator_makes_the_offsets_topic() {
    let (broker, mut client) = start().await;
    let port = i32::from(broker.address().port());
    for version in versions(ApiKey::FindCoordinator) {
        let mut request = FindCoordinatorRequest::default();
        if version >= 4 {
            request.coordinator_keys = vec![text("group-a"), text("group-b")];
        } else {
            request.key = text("group-a");
        }
        let answer = find_coordinator(&mut client, version, request).await;
        if version >= 4 {
            let found =
                answer.coordinators.iter().map(|c| (c.key.as_str(), c.error_code, c.node_id.0, c.port));
            assert_eq!(found.collect::<Vec<_>>(), [("group-a", 0, 1, port), ("group-b", 0, 1, port)]);
        } else {
            let found = (answer.error_code, answer.node_id.0, answer.host.as_str(), answer.port);
            assert_eq!(found, (0, 1, "127.0.0.1", port), "version {version}");
        }
    }
    let offsets = describe(&mut client, &topic_name("__consumer_offsets")).await;
    assert_eq!((offsets.error_code, offsets.is_internal, offsets.partitions.len()), (0, true, 50));
    let all = client.call(12, MetadataRequest::default().with_topics(None)).await;
    assert!(all.topics.iter().any(|topic| topic.is_internal && topic.topic_id == offsets.topic_id));
}

#[tokio::test]
async fn traps_57_a_key_of_no_kind_is_an_invalid_request() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::FindCoordinator).filter(|version| *version >= 1) {
        let mut request = FindCoordinatorRequest::default().with_key_type(9);
        if version >= 4 {
            request.coordinator_keys = vec![text("x")];
        } else {
            request.key = text("x");
        }
        let answer = client.call(version, request).await;
        let (code, message) = match answer.coordinators.first() {
            Some(found) => (found.error_code, &found.error_message),
            None => (answer.error_code, &answer.error_message),
        };
        let expected = "This most likely occurs because of a request being malformed by the client library or the \
                        message was sent to an incompatible broker. See the broker logs for more details.";
        assert_eq!((code, message.as_deref()), (42, Some(expected)), "version {version}");
    }
}

#[tokio::test]
async fn a_topic_of_the_brokers_own_takes_no_records_from_clients() {
    let (_broker, mut client) = start_groups().await;
    let group = unique("internal");
    stable(&mut client, &group).await;
    let offsets = describe(&mut client, &topic_name("__consumer_offsets")).await;
    let topic = Topic { name: topic_name("__consumer_offsets"), id: offsets.topic_id };
    for version in versions(ApiKey::Produce) {
        let answer = produce(&mut client, version, &topic, protocol_tests::batch::values(&["v"])).await;
        assert_eq!((answer.error_code, answer.base_offset), (17, -1), "version {version}");
    }
}

#[tokio::test]
async fn groups_are_listed_and_filtered() {
    let (_broker, mut client) = start_groups().await;
    let group = unique("listed");
    stable(&mut client, &group).await;
    for version in versions(ApiKey::ListGroups) {
        let answer = client.call(version, ListGroupsRequest::default()).await;
        assert_eq!(answer.error_code, 0);
        let told = answer.groups.iter().find(|told| told.group_id.as_str() == group).expect("the group");
        assert_eq!(told.protocol_type.as_str(), "consumer");
        assert_eq!(told.group_state.as_str(), if version >= 4 { "Stable" } else { "" });
        assert_eq!(told.group_type.as_str(), if version >= 5 { "classic" } else { "" });
        if version >= 4 {
            for (state, is_told) in
                [("Stable", true), ("stable", true), ("Empty", false), ("Nonsense", false)]
            {
                let request = ListGroupsRequest::default().with_states_filter(vec![text(state)]);
                let answer = client.call(version, request).await;
                let found = answer.groups.iter().any(|told| told.group_id.as_str() == group);
                assert_eq!((answer.error_code, found), (0, is_told), "{state} in version {version}");
            }
        }
        if version >= 5 {
            for (kind, is_told) in
                [("classic", true), ("Classic", true), ("consumer", false), ("nonsense", false)]
            {
                let request = ListGroupsRequest::default().with_types_filter(vec![text(kind)]);
                let answer = client.call(version, request).await;
                let found = answer.groups.iter().any(|told| told.group_id.as_str() == group);
                assert_eq!((answer.error_code, found), (0, is_told), "{kind}");
            }
        }
    }
}

#[tokio::test]
async fn traps_61_groups_are_described_and_unknown_ones_told_by_version() {
    let (_broker, mut client) = start_groups().await;
    let group = unique("described");
    let (member, _) = stable(&mut client, &group).await;
    for version in versions(ApiKey::DescribeGroups) {
        let groups = vec![group_id(&group), group_id("no-such-group")];
        let mut answer = client.call(version, DescribeGroupsRequest::default().with_groups(groups)).await;
        answer.groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        let [known, unknown] = &answer.groups[..] else { panic!("{answer:?}") };
        assert_eq!((known.error_code, known.group_state.as_str()), (0, "Stable"));
        assert_eq!((known.protocol_type.as_str(), known.protocol_data.as_str()), ("consumer", "range"));
        let told = &known.members[0];
        assert_eq!((told.member_id.as_str(), told.client_id.as_str()), (member.as_str(), "protocol-tests"));
        assert!(
            ["127.0.0.1", "/127.0.0.1"].contains(&told.client_host.as_str()),
            "{}",
            told.client_host.as_str()
        );
        assert_eq!((&told.member_metadata[..], &told.member_assignment[..]), (SUBSCRIPTION, &b"all"[..]));
        assert_eq!(known.authorized_operations, i32::MIN, "TRAPS 19");
        let error = if version >= 6 { 69 } else { 0 };
        assert_eq!((unknown.error_code, unknown.group_state.as_str()), (error, "Dead"), "version {version}");
        let message = (version >= 6).then_some("Group no-such-group not found.");
        assert_eq!(unknown.error_message.as_deref(), message);
        if version >= 3 {
            let operations = 0b1101_0100_1000;
            let of_unknown = if version >= 6 { i32::MIN } else { operations };
            for (name, expected) in [(group.as_str(), operations), ("no-such-group", of_unknown)] {
                let request = DescribeGroupsRequest::default().with_groups(vec![group_id(name)]);
                let answer = client.call(version, request.with_include_authorized_operations(true)).await;
                assert_eq!(
                    answer.groups[0].authorized_operations, expected,
                    "read, delete, describe, configs"
                );
            }
        }
    }
}

#[tokio::test]
async fn groups_are_deleted_once_they_are_empty() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::DeleteGroups) {
        let group = unique("deleted");
        let (member, _) = stable(&mut client, &group).await;
        let request = || {
            let names = vec![group_id(&group), group_id("no-such-group")];
            DeleteGroupsRequest::default().with_groups_names(names)
        };
        let codes = |answer: gracchus_wire::messages::DeleteGroupsResponse| {
            let mut codes: Vec<_> =
                answer.results.iter().map(|r| (r.group_id.to_string(), r.error_code)).collect();
            codes.sort();
            codes
        };
        let expected = |error| vec![(group.clone(), error), ("no-such-group".to_owned(), 69)];
        assert_eq!(codes(client.call(version, request()).await), expected(68), "NON_EMPTY_GROUP");
        assert_eq!(leave(&mut client, 5, &group, &member).await, 0);
        assert_eq!(described(&mut client, &group).await.group_state.as_str(), "Empty");
        assert_eq!(codes(client.call(version, request()).await), expected(0));
        assert_eq!(described(&mut client, &group).await.error_code, 69);
    }
}
