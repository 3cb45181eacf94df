//! Static members (KIP-345, KIP-814): they come back under their instance id.

use gracchus_base::ErrorCode;
use gracchus_base::group_record::GroupRecord;

use super::dynamic_members::changed;
use super::rig::*;
use crate::group::*;

/// Static members `i0` (which leads) and `i1` in a stable group.
fn stable_pair(rig: &mut Rig) -> (Vec<String>, i32) {
    rig.stable_of(vec![static_joining("i0"), static_joining("i1")])
}

#[test]
fn traps_54_a_restarted_follower_gets_a_new_id_and_no_rebalance_happens() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    let reply = rig.ask_join(static_joining("i1"));
    assert_eq!((reply.error, reply.generation, reply.skip_assignment), (ErrorCode::None, generation, false));
    assert_ne!(reply.member_id, ids[1]);
    assert_eq!((reply.leader.as_str(), rig.state()), (ids[0].as_str(), "Stable"));
    assert_eq!(rig.ask_sync(syncing(&reply.member_id, generation)).assignment, ids[1].as_bytes());
    assert_eq!(rig.heartbeat_as(&ids[1], Some("i1"), generation), ErrorCode::FencedInstanceId);
    let fenced = JoinGroup { group_instance_id: Some("i1".to_owned()), ..rejoining(&ids[1]) };
    assert_eq!(rig.ask_join(fenced).error, ErrorCode::FencedInstanceId);
    assert_eq!(rig.leave(&ids[1], Some("i1")), ErrorCode::FencedInstanceId);
    assert_eq!(rig.heartbeat(&ids[1], generation), ErrorCode::UnknownMemberId);
}

#[test]
fn traps_54_a_restarted_leader_skips_the_assignment_or_does_not_know_that_it_leads() {
    for supports in [true, false] {
        let mut rig = Rig::new();
        let (ids, generation) = stable_pair(&mut rig);
        let join = JoinGroup { supports_skipping_assignment: supports, ..static_joining("i0") };
        let reply = rig.ask_join(join);
        assert_eq!((reply.generation, reply.skip_assignment), (generation, supports));
        if supports {
            assert_eq!((&reply.leader, reply.members.len()), (&reply.member_id, 2));
        } else {
            assert_eq!(
                (&reply.leader, reply.members.len()),
                (&ids[0], 0),
                "its old id, so that it assigns nothing"
            );
        }
        assert_eq!(rig.ask_sync(syncing(&reply.member_id, generation)).assignment, ids[0].as_bytes());
    }
}

#[test]
fn traps_54_the_new_id_is_stored_before_it_is_told() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    rig.hold = true;
    let token = rig.send(Request::Join(static_joining("i0")));
    assert_eq!(rig.reply(token), None);
    assert_eq!(
        rig.heartbeat_as(&ids[0], Some("i0"), generation),
        ErrorCode::None,
        "the old id is still good"
    );
    rig.settle(Ok(()));
    let new = rig.join_reply(token).member_id;
    let Some(GroupRecord::Group { value: Some(value), .. }) = rig.log.last() else { panic!() };
    assert_eq!((value.leader.as_deref(), value.generation), (Some(new.as_str()), generation));
    assert!(value.members.iter().any(|m| m.member_id == new && m.assignment == ids[0].as_bytes()));
    rig.restart();
    assert_eq!(rig.heartbeat_as(&new, Some("i0"), generation), ErrorCode::None);
}

#[test]
fn traps_54_a_new_id_that_cannot_be_stored_changes_nothing() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    rig.hold = true;
    let token = rig.send(Request::Join(static_joining("i1")));
    rig.settle(Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!(rig.join_reply(token).error, ErrorCode::NotCoordinator);
    assert_eq!(rig.heartbeat_as(&ids[1], Some("i1"), generation), ErrorCode::None);
}

#[test]
fn traps_54_of_two_restarts_in_flight_the_later_one_has_the_instance() {
    let mut rig = Rig::new();
    let (_, generation) = stable_pair(&mut rig);
    rig.hold = true;
    let tokens =
        [rig.send(Request::Join(static_joining("i1"))), rig.send(Request::Join(static_joining("i1")))];
    rig.settle(Ok(()));
    let [first, second] = tokens.map(|token| rig.join_reply(token).member_id);
    assert_eq!(rig.heartbeat_as(&first, Some("i1"), generation), ErrorCode::FencedInstanceId);
    assert_eq!(rig.heartbeat_as(&second, Some("i1"), generation), ErrorCode::None);
    rig.restart();
    assert_eq!(rig.heartbeat_as(&second, Some("i1"), generation), ErrorCode::None);
}

#[test]
fn traps_54_a_restart_that_meets_a_rebalance_joins_it() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    rig.hold = true;
    let restart = rig.send(Request::Join(static_joining("i1")));
    let dynamic = rig.send(Request::Join(joining("d")));
    rig.settle(Ok(()));
    assert_eq!((rig.state(), rig.reply(restart)), ("PreparingRebalance", None));
    let leader = JoinGroup { group_instance_id: Some("i0".to_owned()), ..rejoining(&ids[0]) };
    let leader = rig.send(Request::Join(leader));
    assert_eq!(rig.join_reply(leader).members.len(), 3);
    assert_eq!(rig.join_reply(restart).generation, generation + 1);
    assert_eq!(rig.join_reply(dynamic).generation, generation + 1);
}

#[test]
fn traps_54_a_restart_that_changes_the_protocol_starts_a_round() {
    let mut rig = Rig::new();
    let both = |instance| JoinGroup {
        protocols: vec![speaking("sticky", &["t"]), speaking("range", &["t"])],
        ..static_joining(instance)
    };
    rig.stable_of(vec![both("i0"), both("i1")]);
    let only = JoinGroup { protocols: vec![speaking("range", &["t"])], ..static_joining("i1") };
    let token = rig.send(Request::Join(only));
    assert_eq!((rig.reply(token), rig.state()), (None, "PreparingRebalance"));
}

#[test]
fn traps_54_a_restart_fences_what_waits_under_the_old_id() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    rig.send(Request::Join(joining("d")));
    let rejoin = |id: &str| JoinGroup { group_instance_id: Some("i1".to_owned()), ..rejoining(id) };
    let old = rig.send(Request::Join(rejoin(&ids[1])));
    let new = rig.send(Request::Join(static_joining("i1")));
    assert_eq!(rig.join_reply(old).error, ErrorCode::FencedInstanceId);
    let leader = JoinGroup { group_instance_id: Some("i0".to_owned()), ..rejoining(&ids[0]) };
    rig.send(Request::Join(leader));
    let joined = rig.join_reply(new);
    assert_eq!(joined.generation, generation + 1);
    let waits = rig.send(Request::Sync(syncing(&joined.member_id, generation + 1)));
    rig.send(Request::Join(static_joining("i1")));
    assert_eq!(rig.sync_reply(waits).error, ErrorCode::FencedInstanceId);
    assert_eq!(rig.state(), "PreparingRebalance", "the leader was told the old id");
}

#[test]
fn static_members_survive_a_round_they_missed_until_their_session_ends() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable_of(
        ["i0", "i1"].map(|i| JoinGroup { rebalance_timeout_ms: 4_000, ..static_joining(i) }).into(),
    );
    let new = rig.send(Request::Join(JoinGroup { rebalance_timeout_ms: 4_000, ..joining("d") }));
    rig.advance(4_000);
    let joined = rig.join_reply(new);
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.members.len(), 3, "they are still members");
    rig.advance(2_000);
    assert_eq!(rig.heartbeat_as(&ids[0], Some("i0"), generation), ErrorCode::IllegalGeneration);
    rig.advance(10_000);
    assert_eq!(rig.heartbeat_as(&ids[0], Some("i0"), generation), ErrorCode::UnknownMemberId);
}

#[test]
fn a_round_that_nobody_comes_to_waits_for_the_sessions() {
    let mut rig = Rig::new();
    rig.stable_of(["i0", "i1"].map(|i| JoinGroup { rebalance_timeout_ms: 0, ..static_joining(i) }).into());
    assert_eq!(rig.leave("", Some("i1")), ErrorCode::None);
    assert_eq!(rig.state(), "PreparingRebalance");
    rig.advance(9_000);
    assert_eq!(rig.state(), "PreparingRebalance");
    rig.advance(1_000);
    assert_eq!(rig.state(), "Empty");
}

#[test]
fn an_administrator_removes_a_static_member_by_its_instance() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    assert_eq!(rig.leave("", Some("who")), ErrorCode::UnknownMemberId);
    assert_eq!(rig.leave("", Some("i1")), ErrorCode::None);
    assert_eq!(rig.heartbeat_as(&ids[1], Some("i1"), generation), ErrorCode::UnknownMemberId);
    assert_eq!(rig.heartbeat_as(&ids[0], Some("i0"), generation), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_static_member_that_names_its_id_is_treated_like_any_other() {
    let mut rig = Rig::new();
    let (ids, generation) = stable_pair(&mut rig);
    let rejoin = JoinGroup { group_instance_id: Some("i1".to_owned()), ..rejoining(&ids[1]) };
    assert_eq!(rig.ask_join(rejoin.clone()).generation, generation);
    rig.send(Request::Join(JoinGroup { protocols: changed(), ..rejoin }));
    assert_eq!(rig.state(), "PreparingRebalance");
}

#[test]
fn traps_54_a_restart_keeps_the_session_alive_while_it_is_stored() {
    let mut rig = Rig::new();
    let (_, generation) = stable_pair(&mut rig);
    rig.advance(9_999);
    rig.hold = true;
    let token = rig.send(Request::Join(static_joining("i1")));
    rig.advance(5_000);
    rig.settle(Ok(()));
    let new = rig.join_reply(token);
    assert_eq!(new.error, ErrorCode::None, "i0 expired meanwhile, i1 did not");
    assert_eq!(new.generation, generation + 1);
}

#[test]
fn traps_54_a_restart_before_the_first_sync_must_sync_under_the_new_id() {
    for syncs in [true, false] {
        let mut rig = Rig::new();
        let join = |instance| JoinGroup { rebalance_timeout_ms: 5_000, ..static_joining(instance) };
        let tokens = ["i0", "i1"].map(|instance| rig.send(Request::Join(join(instance))));
        rig.advance(0);
        let [leader, _] = tokens.map(|token| rig.join_reply(token).member_id);
        rig.send(Request::Sync(syncing(&leader, 1)));
        let new = rig.ask_join(join("i1")).member_id;
        assert_eq!(rig.state(), "Stable");
        if syncs {
            assert_eq!(rig.ask_sync(syncing(&new, 1)).error, ErrorCode::None);
        }
        rig.advance(5_000);
        assert_eq!(rig.state(), if syncs { "Stable" } else { "PreparingRebalance" });
    }
}
