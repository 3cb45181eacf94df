//! Dynamic members: how they come, stay and go.

use gracchus_base::{ErrorCode, GroupId};

use super::rig::*;
use crate::group::*;

#[test]
fn traps_52_a_dynamic_member_is_given_its_id_first() {
    let mut rig = Rig::new();
    let reply = rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("app") });
    assert_eq!(reply.error, ErrorCode::MemberIdRequired);
    assert_eq!(reply.member_id, "app-uuid1");
    let token = rig.send(Request::Join(JoinGroup {
        member_id: reply.member_id,
        requires_known_member_id: true,
        ..joining("app")
    }));
    rig.advance(0);
    let joined = rig.join_reply(token);
    assert_eq!((joined.error, joined.generation), (ErrorCode::None, 1));
    assert_eq!((joined.leader.as_str(), joined.member_id.as_str()), ("app-uuid1", "app-uuid1"));
    assert_eq!(joined.members.len(), 1);
}

#[test]
fn traps_52_static_members_and_old_versions_need_no_second_join() {
    for join in [
        JoinGroup { requires_known_member_id: true, ..static_joining("i") },
        JoinGroup { requires_known_member_id: false, ..joining("c") },
    ] {
        let mut rig = Rig::new();
        let token = rig.send(Request::Join(join));
        rig.advance(0);
        assert_eq!(rig.join_reply(token).generation, 1);
    }
}

#[test]
fn an_id_that_was_given_out_is_forgotten_after_the_session_timeout() {
    let mut rig = Rig::new();
    let id = rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("app") }).member_id;
    rig.advance(10_000);
    assert_eq!(rig.ask_join(rejoining(&id)).error, ErrorCode::UnknownMemberId);
}

#[test]
fn a_rebalance_waits_for_an_id_that_was_given_out() {
    let mut rig = Rig::new();
    let (ids, _) = rig.stable(&["a"]);
    let id = rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("b") }).member_id;
    let leader = rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.reply(leader), None, "b is about to join");
    rig.send(Request::Join(rejoining(&id)));
    assert_eq!(rig.join_reply(leader).members.len(), 2);
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut rig = Rig::new();
    let refused = |rig: &mut Rig, join| rig.ask_join(join).error;
    let no_group = JoinGroup { group: GroupId::new(""), ..joining("c") };
    assert_eq!(refused(&mut rig, no_group), ErrorCode::InvalidGroupId);
    for session_timeout_ms in [5_999, 1_800_001, -1, i32::MIN] {
        let join = JoinGroup { session_timeout_ms, ..joining("c") };
        assert_eq!(refused(&mut rig, join), ErrorCode::InvalidSessionTimeout, "{session_timeout_ms}");
    }
    assert_eq!(refused(&mut rig, rejoining("who")), ErrorCode::UnknownMemberId);
    assert_eq!(rig.coordinator.usage().groups, 0);
    let none = JoinGroup { protocols: Vec::new(), ..joining("c") };
    assert_eq!(refused(&mut rig, none), ErrorCode::InconsistentGroupProtocol);
    let untyped = JoinGroup { protocol_type: String::new(), ..joining("c") };
    assert_eq!(refused(&mut rig, untyped), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(rig.ask_sync(syncing("who", 1)).error, ErrorCode::UnknownMemberId);
    assert_eq!(rig.heartbeat("who", 1), ErrorCode::UnknownMemberId);
    assert_eq!(rig.leave("who", None), ErrorCode::UnknownMemberId);
}

#[test]
fn a_wrong_generation_is_fenced_everywhere() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    for wrong in [generation - 1, generation + 1] {
        assert_eq!(rig.heartbeat(&ids[0], wrong), ErrorCode::IllegalGeneration);
        assert_eq!(rig.ask_sync(syncing(&ids[0], wrong)).error, ErrorCode::IllegalGeneration);
        assert_eq!(rig.commit(committing_as(&ids[0], wrong, 1)), ErrorCode::IllegalGeneration);
    }
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::None);
}

#[test]
fn a_silent_member_is_removed_and_the_others_are_told_to_join_again() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    rig.advance(9_000);
    assert_eq!(rig.heartbeat(&ids[1], generation), ErrorCode::None);
    rig.advance(1_000);
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::UnknownMemberId);
    assert_eq!(rig.heartbeat(&ids[1], generation), ErrorCode::RebalanceInProgress);
    let joined = rig.ask_join(rejoining(&ids[1]));
    assert_eq!((joined.generation, joined.leader.as_str()), (generation + 1, ids[1].as_str()));
    assert!(rig.events.contains(&Event::MemberExpired { group: group(), member_id: ids[0].clone() }));
}

#[test]
fn commits_keep_the_session_alive() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    for _ in 0..5 {
        rig.advance(9_999);
        assert_eq!(rig.commit(committing_as(&ids[0], generation, 1)), ErrorCode::None);
    }
    rig.advance(10_000);
    assert_eq!(rig.state(), "Empty");
}

#[test]
fn the_last_member_that_leaves_empties_the_group_and_the_answer_waits_for_the_log() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    rig.hold = true;
    let member =
        LeaveMember { member_id: ids[0].clone(), group_instance_id: None, reason: Some("done".into()) };
    let token = rig.send(Request::Leave(LeaveGroup { group: group(), members: vec![member] }));
    assert_eq!(rig.reply(token), None);
    rig.settle(Ok(()));
    assert!(matches!(rig.reply(token), Some(Reply::Leave(LeaveReply { error: ErrorCode::None, .. }))));
    assert_eq!(rig.state(), "Empty");
    rig.restart();
    assert_eq!(rig.state(), "Empty");
    let token = rig.send(Request::Join(joining("b")));
    rig.advance(0);
    assert_eq!(rig.join_reply(token).generation, generation + 2);
}

#[test]
fn a_batch_of_leaving_members_is_answered_one_by_one() {
    let mut rig = Rig::new();
    let (ids, _) = rig.stable(&["a", "b", "c"]);
    let pending = rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("d") }).member_id;
    let leaving = |id: &str| LeaveMember { member_id: id.to_owned(), group_instance_id: None, reason: None };
    let members = vec![leaving(&ids[0]), leaving("who"), leaving(&ids[1]), leaving(&pending), leaving("")];
    let Reply::Leave(reply) = rig.ask(Request::Leave(LeaveGroup { group: group(), members })) else {
        panic!()
    };
    let errors: Vec<_> = reply.members.iter().map(|member| member.error).collect();
    use ErrorCode::{None as Ok, UnknownMemberId};
    assert_eq!(errors, [Ok, UnknownMemberId, Ok, Ok, UnknownMemberId]);
    assert_eq!(rig.state(), "PreparingRebalance");
    assert_eq!(rig.ask_join(rejoining(&ids[2])).members.len(), 1, "nobody else is left to wait for");
}

#[test]
fn a_member_that_leaves_while_it_waits_is_answered() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    let waits = rig.send(Request::Join(JoinGroup { protocols: changed(), ..rejoining(&ids[1]) }));
    assert_eq!(rig.leave(&ids[1], None), ErrorCode::None);
    assert_eq!(rig.join_reply(waits).error, ErrorCode::UnknownMemberId);
    assert_eq!(rig.ask_join(rejoining(&ids[0])).generation, generation + 1);
}

#[test]
fn a_first_join_that_is_not_answered_for_five_minutes_is_given_up() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable_of(vec![JoinGroup { rebalance_timeout_ms: 600_000, ..joining("a") }]);
    let waits = rig.send(Request::Join(joining("b")));
    for _ in 0..299 {
        rig.advance(1_000);
        assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::RebalanceInProgress);
    }
    assert_eq!(rig.reply(waits), None);
    rig.advance(1_000);
    assert_eq!(rig.join_reply(waits).error, ErrorCode::UnknownMemberId);
}

#[test]
fn a_second_join_of_a_member_ends_the_first() {
    let mut rig = Rig::new();
    let (ids, _) = rig.stable(&["a", "b"]);
    let first = rig.send(Request::Join(rejoining(&ids[0])));
    let second = rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.join_reply(first).error, ErrorCode::RebalanceInProgress);
    rig.send(Request::Join(rejoining(&ids[1])));
    assert_eq!(rig.join_reply(second).error, ErrorCode::None);
}

/// Metadata that differs from what the members of the tests joined with.
pub(super) fn changed() -> Vec<Protocol> {
    vec![speaking("range", &["t", "u"])]
}

#[test]
fn members_are_let_into_a_rebalance_that_all_others_have_left() {
    let mut rig = Rig::new();
    let (ids, _) = rig.stable(&["a"]);
    rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("b") });
    assert_eq!(rig.leave(&ids[0], None), ErrorCode::None);
    let asked = rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("c") });
    assert_eq!(asked.error, ErrorCode::MemberIdRequired, "nobody speaks another protocol");
}

#[test]
fn a_group_that_is_about_to_be_empty_lets_members_in() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    rig.hold = true;
    let member = LeaveMember { member_id: ids[0].clone(), group_instance_id: None, reason: None };
    rig.send(Request::Leave(LeaveGroup { group: group(), members: vec![member] }));
    let token = rig.send(Request::Join(joining("b")));
    rig.settle(Ok(()));
    rig.advance(60_000);
    let joined = rig.join_reply(token);
    assert_eq!((joined.error, joined.members.len()), (ErrorCode::None, 1));
    assert!(joined.generation > generation);
}
