//! What is taken away: groups, offsets, and what has expired.

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{ErrorCode, GroupId, Monotonic, PartitionIndex, Timestamp, TopicId};

use super::rig::*;
use crate::group::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn delete(rig: &mut Rig) -> ErrorCode {
    match rig.ask(Request::DeleteGroups(vec![group()])) {
        Reply::DeleteGroups(results) => results[0].1,
        other => panic!("{other:?}"),
    }
}

fn delete_offsets(rig: &mut Rig, topic: &str) -> DeleteOffsetsReply {
    let topics = vec![(topic.to_owned(), vec![PartitionIndex(0), PartitionIndex(7)])];
    match rig.ask(Request::DeleteOffsets(DeleteOffsets { group: group(), topics })) {
        Reply::DeleteOffsets(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn expire(rig: &mut Rig) -> usize {
    let (now, wall) = rig.times();
    let effects = rig.coordinator.expire_offsets(now, wall);
    let records = effects.appends.iter().map(|append| append.records.len()).sum();
    rig.perform(effects);
    records
}

fn is_tombstone(record: &GroupRecord) -> bool {
    matches!(record, GroupRecord::Offset { value: None, .. } | GroupRecord::Group { value: None, .. })
}

#[test]
fn an_empty_group_is_deleted_with_its_offsets() {
    let mut rig = Rig::new();
    assert_eq!(delete(&mut rig), ErrorCode::GroupIdNotFound);
    rig.commit(committing(0, 1));
    rig.commit(committing(1, 2));
    assert_eq!(delete(&mut rig), ErrorCode::None);
    assert!(rig.log[2..].iter().all(is_tombstone));
    assert_eq!(rig.log.len(), 5);
    assert_eq!(rig.coordinator.usage(), Usage::default());
    rig.restart();
    assert_eq!(rig.coordinator.usage(), Usage::default());
}

#[test]
fn a_group_with_members_is_not_deleted() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    assert_eq!(delete(&mut rig), ErrorCode::NonEmptyGroup);
    rig.send(Request::Join(joining("b")));
    assert_eq!(delete(&mut rig), ErrorCode::NonEmptyGroup);
    assert_eq!(rig.heartbeat(&ids[0], generation), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_deletion_takes_commits_that_are_still_in_flight_with_it() {
    let mut rig = Rig::new();
    rig.hold = true;
    rig.send(Request::CommitOffsets(committing(0, 1)));
    rig.send(Request::DeleteGroups(vec![group()]));
    rig.settle(Ok(()));
    assert_eq!((rig.committed(0), rig.state()), (-1, "Dead"));
    rig.restart();
    assert_eq!(rig.committed(0), -1);
}

#[test]
fn a_commit_after_a_deletion_in_flight_makes_the_group_anew() {
    for deleted in [Ok(()), Err(ErrorCode::NotEnoughReplicas)] {
        let mut rig = Rig::new();
        rig.commit(committing(0, 1));
        rig.hold = true;
        rig.send(Request::DeleteGroups(vec![group()]));
        rig.send(Request::CommitOffsets(committing(1, 2)));
        rig.settle_one(deleted);
        rig.settle_one(Ok(()));
        let kept = if deleted.is_ok() { -1 } else { 1 };
        assert_eq!((rig.committed(0), rig.committed(1)), (kept, 2));
        rig.restart();
        assert_eq!((rig.committed(0), rig.committed(1)), (kept, 2));
    }
}

#[test]
fn while_a_deletion_is_in_flight_the_group_counts_as_gone_but_is_still_seen() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 1));
    rig.hold = true;
    rig.send(Request::DeleteGroups(vec![group()]));
    assert_eq!(delete(&mut rig), ErrorCode::GroupIdNotFound);
    assert_eq!(rig.commit(committing_as("m", 1, 5)), ErrorCode::GroupIdNotFound);
    assert_eq!((rig.committed(0), rig.state()), (1, "Empty"));
    rig.settle(Err(ErrorCode::NotEnoughReplicas));
    assert_eq!((rig.committed(0), rig.state()), (1, "Empty"));
    rig.hold = false;
    assert_eq!(delete(&mut rig), ErrorCode::None, "it can be tried again");
}

#[test]
fn a_member_that_joins_while_a_deletion_is_in_flight_keeps_its_new_group() {
    let mut rig = Rig::new();
    let (ids, _) = rig.stable(&["a"]);
    rig.leave(&ids[0], None);
    rig.hold = true;
    rig.send(Request::DeleteGroups(vec![group()]));
    let token = rig.send(Request::Join(joining("b")));
    rig.settle(Ok(()));
    rig.advance(0);
    let joined = rig.join_reply(token);
    assert_eq!((joined.error, joined.generation), (ErrorCode::None, 1), "a new group starts over");
    assert_eq!(rig.coordinator.list(&[], &[]).len(), 1);
}

#[test]
fn offsets_are_deleted_of_topics_that_the_group_does_not_read() {
    let mut rig = Rig::new();
    assert_eq!(delete_offsets(&mut rig, "t").error, ErrorCode::GroupIdNotFound);
    rig.commit(committing(0, 1));
    let errors =
        |reply: &DeleteOffsetsReply| reply.topics[0].partitions.iter().map(|p| p.1).collect::<Vec<_>>();
    let (ids, _) = rig.stable(&["a"]);
    assert_eq!(errors(&delete_offsets(&mut rig, "t")), [ErrorCode::GroupSubscribedToTopic; 2]);
    assert_eq!(errors(&delete_offsets(&mut rig, "other")), [ErrorCode::None; 2]);
    assert_eq!(rig.committed(0), 1);
    rig.leave(&ids[0], None);
    assert_eq!(errors(&delete_offsets(&mut rig, "t")), [ErrorCode::None; 2]);
    assert_eq!(rig.committed(0), -1);
    assert_eq!(rig.log.iter().filter(|record| is_tombstone(record)).count(), 1, "only of what was there");
}

#[test]
fn offsets_of_other_protocols_are_deleted_only_when_nobody_is_there() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 1));
    rig.stable_of(vec![JoinGroup { protocol_type: "connect".to_owned(), ..joining("a") }]);
    assert_eq!(delete_offsets(&mut rig, "t").error, ErrorCode::NonEmptyGroup);
}

#[test]
fn metadata_that_cannot_be_read_counts_as_reading_everything() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 1));
    let protocols = vec![Protocol { name: "range".to_owned(), metadata: vec![1, 2, 3] }];
    rig.stable_of(vec![JoinGroup { protocols, ..joining("a") }]);
    let reply = delete_offsets(&mut rig, "any");
    assert_eq!(reply.topics[0].partitions[0].1, ErrorCode::GroupSubscribedToTopic);
    rig.wall_offset += 8 * DAY_MS;
    assert_eq!(expire(&mut rig), 0);
}

#[test]
fn offsets_of_standalone_consumers_expire_a_week_after_the_commit() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 1));
    rig.wall_offset += DAY_MS;
    rig.commit(committing(1, 1));
    rig.wall_offset += 6 * DAY_MS - 1;
    assert_eq!(expire(&mut rig), 0);
    rig.wall_offset += 1;
    assert_eq!(expire(&mut rig), 1);
    assert_eq!((rig.committed(0), rig.committed(1)), (-1, 1));
    rig.wall_offset += DAY_MS;
    assert_eq!(expire(&mut rig), 2, "with the last offset the group goes");
    assert_eq!(rig.coordinator.usage(), Usage::default());
}

#[test]
fn offsets_of_an_active_group_never_expire_and_those_of_an_empty_one_from_when_it_emptied() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    rig.commit(committing_as(&ids[0], generation, 1));
    rig.wall_offset += 30 * DAY_MS;
    assert_eq!(expire(&mut rig), 0, "stable, and it reads the topic");
    let waits = rig.send(Request::Join(joining("b")));
    assert_eq!((expire(&mut rig), rig.reply(waits)), (0, None));
    rig.advance(400_000);
    assert_eq!(rig.state(), "Empty");
    rig.restart();
    rig.wall_offset += 6 * DAY_MS;
    assert_eq!(expire(&mut rig), 0);
    rig.wall_offset += DAY_MS;
    assert_eq!(expire(&mut rig), 2);
    assert_eq!(rig.coordinator.usage(), Usage::default());
}

#[test]
fn topics_that_an_active_group_no_longer_reads_expire() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a"]);
    let mut commit = committing_as(&ids[0], generation, 1);
    commit.topics[0].name = "old".to_owned();
    rig.commit(commit);
    rig.commit(committing_as(&ids[0], generation, 1));
    rig.wall_offset += 7 * DAY_MS;
    assert_eq!(expire(&mut rig), 1);
    assert_eq!((committed_in(&rig.coordinator, "old", 0), rig.committed(0)), (-1, 1));
    assert_eq!(rig.state(), "Stable");
}

#[test]
fn a_retention_time_of_the_client_counts_instead() {
    let mut rig = Rig::new();
    rig.commit(CommitOffsets { retention_time_ms: Some(1_000), ..committing(0, 1) });
    rig.wall_offset += 999;
    assert_eq!(expire(&mut rig), 0);
    rig.wall_offset += 1;
    assert_eq!(expire(&mut rig), 2);
}

#[test]
fn nothing_expires_while_a_commit_is_in_flight() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 1));
    rig.wall_offset += 8 * DAY_MS;
    rig.hold = true;
    rig.send(Request::CommitOffsets(committing(1, 2)));
    assert_eq!(expire(&mut rig), 0);
    rig.settle(Ok(()));
    rig.hold = false;
    assert_eq!(expire(&mut rig), 1);
    assert_eq!(rig.committed(1), 2);
}

#[test]
fn tombstones_come_in_batches_of_bounded_size_and_the_group_goes_with_the_last() {
    let mut rig = Rig::with(|config| config.tombstones_per_append_max = 2);
    (0..4).for_each(|partition| assert_eq!(rig.commit(committing(partition, 1)), ErrorCode::None));
    let wall = Timestamp(rig.times().1.get() + 7 * DAY_MS);
    let effects = rig.coordinator.expire_offsets(Monotonic(0), wall);
    let sizes: Vec<_> = effects.appends.iter().map(|append| append.records.len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
    rig.hold = true;
    rig.perform(effects);
    rig.settle_one(Ok(()));
    rig.settle_one(Err(ErrorCode::NotEnoughReplicas));
    rig.settle_one(Ok(()));
    let left: Vec<_> = (0..4).map(|partition| rig.committed(partition)).collect();
    assert_eq!(left, [-1, -1, 1, 1], "offsets that are still in the log are still there");
    rig.restart();
    assert_eq!(rig.committed(3), 1);
}

#[test]
fn a_deleted_topic_takes_its_offsets_along_but_not_those_of_its_successor() {
    let mut rig = Rig::new();
    let (old, new) = (TopicId([1; 16]), TopicId([2; 16]));
    let of = |partition, topic_id| {
        let mut commit = committing(partition, 5);
        commit.topics[0].topic_id = topic_id;
        commit
    };
    rig.commit(of(0, old));
    rig.commit(of(1, new));
    rig.commit(of(2, TopicId::ZERO));
    rig.hold = true;
    rig.send(Request::CommitOffsets(of(3, old)));
    let (now, wall) = rig.times();
    let effects = rig.coordinator.topics_deleted(&[("t".to_owned(), old), ("x".to_owned(), new)], now, wall);
    rig.perform(effects);
    rig.settle(Ok(()));
    let left: Vec<_> = (0..4).map(|partition| rig.committed(partition)).collect();
    assert_eq!(left, [-1, 5, -1, -1]);
}

#[test]
fn a_failed_deletion_says_so_for_each_group() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 1));
    rig.hold = true;
    let token = rig.send(Request::DeleteGroups(vec![group(), GroupId::new("other")]));
    rig.settle(Err(ErrorCode::KafkaStorageError));
    let Some(Reply::DeleteGroups(results)) = rig.reply(token) else { panic!() };
    let errors: Vec<_> = results.iter().map(|(_, error)| *error).collect();
    assert_eq!(errors, [ErrorCode::NotCoordinator; 2]);
}
