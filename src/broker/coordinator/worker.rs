//! A worker: owns machines, performs their effects, and wakes them in time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gracchus_base::{Clock, Entropy, Monotonic, TopicId};
use gracchus_state::group::{Coordinator, Effects, Event, Reply, Request, Token};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::bounds::{GroupBounds, GroupsHeld};
use super::outbox::Outbox;
use super::pace::Pace;
use super::{Command, load};
use crate::execution::Execution;
use crate::partition::{Partition, PartitionKey};
use crate::shard::Appends;
use crate::ticket::AppendOutcome;

/// How long a worker sleeps when no machine has anything due.
const NOTHING_DUE_MS: i64 = 3_600_000;
/// Commands that are taken from the queue at a time.
const ROUND_MAX: usize = 256;

pub(super) struct Worker {
    slots: BTreeMap<i32, Slot>,
    bounds: GroupBounds,
    clock: Clock,
    entropy: Entropy,
    execution: Execution,
    /// No machine has anything due before this.
    due: Monotonic,
    /// Partitions with appends that are not sent yet.
    gathered: BTreeSet<i32>,
    /// Some of them cannot wait.
    hurry: bool,
    pace: Pace,
    /// Ends of appends come back this way. Weak: the worker must not keep itself alive.
    own: mpsc::WeakUnboundedSender<Command>,
}

/// A partition of the offsets topic with its machine.
struct Slot {
    partition: Arc<Partition>,
    machine: Coordinator,
    held: GroupsHeld,
    state: SlotState,
    waiting: BTreeMap<Token, oneshot::Sender<Reply>>,
    token_next: u64,
    outbox: Outbox,
}

/// What a machine can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotState {
    /// Nothing yet; for ever, if its log could not be read.
    Loading,
    Loaded,
    /// Nothing any more: it panicked, and what it holds may be half a step.
    Failed,
}

impl Worker {
    pub(super) fn new(
        bounds: GroupBounds,
        clock: Clock,
        entropy: Entropy,
        execution: Execution,
        pace: Pace,
        own: mpsc::WeakUnboundedSender<Command>,
    ) -> Self {
        let due = clock.monotonic().plus_ms(NOTHING_DUE_MS);
        Self {
            slots: BTreeMap::new(),
            bounds,
            clock,
            entropy,
            execution,
            due,
            gathered: BTreeSet::new(),
            hurry: false,
            pace,
            own,
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut round = Vec::with_capacity(ROUND_MAX);
        let mut alarm = pin!(sleep(Duration::ZERO));
        let mut alarm_set_for = None;
        let mut step = pin!(sleep(Duration::ZERO));
        loop {
            // Few commands move what is due first, so the alarm is seldom set anew.
            if alarm_set_for != Some(self.due) {
                alarm.as_mut().reset(Instant::now() + self.until_due());
                alarm_set_for = Some(self.due);
            }
            tokio::select! {
                biased;
                taken = commands.recv_many(&mut round, ROUND_MAX) => match taken {
                    0 => return,
                    _ => round.drain(..).for_each(|command| {
                        self.guarded(command.partition(), |worker| worker.command(command));
                    }),
                },
                () = alarm.as_mut() => alarm_set_for = None,
                () = step.as_mut(), if !self.gathered.is_empty() => {}
            }
            self.guarded(None, Self::tick);
            self.send_gathered();
            if !self.gathered.is_empty() && step.deadline() != self.pace.step_ends() {
                step.as_mut().reset(self.pace.step_ends());
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Request { partition, request, reply } => self.request(partition, request, reply),
            Command::Read { partition, read } => {
                if let Some(slot) = self.slots.get(&partition).filter(|slot| slot.is_loaded()) {
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
            Command::Settled { key, batch, outcome } => self.settled(key, batch, outcome),
            Command::TopicsDeleted(topics) => self.topics_deleted(&topics),
            Command::ExpireOffsets => self.expire_offsets(),
        }
    }

    /// Takes a step for one machine, or for all. A panic in it is a mistake of ours; it ends the service of no others.
    fn guarded(&mut self, partition: Option<i32>, step: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| step(self))).is_err() {
            let failed = partition.map_or_else(|| self.loaded_partitions(), |partition| vec![partition]);
            failed.into_iter().for_each(|partition| self.give_up(partition));
        }
    }

    /// A machine that panicked is made anew from its log, once its appends have ended; whoever waits is told to ask again.
    /// One that cannot be made from its log stays away until a restart.
    fn give_up(&mut self, partition: i32) {
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        tracing::error!(partition = %slot.partition.name(), "a group coordinator panicked");
        let before = std::mem::replace(&mut slot.state, SlotState::Failed);
        slot.waiting.clear();
        slot.outbox.drop_gathered();
        self.gathered.remove(&partition);
        if before == SlotState::Loaded {
            self.load_again(partition);
        }
    }

    fn load_again(&mut self, partition: i32) {
        if self.slots.get(&partition).is_some_and(|slot| slot.has_failed() && slot.outbox.is_idle())
            && let Some(slot) = self.slots.remove(&partition)
        {
            self.load(slot.partition);
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
        let Some(slot) = self.slots.get_mut(&partition).filter(|slot| slot.is_loaded()) else { return };
        let token = Token(slot.token_next);
        slot.token_next += 1;
        slot.waiting.insert(token, reply);
        slot.machine.limit(self.bounds.limits(slot.machine.held()));
        let effects = slot.machine.handle(now, wall, token, request, &mut || entropy.uuid_text());
        self.perform(partition, effects);
    }

    fn load(&mut self, partition: Arc<Partition>) {
        let index = partition.index.0;
        // A slot of the topic that had the name before gives way; who waits there is told to look again.
        if self.slots.get(&index).is_some_and(|slot| slot.partition.key() == partition.key()) {
            return;
        }
        let machine = Coordinator::new(self.bounds.config.clone());
        let slot = Slot {
            partition: partition.clone(),
            machine,
            held: self.bounds.nothing(),
            state: SlotState::Loading,
            waiting: BTreeMap::new(),
            token_next: 0,
            outbox: Outbox::new(partition.clone(), self.own.clone()),
        };
        self.slots.insert(index, slot);
        load::spawn(partition, self.own.clone(), &self.execution);
    }

    fn loaded(&mut self, key: PartitionKey, outcome: Result<(), String>) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let Some(slot) = self.slot(key).filter(|slot| !slot.has_failed()) else { return };
        match outcome {
            Ok(()) => {
                slot.state = SlotState::Loaded;
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
    fn settled(&mut self, key: PartitionKey, batch: u64, outcome: AppendOutcome) {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let Some(slot) = self.slot(key) else { return };
        slot.outbox.note_end(batch, outcome.map(|_| ()).map_err(|refusal| refusal.error));
        if slot.has_failed() {
            while slot.outbox.next_end().is_some() {}
            return self.load_again(key.1.0);
        }
        while let Some((appends, result)) = self.slot(key).and_then(|slot| slot.outbox.next_end()) {
            for append in appends {
                let Some(slot) = self.slot(key) else { return };
                let effects = slot.machine.appended(append, result, now, wall);
                self.perform(key.1.0, effects);
            }
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
        self.slots.iter().filter(|(_, slot)| slot.is_loaded()).map(|(partition, _)| *partition).collect()
    }

    fn until_due(&self) -> Duration {
        let left_ms = self.due.since_ms(self.clock.monotonic());
        Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    }

    /// What follows a step of a partition's machine: appends and answers, and perhaps something is due sooner.
    fn perform(&mut self, partition: i32, effects: Effects) {
        let Some(slot) = self.slots.get_mut(&partition) else { return };
        self.due = slot.machine.next_deadline().map_or(self.due, |due| due.min(self.due));
        slot.held.set(slot.machine.held());
        for event in &effects.events {
            self.bounds.note(event);
            log_event(event);
        }
        effects.replies.into_iter().for_each(|(token, reply)| slot.reply(token, reply));
        for append in effects.appends {
            self.hurry |= slot.outbox.gather(append, &mut self.pace);
            self.gathered.insert(partition);
        }
    }

    /// Sends what was gathered, unless it is to wait for more.
    fn send_gathered(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let all = self.pace.may_send(Instant::now());
        let hurry = std::mem::take(&mut self.hurry);
        if !all && !hurry {
            return;
        }
        let wall = self.clock.now();
        let mut batches = Appends::default();
        self.gathered.retain(|partition| match self.slots.get_mut(partition) {
            Some(slot) if all || slot.outbox.hurries() => {
                slot.outbox.take_batches(wall, &mut batches);
                false
            }
            slot => slot.is_some(),
        });
        batches.send();
    }
}

impl Slot {
    fn is_loaded(&self) -> bool {
        self.state == SlotState::Loaded
    }

    fn has_failed(&self) -> bool {
        self.state == SlotState::Failed
    }

    fn reply(&mut self, token: Token, reply: Reply) {
        if let Some(waiting) = self.waiting.remove(&token) {
            // The client may have gone away meanwhile.
            drop(waiting.send(reply));
        }
    }
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
        // As often as clients like: what counts it says so in the log.
        Event::NoRoom { group, .. } => tracing::debug!(%group, "no room for more group state"),
    }
}
