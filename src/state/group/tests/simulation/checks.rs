//! What must hold after every step, whatever happens.

use std::collections::BTreeMap;

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{GroupId, PartitionIndex};

use super::client::Client;
use crate::group::*;

/// What a log says, read without the machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fold {
    pub(super) groups: BTreeMap<GroupId, ()>,
    offsets: BTreeMap<(GroupId, PartitionIndex), i64>,
    generations: BTreeMap<GroupId, i32>,
    read: usize,
}

impl Fold {
    fn catch_up(&mut self, log: &[GroupRecord]) {
        for record in &log[self.read..] {
            match record.clone() {
                GroupRecord::Offset { group, partition, value, .. } => match value {
                    Some(value) => {
                        self.groups.insert(group.clone(), ());
                        let old = self.offsets.insert((group, partition), value.offset.get());
                        assert!(
                            old < Some(value.offset.get()),
                            "commits are stored in the order they came in"
                        );
                    }
                    None => {
                        self.offsets.remove(&(group, partition));
                    }
                },
                GroupRecord::Group { group, value: Some(value) } => {
                    self.groups.insert(group.clone(), ());
                    self.generations.insert(group, value.generation);
                }
                GroupRecord::Group { group, value: None } => {
                    self.generations.remove(&group);
                    if !self.offsets.keys().any(|(id, _)| *id == group) {
                        self.groups.remove(&group);
                    }
                }
            }
        }
        self.read = log.len();
    }
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Checks {
    fold: Fold,
    /// The highest generation told to anybody since the group was made.
    generations: BTreeMap<GroupId, i32>,
    /// How often a group was deleted: a new one of that name starts at generation 0.
    lives: BTreeMap<GroupId, usize>,
    /// Who owns a partition in a generation of a life of a group: the instance, or the member.
    owners: BTreeMap<(GroupId, usize, i32, i32), String>,
}

impl Checks {
    /// The visible offsets and groups are exactly those of the log.
    pub(super) fn verify(&mut self, coordinator: &Coordinator, log: &[GroupRecord]) {
        self.fold.catch_up(log);
        let listed: Vec<_> = coordinator.list(&[], &[]).into_iter().map(|group| group.group).collect();
        assert_eq!(listed, self.fold.groups.keys().cloned().collect::<Vec<_>>());
        let mut offsets = BTreeMap::new();
        for group in listed {
            for topic in coordinator.fetch_offsets(&FetchOffsets { group: group.clone(), topics: None }) {
                let of = |p: &FetchedOffset| ((group.clone(), p.partition), p.offset.get());
                offsets.extend(topic.partitions.iter().map(of));
            }
        }
        assert_eq!(offsets, self.fold.offsets);
    }

    /// A group that is deleted may start over at once.
    pub(super) fn decided(&mut self, append: &Append) {
        for record in &append.records {
            if let GroupRecord::Group { group, value: None } = record {
                self.generations.remove(group);
                *self.lives.entry(group.clone()).or_default() += 1;
            }
        }
    }

    /// A commit that is acknowledged is in the log, and one that is refused is not.
    pub(super) fn committed(&self, commit: &CommitOffsets, reply: &Reply, log: &[GroupRecord]) {
        let Reply::CommitOffsets(topics) = reply else { panic!("{reply:?}") };
        let offset = commit.topics[0].partitions[0].offset;
        let is_it = |record: &GroupRecord| matches!(record, GroupRecord::Offset { value: Some(value), .. } if value.offset == offset);
        let (_, error) = topics[0].partitions[0];
        assert_eq!(error.is_ok(), log.iter().rev().any(is_it), "{offset} was answered with {error:?}");
    }

    /// Generations only grow.
    pub(super) fn told(&mut self, client: &Client, reply: &Reply) {
        let Reply::Join(reply) = reply else { return };
        if reply.error.is_ok() {
            let seen = self.generations.entry(client.group.clone()).or_default();
            assert!(reply.generation >= *seen, "generation {} after {seen}", reply.generation);
            *seen = reply.generation;
        }
    }

    /// No partition has two owners in one generation.
    pub(super) fn owns(&mut self, client: &Client) {
        let group = &client.group;
        let life = self.lives.get(group).copied().unwrap_or(0);
        for partition in &client.owned {
            let me = client.instance.as_ref().unwrap_or(&client.member_id);
            let key = (group.clone(), life, client.generation, *partition);
            let owner = self.owners.entry(key).or_insert_with(|| me.clone());
            assert_eq!(owner, me, "{group} generation {} partition {partition}", client.generation);
        }
    }

    /// An active group's offsets stay (KIP-211).
    pub(super) fn expired(&self, coordinator: &Coordinator, effects: &Effects) {
        for record in effects.appends.iter().flat_map(|append| &append.records) {
            let (GroupRecord::Offset { group, .. } | GroupRecord::Group { group, .. }) = record;
            let state = coordinator.describe(group).map_or("Dead", |described| described.state);
            assert!(matches!(state, "Empty" | "Dead"), "{record:?} in {state}");
        }
    }

    /// Generations that were never stored are forgotten; stored ones are not.
    pub(super) fn restarted(&mut self, log: &[GroupRecord]) {
        self.fold.catch_up(log);
        self.generations.clone_from(&self.fold.generations);
    }
}
