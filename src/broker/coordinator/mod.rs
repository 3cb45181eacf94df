//! Group coordinators: the pure machines of `state::group`, driven by a few tasks.
//!
//! Each partition of `__consumer_offsets` has one machine, owned by one worker. A worker hands requests to machines,
//! appends what they decide through the partition's shard, and sends replies when the high watermark has passed the
//! records they rest on. What must not be here: rules of the group protocol.

mod bounds;
mod load;
mod outbox;
mod pace;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use gracchus_base::{ErrorCode, GroupId, TopicId, TopicName};
use gracchus_state::group::{Coordinator, FetchOffsets, Reply, Request, partition_for};
use tokio::sync::{mpsc, oneshot};

pub use self::bounds::GroupBounds;
use self::pace::Pace;
use crate::memory::Usage;
use crate::partition::{Partition, PartitionKey, Topic};
use crate::system::System;
use crate::ticket::AppendOutcome;
use crate::topics::Topics;

/// The way to all coordinators.
#[derive(Clone, Debug)]
pub struct Coordinators {
    /// Partition `p` belongs to worker `p % workers`. A queue holds at most one request per connection (each has one
    /// in progress) and the ends of appends.
    workers: Arc<[mpsc::UnboundedSender<Command>]>,
    topics: Arc<Topics>,
    bounds: GroupBounds,
}

/// What a worker can be told.
pub(crate) enum Command {
    Request {
        partition: i32,
        request: Request,
        reply: oneshot::Sender<Reply>,
    },
    Read {
        partition: i32,
        read: Box<dyn FnOnce(&Coordinator) + Send>,
    },
    /// The offsets topic has this partition: replay it.
    Load(Arc<Partition>),
    Replayed {
        key: PartitionKey,
        records: Vec<gracchus_base::group_record::GroupRecord>,
    },
    Loaded {
        key: PartitionKey,
        outcome: Result<(), String>,
    },
    /// The high watermark has passed a batch of appends, or it failed.
    Settled {
        key: PartitionKey,
        batch: u64,
        outcome: AppendOutcome,
    },
    TopicsDeleted(Arc<Vec<(String, TopicId)>>),
    ExpireOffsets,
}

impl Command {
    /// The partition it is for; `None`: all.
    fn partition(&self) -> Option<i32> {
        match self {
            Self::Request { partition, .. } | Self::Read { partition, .. } => Some(*partition),
            Self::Load(partition) => Some(partition.index.0),
            Self::Replayed { key, .. } | Self::Loaded { key, .. } | Self::Settled { key, .. } => {
                Some(key.1.0)
            }
            Self::TopicsDeleted(_) | Self::ExpireOffsets => None,
        }
    }
}

impl Coordinators {
    /// Starts `workers` tasks; they end when the handles are gone. `linger_ms`: `group.coordinator.append.linger.ms`.
    pub fn spawn(
        workers: usize,
        bounds: &GroupBounds,
        linger_ms: Option<u32>,
        topics: Arc<Topics>,
        system: &System,
    ) -> Self {
        let start = |_| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let (pace, own) = (Pace::new(linger_ms), sender.downgrade());
            let System { clock, entropy, execution, .. } = system.clone();
            let worker = worker::Worker::new(bounds.clone(), clock, entropy, execution, pace, own);
            tokio::spawn(worker.run(receiver));
            sender
        };
        let workers = (0..workers.max(1)).map(start).collect();
        Self { workers, topics, bounds: bounds.clone() }
    }

    /// Groups, and the bytes of their state.
    pub fn usage(&self) -> (Usage, Usage) {
        (self.bounds.groups.usage(), self.bounds.bytes.usage())
    }

    /// Asks the coordinator of `group` and waits for its reply, which may take a rebalance.
    pub async fn request(&self, group: &GroupId, request: Request) -> Result<Reply, ErrorCode> {
        let partition = self.partition_of(group)?;
        let (reply, replied) = oneshot::channel();
        self.send(partition, Command::Request { partition, request, reply });
        // Dropped without a reply: the machine is still loading, or its log failed.
        replied.await.map_err(|_| self.unanswered(partition))
    }

    /// Reads from the machine of `group`, at once.
    pub async fn read<T: Send + 'static>(
        &self,
        group: &GroupId,
        read: impl FnOnce(&Coordinator) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        self.read_partition(self.partition_of(group)?, read).await
    }

    /// Reads from every machine, in the order of their partitions.
    pub async fn read_all<T: Send + 'static>(
        &self,
        read: impl Fn(&Coordinator) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, ErrorCode> {
        let partitions = self.offsets_topic().map_or(0, |topic| topic.partitions.load().len());
        let mut all = Vec::with_capacity(partitions);
        for partition in 0..i32::try_from(partitions).unwrap_or(i32::MAX) {
            all.push(self.read_partition(partition, read.clone()).await?);
        }
        Ok(all)
    }

    /// Committed offsets of a group.
    pub async fn fetch_offsets(&self, fetch: FetchOffsets, require_stable: bool) -> Result<Reply, ErrorCode> {
        let group = fetch.group.clone();
        if require_stable {
            return self.request(&group, Request::FetchOffsets(fetch)).await;
        }
        self.read(&group, move |machine| Reply::FetchOffsets(Ok(machine.fetch_offsets(&fetch)))).await
    }

    /// Takes over the partitions of the offsets topic.
    pub fn load(&self, topic: &Topic) {
        for partition in topic.partitions.load().iter() {
            self.send(partition.index.0, Command::Load(partition.clone()));
        }
    }

    /// Drops what is committed for topics that are gone.
    pub fn topics_deleted(&self, topics: Vec<(String, TopicId)>) {
        let topics = Arc::new(topics);
        self.send_to_all(|| Command::TopicsDeleted(topics.clone()));
    }

    /// Lets offsets expire whose time has come.
    pub fn expire_offsets(&self) {
        self.send_to_all(|| Command::ExpireOffsets);
    }

    /// The topic of committed offsets, if it was made already.
    pub fn offsets_topic(&self) -> Option<Arc<Topic>> {
        self.topics.by_name(TopicName::consumer_offsets().as_str())
    }

    async fn read_partition<T: Send + 'static>(
        &self,
        partition: i32,
        read: impl FnOnce(&Coordinator) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let (sender, receiver) = oneshot::channel();
        let read = Box::new(move |machine: &Coordinator| drop(sender.send(read(machine))));
        self.send(partition, Command::Read { partition, read });
        receiver.await.map_err(|_| self.unanswered(partition))
    }

    fn partition_of(&self, group: &GroupId) -> Result<i32, ErrorCode> {
        let topic = self.offsets_topic().ok_or(ErrorCode::NotCoordinator)?;
        let partitions = i32::try_from(topic.partitions.load().len()).unwrap_or(i32::MAX);
        Ok(partition_for(group.as_str(), partitions))
    }

    /// Why a request was dropped (TRAPS 58).
    fn unanswered(&self, partition: i32) -> ErrorCode {
        let index = gracchus_base::PartitionIndex(partition);
        let online =
            self.offsets_topic().and_then(|topic| topic.partition(index)).is_some_and(|p| p.is_online());
        if online { ErrorCode::CoordinatorLoadInProgress } else { ErrorCode::NotCoordinator }
    }

    fn send(&self, partition: i32, command: Command) {
        let at = usize::try_from(partition).unwrap_or(0) % self.workers.len();
        // A worker ends only with the broker; the command's reply end is dropped, which answers it.
        let _ended = self.workers[at].send(command).is_err();
    }

    fn send_to_all(&self, command: impl Fn() -> Command) {
        for worker in self.workers.iter() {
            let _ended = worker.send(command()).is_err();
        }
    }
}
