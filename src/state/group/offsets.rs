//! OffsetCommit, OffsetFetch and OffsetDelete.

use std::collections::BTreeMap;

use gracchus_base::group_record::{GroupRecord, OffsetCommitValue};
use gracchus_base::{ErrorCode, GroupId, LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId};

use super::classic::{CONSUMER, Group};
use super::effects::Token;
use super::groups::Groups;
use super::in_flight::{After, Change, Queue};
use super::offset_map::offset_bytes;
use super::reply::{DeleteOffsetsReply, FetchedOffset, FetchedTopic, Reply, TopicResult};
use super::request::{CommitOffsets, CommitPartition, CommitTopic, DeleteOffsets, FetchOffsets, FetchTopic};
use super::state::GroupState;
use super::step::Step;

/// Handles an OffsetCommit. A group that does not exist is made for a consumer without generation.
pub(super) fn commit(groups: &mut Groups, step: &mut Step, token: Token, commit: &CommitOffsets) {
    let id = &commit.group;
    let mut topics: Vec<_> = commit.topics.iter().map(|topic| check_metadata(step, topic)).collect();
    if let Err(error) = may_commit(groups, step, commit) {
        let partitions = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|(_, slot)| *slot = error);
        return step.reply(token, Reply::CommitOffsets(topics));
    }
    if groups.existing(id).is_none() {
        groups.create(id, step);
    }
    let expire = commit.retention_time_ms.map(|ms| Timestamp(step.wall.get().saturating_add(ms)));
    let mut records = Vec::new();
    for (topic, result) in commit.topics.iter().zip(&topics) {
        for (partition, (_, error)) in topic.partitions.iter().zip(&result.partitions) {
            if error.is_ok() {
                records.push(offset_record(id, topic, partition, step.wall, expire));
            }
        }
    }
    let reply = Reply::CommitOffsets(topics);
    if records.is_empty() {
        step.reply(token, reply);
    } else {
        step.append(records, vec![After::Reply { token, reply }]);
        let member = groups.existing(id).and_then(|group| group.members.get_mut(&commit.member_id));
        if member.is_some_and(|member| member.commits_seldom(step.now)) {
            step.let_wait();
        }
    }
    groups.settle(id, step);
}

/// Metadata that is too long fails its own partition only.
fn check_metadata(step: &Step, topic: &CommitTopic) -> TopicResult {
    let max = usize::try_from(step.config.offset_metadata_max_bytes).unwrap_or(0);
    let check = |partition: &CommitPartition| {
        let units = partition.metadata.as_ref().map_or(0, |text| text.encode_utf16().count());
        let error = if units > max { ErrorCode::OffsetMetadataTooLarge } else { ErrorCode::None };
        (partition.partition, error)
    };
    let partitions = topic.partitions.iter().map(check).collect();
    TopicResult { name: topic.name.clone(), topic_id: topic.topic_id, partitions }
}

fn may_commit(groups: &mut Groups, step: &mut Step, commit: &CommitOffsets) -> Result<(), ErrorCode> {
    let created = match groups.existing(&commit.group) {
        Some(group) => {
            group.check_commit(step, commit)?;
            false
        }
        None if commit.generation >= 0 && commit.knows_group_id_not_found => {
            return Err(ErrorCode::GroupIdNotFound);
        }
        None if commit.generation >= 0 => return Err(ErrorCode::IllegalGeneration),
        None => true,
    };
    let added = added_bytes(groups.stored(&commit.group), commit);
    groups.check_room(step, &commit.group, created, added)
}

/// What a commit would add to the state: offsets that are there already are only replaced.
fn added_bytes(group: Option<&Group>, commit: &CommitOffsets) -> usize {
    let is_new =
        |topic: &str, p: PartitionIndex| group.is_none_or(|group| group.offsets.get(topic, p).is_none());
    let partitions = commit.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (&t.name, p)));
    partitions
        .filter(|(topic, p)| is_new(topic, p.partition))
        .map(|(topic, p)| offset_bytes(topic, p.metadata.as_deref().unwrap_or_default()))
        .sum()
}

fn offset_record(
    group: &GroupId,
    topic: &CommitTopic,
    partition: &CommitPartition,
    commit_timestamp: Timestamp,
    expire_timestamp: Option<Timestamp>,
) -> GroupRecord {
    let value = OffsetCommitValue {
        offset: partition.offset,
        leader_epoch: partition.leader_epoch,
        metadata: partition.metadata.clone().unwrap_or_default(),
        commit_timestamp,
        expire_timestamp,
        topic_id: topic.topic_id,
    };
    let (group, topic) = (group.clone(), topic.name.clone());
    GroupRecord::Offset { group, topic, partition: partition.partition, value: Some(value) }
}

/// Handles an OffsetFetch with `require_stable`: it waits for all that is in flight.
pub(super) fn fetch_stable(groups: &Groups, step: &mut Step, token: Token, fetch: FetchOffsets) {
    let newest = step.queue.newest();
    match newest.and_then(|newest| step.queue.followers(newest)) {
        Some(followers) => followers.push(After::Fetch { token, fetch }),
        None => step.reply(token, Reply::FetchOffsets(Ok(fetch_offsets(groups, &fetch)))),
    }
}

/// Reads committed offsets; what is not there is -1 (TRAPS 59).
pub(super) fn fetch_offsets(groups: &Groups, fetch: &FetchOffsets) -> Vec<FetchedTopic> {
    let group = groups.stored(&fetch.group);
    match &fetch.topics {
        Some(topics) => topics.iter().map(|topic| fetch_topic(group, topic)).collect(),
        None => group.map(all_offsets).unwrap_or_default(),
    }
}

fn fetch_topic(group: Option<&Group>, topic: &FetchTopic) -> FetchedTopic {
    let fetch = |partition: &PartitionIndex| {
        let value = group.and_then(|group| group.offsets.get(&topic.name, *partition));
        fetched(*partition, value.filter(|value| !is_of_other_topic(value.topic_id, topic.topic_id)))
    };
    let partitions = topic.partitions.iter().map(fetch).collect();
    FetchedTopic { name: topic.name.clone(), topic_id: topic.topic_id, partitions }
}

fn all_offsets(group: &Group) -> Vec<FetchedTopic> {
    let topic = |(name, partitions): (&String, &BTreeMap<PartitionIndex, OffsetCommitValue>)| FetchedTopic {
        name: name.clone(),
        topic_id: TopicId::ZERO,
        partitions: partitions.iter().map(|(partition, value)| fetched(*partition, Some(value))).collect(),
    };
    group.offsets.topics().map(topic).collect()
}

fn fetched(partition: PartitionIndex, value: Option<&OffsetCommitValue>) -> FetchedOffset {
    FetchedOffset {
        partition,
        offset: value.map_or(Offset(-1), |v| v.offset),
        leader_epoch: value.map_or(LeaderEpoch::NONE, |v| v.leader_epoch),
        metadata: value.map(|v| v.metadata.clone()).unwrap_or_default(),
        error: ErrorCode::None,
    }
}

/// The topic was deleted and made again under the same name; unknown ids match.
fn is_of_other_topic(stored: TopicId, asked: TopicId) -> bool {
    !stored.is_zero() && !asked.is_zero() && stored != asked
}

/// Handles an OffsetDelete.
pub(super) fn delete(groups: &mut Groups, step: &mut Step, token: Token, delete: &DeleteOffsets) {
    let id = &delete.group;
    let error = match groups.existing(id) {
        _ if id.as_str().is_empty() => ErrorCode::InvalidGroupId,
        None => ErrorCode::GroupIdNotFound,
        Some(group)
            if group.state != GroupState::Empty && group.protocol_type.as_deref() != Some(CONSUMER) =>
        {
            ErrorCode::NonEmptyGroup
        }
        Some(_) => ErrorCode::None,
    };
    let Some(group) = groups.existing(id).filter(|_| error.is_ok()) else {
        return step.reply(token, Reply::DeleteOffsets(DeleteOffsetsReply { error, topics: Vec::new() }));
    };
    let offsets = offsets_to_be(group, step.queue);
    let mut records = Vec::new();
    let mut topics = Vec::new();
    for (name, partitions) in &delete.topics {
        let subscribed = group.is_subscribed(name);
        let error = if subscribed { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
        if !subscribed {
            let there = partitions.iter().filter(|p| offsets.contains_key(&(name.clone(), **p)));
            records.extend(there.map(|partition| tombstone(id, name, *partition)));
        }
        let partitions = partitions.iter().map(|partition| (*partition, error)).collect();
        topics.push(TopicResult { name: name.clone(), topic_id: TopicId::ZERO, partitions });
    }
    let reply = Reply::DeleteOffsets(DeleteOffsetsReply { error, topics });
    if records.is_empty() {
        step.reply(token, reply);
    } else {
        step.append(records, vec![After::Reply { token, reply }]);
    }
}

/// The offsets a group will have if everything in flight succeeds, or may have if some of it fails: what a deletion
/// must cover. A tombstone too many does no harm.
pub(super) fn offsets_to_be(group: &Group, queue: &Queue) -> BTreeMap<(String, PartitionIndex), TopicId> {
    let mut keys: BTreeMap<_, _> =
        group.offsets.iter().map(|(topic, p, value)| ((topic.clone(), p), value.topic_id)).collect();
    if queue.touches(&group.id) {
        for (_, change) in queue.changes().filter(|(id, _)| *id == group.id) {
            if let Change::SetOffset { topic, partition, value } = change {
                keys.insert((topic.clone(), *partition), value.topic_id);
            }
        }
    }
    keys
}

/// The record that removes an offset.
pub(super) fn tombstone(group: &GroupId, topic: &str, partition: PartitionIndex) -> GroupRecord {
    GroupRecord::Offset { group: group.clone(), topic: topic.to_owned(), partition, value: None }
}

impl Group {
    /// Whether the sender of a commit may commit; a member's session is renewed by it.
    fn check_commit(&self, step: &mut Step, commit: &CommitOffsets) -> Result<(), ErrorCode> {
        let instance = commit.group_instance_id.as_deref();
        if commit.generation < 0 && self.state == GroupState::Empty {
            // An administrator, or a consumer that assigns its partitions itself.
            return Ok(());
        }
        if commit.generation < 0 && commit.member_id.is_empty() && instance.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.validate_member(&commit.member_id, instance)?;
        if commit.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if self.state == GroupState::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        self.renew_session(step, &commit.member_id);
        Ok(())
    }
}
