//! DeleteGroups, the expiry of offsets (KIP-211), and what goes with deleted topics.

use std::collections::HashMap;

use gracchus_base::group_record::{GroupRecord, OffsetCommitValue};
use gracchus_base::{ErrorCode, GroupId, Timestamp, TopicId};

use super::classic::{CONSUMER, Group};
use super::effects::Token;
use super::groups::Groups;
use super::in_flight::After;
use super::offsets::{offsets_to_be, tombstone};
use super::reply::Reply;
use super::state::GroupState;
use super::step::Step;

/// Handles a DeleteGroups: all groups of it in one append.
pub(super) fn delete_groups(groups: &mut Groups, step: &mut Step, token: Token, ids: Vec<GroupId>) {
    let append = step.queue.next_token();
    let mut records = Vec::new();
    let mut results = Vec::new();
    for id in ids {
        let error = match groups.existing(&id) {
            None => ErrorCode::GroupIdNotFound,
            Some(group) if group.state != GroupState::Empty => ErrorCode::NonEmptyGroup,
            Some(group) => {
                let offsets = offsets_to_be(group, step.queue);
                records.extend(offsets.keys().map(|(topic, partition)| tombstone(&id, topic, *partition)));
                records.push(GroupRecord::Group { group: id.clone(), value: None });
                group.deleting = Some(append);
                ErrorCode::None
            }
        };
        results.push((id, error));
    }
    let reply = Reply::DeleteGroups(results);
    if records.is_empty() {
        step.reply(token, reply);
    } else {
        step.append(records, vec![After::Reply { token, reply }]);
    }
}

/// Writes tombstones for offsets that have expired, and for empty groups that have none left.
///
/// Groups with anything in flight are left for the next time.
pub(super) fn expire_offsets(groups: &mut Groups, step: &mut Step) {
    let mut batches = Batches::default();
    let idle: Vec<_> = groups.iter().map(|g| g.id.clone()).filter(|id| !step.queue.touches(id)).collect();
    for id in idle {
        let Some(group) = groups.existing(&id) else { continue };
        let expired = group.expired(step.wall, step.config.offsets_retention_ms);
        let all = expired.len() == group.offsets.len();
        for record in expired {
            batches.push(step, record);
        }
        if all && group.state == GroupState::Empty {
            batches.push(step, GroupRecord::Group { group: id, value: None });
            group.deleting = Some(step.queue.next_token());
        }
    }
    batches.flush(step);
}

/// Writes tombstones for all offsets of topics that are gone; of one that was made again only those of the old id.
pub(super) fn topics_deleted(groups: &Groups, step: &mut Step, topics: &[(String, TopicId)]) {
    let deleted: HashMap<&str, TopicId> = topics.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    let mut batches = Batches::default();
    let mut records = Vec::new();
    for group in groups.iter() {
        for ((topic, partition), stored) in offsets_to_be(group, step.queue) {
            let goes = deleted.get(topic.as_str()).is_some_and(|id| stored.is_zero() || stored == *id);
            if goes {
                records.push(tombstone(&group.id, &topic, partition));
            }
        }
    }
    for record in records {
        batches.push(step, record);
    }
    batches.flush(step);
}

/// Gathers tombstones into appends of bounded size.
#[derive(Default)]
struct Batches {
    records: Vec<GroupRecord>,
}

impl Batches {
    /// Adds a record; it will be in the append that is next once this returns.
    fn push(&mut self, step: &mut Step, record: GroupRecord) {
        if self.records.len() >= step.config.tombstones_per_append_max.max(1) {
            self.flush(step);
        }
        self.records.push(record);
    }

    fn flush(&mut self, step: &mut Step) {
        if !self.records.is_empty() {
            step.append(std::mem::take(&mut self.records), Vec::new());
        }
    }
}

impl Group {
    /// Tombstones for the offsets whose time is up. An active group's never expire for topics it reads, and not at all
    /// while it rebalances.
    fn expired(&self, wall: Timestamp, retention_ms: i64) -> Vec<GroupRecord> {
        let Some(since) = self.expiry_base() else { return Vec::new() };
        let is_expired = |value: &OffsetCommitValue| match value.expire_timestamp {
            Some(at) => wall >= at,
            None => wall.get().saturating_sub(since(self, value).get()) >= retention_ms,
        };
        self.offsets
            .iter()
            .filter(|(topic, _, value)| !self.is_subscribed(topic) && is_expired(value))
            .map(|(topic, partition, _)| tombstone(&self.id, topic, partition))
            .collect()
    }

    /// From when on the retention of an offset counts: from when the group became empty, if it ever had members, else
    /// from the commit. `None`: nothing expires now.
    fn expiry_base(&self) -> Option<fn(&Self, &OffsetCommitValue) -> Timestamp> {
        let committed: fn(&Self, &OffsetCommitValue) -> Timestamp = |_, value| value.commit_timestamp;
        match (&self.protocol_type, self.state) {
            (None, _) => Some(committed),
            (Some(_), GroupState::Empty) if self.state_since != Timestamp::NONE => {
                Some(|group, _| group.state_since)
            }
            (Some(_), GroupState::Empty) => Some(committed),
            (Some(kind), GroupState::Stable) if kind == CONSUMER && self.subscribed.is_some() => {
                Some(committed)
            }
            _ => None,
        }
    }
}
