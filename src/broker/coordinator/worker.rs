//! A worker: owns machines, performs their effects, and wakes them in time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gracchus_base::group_record::GroupRecord;
use gracchus_base::{Clock, Entropy, ErrorCode, Monotonic, Timestamp, TopicName};
use gracchus_state::group::{Append, AppendToken, Coordinator, Effects, Event, GroupConfig, Reply, Request, Token};
use gracchus_wire::internal::group;
use gracchus_wire::records::{Batch, BatchBuilder, BatchOptions};
use tokio::sync::{mpsc, oneshot};

use super::{Command, load};
use crate::partition::Partition;
use crate::shard::{self, Ack, Message, Stage};
use crate::ticket::AppendOutcome;

/// How long a worker sleeps when no machine has anything due.
const NOTHING_DUE: Duration = Duration::from_secs(3600);

pub(super) struct Worker {
    slots: HashMap<i32, Slot>,
    config: GroupConfig,
    clock: Clock,
    entropy: Entropy,
    /// Ends of appends come back this way. Weak: the worker must not keep itself alive.
    own: mpsc::WeakUnboundedSender<Command>,
}

/// A partition of the offsets topic with its machine.
struct Slot {
    partition: Arc<Partition>,
    machine: Coordinator,
    loaded: bool,
    waiting: HashMap<Token, oneshot::Sender<Reply>>,
    /// Replies until their append is durable; at most one entry per append in flight.
    held: HashMap<AppendToken, Vec<(Token, Reply)>>,
    token_next: u64,
}

impl Worker {
    pub(super) fn new(
        config: GroupConfig,
        clock: Clock,
        entropy: Entropy,
        own: mpsc::WeakUnboundedSender<Command>,
    ) -> Self {
        Self { slots: HashMap::new(), config, clock, entropy, own }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let sleep = self.until_next_deadline();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                () = tokio::time::sleep(sleep) => {}
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
            Command::Replayed { partition, records } => {
                if let Some(slot) = self.slots.get_mut(&partition) {
                    records.into_iter().for_each(|record| slot.machine.replay(record));
                }
            }
            Command::Loaded { partition, outcome } => self.loaded(partition, outcome),
            Command::Written { partition, append, outcome } => self.written(partition, append, &outcome),
            Command::Durable { partition, append, outcome } => self.durable(partition, append, &outcome),
            Command::TopicsDeleted(names) => self.topics_deleted(&names),
            Command::ExpireOffsets => self.expire_offsets(),
        }
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
        self.perform(partition, effects, None);
    }

    fn load(&mut self, partition: Arc<Partition>) {
        let index = partition.index.0;
        if self.slots.contains_key(&index) {
            return;
        }
        let machine = Coordinator::new(self.config.clone());
        let slot = Slot {
            partition: partition.clone(),
            machine,
            loaded: false,
            waiting: HashMap::new(),
            held: HashMap::new(),
            token_next: 0,
        };
        self.slots.insert(index, slot);
        load::spawn(partition, self.own.clone());
    }

    fn loaded(&mut self, partition: i32, outcome: Result<(), String>) {
        let now = self.clock.monotonic();
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        match outcome {
            Ok(()) => {
                slot.loaded = true;
                slot.machine.loaded(now);
            }
            // The slot stays as it is: its groups are answered with an error until a restart.
            Err(error) => tracing::error!(partition = %slot.partition.name(), error, "group state was not loaded"),
        }
    }

    fn written(&mut self, partition: i32, append: AppendToken, outcome: &AppendOutcome) {
        let now = self.clock.monotonic();
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        let result = outcome.as_ref().map(|_| ()).map_err(|refusal| refusal.error);
        let until_durable = result.is_ok().then_some(append);
        let effects = slot.machine.appended(append, result, now);
        self.perform(partition, effects, until_durable);
    }

    fn durable(&mut self, partition: i32, append: AppendToken, outcome: &AppendOutcome) {
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        let held = slot.held.remove(&append).unwrap_or_default();
        if outcome.is_err() {
            // The log went offline. Dropping the reply ends answers NOT_COORDINATOR.
            held.iter().for_each(|(token, _)| drop(slot.waiting.remove(token)));
            return;
        }
        for (token, reply) in held {
            slot.reply(token, reply);
        }
    }

    fn topics_deleted(&mut self, names: &[TopicName]) {
        for partition in self.loaded_partitions() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            let effects = slot.machine.topics_deleted(names);
            self.perform(partition, effects, None);
        }
    }

    fn expire_offsets(&mut self) {
        let wall = self.clock.now();
        for partition in self.loaded_partitions() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            let effects = slot.machine.expire_offsets(wall);
            self.perform(partition, effects, None);
        }
    }

    /// Lets the machines whose time has come act.
    fn tick(&mut self) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        for partition in self.loaded_partitions() {
            let Some(slot) = self.slots.get_mut(&partition) else { continue };
            if slot.machine.next_deadline().is_some_and(|due| due <= now) {
                let effects = slot.machine.tick(now, wall);
                self.perform(partition, effects, None);
            }
        }
    }

    fn loaded_partitions(&self) -> Vec<i32> {
        self.slots.iter().filter(|(_, slot)| slot.loaded).map(|(partition, _)| *partition).collect()
    }

    fn until_next_deadline(&self) -> Duration {
        let now: Monotonic = self.clock.monotonic();
        let loaded = self.slots.values().filter(|slot| slot.loaded);
        let due = loaded.filter_map(|slot| slot.machine.next_deadline()).min();
        due.map_or(NOTHING_DUE, |due| Duration::from_millis(u64::try_from(due.since_ms(now)).unwrap_or(0)))
    }

    /// Appends and answers. Replies that rest on an append are held until that is durable.
    fn perform(&mut self, partition: i32, effects: Effects, until_durable: Option<AppendToken>) {
        let wall = self.clock.now();
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        effects.events.iter().for_each(log_event);
        match until_durable {
            Some(append) => slot.held.entry(append).or_default().extend(effects.replies),
            None => effects.replies.into_iter().for_each(|(token, reply)| slot.reply(token, reply)),
        }
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

    fn append(&self, append: Append, wall: Timestamp, own: &mpsc::WeakUnboundedSender<Command>) {
        let partition = self.partition.index.0;
        let token = append.token;
        let tell = |durable: bool| -> Stage {
            let own = own.clone();
            Box::new(move |outcome| {
                let Some(own) = own.upgrade() else { return };
                let command = if durable {
                    Command::Durable { partition, append: token, outcome }
                } else {
                    Command::Written { partition, append: token, outcome }
                };
                let _ended = own.send(command).is_err();
            })
        };
        match batch(&append.records, wall) {
            Ok(batch) => {
                let ack = Ack::Both { written: tell(false), durable: tell(true) };
                let key = self.partition.key();
                let append = shard::Append { key, batch, log_append_time: Timestamp::NONE, ack };
                self.partition.shard.send(Message::Append(append));
            }
            Err(error) => {
                tracing::error!(partition = %self.partition.name(), error, "group records were not encoded");
                tell(false)(Err(ErrorCode::UnknownServerError.into()));
            }
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
