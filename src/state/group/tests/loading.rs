//! A coordinator that starts from the log, and one that stops.

use gracchus_base::group_record::{GroupMemberValue, GroupMetadataValue, GroupRecord};
use gracchus_base::{ErrorCode, Timestamp};

use super::rig::*;
use crate::group::*;

#[test]
fn members_go_on_after_a_restart_with_new_sessions() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    rig.commit(committing_as(&ids[0], generation, 9));
    rig.advance(9_999);
    rig.restart();
    rig.advance(9_999);
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::None);
    assert_eq!(rig.ask_sync(syncing(&ids[1], generation)).assignment, ids[1].as_bytes());
    assert_eq!((rig.committed(0), rig.state()), (9, "Stable"));
    rig.advance(1);
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::RebalanceInProgress, "b was silent");
}

#[test]
fn a_generation_that_was_not_stored_is_not_known_after_a_restart() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    let token = rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.join_reply(token).generation, generation + 1);
    rig.restart();
    assert_eq!(rig.ask_sync(syncing(&ids[0], generation + 1)).error, ErrorCode::IllegalGeneration);
    assert_eq!(rig.ask_join(rejoining(&ids[0])).generation, generation + 1);
}

#[test]
fn a_loaded_member_that_speaks_more_than_the_chosen_protocol_starts_a_round() {
    let mut rig = Rig::new();
    let both =
        JoinGroup { protocols: vec![speaking("range", &["t"]), speaking("sticky", &["t"])], ..joining("a") };
    let (ids, generation) = rig.stable_of(vec![both.clone()]);
    rig.restart();
    let reply = rig.ask_join(JoinGroup { member_id: ids[0].clone(), ..both });
    assert_eq!((reply.error, reply.generation), (ErrorCode::None, generation + 1));
}

#[test]
fn a_record_that_contradicts_itself_does_no_harm() {
    let member = |id: &str| GroupMemberValue {
        member_id: id.to_owned(),
        group_instance_id: None,
        client_id: String::new(),
        client_host: String::new(),
        rebalance_timeout_ms: -1,
        session_timeout_ms: 1_000,
        subscription: vec![0xff; 3],
        assignment: Vec::new(),
    };
    let value = GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        generation: i32::MAX,
        protocol: None,
        leader: Some("nobody".to_owned()),
        current_state_timestamp: Timestamp::NONE,
        members: vec![member("m"), member("m"), member("n")],
    };
    let mut rig = Rig::new();
    rig.log.push(GroupRecord::Group { group: group(), value: Some(value) });
    rig.restart();
    assert_eq!(rig.coordinator.usage().members, 2);
    rig.advance(1_000);
    rig.advance(1_000);
    assert_eq!(rig.state(), "Empty");
}

#[test]
fn the_end_answers_everything_that_waits() {
    let mut rig = Rig::new();
    let tokens = [rig.send(Request::Join(joining("a"))), rig.send(Request::Join(joining("b")))];
    rig.advance(0);
    let [leader, follower] = tokens.map(|token| rig.join_reply(token).member_id);
    rig.hold = true;
    let other = |n: &str| JoinGroup { group: gracchus_base::GroupId::new(n), ..joining("x") };
    let waiting = [
        rig.send(Request::Sync(syncing(&follower, 1))),
        rig.send(Request::Sync(syncing(&leader, 1))),
        rig.send(Request::Join(other("h"))),
        rig.send(Request::CommitOffsets(CommitOffsets {
            group: gracchus_base::GroupId::new("k"),
            ..committing(0, 1)
        })),
        rig.send(Request::FetchOffsets(FetchOffsets { group: group(), topics: None })),
    ];
    assert!(rig.replies.is_empty());
    let coordinator = std::mem::replace(&mut rig.coordinator, Coordinator::new(GroupConfig::default()));
    rig.held.clear();
    let effects = coordinator.unload();
    assert!(effects.appends.is_empty());
    rig.perform(effects);
    for token in waiting {
        let error = match rig.reply(token) {
            Some(Reply::Join(reply)) => reply.error,
            Some(Reply::Sync(reply)) => reply.error,
            Some(Reply::CommitOffsets(topics)) => topics[0].partitions[0].1,
            Some(Reply::FetchOffsets(reply)) => reply.unwrap_err(),
            other => panic!("{other:?}"),
        };
        assert_eq!(error, ErrorCode::NotCoordinator);
    }
}
