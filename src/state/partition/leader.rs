//! [`PartitionLeader`]: offsets, epochs and producers of a partition that this broker leads.

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, Timestamp};

use super::epochs::{EpochCache, check_leader_epoch};
use crate::producer::{BatchMeta, CompletedTxn, ProducerError, ProducerTable, Verdict};

/// The leader's state. `log_start <= last stable offset <= high watermark <= log_end`, and none of them moves back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLeader {
    leader_epoch: LeaderEpoch,
    epochs: EpochCache,
    log_start: Offset,
    log_end: Offset,
    flushed_end: Offset,
    high_watermark: Offset,
    flush_before_ack: bool,
    producers: ProducerTable,
}

/// What recovery found on disk.
#[derive(Clone, Debug)]
pub struct RecoveredPartition {
    pub log_start: Offset,
    pub log_end: Offset,
    /// Up to where the log is on stable storage; recovery that ends with a flush says `log_end`.
    pub flushed_end: Offset,
    /// The high watermark of the checkpoint, which readers may have seen; 0 if there is none.
    pub high_watermark: Offset,
    pub epochs: EpochCache,
    pub producers: ProducerTable,
}

/// The offsets of a partition, for views and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffsets {
    pub log_start: Offset,
    pub last_stable: Offset,
    pub high_watermark: Offset,
    /// Up to where the log is on stable storage.
    pub flushed_end: Offset,
    pub log_end: Offset,
}

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendDecision {
    /// Append it there, stamped with this epoch, then call [`PartitionLeader::apply_append`].
    Append { base_offset: Offset, leader_epoch: LeaderEpoch },
    /// A retry: answer with these as the first time (TRAPS 46). With acks=all the answer waits until the high watermark
    /// is at `wait_for`, since the first one may not be flushed yet.
    Duplicate { base_offset: Offset, last_offset: Offset, log_append_time: Timestamp, wait_for: Offset },
    /// Answer the code of this error.
    Refuse(ProducerError),
}

/// What an append brought about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The new high watermark, if it moved (in relaxed mode).
    pub high_watermark: Option<Offset>,
    /// The transaction that the batch, a marker, has ended.
    pub completed_txn: Option<CompletedTxn>,
}

impl PartitionLeader {
    /// The leader of a partition in which nothing was ever written. See [`PartitionLeader::recovered`] for the rest.
    pub fn new(leader_epoch: LeaderEpoch, flush_before_ack: bool, producers_max: usize) -> Self {
        let recovered = RecoveredPartition {
            log_start: Offset::ZERO,
            log_end: Offset::ZERO,
            flushed_end: Offset::ZERO,
            high_watermark: Offset::ZERO,
            epochs: EpochCache::default(),
            producers: ProducerTable::new(producers_max),
        };
        Self::recovered(leader_epoch, flush_before_ack, recovered)
    }

    /// The leader of a partition that was found on disk. The new epoch begins at the log's end; epochs that begin
    /// outside the log are dropped.
    pub fn recovered(leader_epoch: LeaderEpoch, flush_before_ack: bool, found: RecoveredPartition) -> Self {
        let RecoveredPartition { log_start, log_end, flushed_end, high_watermark, epochs, producers } = found;
        debug_assert!(log_start <= log_end);
        let flushed_end = flushed_end.clamp(log_start, log_end);
        let high_watermark = high_watermark.clamp(log_start, log_end);
        let mut leader = Self {
            leader_epoch,
            epochs,
            log_start,
            log_end,
            flushed_end,
            high_watermark,
            flush_before_ack,
            producers,
        };
        leader.epochs.truncate_start(log_start);
        // Drops epochs of a tail that is gone: those that begin at the log's end or later.
        leader.epochs.assign(leader_epoch, log_end);
        leader.producers.stable_below(high_watermark);
        leader.advance_high_watermark();
        leader
    }

    /// Leads with a newer epoch from the log's end on. Answers false, and changes nothing, if it is not newer.
    pub fn begin_epoch(&mut self, leader_epoch: LeaderEpoch) -> bool {
        if leader_epoch <= self.leader_epoch {
            return false;
        }
        self.leader_epoch = leader_epoch;
        self.epochs.assign(leader_epoch, self.log_end);
        true
    }

    /// The epoch in which this broker leads.
    pub const fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// The epochs of the log, for the checkpoint and for views.
    pub const fn epochs(&self) -> &EpochCache {
        &self.epochs
    }

    /// The producers, for snapshots.
    pub const fn producers(&self) -> &ProducerTable {
        &self.producers
    }

    /// All offsets at once.
    pub fn offsets(&self) -> PartitionOffsets {
        PartitionOffsets {
            log_start: self.log_start,
            last_stable: self.last_stable_offset(),
            high_watermark: self.high_watermark,
            flushed_end: self.flushed_end,
            log_end: self.log_end,
        }
    }

    /// Up to where readers of committed records may go: the first open transaction, or the high watermark (TRAPS 32).
    pub fn last_stable_offset(&self) -> Offset {
        let unstable = self.producers.first_unstable_offset().unwrap_or(self.high_watermark);
        unstable.max(self.log_start).min(self.high_watermark)
    }

    /// See [`check_leader_epoch`].
    ///
    /// # Errors
    /// FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH.
    pub fn check_leader_epoch(&self, asked: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        check_leader_epoch(self.leader_epoch, asked)
    }

    /// See [`EpochCache::end_offset_for`].
    pub fn end_offset_for(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_offset_for(asked, self.log_end)
    }

    /// What becomes of `batch`, which was validated otherwise. Changes nothing. Of several batches that go to the log in
    /// one write, each must be applied before the next one is decided; applying is not acknowledging.
    pub fn decide_append(&self, batch: &BatchMeta) -> AppendDecision {
        match self.producers.check(batch) {
            Ok(Verdict::New) => {
                AppendDecision::Append { base_offset: self.log_end, leader_epoch: self.leader_epoch }
            }
            Ok(Verdict::Duplicate(first)) => AppendDecision::Duplicate {
                base_offset: first.base_offset(),
                last_offset: first.last_offset,
                log_append_time: first.timestamp,
                wait_for: first.last_offset.plus(1),
            },
            Err(error) => AppendDecision::Refuse(error),
        }
    }

    /// Takes in a batch that was appended at `base_offset`, the one that was decided.
    pub fn apply_append(&mut self, batch: &BatchMeta, base_offset: Offset) -> Applied {
        debug_assert_eq!(base_offset, self.log_end, "batches are applied in the order they were decided");
        debug_assert!(batch.last_offset_delta >= 0);
        let completed_txn = self.producers.apply(batch, base_offset);
        self.log_end = base_offset.plus(i64::from(batch.last_offset_delta) + 1);
        Applied { high_watermark: self.advance_high_watermark(), completed_txn }
    }

    /// The log is on stable storage up to `end`. Answers the new high watermark, if it moved.
    pub fn flushed(&mut self, end: Offset) -> Option<Offset> {
        debug_assert!(end <= self.log_end, "flushed to {end} of {}", self.log_end);
        self.flushed_end = self.flushed_end.max(end.min(self.log_end));
        self.advance_high_watermark()
    }

    /// Sets `flush.before.ack`. Turned off, what is written counts at once; turned on, the high watermark stays where it
    /// is, possibly above what is flushed, until a flush passes it. Answers the new high watermark, if it moved.
    pub fn set_flush_before_ack(&mut self, flush_before_ack: bool) -> Option<Offset> {
        self.flush_before_ack = flush_before_ack;
        self.advance_high_watermark()
    }

    /// Moves the log start up to `offset`, or to the high watermark if it is -1 (DeleteRecords, TRAPS 64; retention).
    /// An offset that is not above the log start changes nothing. Answers the log start.
    ///
    /// # Errors
    /// OFFSET_OUT_OF_RANGE: beyond the high watermark, or negative otherwise.
    pub fn advance_log_start(&mut self, offset: Offset) -> Result<Offset, ErrorCode> {
        let offset = if offset == Offset(-1) { self.high_watermark } else { offset };
        if offset < Offset::ZERO || offset > self.high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if offset > self.log_start {
            self.log_start = offset;
            self.epochs.truncate_start(offset);
            self.producers.stable_below(offset);
        }
        Ok(self.log_start)
    }

    /// Forgets the quietest producers; see [`ProducerTable::shrink_to`].
    pub fn shrink_producers_to(&mut self, producers: usize) {
        self.producers.shrink_to(producers);
    }

    /// Forgets idle producers; see [`ProducerTable::expire`].
    pub fn expire_producers(&mut self, now: Timestamp, expiration_ms: i64) -> usize {
        self.producers.expire(now, expiration_ms)
    }

    /// Up to where this replica vouches for the log.
    const fn vouched_end(&self) -> Offset {
        if self.flush_before_ack { self.flushed_end } else { self.log_end }
    }

    /// The high watermark is the smallest vouched end over the in-sync replicas; this broker is the only one so far, the
    /// followers' ends join the minimum here.
    fn advance_high_watermark(&mut self) -> Option<Offset> {
        let candidate = self.vouched_end();
        if candidate <= self.high_watermark {
            return None;
        }
        debug_assert!(candidate <= self.log_end);
        self.high_watermark = candidate;
        self.producers.stable_below(candidate);
        Some(candidate)
    }
}
