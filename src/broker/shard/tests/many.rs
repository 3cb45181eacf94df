//! A shard's thread with many partitions, on a simulated disk.

use std::path::Path;

use gracchus_base::BrokerId;
use gracchus_log::LogDir;
use gracchus_log::fs::sim::{Fault, Op, SimDisk};

use super::*;

const PARTITIONS: i32 = 40;

/// A shard that may hold few descriptors, with its data directory.
pub(super) struct Many {
    pub(super) shard: ShardHandle,
    dir: LogDir,
    config: TopicConfig,
}

impl Many {
    pub(super) fn start(disk: &SimDisk, open_files: Shares) -> Self {
        Self::start_on(Fs::new(disk.clone()), Path::new("/data"), open_files)
    }

    fn start_on(fs: Fs, path: &Path, open_files: Shares) -> Self {
        let entropy = Entropy::seeded(2);
        let dir = LogDir::open(&fs, path, "AAAAAAAAQQCCCCCCAAAAAA", BrokerId(1), &entropy).unwrap();
        let log = LogEnv { fs, ..env().log };
        let env = ShardEnv { log, opening_threads: 3, open_files, ..env() };
        let shard = spawn(
            "shard",
            env,
            Flusher::spawn("flush", &dir, Arc::default(), &crate::Execution::Threads).unwrap(),
        )
        .unwrap();
        let config = BrokerConfig::from_settings(&Settings::new()).unwrap().topic_defaults;
        Self { shard, dir, config }
    }

    /// One with a record in each partition, which nobody wants flushed.
    async fn unflushed(disk: &SimDisk, open_files: Shares) -> Self {
        let mut many = Self::start(disk, open_files);
        many.config.flush_before_ack = false;
        assert!(are_stored(&many.append(&many.open(FoundLog::NeverWritten)).await));
        many
    }

    pub(super) fn open(&self, found: FoundLog) -> Vec<Arc<Partition>> {
        let topic = TopicName::parse("t").unwrap();
        let open = |n| {
            let index = PartitionIndex(n);
            let partition =
                Arc::new(Partition::new(topic.clone(), TopicId([1; 16]), index, self.shard.clone()));
            let open = Open {
                partition: partition.clone(),
                config: Arc::new(self.config.clone()),
                dir: self.dir.partition_path(&partition.name()),
                leader_epoch: LeaderEpoch(0),
                found,
            };
            self.shard.send(Message::Open(Box::new(open)));
            partition
        };
        (0..PARTITIONS).map(open).collect()
    }

    /// One record to each partition; answers when all are answered.
    pub(super) async fn append(&self, partitions: &[Arc<Partition>]) -> Vec<Option<AppendOutcome>> {
        let (completion, tickets) = Completion::new(partitions.len(), Arc::default());
        for (partition, ticket) in partitions.iter().zip(tickets) {
            let ack = Ack::Durable(ticket);
            let append =
                Append { key: partition.key(), batch: batch(None), log_append_time: Timestamp::NONE, ack };
            self.shard.send(Message::Append(vec![append]));
        }
        completion.finished().await;
        completion.take()
    }

    pub(super) async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> T {
        let (reply, answer) = oneshot::channel();
        self.shard.send(message(reply));
        answer.await.unwrap()
    }
}

pub(super) fn are_stored(outcomes: &[Option<AppendOutcome>]) -> bool {
    outcomes.len() == PARTITIONS as usize && outcomes.iter().all(|outcome| matches!(outcome, Some(Ok(_))))
}

const FEW: Shares = Shares { cached: 4, flushing: 3, unflushed: 2 };

#[tokio::test]
async fn more_partitions_than_may_be_flushed_at_once_are_all_acknowledged() {
    let disk = SimDisk::new();
    let many = Many::start(&disk, FEW);
    let partitions = many.open(FoundLog::NeverWritten);
    for _ in 0..3 {
        assert!(are_stored(&many.append(&partitions).await));
    }
    let checkpoints = many.ask(Message::Checkpoint).await;
    assert!(checkpoints.iter().all(|found| found.checkpointed.recovery_point == Offset(3)));
}

#[tokio::test]
async fn logs_that_nobody_wants_flushed_are_flushed_when_they_hold_too_many_descriptors() {
    let disk = SimDisk::new();
    let many = Many::unflushed(&disk, FEW).await;
    // Flushes that are on their way come back before the thread ends.
    let checkpoints = many.ask(Message::Checkpoint).await;
    let unflushed = checkpoints.iter().filter(|found| found.checkpointed.recovery_point == Offset(0)).count();
    assert!(unflushed <= FEW.flushing + FEW.unflushed, "{unflushed} hold a descriptor");
}

#[tokio::test]
async fn partitions_are_closed_together_and_opened_several_at_once() {
    let disk = SimDisk::new();
    let many = Many::unflushed(&disk, Shares::new(usize::MAX, 1)).await;
    let closed = many.ask(Message::Close).await;
    assert!(closed.clean && closed.checkpoints.len() == PARTITIONS as usize);
    for (clean_shutdown, disk) in [(true, disk.crash(1)), (false, disk.crash(2)), (false, disk.kill())] {
        let many = Many::start(&disk, FEW);
        let checkpointed = closed.checkpoints[0].checkpointed;
        let directory = many.dir.meta().directory_id;
        let partitions = many.open(FoundLog::There { directory, clean_shutdown, checkpointed });
        many.ask(Message::Opened).await;
        let ends = partitions.iter().map(|partition| partition.view().unwrap().high_watermark.offset);
        assert!(ends.eq([Offset(1); PARTITIONS as usize]));
    }
}

#[tokio::test]
async fn many_logs_on_a_real_disk_are_flushed_and_found_again() {
    let tmp = tempfile::tempdir().unwrap();
    let start = || Many::start_on(Fs::real(), tmp.path(), Shares::new(usize::MAX, 1));
    let many = start();
    assert!(are_stored(&many.append(&many.open(FoundLog::NeverWritten)).await));
    let closed = many.ask(Message::Close).await;
    assert!(closed.clean);
    drop(many);
    let many = start();
    let (directory, checkpointed) = (many.dir.meta().directory_id, closed.checkpoints[0].checkpointed);
    let partitions = many.open(FoundLog::There { directory, clean_shutdown: true, checkpointed });
    many.ask(Message::Opened).await;
    let offsets = many.append(&partitions).await;
    let second =
        |outcome: &Option<AppendOutcome>| matches!(outcome, Some(Ok(at)) if at.base_offset == Offset(1));
    assert!(are_stored(&offsets) && offsets.iter().all(second));
}

#[tokio::test]
async fn faults_29_a_close_whose_flush_fails_is_not_clean() {
    let disk = SimDisk::new();
    let many = Many::unflushed(&disk, Shares::new(usize::MAX, 1)).await;
    disk.fail(|_, op, _| matches!(op, Op::SyncFs | Op::SyncData).then_some(Fault::Io));
    let closed = many.ask(Message::Close).await;
    assert!(!closed.clean);
    assert!(closed.checkpoints.iter().all(|found| found.checkpointed.recovery_point == Offset(0)));
}
