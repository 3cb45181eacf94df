//! The ways in which operations on a log fail; one enum per operation.
//!
//! "Offline" means that the log was poisoned by an I/O error or a failed flush (DESIGN section 4, FAULTS 29): it refuses
//! everything until it is opened anew.

use std::io;

use gracchus_base::{Offset, TopicId};

/// Why batches were not appended. Nothing of them can be read.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The log is as before and accepts again when there is space.
    #[error("no space, quota or descriptors left: {0}")]
    NoSpace(#[source] io::Error),
    #[error("the log is offline")]
    Offline,
    /// The log is offline from now on.
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
    #[error("offset {got} is below the log's end {end}")]
    OffsetBelowEnd { end: Offset, got: Offset },
    #[error("the header says {header} bytes, the batch has {actual}")]
    Length { header: usize, actual: usize },
    /// The caller did not roll when [`crate::Log::needs_roll`] said so.
    #[error("the batch does not fit the segment any more")]
    SegmentFull,
}

/// Why a segment was not rolled. The old one goes on.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    #[error("no space, quota or descriptors left: {0}")]
    NoSpace(#[source] io::Error),
    #[error("the log is offline")]
    Offline,
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
}

/// Why old segments were not removed.
#[derive(Debug, thiserror::Error)]
pub enum RetainError {
    #[error("the log is offline")]
    Offline,
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Roll(#[from] RollError),
}

/// Why a log was not truncated.
#[derive(Debug, thiserror::Error)]
pub enum TruncateError {
    #[error("the log is offline")]
    Offline,
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a log was not closed or deleted in good order.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error("the log is offline")]
    Offline,
    /// Wait for the ticket, then close.
    #[error("a flush is on its way")]
    FlushInFlight,
    #[error("the disk failed: {0}")]
    Io(#[from] io::Error),
}

/// A flush failed: the log it came from must be poisoned.
#[derive(Debug, thiserror::Error)]
#[error("flushing {path} failed: {error}")]
pub struct FlushError {
    pub path: String,
    #[source]
    pub error: io::Error,
}

impl FlushError {
    /// A flush that did not come to its end, by a mistake of ours.
    pub fn panicked() -> Self {
        Self { path: "a log".to_owned(), error: io::Error::other("the flush panicked") }
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the disk failed at {path}: {error}")]
    Io {
        path: String,
        #[source]
        error: io::Error,
    },
    /// The directory is that of another topic of the same name.
    #[error("the directory belongs to topic {found}, not {expected}")]
    TopicId { expected: TopicId, found: TopicId },
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("offset {offset} is outside the log, which is {start} to {end}")]
    OutOfRange { offset: Offset, start: Offset, end: Offset },
    /// The segment was deleted, truncated or replaced since the view was taken: plan again from a new one.
    #[error("the segment is gone")]
    Gone,
    /// Bytes that were checked when they were written are no batch any more.
    #[error("segment {segment} has no batch at position {position}")]
    Corrupt { segment: Offset, position: u32 },
    /// Only of reads that do not wait: some of what they need is on the disk alone.
    #[error("the disk would have to be waited for")]
    NotCached,
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::WouldBlock { Self::NotCached } else { Self::Io(error) }
    }
}
