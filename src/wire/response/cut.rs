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
        Response::DescribeCluster(body) if version < 2 => {
            Response::DescribeCluster(describe_cluster(version, body.clone()))
        }
        _ => return None,
    })
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
