//! The data directories of this broker, each with its shards, so that a dying disk stalls only its own.

mod found;
mod offline;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gracchus_base::{ErrorCode, Offset, PartitionIndex, TopicId, TopicName, TopicPartition};
use gracchus_log::dir::{Checkpoint, DirError, LogDir};
use gracchus_log::{Deleter, FileCache, Fs, LogEnv};
use gracchus_state::config::BrokerConfig;
use tokio::sync::{Notify, oneshot};

use self::found::Found;
pub use self::found::{Checkpointed, FoundLog, FoundLogs};
use self::offline::{OfflineDir, each_usable, leave_out};
use crate::execution::Execution;
use crate::flushes_first::FlushesFirst;
use crate::memory::{Gauge, Usage};
use crate::open_files::{self, Shares};
use crate::shard::{self, Flusher, Message, PartitionCheckpoint, ShardClosed, ShardEnv, ShardHandle};
use crate::system::System;

/// All data directories; at least one that can be used.
pub struct DataDirs {
    dirs: Vec<DataDir>,
    offline: Vec<OfflineDir>,
    cluster_id: String,
    log_env: LogEnv,
    flushes: Arc<FlushesFirst>,
    execution: Execution,
    segments_flushed: Arc<Notify>,
    /// Nothing is flushed, and nothing written that only the next start would read.
    ephemeral: bool,
}

/// One data directory.
pub struct DataDir {
    log_dir: LogDir,
    shards: Vec<ShardHandle>,
    /// What each of them counts of the producers it remembers.
    producers: Vec<Arc<Gauge>>,
    /// Partitions placed here.
    partitions: AtomicUsize,
    /// Locked while the checkpoint files are replaced.
    checkpoints: Mutex<CheckpointFiles>,
}

/// Who may write the checkpoint files.
#[derive(Default)]
struct CheckpointFiles {
    /// The directory was closed, what they say is final.
    closed: bool,
}

/// A directory as DescribeLogDirs shows it.
#[derive(Clone, Debug)]
pub struct DirDescription {
    pub path: String,
    /// -1 if unknown.
    pub total_bytes: i64,
    pub usable_bytes: i64,
    pub error: ErrorCode,
    pub partitions: Vec<(TopicPartition, u64)>,
}

/// Picks the offset that a checkpoint file holds.
type OffsetOf = fn(&Checkpointed) -> Offset;

/// The checkpoint files, each with what it holds of a partition.
const CHECKPOINTS: [(Checkpoint, OffsetOf); 3] = [
    (Checkpoint::RecoveryPoint, |partition| partition.recovery_point),
    (Checkpoint::LogStart, |partition| partition.log_start),
    (Checkpoint::Replication, |partition| partition.high_watermark),
];

/// What opening needs.
pub struct DataDirsOptions<'a> {
    pub config: &'a BrokerConfig,
    pub cluster_id: Option<&'a str>,
    pub ephemeral: bool,
    /// Shared with whoever applies settings.
    pub producer_expiration_ms: &'a Arc<AtomicI64>,
    pub system: &'a System,
}

/// Why the directories were not opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Dir(#[from] DirError),
    #[error("data directory {path}: {error}")]
    Io {
        path: String,
        #[source]
        error: std::io::Error,
    },
    #[error("a thread did not start: {0}")]
    Thread(#[source] std::io::Error),
}

impl DataDirs {
    /// Looks at all directories before it takes the first; those of another cluster or node are refused, unchanged. One
    /// whose disk fails is left out, as long as another one can be used.
    pub fn open(options: &DataDirsOptions<'_>) -> Result<(Self, FoundLogs), StartError> {
        let System { fs, entropy, .. } = options.system;
        let cluster_id = cluster_id(fs, options)?;
        let paths: Vec<PathBuf> = options.config.log_dirs.iter().map(PathBuf::from).collect();
        let shards_per_dir = shard_count(options.config).div_ceil(paths.len()).max(1);
        let shares = Shares::new(open_files::limit(), shards_per_dir * paths.len());
        let log_env = log_env(fs, shares.cached, options)?;
        let node_id = options.config.node_id;
        let mut offline = Vec::new();
        let paths = each_usable(paths, &mut offline, |path| {
            LogDir::check_identity(fs, path, &cluster_id, node_id)?;
            Ok(path.to_owned())
        })?;
        let log_dirs = each_usable(paths, &mut offline, |path| {
            Ok(LogDir::open(fs, path, &cluster_id, node_id, entropy)?)
        })?;
        let (flushes, segments_flushed) = (Arc::new(FlushesFirst::default()), Arc::new(Notify::new()));
        let (mut dirs, mut found) = (Vec::new(), Vec::new());
        for (at, log_dir) in log_dirs.into_iter().enumerate() {
            let path = log_dir.path().to_owned();
            let (shards, told) = ((shards_per_dir, shares), (&flushes, &segments_flushed));
            match DataDir::open(log_dir, at, shards, &log_env, told, options) {
                Ok((dir, found_there)) => {
                    dirs.push(dir);
                    found.push(found_there);
                }
                Err(error) => leave_out(path, error, &mut offline)?,
            }
        }
        if dirs.is_empty() && !offline.is_empty() {
            return Err(offline.remove(0).error);
        }
        let found = FoundLogs { found, complete: offline.is_empty() };
        let (execution, ephemeral) = (options.system.execution.clone(), options.ephemeral);
        let dirs =
            Self { dirs, offline, cluster_id, log_env, flushes, segments_flushed, execution, ephemeral };
        Ok((dirs, found))
    }

    /// The cluster's id, as every directory says.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The directories' ids, in the order of `log.dirs`.
    pub fn ids(&self) -> Vec<TopicId> {
        self.dirs.iter().map(DataDir::id).collect()
    }

    /// The directories' paths.
    pub fn paths(&self) -> Vec<String> {
        self.dirs.iter().map(|dir| dir.path().display().to_string()).collect()
    }

    /// Shards over all directories.
    pub fn shard_count(&self) -> usize {
        self.dirs.iter().map(|dir| dir.shards.len()).sum()
    }

    /// The producers that all shards remember.
    pub fn producer_ids(&self) -> Usage {
        let shards = self.dirs.iter().flat_map(|dir| &dir.producers).map(|gauge| gauge.usage());
        shards.reduce(Usage::plus).unwrap_or_default()
    }

    /// What those who read from the same disks are to let pass.
    pub fn flushes(&self) -> Arc<FlushesFirst> {
        self.flushes.clone()
    }

    /// What logs share.
    pub fn log_env(&self) -> LogEnv {
        self.log_env.clone()
    }

    /// The directory for a new partition: the one with the fewest, as in Kafka.
    pub fn place(&self) -> TopicId {
        let fewest = self.dirs.iter().min_by_key(|dir| dir.partitions.load(Ordering::Relaxed));
        fewest.map_or(TopicId::ZERO, |dir| {
            dir.partitions.fetch_add(1, Ordering::Relaxed);
            dir.id()
        })
    }

    /// The directory with that id. A partition that names none of ours, such as one from before it was known, is in
    /// the first.
    pub fn directory(&self, id: TopicId) -> &DataDir {
        self.dirs.iter().find(|dir| dir.id() == id).unwrap_or(&self.dirs[0])
    }

    /// A partition was found in this directory at the start; [`DataDirs::place`] counts those that are made later.
    pub fn count(&self, directory: TopicId) {
        self.directory(directory).partitions.fetch_add(1, Ordering::Relaxed);
    }

    /// Partitions are about to be deleted. Before their names can be used again, what the checkpoints say of them is
    /// forgotten: after a crash it would be taken for their successors'.
    pub fn forget(&self, partitions: &[(TopicId, TopicPartition)]) {
        for dir in &self.dirs {
            let here = partitions.iter().filter(|(id, _)| std::ptr::eq(self.directory(*id), dir));
            let gone: HashSet<_> = here.map(|(_, name)| name).collect();
            dir.partitions.fetch_sub(gone.len(), Ordering::Relaxed);
            if gone.is_empty() || self.ephemeral {
                continue;
            }
            if let Err(error) = dir.keep_checkpointed(&|name| !gone.contains(name)) {
                tracing::error!(directory = %dir.path().display(), %error, "a checkpoint was not written");
            }
        }
    }

    /// Waits until all partitions that were handed over are open.
    pub async fn opened(&self) {
        for shard in self.shards() {
            let (reply, opened) = oneshot::channel();
            shard.send(Message::Opened(reply));
            if opened.await.is_err() {
                tracing::error!("a shard ended while it opened its partitions");
            }
        }
    }

    /// Has the shards look at what is due by time.
    pub fn tick(&self) {
        self.shards().for_each(|shard| shard.send(Message::Tick));
    }

    /// Writes the checkpoint files of every directory, off the async threads.
    pub async fn checkpoint(self: &Arc<Self>) {
        if self.ephemeral {
            return;
        }
        for at in 0..self.dirs.len() {
            let checkpoints = self.dirs[at].collect().await;
            let dirs = self.clone();
            let write = move || dirs.dirs[at].write_checkpoints(&checkpoints, false);
            if let Err(error) = self.execution.blocking(write).await {
                tracing::error!(%error, "writing the checkpoints panicked");
            }
        }
    }

    /// Waits until a sealed segment was flushed since the last time: what the recovery points say then lets the next
    /// start tell damage to it from a torn tail (FAULTS 22), and saves reading it.
    pub async fn segment_flushed(&self) {
        self.segments_flushed.notified().await;
    }

    /// Sizes and space of every directory.
    pub async fn describe(&self) -> Vec<DirDescription> {
        let mut all = Vec::new();
        for dir in &self.dirs {
            all.push(dir.describe().await);
        }
        all.extend(self.offline.iter().map(OfflineDir::describe));
        all
    }

    /// Closes all logs, those of all shards at once; directories in which that went well are marked as clean.
    pub async fn close(&self) {
        let closing: Vec<_> = self.dirs.iter().map(DataDir::start_closing).collect();
        for (dir, closing) in self.dirs.iter().zip(closing) {
            dir.finish_closing(closing, self.ephemeral).await;
        }
    }

    fn shards(&self) -> impl Iterator<Item = &ShardHandle> {
        self.dirs.iter().flat_map(|dir| &dir.shards)
    }
}

impl DataDir {
    fn open(
        log_dir: LogDir,
        at: usize,
        (shards, shares): (usize, Shares),
        log_env: &LogEnv,
        (flushes, segments_flushed): (&Arc<FlushesFirst>, &Arc<Notify>),
        options: &DataDirsOptions<'_>,
    ) -> Result<(Self, Found), StartError> {
        let failed = |error| StartError::Io { path: log_dir.path().display().to_string(), error };
        let execution = &options.system.execution;
        let threads = usize::try_from(options.config.num_recovery_threads_per_data_dir).unwrap_or(1);
        let threads = execution.threads(threads);
        let found = Found::read(&log_dir, threads).map_err(failed)?;
        log_dir.remove_marked(&log_env.deleter).map_err(failed)?;
        let config = options.config;
        // Each shard has an equal part of the bound, so that it need not ask the others.
        let shards_in_all = shards * config.log_dirs.len();
        let producers_share = (config.max_producer_ids.unsigned_abs() as usize).div_ceil(shards_in_all);
        let env = || ShardEnv {
            log: log_env.clone(),
            clock: options.system.clock.clone(),
            execution: execution.clone(),
            segments_flushed: segments_flushed.clone(),
            never_flush: options.ephemeral,
            opening_threads: threads.div_ceil(shards),
            open_files: shares,
            producers_max: config.max_producer_ids_per_partition.unsigned_abs() as usize,
            producers: Gauge::new(producers_share),
            producer_expiration_ms: options.producer_expiration_ms.clone(),
            producer_check_ms: i64::from(config.producer_id_expiration_check_interval_ms),
            retention_check_ms: config.log_retention_check_interval_ms,
            retention_delay_ms: config.log_initial_task_delay_ms,
        };
        let name = format!("flush-{at}");
        let flusher =
            Flusher::spawn(&name, &log_dir, flushes.clone(), execution).map_err(StartError::Thread)?;
        let mut producers = Vec::new();
        let spawn = |n| {
            let env = env();
            producers.push(env.producers.clone());
            shard::spawn(&format!("shard-{at}-{n}"), env, flusher.clone()).map_err(StartError::Thread)
        };
        let shards = (0..shards).map(spawn).collect::<Result<_, _>>()?;
        let (partitions, checkpoints) = (AtomicUsize::new(0), Mutex::default());
        Ok((Self { log_dir, shards, producers, partitions, checkpoints }, found))
    }

    /// The directory's id in `meta.properties`.
    pub fn id(&self) -> TopicId {
        self.log_dir.meta().directory_id
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.log_dir.path()
    }

    /// Where a partition's log is, or will be.
    pub fn partition_path(&self, topic: &TopicName, index: PartitionIndex) -> PathBuf {
        self.log_dir.partition_path(&TopicPartition { topic: topic.clone(), partition: index })
    }

    /// The shard that owns a partition: the partitions of a topic go round the shards. It is chosen by the topic's name,
    /// so that a topic that was deleted and made again has the same one, which deletes the old directory before it makes
    /// the new one.
    pub fn shard_of(&self, topic: &TopicName, index: PartitionIndex) -> &ShardHandle {
        let mut hasher = DefaultHasher::new();
        topic.hash(&mut hasher);
        let start = hasher.finish() as usize % self.shards.len();
        &self.shards[(start + index.0.unsigned_abs() as usize) % self.shards.len()]
    }

    async fn collect(&self) -> Vec<PartitionCheckpoint> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let (reply, checkpoints) = oneshot::channel();
            shard.send(Message::Checkpoint(reply));
            all.extend(checkpoints.await.unwrap_or_default());
        }
        all
    }

    /// Writes the files; a failure is told and tried again at the next interval, since nothing rests on them alone.
    fn write_checkpoints(&self, checkpoints: &[PartitionCheckpoint], last: bool) -> bool {
        let mut files = self.lock_checkpoints();
        if std::mem::replace(&mut files.closed, last) {
            return false;
        }
        // Those that were deleted since their shard was asked have been forgotten.
        let hosted = checkpoints.iter().filter(|found| found.has_files && !found.partition.is_retired());
        let entries: Vec<_> = hosted.map(|found| (found.partition.name(), found.checkpointed)).collect();
        CHECKPOINTS.into_iter().all(|(which, offset)| {
            let offsets = entries.iter().map(|(name, checkpointed)| (name, offset(checkpointed)));
            match self.log_dir.write_checkpoint(which, offsets) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(directory = %self.path().display(), ?which, %error, "a checkpoint was not written");
                    false
                }
            }
        })
    }

    /// Takes partitions out of the checkpoint files.
    fn keep_checkpointed(&self, keep: &dyn Fn(&TopicPartition) -> bool) -> io::Result<()> {
        let _files = self.lock_checkpoints();
        for (which, _) in CHECKPOINTS {
            let mut offsets = self.log_dir.read_checkpoint(which)?.unwrap_or_default();
            let before = offsets.len();
            offsets.retain(|(name, _)| keep(name));
            if offsets.len() < before {
                let offsets = offsets.iter().map(|(name, offset)| (name, *offset));
                self.log_dir.write_checkpoint(which, offsets)?;
            }
        }
        Ok(())
    }

    fn lock_checkpoints(&self) -> MutexGuard<'_, CheckpointFiles> {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn describe(&self) -> DirDescription {
        let partitions = self.collect().await;
        let space = self.log_dir.space();
        let (total, usable) =
            space.as_ref().map_or((-1, -1), |space| (wide(space.total), wide(space.usable)));
        DirDescription {
            path: absolute(self.path()),
            total_bytes: total,
            usable_bytes: usable,
            error: if space.is_ok() { ErrorCode::None } else { ErrorCode::KafkaStorageError },
            partitions: partitions.iter().map(|found| (found.partition.name(), found.size_bytes)).collect(),
        }
    }

    fn start_closing(&self) -> Vec<oneshot::Receiver<ShardClosed>> {
        let close = |shard: &ShardHandle| {
            let (reply, closed) = oneshot::channel();
            shard.send(Message::Close(reply));
            closed
        };
        self.shards.iter().map(close).collect()
    }

    async fn finish_closing(&self, closing: Vec<oneshot::Receiver<ShardClosed>>, ephemeral: bool) {
        let mut checkpoints = Vec::new();
        let mut clean = true;
        for closed in closing {
            match closed.await {
                Ok(ShardClosed { checkpoints: of_shard, clean: of_shard_clean }) => {
                    checkpoints.extend(of_shard);
                    clean &= of_shard_clean;
                }
                Err(_) => clean = false,
            }
        }
        if ephemeral {
            return;
        }
        let written = self.write_checkpoints(&checkpoints, true);
        if clean
            && written
            && let Err(error) = self.log_dir.write_clean_marker(-1)
        {
            tracing::error!(directory = %self.path().display(), %error, "the next start will recover this directory");
        }
    }
}

/// A path as DescribeLogDirs shows it.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn wide(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The id that the directories have, or the one that was asked for, or a new one.
fn cluster_id(fs: &Fs, options: &DataDirsOptions<'_>) -> Result<String, StartError> {
    if let Some(asked) = options.cluster_id {
        return Ok(asked.to_owned());
    }
    for path in &options.config.log_dirs {
        match LogDir::identity(fs, Path::new(path)) {
            Ok(Some(identity)) => return Ok(identity.cluster_id),
            // One that cannot be read is looked at again.
            Ok(None) | Err(DirError::Io { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(options.system.entropy.uuid().to_string())
}

fn log_env(fs: &Fs, cached: usize, options: &DataDirsOptions<'_>) -> Result<LogEnv, StartError> {
    let failed = Arc::new(|path: PathBuf, error| {
        tracing::warn!(path = %path.display(), %error, "a deleted file stays until the next start");
    });
    let System { clock, entropy, execution, .. } = options.system.clone();
    let deleter = match execution {
        Execution::Threads => Deleter::start(fs.clone(), clock, failed).map_err(StartError::Thread)?.0,
        Execution::Tasks(_) => Deleter::at_once(failed),
    };
    let files = Arc::new(FileCache::new(cached));
    Ok(LogEnv { fs: fs.clone(), files, deleter, entropy })
}

fn shard_count(config: &BrokerConfig) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    config.num_log_shards.and_then(|shards| usize::try_from(shards).ok()).unwrap_or_else(cores)
}
