//! What older versions of a response do not carry, where Kafka's own response classes convert or its schemas would
//! refuse: handlers fill the newest form, and the rest happens here.

use crate::api_versions;
use crate::messages::{self, offset_fetch, offset_fetch_response};
use crate::response::Response;

/// "Authorized operations were not asked for" (KIP-430).
const OPERATIONS_UNKNOWN: i32 = i32::MIN;

/// KIP-919: the endpoints are brokers.
const ENDPOINT_BROKERS: i8 = 1;

/// The response as `version` can carry it; `None` if it can as it is.
pub fn for_version(version: i16, response: &Response) -> Option<Response> {
    Some(match response {
        Response::ListOffsets(body) if version < 4 => Response::ListOffsets(list_offsets(body.clone())),
        Response::Metadata(body) if metadata_needs_cut(version, body) => {
            Response::Metadata(metadata(version, body.clone()))
        }
        Response::OffsetFetch(body) if version < offset_fetch::GROUPS_SINCE && body.groups.len() == 1 => {
            Response::OffsetFetch(one_group(body.clone()))
        }
        Response::FindCoordinator(body) => Response::FindCoordinator(find_coordinator(version, body.clone())),
        Response::JoinGroup(body) if version < 9 => Response::JoinGroup(join_group(version, body.clone())),
        Response::LeaveGroup(body) if version < 3 => Response::LeaveGroup(leave_group(body.clone())),
        Response::DescribeGroups(body) if version < 6 => {
            Response::DescribeGroups(describe_groups(version, body.clone()))
        }
        Response::ApiVersions(body) if version < 4 => {
            Response::ApiVersions(api_versions::without_min_zero(body.clone()))
        }
        // Version 0 tells the errors of partitions alone.
        Response::ElectLeaders(body) if version < 1 => {
            Response::ElectLeaders(body.clone().with_error_code(0))
        }
        Response::DescribeQuorum(body) if version < 2 => {
            Response::DescribeQuorum(describe_quorum(body.clone()))
        }
        Response::DescribeCluster(body) if version < 2 => {
            Response::DescribeCluster(describe_cluster(version, body.clone()))
        }
        _ => return None,
    })
}

/// A null that `version` has no way to say, and `kafka_protocol` would write all the same because later versions do.
pub fn null_too_early(version: i16, response: &Response) -> Option<&'static str> {
    let null = match response {
        Response::Metadata(body) => version < 12 && body.topics.iter().any(|topic| topic.name.is_none()),
        Response::DeleteTopics(body) => {
            version < 6 && body.responses.iter().any(|topic| topic.name.is_none())
        }
        _ => false,
    };
    null.then_some("a topic without a name")
}

fn list_offsets(mut body: messages::ListOffsetsResponse) -> messages::ListOffsetsResponse {
    for topic in &mut body.topics {
        for partition in &mut topic.partitions {
            partition.leader_epoch = -1;
        }
    }
    body
}

const CLUSTER_OPERATIONS: std::ops::RangeInclusive<i16> = 8..=10;

fn metadata_needs_cut(version: i16, body: &messages::MetadataResponse) -> bool {
    version < 8
        || body.cluster_authorized_operations != OPERATIONS_UNKNOWN && !CLUSTER_OPERATIONS.contains(&version)
}

fn metadata(version: i16, mut body: messages::MetadataResponse) -> messages::MetadataResponse {
    if !CLUSTER_OPERATIONS.contains(&version) {
        body.cluster_authorized_operations = OPERATIONS_UNKNOWN;
    }
    if version < 8 {
        for topic in &mut body.topics {
            topic.topic_authorized_operations = OPERATIONS_UNKNOWN;
        }
    }
    body
}

/// Moves the only group to where it stood before several could be asked for (KIP-709).
fn one_group(mut body: messages::OffsetFetchResponse) -> messages::OffsetFetchResponse {
    for group in std::mem::take(&mut body.groups) {
        body.error_code = group.error_code;
        body.topics = group.topics.into_iter().map(topic_of_one_group).collect();
    }
    body
}

fn topic_of_one_group(
    topic: offset_fetch_response::OffsetFetchResponseTopics,
) -> offset_fetch_response::OffsetFetchResponseTopic {
    let partition = |p: offset_fetch_response::OffsetFetchResponsePartitions| {
        offset_fetch_response::OffsetFetchResponsePartition::default()
            .with_partition_index(p.partition_index)
            .with_committed_offset(p.committed_offset)
            .with_committed_leader_epoch(p.committed_leader_epoch)
            .with_metadata(p.metadata)
            .with_error_code(p.error_code)
    };
    offset_fetch_response::OffsetFetchResponseTopic::default()
        .with_name(topic.name)
        .with_partitions(topic.partitions.into_iter().map(partition).collect())
}

/// Below version 4 the only coordinator stands at the top; from there on it stands in the list (KIP-699, TRAPS 57).
fn find_coordinator(
    version: i16,
    mut body: messages::FindCoordinatorResponse,
) -> messages::FindCoordinatorResponse {
    if version >= 4 {
        let throttle_time_ms = body.throttle_time_ms;
        return messages::FindCoordinatorResponse::default()
            .with_throttle_time_ms(throttle_time_ms)
            .with_coordinators(body.coordinators);
    }
    if let Some(coordinator) = std::mem::take(&mut body.coordinators).into_iter().next() {
        body.error_code = coordinator.error_code;
        body.error_message = coordinator.error_message;
        body.node_id = coordinator.node_id;
        body.host = coordinator.host;
        body.port = coordinator.port;
    }
    body
}

fn join_group(version: i16, mut body: messages::JoinGroupResponse) -> messages::JoinGroupResponse {
    // KIP-814: only asked for by clients that know it.
    body.skip_assignment = false;
    if version < 7 {
        body.protocol_name = body.protocol_name.or_else(|| Some(messages::StrBytes::new()));
    }
    body
}

/// Below version 3 one member leaves, and its error stands at the top (KIP-345).
fn leave_group(mut body: messages::LeaveGroupResponse) -> messages::LeaveGroupResponse {
    if let Some(member) = std::mem::take(&mut body.members).first()
        && body.error_code == 0
    {
        body.error_code = member.error_code;
    }
    body
}

fn describe_groups(
    version: i16,
    mut body: messages::DescribeGroupsResponse,
) -> messages::DescribeGroupsResponse {
    for group in &mut body.groups {
        group.error_message = None;
        if version < 3 {
            group.authorized_operations = OPERATIONS_UNKNOWN;
        }
    }
    body
}

/// Below version 2 voters have neither directories nor addresses (KIP-853).
fn describe_quorum(mut body: messages::DescribeQuorumResponse) -> messages::DescribeQuorumResponse {
    body.nodes = Vec::new();
    for partition in body.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        for replica in partition.current_voters.iter_mut().chain(&mut partition.observers) {
            replica.replica_directory_id = messages::Uuid::nil();
        }
    }
    body
}

fn describe_cluster(
    version: i16,
    mut body: messages::DescribeClusterResponse,
) -> messages::DescribeClusterResponse {
    if version < 1 {
        body.endpoint_type = ENDPOINT_BROKERS;
    }
    for broker in &mut body.brokers {
        broker.is_fenced = false;
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiKey;
    use crate::client;
    use crate::messages::{BrokerId, StrBytes, TopicName};
    use crate::response;

    /// What a client of `version` reads of `body`.
    fn seen(api: ApiKey, version: i16, body: Response) -> Response {
        let frame = response::encode(version, 1, &body).unwrap();
        client::decode_response(api, version, frame.slice(4..)).unwrap().1
    }

    #[test]
    fn traps_57_one_coordinator_stands_at_the_top_below_version_4_and_in_the_list_above() {
        let coordinator = messages::find_coordinator_response::Coordinator::default()
            .with_key(StrBytes::from_static_str("group"))
            .with_node_id(BrokerId(7))
            .with_host(StrBytes::from_static_str("host"))
            .with_port(9092)
            .with_error_code(15);
        let body = messages::FindCoordinatorResponse::default().with_coordinators(vec![coordinator]);
        for version in 0..=6 {
            let seen = seen(ApiKey::FindCoordinator, version, Response::FindCoordinator(body.clone()));
            let Response::FindCoordinator(seen) = seen else { panic!("not FindCoordinator") };
            let top = (seen.node_id.0, &*seen.host, seen.port, seen.error_code);
            if version < 4 {
                assert_eq!((top, seen.coordinators.len()), ((7, "host", 9092, 15), 0), "version {version}");
            } else {
                assert_eq!(
                    (top, &seen.coordinators),
                    ((0, "", 0, 0), &body.coordinators),
                    "version {version}"
                );
            }
        }
    }

    #[test]
    fn one_group_of_offsets_stands_at_the_top_below_version_8() {
        let partition = offset_fetch_response::OffsetFetchResponsePartitions::default()
            .with_partition_index(2)
            .with_committed_offset(20)
            .with_committed_leader_epoch(3)
            .with_metadata(Some(StrBytes::from_static_str("m")));
        let topic = offset_fetch_response::OffsetFetchResponseTopics::default()
            .with_name(TopicName(StrBytes::from_static_str("t")))
            .with_partitions(vec![partition]);
        let group = offset_fetch_response::OffsetFetchResponseGroup::default()
            .with_topics(vec![topic])
            .with_error_code(16);
        let body = messages::OffsetFetchResponse::default().with_groups(vec![group]);
        for version in 1..=7 {
            let seen = seen(ApiKey::OffsetFetch, version, Response::OffsetFetch(body.clone()));
            let Response::OffsetFetch(seen) = seen else { panic!("not OffsetFetch") };
            let partition = &seen.topics[0].partitions[0];
            assert_eq!((partition.partition_index, partition.committed_offset), (2, 20));
            assert_eq!(partition.committed_leader_epoch, if version >= 5 { 3 } else { -1 });
            assert_eq!(seen.error_code, if version >= 2 { 16 } else { 0 });
        }
    }

    #[test]
    fn the_error_of_the_only_leaving_member_stands_at_the_top_below_version_3() {
        let member = messages::leave_group_response::MemberResponse::default().with_error_code(25);
        let body = messages::LeaveGroupResponse::default().with_members(vec![member]);
        let Response::LeaveGroup(seen) = seen(ApiKey::LeaveGroup, 2, Response::LeaveGroup(body)) else {
            panic!("not LeaveGroup")
        };
        assert_eq!(seen.error_code, 25);
    }

    #[test]
    fn traps_55_no_protocol_name_is_the_empty_name_below_version_7() {
        let body = messages::JoinGroupResponse::default().with_protocol_name(None).with_skip_assignment(true);
        for version in 0..=9 {
            let seen = seen(ApiKey::JoinGroup, version, Response::JoinGroup(body.clone()));
            let Response::JoinGroup(seen) = seen else { panic!("not JoinGroup") };
            assert_eq!(seen.protocol_name.is_none(), version >= 7);
            assert_eq!(seen.skip_assignment, version >= 9);
        }
    }

    #[test]
    fn a_value_that_no_version_may_drop_is_an_error() {
        // A topic without a name can only be said from version 12 on.
        let topic = messages::metadata_response::MetadataResponseTopic::default().with_name(None);
        let body = messages::MetadataResponse::default().with_topics(vec![topic]);
        assert!(response::encode(11, 1, &Response::Metadata(body.clone())).is_err());
        assert!(response::encode(12, 1, &Response::Metadata(body)).is_ok());
    }
}
