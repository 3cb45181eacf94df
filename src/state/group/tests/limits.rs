//! Limits: members of a group, groups, and bytes.

use gracchus_base::{ErrorCode, GroupId};

use super::rig::*;
use crate::group::*;

#[test]
fn a_full_group_takes_no_new_members() {
    let mut rig = Rig::with(|config| {
        config.group_initial_rebalance_delay_ms = 0;
        config.group_max_size = 2;
    });
    let (ids, generation) = rig.stable(&["a", "b"]);
    let refused = rig.ask_join(joining("c"));
    assert_eq!((refused.error, refused.member_id.as_str()), (ErrorCode::GroupMaxSizeReached, ""));
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::None);
    let again = rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.reply(again), None, "members are always let in");
}

#[test]
fn a_group_that_is_too_large_after_a_restart_loses_the_last_to_come_back() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b", "c"]);
    let log = std::mem::take(&mut rig.log);
    let mut rig = Rig::with(|config| config.group_max_size = 2);
    rig.log = log;
    rig.restart();
    assert_eq!(rig.state(), "PreparingRebalance");
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::RebalanceInProgress);
    let [first, second] = [&ids[0], &ids[1]].map(|id| rig.send(Request::Join(rejoining(id))));
    assert_eq!(rig.ask_join(rejoining(&ids[2])).error, ErrorCode::GroupMaxSizeReached);
    rig.advance(60_000);
    assert_eq!(rig.join_reply(first).members.len(), 2);
    assert_eq!(rig.join_reply(second).generation, generation + 1);
}

#[test]
fn more_groups_than_allowed_are_refused_and_a_deleted_one_makes_room() {
    let mut rig = Rig::with(|config| config.groups_max = 1);
    assert_eq!(rig.commit(committing(0, 1)), ErrorCode::None);
    let other = || CommitOffsets { group: GroupId::new("h"), ..committing(0, 1) };
    assert_eq!(rig.commit(other()), ErrorCode::PolicyViolation);
    let join = JoinGroup { group: GroupId::new("h"), ..joining("a") };
    assert_eq!(rig.ask_join(join).error, ErrorCode::PolicyViolation);
    let refused = Event::NoRoom { group: GroupId::new("h"), too_many_groups: true };
    assert_eq!(rig.events.iter().filter(|event| **event == refused).count(), 2);
    assert_eq!(rig.commit(committing(1, 1)), ErrorCode::None);
    rig.ask(Request::DeleteGroups(vec![group()]));
    assert_eq!(rig.commit(other()), ErrorCode::None);
}

#[test]
fn bytes_are_counted_and_bounded() {
    let mut rig = Rig::with(|config| config.bytes_max = 10_000);
    let mut committed = 0;
    while rig.commit(committing(committed, 1)).is_ok() {
        committed += 1;
        assert!(committed < 200, "refused at last");
    }
    let usage = rig.coordinator.usage();
    assert_eq!(usage.offsets, usize::try_from(committed).unwrap());
    assert!((9_500..=10_000).contains(&usage.bytes), "{usage:?}");
    assert_eq!(rig.commit(committing(committed, 1)), ErrorCode::PolicyViolation);
    assert_eq!(rig.commit(committing(0, 2)), ErrorCode::None, "what is there may be replaced");
    assert_eq!(rig.ask_join(joining("a")).error, ErrorCode::PolicyViolation);
}

#[test]
fn what_other_coordinators_hold_leaves_less_for_new_state_and_nothing_is_taken_back() {
    let mut rig = Rig::new();
    assert_eq!(rig.commit(committing(0, 1)), ErrorCode::None);
    let held = rig.coordinator.held();
    assert_eq!((held.groups, held.bytes), (1, rig.coordinator.usage().bytes));
    rig.coordinator.limit(Held { groups: 1, bytes: held.bytes });
    assert_eq!(rig.commit(committing(1, 1)), ErrorCode::PolicyViolation);
    assert_eq!(rig.events.last(), Some(&Event::NoRoom { group: group(), too_many_groups: false }));
    assert_eq!(rig.commit(committing(0, 2)), ErrorCode::None);
    rig.coordinator.limit(Held { groups: 1, bytes: held.bytes * 2 });
    assert_eq!(rig.commit(committing(1, 1)), ErrorCode::None);
}

#[test]
fn a_group_that_works_goes_on_when_the_limit_is_reached() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    let log = std::mem::take(&mut rig.log);
    let mut rig = Rig::with(|config| config.bytes_max = 0);
    rig.log = log;
    rig.restart();
    let token = rig.send(Request::Join(rejoining(&ids[0])));
    rig.send(Request::Join(rejoining(&ids[1])));
    assert_eq!(rig.join_reply(token).generation, generation + 1);
    assert_eq!(rig.ask_join(joining("c")).error, ErrorCode::PolicyViolation);
}

#[test]
fn what_is_counted_goes_down_to_nothing_again() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    rig.commit(committing_as(&ids[0], generation, 1));
    rig.ask_join(JoinGroup { requires_known_member_id: true, ..joining("c") });
    let usage = rig.coordinator.usage();
    assert_eq!((usage.groups, usage.members, usage.offsets), (1, 2, 1));
    rig.advance(600_000);
    rig.ask(Request::DeleteGroups(vec![group()]));
    assert_eq!(rig.coordinator.usage(), Usage::default());
}
