//! One producer's state: epoch, newest batches, open transaction.

use gracchus_base::limits::PRODUCER_BATCHES_RETAINED;
use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use super::{BatchMeta, ProducerError};

/// A batch that was appended: enough to recognise a retry and to answer it as the first time (TRAPS 46).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedBatch {
    pub last_sequence: Sequence,
    pub last_offset: Offset,
    /// Records less one.
    pub offset_delta: i32,
    /// The batch's max timestamp as stored; Kafka answers it as `log_append_time_ms` of a duplicate, whatever the
    /// topic's timestamp type.
    pub timestamp: Timestamp,
}

impl AppendedBatch {
    /// The sequence of the first record.
    pub const fn base_sequence(&self) -> Sequence {
        self.last_sequence.plus(self.offset_delta.saturating_neg())
    }

    /// The offset of the first record.
    pub const fn base_offset(&self) -> Offset {
        self.last_offset.plus(-(self.offset_delta as i64))
    }
}

/// The newest batches of one epoch, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RecentBatches {
    len: usize,
    items: [AppendedBatch; PRODUCER_BATCHES_RETAINED],
}

/// What a free place holds, so that equal contents compare equal.
const NO_BATCH: AppendedBatch = AppendedBatch {
    last_sequence: Sequence::NONE,
    last_offset: Offset(-1),
    offset_delta: 0,
    timestamp: Timestamp::NONE,
};

impl RecentBatches {
    const EMPTY: Self = Self { len: 0, items: [NO_BATCH; PRODUCER_BATCHES_RETAINED] };

    fn push(&mut self, batch: AppendedBatch) {
        if self.len == self.items.len() {
            self.items.rotate_left(1);
            self.len -= 1;
        }
        self.items[self.len] = batch;
        self.len += 1;
    }

    fn as_slice(&self) -> &[AppendedBatch] {
        &self.items[..self.len]
    }

    fn last(&self) -> Option<&AppendedBatch> {
        self.as_slice().last()
    }
}

/// What is remembered of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProducerEntry {
    epoch: ProducerEpoch,
    coordinator_epoch: LeaderEpoch,
    last_timestamp: Timestamp,
    /// First offset of the transaction that is open.
    pub(super) txn_first_offset: Option<Offset>,
    /// Where this producer's newest batch or marker begins: orders producers by last use without a clock.
    pub(super) last_used: Offset,
    recent: RecentBatches,
}

impl ProducerEntry {
    /// The state of a producer from its first batch or marker on.
    pub(super) fn new(epoch: ProducerEpoch) -> Self {
        Self {
            epoch,
            coordinator_epoch: LeaderEpoch::NONE,
            last_timestamp: Timestamp::NONE,
            txn_first_offset: None,
            last_used: Offset::ZERO,
            recent: RecentBatches::EMPTY,
        }
    }

    /// The appended batch that `batch` repeats, if it is among those remembered.
    pub(super) fn duplicate_of(&self, batch: &BatchMeta) -> Option<AppendedBatch> {
        if batch.producer_epoch != self.epoch {
            return None;
        }
        let same = |b: &&AppendedBatch| {
            b.last_sequence == batch.last_sequence && b.base_sequence() == batch.base_sequence
        };
        self.recent.as_slice().iter().find(same).copied()
    }

    /// Whether `batch` may follow. Markers are held to the rules of transaction versions 0 and 1 (an epoch that is not
    /// older); the stricter rule of version 2 needs the version of the request.
    pub(super) fn check(&self, batch: &BatchMeta) -> Result<(), ProducerError> {
        let producer_id = batch.producer_id;
        if batch.producer_epoch < self.epoch {
            return Err(ProducerError::Epoch { producer_id, got: batch.producer_epoch, current: self.epoch });
        }
        if batch.control {
            return self.check_coordinator(batch);
        }
        if batch.is_sequenced() {
            self.check_sequence(batch)?;
        }
        if self.txn_first_offset.is_some() && !batch.transactional {
            return Err(ProducerError::NotInTransaction(producer_id));
        }
        Ok(())
    }

    fn check_coordinator(&self, batch: &BatchMeta) -> Result<(), ProducerError> {
        let (got, current) = (batch.coordinator_epoch, self.coordinator_epoch);
        if got != LeaderEpoch::NONE && got < current {
            return Err(ProducerError::Coordinator { producer_id: batch.producer_id, got, current });
        }
        Ok(())
    }

    fn check_sequence(&self, batch: &BatchMeta) -> Result<(), ProducerError> {
        let (producer_id, got) = (batch.producer_id, batch.base_sequence);
        if batch.producer_epoch != self.epoch {
            let epoch = batch.producer_epoch;
            return if got == Sequence(0) {
                Ok(())
            } else {
                Err(ProducerError::FirstOfEpoch { producer_id, epoch, got })
            };
        }
        // Nothing appended in this epoch (a marker began it): the first sequence is 0.
        let expected = self.recent.last().map_or(Sequence(0), |b| b.last_sequence.plus(1));
        if got == expected { Ok(()) } else { Err(ProducerError::Sequence { producer_id, got, expected }) }
    }

    /// Takes in a data batch that was appended at `base_offset`. Says whether it began a transaction.
    pub(super) fn apply_data(&mut self, batch: &BatchMeta, base_offset: Offset) -> bool {
        self.enter_epoch(batch.producer_epoch);
        self.recent.push(AppendedBatch {
            last_sequence: batch.last_sequence,
            last_offset: base_offset.plus(i64::from(batch.last_offset_delta)),
            offset_delta: batch.last_offset_delta,
            timestamp: batch.max_timestamp,
        });
        self.last_timestamp = batch.max_timestamp;
        self.last_used = base_offset;
        let begins = batch.transactional && self.txn_first_offset.is_none();
        if begins {
            self.txn_first_offset = Some(base_offset);
        }
        begins
    }

    /// Takes in a marker. Answers where the transaction began that it ends, if one was open.
    pub(super) fn apply_marker(&mut self, batch: &BatchMeta, base_offset: Offset) -> Option<Offset> {
        self.enter_epoch(batch.producer_epoch);
        if batch.coordinator_epoch != LeaderEpoch::NONE {
            self.coordinator_epoch = batch.coordinator_epoch;
        }
        self.last_timestamp = batch.max_timestamp;
        self.last_used = base_offset;
        self.txn_first_offset.take()
    }

    /// A change of epoch forgets the batches of the one before; also a change backwards, which only a replay can see.
    fn enter_epoch(&mut self, epoch: ProducerEpoch) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.recent = RecentBatches::EMPTY;
        }
    }

    /// Whether nothing was heard of the producer for `expiration_ms`, by the timestamps of its batches; never while a
    /// transaction is open.
    pub(super) fn is_expired(&self, now: Timestamp, expiration_ms: i64) -> bool {
        self.txn_first_offset.is_none() && now.0.saturating_sub(self.last_timestamp.0) >= expiration_ms
    }

    /// The entry as a `.snapshot` file has it: the newest batch only.
    pub(super) fn snapshot(&self, producer_id: ProducerId) -> ProducerSnapshot {
        let newest = self.recent.last().unwrap_or(&NO_BATCH);
        ProducerSnapshot {
            producer_id,
            producer_epoch: self.epoch,
            last_sequence: newest.last_sequence,
            last_offset: newest.last_offset,
            offset_delta: newest.offset_delta,
            last_timestamp: self.last_timestamp,
            coordinator_epoch: self.coordinator_epoch,
            current_txn_first_offset: self.txn_first_offset,
        }
    }

    /// The entry that a snapshot describes.
    pub(super) fn restore(snapshot: &ProducerSnapshot) -> Self {
        let mut entry = Self::new(snapshot.producer_epoch);
        if snapshot.last_offset >= Offset::ZERO {
            entry.recent.push(AppendedBatch {
                last_sequence: snapshot.last_sequence,
                last_offset: snapshot.last_offset,
                offset_delta: snapshot.offset_delta,
                timestamp: snapshot.last_timestamp,
            });
        }
        entry.coordinator_epoch = snapshot.coordinator_epoch;
        entry.last_timestamp = snapshot.last_timestamp;
        entry.txn_first_offset = snapshot.current_txn_first_offset;
        entry.last_used = snapshot.last_offset.max(Offset::ZERO);
        entry
    }
}
