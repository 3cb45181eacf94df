//! Members with an instance id (KIP-345, KIP-814, TRAPS 54).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::leave_group_request::MemberIdentity;
use gracchus_wire::messages::{HeartbeatRequest, JoinGroupResponse, LeaveGroupRequest};
use protocol_tests::Client;

use super::members::*;
use super::support::*;

/// The versions that know instance ids.
fn with_instances() -> impl Iterator<Item = i16> {
    versions(ApiKey::JoinGroup).filter(|version| *version >= 5)
}

async fn join_as(
    client: &mut Client,
    version: i16,
    group: &str,
    member: &str,
    instance: &str,
) -> JoinGroupResponse {
    let request = join_request(version, group, member, RANGE).with_group_instance_id(Some(text(instance)));
    client.call(version, request).await
}

/// A stable group of one static member; answers its member id.
async fn alone(client: &mut Client, version: i16, group: &str) -> String {
    let joined = join_as(client, version, group, "", "instance").await;
    assert_eq!((joined.error_code, joined.generation_id), (0, 1), "no id is given first");
    let member = joined.member_id.to_string();
    assert_eq!(joined.members[0].group_instance_id.as_deref(), Some("instance"));
    let request = sync_request(version.min(5), group, (&member, 1), &[(&member, b"all")]);
    let synced = client.call(version.min(5), request.with_group_instance_id(Some(text("instance")))).await;
    assert_eq!(synced.error_code, 0);
    member
}

#[tokio::test]
async fn traps_54_a_static_member_that_comes_back_gets_a_new_id_without_a_rebalance() {
    let (_broker, mut client) = start_groups().await;
    for version in with_instances() {
        let group = unique("back");
        let old = alone(&mut client, version, &group).await;
        let back = join_as(&mut client, version, &group, "", "instance").await;
        assert_eq!((back.error_code, back.generation_id), (0, 1), "version {version}");
        assert_ne!(back.member_id.as_str(), old);
        assert_eq!(back.skip_assignment, version >= 9);
        // Before version 9 a leader must not learn that it is one, or it would assign again.
        let leader = if version >= 9 { back.member_id.as_str() } else { &old };
        assert_eq!((back.leader.as_str(), back.members.len()), (leader, usize::from(version >= 9)));
        let member = (back.member_id.as_str(), 1);
        assert_eq!(sync(&mut client, 5, &group, member, &[]).await.assignment[..], *b"all", "as before");

        // The old one is fenced wherever it says its instance id, and unknown where it does not.
        let beat = HeartbeatRequest::default().with_group_id(group_id(&group)).with_generation_id(1);
        let beat = beat.with_member_id(text(&old));
        let fenced = client.call(3, beat.clone().with_group_instance_id(Some(text("instance")))).await;
        assert_eq!((fenced.error_code, client.call(3, beat).await.error_code), (82, 25));
        let answer = join_as(&mut client, version, &group, &old, "instance").await;
        assert_eq!(answer.error_code, 82, "version {version}");
        let request = sync_request(3, &group, (&old, 1), &[]).with_group_instance_id(Some(text("instance")));
        assert_eq!(client.call(3, request).await.error_code, 82);
    }
}

#[tokio::test]
async fn traps_54_a_static_member_leaves_by_its_instance_id() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::LeaveGroup).filter(|version| *version >= 3) {
        let group = unique("leaves");
        let member = alone(&mut client, 5, &group).await;
        let identity = |member: &str, instance: Option<&str>| {
            MemberIdentity::default().with_member_id(text(member)).with_group_instance_id(instance.map(text))
        };
        let request = LeaveGroupRequest::default().with_group_id(group_id(&group)).with_members(vec![
            identity("someone", Some("instance")),
            identity("", Some("no-such-instance")),
            identity("nobody", None),
            identity("", Some("instance")),
        ]);
        let answer = client.call(version, request).await;
        let told = answer.members.iter().map(|m| (m.member_id.as_str(), m.error_code)).collect::<Vec<_>>();
        assert_eq!((answer.error_code, told), (0, vec![("someone", 82), ("", 25), ("nobody", 25), ("", 0)]));
        assert_eq!(heartbeat(&mut client, 4, &group, (&member, 1)).await, 25, "it is gone");
    }
}

#[tokio::test]
async fn traps_54_an_unknown_instance_with_a_member_id_is_an_unknown_member() {
    let (_broker, mut client) = start_groups().await;
    for version in with_instances() {
        let group = unique("instance");
        alone(&mut client, version, &group).await;
        assert_eq!(join_as(&mut client, version, &group, "someone", "other").await.error_code, 25);
    }
}
