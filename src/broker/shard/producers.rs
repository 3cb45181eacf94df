//! The producers that all partitions of a shard remember, and who forgets some when there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;

use gracchus_base::ErrorCode;
use gracchus_base::producer::ProducerSnapshot;

use super::partition_log::PartitionLog;
use crate::memory::Gauge;
use crate::partition::{PartitionKey, Status};

/// When there are too many, so that not each of a flood costs a look at all partitions, this part of all goes.
const EVICTED_PART: usize = 16;

/// The bound of one shard (its part of `max.producer.ids`).
#[derive(Debug)]
pub(super) struct Producers {
    gauge: Arc<Gauge>,
    /// Above this some are forgotten. More than the bound where each partition has but one.
    limit: usize,
}

impl Producers {
    pub(super) fn new(gauge: Arc<Gauge>) -> Self {
        let limit = gauge.max();
        Self { gauge, limit }
    }

    /// Brings the producers below the bound if they are above: the partitions with the most forget their quietest, so
    /// that one with few keeps them, and each keeps one.
    pub(super) fn make_room(&mut self, partitions: &mut BTreeMap<PartitionKey, Box<PartitionLog>>) {
        let held = self.gauge.held();
        if held <= self.gauge.max() {
            self.limit = self.gauge.max();
        }
        if held <= self.limit {
            return;
        }
        let part = (self.gauge.max() / EVICTED_PART).max(1);
        let sizes = partitions.values().map(|partition| partition.leader.producers().len());
        let share = share(sizes.filter(|size| *size > 0).collect(), self.gauge.max() - part);
        for partition in partitions.values_mut() {
            if partition.leader.producers().len() > share {
                partition.leader.shrink_producers_to(share);
                partition.count_producers();
            }
        }
        self.limit = self.limit.max(self.gauge.held() + part);
    }
}

impl PartitionLog {
    /// What is remembered of each producer, by id.
    pub(super) fn describe_producers(&self) -> Result<Vec<ProducerSnapshot>, ErrorCode> {
        if self.status == Status::Online {
            Ok(self.leader.producers().snapshot())
        } else {
            Err(ErrorCode::KafkaStorageError)
        }
    }

    /// Tells the counter how many producers there are.
    pub(super) fn count_producers(&mut self) {
        let producers = self.leader.producers();
        self.producers.set(producers.len());
        let evicted = producers.evicted();
        if evicted > self.evicted {
            self.producers.gauge().hit(evicted - self.evicted);
            self.evicted = evicted;
        }
    }
}

/// How much each may keep, at least one, so that what is left of these sizes comes to `total`.
fn share(mut sizes: Vec<usize>, total: usize) -> usize {
    sizes.sort_unstable();
    let (mut left, mut others) = (total, sizes.len());
    for size in &sizes {
        if *size > left / others {
            return (left / others).max(1);
        }
        left -= size;
        others -= 1;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_few_keeps_them_and_the_others_share_what_is_left() {
        assert_eq!(share(vec![1, 100, 2, 50], 53), 25);
        assert_eq!(share(vec![10, 10, 10], 30), usize::MAX);
        assert_eq!(share(vec![10, 10, 10], 29), 9);
        assert_eq!(share(vec![3, 3, 3], 2), 1, "each keeps one");
        assert_eq!(share(Vec::new(), 0), usize::MAX);
    }
}
