//! The shard's thread: drains the mailbox, lets every touched partition append once, starts flushes, publishes views.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use gracchus_base::{Clock, ErrorCode, Monotonic};
use gracchus_log::{FlushTicket, LogConfig, LogEnv, parallel};
use gracchus_state::config::TopicConfig;
use tokio::sync::{Notify, mpsc, oneshot};

use super::partition_log::PartitionLog;
use super::producers::Producers;
use super::{Append, Flusher, Message, Open, PartitionCheckpoint, ShardClosed, ShardHandle};
use crate::data_dirs::FoundLog;
use crate::execution::Execution;
use crate::memory::Gauge;
use crate::open_files::Shares;
use crate::partition::{PartitionKey, Status};

/// The stack of a shard's thread.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Messages that are taken from the mailbox at a time: what one round of appends and flushes covers.
const ROUND_MAX: usize = 1024;

/// Partitions that are opened before it is looked how many producers they have brought together.
const OPENED_AT_ONCE: usize = 256;

/// What the partitions of a shard share.
pub struct ShardEnv {
    pub log: LogEnv,
    pub clock: Clock,
    pub execution: Execution,
    /// Told when a segment was sealed and is flushed to its end: the recovery points are to be written.
    pub segments_flushed: Arc<Notify>,
    /// `--ephemeral`: nothing is ever flushed.
    pub never_flush: bool,
    /// Threads that open partitions at once.
    pub opening_threads: usize,
    /// What it may hold open.
    pub open_files: Shares,
    /// Producers that a partition remembers at most.
    pub producers_max: usize,
    /// Producers that all partitions of the shard remember.
    pub producers: Arc<Gauge>,
    /// `producer.id.expiration.ms`, which may change while the broker runs.
    pub producer_expiration_ms: Arc<AtomicI64>,
    pub producer_check_ms: i64,
    pub retention_check_ms: i64,
    /// How long after the start retention is first looked at (`log.initial.task.delay.ms`).
    pub retention_delay_ms: i64,
}

/// What is due in a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub retention: bool,
    pub producer_expiry: bool,
}

impl ShardEnv {
    /// Whether an acknowledgement of `acks=all` waits for stable storage. `flush.messages=1` asks for the same by
    /// Kafka's own name.
    pub(super) fn flushes_before_ack(&self, config: &TopicConfig) -> bool {
        !self.never_flush && (config.flush_before_ack || config.flush_messages == 1)
    }

    pub(super) fn log_config(&self, config: &TopicConfig) -> LogConfig {
        LogConfig {
            segment_bytes: config.segment_bytes.unsigned_abs(),
            segment_ms: config.segment_ms,
            segment_jitter_ms: config.segment_jitter_ms,
            index_interval_bytes: config.index_interval_bytes.unsigned_abs(),
            segment_index_bytes: config.segment_index_bytes.unsigned_abs(),
            retention_ms: config.retention_ms,
            retention_bytes: config.retention_bytes,
            delete: config.cleanup_policy.delete,
            compact: config.cleanup_policy.compact,
            file_delete_delay_ms: config.file_delete_delay_ms,
        }
    }
}

/// Starts a shard.
pub fn spawn(name: &str, env: ShardEnv, flusher: Flusher) -> io::Result<ShardHandle> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // The shard and its partitions hold ends of their own: it ends with `Close` only.
    let handle = ShardHandle(sender);
    let (first_check, retention_check_ms) =
        (env.clock.monotonic().plus_ms(env.retention_delay_ms), env.retention_check_ms);
    let execution = env.execution.clone();
    let shard = Shard {
        producers: Producers::new(env.producers.clone()),
        env,
        handle: handle.clone(),
        flusher,
        partitions: BTreeMap::new(),
        to_open: Vec::new(),
        touched: BTreeSet::new(),
        unflushed: BTreeSet::new(),
        flushing: 0,
        retained: first_check.plus_ms(-retention_check_ms),
        producers_expired: Monotonic(i64::MIN),
        opening: None,
        closing: None,
        closed: false,
    };
    execution.start(name, STACK_BYTES, shard.run(receiver))?;
    Ok(handle)
}

struct Shard {
    env: ShardEnv,
    producers: Producers,
    /// For those who are to send back.
    handle: ShardHandle,
    flusher: Flusher,
    /// Boxed: a table of large values would hold, and leave behind as it grows, several times their size.
    partitions: BTreeMap<PartitionKey, Box<PartitionLog>>,
    /// Partitions with files that messages of this round have brought.
    to_open: Vec<Open>,
    /// Partitions that a message of this round changed.
    touched: BTreeSet<PartitionKey>,
    /// Logs with data that nobody has asked to flush.
    unflushed: BTreeSet<PartitionKey>,
    /// Flushes in progress.
    flushing: usize,
    /// When these were done last, on a clock that does not jump (FAULTS 31).
    retained: Monotonic,
    producers_expired: Monotonic,
    opening: Option<oneshot::Sender<()>>,
    closing: Option<oneshot::Sender<ShardClosed>>,
    /// The logs were closed; their last flush is under way or done.
    closed: bool,
}

/// Whether a shard has nothing more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

impl Shard {
    async fn run(mut self, mut mailbox: mpsc::UnboundedReceiver<Message>) {
        let execution = self.env.execution.clone();
        let mut round = Vec::with_capacity(ROUND_MAX);
        while mailbox.recv_many(&mut round, ROUND_MAX).await > 0 {
            execution.step().await;
            // A mistake of ours ends the service of this shard's logs, and of no others.
            let ended = catch_unwind(AssertUnwindSafe(|| self.round(&mut round)));
            if ended.unwrap_or_else(|_| self.fail()) == Ended::Yes {
                return;
            }
        }
    }

    fn round(&mut self, messages: &mut Vec<Message>) -> Ended {
        for message in messages.drain(..) {
            // Nobody is answered by closed logs: their messages are dropped, as after the shard's end.
            if !self.closed || matches!(message, Message::Flushed(_)) {
                self.take(message);
            }
        }
        self.finish_round();
        if self.flushing > 0 {
            return Ended::No;
        }
        if let Some(opening) = self.opening.take() {
            // Whoever asked may have given up.
            let _gone = opening.send(()).is_err();
        }
        if self.closing.is_some() && self.close_logs() {
            self.end();
            return Ended::Yes;
        }
        Ended::No
    }

    fn take(&mut self, message: Message) {
        if !matches!(message, Message::Open(_)) {
            self.open_all();
        }
        match message {
            Message::Append(appends) => appends.into_iter().for_each(|append| self.queue(append)),
            Message::Flushed(outcomes) => {
                self.flushing = self.flushing.saturating_sub(outcomes.len());
                for (key, outcome) in outcomes {
                    if let Some(partition) = self.partitions.get_mut(&key) {
                        if partition.flushed(outcome) {
                            self.env.segments_flushed.notify_one();
                        }
                        self.touched.insert(key);
                    }
                }
            }
            // Those with files are many at a start, and opened together; those without cost nothing.
            Message::Open(open) if matches!(open.found, FoundLog::There { .. }) => self.to_open.push(*open),
            Message::Open(open) => {
                let key = open.partition.key();
                self.partitions.insert(key, Box::new(PartitionLog::open(&open, &self.env)));
                self.touched.insert(key);
            }
            Message::Opened(reply) => self.opening = Some(reply),
            Message::Delete(key) => {
                if let Some(partition) = self.partitions.remove(&key) {
                    partition.delete();
                }
            }
            Message::SetConfig(key, config) => {
                if let Some(partition) = self.partitions.get_mut(&key) {
                    partition.set_config(config, &self.env);
                    self.touched.insert(key);
                }
            }
            Message::DeleteRecords { key, before, reply } => {
                let partition = self.partitions.get_mut(&key).ok_or(ErrorCode::UnknownTopicOrPartition);
                let _gone =
                    reply.send(partition.and_then(|partition| partition.delete_records(before))).is_err();
                self.touched.insert(key);
            }
            Message::DescribeProducers { key, reply } => {
                let partition = self.partitions.get(&key).ok_or(ErrorCode::UnknownTopicOrPartition);
                drop(reply.send(partition.and_then(|partition| partition.describe_producers())));
            }
            Message::Checkpoint(reply) => drop(reply.send(self.checkpoints())),
            Message::Tick => self.tick(),
            Message::Close(reply) => self.closing = Some(reply),
        }
    }

    fn queue(&mut self, append: Append) {
        match self.partitions.get_mut(&append.key) {
            Some(partition) => {
                self.touched.insert(append.key);
                partition.queue.push(append);
            }
            None => append.ack.refuse(ErrorCode::UnknownTopicOrPartition.into()),
        }
    }

    /// Opens the partitions that wait for it, several at once.
    fn open_all(&mut self) {
        while !self.to_open.is_empty() {
            let rest = self.to_open.len().saturating_sub(OPENED_AT_ONCE);
            let (to_open, env) = (self.to_open.split_off(rest), &self.env);
            let open = |open: Open| (open.partition.key(), Box::new(PartitionLog::open(&open, env)));
            for (key, mut partition) in parallel::map(to_open, env.opening_threads, open) {
                partition.count_producers();
                self.partitions.insert(key, partition);
                self.touched.insert(key);
            }
            self.producers.make_room(&mut self.partitions);
        }
    }

    /// Every touched partition appends what waits with few writes, starts a flush if it wants one, and publishes once.
    fn finish_round(&mut self) {
        self.open_all();
        let touched = std::mem::take(&mut self.touched);
        let mut tickets = Vec::new();
        for key in &touched {
            let Some(partition) = self.partitions.get_mut(key) else { continue };
            let Shares { flushing, unflushed, .. } = self.env.open_files;
            let full = self.flushing + tickets.len() >= flushing || self.unflushed.len() >= unflushed;
            if full && partition.would_hold_one_more() {
                // Once a flush has come back, which lets descriptors go.
                self.touched.insert(*key);
                continue;
            }
            append_queued(partition, &self.env);
            match partition.flush_ticket() {
                Some(ticket) => {
                    self.unflushed.remove(key);
                    tickets.push((*key, ticket));
                }
                None if partition.waits_for_a_flush() => drop(self.unflushed.insert(*key)),
                None => {}
            }
        }
        if self.unflushed.len() >= self.env.open_files.unflushed {
            tickets.extend(self.flush_unflushed());
        }
        self.flushing += tickets.len();
        self.flusher.flush(&self.handle, tickets);
        for key in &touched {
            if let Some(partition) = self.partitions.get_mut(key) {
                partition.finish_round();
                partition.count_producers();
            }
        }
        self.producers.make_room(&mut self.partitions);
    }

    /// Flushes of all logs that hold a descriptor until they are flushed, though nobody has asked for it.
    fn flush_unflushed(&mut self) -> Vec<(PartitionKey, FlushTicket)> {
        let mut tickets = Vec::new();
        for key in std::mem::take(&mut self.unflushed) {
            if let Some(partition) = self.partitions.get_mut(&key) {
                partition.wants_flush = true;
                tickets.extend(partition.flush_ticket().map(|ticket| (key, ticket)));
            }
        }
        tickets
    }

    fn tick(&mut self) {
        let now = self.env.clock.monotonic();
        let due = Due {
            retention: is_due(&mut self.retained, now, self.env.retention_check_ms),
            producer_expiry: is_due(&mut self.producers_expired, now, self.env.producer_check_ms),
        };
        for (key, partition) in self.partitions.iter_mut().filter(|(_, partition)| partition.log.is_some()) {
            if partition.tick(&self.env, due) {
                // The rest with the next tick.
                self.retained = now.plus_ms(-self.env.retention_check_ms);
            }
            if partition.wants_flush {
                self.touched.insert(*key);
            }
        }
    }

    fn checkpoints(&self) -> Vec<PartitionCheckpoint> {
        self.partitions.values().map(|partition| partition.checkpoint()).collect()
    }

    /// Nothing is in flight any more: closes the logs, and has what is left flushed. Answers whether that is done.
    fn close_logs(&mut self) -> bool {
        if !self.env.never_flush && !std::mem::replace(&mut self.closed, true) {
            let close =
                |(key, partition): (&PartitionKey, &mut Box<PartitionLog>)| Some((*key, partition.close()?));
            let tickets: Vec<_> = self.partitions.iter_mut().filter_map(close).collect();
            self.flushing = tickets.len();
            self.flusher.flush(&self.handle, tickets);
        }
        self.flushing == 0
    }

    /// After a panic nobody knows in what state the logs are: they go offline until a restart has recovered them. The
    /// shard goes on refusing what is asked of them, unless it was about to end.
    fn fail(&mut self) -> Ended {
        tracing::error!("a shard panicked; its partitions go offline");
        self.touched.clear();
        self.unflushed.clear();
        for open in std::mem::take(&mut self.to_open) {
            let partition = PartitionLog::not_opened(&open, &self.env);
            self.partitions.insert(open.partition.key(), Box::new(partition));
        }
        for partition in self.partitions.values_mut() {
            let failed = catch_unwind(AssertUnwindSafe(|| {
                partition.go_offline();
                partition.publish();
            }));
            if failed.is_err() {
                tracing::error!(partition = %partition.partition.name(), "the partition could not be told offline");
            }
        }
        // Whoever waits for a clean end hears that there is none.
        if self.closing.take().is_some() { Ended::Yes } else { Ended::No }
    }

    fn end(&mut self) {
        let clean = self.env.never_flush
            || self.partitions.values().all(|partition| partition.status == Status::Online);
        let checkpoints = self.checkpoints();
        if let Some(reply) = self.closing.take() {
            drop(reply.send(ShardClosed { checkpoints, clean }));
        }
    }
}

/// Appends what waits, and if nothing is ever flushed lets it go.
fn append_queued(partition: &mut PartitionLog, env: &ShardEnv) {
    let appended = catch_unwind(AssertUnwindSafe(|| partition.append_queued(env)));
    if appended.is_err() {
        // A mistake of ours in one partition: it stops, cleanly, and the others go on.
        tracing::error!(partition = %partition.partition.name(), "appending panicked; the partition goes offline");
        partition.go_offline();
    }
    if env.never_flush {
        partition.give_up_flushing();
    }
}

/// Whether `interval_ms` have passed since `last`, which then begins anew.
fn is_due(last: &mut Monotonic, now: Monotonic, interval_ms: i64) -> bool {
    let due = now.since_ms(*last) >= interval_ms;
    if due {
        *last = now;
    }
    due
}
