//! A partition as the rest of the broker sees it: where its shard is, and the view the shard last published.
//!
//! Readers plan from the view and never ask the shard. What must not be here: the log itself, which belongs to the
//! shard's thread alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use gracchus_base::{LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName, TopicPartition};
use gracchus_log::{LogPosition, LogView};
use gracchus_state::config::TopicConfig;
use gracchus_state::partition::EpochCache;

use crate::shard::ShardHandle;
use crate::waiters::Waiters;

/// What names a partition inside the broker: a topic that was deleted and made again is another one.
pub type PartitionKey = (TopicId, PartitionIndex);

/// A topic with its partitions, as this broker hosts it.
pub struct Topic {
    pub name: TopicName,
    pub id: TopicId,
    /// The settings in force: overrides over the broker's defaults.
    pub config: ArcSwap<TopicConfig>,
    /// By partition index.
    pub partitions: ArcSwap<Vec<Arc<Partition>>>,
}

/// The face of one partition.
pub struct Partition {
    pub topic: TopicName,
    pub topic_id: TopicId,
    pub index: PartitionIndex,
    /// Who owns the partition.
    pub shard: ShardHandle,
    pub waiters: Waiters,
    /// `None` until the shard has opened the partition.
    view: ArcSwapOption<PartitionView>,
    /// Its topic is deleted; its name may be another's.
    retired: AtomicBool,
}

/// An immutable picture of a partition, published by its shard after every change.
#[derive(Clone)]
pub struct PartitionView {
    pub status: Status,
    pub leader_epoch: LeaderEpoch,
    pub epochs: EpochCache,
    pub log_start: Offset,
    /// Where `read_uncommitted` ends.
    pub high_watermark: LogPosition,
    /// Where `read_committed` ends; never above the high watermark.
    pub last_stable: Offset,
    /// `None`: nothing was ever appended, there are no files.
    pub log: Option<LogView>,
}

/// Whether a partition can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Online,
    /// Its log failed; nothing is served until a restart has recovered it.
    Offline,
    /// The topic is gone.
    Deleted,
}

/// What readers are told of a partition besides its records. What was appended and is not flushed yet is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub status: Status,
    pub leader_epoch: LeaderEpoch,
    pub log_start: Offset,
    pub high_watermark: Offset,
    pub last_stable: Offset,
}

impl PartitionView {
    const fn told(&self) -> Told {
        Told {
            status: self.status,
            leader_epoch: self.leader_epoch,
            log_start: self.log_start,
            high_watermark: self.high_watermark.offset,
            last_stable: self.last_stable,
        }
    }
}

impl Partition {
    /// A partition that its shard has not opened yet.
    pub fn new(topic: TopicName, topic_id: TopicId, index: PartitionIndex, shard: ShardHandle) -> Self {
        let view = ArcSwapOption::empty();
        let retired = AtomicBool::new(false);
        Self { topic, topic_id, index, shard, waiters: Waiters::default(), view, retired }
    }

    /// What its shard knows it by.
    pub const fn key(&self) -> PartitionKey {
        (self.topic_id, self.index)
    }

    /// Its name, as directories and logs have it.
    pub fn name(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: self.index }
    }

    /// The last published view; `None` while the partition is being opened.
    pub fn view(&self) -> Option<Arc<PartitionView>> {
        self.view.load_full()
    }

    /// Whether it was opened and can be used.
    pub fn is_online(&self) -> bool {
        self.view.load().as_ref().is_some_and(|view| view.status == Status::Online)
    }

    /// Its topic is deleted: nothing is to be kept of it under its name.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    /// Whether its topic is deleted.
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }

    /// Shows a new view to readers and wakes those who wait, if there is something new for them. Only the owning shard
    /// calls it.
    pub fn publish(&self, view: PartitionView) {
        let view = Arc::new(view);
        let before = self.view.swap(Some(view.clone()));
        if before.is_none_or(|before| before.told() != view.told()) {
            self.waiters.wake();
        }
    }
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Partition({})", self.name())
    }
}

impl std::fmt::Debug for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Topic({})", self.name)
    }
}
