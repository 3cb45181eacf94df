//! One partition inside its shard: the leader's state machine, the log, and the acknowledgements that wait.
//!
//! Every change follows decide, append, apply: the machine decides without changing, the log appends, then the machine
//! applies. A failed append needs no rollback. Opening, deleting and upkeep are in `lifecycle`.

use std::path::PathBuf;
use std::sync::Arc;

use gracchus_base::{ErrorCode, Monotonic, Offset, ProducerId, Timestamp};
use gracchus_log::{AppendError, FlushError, FlushTicket, Flushed, Log, LogPosition, RollError};
use gracchus_state::config::TopicConfig;
use gracchus_state::partition::{AckQueue, AppendDecision, PartitionLeader};
use gracchus_state::producer::BatchMeta;
use gracchus_wire::records::{Batch, BatchHeader};

use super::{Ack, Append, ShardEnv};
use crate::data_dirs::Checkpointed;
use crate::memory::Holding;
use crate::partition::{Partition, PartitionView, Status, Told};
use crate::ticket::{AppendOutcome, Appended, Ticket};

/// Bytes that one vectored write takes at most, so that one busy partition does not hold up the others.
const RUN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A partition that this shard owns.
pub(super) struct PartitionLog {
    pub(super) partition: Arc<Partition>,
    pub(super) config: Arc<TopicConfig>,
    pub(super) leader: PartitionLeader,
    pub(super) dir: PathBuf,
    /// What the checkpoints said of it at the start.
    pub(super) found: Checkpointed,
    /// `None` until the first append: an idle partition costs no file.
    pub(super) log: Option<Box<Log>>,
    pub(super) status: Status,
    /// Appends of this round, in arrival order.
    pub(super) queue: Vec<Append>,
    /// Batches of this round that are answered once they are written (`acks=1` and 0).
    pub(super) written: Vec<(Ticket, Appended)>,
    /// Acknowledgements until the high watermark passes their offset.
    pub(super) acks: AckQueue<(Ack, Appended)>,
    /// Something was appended, or a deadline passed, that a flush must cover.
    pub(super) wants_flush: bool,
    /// Records appended since the last flush (`flush.messages`).
    pub(super) unflushed_records: i64,
    /// When the oldest unflushed record was appended (`flush.ms`).
    pub(super) unflushed_since: Option<Monotonic>,
    /// The last append found no space. Logged when that changes, and not for every client that tries again.
    pub(super) waits_for_space: bool,
    /// When the newest record was appended since the start.
    pub(super) written_at: Monotonic,
    /// The high watermark as a place, to spare readers the lookup.
    pub(super) high_watermark: LogPosition,
    /// What readers were last told.
    pub(super) told: Option<Told>,
    /// Its producers, as the shard counts them.
    pub(super) producers: Holding,
    /// Those that had made room when they were last counted.
    pub(super) evicted: u64,
}

/// Batches that go into the log with one write, each with what the machine needs to apply it.
#[derive(Default)]
struct Run {
    batches: Vec<Batch>,
    parts: Vec<RunPart>,
    bytes: usize,
}

/// One batch of a run.
struct RunPart {
    meta: BatchMeta,
    base_offset: Offset,
    log_append_time: Timestamp,
    ack: Ack,
}

impl PartitionLog {
    /// Appends everything in the queue. The caller asks for a flush and publishes afterwards.
    pub(super) fn append_queued(&mut self, env: &ShardEnv) {
        let now = env.clock.now();
        let mut queue = std::mem::take(&mut self.queue).into_iter().peekable();
        while queue.peek().is_some() {
            if self.status != Status::Online {
                // Also a duplicate: what it repeats may not be durable, and nothing will be flushed any more.
                return queue.for_each(|append| append.ack.refuse(ErrorCode::KafkaStorageError.into()));
            }
            let run = self.next_run(&mut queue);
            self.append_run(run, now, env);
        }
    }

    /// Decides batches from the front of the queue until one of them depends on another that is not applied yet: two
    /// batches of one producer are decided one after the other.
    fn next_run(&mut self, queue: &mut std::iter::Peekable<std::vec::IntoIter<Append>>) -> Run {
        let mut run = Run::default();
        let mut producers: Vec<ProducerId> = Vec::new();
        let mut next_offset = self.leader.offsets().log_end;
        while let Some(append) = queue.next_if(|append| {
            let header = &append.batch.header;
            let fits = run.bytes == 0 || self.fits(&run, next_offset, header);
            fits && (header.producer_id == ProducerId::NONE || !producers.contains(&header.producer_id))
        }) {
            let Append { mut batch, log_append_time, ack, .. } = append;
            let meta = batch_meta(&batch.header);
            match self.decide(&batch.header, &meta) {
                AppendDecision::Append { leader_epoch, .. } => {
                    batch.header.base_offset = next_offset;
                    batch.header.leader_epoch = leader_epoch;
                    run.parts.push(RunPart { meta, base_offset: next_offset, log_append_time, ack });
                    producers.extend(meta.has_producer().then_some(meta.producer_id));
                    next_offset = batch.header.next_offset();
                    run.bytes += batch.header.total_bytes();
                    run.batches.push(batch);
                }
                AppendDecision::Duplicate { base_offset, log_append_time, wait_for, .. } => {
                    self.acknowledge(ack, wait_for, self.appended(base_offset, log_append_time));
                }
                AppendDecision::Refuse(error) => {
                    tracing::debug!(partition = %self.partition.name(), %error, "a batch was refused");
                    ack.refuse(error.code().into());
                }
            }
        }
        run
    }

    /// Whether a batch can join a run in the active segment: in bytes, and in offsets, which few bytes can use up.
    fn fits(&self, run: &Run, next_offset: Offset, next: &BatchHeader) -> bool {
        let log_end = self.log.as_ref().map(|log| log.log_end());
        let (position, base) =
            log_end.map_or((0, Offset::ZERO), |end| (end.position as usize, end.segment_base));
        let with_next = run.bytes + next.total_bytes();
        let last_offset = next_offset.plus(i64::from(next.last_offset_delta));
        with_next <= RUN_BYTES_MAX
            && position + with_next <= self.config.segment_bytes.unsigned_abs() as usize
            && last_offset.since(base) <= i64::from(i32::MAX)
    }

    fn decide(&self, header: &BatchHeader, meta: &BatchMeta) -> AppendDecision {
        debug_assert_eq!(meta.last_offset_delta, header.last_offset_delta);
        self.leader.decide_append(meta)
    }

    fn append_run(&mut self, run: Run, now: Timestamp, env: &ShardEnv) {
        let Some(first) = run.batches.first() else { return };
        // A single batch may be larger than the topic's segments; then it can never be stored.
        if run.bytes > self.config.segment_bytes.unsigned_abs() as usize {
            let refuse = |part: RunPart| part.ack.refuse(ErrorCode::RecordListTooLarge.into());
            return run.parts.into_iter().for_each(refuse);
        }
        let outcome = self.write(&first.header.clone(), &run.batches, now, env);
        match outcome {
            Ok(()) => self.apply(run, env.clock.monotonic()),
            Err(error) => run.parts.into_iter().for_each(|part| part.ack.refuse(error.into())),
        }
    }

    /// Rolls the segment if it is full, and writes.
    fn write(
        &mut self,
        next: &BatchHeader,
        batches: &[Batch],
        now: Timestamp,
        env: &ShardEnv,
    ) -> Result<(), ErrorCode> {
        let leader = &self.leader;
        let log = self.log.get_or_insert_with(|| {
            let (dir, id) = (self.dir.clone(), self.partition.topic_id);
            let mut log = Log::new_lazy(dir, id, env.log_config(&self.config), env.log.clone());
            log.write_epochs(&epochs(leader));
            Box::new(log)
        });
        if log.needs_roll(next, now) {
            if let Err(error) = log.roll(&leader.producers().snapshot(), now) {
                let offline = !matches!(error, RollError::NoSpace(_));
                return Err(self.failed("a segment was not rolled", &error, offline));
            }
            self.wants_flush = true;
        }
        match log.append(batches, now) {
            Ok(_) => {
                if std::mem::take(&mut self.waits_for_space) {
                    tracing::info!(partition = %self.partition.name(), "there is space again");
                }
                Ok(())
            }
            Err(error) => {
                let offline = !matches!(error, AppendError::NoSpace(_));
                Err(self.failed("batches were not appended", &error, offline))
            }
        }
    }

    fn failed(&mut self, what: &str, error: &dyn std::error::Error, offline: bool) -> ErrorCode {
        let partition = self.partition.name();
        if offline {
            tracing::error!(%partition, %error, what, "the partition goes offline");
            self.go_offline();
        } else if !std::mem::replace(&mut self.waits_for_space, true) {
            tracing::warn!(%partition, %error, what, "clients may retry until there is space");
        }
        ErrorCode::KafkaStorageError
    }

    fn apply(&mut self, run: Run, now: Monotonic) {
        for RunPart { meta, base_offset, log_append_time, ack } in run.parts {
            self.leader.apply_append(&meta, base_offset);
            let end = base_offset.plus(i64::from(meta.last_offset_delta) + 1);
            self.unflushed_records += end.since(base_offset);
            self.acknowledge(ack, end, self.appended(base_offset, log_append_time));
        }
        self.unflushed_since.get_or_insert(now);
        self.written_at = now;
        let by_count = self.unflushed_records >= self.config.flush_messages;
        self.wants_flush |= self.config.flush_before_ack || by_count;
        self.moved();
    }

    fn appended(&self, base_offset: Offset, log_append_time: Timestamp) -> Appended {
        Appended { base_offset, log_append_time, log_start: self.leader.offsets().log_start }
    }

    /// Queues an answer; see [`Self::publish`].
    fn acknowledge(&mut self, ack: Ack, wait_for: Offset, appended: Appended) {
        match ack {
            Ack::Written(ticket) => self.written.push((ticket, appended)),
            Ack::Durable(_) | Ack::Tell(_) => self.acks.push(wait_for, (ack, appended)),
        }
    }

    /// A flush came back. Answers whether it was the one that covers the last of a sealed segment.
    pub(super) fn flushed(&mut self, outcome: Result<Flushed, FlushError>) -> bool {
        match (outcome, self.log.as_mut()) {
            (Ok(flushed), Some(log)) => {
                let before = log.flushed_to();
                let end = log.flushed(flushed);
                if log.is_flushed() {
                    self.forget_unflushed();
                }
                self.leader.flushed(end.offset);
                self.moved();
                end.segment_base > before.segment_base
            }
            (Err(error), _) => {
                tracing::error!(partition = %self.partition.name(), %error, "the partition goes offline");
                self.go_offline();
                false
            }
            // Deleted meanwhile.
            (Ok(_), None) => false,
        }
    }

    /// The next flush, if one is wanted and none is on its way.
    pub(super) fn flush_ticket(&mut self) -> Option<FlushTicket> {
        if !self.wants_flush || self.status != Status::Online {
            return None;
        }
        let ticket = self.log.as_mut().filter(|log| !log.flush_in_flight())?.flush_ticket();
        self.forget_unflushed();
        ticket
    }

    /// Takes everything as flushed (`--ephemeral`), so that nothing is held for a flush.
    pub(super) fn give_up_flushing(&mut self) {
        if let Some(log) = self.log.as_mut() {
            log.give_up_flushing();
        }
        self.forget_unflushed();
    }

    const fn forget_unflushed(&mut self) {
        self.wants_flush = false;
        self.unflushed_records = 0;
        self.unflushed_since = None;
    }

    /// Whether an append that waits would take a descriptor that is held until a flush.
    pub(super) fn would_hold_one_more(&self) -> bool {
        !self.queue.is_empty() && !self.log.as_ref().is_some_and(|log| log.holds_descriptors())
    }

    /// Whether it holds a descriptor until it is flushed, and no flush is on its way.
    pub(super) fn waits_for_a_flush(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.holds_descriptors() && !log.flush_in_flight())
    }

    /// The offsets may have moved: finds the high watermark's place.
    pub(super) fn moved(&mut self) {
        let offset = self.leader.offsets().high_watermark;
        if let Some(log) = &self.log {
            let places = [log.flushed_to(), log.log_end()];
            if let Some(place) = places.into_iter().find(|place| place.offset == offset) {
                self.high_watermark = place;
            } else if self.high_watermark.offset != offset
                && let Ok(place) = log.view().position_of(offset)
            {
                self.high_watermark = place;
            }
        }
    }

    /// The log failed: everything that waits is refused, and nothing more is served until a restart.
    pub(super) fn go_offline(&mut self) {
        if let Some(log) = self.log.as_mut() {
            log.poison();
        }
        self.status = Status::Offline;
        self.refuse_all(ErrorCode::KafkaStorageError);
    }

    pub(super) fn refuse_all(&mut self, error: ErrorCode) {
        for append in self.queue.drain(..) {
            append.ack.refuse(error.into());
        }
        for (ack, _) in self.acks.fail_all() {
            ack.durable(Err(error.into()));
        }
    }

    /// Ends a round: publishes, unless nobody could know of what is new, and answers who need not wait any more.
    pub(super) fn finish_round(&mut self) {
        if !self.written.is_empty() || self.told != Some(self.tells()) {
            self.publish();
        } else {
            self.answer();
        }
    }

    fn tells(&self) -> Told {
        let offsets = self.leader.offsets();
        Told {
            status: self.status,
            leader_epoch: self.leader.leader_epoch(),
            log_start: offsets.log_start,
            high_watermark: offsets.high_watermark,
            last_stable: offsets.last_stable,
        }
    }

    /// Shows readers what is there now, and then answers who waited for it: a client that was answered reads its own
    /// write.
    pub(super) fn publish(&mut self) {
        let told = self.tells();
        self.told = Some(told);
        self.partition.publish(PartitionView {
            status: told.status,
            leader_epoch: told.leader_epoch,
            epochs: self.leader.epochs().clone(),
            log_start: told.log_start,
            high_watermark: LogPosition { offset: told.high_watermark, ..self.high_watermark },
            last_stable: told.last_stable,
            log: self.log.as_ref().map(|log| log.view()),
        });
        self.answer();
    }

    fn answer(&mut self) {
        for (ticket, appended) in self.written.drain(..) {
            ticket.answer(Ok(appended));
        }
        for (ack, appended) in self.acks.release(self.leader.offsets().high_watermark) {
            ack.durable(Ok(appended));
        }
    }
}

impl Ack {
    /// The end of the wait for the high watermark.
    fn durable(self, outcome: AppendOutcome) {
        match self {
            Self::Written(ticket) | Self::Durable(ticket) => ticket.answer(outcome),
            Self::Tell(tell) => tell(outcome),
        }
    }
}

/// The epochs as their checkpoint file holds them.
pub(super) fn epochs(leader: &PartitionLeader) -> Vec<(gracchus_base::LeaderEpoch, Offset)> {
    leader.epochs().entries().iter().map(|entry| (entry.epoch, entry.start_offset)).collect()
}

/// What the machine needs to know of a batch.
pub(super) fn batch_meta(header: &BatchHeader) -> BatchMeta {
    BatchMeta {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
        last_offset_delta: header.last_offset_delta,
        max_timestamp: header.max_timestamp,
        transactional: header.attributes.is_transactional(),
        control: header.attributes.is_control(),
        coordinator_epoch: gracchus_base::LeaderEpoch::NONE,
        leader_epoch: header.leader_epoch,
        base_offset: header.base_offset,
    }
}
