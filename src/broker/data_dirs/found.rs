//! What was on disk when the broker started, and what it means once the image is known.
//!
//! Lives only as long as the start. What must not be here: what the directories become afterwards.

use std::collections::BTreeMap;
use std::io;

use gracchus_base::{BrokerId, Entropy, Offset, PartitionIndex, TopicId, TopicName, TopicPartition};
use gracchus_log::dir::{Checkpoint, FoundPartition, LogDir};
use gracchus_state::image::{self, MetadataImage};

use super::{DataDirs, StartError};

/// What is on disk of a partition that the image knows.
#[derive(Clone, Copy, Debug)]
pub enum FoundLog {
    /// Nothing, and nothing was ever there.
    NeverWritten,
    There {
        /// The id of the data directory that holds it.
        directory: TopicId,
        clean_shutdown: bool,
        checkpointed: Checkpointed,
    },
    /// Nothing, although there were records or its data directory is not there: never made anew empty (DESIGN section 5).
    Missing(Checkpointed),
}

impl FoundLog {
    /// What the checkpoint files said of it.
    pub fn checkpointed(self) -> Checkpointed {
        match self {
            Self::NeverWritten => Checkpointed::default(),
            Self::There { checkpointed, .. } | Self::Missing(checkpointed) => checkpointed,
        }
    }
}

/// What the checkpoint files say of a partition; zeros for what they do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpointed {
    pub recovery_point: Offset,
    pub log_start: Offset,
    /// Readers may have seen what lies before it.
    pub high_watermark: Offset,
}

/// What was found in the directories that can be used, in the order of `log.dirs`.
pub struct FoundLogs {
    pub(super) found: Vec<Found>,
    /// Every directory could be used.
    pub(super) complete: bool,
}

/// What was in a directory when it was opened.
pub(super) struct Found {
    directory: TopicId,
    clean_shutdown: bool,
    partitions: BTreeMap<TopicPartition, FoundPartition>,
    checkpointed: BTreeMap<TopicPartition, Checkpointed>,
}

impl FoundLogs {
    /// Sets aside the directories that are no partition's of the image, as Kafka does: their topic was deleted just
    /// before a crash, and one that has its name now must neither meet nor inherit them. What the checkpoints say of
    /// them is forgotten.
    ///
    /// # Errors
    /// When a directory cannot be renamed, or a checkpoint not be replaced.
    pub fn set_aside_strays(
        &mut self,
        dirs: &DataDirs,
        image: &MetadataImage,
        entropy: &Entropy,
    ) -> Result<(), StartError> {
        for (found, dir) in self.found.iter_mut().zip(&dirs.dirs) {
            let failed = |error| StartError::Io { path: dir.log_dir.path().display().to_string(), error };
            let forgotten = found.set_aside_strays(&dir.log_dir, image, entropy).map_err(failed)?;
            if forgotten {
                let keep = |name: &TopicPartition| found.checkpointed.contains_key(name);
                dir.keep_checkpointed(&keep).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// What was found of a partition of the image: in the directory that the image says, or in another one, if it was
    /// moved there by hand.
    pub fn log(&self, broker: BrokerId, topic: &image::Topic, index: PartitionIndex) -> FoundLog {
        let name = TopicPartition { topic: topic.name().clone(), partition: index };
        let assigned = topic.partition(index).and_then(|partition| partition.directory(broker));
        // One that names no directory is from before it was known.
        let assigned = match assigned.unwrap_or_default() {
            TopicId::ZERO => self.found.first().filter(|_| self.complete),
            id => self.found.iter().find(|found| found.directory == id),
        };
        let holds = |found: &&Found| found.partitions.contains_key(&name);
        if let Some(found) = assigned.filter(holds).or_else(|| self.found.iter().find(holds)) {
            let (directory, clean_shutdown) = (found.directory, found.clean_shutdown);
            return FoundLog::There { directory, clean_shutdown, checkpointed: found.checkpointed(&name) };
        }
        match assigned.map(|found| found.checkpointed(&name)) {
            Some(checkpointed) if checkpointed.recovery_point == Offset::ZERO => FoundLog::NeverWritten,
            checkpointed => FoundLog::Missing(checkpointed.unwrap_or_default()),
        }
    }

    /// The partitions of the image that have files.
    pub fn with_data(&self, broker: BrokerId, image: &MetadataImage) -> Vec<(TopicId, PartitionIndex)> {
        let mut with_data = Vec::new();
        for topic in image.topics() {
            for (index, _) in topic.partitions() {
                if matches!(self.log(broker, topic, index), FoundLog::There { .. }) {
                    with_data.push((topic.id(), index));
                }
            }
        }
        with_data
    }
}

impl Found {
    /// Reads the directory's checkpoints, looks at its partitions with that many threads, and takes the marker of a clean
    /// shutdown away.
    pub(super) fn read(dir: &LogDir, threads: usize) -> io::Result<Self> {
        let mut checkpointed: BTreeMap<TopicPartition, Checkpointed> = BTreeMap::new();
        for (name, offset) in dir.read_checkpoint(Checkpoint::RecoveryPoint)?.unwrap_or_default() {
            checkpointed.entry(name).or_default().recovery_point = offset;
        }
        for (name, offset) in dir.read_checkpoint(Checkpoint::LogStart)?.unwrap_or_default() {
            checkpointed.entry(name).or_default().log_start = offset;
        }
        for (name, offset) in dir.read_checkpoint(Checkpoint::Replication)?.unwrap_or_default() {
            checkpointed.entry(name).or_default().high_watermark = offset;
        }
        let partitions = dir.partitions(threads)?.into_iter();
        let ours = partitions.filter(|found| found.partition.topic != TopicName::cluster_metadata());
        Ok(Self {
            directory: dir.meta().directory_id,
            partitions: ours.map(|found| (found.partition.clone(), found)).collect(),
            checkpointed,
            // Last: once it is taken away, a start that fails is a crash.
            clean_shutdown: dir.take_clean_marker()?.is_some(),
        })
    }

    /// Answers whether the checkpoints say more than is to be kept.
    fn set_aside_strays(
        &mut self,
        dir: &LogDir,
        image: &MetadataImage,
        entropy: &Entropy,
    ) -> io::Result<bool> {
        let before = self.checkpointed.len();
        let strays = self.partitions.values().filter(|found| is_stray(found, image));
        for stray in strays.cloned().collect::<Vec<_>>() {
            let aside = dir.set_aside(&stray, entropy)?;
            tracing::warn!(
                partition = %stray.partition, directory = %aside.display(),
                "a log belongs to no topic of the cluster; it was set aside and is not removed"
            );
            self.partitions.remove(&stray.partition);
            self.checkpointed.remove(&stray.partition);
        }
        self.checkpointed.retain(|name, _| image.topic(name.topic.as_str()).is_some());
        Ok(self.checkpointed.len() < before)
    }

    fn checkpointed(&self, name: &TopicPartition) -> Checkpointed {
        self.checkpointed.get(name).copied().unwrap_or_default()
    }
}

/// A directory that does not say whose it is, is believed by its name.
fn is_stray(found: &FoundPartition, image: &MetadataImage) -> bool {
    let topic = image.topic(found.partition.topic.as_str());
    !topic.is_some_and(|topic| {
        found.topic_id.is_none_or(|id| id == topic.id())
            && topic.partition(found.partition.partition).is_some()
    })
}
