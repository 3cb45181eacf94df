//! The producers of one partition, bounded in number.

use std::collections::BTreeMap;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{Offset, ProducerId, Timestamp};

use super::entry::{AppendedBatch, ProducerEntry};
use super::transactions::{CompletedTxn, Transactions};
use super::{BatchMeta, ProducerError};

/// When the table is full, this part of it goes at once, so that a flood of new producers costs each little.
const EVICTED_PART: usize = 16;

/// State of the idempotent and transactional producers of a partition. Costs nothing on the heap while it is empty.
///
/// At the bound, the sixteenth that has been quiet for longest makes room for a new producer: whoever appended least
/// recently, in offsets. Producers with an open transaction stay. One that was forgotten is a new one when it comes
/// again: any sequence is accepted (KIP-360), and a retry of its old batches is not recognised any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerTable {
    // Boxed: a tree node has places for eleven, most partitions have one producer. A tree, so that runs are repeatable.
    entries: BTreeMap<ProducerId, Box<ProducerEntry>>,
    transactions: Transactions,
    producers_max: usize,
    /// How many had to make room for others so far.
    evicted: u64,
}

/// What the table says to a batch that it does not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen yet: append it.
    New,
    /// A retry of this batch: answer as the first time, append nothing.
    Duplicate(AppendedBatch),
}

impl ProducerTable {
    /// An empty table for at most `producers_max` producers (at least one).
    pub fn new(producers_max: usize) -> Self {
        let producers_max = producers_max.max(1);
        Self { entries: BTreeMap::new(), transactions: Transactions::default(), producers_max, evicted: 0 }
    }

    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no producer is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many producers had to make room so far; those that expired do not count.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What to do with a batch that a client or a coordinator wants appended. Earlier batches of the same producer must
    /// have been applied.
    ///
    /// # Errors
    /// The batch must not be appended.
    pub fn check(&self, batch: &BatchMeta) -> Result<Verdict, ProducerError> {
        if !batch.has_producer() {
            return Ok(Verdict::New);
        }
        let Some(entry) = self.entries.get(&batch.producer_id) else {
            return self.check_room();
        };
        if batch.is_sequenced()
            && let Some(duplicate) = entry.duplicate_of(batch)
        {
            return Ok(Verdict::Duplicate(duplicate));
        }
        entry.check(batch).map(|()| Verdict::New)
    }

    /// An unknown producer may begin with any sequence (TRAPS 47), if another one can make room for it.
    fn check_room(&self) -> Result<Verdict, ProducerError> {
        if self.transactions.open_count() >= self.producers_max {
            return Err(ProducerError::TableFull(self.producers_max));
        }
        Ok(Verdict::New)
    }

    /// Takes in a batch that was appended at `base_offset`; never refuses. Answers the transaction that it ended.
    pub fn apply(&mut self, batch: &BatchMeta, base_offset: Offset) -> Option<CompletedTxn> {
        if !batch.has_producer() {
            return None;
        }
        debug_assert!(batch.last_offset_delta >= 0);
        let producer_id = batch.producer_id;
        self.make_room_for(producer_id);
        let entry = self
            .entries
            .entry(producer_id)
            .or_insert_with(|| ProducerEntry::new(batch.producer_epoch).into());
        if !batch.control {
            if entry.apply_data(batch, base_offset) {
                self.transactions.open(base_offset, producer_id);
            }
            return None;
        }
        let first_offset = entry.apply_marker(batch, base_offset)?;
        Some(self.transactions.end(producer_id, first_offset, base_offset))
    }

    /// Takes in a batch that was found in the log, at its own offset, whatever it says.
    pub fn replay(&mut self, batch: &BatchMeta) -> Option<CompletedTxn> {
        self.apply(batch, batch.base_offset)
    }

    fn make_room_for(&mut self, producer_id: ProducerId) {
        if self.entries.len() < self.producers_max || self.entries.contains_key(&producer_id) {
            return;
        }
        self.evict((self.producers_max / EVICTED_PART).max(1));
    }

    /// Forgets the quietest producers until `producers` are left, if there are more; those with an open transaction stay.
    pub fn shrink_to(&mut self, producers: usize) {
        self.evict(self.entries.len().saturating_sub(producers));
    }

    fn evict(&mut self, count: usize) {
        let idle = self.entries.iter().filter(|(_, entry)| entry.txn_first_offset.is_none());
        let mut by_last_use: Vec<_> = idle.map(|(id, entry)| (entry.last_used, *id)).collect();
        let evicted = count.min(by_last_use.len());
        if evicted < by_last_use.len() {
            by_last_use.select_nth_unstable(evicted);
        }
        for (_, id) in &by_last_use[..evicted] {
            self.entries.remove(id);
        }
        self.evicted += evicted as u64;
    }

    /// Forgets producers of which nothing was heard for `expiration_ms` (`producer.id.expiration.ms`), by the largest
    /// timestamp of their newest batch, as Kafka does. Answers how many.
    pub fn expire(&mut self, now: Timestamp, expiration_ms: i64) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, entry| !entry.is_expired(now, expiration_ms));
        before - self.entries.len()
    }

    /// All producers, by id, as a `.snapshot` file stores them: of each the newest batch only.
    pub fn snapshot(&self) -> Vec<ProducerSnapshot> {
        self.entries.iter().map(|(id, entry)| entry.snapshot(*id)).collect()
    }

    /// Adds what a snapshot file says, before the batches behind it are replayed. Kafka leaves out what has expired:
    /// call [`ProducerTable::expire`] after it. Entries beyond the bound push out the quietest, as appends do.
    pub fn restore(&mut self, snapshots: &[ProducerSnapshot]) {
        for snapshot in snapshots {
            if snapshot.producer_id.0 < 0 {
                continue;
            }
            self.make_room_for(snapshot.producer_id);
            if let Some(first_offset) = snapshot.current_txn_first_offset {
                self.transactions.open(first_offset, snapshot.producer_id);
            }
            self.entries.insert(snapshot.producer_id, ProducerEntry::restore(snapshot).into());
        }
    }

    /// The first offset that a reader of committed records may not pass: of a transaction that is open, or ended by a
    /// marker that is not yet below the high watermark.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        self.transactions.first_unstable_offset()
    }

    /// Transactions whose marker lies below `offset`, the high watermark or the log start, are stable from now on.
    pub fn stable_below(&mut self, offset: Offset) {
        self.transactions.forget_ended_below(offset);
    }
}
