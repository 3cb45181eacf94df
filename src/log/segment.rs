//! What is known of one segment: its files' identity, which readers share, and the facts about a sealed one.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gracchus_base::{Offset, Timestamp};

use crate::config::LogEnv;
use crate::error::ReadError;
use crate::files::{FileKey, next_generation};
use crate::fs::File;
use crate::names::{Kind, segment_file};

/// What a log and its views share.
pub(crate) struct Shared {
    pub dir: PathBuf,
    pub env: LogEnv,
    /// Whether the log was deleted. Locked while a flusher puts a file into the directory by its name, which after the
    /// deletion may be the name of a successor.
    pub deleted: Mutex<bool>,
}

/// The identity of one segment's files. A segment that is truncated or replaced gets a new one, so that no reader takes
/// old positions to new bytes.
pub(crate) struct SegmentId {
    pub base: Offset,
    pub generation: u64,
    /// Set before the files are renamed, cut or replaced.
    gone: AtomicBool,
}

/// A segment that nothing is appended to any more.
#[derive(Clone)]
pub(crate) struct Segment {
    pub id: Arc<SegmentId>,
    pub len: u32,
    pub index_len: u32,
    pub time_index_len: u32,
    /// The largest timestamp and the last offset of its batch; [`Timestamp::NONE`] if no batch has one.
    pub max_timestamp: Timestamp,
    pub max_timestamp_offset: Offset,
}

impl SegmentId {
    pub(crate) fn new(base: Offset) -> Arc<Self> {
        Arc::new(Self { base, generation: next_generation(), gone: AtomicBool::new(false) })
    }

    pub(crate) const fn key(&self, kind: Kind) -> FileKey {
        FileKey::new(self.generation, kind)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }
}

impl Shared {
    pub(crate) fn path(&self, base: Offset, kind: Kind) -> PathBuf {
        self.dir.join(segment_file(base, kind))
    }

    /// See [`Shared::deleted`].
    pub(crate) fn lock_deleted(&self) -> MutexGuard<'_, bool> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file of a segment, from the cache or opened now.
    pub(crate) fn open(&self, id: &SegmentId, kind: Kind) -> Result<File, ReadError> {
        let file = self.env.files.get(id.key(kind), || self.env.fs.open(&self.path(id.base, kind)));
        // The mark is set before the name can come to mean another file, so whoever opened that one sees the mark.
        if id.is_gone() {
            self.env.files.forget(id.key(kind));
            return Err(ReadError::Gone);
        }
        match file {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(ReadError::Gone),
            other => Ok(other?),
        }
    }

    /// A file of a segment, if it is open; to open it may take a disk.
    pub(crate) fn opened(&self, id: &SegmentId, kind: Kind) -> Result<Option<File>, ReadError> {
        let file = self.env.files.peek(id.key(kind));
        if id.is_gone() { Err(ReadError::Gone) } else { Ok(file) }
    }

    /// Marks a segment's files as no longer what views take them for.
    pub(crate) fn retire(&self, id: &SegmentId) {
        id.gone.store(true, Ordering::SeqCst);
        for kind in Kind::ALL {
            self.env.files.forget(id.key(kind));
        }
    }
}
