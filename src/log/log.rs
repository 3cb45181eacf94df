//! One partition's log: its segments, where it starts and ends, and what of it is durable.
//!
//! What it does is in the modules beside: `append`, `roll`, `retain`, `truncate`, `flush`, `close`, `recovery`, `view`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gracchus_base::{Offset, Timestamp, TopicId};

use crate::config::{LogConfig, LogEnv};
use crate::index::IndexParts;
use crate::segment::{Segment, SegmentId, Shared};
use crate::unflushed::Unflushed;

/// The log of one partition. One owner at a time; everything that changes it takes `&mut self` and may block on the disk.
///
/// While it has unflushed data it holds one descriptor per file that was written, so that no error of writing back is
/// lost (FAULTS 29); flushed, it holds none.
pub struct Log {
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: LogConfig,
    pub(crate) topic_id: TopicId,
    pub(crate) state: State,
    pub(crate) log_start: Offset,
    /// Sealed segments, oldest first.
    pub(crate) sealed: Arc<[Arc<Segment>]>,
    pub(crate) active: Active,
    pub(crate) unflushed: Unflushed,
    pub(crate) retention_waits: bool,
}

/// What of a log is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing is on disk.
    Lazy,
    /// The directory is there.
    Ready,
    /// Poisoned, closed or deleted: everything is refused.
    Offline,
}

/// The segment that is appended to.
pub(crate) struct Active {
    pub id: Arc<SegmentId>,
    /// Whether the log file has been made.
    pub made: bool,
    pub len: u32,
    pub next_offset: Offset,
    /// The largest timestamp of the first batch, which the age of the segment is counted from.
    pub first_timestamp: Timestamp,
    /// The wall clock when the segment began, for batches without a timestamp.
    pub created: Timestamp,
    pub max_timestamp: Timestamp,
    pub max_timestamp_offset: Offset,
    pub bytes_since_index: u32,
    pub index: IndexParts,
    pub time_index: IndexParts,
    /// The timestamp of the last time index entry.
    pub time_indexed: Timestamp,
    /// Where bytes were found that were flushed and are no batch any more.
    pub damaged_at: Option<u32>,
}

/// A place in a log: an offset, and where its batch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    pub offset: Offset,
    /// The base offset of the segment.
    pub segment_base: Offset,
    /// Bytes from the start of the segment's file.
    pub position: u32,
}

/// Where batches were appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedTo {
    /// The start of the first batch.
    pub first: LogPosition,
    /// The log's new end.
    pub end: LogPosition,
}

/// What the data directory's checkpoints say about a log that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryStart {
    /// The marker of a clean shutdown was there. It is believed as far as the tail of the log bears it out.
    pub clean_shutdown: bool,
    /// Everything before it was flushed.
    pub recovery_point: Offset,
    pub log_start: Offset,
}

impl Active {
    pub(crate) fn new(base: Offset) -> Self {
        Self {
            id: SegmentId::new(base),
            made: false,
            len: 0,
            next_offset: base,
            first_timestamp: Timestamp::NONE,
            created: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
            max_timestamp_offset: base,
            bytes_since_index: 0,
            index: IndexParts::default(),
            time_index: IndexParts::default(),
            time_indexed: Timestamp::NONE,
            damaged_at: None,
        }
    }

    pub(crate) fn end(&self) -> LogPosition {
        LogPosition { offset: self.next_offset, segment_base: self.id.base, position: self.len }
    }
}

impl Log {
    /// A log that is not on disk yet; its directory and files are made by the first append.
    pub fn new_lazy(dir: PathBuf, topic_id: TopicId, config: LogConfig, env: LogEnv) -> Self {
        let active = Active::new(Offset::ZERO);
        let unflushed = Unflushed::nothing(active.end());
        Self {
            shared: Arc::new(Shared { dir, env, deleted: Mutex::default() }),
            config,
            topic_id,
            state: State::Lazy,
            log_start: Offset::ZERO,
            sealed: Arc::default(),
            active,
            unflushed,
            retention_waits: false,
        }
    }

    /// The partition's directory, whether it is there or not.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// The first offset that can be read.
    pub fn log_start(&self) -> Offset {
        self.log_start
    }

    /// The end: what the next batch gets as its base offset, and where it will stand.
    pub fn log_end(&self) -> LogPosition {
        self.active.end()
    }

    /// What the next start may take as it is: everything before it is on stable storage, and so are its leader epochs.
    pub fn recovery_point(&self) -> Offset {
        let flushed = self.unflushed.flushed_to.offset;
        self.unflushed.epochs.read_again_from().map_or(flushed, |from| from.min(flushed))
    }

    /// Everything before it is on stable storage.
    pub fn flushed_to(&self) -> LogPosition {
        self.unflushed.flushed_to
    }

    /// Whether nothing was ever written: there is no directory.
    pub fn is_lazy(&self) -> bool {
        self.state == State::Lazy
    }

    /// Whether the log was poisoned, closed or deleted.
    pub fn is_offline(&self) -> bool {
        self.state == State::Offline
    }

    /// Bytes in all segments, without their indexes, as DescribeLogDirs reports them.
    pub fn size_bytes(&self) -> u64 {
        let sealed = self.sealed.iter().map(|segment| u64::from(segment.len));
        sealed.fold(u64::from(self.active.len), u64::saturating_add)
    }

    /// Takes new settings; they hold from the next append or retention run on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Moves the start forward, never back and never beyond the end. Segments before it go with the next
    /// [`Log::retain`]. Returns the start as it is now.
    pub fn advance_log_start(&mut self, to: Offset) -> Offset {
        self.log_start = self.log_start.max(to.min(self.active.next_offset));
        self.log_start
    }

    /// Takes the log offline after a failed flush or another I/O error: it is never written to as if nothing had
    /// happened (FAULTS 29).
    pub fn poison(&mut self) {
        self.state = State::Offline;
        self.unflushed.release();
    }

    /// Poisons the log with the error that is passed on.
    pub(crate) fn poisoned_by(&mut self, error: io::Error) -> io::Error {
        self.poison();
        error
    }
}
