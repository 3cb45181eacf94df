//! Joining, syncing, beating and leaving with dynamic members (TRAPS 52, 53, 55, 56).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{JoinGroupRequest, SyncGroupRequest};
use protocol_tests::typed::encode;

use super::members::*;
use super::support::*;

/// A subscription with something in its user data.
const STICKY: &[u8] = b"\0\0\0\0\0\0\0\0\0\x01s";

/// A subscription of version 1, which says what is owned.
const OWNED: &[u8] = b"\0\x01\0\0\0\0\xff\xff\xff\xff\0\0\0\0";

#[tokio::test]
async fn every_version_joins_syncs_beats_and_leaves() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::JoinGroup) {
        let group = unique("every");
        let joined = join(&mut client, version, &group, RANGE).await;
        assert_eq!((joined.error_code, joined.generation_id), (0, 1), "version {version}");
        assert_eq!((joined.protocol_name.as_deref(), &joined.leader), (Some("range"), &joined.member_id));
        assert_eq!(joined.protocol_type.as_deref(), if version >= 7 { Some("consumer") } else { None });
        assert!(!joined.skip_assignment);
        assert!(joined.member_id.starts_with("protocol-tests-"), "the client's id and a random part");
        let members = joined.members.iter().map(|m| (&m.member_id, &m.metadata[..])).collect::<Vec<_>>();
        assert_eq!(members, [(&joined.member_id, SUBSCRIPTION)], "the leader is told of all");

        let member = (joined.member_id.as_str(), 1);
        let with = version.min(5);
        let synced = sync(&mut client, with, &group, member, &[(member.0, b"mine")]).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"mine"[..]));
        let told = (synced.protocol_type.as_deref(), synced.protocol_name.as_deref());
        assert_eq!(told, if with >= 5 { (Some("consumer"), Some("range")) } else { (None, None) });
        assert_eq!(heartbeat(&mut client, version.min(4), &group, member).await, 0);
        assert_eq!(sync(&mut client, with, &group, member, &[]).await.assignment[..], *b"mine", "again");
        assert_eq!(leave(&mut client, version.min(5), &group, member.0).await, 0);
        assert_eq!(heartbeat(&mut client, version.min(4), &group, member).await, 25, "it is gone");
    }
}

#[tokio::test]
async fn traps_52_a_new_member_is_given_an_id_first_from_version_4_on() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::JoinGroup) {
        let group = unique("first");
        let answer = client.call(version, join_request(version, &group, "", RANGE)).await;
        if version < 4 {
            assert_eq!((answer.error_code, answer.generation_id), (0, 1), "version {version}");
            continue;
        }
        assert_eq!((answer.error_code, answer.generation_id), (79, -1), "version {version}");
        assert!(!answer.member_id.is_empty() && answer.members.is_empty() && answer.leader.is_empty());
        let again = client.call(version, join_request(version, &group, &answer.member_id, RANGE)).await;
        assert_eq!((again.error_code, &again.member_id), (0, &answer.member_id));
    }
}

#[tokio::test]
async fn unknown_members_groups_and_old_generations_are_told() {
    let (_broker, mut client) = start_groups().await;
    let group = unique("unknown");
    let (member, generation) = stable(&mut client, &group).await;
    for version in versions(ApiKey::JoinGroup) {
        let answer = client.call(version, join_request(version, &group, "nobody", RANGE)).await;
        assert_eq!(answer.error_code, 25, "version {version}");
        assert_eq!(answer.member_id.as_str(), "nobody");
        let answer = client.call(version, join_request(version, "no-such-group", "nobody", RANGE)).await;
        assert_eq!(answer.error_code, 25);
        let answer = client.call(version, join_request(version, "", "", RANGE)).await;
        assert_eq!(answer.error_code, 24, "INVALID_GROUP_ID");
    }
    for version in versions(ApiKey::SyncGroup) {
        let code = sync(&mut client, version, &group, ("nobody", generation), &[]).await.error_code;
        assert_eq!(code, 25);
        assert_eq!(sync(&mut client, version, "no-such-group", ("nobody", 1), &[]).await.error_code, 25);
        for other in [generation - 1, generation + 1, -1] {
            assert_eq!(sync(&mut client, version, &group, (&member, other), &[]).await.error_code, 22);
        }
        assert_eq!(sync(&mut client, version, "", ("nobody", 1), &[]).await.error_code, 24);
    }
    for version in versions(ApiKey::Heartbeat) {
        assert_eq!(heartbeat(&mut client, version, &group, ("nobody", generation)).await, 25);
        assert_eq!(heartbeat(&mut client, version, "no-such-group", ("nobody", 1)).await, 25);
        for other in [generation - 1, generation + 1, -1] {
            assert_eq!(heartbeat(&mut client, version, &group, (&member, other)).await, 22);
        }
        assert_eq!(heartbeat(&mut client, version, "", (&member, 1)).await, 24);
    }
    for version in versions(ApiKey::LeaveGroup) {
        assert_eq!(leave(&mut client, version, &group, "nobody").await, 25);
        assert_eq!(leave(&mut client, version, "no-such-group", "nobody").await, 25);
        assert_eq!(leave(&mut client, version, "", "nobody").await, 24);
    }
    assert_eq!(heartbeat(&mut client, 4, &group, (&member, generation)).await, 0, "nothing happened to it");
}

#[tokio::test]
async fn session_timeouts_out_of_range_are_refused() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::JoinGroup) {
        for timeout in [-1, 0, 5_999, 1_800_001, i32::MAX] {
            let request =
                join_request(version, &unique("timeouts"), "", RANGE).with_session_timeout_ms(timeout);
            assert_eq!(client.call(version, request).await.error_code, 26, "{timeout} in version {version}");
        }
    }
}

#[tokio::test]
async fn traps_55_protocols_must_fit_those_of_the_group() {
    let (_broker, mut client) = start_groups().await;
    let group = unique("protocols");
    stable(&mut client, &group).await;
    for version in versions(ApiKey::JoinGroup) {
        let other: Protocols<'_> = &[("other", SUBSCRIPTION)];
        let answer = client.call(version, join_request(version, &group, "", other)).await;
        assert_eq!(answer.error_code, 23, "version {version}");
        let request = join_request(version, &group, "", RANGE).with_protocol_type(text("connect"));
        assert_eq!(client.call(version, request).await.error_code, 23);
        let fresh = unique("none");
        assert_eq!(client.call(version, join_request(version, &fresh, "", &[])).await.error_code, 23);
        let request = join_request(version, &fresh, "", RANGE).with_protocol_type(text(""));
        assert_eq!(client.call(version, request).await.error_code, 23);
    }
    let mut request = sync_request(5, &group, ("nobody", 1), &[]);
    request.member_id = text("nobody");
    assert_eq!(client.call(5, request).await.error_code, 25);
}

#[tokio::test]
async fn traps_55_the_protocol_that_most_prefer_wins() {
    let (broker, mut one) = start_groups().await;
    let group = unique("votes");
    let mut two = broker.client().await;
    let mut three = broker.client().await;
    let sticky_first: Protocols<'_> = &[("sticky", STICKY), ("range", SUBSCRIPTION)];
    let range_first: Protocols<'_> = &[("range", SUBSCRIPTION), ("other", SUBSCRIPTION), ("sticky", STICKY)];
    let first = join(&mut one, 9, &group, range_first).await;
    assert_eq!(first.protocol_name.as_deref(), Some("range"));
    // The others join; the first one joins again when it hears of the rebalance.
    let mut ids = Vec::new();
    for client in [&mut two, &mut three] {
        let given = client.call(9, join_request(9, &group, "", sticky_first)).await;
        assert_eq!(given.error_code, 79);
        client.send_raw(&encode(9, join_request(9, &group, &given.member_id, sticky_first))).await;
        ids.push(given.member_id);
    }
    // Both are known by now: a member that waits is in the group.
    let patience = Patience::new();
    while super::coordinator::described(&mut one, &group).await.members.len() < 3 {
        patience.wait();
    }
    let again = one.call(9, join_request(9, &group, &first.member_id, range_first)).await;
    assert_eq!((again.error_code, again.generation_id), (0, 2));
    assert_eq!(again.protocol_name.as_deref(), Some("sticky"), "two votes to one");
    assert_eq!(again.members.len(), 3);
    assert!(
        again.members.iter().all(|member| member.metadata[..] == *STICKY),
        "each with its metadata for it"
    );
    for client in [&mut two, &mut three] {
        let joined = client.receive_answer(9, JoinGroupRequest::default()).await;
        assert_eq!((joined.error_code, joined.generation_id, joined.members.len()), (0, 2, 0));
        assert_eq!(joined.leader, again.member_id);
    }
}

#[tokio::test]
async fn a_second_member_starts_a_rebalance_and_gets_its_part() {
    let (broker, mut one) = start_groups().await;
    let mut two = broker.client().await;
    for version in [0, 3, 4, 7, 9] {
        let group = unique("second");
        let first = join(&mut one, version, &group, RANGE).await;
        let leader = first.member_id.clone();
        sync(&mut one, version.min(5), &group, (&leader, 1), &[(&leader, b"all")]).await;
        let mut member = String::new();
        if version >= 4 {
            let given = two.call(version, join_request(version, &group, "", RANGE)).await;
            member = given.member_id.to_string();
        }
        two.send_raw(&encode(version, join_request(version, &group, &member, RANGE))).await;
        let patience = Patience::new();
        while heartbeat(&mut one, 0, &group, (&leader, 1)).await != 27 {
            patience.wait();
        }
        assert_eq!(
            sync(&mut one, 0, &group, (&leader, 1), &[]).await.error_code,
            27,
            "REBALANCE_IN_PROGRESS"
        );
        let again = one.call(version, join_request(version, &group, &leader, RANGE)).await;
        let second = two.receive_answer(version, JoinGroupRequest::default()).await;
        assert_eq!((again.generation_id, second.generation_id), (2, 2));
        assert_eq!((again.members.len(), second.members.len()), (2, 0), "only the leader is told of all");
        let other = second.member_id.to_string();
        // The follower waits until the leader has assigned.
        let with = version.min(5);
        two.send_raw(&encode(with, sync_request(with, &group, (&other, 2), &[]))).await;
        let assignments: [(&str, &'static [u8]); 2] = [(&leader, b"one"), (&other, b"two")];
        let mine = sync(&mut one, with, &group, (&leader, 2), &assignments).await;
        let theirs = two.receive_answer(with, SyncGroupRequest::default()).await;
        assert_eq!((&mine.assignment[..], &theirs.assignment[..]), (&b"one"[..], &b"two"[..]));
        // The leader goes; the other hears of it and takes over.
        assert_eq!(leave(&mut one, version.min(5), &group, &leader).await, 0);
        assert_eq!(heartbeat(&mut two, 0, &group, (&other, 2)).await, 27);
        let alone = two.call(version, join_request(version, &group, &other, RANGE)).await;
        assert_eq!((alone.generation_id, &alone.leader, alone.members.len()), (3, &alone.member_id, 1));
    }
}

#[tokio::test]
async fn traps_56_a_member_that_joins_again_with_other_metadata_starts_a_round() {
    let (_broker, mut client) = start_groups().await;
    for version in versions(ApiKey::JoinGroup) {
        let group = unique("cooperative");
        let first = join(&mut client, version, &group, RANGE).await;
        let member = first.member_id.to_string();
        sync(&mut client, 0, &group, (&member, 1), &[(&member, b"all")]).await;
        let owned: Protocols<'_> = &[("range", OWNED)];
        let again = client.call(version, join_request(version, &group, &member, owned)).await;
        assert_eq!((again.error_code, again.generation_id), (0, 2), "version {version}");
        assert_eq!(again.members[0].metadata[..], *OWNED);
    }
}

#[tokio::test]
async fn traps_53_the_first_members_of_a_group_join_one_generation() {
    let settings = [("group.initial.rebalance.delay.ms", "300")];
    let Some((broker, mut one)) = start_with(&settings).await else { return };
    ready(&mut one).await;
    let mut two = broker.client().await;
    let group = unique("delayed");
    one.send_raw(&encode(3, join_request(3, &group, "", RANGE))).await;
    two.send_raw(&encode(3, join_request(3, &group, "", RANGE))).await;
    let first = one.receive_answer(3, JoinGroupRequest::default()).await;
    let second = two.receive_answer(3, JoinGroupRequest::default()).await;
    assert_eq!((first.generation_id, second.generation_id), (1, 1));
    assert_eq!(first.members.len() + second.members.len(), 2);
}

#[tokio::test]
async fn a_member_that_says_nothing_is_put_out() {
    let settings = [("group.min.session.timeout.ms", "10")];
    let Some((_broker, mut client)) = start_with(&settings).await else { return };
    ready(&mut client).await;
    let group = unique("silent");
    let given = client.call(9, join_request(9, &group, "", RANGE)).await;
    let request = join_request(9, &group, &given.member_id, RANGE).with_session_timeout_ms(50);
    let joined = client.call(9, request).await;
    let member = joined.member_id.to_string();
    sync(&mut client, 5, &group, (&member, 1), &[(&member, b"all")]).await;
    let patience = Patience::new();
    while super::coordinator::described(&mut client, &group).await.group_state.as_str() != "Empty" {
        patience.wait();
    }
    assert_eq!(heartbeat(&mut client, 4, &group, (&member, 1)).await, 25);
}

#[tokio::test]
async fn a_group_has_room_for_so_many_members() {
    let Some((_broker, mut client)) = start_with(&[("group.max.size", "1")]).await else { return };
    ready(&mut client).await;
    let group = unique("full");
    stable(&mut client, &group).await;
    for version in versions(ApiKey::JoinGroup) {
        let answer = client.call(version, join_request(version, &group, "", RANGE)).await;
        assert_eq!(answer.error_code, 81, "GROUP_MAX_SIZE_REACHED in version {version}");
    }
}
