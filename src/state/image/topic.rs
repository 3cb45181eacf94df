//! One topic in the image, with its partitions.

use std::sync::Arc;

use gracchus_base::{PartitionIndex, TopicId, TopicName};

use super::partition::Partition;

/// Partitions that share one allocation. A change copies one such chunk and the list of chunks: small for a topic of
/// one partition, and far from the whole for one of ten thousand.
const CHUNK: usize = 32;

/// A topic. Its partitions are numbered from 0 without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    name: TopicName,
    id: TopicId,
    /// All but the last hold exactly [`CHUNK`] partitions; none is empty.
    chunks: Vec<Arc<[Partition]>>,
}

impl Topic {
    pub(super) const fn new(name: TopicName, id: TopicId) -> Self {
        Self { name, id, chunks: Vec::new() }
    }

    /// The topic's name.
    pub const fn name(&self) -> &TopicName {
        &self.name
    }

    /// The topic's id.
    pub const fn id(&self) -> TopicId {
        self.id
    }

    /// How many partitions there are.
    pub fn partition_count(&self) -> i32 {
        let count = self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len());
        i32::try_from(count).unwrap_or(i32::MAX)
    }

    /// One partition.
    pub fn partition(&self, index: PartitionIndex) -> Option<&Partition> {
        let index = usize::try_from(index.get()).ok()?;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// All partitions in order.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionIndex, &Partition)> {
        self.partitions_from(PartitionIndex(0))
    }

    /// The partitions from `first` on, in order: a page of DescribeTopicPartitions.
    pub fn partitions_from(
        &self,
        first: PartitionIndex,
    ) -> impl Iterator<Item = (PartitionIndex, &Partition)> {
        let indexes = (first.get().max(0)..self.partition_count()).map(PartitionIndex);
        indexes.filter_map(|index| self.partition(index).map(|partition| (index, partition)))
    }

    pub(super) fn partition_mut(&mut self, index: PartitionIndex) -> Option<&mut Partition> {
        let index = usize::try_from(index.get()).ok()?;
        Arc::make_mut(self.chunks.get_mut(index / CHUNK)?).get_mut(index % CHUNK)
    }

    /// Adds the partition with the next index.
    pub(super) fn push(&mut self, partition: Partition) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => {
                *last = last.iter().cloned().chain([partition]).collect();
            }
            _ => {
                // Most topics have one chunk for ever: no room is kept for more.
                self.chunks.reserve_exact(1);
                self.chunks.push([partition].into());
            }
        }
    }
}
