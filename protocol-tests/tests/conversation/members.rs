//! The classic group protocol as a client speaks it: what the tests of groups share.

use bytes::Bytes;
use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, GroupId, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, ListGroupsRequest, SyncGroupRequest, SyncGroupResponse,
    join_group_request::JoinGroupRequestProtocol, leave_group_request::MemberIdentity,
    sync_group_request::SyncGroupRequestAssignment,
};
use protocol_tests::Client;

use super::support::*;

/// Searches for a coordinator until there is one, as every client does first; answers what was found.
pub async fn find_coordinator(
    client: &mut Client,
    version: i16,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let patience = Patience::new();
    loop {
        let answer = client.call(version, request.clone()).await;
        // Not available until the offsets topic is made.
        if answer.error_code != 15 && answer.coordinators.iter().all(|found| found.error_code != 15) {
            return answer;
        }
        patience.wait();
    }
}

/// Makes sure that groups are served.
pub async fn ready(client: &mut Client) {
    let answer = find_coordinator(client, 0, FindCoordinatorRequest::default().with_key(text("any"))).await;
    assert_eq!(answer.error_code, 0);
    // While a partition of the offsets topic is loaded, the groups of none are listed.
    let patience = Patience::new();
    while client.call(0, ListGroupsRequest::default()).await.error_code != 0 {
        patience.wait();
    }
}

/// A broker that serves groups, and a connection to it.
pub async fn start_groups() -> (Target, Client) {
    let (target, mut client) = start().await;
    ready(&mut client).await;
    (target, client)
}

pub fn group_id(name: &str) -> GroupId {
    GroupId(text(name))
}

/// Protocols by name, each with metadata.
pub type Protocols<'a> = &'a [(&'a str, &'static [u8])];

/// A subscription to nothing, version 0. Kafka reads the metadata of consumers, and never answers a join with others'.
pub const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\0\xff\xff\xff\xff";

pub const RANGE: Protocols<'static> = &[("range", SUBSCRIPTION)];

/// A request to join as a consumer, of any version.
pub fn join_request(version: i16, group: &str, member: &str, protocols: Protocols<'_>) -> JoinGroupRequest {
    let protocol = |(name, metadata): &(&str, &'static [u8])| {
        JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(Bytes::from_static(metadata))
    };
    JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(if version >= 1 { 10_000 } else { -1 })
        .with_member_id(text(member))
        .with_protocol_type(text("consumer"))
        .with_protocols(protocols.iter().map(protocol).collect())
}

/// Joins, a second time where the group first gives an id (TRAPS 52).
pub async fn join(
    client: &mut Client,
    version: i16,
    group: &str,
    protocols: Protocols<'_>,
) -> JoinGroupResponse {
    let first = client.call(version, join_request(version, group, "", protocols)).await;
    if first.error_code != 79 {
        return first;
    }
    client.call(version, join_request(version, group, &first.member_id, protocols)).await
}

/// A request for an assignment; the leader's assigns `assignments`.
pub fn sync_request(
    version: i16,
    group: &str,
    (member, generation): (&str, i32),
    assignments: &[(&str, &'static [u8])],
) -> SyncGroupRequest {
    let assignment = |(member, assignment): &(&str, &'static [u8])| {
        let one = SyncGroupRequestAssignment::default().with_member_id(text(member));
        one.with_assignment(Bytes::from_static(assignment))
    };
    let request = SyncGroupRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(generation)
        .with_member_id(text(member))
        .with_assignments(assignments.iter().map(assignment).collect());
    if version < 5 {
        return request;
    }
    request.with_protocol_type(Some(text("consumer"))).with_protocol_name(Some(text("range")))
}

/// Joins alone and is assigned; answers member id and generation.
pub async fn stable(client: &mut Client, group: &str) -> (String, i32) {
    let version = *ApiKey::JoinGroup.request_versions().end();
    let joined = join(client, version, group, RANGE).await;
    assert_eq!((joined.error_code, &joined.leader), (0, &joined.member_id));
    let member = joined.member_id.to_string();
    let synced = sync(client, 5, group, (&member, joined.generation_id), &[(&member, b"all")]).await;
    assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all"[..]));
    (member, joined.generation_id)
}

pub async fn sync(
    client: &mut Client,
    version: i16,
    group: &str,
    member: (&str, i32),
    assignments: &[(&str, &'static [u8])],
) -> SyncGroupResponse {
    client.call(version, sync_request(version, group, member, assignments)).await
}

/// Answers the code.
pub async fn heartbeat(
    client: &mut Client,
    version: i16,
    group: &str,
    (member, generation): (&str, i32),
) -> i16 {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(generation)
        .with_member_id(text(member));
    client.call(version, request).await.error_code
}

/// Leaves; answers the code for the request or, if that is none, for the member.
pub async fn leave(client: &mut Client, version: i16, group: &str, member: &str) -> i16 {
    let mut request = LeaveGroupRequest::default().with_group_id(group_id(group));
    if version >= 3 {
        request.members = vec![MemberIdentity::default().with_member_id(text(member))];
    } else {
        request.member_id = text(member);
    }
    let answer = client.call(version, request).await;
    let of_member = answer.members.first().map_or(0, |member| member.error_code);
    if answer.error_code == 0 { of_member } else { answer.error_code }
}
