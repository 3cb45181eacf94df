//! Rebalances: the initial delay, the two phases, what ends them, and which protocol is chosen.

use gracchus_base::ErrorCode;
use gracchus_base::group_record::GroupRecord;

use super::dynamic_members::changed;
use super::rig::*;
use crate::group::*;

#[test]
fn traps_53_the_first_join_waits_three_seconds_and_longer_while_others_come() {
    let mut rig = Rig::with(|_| {});
    let first = rig.send(Request::Join(joining("a")));
    rig.advance(2_999);
    let second = rig.send(Request::Join(joining("b")));
    rig.advance(3_000);
    assert_eq!((rig.reply(first), rig.state()), (None, "PreparingRebalance"), "prolonged once");
    rig.advance(1);
    assert_eq!(rig.join_reply(first).members.len(), 2);
    assert_eq!(rig.join_reply(second).members.len(), 0, "only the leader sees the members");
}

#[test]
fn traps_53_the_delay_ends_with_the_rebalance_timeout() {
    let mut rig = Rig::with(|_| {});
    let joins = |n: i32| JoinGroup { rebalance_timeout_ms: 7_000, ..joining(&format!("c{n}")) };
    let first = rig.send(Request::Join(joins(0)));
    for n in 1..8 {
        rig.advance(900);
        rig.send(Request::Join(joins(n)));
    }
    // 3 s, again 3 s, then the second that is left, although somebody came in each of them.
    rig.advance(6_999 - 7 * 900);
    assert_eq!(rig.reply(first), None);
    rig.advance(1);
    assert_eq!(rig.join_reply(first).members.len(), 8);
}

#[test]
fn traps_53_one_member_alone_waits_for_one_delay_only() {
    let mut rig = Rig::with(|_| {});
    let first = rig.send(Request::Join(joining("a")));
    rig.advance(3_000);
    assert_eq!(rig.join_reply(first).generation, 1);
}

#[test]
fn everybody_gets_an_assignment_from_the_leader() {
    let mut rig = Rig::new();
    let tokens = [rig.send(Request::Join(joining("a"))), rig.send(Request::Join(joining("b")))];
    rig.advance(0);
    let [leader, follower] = tokens.map(|token| rig.join_reply(token));
    assert_eq!(leader.leader, leader.member_id);
    let early = rig.send(Request::Sync(syncing(&follower.member_id, 1)));
    assert_eq!(rig.reply(early), None, "before the leader has assigned");
    rig.hold = true;
    let assignments = vec![(follower.member_id.clone(), vec![2]), ("stranger".to_owned(), vec![9])];
    let token = rig.send(Request::Sync(SyncGroup { assignments, ..syncing(&leader.member_id, 1) }));
    assert_eq!((rig.state(), rig.reply(early)), ("CompletingRebalance", None), "not before it is stored");
    assert_eq!(rig.heartbeat(&follower.member_id, 1), ErrorCode::None);
    rig.settle(Ok(()));
    assert_eq!(rig.state(), "Stable");
    assert_eq!(rig.sync_reply(early).assignment, [2]);
    assert_eq!(rig.sync_reply(token).assignment, [0u8; 0], "the leader forgot itself");
    assert_eq!(rig.ask_sync(syncing(&follower.member_id, 1)).assignment, [2], "asked again");
    let Some(GroupRecord::Group { value: Some(value), .. }) = rig.log.last() else { panic!() };
    assert_eq!((value.generation, value.protocol.as_deref(), value.members.len()), (1, Some("range"), 2));
}

#[test]
fn an_assignment_that_cannot_be_stored_sends_everybody_back_to_join() {
    let mut rig = Rig::new();
    let tokens = [rig.send(Request::Join(joining("a"))), rig.send(Request::Join(joining("b")))];
    rig.advance(0);
    let [leader, follower] = tokens.map(|token| rig.join_reply(token).member_id);
    rig.hold = true;
    let waits = rig.send(Request::Sync(syncing(&follower, 1)));
    let leads = rig.send(Request::Sync(syncing(&leader, 1)));
    rig.settle(Err(ErrorCode::NotEnoughReplicas));
    assert_eq!(rig.sync_reply(waits).error, ErrorCode::CoordinatorNotAvailable);
    assert_eq!(rig.sync_reply(leads).error, ErrorCode::CoordinatorNotAvailable);
    assert_eq!(rig.state(), "PreparingRebalance");
    rig.send(Request::Join(rejoining(&leader)));
    let again = rig.send(Request::Join(rejoining(&follower)));
    assert_eq!(rig.join_reply(again).generation, 2);
}

#[test]
fn an_assignment_that_is_overtaken_by_a_new_round_counts_for_nothing() {
    for result in [Ok(()), Err(ErrorCode::NotEnoughReplicas)] {
        let mut rig = Rig::new();
        let token = rig.send(Request::Join(joining("a")));
        rig.advance(0);
        let leader = rig.join_reply(token).member_id;
        rig.hold = true;
        let sync = rig.send(Request::Sync(syncing(&leader, 1)));
        rig.send(Request::Join(joining("b")));
        assert_eq!(rig.sync_reply(sync).error, ErrorCode::RebalanceInProgress);
        rig.settle(result);
        assert_eq!(rig.state(), "PreparingRebalance");
        assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::RebalanceInProgress);
    }
}

#[test]
fn a_leader_that_asks_twice_assigns_once() {
    let mut rig = Rig::new();
    let token = rig.send(Request::Join(joining("a")));
    rig.advance(0);
    let leader = rig.join_reply(token).member_id;
    rig.hold = true;
    let sync = |n| SyncGroup { assignments: vec![(leader.clone(), vec![n])], ..syncing(&leader, 1) };
    let first = rig.send(Request::Sync(sync(1)));
    let second = rig.send(Request::Sync(sync(2)));
    assert_eq!(rig.held.len(), 1);
    assert_eq!(rig.sync_reply(first).error, ErrorCode::RebalanceInProgress);
    rig.settle(Ok(()));
    assert_eq!(rig.sync_reply(second).assignment, [1]);
}

#[test]
fn members_that_do_not_come_back_in_time_are_out() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable_of(vec![
        JoinGroup { rebalance_timeout_ms: 20_000, ..joining("a") },
        JoinGroup { rebalance_timeout_ms: 5_000, ..joining("b") },
    ]);
    let new = rig.send(Request::Join(JoinGroup { rebalance_timeout_ms: 1_000, ..joining("c") }));
    for _ in 0..19 {
        rig.advance(1_000);
        for id in &ids {
            assert_eq!(rig.heartbeat(id, generation), ErrorCode::RebalanceInProgress);
        }
    }
    rig.advance(1_000);
    let joined = rig.join_reply(new);
    assert_eq!((joined.members.len(), &joined.leader), (1, &joined.member_id), "the longest timeout counts");
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::UnknownMemberId);
}

#[test]
fn members_that_never_ask_for_their_assignment_are_out() {
    let mut rig = Rig::new();
    let joins = ["a", "b"].map(|c| JoinGroup { rebalance_timeout_ms: 5_000, ..joining(c) });
    let tokens = joins.map(|join| rig.send(Request::Join(join)));
    rig.advance(0);
    let [leader, follower] = tokens.map(|token| rig.join_reply(token).member_id);
    let sync = rig.send(Request::Sync(syncing(&leader, 1)));
    assert!(rig.reply(sync).is_some());
    rig.advance(4_999);
    assert_eq!(rig.state(), "Stable");
    rig.advance(1);
    assert_eq!(rig.state(), "PreparingRebalance");
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::UnknownMemberId);
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_leader_that_never_assigns_is_replaced() {
    let mut rig = Rig::new();
    let joins = ["a", "b"].map(|c| JoinGroup { rebalance_timeout_ms: 5_000, ..joining(c) });
    let tokens = joins.map(|join| rig.send(Request::Join(join)));
    rig.advance(0);
    let [_, follower] = tokens.map(|token| rig.join_reply(token).member_id);
    let waits = rig.send(Request::Sync(syncing(&follower, 1)));
    rig.advance(5_000);
    assert_eq!(rig.sync_reply(waits).error, ErrorCode::RebalanceInProgress);
    assert_eq!(rig.ask_join(rejoining(&follower)).leader, follower);
}

#[test]
fn traps_56_changed_metadata_starts_a_new_round_in_every_state() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    let rejoin = |id: &str| JoinGroup { protocols: changed(), ..rejoining(id) };
    let follower = rig.send(Request::Join(rejoin(&ids[1])));
    assert_eq!(rig.state(), "PreparingRebalance");
    rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.join_reply(follower).generation, generation + 1);
    assert_eq!(rig.state(), "CompletingRebalance");
    let again =
        rig.send(Request::Join(JoinGroup { protocols: vec![speaking("range", &[])], ..rejoining(&ids[1]) }));
    assert_eq!(rig.state(), "PreparingRebalance", "two rounds one after the other are normal");
    rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.join_reply(again).generation, generation + 2);
}

#[test]
fn unchanged_followers_are_told_the_generation_and_leaders_start_a_round() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    let reply = rig.ask_join(rejoining(&ids[1]));
    assert_eq!((reply.generation, reply.members.len(), rig.state()), (generation, 0, "Stable"));
    let leader = rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.state(), "PreparingRebalance");
    rig.send(Request::Join(rejoining(&ids[1])));
    assert_eq!(rig.join_reply(leader).generation, generation + 1);
    let lost = rig.ask_join(rejoining(&ids[0]));
    assert_eq!((lost.generation, lost.members.len()), (generation + 1, 2), "it did not get the first answer");
}

#[test]
fn traps_55_the_protocol_that_most_prefer_among_those_all_speak_wins() {
    let speaks = |client: &str, names: &[&str]| JoinGroup {
        protocols: names.iter().map(|name| speaking(name, &["t"])).collect(),
        ..joining(client)
    };
    let chosen = |members: &[&[&str]]| {
        let mut rig = Rig::new();
        let tokens: Vec<_> =
            members.iter().map(|names| rig.send(Request::Join(speaks("c", names)))).collect();
        rig.advance(0);
        rig.join_reply(tokens[0]).protocol_name.unwrap()
    };
    assert_eq!(chosen(&[&["range", "sticky"], &["sticky", "range"], &["sticky", "range"]]), "sticky");
    assert_eq!(chosen(&[&["x", "range"], &["range", "y"], &["range"]]), "range");
    // A tie goes the way of Java's HashMap: asked of a JVM, [sticky, range, roundrobin, cooperative-sticky].
    assert_eq!(chosen(&[&["range", "sticky"], &["sticky", "range"]]), "sticky");
    assert_eq!(chosen(&[&["cooperative-sticky", "range"], &["range", "cooperative-sticky"]]), "range");
}

#[test]
fn traps_55_members_that_cannot_work_together_are_refused() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    let other = JoinGroup { protocols: vec![speaking("other", &["t"])], ..joining("b") };
    assert_eq!(rig.ask_join(other).error, ErrorCode::InconsistentGroupProtocol);
    let connect = JoinGroup { protocol_type: "connect".to_owned(), ..joining("b") };
    assert_eq!(rig.ask_join(connect).error, ErrorCode::InconsistentGroupProtocol);
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::None, "the group is not disturbed");
    let sync = |kind: Option<&str>, name: Option<&str>| SyncGroup {
        protocol_type: kind.map(str::to_owned),
        protocol_name: name.map(str::to_owned),
        ..syncing(&ids[0], generation)
    };
    for (kind, name, error) in [
        (Some("consumer"), Some("range"), ErrorCode::None),
        (Some("connect"), Some("range"), ErrorCode::InconsistentGroupProtocol),
        (Some("consumer"), Some("sticky"), ErrorCode::InconsistentGroupProtocol),
        (None, None, ErrorCode::None),
    ] {
        assert_eq!(rig.ask_sync(sync(kind, name)).error, error);
    }
}

#[test]
fn generations_only_grow_through_all_of_it() {
    let mut rig = Rig::new();
    let (_, first) = rig.stable(&["a", "b"]);
    rig.advance(10_000);
    rig.advance(60_000);
    assert_eq!(rig.state(), "Empty");
    let (_, second) = rig.stable(&["c"]);
    assert_eq!((first, second), (1, 3), "to be empty is a generation of its own");
}

#[test]
fn the_group_that_could_not_be_stored_is_not_kept_and_its_first_member_is_told() {
    let mut rig = Rig::with(|_| {});
    rig.hold = true;
    let token = rig.send(Request::Join(joining("a")));
    assert_eq!(rig.coordinator.list(&[], &[]), [], "not before it is stored");
    rig.settle(Err(ErrorCode::KafkaStorageError));
    assert_eq!(rig.join_reply(token).error, ErrorCode::NotCoordinator);
    rig.hold = false;
    rig.advance(3_000);
    assert_eq!(rig.coordinator.usage().members, 0);
}

#[test]
fn members_that_wait_for_the_others_need_no_heartbeat() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    let waits = rig.send(Request::Join(rejoining(&ids[0])));
    for _ in 0..7 {
        rig.advance(8_000);
        assert_eq!(rig.heartbeat(&ids[1], generation), ErrorCode::RebalanceInProgress);
    }
    rig.send(Request::Join(rejoining(&ids[1])));
    assert_eq!(rig.join_reply(waits).generation, generation + 1);
    rig.advance(9_999);
    assert_eq!(rig.heartbeat(&ids[0], generation + 1), ErrorCode::None, "the session starts with the answer");
}
