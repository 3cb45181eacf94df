//! The appends of one partition of the offsets topic on their way into the log: gathered into batches, then in flight
//! until the high watermark has passed them.

use std::collections::VecDeque;
use std::sync::Arc;

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{ErrorCode, Timestamp};
use gracchus_state::group::{Append, AppendToken};
use gracchus_wire::internal::group;
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use tokio::sync::mpsc;

use super::Command;
use super::pace::Pace;
use crate::partition::{Partition, PartitionKey};
use crate::shard::{self, Ack, Appends};
use crate::ticket::AppendOutcome;

/// Bytes of keys and values that go in one batch. What is larger goes alone: an append is never divided, and must not be
/// refused for the size of another.
const BATCH_BYTES: usize = 16 * 1024;

/// Where appends wait for one another, and then for their end.
pub(super) struct Outbox {
    partition: Arc<Partition>,
    /// Not sent yet, in their order.
    gathered: Vec<Append>,
    hurries: bool,
    /// Batches that the machine was not told the end of, oldest first. It is told in this order; the shard refuses one at
    /// once though others before it still wait for their flush.
    in_flight: VecDeque<InFlight>,
    batch_next: u64,
    /// Ends of batches go there.
    worker: mpsc::WeakUnboundedSender<Command>,
}

struct InFlight {
    batch: u64,
    appends: Vec<AppendToken>,
    result: Option<Result<(), ErrorCode>>,
}

/// A batch that is being filled.
struct Filling {
    builder: BatchBuilder,
    bytes: usize,
    appends: Vec<AppendToken>,
}

/// The duty to tell a worker how a batch ended; dropped with a shard that is gone, it says that the append failed.
struct Settle {
    worker: mpsc::WeakUnboundedSender<Command>,
    key: PartitionKey,
    batch: u64,
    told: bool,
}

impl Outbox {
    pub(super) fn new(partition: Arc<Partition>, worker: mpsc::WeakUnboundedSender<Command>) -> Self {
        Self {
            partition,
            gathered: Vec::new(),
            hurries: false,
            in_flight: VecDeque::new(),
            batch_next: 0,
            worker,
        }
    }

    /// Takes an append that is to be sent with the next ones. Says whether it cannot wait for them.
    pub(super) fn gather(&mut self, append: Append, pace: &mut Pace) -> bool {
        let hurries = !pace.counts(append.may_wait);
        self.hurries |= hurries;
        self.gathered.push(append);
        hurries
    }

    /// Whether something that was gathered cannot wait.
    pub(super) const fn hurries(&self) -> bool {
        self.hurries
    }

    /// What was gathered, in as few batches as it takes; they are to be sent at once and in this order.
    pub(super) fn take_batches(&mut self, wall: Timestamp, out: &mut Appends) {
        self.hurries = false;
        let mut filling = Filling::new();
        for append in std::mem::take(&mut self.gathered) {
            let records = encode(&append.records);
            if !records.as_ref().is_ok_and(|records| filling.has_room_for(records)) {
                self.finish(std::mem::replace(&mut filling, Filling::new()), out);
            }
            match records {
                Ok(records) => filling.push(append.token, &records, wall),
                Err(error) => {
                    tracing::error!(partition = %self.partition.name(), error, "group records were not encoded");
                    self.put_in_flight(vec![append.token]).tell(Err(ErrorCode::UnknownServerError.into()));
                }
            }
        }
        self.finish(filling, out);
    }

    /// Forgets what was gathered: whoever waited for it is told to ask again.
    pub(super) fn drop_gathered(&mut self) {
        self.gathered.clear();
        self.hurries = false;
    }

    /// Whether every batch that was sent has ended.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Notes how a batch ended.
    pub(super) fn note_end(&mut self, batch: u64, result: Result<(), ErrorCode>) {
        if let Some(entry) = self.in_flight.iter_mut().find(|entry| entry.batch == batch) {
            entry.result = Some(result);
        }
    }

    /// The appends of the oldest batch, if it has ended.
    pub(super) fn next_end(&mut self) -> Option<(Vec<AppendToken>, Result<(), ErrorCode>)> {
        let result = self.in_flight.front()?.result?;
        self.in_flight.pop_front().map(|entry| (entry.appends, result))
    }

    fn finish(&mut self, filling: Filling, out: &mut Appends) {
        if filling.appends.is_empty() {
            return;
        }
        let settle = self.put_in_flight(filling.appends);
        match filling.builder.finish() {
            Ok(batch) => {
                let key = self.partition.key();
                let ack = Ack::Tell(Box::new(move |outcome| settle.tell(outcome)));
                let append = shard::Append { key, batch, log_append_time: Timestamp::NONE, ack };
                out.push(self.partition.clone(), append);
            }
            Err(error) => {
                tracing::error!(partition = %self.partition.name(), %error, "group records make no batch");
                settle.tell(Err(ErrorCode::UnknownServerError.into()));
            }
        }
    }

    fn put_in_flight(&mut self, appends: Vec<AppendToken>) -> Settle {
        let batch = self.batch_next;
        self.batch_next += 1;
        self.in_flight.push_back(InFlight { batch, appends, result: None });
        Settle { worker: self.worker.clone(), key: self.partition.key(), batch, told: false }
    }
}

impl Filling {
    fn new() -> Self {
        Self { builder: BatchBuilder::new(BatchOptions::default()), bytes: 0, appends: Vec::new() }
    }

    fn has_room_for(&self, records: &[Encoded]) -> bool {
        self.bytes + bytes(records) <= BATCH_BYTES
    }

    fn push(&mut self, append: AppendToken, records: &[Encoded], wall: Timestamp) {
        self.bytes += bytes(records);
        for (key, value) in records {
            self.builder.push(wall, Some(key), value.as_deref(), &[]);
        }
        self.appends.push(append);
    }
}

/// Key and value.
type Encoded = (Vec<u8>, Option<Vec<u8>>);

fn encode(records: &[GroupRecord]) -> Result<Vec<Encoded>, String> {
    records.iter().map(|record| group::encode(record).map_err(|error| error.to_string())).collect()
}

fn bytes(records: &[Encoded]) -> usize {
    records.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}

impl Settle {
    fn tell(mut self, outcome: AppendOutcome) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: AppendOutcome) {
        self.told = true;
        if let Some(worker) = self.worker.upgrade() {
            let (key, batch) = (self.key, self.batch);
            let _ended = worker.send(Command::Settled { key, batch, outcome }).is_err();
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if !self.told {
            self.send(Err(ErrorCode::KafkaStorageError.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use gracchus_base::group_record::OffsetCommitValue;
    use gracchus_base::{GroupId, LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId, TopicName};

    use super::*;
    use crate::shard::{Message, ShardHandle};
    use crate::ticket::Appended;

    const STORED: AppendOutcome =
        Ok(Appended { base_offset: Offset(0), log_append_time: Timestamp::NONE, log_start: Offset(0) });

    fn append(token: u64, group: &str) -> Append {
        let value = OffsetCommitValue {
            offset: Offset(1),
            leader_epoch: LeaderEpoch::NONE,
            metadata: String::new(),
            commit_timestamp: Timestamp(1),
            expire_timestamp: None,
            topic_id: TopicId::ZERO,
        };
        let (group, topic) = (GroupId::new(group), "t".to_owned());
        let record = GroupRecord::Offset { group, topic, partition: PartitionIndex(0), value: Some(value) };
        Append { token: AppendToken(token), records: vec![record], may_wait: true }
    }

    struct Rig {
        outbox: Outbox,
        shard: mpsc::UnboundedReceiver<Message>,
        /// Held, as the worker's own handles are: else nobody is told.
        _worker: mpsc::UnboundedSender<Command>,
        commands: mpsc::UnboundedReceiver<Command>,
    }

    fn rig() -> Rig {
        let (handle, shard) = ShardHandle::for_test();
        let topic = TopicName::consumer_offsets();
        let partition = Arc::new(Partition::new(topic, TopicId([1; 16]), PartitionIndex(0), handle));
        let (worker, commands) = mpsc::unbounded_channel();
        let outbox = Outbox::new(partition, worker.downgrade());
        Rig { outbox, shard, _worker: worker, commands }
    }

    /// Gathers appends of these groups and sends them; gives the batches that come to the shard.
    fn batches(Rig { outbox, shard, .. }: &mut Rig, groups: &[&str]) -> Vec<shard::Append> {
        let mut pace = Pace::new(None);
        for (token, group) in (0..).zip(groups) {
            outbox.gather(append(token, group), &mut pace);
        }
        let mut batches = Appends::default();
        outbox.take_batches(Timestamp(1), &mut batches);
        batches.send();
        match shard.try_recv() {
            Ok(Message::Append(appends)) => appends,
            other => panic!("one message with all of them, not {other:?}"),
        }
    }

    fn settle(batch: shard::Append, outcome: AppendOutcome) {
        let Ack::Tell(tell) = batch.ack else { panic!("the broker's own append") };
        tell(outcome);
    }

    /// What the worker is told: the numbers of batches, and whether they are stored.
    fn told(commands: &mut mpsc::UnboundedReceiver<Command>) -> Vec<(u64, bool)> {
        let mut told = Vec::new();
        while let Ok(Command::Settled { batch, outcome, .. }) = commands.try_recv() {
            told.push((batch, outcome.is_ok()));
        }
        told
    }

    #[test]
    fn what_was_gathered_goes_in_one_batch_and_ends_together() {
        let mut rig = rig();
        let mut sent = batches(&mut rig, &["a", "b", "a"]);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].batch.header.records_count, 3);
        assert!(rig.outbox.next_end().is_none());
        settle(sent.remove(0), STORED);
        assert_eq!(told(&mut rig.commands), [(0, true)]);
        rig.outbox.note_end(0, Ok(()));
        assert_eq!(
            rig.outbox.next_end(),
            Some((vec![AppendToken(0), AppendToken(1), AppendToken(2)], Ok(())))
        );
        assert_eq!(rig.outbox.next_end(), None);
    }

    #[test]
    fn a_batch_that_is_full_is_followed_by_another_and_what_is_larger_goes_alone() {
        let mut rig = rig();
        let (long, longer) = ("g".repeat(7_000), "g".repeat(30_000));
        let sent = batches(&mut rig, &[&long, &long, &long, "a", &longer, "b", "c"]);
        let counts: Vec<_> = sent.iter().map(|append| append.batch.header.records_count).collect();
        assert_eq!(counts, [2, 2, 1, 2]);
    }

    #[test]
    fn what_cannot_be_encoded_fails_alone_and_in_its_turn() {
        let mut rig = rig();
        let too_long = "g".repeat(40_000);
        let mut sent = batches(&mut rig, &["a", &too_long, "b"]);
        assert_eq!(sent.len(), 2);
        assert_eq!(told(&mut rig.commands), [(1, false)]);
        rig.outbox.note_end(1, Err(ErrorCode::UnknownServerError));
        assert_eq!(rig.outbox.next_end(), None, "the one before it has not ended");
        settle(sent.remove(1), STORED);
        rig.outbox.note_end(2, Ok(()));
        assert_eq!(rig.outbox.next_end(), None);
        drop(sent);
        assert_eq!(told(&mut rig.commands), [(2, true), (0, false)], "a shard that is gone stores nothing");
        rig.outbox.note_end(0, Err(ErrorCode::KafkaStorageError));
        let ends: Vec<_> = std::iter::from_fn(|| rig.outbox.next_end()).collect();
        let end = |token, result| (vec![AppendToken(token)], result);
        let failed = Err(ErrorCode::KafkaStorageError);
        assert_eq!(ends, [end(0, failed), end(1, Err(ErrorCode::UnknownServerError)), end(2, Ok(()))]);
    }
}
