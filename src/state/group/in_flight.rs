//! Appends that are decided but not settled: what becomes visible with them, and who waits for them.
//!
//! They settle in the order in which they were decided, each with its own success or failure. Nothing in here is part
//! of a group's visible state, so a failed append is forgotten rather than rolled back.

use std::collections::{HashMap, VecDeque};

use gracchus_base::group_record::{GroupRecord, OffsetCommitValue};
use gracchus_base::{ErrorCode, GroupId, PartitionIndex};

use super::effects::{AppendToken, Token};
use super::reply::Reply;
use super::request::{FetchOffsets, JoinGroup};

/// What one record changes once it is appended.
#[derive(Clone, Debug)]
pub(super) enum Change {
    SetOffset {
        topic: String,
        partition: PartitionIndex,
        value: OffsetCommitValue,
    },
    DropOffset {
        topic: String,
        partition: PartitionIndex,
    },
    /// The group is in the log as it is in memory.
    Stored,
    Deleted,
}

impl Change {
    /// The change that a record makes, and the group it belongs to.
    pub(super) fn of(record: &GroupRecord) -> (GroupId, Self) {
        match record {
            GroupRecord::Offset { group, topic, partition, value } => {
                let (topic, partition) = (topic.clone(), *partition);
                let change = match value.clone() {
                    Some(value) => Self::SetOffset { topic, partition, value },
                    None => Self::DropOffset { topic, partition },
                };
                (group.clone(), change)
            }
            GroupRecord::Group { group, value: Some(_) } => (group.clone(), Self::Stored),
            GroupRecord::Group { group, value: None } => (group.clone(), Self::Deleted),
        }
    }
}

/// What follows an append besides its changes.
#[derive(Debug)]
pub(super) enum After {
    /// Answer; with the append's error if it failed.
    Reply { token: Token, reply: Reply },
    /// Read offsets; everything that was in flight when they were asked for is settled, one way or the other.
    Fetch { token: Token, fetch: FetchOffsets },
    /// A group was made by this JoinGroup.
    Created { group: GroupId, token: Token },
    /// The leader's assignment for a generation.
    Assigned { group: GroupId, assignments: HashMap<String, Vec<u8>> },
    /// A static member came back under a new id while the group was stable (TRAPS 54).
    StaticJoin { join: Box<JoinGroup>, member_id: String, token: Token },
}

/// One append.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) token: AppendToken,
    pub(super) changes: Vec<(GroupId, Change)>,
    pub(super) after: Vec<After>,
}

/// All appends that are not settled, oldest first.
#[derive(Debug)]
pub(super) struct Queue {
    queue: VecDeque<InFlight>,
    next: u64,
    /// Changes in flight by group.
    by_group: HashMap<GroupId, usize>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), next: 1, by_group: HashMap::new() }
    }

    /// The name of the next append.
    pub(super) const fn next_token(&self) -> AppendToken {
        AppendToken(self.next)
    }

    /// Adds an append under [`Queue::next_token`].
    pub(super) fn push(&mut self, records: &[GroupRecord], after: Vec<After>) -> AppendToken {
        let token = self.next_token();
        self.next += 1;
        let changes: Vec<_> = records.iter().map(Change::of).collect();
        for (group, _) in &changes {
            match self.by_group.get_mut(group) {
                Some(count) => *count += 1,
                None => {
                    self.by_group.insert(group.clone(), 1);
                }
            }
        }
        self.queue.push_back(InFlight { token, changes, after });
        token
    }

    /// Takes the append that settled; `None` if there is none of that name. They settle in order.
    pub(super) fn take(&mut self, token: AppendToken) -> Option<InFlight> {
        let at = self.queue.iter().position(|entry| entry.token == token)?;
        debug_assert_eq!(at, 0, "appends settle in the order in which they were decided");
        let entry = self.queue.remove(at)?;
        for (group, _) in &entry.changes {
            if let Some(count) = self.by_group.get_mut(group) {
                *count -= 1;
                if *count == 0 {
                    self.by_group.remove(group);
                }
            }
        }
        Some(entry)
    }

    /// Takes all of them.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = InFlight> + use<> {
        self.by_group.clear();
        std::mem::take(&mut self.queue).into_iter()
    }

    /// Whether anything is in flight for a group.
    pub(super) fn touches(&self, group: &GroupId) -> bool {
        self.by_group.contains_key(group)
    }

    /// All changes in flight, oldest first.
    pub(super) fn changes(&self) -> impl Iterator<Item = &(GroupId, Change)> {
        self.queue.iter().flat_map(|entry| &entry.changes)
    }

    /// What follows an append that is in flight.
    pub(super) fn followers(&mut self, token: AppendToken) -> Option<&mut Vec<After>> {
        self.queue.iter_mut().rev().find(|entry| entry.token == token).map(|entry| &mut entry.after)
    }

    /// The newest append.
    pub(super) fn newest(&self) -> Option<AppendToken> {
        self.queue.back().map(|entry| entry.token)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}

/// How an append ended.
pub(super) type Appended = Result<(), ErrorCode>;
