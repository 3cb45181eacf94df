//! Deleting what is too old, too much, or before the log start: whole segments, from the front.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{Offset, Timestamp};

use crate::error::RetainError;
use crate::fs::is_no_space;
use crate::log::{Log, State};
use crate::names::{DELETED, Kind, parse_segment_file};
use crate::producer_snapshot;
use crate::segment::{Segment, SegmentId};

/// Segments that are removed at a time, each with a flush of the directory before the next; ask again for more.
const REMOVED_MAX: usize = 64;

/// Why a segment was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedFor {
    /// `retention.ms`
    Age,
    /// `retention.bytes`
    Size,
    /// It lies before the log start.
    LogStart,
}

/// A segment that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedSegment {
    pub base: Offset,
    pub len: u32,
    pub reason: RemovedFor,
}

impl Log {
    /// Removes old segments, some at a time (see [`Log::retention_waits`]), by Kafka's rules: by age, then by size, then what lies before the log start. Nothing that
    /// reaches beyond the high watermark is removed. If all of the log is to go, the active segment is rolled first, and
    /// `producers` asked for what goes into its snapshot. The log start moves up to the first segment that is left.
    pub fn retain(
        &mut self,
        now: Timestamp,
        high_watermark: Offset,
        producers: &mut dyn FnMut() -> Vec<ProducerSnapshot>,
    ) -> Result<Vec<RemovedSegment>, RetainError> {
        match self.state {
            State::Offline => return Err(RetainError::Offline),
            State::Lazy => return Ok(Vec::new()),
            State::Ready => {}
        }
        let mut doomed = match self.doomed(now, high_watermark) {
            Ok(doomed) => doomed,
            Err(e) => return Err(RetainError::Io(self.poisoned_by(e))),
        };
        self.retention_waits = doomed.len() > REMOVED_MAX;
        doomed.truncate(REMOVED_MAX);
        if doomed.len() > self.sealed.len() {
            self.roll(&producers(), now)?;
        }
        match self.remove_or_wait(doomed.len(), producers) {
            Ok(true) => Ok(doomed),
            Ok(false) => {
                self.retention_waits = true;
                Ok(Vec::new())
            }
            Err(e) => Err(RetainError::Io(self.poisoned_by(e))),
        }
    }

    /// Whether the last [`Log::retain`] left something for the next: after a flush, or because it was much.
    pub fn retention_waits(&self) -> bool {
        self.retention_waits
    }

    fn remove_or_wait(
        &mut self,
        count: usize,
        producers: &mut dyn FnMut() -> Vec<ProducerSnapshot>,
    ) -> io::Result<bool> {
        let ready = self.producers_are_kept(count, producers)?;
        if ready {
            self.remove_front(count)?;
        }
        Ok(ready)
    }

    /// The segments at the front that are to go.
    fn doomed(&self, now: Timestamp, high_watermark: Offset) -> io::Result<Vec<RemovedSegment>> {
        let mut surplus =
            i128::from(self.size_bytes()).saturating_sub(i128::from(self.config.retention_bytes));
        let mut doomed = Vec::new();
        let active = (self.active.len > 0).then(|| Arc::new(self.active.as_segment()));
        let segments = self.sealed.iter().cloned().chain(active);
        let ends = self.bases().skip(1).chain([self.active.next_offset]);
        // Kafka goes over the segments once for each reason; so a later reason can only add to the front part.
        for (segment, end) in segments.zip(ends) {
            let reason = if end > high_watermark {
                None
            } else if self.config.delete && self.has_outlived(&segment, now)? {
                Some(RemovedFor::Age)
            } else if self.config.delete
                && self.config.retention_bytes >= 0
                && surplus >= i128::from(segment.len)
            {
                Some(RemovedFor::Size)
            } else {
                (end <= self.log_start).then_some(RemovedFor::LogStart)
            };
            let Some(reason) = reason else { break };
            surplus = surplus.saturating_sub(i128::from(segment.len));
            doomed.push(RemovedSegment { base: segment.id.base, len: segment.len, reason });
        }
        Ok(doomed)
    }

    /// A segment without timestamps is as old as its file.
    fn has_outlived(&self, segment: &Segment, now: Timestamp) -> io::Result<bool> {
        if self.config.retention_ms < 0 {
            return Ok(false);
        }
        let newest = match segment.max_timestamp {
            Timestamp::NONE => {
                let path = self.shared.path(segment.id.base, Kind::Log);
                self.shared.env.fs.stat(&path)?.modified
            }
            timestamp => timestamp,
        };
        Ok(now.get().saturating_sub(newest.get()) > self.config.retention_ms)
    }

    /// Whether what the batches that are to go say of producers stands in a snapshot behind them, for good: a recovery may
    /// have found the one there torn. If not one is written, and is to be flushed before they go.
    fn producers_are_kept(
        &mut self,
        count: usize,
        producers: &mut dyn FnMut() -> Vec<ProducerSnapshot>,
    ) -> io::Result<bool> {
        let Some(first_left) = self.bases().nth(count).filter(|_| count > 0) else { return Ok(true) };
        let producers = producers();
        if producers.is_empty() {
            return Ok(true);
        }
        let flushed = first_left..=self.flushed_to().offset;
        let unflushed =
            |at: Offset| self.unflushed.files.iter().any(|f| f.kind == Kind::Snapshot && f.id.base == at);
        let listed = self.shared.env.fs.list(&self.shared.dir)?;
        let mut snapshots = listed.iter().filter_map(|entry| match parse_segment_file(&entry.name)? {
            (at, Kind::Snapshot) => Some(at),
            _ => None,
        });
        if snapshots.any(|at| flushed.contains(&at) && !unflushed(at)) {
            return Ok(true);
        }
        let end = self.snapshot_id(self.active.next_offset);
        let path = self.shared.path(end.base, Kind::Snapshot);
        match producer_snapshot::write(&self.shared.env.fs, &path, &producers) {
            Ok(file) => {
                self.unflushed.wrote(end, Kind::Snapshot, Some(file));
                self.unflushed.dir = true;
                Ok(false)
            }
            // To make space is what this is about.
            Err(e) if is_no_space(&e) => self.shared.env.fs.remove_if_there(&path).map(|()| true),
            Err(e) => Err(e),
        }
    }

    fn remove_front(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let count = count.min(self.sealed.len());
        let all = self.sealed.clone();
        let (gone, kept) = all.split_at_checked(count).unwrap_or_default();
        self.sealed = kept.into();
        self.log_start = self.log_start.max(self.first_base());
        for segment in gone {
            // Else a power cut might bring back an older segment than this one, and leave a hole between.
            self.unflushed.names.change(&self.shared)?;
            self.remove_segment(&segment.id)?;
        }
        Ok(())
    }

    /// Renames a segment's files to `.deleted`, and has them unlinked later. Readers that have them open go on; others
    /// are told that the segment is gone.
    pub(crate) fn remove_segment(&mut self, id: &Arc<SegmentId>) -> io::Result<()> {
        self.shared.retire(id);
        self.unflushed.forget(id);
        self.unflushed.dir = true;
        let mut paths = Vec::new();
        for kind in Kind::ALL {
            let path = self.shared.path(id.base, kind);
            let mut marked = path.clone().into_os_string();
            marked.push(DELETED);
            let marked = PathBuf::from(marked);
            match self.shared.env.fs.rename(&path, &marked) {
                Ok(()) => paths.push(marked),
                // Not every segment has all kinds of files.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        self.shared.env.deleter.remove_later(&self.shared.env.fs, paths, self.config.file_delete_delay_ms);
        Ok(())
    }
}
