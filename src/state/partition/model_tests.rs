//! Seeded schedules: a leader with its producers beside a model that is nothing but the list of appended batches.

use std::collections::{BTreeMap, BTreeSet};

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

use super::dice::{Dice, seeds};
use super::*;
use crate::producer::{BatchMeta, ProducerTable};

const EXPIRATION_MS: i64 = 100;
const PRODUCERS: i64 = 3;

/// The log as a list; every question is answered by reading it from the beginning.
#[derive(Default)]
struct Model {
    log: Vec<BatchMeta>,
    /// What of a producer lies before this place in the log was forgotten when it expired.
    forgotten: BTreeMap<ProducerId, usize>,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Append,
    Duplicate { base_offset: Offset },
    Refuse(ErrorCode),
}

impl Model {
    fn end(&self) -> Offset {
        self.log.last().map_or(Offset::ZERO, end_of)
    }

    fn history(&self, producer_id: ProducerId) -> Vec<&BatchMeta> {
        let from = self.forgotten.get(&producer_id).copied().unwrap_or(0);
        self.log[from..].iter().filter(|b| b.producer_id == producer_id).collect()
    }

    /// Where the transaction began that a producer has open.
    fn open_txn(&self, producer_id: ProducerId) -> Option<Offset> {
        let mut open = None;
        for batch in self.history(producer_id) {
            match (batch.control, batch.transactional) {
                (true, _) => open = None,
                (false, true) => open = open.or(Some(batch.base_offset)),
                (false, false) => {}
            }
        }
        open
    }

    fn expect(&self, batch: &BatchMeta) -> Expected {
        let history = self.history(batch.producer_id);
        let Some(newest) = history.last() else {
            return Expected::Append;
        };
        let epoch = newest.producer_epoch;
        let in_epoch = history.iter().rev().take_while(|b| b.producer_epoch == epoch).filter(|b| !b.control);
        let recent: Vec<_> = in_epoch.take(5).collect();
        let same = |b: &&&&BatchMeta| {
            !batch.control
                && b.producer_epoch == batch.producer_epoch
                && (b.base_sequence, b.last_sequence) == (batch.base_sequence, batch.last_sequence)
        };
        // Oldest first: after a wrap or an expiry two of the five may look the same.
        if let Some(first) = recent.iter().rev().find(same) {
            return Expected::Duplicate { base_offset: first.base_offset };
        }
        if batch.producer_epoch < epoch {
            return Expected::Refuse(ErrorCode::InvalidProducerEpoch);
        }
        if batch.control {
            return Expected::Append;
        }
        let next = match recent.first() {
            Some(last) if batch.producer_epoch == epoch => (i64::from(last.last_sequence.0) + 1) % (1 << 31),
            _ => 0,
        };
        if i64::from(batch.base_sequence.0) != next {
            return Expected::Refuse(ErrorCode::OutOfOrderSequenceNumber);
        }
        if self.open_txn(batch.producer_id).is_some() && !batch.transactional {
            return Expected::Refuse(ErrorCode::InvalidTxnState);
        }
        Expected::Append
    }

    /// The first offset of a transaction that is open, or whose marker is not below the high watermark.
    fn first_unstable(&self, high_watermark: Offset) -> Option<Offset> {
        let mut open: BTreeMap<ProducerId, Offset> = BTreeMap::new();
        let mut unstable = BTreeSet::new();
        for batch in &self.log {
            if batch.control {
                let began = open.remove(&batch.producer_id);
                unstable.extend(began.filter(|_| batch.base_offset >= high_watermark));
            } else if batch.transactional {
                open.entry(batch.producer_id).or_insert(batch.base_offset);
            }
        }
        unstable.extend(open.into_values());
        unstable.first().copied()
    }

    fn expire(&mut self, now: Timestamp) {
        for id in 0..PRODUCERS {
            let id = ProducerId(id);
            let newest = self.history(id).last().map(|b| b.max_timestamp);
            let idle = newest.is_some_and(|t| now.0 - t.0 >= EXPIRATION_MS);
            if idle && self.open_txn(id).is_none() {
                self.forgotten.insert(id, self.log.len());
            }
        }
    }
}

fn end_of(batch: &BatchMeta) -> Offset {
    batch.base_offset.plus(i64::from(batch.last_offset_delta) + 1)
}

/// A client's idea of its producer.
#[derive(Clone, Copy)]
struct Client {
    epoch: i16,
    next_sequence: Sequence,
    transactional: bool,
}

/// One schedule.
struct Run {
    dice: Dice,
    leader: PartitionLeader,
    model: Model,
    clients: [Client; PRODUCERS as usize],
    now: Timestamp,
    /// The leader itself says who may be answered; these are the answers that wait, by number.
    acks: AckQueue<usize>,
    waiting: Vec<(Offset, usize)>,
    asked: usize,
    /// Everything up to here was acknowledged while each acknowledgement needed a flush.
    acknowledged: Offset,
    ever_relaxed: bool,
    ever_expired: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let clients = std::array::from_fn(|_| Client {
            epoch: 0,
            next_sequence: Sequence(*dice.pick(&[0, 0, 100, i32::MAX - 4])),
            transactional: dice.chance(30),
        });
        Self {
            dice,
            leader: PartitionLeader::new(LeaderEpoch(0), true, 100),
            model: Model::default(),
            clients,
            now: Timestamp(1000),
            acks: AckQueue::default(),
            waiting: Vec::new(),
            asked: 0,
            acknowledged: Offset::ZERO,
            ever_relaxed: false,
            ever_expired: false,
        }
    }

    fn step(&mut self) {
        self.now.0 += self.dice.below(20) as i64;
        let before = self.leader.offsets();
        match self.dice.below(100) {
            0..70 => self.produce(),
            70..85 => self.flush(),
            85..88 => self.toggle_relaxed(),
            88..93 => self.delete_records(),
            93..95 => self.expire(),
            95..97 => assert!(self.leader.begin_epoch(LeaderEpoch(self.leader.leader_epoch().0 + 1))),
            _ => return self.crash(),
        }
        let after = self.leader.offsets();
        assert!(before.high_watermark <= after.high_watermark, "the high watermark moved back");
        assert!(before.last_stable <= after.last_stable, "the last stable offset moved back");
        assert!(before.log_start <= after.log_start && before.flushed_end <= after.flushed_end);
    }

    fn produce(&mut self) {
        let producer = self.dice.below(PRODUCERS as usize);
        let batch = if self.dice.chance(10) {
            BatchMeta::plain(self.dice.below(5) as i32, self.now)
        } else {
            self.batch_of(producer)
        };
        let expected = if batch.has_producer() { self.model.expect(&batch) } else { Expected::Append };
        match self.leader.decide_append(&batch) {
            AppendDecision::Append { base_offset, leader_epoch } => {
                assert_eq!(expected, Expected::Append, "{batch:?}");
                assert_eq!((base_offset, leader_epoch), (self.model.end(), self.leader.leader_epoch()));
                self.append(producer, BatchMeta { base_offset, leader_epoch, ..batch });
            }
            AppendDecision::Duplicate { base_offset, last_offset, wait_for, .. } => {
                assert_eq!(expected, Expected::Duplicate { base_offset }, "{batch:?}");
                assert_eq!(last_offset, base_offset.plus(i64::from(batch.last_offset_delta)));
                self.wait_for(wait_for);
            }
            AppendDecision::Refuse(error) => {
                assert_eq!(expected, Expected::Refuse(error.code()), "{batch:?}");
            }
        }
    }

    /// A batch of a client that goes wrong often.
    fn batch_of(&mut self, producer: usize) -> BatchMeta {
        let client = self.clients[producer];
        let id = ProducerId(producer as i64);
        let (epoch, sequence) = match self.dice.below(100) {
            0..50 => (client.epoch, client.next_sequence),
            50..75 => {
                let sent: Vec<_> =
                    self.model.log.iter().filter(|b| b.producer_id == id && !b.control).collect();
                if let Some(again) = sent.len().checked_sub(1 + self.dice.below(7)).map(|at| *sent[at]) {
                    return again;
                }
                (client.epoch, client.next_sequence)
            }
            75..83 => (client.epoch, client.next_sequence.plus(1 + self.dice.below(3) as i32)),
            83..87 => (client.epoch - 1, client.next_sequence),
            87..92 => (client.epoch + 1, Sequence(*self.dice.pick(&[0, 0, 0, 5]))),
            _ => return self.marker(id, client),
        };
        let last_offset_delta = self.dice.below(6) as i32;
        BatchMeta {
            producer_id: id,
            producer_epoch: ProducerEpoch(epoch.max(0)),
            base_sequence: sequence,
            last_sequence: sequence.plus(last_offset_delta),
            transactional: client.transactional && !self.dice.chance(3),
            ..BatchMeta::plain(last_offset_delta, self.now)
        }
    }

    fn marker(&mut self, producer_id: ProducerId, client: Client) -> BatchMeta {
        BatchMeta {
            producer_id,
            producer_epoch: ProducerEpoch(client.epoch + self.dice.below(2) as i16),
            transactional: true,
            control: true,
            coordinator_epoch: LeaderEpoch(3),
            ..BatchMeta::plain(0, self.now)
        }
    }

    fn append(&mut self, producer: usize, batch: BatchMeta) {
        let applied = self.leader.apply_append(&batch, batch.base_offset);
        let ended = applied.completed_txn.map(|txn| txn.first_offset);
        let open = if batch.control { self.model.open_txn(batch.producer_id) } else { None };
        assert_eq!(ended, open);
        self.model.log.push(batch);
        if batch.has_producer() {
            let client = &mut self.clients[producer];
            let bumped = batch.producer_epoch.0 != client.epoch;
            client.epoch = batch.producer_epoch.0;
            if !batch.control {
                client.next_sequence = batch.last_sequence.plus(1);
            } else if bumped {
                client.next_sequence = Sequence(0);
            }
        }
        self.wait_for(end_of(&batch));
    }

    fn wait_for(&mut self, offset: Offset) {
        self.acks.push(offset, self.asked);
        self.waiting.push((offset, self.asked));
        self.asked += 1;
        self.release();
    }

    /// Answers whom the high watermark has passed: sorted by offset, then by arrival.
    fn release(&mut self) {
        let high_watermark = self.leader.offsets().high_watermark;
        let (mut due, waiting): (Vec<_>, Vec<_>) =
            self.waiting.iter().partition(|(offset, _)| *offset <= high_watermark);
        due.sort();
        self.waiting = waiting;
        let released: Vec<_> = self.acks.release(high_watermark).collect();
        assert_eq!(released, due.iter().map(|(_, number)| *number).collect::<Vec<_>>());
        if let Some((last, _)) = due.last().filter(|_| !self.ever_relaxed) {
            self.acknowledged = self.acknowledged.max(*last);
        }
    }

    fn flush(&mut self) {
        let ends: Vec<_> = self.model.log.iter().map(end_of).collect();
        if let Some(last) = ends.len().checked_sub(1) {
            let end = ends[last - self.dice.below(ends.len().min(4))];
            let before = self.leader.offsets().high_watermark;
            let moved = self.leader.flushed(end);
            assert_eq!(moved.unwrap_or(before), self.leader.offsets().high_watermark);
            self.release();
        }
    }

    fn toggle_relaxed(&mut self) {
        let flush_before_ack = self.dice.chance(50);
        self.ever_relaxed |= !flush_before_ack;
        self.leader.set_flush_before_ack(flush_before_ack);
        self.release();
    }

    fn delete_records(&mut self) {
        let high_watermark = self.leader.offsets().high_watermark;
        let offset = Offset(self.dice.below(high_watermark.0 as usize + 5) as i64 - 2);
        let result = self.leader.advance_log_start(offset);
        let refused = offset > high_watermark || offset.0 < -1;
        assert_eq!(result.is_err(), refused, "to {offset} of {high_watermark}");
    }

    fn expire(&mut self) {
        self.ever_expired = true;
        self.leader.expire_producers(self.now, EXPIRATION_MS);
        self.model.expire(self.now);
    }

    /// The process dies; sometimes the power fails too and takes some of what was not flushed.
    fn crash(&mut self) {
        let before = self.leader.clone();
        let offsets = before.offsets();
        if self.dice.chance(50) {
            let lost = self.dice.below(4);
            let kept_to = offsets.flushed_end.max(offsets.log_start);
            let unflushed = self.model.log.iter().rev().take_while(|b| b.base_offset >= kept_to).count();
            self.model.log.truncate(self.model.log.len() - lost.min(unflushed));
        }
        let log_end = self.model.end();
        self.model.forgotten.clear();
        let producers = self.recover_producers();
        let epochs = self.recover_epochs(&before);
        self.leader = PartitionLeader::recovered(
            LeaderEpoch(before.leader_epoch().0 + 1),
            true,
            RecoveredPartition {
                log_start: offsets.log_start,
                log_end,
                flushed_end: log_end,
                high_watermark: offsets.log_start,
                epochs,
                producers,
            },
        );
        assert!(self.acknowledged <= log_end, "an acknowledged batch is lost");
        if log_end == offsets.log_end && !self.ever_expired {
            assert_eq!(self.leader.producers().snapshot(), before.producers().snapshot());
            for batch in &self.model.log {
                assert_eq!(
                    same_place(self.leader.decide_append(batch)),
                    same_place(before.decide_append(batch))
                );
            }
        }
        // The log end may lie below what readers of a relaxed leader saw; whoever waited was told that we are gone.
        self.acks.fail_all().for_each(drop);
        self.waiting.clear();
    }

    /// By replaying all, which must say the same as a snapshot of the first part and a replay of the rest.
    fn recover_producers(&mut self) -> ProducerTable {
        let split = self.dice.below(self.model.log.len() + 1);
        let mut whole = ProducerTable::new(100);
        let mut snapshot = Vec::new();
        for (i, batch) in self.model.log.iter().enumerate() {
            if i == split {
                snapshot = whole.snapshot();
            }
            whole.replay(batch);
        }
        if split < self.model.log.len() {
            let mut parts = ProducerTable::new(100);
            parts.restore(&snapshot);
            self.model.log[split..].iter().for_each(|batch| {
                parts.replay(batch);
            });
            assert_eq!(parts.snapshot(), whole.snapshot());
        }
        whole
    }

    /// By replaying all on a checkpoint that may hold epochs of a lost tail.
    fn recover_epochs(&mut self, before: &PartitionLeader) -> EpochCache {
        let mut epochs = if self.dice.chance(50) { before.epochs().clone() } else { EpochCache::default() };
        epochs.truncate_end(self.model.end());
        for batch in &self.model.log {
            epochs.replay(batch.leader_epoch, batch.base_offset);
        }
        epochs
    }

    /// What must hold after every step.
    fn check(&self) {
        let offsets = self.leader.offsets();
        assert_eq!(offsets.log_end, self.model.end());
        assert!(offsets.log_start <= offsets.last_stable, "{offsets:?}");
        assert!(offsets.last_stable <= offsets.high_watermark, "{offsets:?}");
        assert!(offsets.high_watermark <= offsets.log_end && offsets.flushed_end <= offsets.log_end);
        let unstable = self.model.first_unstable(offsets.high_watermark).unwrap_or(offsets.high_watermark);
        assert_eq!(offsets.last_stable, unstable.clamp(offsets.log_start, offsets.high_watermark));
        for batch in self.model.log.iter().filter(|b| b.base_offset >= offsets.log_start) {
            let epoch = self.leader.epochs().epoch_for_offset(batch.base_offset);
            assert_eq!(epoch, Some(batch.leader_epoch), "offset {}", batch.base_offset);
            let (found, end) =
                self.leader.end_offset_for(batch.leader_epoch).expect("an epoch that has records");
            assert!(found == batch.leader_epoch && end >= end_of(batch));
        }
    }
}

/// A decision without the parts that a restart changes.
fn same_place(decision: AppendDecision) -> AppendDecision {
    match decision {
        AppendDecision::Append { base_offset, .. } => {
            AppendDecision::Append { base_offset, leader_epoch: LeaderEpoch::NONE }
        }
        other => other,
    }
}

#[test]
fn a_leader_agrees_with_the_list_of_its_batches_through_retries_epochs_and_crashes() {
    for seed in seeds(2000) {
        let mut run = Run::new(seed);
        for _ in 0..80 {
            run.step();
            run.check();
        }
    }
}
