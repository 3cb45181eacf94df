//! One data directory: its lock and identity, its checkpoints, and the partition directories in it.

use std::io;
use std::path::{Path, PathBuf};

use gracchus_base::{BrokerId, Entropy, TopicId, TopicPartition};

use crate::checkpoint;
use crate::deleter::Deleter;
use crate::fs::{Fs, LockGuard, Space};
use crate::meta_properties::{self, MetaProperties};
use crate::names::{DELETE_DIR, STRAY_DIR, marked_dir, parse_partition_dir};
use crate::parallel;
use crate::partition_metadata;
use crate::whole_flush::WholeFlush;
use crate::write_atomic::write_atomic;

pub use crate::checkpoint::Checkpoint;

const LOCK: &str = ".lock";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
/// Far more than the marker can have.
const MARKER_BYTES_MAX: u64 = 4096;

/// A data directory that is ours alone as long as this lives.
pub struct LogDir {
    fs: Fs,
    path: PathBuf,
    meta: MetaProperties,
    _lock: LockGuard,
}

/// Why a data directory cannot be used. Nothing in it was changed, except that it may have a `.lock` now.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    #[error("data directory {0} is in use by another process")]
    InUse(String),
    #[error("data directory {path} belongs to cluster {found}, not {expected}")]
    Cluster { path: String, found: String, expected: String },
    #[error("data directory {path} belongs to node {found}, not {expected}")]
    Node { path: String, found: BrokerId, expected: BrokerId },
    #[error("{0}/meta.properties makes no sense: {1}")]
    Meta(String, &'static str),
    #[error("{path}: {error}")]
    Io {
        path: String,
        #[source]
        error: io::Error,
    },
}

/// A partition's directory that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPartition {
    pub partition: TopicPartition,
    pub path: PathBuf,
    /// Whose directory it is; `None` if it does not say.
    pub topic_id: Option<TopicId>,
}

impl LogDir {
    /// What a directory says about itself, without taking it; `None` if it is new or not there. Several directories of
    /// one broker must agree, so look at all of them before opening the first.
    pub fn identity(fs: &Fs, path: &Path) -> Result<Option<MetaProperties>, DirError> {
        meta_properties::read(fs, path)
    }

    /// Whether a directory is this node's of this cluster, or nobody's yet, without taking it.
    pub fn check_identity(fs: &Fs, path: &Path, cluster_id: &str, node_id: BrokerId) -> Result<(), DirError> {
        Self::identity(fs, path)?.iter().try_for_each(|found| check(path, found, cluster_id, node_id))
    }

    /// Takes the directory for this node of this cluster, making it if it is not there, and its `meta.properties` if it
    /// has none.
    pub fn open(
        fs: &Fs,
        path: &Path,
        cluster_id: &str,
        node_id: BrokerId,
        entropy: &Entropy,
    ) -> Result<Self, DirError> {
        Self::check_identity(fs, path, cluster_id, node_id)?;
        make_with_parents(fs, path).map_err(at(path))?;
        let lock = fs.lock(&path.join(LOCK)).map_err(at(path))?;
        let Some(lock) = lock else { return Err(DirError::InUse(path.display().to_string())) };
        // Another process may have been quicker.
        let meta = match Self::identity(fs, path)? {
            Some(found) => {
                check(path, &found, cluster_id, node_id)?;
                found
            }
            None => {
                let cluster_id = cluster_id.to_owned();
                let meta = MetaProperties { cluster_id, node_id, directory_id: entropy.uuid() };
                meta_properties::write(fs, path, &meta).map_err(at(path))?;
                meta
            }
        };
        Ok(Self { fs: fs.clone(), path: path.to_owned(), meta, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn meta(&self) -> &MetaProperties {
        &self.meta
    }

    /// The directory of a partition's log, whether it is there or not.
    pub fn partition_path(&self, partition: &TopicPartition) -> PathBuf {
        self.path.join(partition.to_string())
    }

    /// Every partition directory, looked at by that many threads. What is being deleted (`-delete`), moved (`-future`) or
    /// nobody's (`-stray`) is left out.
    pub fn partitions(&self, threads: usize) -> io::Result<Vec<FoundPartition>> {
        let directories = self.fs.list(&self.path)?.into_iter().filter(|entry| entry.is_dir);
        let named = directories.filter_map(|entry| Some((parse_partition_dir(&entry.name)?, entry.name)));
        let found = parallel::map(named.collect(), threads, |(partition, name)| {
            let path = self.path.join(name);
            let topic_id = partition_metadata::read(&self.fs, &path)?;
            Ok(FoundPartition { partition, path, topic_id })
        });
        found.into_iter().collect()
    }

    /// Renames a partition directory that belongs to no topic any more to `<topic>-<n>.<32 hex>-stray`, durably, so that
    /// the name is free. It is kept, as in Kafka: whoever runs the broker decides about it. Returns where it is now.
    pub fn set_aside(&self, found: &FoundPartition, entropy: &Entropy) -> io::Result<PathBuf> {
        let aside = self.path.join(marked_dir(&found.partition.to_string(), entropy.uuid(), STRAY_DIR));
        self.fs.rename(&found.path, &aside)?;
        self.fs.sync_dir(&self.path)?;
        Ok(aside)
    }

    /// Has the directories removed, in the background, that an earlier run had marked for it.
    pub fn remove_marked(&self, deleter: &Deleter) -> io::Result<()> {
        let entries = self.fs.list(&self.path)?;
        let marked = entries.into_iter().filter(|entry| entry.is_dir && entry.name.ends_with(DELETE_DIR));
        let paths: Vec<_> = marked.map(|entry| self.path.join(entry.name)).collect();
        if !paths.is_empty() {
            deleter.remove_later(&self.fs, paths, 0);
        }
        Ok(())
    }

    /// The offsets of a checkpoint file; `None` if it is not there or makes no sense (FAULTS 24).
    pub fn read_checkpoint(
        &self,
        which: Checkpoint,
    ) -> io::Result<Option<Vec<(TopicPartition, gracchus_base::Offset)>>> {
        checkpoint::read(&self.fs, &self.path, which)
    }

    /// Replaces a checkpoint file; durable when this returns.
    pub fn write_checkpoint<'a>(
        &self,
        which: Checkpoint,
        offsets: impl Iterator<Item = (&'a TopicPartition, gracchus_base::Offset)>,
    ) -> io::Result<()> {
        checkpoint::write(&self.fs, &self.path, which, offsets)
    }

    /// Takes the marker of a clean shutdown away, durably, before anything is written. Returns the broker epoch in it,
    /// -1 if it says none; `None` if there was no marker.
    pub fn take_clean_marker(&self) -> io::Result<Option<i64>> {
        let path = self.path.join(CLEAN_SHUTDOWN);
        let content = match self.fs.read_small(&path, MARKER_BYTES_MAX) {
            Ok(content) => content,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => Vec::new(),
            Err(e) => return Err(e),
        };
        self.fs.remove_file(&path)?;
        self.fs.sync_dir(&self.path)?;
        Ok(Some(broker_epoch(&content).unwrap_or(-1)))
    }

    /// Leaves the marker of a clean shutdown. All logs must be closed and the checkpoints written.
    pub fn write_clean_marker(&self, broker_epoch: i64) -> io::Result<()> {
        let content = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        write_atomic(&self.fs, &self.path, CLEAN_SHUTDOWN, content.as_bytes())
    }

    /// A way to flush many logs of this directory at once, for one thread; `None` if its file system offers none. To be
    /// asked for before anything is written.
    pub fn whole_flush(&self) -> io::Result<Option<WholeFlush>> {
        Ok(self.fs.file_system(&self.path)?.map(WholeFlush::new))
    }

    /// Space on this directory's file system, as DescribeLogDirs reports it.
    pub fn space(&self) -> io::Result<Space> {
        self.fs.space(&self.path)
    }
}

fn check(path: &Path, found: &MetaProperties, cluster_id: &str, node_id: BrokerId) -> Result<(), DirError> {
    let path = path.display().to_string();
    if found.cluster_id != cluster_id {
        return Err(DirError::Cluster {
            path,
            found: found.cluster_id.clone(),
            expected: cluster_id.to_owned(),
        });
    }
    if found.node_id != node_id {
        return Err(DirError::Node { path, found: found.node_id, expected: node_id });
    }
    Ok(())
}

/// Makes a directory and those it lies in, durably.
fn make_with_parents(fs: &Fs, path: &Path) -> io::Result<()> {
    if fs.stat_if_there(path)?.is_some() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_with_parents(fs, parent)?;
    }
    fs.create_dir(path)?;
    fs.sync_dir(parent.unwrap_or(Path::new(".")))
}

fn broker_epoch(content: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(content).ok()?;
    let (_, behind) = text.split_once("\"brokerEpoch\":")?;
    behind.split(['}', ',']).next()?.trim().parse().ok()
}

/// Whether a directory has the marker of a clean shutdown, which stays.
pub(crate) fn has_clean_marker(fs: &Fs, dir: &Path) -> io::Result<bool> {
    Ok(fs.stat_if_there(&dir.join(CLEAN_SHUTDOWN))?.is_some())
}

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> DirError {
    let path = path.display().to_string();
    move |error| DirError::Io { path, error }
}

#[cfg(test)]
mod tests;
