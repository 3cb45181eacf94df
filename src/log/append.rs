//! Appending batches to the active segment: one vectored write, then the sparse indexes.

use std::io::{self, IoSlice};

use bytes::Bytes;
use gracchus_base::limits::BATCH_HEADER_BYTES;
use gracchus_base::{Offset, Timestamp};
use gracchus_wire::records::{Batch, BatchHeader};

use crate::error::AppendError;
use crate::fs::{DiskFile, File, is_no_space, write_all};
use crate::index::{IndexEntry, IndexParts, OffsetEntry, TimeEntry};
use crate::log::{Active, AppendedTo, Log, LogPosition, State};
use crate::names::Kind;
use crate::partition_metadata;
use crate::segment::Shared;

/// Parts of one vectored write; the kernel takes 1024.
const PARTS_MAX: usize = 1024;

/// Bytes of index entries that are kept in memory before they are written to their file.
pub(crate) const INDEX_TAIL_BYTES: usize = 32 * OffsetEntry::BYTES;

/// Positions in a segment and offsets relative to its base are signed 32-bit numbers in Kafka's files.
const RELATIVE_MAX: i64 = i32::MAX as i64;

impl Log {
    /// Appends batches, whose headers have their final offsets and epochs, behind the end of the log. All of them go to
    /// the active segment: ask [`Log::needs_roll`] first. They are in the page cache then, not flushed.
    ///
    /// On an error nothing of them is there, and with [`AppendError::NoSpace`] the log goes on as if they had never come
    /// (FAULTS 26).
    pub fn append(&mut self, batches: &[Batch], now: Timestamp) -> Result<AppendedTo, AppendError> {
        let first = self.active.end();
        let bytes = self.check(batches)?;
        if batches.is_empty() {
            return Ok(AppendedTo { first, end: first });
        }
        let file = self.file_to_append(now)?;
        if let Err(error) = write_batches(&*file, batches, u64::from(self.active.len)) {
            return Err(self.cut_back(file, error));
        }
        for batch in batches {
            self.active.take(&batch.header, self.config.index_interval_bytes);
        }
        debug_assert_eq!(self.active.len, first.position.saturating_add(bytes));
        self.unflushed.epochs.appended(bytes);
        if self.active.index.tail.len() >= INDEX_TAIL_BYTES {
            self.spill_or_wait()?;
        }
        // Last: a flush that is on its way must not vouch for an append that failed.
        self.unflushed.appended(&self.active.id, file, self.active.end());
        Ok(AppendedTo {
            first: LogPosition { offset: first_offset(batches, first), ..first },
            end: self.log_end(),
        })
    }

    /// The bytes of all batches, if they fit together, the log and the segment.
    fn check(&self, batches: &[Batch]) -> Result<u32, AppendError> {
        if self.state == State::Offline {
            return Err(AppendError::Offline);
        }
        let mut end = self.active.next_offset;
        let mut position = i64::from(self.active.len);
        for Batch { header, body } in batches {
            let actual = body.len().saturating_add(BATCH_HEADER_BYTES);
            if header.total_bytes() != actual {
                return Err(AppendError::Length { header: header.total_bytes(), actual });
            }
            if header.base_offset < end || header.last_offset_delta < 0 {
                return Err(AppendError::OffsetBelowEnd { end, got: header.base_offset });
            }
            position = position.saturating_add(i64::try_from(actual).unwrap_or(i64::MAX));
            if header.last_offset().since(self.active.id.base) > RELATIVE_MAX || position > RELATIVE_MAX {
                return Err(AppendError::SegmentFull);
            }
            end = header.next_offset();
        }
        let bytes = position.saturating_sub(i64::from(self.active.len));
        u32::try_from(bytes).map_err(|_| AppendError::SegmentFull)
    }

    /// The active segment's file, made if this is the first append to it.
    fn file_to_append(&mut self, now: Timestamp) -> Result<File, AppendError> {
        if self.active.created == Timestamp::NONE {
            self.active.created = now;
        }
        if let Some(file) = self.unflushed.held(&self.active.id) {
            return Ok(file);
        }
        match self.open_or_make_active() {
            Ok(file) => Ok(file),
            Err(e) if is_no_space(&e) => Err(AppendError::NoSpace(e)),
            Err(e) => Err(AppendError::Io(self.poisoned_by(e))),
        }
    }

    fn open_or_make_active(&mut self) -> io::Result<File> {
        self.make_dir()?;
        let path = || self.shared.path(self.active.id.base, Kind::Log);
        let key = self.active.id.key(Kind::Log);
        let (files, fs) = (&self.shared.env.files, &self.shared.env.fs);
        if self.active.made {
            return files.get(key, || fs.open(&path()));
        }
        self.unflushed.names.change(&self.shared)?;
        let file = fs.create_new(&path())?;
        files.insert(key, file.clone());
        self.active.made = true;
        self.unflushed.dir = true;
        Ok(file)
    }

    /// Makes the directory and `partition.metadata`, if they are not there.
    pub(crate) fn make_dir(&mut self) -> io::Result<()> {
        if self.state == State::Lazy {
            self.shared.env.fs.create_dir(&self.shared.dir)?;
            self.unflushed.parent = true;
            self.unflushed.dir = true;
            partition_metadata::write(&self.shared.env.fs, &self.shared.dir, self.topic_id)?;
            self.unflushed.metadata = true;
            self.state = State::Ready;
        }
        Ok(())
    }

    /// After a failed write: takes away what may have been written of it.
    fn cut_back(&mut self, file: File, error: io::Error) -> AppendError {
        if !is_no_space(&error) {
            return AppendError::Io(self.poisoned_by(error));
        }
        match file.set_len(u64::from(self.active.len)) {
            Ok(()) => {
                // To be flushed before anything behind it counts: else a power cut may leave a torn tail in front of that.
                self.unflushed.wrote(self.active.id.clone(), Kind::Log, Some(file));
                AppendError::NoSpace(error)
            }
            Err(cut) => AppendError::Io(self.poisoned_by(cut)),
        }
    }

    /// Writes the index entries that wait. Without space they go on waiting; the batches are in the log all the same.
    fn spill_or_wait(&mut self) -> Result<(), AppendError> {
        match self.spill_indexes() {
            Err(e) if !is_no_space(&e) => Err(AppendError::Io(self.poisoned_by(e))),
            _ => Ok(()),
        }
    }

    /// Writes the index entries that are only in memory to their files.
    pub(crate) fn spill_indexes(&mut self) -> io::Result<()> {
        self.unflushed.dir |= self.active.spill_indexes(&self.shared)?;
        Ok(())
    }
}

impl Active {
    /// Counts a batch that was written at the end: the ends, the timestamps, and index entries as often as Kafka makes
    /// them.
    pub(crate) fn take(&mut self, header: &BatchHeader, index_interval_bytes: u32) {
        let relative = u32::try_from(header.last_offset().since(self.id.base)).unwrap_or(u32::MAX);
        let bytes = u32::try_from(header.total_bytes()).unwrap_or(u32::MAX);
        if self.len == 0 {
            self.first_timestamp = header.max_timestamp;
        }
        if header.max_timestamp > self.max_timestamp {
            self.max_timestamp = header.max_timestamp;
            self.max_timestamp_offset = header.last_offset();
        }
        if self.bytes_since_index > index_interval_bytes {
            self.index.push(OffsetEntry { relative, position: self.len });
            self.push_time_entry();
            self.bytes_since_index = 0;
        }
        self.bytes_since_index = self.bytes_since_index.saturating_add(bytes);
        self.len = self.len.saturating_add(bytes);
        self.next_offset = header.next_offset();
    }

    /// Adds a time index entry, if the largest timestamp has grown since the last one.
    pub(crate) fn push_time_entry(&mut self) {
        if self.max_timestamp > self.time_indexed {
            let relative = u32::try_from(self.max_timestamp_offset.since(self.id.base)).unwrap_or(u32::MAX);
            self.time_index.push(TimeEntry { timestamp: self.max_timestamp, relative });
            self.time_indexed = self.max_timestamp;
        }
    }

    /// Writes the index entries that are only in memory to their files. Returns whether a file was made.
    pub(crate) fn spill_indexes(&mut self, shared: &Shared) -> io::Result<bool> {
        let mut made = false;
        for kind in [Kind::Index, Kind::TimeIndex] {
            let parts = self.index_parts(kind);
            if parts.tail.is_empty() {
                continue;
            }
            let (in_file, tail) = (parts.in_file, parts.tail.clone());
            let file = self.open_or_make_index(shared, kind, &mut made)?;
            write_all(&*file, u64::from(in_file), &tail)?;
            let parts = self.index_parts(kind);
            parts.in_file = parts.len();
            parts.tail = Bytes::new();
        }
        Ok(made)
    }

    /// The entries of one of the two indexes.
    pub(crate) fn index_parts(&mut self, kind: Kind) -> &mut IndexParts {
        if kind == Kind::Index { &mut self.index } else { &mut self.time_index }
    }

    pub(crate) fn open_or_make_index(
        &self,
        shared: &Shared,
        kind: Kind,
        made: &mut bool,
    ) -> io::Result<File> {
        let path = shared.path(self.id.base, kind);
        let fs = &shared.env.fs;
        shared.env.files.get(self.id.key(kind), || match fs.open_if_there(&path)? {
            Some(file) => Ok(file),
            None => {
                *made = true;
                fs.create_new(&path)
            }
        })
    }

    /// The same while a log is opened, where what has found no space is found by walking. Returns whether they are complete.
    pub(crate) fn complete_indexes_if_space(&mut self, shared: &Shared) -> io::Result<bool> {
        match self.complete_indexes(shared) {
            Err(e) if is_no_space(&e) => Ok(false),
            completed => completed.map(|_| true),
        }
    }

    /// Whether [`Active::complete_indexes`] has nothing to do.
    pub(crate) fn indexes_are_complete(&self) -> bool {
        let nothing_waits = self.index.tail.is_empty() && self.time_index.tail.is_empty();
        nothing_waits && self.max_timestamp <= self.time_indexed
    }

    /// Writes all index entries, with the one of the largest timestamp at the end, as Kafka does with a segment that it
    /// seals or closes; an index without entries is an empty file. Returns whether a file was made.
    pub(crate) fn complete_indexes(&mut self, shared: &Shared) -> io::Result<bool> {
        self.push_time_entry();
        let mut made = self.spill_indexes(shared)?;
        for kind in [Kind::Index, Kind::TimeIndex] {
            self.open_or_make_index(shared, kind, &mut made)?;
        }
        Ok(made)
    }
}

fn first_offset(batches: &[Batch], end: LogPosition) -> Offset {
    batches.first().map_or(end.offset, |batch| batch.header.base_offset)
}

/// Writes header and body of each batch, one behind the other, from `at` on.
fn write_batches(file: &dyn DiskFile, batches: &[Batch], mut at: u64) -> io::Result<()> {
    for batches in batches.chunks(PARTS_MAX / 2) {
        let headers: Vec<_> = batches.iter().map(|batch| batch.header.encode()).collect();
        let mut parts = Vec::with_capacity(batches.len().saturating_mul(2));
        for (header, batch) in headers.iter().zip(batches) {
            parts.push(IoSlice::new(header));
            parts.push(IoSlice::new(&batch.body));
        }
        at = write_parts(file, &mut parts, at)?;
    }
    Ok(())
}

/// Writes all parts; returns the position behind them. A short write is followed by another, which says what is wrong.
fn write_parts(file: &dyn DiskFile, mut parts: &mut [IoSlice<'_>], mut at: u64) -> io::Result<u64> {
    // Empty parts at the front, an empty body for one, would look like a write of nothing.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match file.write_at(parts, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                at = at.saturating_add(n as u64);
                IoSlice::advance_slices(&mut parts, n);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(at)
}
