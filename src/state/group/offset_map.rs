//! The committed offsets of one group.

use std::collections::BTreeMap;

use gracchus_base::PartitionIndex;
use gracchus_base::group_record::OffsetCommitValue;

/// Offsets by topic and partition. No topic is kept without partitions.
#[derive(Clone, Debug, Default)]
pub(super) struct OffsetMap {
    by_topic: BTreeMap<String, BTreeMap<PartitionIndex, OffsetCommitValue>>,
    len: usize,
    bytes: usize,
}

impl OffsetMap {
    pub(super) fn get(&self, topic: &str, partition: PartitionIndex) -> Option<&OffsetCommitValue> {
        self.by_topic.get(topic)?.get(&partition)
    }

    pub(super) fn insert(&mut self, topic: &str, partition: PartitionIndex, value: OffsetCommitValue) {
        self.bytes += offset_bytes(topic, &value.metadata);
        let partitions = match self.by_topic.get_mut(topic) {
            Some(partitions) => partitions,
            None => self.by_topic.entry(topic.to_owned()).or_default(),
        };
        match partitions.insert(partition, value) {
            Some(old) => self.bytes -= offset_bytes(topic, &old.metadata),
            None => self.len += 1,
        }
    }

    pub(super) fn remove(&mut self, topic: &str, partition: PartitionIndex) {
        let Some(partitions) = self.by_topic.get_mut(topic) else { return };
        if let Some(old) = partitions.remove(&partition) {
            self.len -= 1;
            self.bytes -= offset_bytes(topic, &old.metadata);
        }
        if partitions.is_empty() {
            self.by_topic.remove(topic);
        }
    }

    /// Topics with their partitions, in the order of their names.
    pub(super) fn topics(
        &self,
    ) -> impl Iterator<Item = (&String, &BTreeMap<PartitionIndex, OffsetCommitValue>)> {
        self.by_topic.iter()
    }

    /// All of them, in the order of topic and partition.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, PartitionIndex, &OffsetCommitValue)> {
        self.topics()
            .flat_map(|(topic, partitions)| partitions.iter().map(move |(p, value)| (topic, *p, value)))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// What they weigh in `Usage::bytes`.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What one offset weighs: the topic's name is counted for each, which is more than it takes.
pub(super) const fn offset_bytes(topic: &str, metadata: &str) -> usize {
    topic.len() + metadata.len() + 96
}
