//! A partition's life in its shard: opened, configured, trimmed, checkpointed, deleted, closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gracchus_base::{ErrorCode, Monotonic, Offset};
use gracchus_log::{FlushTicket, Log, LogPosition, OpenError, Recovered, RecoveryStart};
use gracchus_state::config::TopicConfig;
use gracchus_state::partition::{AckQueue, EpochCache, EpochStart, PartitionLeader, RecoveredPartition};
use gracchus_state::producer::ProducerTable;

use super::partition_log::{PartitionLog, batch_meta, epochs};
use super::thread::Due;
use super::{Open, PartitionCheckpoint, ShardEnv};
use crate::data_dirs::{Checkpointed, FoundLog};
use crate::memory::Holding;
use crate::partition::Status;

/// After so long without an append a log is flushed, whatever its settings: it lets its descriptor go then, and the next
/// start has less to read. The system would not keep its bytes from the disk for much longer either.
const IDLE_FLUSH_MS: i64 = 10_000;

impl PartitionLog {
    /// Opens the partition: recovers its log, if it has one, and rebuilds producers and epochs from it. A log that
    /// cannot be opened makes a partition that is offline.
    pub(super) fn open(open: &Open, env: &ShardEnv) -> Self {
        let start = match open.found {
            FoundLog::NeverWritten => return Self::without_log(open, env, Status::Online),
            FoundLog::There {
                clean_shutdown,
                checkpointed: Checkpointed { recovery_point, log_start, .. },
                ..
            } => RecoveryStart { clean_shutdown, recovery_point, log_start },
            FoundLog::Missing(_) => {
                tracing::error!(
                    partition = %open.partition.name(), directory = %open.dir.display(),
                    "the log is gone although it held records; the partition is offline"
                );
                return Self::not_opened(open, env);
            }
        };
        match recover(open, env, env.flushes_before_ack(&open.config), start) {
            Ok((leader, log)) => Self::with(open, env, leader, Some(log), Status::Online),
            Err(error) => {
                tracing::error!(partition = %open.partition.name(), %error, "the partition is offline");
                Self::not_opened(open, env)
            }
        }
    }

    /// A partition whose log is not there or was not opened: it is offline.
    pub(super) fn not_opened(open: &Open, env: &ShardEnv) -> Self {
        Self::without_log(open, env, Status::Offline)
    }

    fn without_log(open: &Open, env: &ShardEnv, status: Status) -> Self {
        let flush_before_ack = env.flushes_before_ack(&open.config);
        let leader = PartitionLeader::new(open.leader_epoch, flush_before_ack, env.producers_max);
        Self::with(open, env, leader, None, status)
    }

    fn with(
        open: &Open,
        env: &ShardEnv,
        leader: PartitionLeader,
        log: Option<Box<Log>>,
        status: Status,
    ) -> Self {
        let start = LogPosition { offset: Offset::ZERO, segment_base: Offset::ZERO, position: 0 };
        let mut partition = Self {
            partition: open.partition.clone(),
            config: open.config.clone(),
            leader,
            dir: open.dir.clone(),
            found: open.found.checkpointed(),
            high_watermark: log.as_ref().map_or(start, |log| log.flushed_to()),
            log,
            status,
            queue: Vec::new(),
            written: Vec::new(),
            acks: AckQueue::default(),
            wants_flush: false,
            unflushed_records: 0,
            unflushed_since: None,
            waits_for_space: false,
            written_at: Monotonic::default(),
            told: None,
            producers: Holding::new(env.producers.clone()),
            evicted: 0,
        };
        if let Some(log) = partition.log.as_mut() {
            log.write_epochs(&epochs(&partition.leader));
            // Recovery may have found records that a crash left unflushed; the new epoch is to be written as well.
            partition.wants_flush = true;
        }
        partition.moved();
        partition
    }

    pub(super) fn set_config(&mut self, config: Arc<TopicConfig>, env: &ShardEnv) {
        if let Some(log) = self.log.as_mut() {
            log.set_config(env.log_config(&config));
        }
        let flush_before_ack = env.flushes_before_ack(&config);
        self.wants_flush |= flush_before_ack && self.unflushed_since.is_some();
        self.config = config;
        if self.leader.set_flush_before_ack(flush_before_ack).is_some() {
            self.moved();
        }
    }

    /// Moves the log start (DeleteRecords, KIP-107). The file goes with the next retention run; until the checkpoint is
    /// written a crash may bring the records back, as in Kafka.
    pub(super) fn delete_records(&mut self, before: Offset) -> Result<Offset, ErrorCode> {
        if self.status != Status::Online {
            return Err(ErrorCode::KafkaStorageError);
        }
        let start = self.leader.advance_log_start(before)?;
        if let Some(log) = self.log.as_mut() {
            log.advance_log_start(start);
        }
        // Before the client hears of it, which may read at once.
        self.publish();
        Ok(start)
    }

    /// Retention, and flushes that are due by time. Answers whether retention has more to do than it does at a time.
    pub(super) fn tick(&mut self, env: &ShardEnv, due: Due) -> bool {
        let now = env.clock.monotonic();
        let age = |at| now.since_ms(at);
        let flush_is_due =
            |since| age(since) >= self.config.flush_ms || age(self.written_at) >= IDLE_FLUSH_MS;
        self.wants_flush |= self.unflushed_since.is_some_and(flush_is_due);
        if due.producer_expiry {
            let expiration_ms = env.producer_expiration_ms.load(Ordering::Relaxed);
            self.leader.expire_producers(env.clock.now(), expiration_ms);
            self.count_producers();
        }
        due.retention && self.status == Status::Online && self.retain(env)
    }

    fn retain(&mut self, env: &ShardEnv) -> bool {
        let Some(log) = self.log.as_mut() else { return false };
        let (leader, partition) = (&self.leader, self.partition.name());
        let high_watermark = leader.offsets().high_watermark;
        let removed = log.retain(env.clock.now(), high_watermark, &mut || leader.producers().snapshot());
        match removed {
            Ok(removed) => {
                for segment in &removed {
                    tracing::info!(%partition, base_offset = %segment.base, reason = ?segment.reason, "segment deleted");
                }
                let waits = log.retention_waits();
                self.wants_flush |= waits;
                if !removed.is_empty() {
                    let start = log.log_start();
                    if let Err(error) = self.leader.advance_log_start(start) {
                        tracing::error!(%partition, %error, %start, "the log start was not moved");
                    }
                    self.wants_flush = true;
                    self.publish();
                }
                waits
            }
            Err(gracchus_log::RetainError::Roll(gracchus_log::RollError::NoSpace(error))) => {
                tracing::warn!(%partition, %error, "retention waits for space");
                false
            }
            Err(error) => {
                tracing::error!(%partition, %error, "the partition goes offline");
                self.go_offline();
                self.publish();
                false
            }
        }
    }

    /// What the checkpoint files hold of it.
    pub(super) fn checkpoint(&self) -> PartitionCheckpoint {
        let offsets = self.leader.offsets();
        // A log that was not opened stays as the start has found it.
        let checkpointed = self.log.as_ref().map_or(self.found, |log| Checkpointed {
            recovery_point: log.recovery_point(),
            log_start: offsets.log_start,
            high_watermark: offsets.high_watermark,
        });
        PartitionCheckpoint {
            partition: self.partition.clone(),
            checkpointed,
            size_bytes: self.log.as_ref().map_or(0, |log| log.size_bytes()),
            has_files: self.log.is_some() || self.found != Checkpointed::default(),
        }
    }

    /// The topic was deleted.
    pub(super) fn delete(mut self) {
        self.status = Status::Deleted;
        self.refuse_all(ErrorCode::UnknownTopicOrPartition);
        if let Some(log) = self.log.take()
            && let Err(error) = log.delete()
        {
            tracing::error!(partition = %self.partition.name(), %error, "the directory was not removed");
        }
        self.publish();
    }

    /// Closes for a clean shutdown. What is still to be flushed is in the ticket; whether all went well is in the status
    /// when that has come back.
    pub(super) fn close(&mut self) -> Option<FlushTicket> {
        if self.status != Status::Online {
            return None;
        }
        let producers = self.leader.producers().snapshot();
        match self.log.as_mut()?.close(&producers) {
            Ok(ticket) => ticket,
            Err(error) => {
                tracing::error!(partition = %self.partition.name(), %error, "the log was not closed");
                self.go_offline();
                None
            }
        }
    }
}

/// Opens the log and rebuilds the leader's state from it.
fn recover(
    open: &Open,
    env: &ShardEnv,
    flush_before_ack: bool,
    start: RecoveryStart,
) -> Result<(PartitionLeader, Box<Log>), OpenError> {
    let mut producers = ProducerTable::new(env.producers_max);
    let mut found_epochs = Vec::new();
    let mut visit = |found: Recovered| match found {
        Recovered::Damage { segment, position } => tracing::error!(
            partition = %open.partition.name(), %segment, position,
            "batches that were flushed are damaged; they stay as they are and cannot be read"
        ),
        Recovered::Snapshot(snapshots) => producers.restore(&snapshots),
        Recovered::Batch(header) => {
            producers.replay(&batch_meta(&header));
        }
        Recovered::Epochs(epochs) => found_epochs = epochs,
    };
    let config = env.log_config(&open.config);
    let topic_id = open.partition.topic_id;
    let log = Log::open(open.dir.clone(), topic_id, config, env.log.clone(), start, &mut visit)?;
    let entries: Vec<_> =
        found_epochs.into_iter().map(|(epoch, start_offset)| EpochStart { epoch, start_offset }).collect();
    let found = RecoveredPartition {
        log_start: log.log_start(),
        log_end: log.log_end().offset,
        flushed_end: log.flushed_to().offset,
        high_watermark: open.found.checkpointed().high_watermark,
        epochs: EpochCache::from_entries(&entries),
        producers,
    };
    Ok((PartitionLeader::recovered(open.leader_epoch, flush_before_ack, found), Box::new(log)))
}
