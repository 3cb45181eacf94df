//! One partition in the image, kept small: idle partitions are promised to cost under 2 KiB of the whole process
//! (DESIGN section 1), and the image holds every partition of the cluster.

use std::sync::Arc;

use gracchus_base::metadata_record::{PartitionChange, PartitionRecord};
use gracchus_base::{BrokerId, LeaderEpoch, TopicId};

/// A partition's replicas, leader and epochs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    leader: BrokerId,
    leader_epoch: LeaderEpoch,
    partition_epoch: i32,
    assignment: Assignment,
    /// `None`: the replicas, in their order. Never `Some` of the same, so that equal partitions compare equal.
    isr: Option<Arc<[BrokerId]>>,
}

/// Which broker holds a replica, and in which of its directories. A single replica, the rule on one node, is held
/// inline.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Assignment {
    One(Replica),
    Many(Arc<[Replica]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replica {
    broker: BrokerId,
    directory: TopicId,
}

/// What the wire says when nobody leads.
const NO_LEADER: BrokerId = BrokerId(-1);

impl Assignment {
    fn new(replicas: &[BrokerId], directory: impl Fn(usize, BrokerId) -> TopicId) -> Self {
        let replica =
            |(i, broker): (usize, &BrokerId)| Replica { broker: *broker, directory: directory(i, *broker) };
        match replicas {
            [broker] => Self::One(replica((0, broker))),
            _ => Self::Many(replicas.iter().enumerate().map(replica).collect()),
        }
    }

    fn as_slice(&self) -> &[Replica] {
        match self {
            Self::One(replica) => std::slice::from_ref(replica),
            Self::Many(replicas) => replicas,
        }
    }
}

impl Partition {
    /// A partition as its record says. A replica without a directory in the record has an unknown one, all zero.
    pub(super) fn new(record: &PartitionRecord) -> Self {
        let directory = |i: usize, _| record.directories.get(i).copied().unwrap_or_default();
        let mut partition = Self {
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            assignment: Assignment::new(&record.replicas, directory),
            isr: None,
        };
        partition.set_isr(&record.isr);
        partition
    }

    /// Applies a change. Every change raises the partition epoch, and one that names a leader the leader epoch too, also
    /// if it is the leader that there was.
    pub(super) fn change(&mut self, change: &PartitionChange) {
        let isr: Vec<BrokerId> = self.isr().collect();
        if let Some(replicas) = &change.replicas {
            let before = self.assignment.clone();
            let directory = |_, broker| {
                let kept = before.as_slice().iter().find(|replica| replica.broker == broker);
                kept.map_or(TopicId::ZERO, |replica| replica.directory)
            };
            self.assignment = Assignment::new(replicas, directory);
        }
        if change.replicas.is_some() || change.isr.is_some() {
            self.set_isr(change.isr.as_ref().unwrap_or(&isr));
        }
        if let Some(leader) = change.leader {
            self.leader = leader;
            self.leader_epoch = LeaderEpoch(self.leader_epoch.get().saturating_add(1));
        }
        self.partition_epoch = self.partition_epoch.saturating_add(1);
    }

    fn set_isr(&mut self, isr: &[BrokerId]) {
        let is_all = self.replicas().eq(isr.iter().copied());
        self.isr = if is_all { None } else { Some(isr.into()) };
    }

    /// Who leads; `None` if nobody can (TRAPS 22: then LEADER_NOT_AVAILABLE and epoch -1).
    pub fn leader(&self) -> Option<BrokerId> {
        (self.leader != NO_LEADER).then_some(self.leader)
    }

    /// Counts the leaders.
    pub const fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// Counts the changes.
    pub const fn partition_epoch(&self) -> i32 {
        self.partition_epoch
    }

    /// Who holds a copy; the first is the preferred leader.
    pub fn replicas(&self) -> impl ExactSizeIterator<Item = BrokerId> + Clone {
        self.assignment.as_slice().iter().map(|replica| replica.broker)
    }

    /// The replicas that hold everything that was acknowledged.
    pub fn isr(&self) -> impl Iterator<Item = BrokerId> + Clone {
        let all = self.isr.is_none().then(|| self.replicas());
        all.into_iter().flatten().chain(self.isr.iter().flat_map(|isr| isr.iter().copied()))
    }

    /// The directory of this partition on a broker, by the id in `meta.properties`; zero if it is not known. `None` for
    /// a broker that holds no replica.
    pub fn directory(&self, broker: BrokerId) -> Option<TopicId> {
        self.assignment.as_slice().iter().find(|replica| replica.broker == broker).map(|r| r.directory)
    }
}
