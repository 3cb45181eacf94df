//! Shards: each is one OS thread that owns a set of partitions alone and does all their writing.
//!
//! A shard drains its mailbox, appends everything that waits, hands what must be durable to its flushers and goes on;
//! when a flush returns, everything it covered is acknowledged. Batching grows by itself under load, and no async task
//! ever waits for a disk. What must not be here: requests and responses.

mod flusher;
mod lifecycle;
mod partition_log;
mod producers;
#[cfg(test)]
mod tests;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{ErrorCode, LeaderEpoch, Offset};
use gracchus_state::config::TopicConfig;
use gracchus_wire::records::Batch;
use tokio::sync::{mpsc, oneshot};

pub use self::flusher::{FlushOutcomes, Flusher};
pub use self::thread::{ShardEnv, spawn};
use crate::data_dirs::{Checkpointed, FoundLog};
use crate::partition::{Partition, PartitionKey};
use crate::ticket::{AppendOutcome, Refusal, Ticket};

/// The way to a shard. The queue behind it has no bound of its own: every append in it keeps its request's part of the
/// budget until it is answered, and all other messages are one per administrative action.
#[derive(Clone, Debug)]
pub struct ShardHandle(mpsc::UnboundedSender<Message>);

/// What a shard can be asked.
#[derive(Debug)]
pub enum Message {
    /// Batches for partitions of this shard, as those of one request: it wakes once for all of them.
    Append(Vec<Append>),
    Open(Box<Open>),
    /// The topic was deleted: the log goes, waiting appends are refused.
    Delete(PartitionKey),
    SetConfig(PartitionKey, Arc<TopicConfig>),
    DeleteRecords {
        key: PartitionKey,
        before: Offset,
        reply: oneshot::Sender<Result<Offset, ErrorCode>>,
    },
    /// What is remembered of a partition's producers.
    DescribeProducers {
        key: PartitionKey,
        reply: oneshot::Sender<Result<Vec<ProducerSnapshot>, ErrorCode>>,
    },
    /// Collects what the checkpoint files hold, and log sizes.
    Checkpoint(oneshot::Sender<Vec<PartitionCheckpoint>>),
    /// Time has passed: retention, producer expiry, `flush.ms`.
    Tick,
    /// Flushes came back.
    Flushed(FlushOutcomes),
    /// Answered when every partition before it is open and what recovery found is flushed, so that the high watermark
    /// that readers saw before the start is reached again.
    Opened(oneshot::Sender<()>),
    /// Flush and close everything; the thread ends.
    Close(oneshot::Sender<ShardClosed>),
}

/// One batch for one partition.
#[derive(Debug)]
pub struct Append {
    pub key: PartitionKey,
    /// Base offset and leader epoch are the shard's to set.
    pub batch: Batch,
    /// [`gracchus_base::Timestamp::NONE`] unless the topic stamps records itself.
    pub log_append_time: gracchus_base::Timestamp,
    pub ack: Ack,
}

/// Who is told of an append, and when.
pub enum Ack {
    /// `acks=0` and `acks=1`: as soon as it is in the log.
    Written(Ticket),
    /// `acks=all`: when the high watermark has passed it.
    Durable(Ticket),
    /// As [`Ack::Durable`], for the broker's own appends. Runs on the shard's thread, so it only sends.
    Tell(Box<dyn FnOnce(AppendOutcome) + Send>),
}

/// A partition to take over.
#[derive(Debug)]
pub struct Open {
    pub partition: Arc<Partition>,
    pub config: Arc<TopicConfig>,
    pub dir: PathBuf,
    pub leader_epoch: LeaderEpoch,
    /// What is in `dir`.
    pub found: FoundLog,
}

/// What a shard says when it has closed.
#[derive(Debug)]
pub struct ShardClosed {
    pub checkpoints: Vec<PartitionCheckpoint>,
    /// Every log was flushed and closed in good order.
    pub clean: bool,
}

/// What the checkpoint files know of a partition.
#[derive(Clone, Debug)]
pub struct PartitionCheckpoint {
    pub partition: Arc<Partition>,
    pub checkpointed: Checkpointed,
    /// Bytes of the log's segments.
    pub size_bytes: u64,
    /// `false`: nothing was ever written. What is lost counts as there, so that it is not taken for new after another
    /// start.
    pub has_files: bool,
}

impl ShardHandle {
    /// Sends to the shard. If its thread is gone the message is dropped, and with it the tickets or reply ends in it,
    /// which answers them with an error.
    pub fn send(&self, message: Message) {
        if self.0.send(message).is_err() {
            tracing::debug!("a shard has ended; a message to it was dropped");
        }
    }
}

#[cfg(test)]
impl ShardHandle {
    /// A handle, and where its messages come out.
    pub(crate) fn for_test() -> (Self, mpsc::UnboundedReceiver<Message>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }
}

/// Batches for several partitions, until each shard gets its own in one message.
#[derive(Default)]
pub struct Appends(Vec<(Arc<Partition>, Vec<Append>)>);

impl Appends {
    /// Adds a batch for a partition.
    pub fn push(&mut self, partition: Arc<Partition>, append: Append) {
        match self.0.iter_mut().find(|(other, _)| other.shard.is(&partition.shard)) {
            Some((_, appends)) => appends.push(append),
            None => self.0.push((partition, vec![append])),
        }
    }

    /// Sends them.
    pub fn send(self) {
        for (partition, appends) in self.0 {
            partition.shard.send(Message::Append(appends));
        }
    }
}

impl ShardHandle {
    /// Whether both lead to the same shard.
    fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl Ack {
    /// The batch was refused or could not be stored.
    fn refuse(self, refusal: Refusal) {
        match self {
            Self::Written(ticket) | Self::Durable(ticket) => ticket.answer(Err(refusal)),
            Self::Tell(tell) => tell(Err(refusal)),
        }
    }
}

impl std::fmt::Debug for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Written(_) => "Written",
            Self::Durable(_) => "Durable",
            Self::Tell(_) => "Tell",
        })
    }
}
