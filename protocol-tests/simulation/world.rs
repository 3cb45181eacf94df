//! The real parts: a log on a simulated disk, and the leader that decides what is appended to it.

use std::path::PathBuf;
use std::sync::Arc;

use gracchus_base::{Entropy, LeaderEpoch, Offset, Timestamp, TopicId};
use gracchus_log::fs::sim::SimDisk;
use gracchus_log::{Deleter, FileCache, Fs, Log, LogConfig, LogEnv, OpenError, Recovered, RecoveryStart};
use gracchus_state::partition::{EpochCache, EpochStart, PartitionLeader, RecoveredPartition};
use gracchus_state::producer::{BatchMeta, ProducerTable};
use gracchus_wire::records::BatchHeader;

use crate::history::Checkpointed;

const TOPIC_ID: TopicId = TopicId([7; 16]);

/// The clock stands still: nothing here is due by time.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// More than a schedule has.
const PRODUCERS_MAX: usize = 64;

/// A log with its leader.
pub(crate) struct World {
    pub disk: SimDisk,
    pub log: Log,
    pub leader: PartitionLeader,
}

impl World {
    /// A partition in which nothing was ever written.
    pub(crate) fn new(epoch: LeaderEpoch) -> Self {
        let disk = SimDisk::new();
        let mut log = Log::new_lazy(dir(), TOPIC_ID, config(), env(&disk));
        let leader = PartitionLeader::new(epoch, true, PRODUCERS_MAX);
        log.write_epochs(&epochs(&leader));
        Self { disk, log, leader }
    }

    /// Opens what is on the disk, as a shard does.
    pub(crate) fn open(
        disk: SimDisk,
        checkpoint: Checkpointed,
        clean_shutdown: bool,
        epoch: LeaderEpoch,
    ) -> Result<Self, OpenError> {
        let Checkpointed { recovery_point, log_start, high_watermark } = checkpoint;
        let mut producers = ProducerTable::new(PRODUCERS_MAX);
        let mut found_epochs = Vec::new();
        let mut visit = |found: Recovered| match found {
            Recovered::Snapshot(snapshots) => producers.restore(&snapshots),
            Recovered::Damage { .. } => panic!("a power cut damages nothing that was flushed"),
            Recovered::Batch(header) => {
                producers.replay(&meta(&header));
            }
            Recovered::Epochs(epochs) => found_epochs = epochs,
        };
        let start = RecoveryStart { clean_shutdown, recovery_point, log_start };
        let mut log = Log::open(dir(), TOPIC_ID, config(), env(&disk), start, &mut visit)?;
        let entry = |(epoch, start_offset)| EpochStart { epoch, start_offset };
        let found = RecoveredPartition {
            log_start: log.log_start(),
            log_end: log.log_end().offset,
            flushed_end: log.flushed_to().offset,
            high_watermark,
            epochs: EpochCache::from_entries(&found_epochs.into_iter().map(entry).collect::<Vec<_>>()),
            producers,
        };
        let leader = PartitionLeader::recovered(epoch, true, found);
        log.write_epochs(&epochs(&leader));
        Ok(Self { disk, log, leader })
    }

    /// Leads what is left of a log that was cut, with producers as its batches tell them.
    pub(crate) fn lead_what_is_left(&mut self, epoch: LeaderEpoch, producers: ProducerTable) {
        let found = RecoveredPartition {
            log_start: self.log.log_start(),
            log_end: self.log.log_end().offset,
            flushed_end: self.log.flushed_to().offset,
            high_watermark: Offset::ZERO,
            epochs: self.leader.epochs().clone(),
            producers,
        };
        self.leader = PartitionLeader::recovered(epoch, true, found);
        self.log.write_epochs(&epochs(&self.leader));
    }

    /// What the checkpoint files would hold now.
    pub(crate) fn checkpoint(&self) -> Checkpointed {
        let offsets = self.leader.offsets();
        Checkpointed {
            recovery_point: self.log.recovery_point(),
            log_start: offsets.log_start,
            high_watermark: offsets.high_watermark,
        }
    }
}

/// The producers that batches tell of.
pub(crate) fn replayed<'a>(headers: impl Iterator<Item = &'a BatchHeader>) -> ProducerTable {
    let mut producers = ProducerTable::new(PRODUCERS_MAX);
    for header in headers {
        producers.replay(&meta(header));
    }
    producers
}

/// Where the log lies on its disk.
pub(crate) fn dir() -> PathBuf {
    PathBuf::from("/t-0")
}

/// Small segments and indexes, so that a schedule has many of them.
fn config() -> LogConfig {
    LogConfig { segment_bytes: 2500, index_interval_bytes: 200, retention_ms: -1, ..LogConfig::default() }
}

fn env(disk: &SimDisk) -> LogEnv {
    LogEnv {
        fs: Fs::new(disk.clone()),
        files: Arc::new(FileCache::new(64)),
        deleter: Deleter::at_once(Arc::new(|_, _| {})),
        entropy: Entropy::seeded(1),
    }
}

pub(crate) fn epochs(leader: &PartitionLeader) -> Vec<(LeaderEpoch, Offset)> {
    leader.epochs().entries().iter().map(|entry| (entry.epoch, entry.start_offset)).collect()
}

/// What the leader needs to know of a batch.
pub(crate) fn meta(header: &BatchHeader) -> BatchMeta {
    BatchMeta {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_sequence: header.last_sequence(),
        leader_epoch: header.leader_epoch,
        base_offset: header.base_offset,
        ..BatchMeta::plain(header.last_offset_delta, header.max_timestamp)
    }
}
