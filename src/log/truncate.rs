//! Cutting a log at an offset: what a follower does with batches that its new leader does not have (KIP-101).

use std::io;
use std::sync::Arc;

use gracchus_base::Offset;

use crate::error::{ReadError, TruncateError};
use crate::fs::{self, Access};
use crate::index::IndexParts;
use crate::log::{Active, Log, LogPosition, State};
use crate::names::{Kind, parse_segment_file};
use crate::resume::Resume;
use crate::segment::Segment;
use crate::unflushed::UnflushedFile;
use crate::view::Part;

impl Log {
    /// Removes every batch that ends at `offset` or after it; a batch that contains `offset` goes as a whole, as in
    /// Kafka. Below the log's first segment nothing is left, and the log begins anew at `offset`. Returns the new end.
    /// Views taken before answer [`ReadError::Gone`] for the segments concerned.
    pub fn truncate_to(&mut self, offset: Offset) -> Result<LogPosition, TruncateError> {
        if self.state == State::Offline {
            return Err(TruncateError::Offline);
        }
        if offset >= self.active.next_offset {
            return Ok(self.log_end());
        }
        match self.cut_at(offset) {
            Ok(()) => Ok(self.log_end()),
            Err(ReadError::Io(e)) => Err(TruncateError::Io(self.poisoned_by(e))),
            Err(other) => {
                self.poison();
                Err(other.into())
            }
        }
    }

    fn cut_at(&mut self, offset: Offset) -> Result<(), ReadError> {
        let mut left: Vec<Arc<Segment>> = self.sealed.to_vec();
        left.push(Arc::new(self.active.as_segment()));
        // From the end, so that a crash in between leaves a log without a hole; and for good, so that none of them is
        // there again behind what is appended next.
        while let Some(segment) = left.pop_if(|segment| segment.id.base >= offset) {
            self.unflushed.names.change(&self.shared)?;
            self.remove_segment(&segment.id)?;
        }
        self.shared.env.fs.sync_dir(&self.shared.dir)?;
        match left.pop() {
            Some(last) => self.active = self.cut_segment(&last, offset)?,
            None => {
                self.active = Active::new(offset);
                self.log_start = offset;
            }
        }
        self.sealed = left.into();
        let end = self.log_end();
        self.log_start = self.log_start.min(end.offset);
        self.unflushed.truncated(end);
        self.remove_snapshots_beyond(end.offset)?;
        // For good, too: a snapshot that comes back would speak of batches that are gone.
        self.shared.env.fs.sync_dir(&self.shared.dir)?;
        Ok(())
    }

    /// Makes the segment that holds `offset` the active one again, ending before `offset`.
    fn cut_segment(&mut self, segment: &Segment, offset: Offset) -> Result<Active, ReadError> {
        let is_active = Arc::ptr_eq(&segment.id, &self.active.id);
        let index = if is_active { self.active.index.clone() } else { in_file(segment.index_len) };
        let time_index =
            if is_active { self.active.time_index.clone() } else { in_file(segment.time_index_len) };
        let part = Part {
            shared: &self.shared,
            access: Access::Disk,
            id: &segment.id,
            len: segment.len,
            index,
            time_index,
            max_timestamp: segment.max_timestamp,
            max_timestamp_offset: segment.max_timestamp_offset,
        };
        let cut = part.find(offset, segment.len)?.map_or(segment.len, |(position, _)| position);

        let mut active = Active::new(segment.id.base);
        active.created = self.active.created;
        self.shared.retire(&segment.id);
        let is_its_snapshot = |f: &UnflushedFile| Arc::ptr_eq(&f.id, &segment.id) && f.kind == Kind::Snapshot;
        let snapshot = self.unflushed.files.iter().find(|f| is_its_snapshot(f)).and_then(|f| f.file.clone());
        self.unflushed.forget(&segment.id);
        if let Some(snapshot) = snapshot {
            self.unflushed.wrote(active.id.clone(), Kind::Snapshot, Some(snapshot));
        }
        let file = self.shared.open(&active.id, Kind::Log)?;
        file.set_len(cut.into())?;
        // For good: else a power cut could bring the old batches back behind those that are appended next.
        fs::sync_or_forget(&*file)?;
        // Entries that were only in memory are made again from the batches.
        let how = Resume {
            index_before: offset,
            time_index_complete: false,
            check_crc: false,
            flushed_to: offset,
            ends_before: offset,
        };
        active.take_up(&self.shared, &*file, cut, how, self.config.index_interval_bytes)?;
        Ok(active)
    }

    pub(crate) fn remove_snapshots_beyond(&mut self, end: Offset) -> io::Result<()> {
        for entry in self.shared.env.fs.list(&self.shared.dir)? {
            if let Some((at, Kind::Snapshot)) = parse_segment_file(&entry.name)
                && at > end
            {
                self.shared.env.fs.remove_if_there(&self.shared.dir.join(&entry.name))?;
                self.unflushed.files.retain(|f| f.kind != Kind::Snapshot || f.id.base != at);
                self.unflushed.dir = true;
            }
        }
        Ok(())
    }
}

fn in_file(len: u32) -> IndexParts {
    IndexParts { in_file: len, ..IndexParts::default() }
}
