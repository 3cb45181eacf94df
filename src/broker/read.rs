//! Reading partitions from their published views: what Fetch, ListOffsets and the loading of groups have in common.
//!
//! Nothing here asks a shard. A read touches the index and a few batch headers; the records themselves go from the page
//! cache to the socket.

use bytes::Bytes;
use gracchus_base::limits::BATCH_HEADER_BYTES;
use gracchus_base::{ErrorCode, LeaderEpoch, Offset, Timestamp};
pub use gracchus_log::fs::Access;
use gracchus_log::{FileRange, LogPosition, ReadError, UpTo};
use gracchus_wire::records::{Batch, BatchHeader, time_lookup};

use crate::partition::{PartitionView, Status};

/// Which records a client may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
}

impl Isolation {
    /// Whether the level is one; Kafka fails on others, whatever is asked.
    pub const fn is_known(level: i8) -> bool {
        matches!(level, 0 | 1)
    }

    /// The level on the wire, which [`Isolation::is_known`].
    pub const fn from_wire(level: i8) -> Self {
        if level == 1 { Self::ReadCommitted } else { Self::ReadUncommitted }
    }
}

/// Why a range was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Only with [`Access::Cached`]: the disk would have to be waited for.
    NotCached,
    Refused(ErrorCode),
}

impl From<ErrorCode> for Unread {
    fn from(error: ErrorCode) -> Self {
        Self::Refused(error)
    }
}

/// A record that a time lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    pub offset: Offset,
    pub timestamp: Timestamp,
}

impl PartitionView {
    /// The end of what may be read.
    pub fn end_for(&self, isolation: Isolation) -> Offset {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark.offset,
            Isolation::ReadCommitted => self.last_stable,
        }
    }

    /// # Errors
    /// The code for a partition that cannot be used.
    pub fn check_usable(&self, current_leader_epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        match self.status {
            Status::Online => {}
            Status::Offline => return Err(ErrorCode::KafkaStorageError),
            Status::Deleted => return Err(ErrorCode::UnknownTopicOrPartition),
        }
        let asked = (current_leader_epoch != LeaderEpoch::NONE).then_some(current_leader_epoch);
        gracchus_state::partition::check_leader_epoch(self.leader_epoch, asked)
    }

    fn up_to(&self, isolation: Isolation) -> UpTo {
        let end = self.end_for(isolation);
        if end == self.high_watermark.offset { self.high_watermark.into() } else { end.into() }
    }
}

/// How much a range may hold.
#[derive(Clone, Copy, Debug)]
pub struct RangeLimits {
    pub bytes_max: u32,
    /// The first batch is returned even if it is larger.
    pub min_one: bool,
}

/// The batches from `from` on that may be read. `None`: nothing yet, or nothing that fits. Between the high watermark and
/// the log's end there is nothing yet, as in Kafka: a client told that this is out of range would lose its place.
///
/// # Errors
/// OFFSET_OUT_OF_RANGE outside the log; KAFKA_STORAGE_ERROR when the disk fails.
pub fn range(
    view: &PartitionView,
    from: Offset,
    isolation: Isolation,
    limits: RangeLimits,
    access: Access,
) -> Result<Option<FileRange>, Unread> {
    let log_end = view.log.as_ref().map_or(view.high_watermark.offset, |log| log.log_end().offset);
    if from < view.log_start || from > log_end {
        return Err(ErrorCode::OffsetOutOfRange.into());
    }
    let Some(log) = &view.log else { return Ok(None) };
    let RangeLimits { bytes_max, min_one } = limits;
    let range = match access {
        Access::Disk => log.read(from, view.up_to(isolation), bytes_max, min_one),
        Access::Cached => log.read_cached(from, view.up_to(isolation), bytes_max, min_one),
    };
    range.map_err(|error| match error {
        ReadError::NotCached => Unread::NotCached,
        // The segment went away under an old view; the client asks again and gets the new one.
        ReadError::Gone => ErrorCode::NotLeaderOrFollower.into(),
        ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange.into(),
        // As in Kafka, whose consumers report it; a storage error they would retry for ever.
        ReadError::Corrupt { .. } => {
            tracing::error!(%from, %error, "a partition is damaged");
            ErrorCode::CorruptMessage.into()
        }
        error @ ReadError::Io(_) => {
            tracing::error!(%error, "a partition could not be read");
            ErrorCode::KafkaStorageError.into()
        }
    })
}

/// Whole batches from `from` on as bytes, at least one; empty at the end.
pub fn bytes(
    view: &PartitionView,
    from: Offset,
    up_to: LogPosition,
    bytes_max: u32,
) -> Result<Bytes, ReadError> {
    let Some(log) = &view.log else { return Ok(Bytes::new()) };
    match log.read(from, up_to, bytes_max, true)? {
        Some(range) => Ok(range.read_all()?),
        None => Ok(Bytes::new()),
    }
}

/// The whole batches in a chunk; a partial one at its end is left out.
pub fn batches(chunk: &Bytes) -> impl Iterator<Item = Batch> {
    let mut rest = chunk.clone();
    std::iter::from_fn(move || {
        let header = BatchHeader::parse(&rest).ok()?;
        if rest.len() < header.total_bytes() {
            return None;
        }
        let body = rest.split_to(header.total_bytes()).split_off(BATCH_HEADER_BYTES);
        Some(Batch { header, body })
    })
}

/// The first record at or after `timestamp`, below the end for `isolation`.
pub fn by_timestamp(
    view: &PartitionView,
    timestamp: Timestamp,
    isolation: Isolation,
) -> Result<Option<FoundOffset>, ReadError> {
    let Some(log) = &view.log else { return Ok(None) };
    let end = view.end_for(isolation);
    let mut from = view.log_start;
    while let Some(batch) = log.lookup_timestamp(timestamp, from)? {
        if batch.header.base_offset >= end {
            return Ok(None);
        }
        let bytes = batch.range.read_all()?;
        match time_lookup::first_at_or_after(&bytes, timestamp, view.log_start) {
            Ok(Some((offset, timestamp))) => {
                return Ok((offset < end).then_some(FoundOffset { offset, timestamp }));
            }
            // Only the records before the log start are as young as that, or the batch cannot be unpacked.
            _ => from = batch.header.next_offset(),
        }
    }
    Ok(None)
}

/// The first record that has the largest timestamp (KIP-734); `None`, as in Kafka, if it is not below the end for
/// `isolation` yet.
pub fn max_timestamp(view: &PartitionView, isolation: Isolation) -> Result<Option<FoundOffset>, ReadError> {
    let Some(log) = &view.log else { return Ok(None) };
    let Some(batch) = log.max_timestamp()? else { return Ok(None) };
    let bytes = batch.range.read_all()?;
    let found = time_lookup::first_with_max_timestamp(&bytes).ok().flatten();
    let found = found.map(|(offset, timestamp)| FoundOffset { offset, timestamp });
    Ok(found.filter(|found| found.offset < view.end_for(isolation)))
}

#[cfg(test)]
mod tests;
