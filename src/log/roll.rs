//! Sealing the active segment and beginning a new one.

use std::io;
use std::sync::Arc;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{Offset, Timestamp};
use gracchus_wire::records::BatchHeader;

use crate::error::RollError;
use crate::fs::{is_no_space, sync_or_forget};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry};
use crate::log::{Active, Log, State};
use crate::names::Kind;
use crate::producer_snapshot;
use crate::segment::Segment;

impl Log {
    /// Whether the segment must be rolled before `next` is appended, by Kafka's rules: size, age, a full index, or an
    /// offset too far from the segment's base.
    pub fn needs_roll(&self, next: &BatchHeader, now: Timestamp) -> bool {
        let active = &self.active;
        let room = u64::from(self.config.segment_bytes).saturating_sub(next.total_bytes() as u64);
        let too_large = u64::from(active.len) > room;
        let too_far = next.last_offset().since(active.id.base) > i64::from(i32::MAX);
        active.len > 0 && (too_large || too_far || self.index_is_full() || self.is_too_old(next, now))
    }

    fn index_is_full(&self) -> bool {
        let bytes_max = self.config.segment_index_bytes as usize;
        let entries = |len: u32, bytes: usize| (len as usize).checked_div(bytes).unwrap_or(0);
        let entries_max = |bytes: usize| bytes_max.checked_div(bytes).unwrap_or(0);
        entries(self.active.index.len(), OffsetEntry::BYTES) >= entries_max(OffsetEntry::BYTES)
            // One place is kept for the entry that sealing adds.
            || entries(self.active.time_index.len(), TimeEntry::BYTES)
                >= entries_max(TimeEntry::BYTES).saturating_sub(1)
    }

    /// The age is counted in batch timestamps; on the clock if the first batch has none.
    fn is_too_old(&self, next: &BatchHeader, now: Timestamp) -> bool {
        let (newest, oldest) = match self.active.first_timestamp {
            first if first.get() < 0 => (now, self.active.created),
            first => (next.max_timestamp, first),
        };
        let age = newest.get().saturating_sub(oldest.get());
        age > self.config.segment_ms.saturating_sub(self.jitter())
    }

    /// What is taken off this segment's age limit: the same for the same segment, spread over segments.
    fn jitter(&self) -> i64 {
        let jitter_max = self.config.segment_jitter_ms.min(self.config.segment_ms);
        let spread = self.active.id.generation.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        i64::try_from(spread).unwrap_or(0).checked_rem(jitter_max).unwrap_or(0).max(0)
    }

    /// Seals the active segment, with the state of the producers at its end beside it, and begins a new one there. No
    /// effect if the active segment is empty.
    pub fn roll(&mut self, producers: &[ProducerSnapshot], now: Timestamp) -> Result<(), RollError> {
        match self.state {
            State::Offline => return Err(RollError::Offline),
            State::Lazy => return Ok(()),
            State::Ready if self.active.len == 0 => return Ok(()),
            State::Ready => {}
        }
        match self.seal(producers, now) {
            Ok(()) => Ok(()),
            Err(e) if is_no_space(&e) => Err(RollError::NoSpace(e)),
            Err(e) => Err(RollError::Io(self.poisoned_by(e))),
        }
    }

    /// Everything that can fail comes before the log is changed; done twice, it does the same.
    fn seal(&mut self, producers: &[ProducerSnapshot], now: Timestamp) -> io::Result<()> {
        let end = self.active.next_offset;
        self.unflushed.dir |= self.active.complete_indexes(&self.shared)?;
        self.flush_before_a_seam_with_gaps()?;
        let snapshot = self.shared.path(end, Kind::Snapshot);
        let snapshot = producer_snapshot::write(&self.shared.env.fs, &snapshot, producers)?;
        let mut next = Active::new(end);
        next.created = now;
        self.unflushed.names.change(&self.shared)?;
        let file = self.shared.env.fs.create_new(&self.shared.path(end, Kind::Log))?;
        self.shared.env.files.insert(next.id.key(Kind::Log), file);
        next.made = true;

        let old = std::mem::replace(&mut self.active, next);
        for kind in [Kind::Index, Kind::TimeIndex] {
            self.unflushed.wrote(old.id.clone(), kind, None);
        }
        self.unflushed.wrote(self.active.id.clone(), Kind::Snapshot, Some(snapshot));
        self.unflushed.dir = true;
        self.unflushed.epochs.complete(end);
        let sealed = Arc::new(old.into_sealed());
        self.sealed = self.sealed.iter().cloned().chain([sealed]).collect();
        Ok(())
    }

    /// In a log that is compacted, offsets that are missing between two segments say nothing about what a crash took
    /// away. There the old segment is durable before the new one can be.
    fn flush_before_a_seam_with_gaps(&self) -> io::Result<()> {
        match self.unflushed.held(&self.active.id) {
            Some(file) if self.config.compact => sync_or_forget(&*file),
            _ => Ok(()),
        }
    }

    /// The segments' base offsets, oldest first, the active one last.
    pub(crate) fn bases(&self) -> impl DoubleEndedIterator<Item = Offset> {
        self.sealed.iter().map(|segment| segment.id.base).chain([self.active.id.base])
    }

    pub(crate) fn first_base(&self) -> Offset {
        self.sealed.first().map_or(self.active.id.base, |segment| segment.id.base)
    }
}

impl Active {
    /// The segment as it is once nothing is appended any more and its indexes are complete.
    pub(crate) fn into_sealed(self) -> Segment {
        debug_assert!(
            self.index.tail.is_empty() && self.time_index.tail.is_empty(),
            "indexes are in their files"
        );
        self.as_segment()
    }

    /// The segment as it is now.
    pub(crate) fn as_segment(&self) -> Segment {
        Segment {
            id: self.id.clone(),
            len: self.len,
            index_len: self.index.in_file,
            time_index_len: self.time_index.in_file,
            max_timestamp: self.max_timestamp,
            max_timestamp_offset: self.max_timestamp_offset,
        }
    }
}
