//! The partitions of one session, in the order in which they are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gracchus_base::{ErrorCode, Offset};

use super::{FetchTarget, PartitionAnswer, PartitionKey};

/// A partition's place in the reading order of its session, or of a full request. Good until the session's next
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u64);

/// One partition of a session: what the client asked last, and what it was told last.
#[derive(Clone, Debug)]
pub(super) struct CachedPartition {
    pub(super) target: FetchTarget,
    /// -1 when the client was told an error, or nothing yet.
    high_watermark: Offset,
    log_start_offset: Offset,
    /// The driver watches it under the slot it has now.
    is_watched: bool,
}

/// Partitions by place and by key; whoever got records goes to the end, so that each has its turn (TRAPS 29).
#[derive(Clone, Debug, Default)]
pub(super) struct SessionPartitions {
    by_slot: BTreeMap<Slot, CachedPartition>,
    /// Those that are read; the others sleep.
    awake: BTreeSet<Slot>,
    slots: HashMap<PartitionKey, Slot>,
    next_slot: u64,
}

impl CachedPartition {
    pub(super) const fn new(target: FetchTarget) -> Self {
        Self { target, high_watermark: Offset(-1), log_start_offset: Offset(-1), is_watched: false }
    }

    pub(super) const fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Whether the client must be told: there is something new, or something that is always told.
    fn must_answer(&self, answer: &PartitionAnswer) -> bool {
        answer.has_records
            || answer.high_watermark != self.high_watermark
            || answer.log_start_offset != self.log_start_offset
            || answer.has_preferred_replica
            || answer.error != ErrorCode::None
            || answer.is_diverging
    }

    /// Remembers what the client is told. After an error nothing counts as told, so that its end is.
    pub(super) fn told(&mut self, answer: &PartitionAnswer) {
        let is_error = answer.error != ErrorCode::None;
        self.high_watermark = if is_error { Offset(-1) } else { answer.high_watermark };
        self.log_start_offset = answer.log_start_offset;
    }
}

impl SessionPartitions {
    pub(super) fn len(&self) -> usize {
        self.by_slot.len()
    }

    pub(super) fn contains(&self, key: &PartitionKey) -> bool {
        self.slots.contains_key(key)
    }

    /// What `each` makes of those that are awake, in reading order.
    pub(super) fn map_awake<T>(&mut self, mut each: impl FnMut((Slot, &mut CachedPartition)) -> T) -> Vec<T> {
        let by_slot = &mut self.by_slot;
        self.awake.iter().filter_map(|slot| by_slot.get_mut(slot).map(|one| each((*slot, one)))).collect()
    }

    /// Wakes a partition that is not watched any more.
    pub(super) fn changed(&mut self, slot: Slot) {
        if let Some(partition) = self.by_slot.get_mut(&slot) {
            partition.is_watched = false;
            self.awake.insert(slot);
        }
    }

    pub(super) fn wake_all(&mut self) {
        self.awake.extend(self.by_slot.keys());
    }

    /// Adds a partition at the end, or takes over what the client asks now of one that is there. The name it resolved
    /// to when it came stays (TRAPS 27).
    pub(super) fn ask(&mut self, target: &FetchTarget) {
        let known = self.slots.get(&target.key).copied();
        match known.and_then(|slot| Some((slot, self.by_slot.get_mut(&slot)?))) {
            Some((slot, partition)) => {
                partition.target.ask = target.ask;
                self.awake.insert(slot);
            }
            None => self.push(CachedPartition::new(target.clone())),
        }
    }

    /// Adds a partition at the end, awake. Whatever the driver watches, it watches under another slot.
    pub(super) fn push(&mut self, mut partition: CachedPartition) {
        let slot = Slot(self.next_slot);
        self.next_slot += 1;
        partition.is_watched = false;
        self.slots.insert(partition.target.key.clone(), slot);
        self.awake.insert(slot);
        self.by_slot.insert(slot, partition);
    }

    pub(super) fn forget(&mut self, key: &PartitionKey) {
        if let Some(slot) = self.slots.remove(key) {
            self.by_slot.remove(&slot);
            self.awake.remove(&slot);
        }
    }

    /// Whether the client must be told `answer`; notes that it is, and moves the partition to the end if it got
    /// records, or lets it sleep.
    pub(super) fn answer(&mut self, slot: Slot, answer: &PartitionAnswer) -> bool {
        let Some(partition) = self.by_slot.get_mut(&slot) else {
            return false;
        };
        partition.is_watched = answer.is_watched;
        if answer.holds_until_changed() {
            self.awake.remove(&slot);
        }
        if !partition.must_answer(answer) {
            return false;
        }
        partition.told(answer);
        if answer.has_records
            && let Some(partition) = self.by_slot.remove(&slot)
        {
            self.awake.remove(&slot);
            self.push(partition);
        }
        true
    }
}
