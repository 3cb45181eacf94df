//! Offsets: who may commit, what is read when, and what is in flight.

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId};

use super::rig::*;
use crate::group::*;

#[test]
fn a_standalone_consumer_commits_without_a_group() {
    let mut rig = Rig::new();
    assert_eq!(rig.commit(committing(0, 42)), ErrorCode::None);
    assert_eq!(rig.committed(0), 42);
    assert_eq!(rig.state(), "Empty");
    let listed = rig.coordinator.list(&[], &[]);
    assert_eq!((listed[0].protocol_type.as_str(), listed[0].state), ("", "Empty"));
}

#[test]
fn a_commit_is_visible_only_when_its_append_has_settled() {
    let mut rig = Rig::new();
    rig.hold = true;
    let token = rig.send(Request::CommitOffsets(committing(0, 42)));
    assert_eq!((rig.reply(token), rig.committed(0)), (None, -1));
    assert_eq!(rig.coordinator.list(&[], &[]), []);
    rig.settle(Ok(()));
    assert!(rig.reply(token).is_some());
    assert_eq!(rig.committed(0), 42);
}

#[test]
fn a_commit_that_fails_leaves_nothing_behind() {
    let mut rig = Rig::new();
    rig.hold = true;
    let token = rig.send(Request::CommitOffsets(committing(0, 42)));
    rig.settle(Err(ErrorCode::KafkaStorageError));
    let Some(Reply::CommitOffsets(topics)) = rig.reply(token) else { panic!() };
    assert_eq!(topics[0].partitions, [(PartitionIndex(0), ErrorCode::NotCoordinator)]);
    assert_eq!(rig.committed(0), -1);
    assert_eq!(rig.coordinator.usage(), Usage::default());
}

#[test]
fn two_commits_in_flight_settle_each_for_itself() {
    for (first, second, left) in [
        (Ok(()), Ok(()), 2),
        (Err(ErrorCode::NotEnoughReplicas), Ok(()), 2),
        (Ok(()), Err(ErrorCode::NotEnoughReplicas), 1),
    ] {
        let mut rig = Rig::new();
        rig.hold = true;
        rig.send(Request::CommitOffsets(committing(0, 1)));
        rig.send(Request::CommitOffsets(committing(0, 2)));
        rig.settle_one(first);
        rig.settle_one(second);
        assert_eq!(rig.committed(0), left);
        rig.restart();
        assert_eq!(rig.committed(0), left);
    }
}

#[test]
fn failed_appends_have_the_names_that_consumers_understand() {
    for (append, answer) in [
        (ErrorCode::NotEnoughReplicas, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::UnknownTopicOrPartition, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::RequestTimedOut, ErrorCode::CoordinatorNotAvailable),
        (ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator),
        (ErrorCode::KafkaStorageError, ErrorCode::NotCoordinator),
        (ErrorCode::MessageTooLarge, ErrorCode::UnknownServerError),
        (ErrorCode::RecordListTooLarge, ErrorCode::UnknownServerError),
        (ErrorCode::InvalidRequiredAcks, ErrorCode::InvalidRequiredAcks),
    ] {
        let mut rig = Rig::new();
        rig.hold = true;
        let token = rig.send(Request::CommitOffsets(committing(0, 1)));
        rig.settle(Err(append));
        let Some(Reply::CommitOffsets(topics)) = rig.reply(token) else { panic!() };
        assert_eq!(topics[0].partitions[0].1, answer);
    }
}

#[test]
fn who_may_commit_depends_on_the_state_of_the_group() {
    let mut rig = Rig::new();
    let unknown = |knows| CommitOffsets { knows_group_id_not_found: knows, ..committing_as("who", 3, 1) };
    assert_eq!(rig.commit(unknown(true)), ErrorCode::GroupIdNotFound);
    assert_eq!(rig.commit(unknown(false)), ErrorCode::IllegalGeneration);

    let (ids, generation) = rig.stable(&["a"]);
    assert_eq!(rig.commit(committing(0, 1)), ErrorCode::UnknownMemberId, "the group has members");
    assert_eq!(rig.commit(committing_as("who", generation, 1)), ErrorCode::UnknownMemberId);
    assert_eq!(rig.commit(committing_as(&ids[0], -1, 1)), ErrorCode::IllegalGeneration);
    assert_eq!(rig.commit(committing_as(&ids[0], generation, 1)), ErrorCode::None);

    let other = rig.send(Request::Join(joining("b")));
    assert_eq!(rig.state(), "PreparingRebalance");
    assert_eq!(rig.commit(committing_as(&ids[0], generation, 2)), ErrorCode::None, "it may finish its work");
    rig.send(Request::Join(rejoining(&ids[0])));
    assert_eq!(rig.join_reply(other).generation, generation + 1);
    assert_eq!(rig.commit(committing_as(&ids[0], generation + 1, 3)), ErrorCode::RebalanceInProgress);
    assert_eq!(rig.committed(0), 2);
}

#[test]
fn only_the_commits_of_members_that_commit_seldom_may_wait_for_others() {
    let mut rig = Rig::new();
    let (ids, generation) = rig.stable(&["a", "b"]);
    rig.hold = true;
    let may_wait = |rig: &mut Rig, commit| {
        rig.send(Request::CommitOffsets(commit));
        let may_wait = rig.held.back().map(|append| append.may_wait);
        rig.settle(Ok(()));
        may_wait
    };
    for (passed_ms, member, waits) in
        [(0, 0, true), (0, 1, true), (49, 0, false), (49, 0, false), (50, 0, true)]
    {
        rig.advance(passed_ms);
        let commit = committing_as(&ids[member], generation, 1);
        assert_eq!(may_wait(&mut rig, commit), Some(waits), "{passed_ms} ms, member {member}");
    }
    let mut alone = Rig::new();
    alone.hold = true;
    assert_eq!(may_wait(&mut alone, committing(0, 1)), Some(false), "nobody knows how often it commits");
    alone.hold = true;
    alone.send(Request::Join(joining("c")));
    assert!(alone.held.iter().all(|append| !append.may_wait), "a rebalance has many steps");
}

#[test]
fn metadata_that_is_too_long_fails_its_own_partition() {
    let mut rig = Rig::with(|config| config.offset_metadata_max_bytes = 4);
    let mut commit = committing(0, 7);
    let partition = |index, metadata: Option<&str>| CommitPartition {
        partition: PartitionIndex(index),
        metadata: metadata.map(str::to_owned),
        ..commit.topics[0].partitions[0].clone()
    };
    let partitions = vec![partition(0, Some("12345")), partition(1, Some("äöüß")), partition(2, None)];
    commit.topics[0].partitions = partitions;
    let Reply::CommitOffsets(topics) = rig.ask(Request::CommitOffsets(commit)) else { panic!() };
    let errors: Vec<_> = topics[0].partitions.iter().map(|(_, error)| *error).collect();
    assert_eq!(errors, [ErrorCode::OffsetMetadataTooLarge, ErrorCode::None, ErrorCode::None]);
    assert_eq!((rig.committed(0), rig.committed(1), rig.committed(2)), (-1, 7, 7));
}

#[test]
fn a_commit_of_nothing_is_answered_and_writes_nothing() {
    let mut rig = Rig::new();
    let reply = rig.ask(Request::CommitOffsets(CommitOffsets { topics: Vec::new(), ..committing(0, 0) }));
    assert_eq!(reply, Reply::CommitOffsets(Vec::new()));
    assert!(rig.log.is_empty());
    assert_eq!(rig.coordinator.usage(), Usage::default());
}

#[test]
fn the_record_keeps_all_that_the_client_gave() {
    let mut rig = Rig::new();
    let mut commit = committing(5, 42);
    commit.retention_time_ms = Some(1_000);
    commit.topics[0].topic_id = TopicId([7; 16]);
    rig.commit(commit);
    let [GroupRecord::Offset { group: id, topic, partition, value: Some(value) }] = &rig.log[..] else {
        panic!()
    };
    assert_eq!((id, topic.as_str(), *partition), (&group(), "t", PartitionIndex(5)));
    assert_eq!((value.offset, value.leader_epoch), (Offset(42), LeaderEpoch(3)));
    assert_eq!((value.metadata.as_str(), value.topic_id), ("note", TopicId([7; 16])));
    let (_, wall) = rig.times();
    assert_eq!(value.commit_timestamp, wall);
    assert_eq!(value.expire_timestamp, Some(Timestamp(wall.get() + 1_000)));
}

#[test]
fn traps_59_what_was_never_committed_is_minus_one_without_error() {
    let mut rig = Rig::new();
    rig.commit(committing(0, 42));
    let ask = |rig: &Rig, topic_id, group: &str| {
        let topics = vec![FetchTopic {
            name: "t".to_owned(),
            topic_id,
            partitions: vec![PartitionIndex(0), PartitionIndex(9)],
        }];
        let group = gracchus_base::GroupId::new(group);
        let fetched = rig.coordinator.fetch_offsets(&FetchOffsets { group, topics: Some(topics) });
        fetched[0]
            .partitions
            .iter()
            .map(|p| (p.offset.get(), p.leader_epoch.get(), p.error))
            .collect::<Vec<_>>()
    };
    let (none, there) = ((-1, -1, ErrorCode::None), (42, 3, ErrorCode::None));
    assert_eq!(ask(&rig, TopicId::ZERO, "g"), [there, none]);
    assert_eq!(ask(&rig, TopicId::ZERO, "other"), [none, none]);
    assert_eq!(ask(&rig, TopicId([1; 16]), "g"), [there, none], "the commit named no id: any matches");
}

#[test]
fn offsets_of_a_topic_that_was_made_again_are_not_handed_out() {
    let mut rig = Rig::new();
    let mut commit = committing(0, 42);
    commit.topics[0].topic_id = TopicId([1; 16]);
    rig.commit(commit);
    let fetch = |rig: &Rig, topic_id| {
        let topics = vec![FetchTopic { name: "t".to_owned(), topic_id, partitions: vec![PartitionIndex(0)] }];
        let fetched = rig.coordinator.fetch_offsets(&FetchOffsets { group: group(), topics: Some(topics) });
        fetched[0].partitions[0].offset.get()
    };
    assert_eq!(fetch(&rig, TopicId([1; 16])), 42);
    assert_eq!(fetch(&rig, TopicId::ZERO), 42);
    assert_eq!(fetch(&rig, TopicId([2; 16])), -1);
}

#[test]
fn all_offsets_are_listed_by_topic() {
    let mut rig = Rig::new();
    rig.commit(committing(1, 11));
    rig.commit(committing(0, 10));
    let all = rig.coordinator.fetch_offsets(&FetchOffsets { group: group(), topics: None });
    assert_eq!(all.len(), 1);
    let offsets: Vec<_> = all[0].partitions.iter().map(|p| (p.partition.get(), p.offset.get())).collect();
    assert_eq!(offsets, [(0, 10), (1, 11)]);
}

#[test]
fn a_stable_fetch_waits_for_what_is_in_flight() {
    let mut rig = Rig::new();
    let fetch = || Request::FetchOffsets(FetchOffsets { group: group(), topics: None });
    assert_eq!(rig.ask(fetch()), Reply::FetchOffsets(Ok(Vec::new())));
    rig.hold = true;
    rig.send(Request::CommitOffsets(committing(0, 1)));
    let token = rig.send(fetch());
    rig.send(Request::CommitOffsets(committing(0, 2)));
    assert_eq!(rig.reply(token), None);
    rig.settle_one(Ok(()));
    let Some(Reply::FetchOffsets(Ok(topics))) = rig.reply(token) else { panic!() };
    assert_eq!(topics[0].partitions[0].offset, Offset(1));
}
