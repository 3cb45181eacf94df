//! A worker: owns machines, performs their effects, and wakes them in time.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{Clock, Entropy, ErrorCode, Monotonic, Timestamp, TopicId};
use gracchus_state::group::{
    Append, AppendToken, Coordinator, Effects, Event, GroupConfig, Reply, Request, Token,
};
use gracchus_wire::internal::group;
use gracchus_wire::records::{Batch, BatchBuilder, BatchOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::{Command, load};
use crate::partition::{Partition, PartitionKey};
use crate::shard::{self, Ack, Message};
use crate::ticket::AppendOutcome;

/// How long a worker sleeps when no machine has anything due.
const NOTHING_DUE_MS: i64 = 3_600_000;
/// Commands that are taken from the queue at a time.
const ROUND_MAX: usize = 256;

pub(super) struct Worker {
    slots: HashMap<i32, Slot>,
    config: GroupConfig,
    clock: Clock,
    entropy: Entropy,
    /// No machine has anything due before this.
    due: Monotonic,
    /// Ends of appends come back this way. Weak: the worker must not keep itself alive.
    own: mpsc::WeakUnboundedSender<Command>,
}

/// A partition of the offsets topic with its machine.
struct Slot {
    partition: Arc<Partition>,
    machine: Coordinator,
    loaded: bool,
    waiting: HashMap<Token, oneshot::Sender<Reply>>,
    token_next: u64,
    /// Appends that the machine was not told the end of, oldest first. It is told in this order; the shard refuses one
    /// at once though others before it still wait for their flush.
    appends: VecDeque<(AppendToken, Option<Result<(), ErrorCode>>)>,
}

/// The duty to tell a worker how an append ended; dropped with a shard that is gone, it says that the append failed.
struct Settle {
    own: mpsc::WeakUnboundedSender<Command>,
    key: PartitionKey,
    append: AppendToken,
    told: bool,
}

impl Worker {
    pub(super) fn new(
        config: GroupConfig,
        clock: Clock,
        entropy: Entropy,
        own: mpsc::WeakUnboundedSender<Command>,
    ) -> Self {
        let due = clock.monotonic().plus_ms(NOTHING_DUE_MS);
        Self { slots: HashMap::new(), config, clock, entropy, due, own }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut round = Vec::with_capacity(ROUND_MAX);
        let mut alarm = pin!(sleep(Duration::ZERO));
        let mut alarm_set_for = None;
        loop {
            // Few commands move what is due first, so the alarm is seldom set anew.
            if alarm_set_for != Some(self.due) {
                alarm.as_mut().reset(Instant::now() + self.until_due());
                alarm_set_for = Some(self.due);
            }
            tokio::select! {
                taken = commands.recv_many(&mut round, ROUND_MAX) => match taken {
                    0 => return,
                    _ => round.drain(..).for_each(|command| self.command(command)),
                },
                () = alarm.as_mut() => alarm_set_for = None,
            }
            self.tick();
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Request { partition, request, reply } => self.request(partition, request, reply),
            Command::Read { partition, read } => {
                if let Some(slot) = self.slots.get(&partition).filter(|slot| slot.loaded) {
                    read(&slot.machine);
                }
            }
            Command::Load(partition) => self.load(partition),
            Command::Replayed { key, records } => {
                if let Some(slot) = self.slot(key) {
                    records.into_iter().for_each(|record| slot.machine.replay(record));
                }
            }
            Command::Loaded { key, outcome } => self.loaded(key, outcome),
            Command::Settled { key, append, outcome } => self.settled(key, append, outcome),
            Command::TopicsDeleted(topics) => self.topics_deleted(&topics),
            Command::ExpireOffsets => self.expire_offsets(),
        }
    }

    /// The slot of a partition; not of one that had its name before, in a topic that was deleted.
    fn slot(&mut self, key: PartitionKey) -> Option<&mut Slot> {
        self.slots.get_mut(&key.1.0).filter(|slot| slot.partition.key() == key)
    }

    /// Dropping `reply` tells the caller that the machine is not there yet.
    fn request(&mut self, partition: i32, request: Request, reply: oneshot::Sender<Reply>) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let entropy = self.entropy.clone();
        let Some(slot) = self.slots.get_mut(&partition).filter(|slot| slot.loaded) else { return };
        let token = Token(slot.token_next);
        slot.token_next += 1;
        slot.waiting.insert(token, reply);
        let effects = slot.machine.handle(now, wall, token, request, &mut || entropy.uuid_text());
        self.perform(partition, effects);
    }

    fn load(&mut self, partition: Arc<Partition>) {
        let index = partition.index.0;
        // A slot of the topic that had the name before gives way; who waits there is told to look again.
        if self.slots.get(&index).is_some_and(|slot| slot.partition.key() == partition.key()) {
            return;
        }
        let machine = Coordinator::new(self.config.clone());
        let slot = Slot {
            partition: partition.clone(),
            machine,
            loaded: false,
            waiting: HashMap::new(),
            token_next: 0,
            appends: VecDeque::new(),
        };
        self.slots.insert(index, slot);
        load::spawn(partition, self.own.clone());
    }

    fn loaded(&mut self, key: PartitionKey, outcome: Result<(), String>) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let Some(slot) = self.slot(key) else { return };
        match outcome {
            Ok(()) => {
                slot.loaded = true;
                let effects = slot.machine.loaded(now, wall);
                self.perform(key.1.0, effects);
            }
            // The slot stays as it is: its groups are answered with an error until a restart.
            Err(error) => {
                tracing::error!(partition = %slot.partition.name(), error, "group state was not loaded")
            }
        }
    }

    /// Only what is durable becomes visible: neither an offset that a power cut could take back, nor the assignment of
    /// a generation that could.
    fn settled(&mut self, key: PartitionKey, append: AppendToken, outcome: AppendOutcome) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let Some(slot) = self.slot(key) else { return };
        slot.note_end(append, outcome.map(|_| ()).map_err(|refusal| refusal.error));
        while let Some(slot) = self.slot(key)
            && let Some((append, result)) = slot.next_end()
        {
            let effects = slot.machine.appended(append, result, now, wall);
            self.perform(key.1.0, effects);
        }
    }

    fn topics_deleted(&mut self, topics: &[(String, TopicId)]) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        for partition in self.loaded_partitions() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            let effects = slot.machine.topics_deleted(topics, now, wall);
            self.perform(partition, effects);
        }
    }

    fn expire_offsets(&mut self) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        for partition in self.loaded_partitions() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            let effects = slot.machine.expire_offsets(now, wall);
            self.perform(partition, effects);
        }
    }

    /// Lets the machines whose time has come act.
    fn tick(&mut self) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        if now < self.due {
            return;
        }
        self.due = now.plus_ms(NOTHING_DUE_MS);
        for partition in self.loaded_partitions() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            let is_due = slot.machine.next_deadline().is_some_and(|due| due <= now);
            let effects = if is_due { slot.machine.tick(now, wall) } else { Effects::default() };
            self.perform(partition, effects);
        }
    }

    fn loaded_partitions(&self) -> Vec<i32> {
        self.slots.iter().filter(|(_, slot)| slot.loaded).map(|(partition, _)| *partition).collect()
    }

    fn until_due(&self) -> Duration {
        let left_ms = self.due.since_ms(self.clock.monotonic());
        Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    }

    /// What follows a step of a partition's machine: appends and answers, and perhaps something is due sooner.
    fn perform(&mut self, partition: i32, effects: Effects) {
        let wall = self.clock.now();
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        self.due = slot.machine.next_deadline().map_or(self.due, |due| due.min(self.due));
        effects.events.iter().for_each(log_event);
        effects.replies.into_iter().for_each(|(token, reply)| slot.reply(token, reply));
        for append in effects.appends {
            slot.append(append, wall, &self.own);
        }
    }
}

impl Slot {
    fn reply(&mut self, token: Token, reply: Reply) {
        if let Some(waiting) = self.waiting.remove(&token) {
            // The client may have gone away meanwhile.
            drop(waiting.send(reply));
        }
    }

    fn append(&mut self, append: Append, wall: Timestamp, own: &mpsc::WeakUnboundedSender<Command>) {
        let key = self.partition.key();
        self.appends.push_back((append.token, None));
        let settle = Settle { own: own.clone(), key, append: append.token, told: false };
        match batch(&append.records, wall) {
            Ok(batch) => {
                let ack = Ack::Tell(Box::new(move |outcome| settle.tell(outcome)));
                let append = shard::Append { key, batch, log_append_time: Timestamp::NONE, ack };
                self.partition.shard.send(Message::Append(vec![append]));
            }
            Err(error) => {
                tracing::error!(partition = %self.partition.name(), error, "group records were not encoded");
                settle.tell(Err(ErrorCode::UnknownServerError.into()));
            }
        }
    }

    fn note_end(&mut self, append: AppendToken, result: Result<(), ErrorCode>) {
        if let Some(entry) = self.appends.iter_mut().find(|(other, _)| *other == append) {
            entry.1 = Some(result);
        }
    }

    /// The oldest append, if it has ended.
    fn next_end(&mut self) -> Option<(AppendToken, Result<(), ErrorCode>)> {
        let (append, result) = *self.appends.front()?;
        self.appends.pop_front_if(|_| result.is_some());
        Some((append, result?))
    }
}

impl Settle {
    fn tell(mut self, outcome: AppendOutcome) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: AppendOutcome) {
        self.told = true;
        if let Some(own) = self.own.upgrade() {
            let (key, append) = (self.key, self.append);
            let _ended = own.send(Command::Settled { key, append, outcome }).is_err();
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

fn batch(records: &[GroupRecord], wall: Timestamp) -> Result<Batch, String> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for record in records {
        let (key, value) = group::encode(record).map_err(|error| error.to_string())?;
        builder.push(wall, Some(&key), value.as_deref(), &[]);
    }
    builder.finish().map_err(|error| error.to_string())
}

fn log_event(event: &Event) {
    match event {
        Event::PreparingRebalance { group, generation, reason } => {
            tracing::info!(%group, generation, reason, "rebalance begins");
        }
        Event::GenerationStarted { group, generation, members } => {
            tracing::info!(%group, generation, members, "all members have joined");
        }
        Event::GroupEmpty { group, generation } => tracing::info!(%group, generation, "the group is empty"),
        Event::MemberExpired { group, member_id } => {
            tracing::info!(%group, member_id, "nothing was heard of a member; it is removed");
        }
    }
}
