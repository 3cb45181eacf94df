//! Reading a log without asking its owner: an immutable view, and the ways to find something in it.
//!
//! Only files and this view are looked at; no lock is held while a file is read. A segment that was removed or cut since
//! the view was taken answers [`ReadError::Gone`].

use std::io;
use std::sync::Arc;

use gracchus_base::limits::BATCH_HEADER_BYTES;
use gracchus_base::{Offset, Timestamp};
use gracchus_wire::records::BatchHeader;

use crate::error::ReadError;
use crate::fs::{Access, File, Source};
use crate::index::{IndexParts, OffsetEntry, TimeEntry};
use crate::log::{Log, LogPosition};
use crate::names::Kind;
use crate::range::FileRange;
use crate::scan::{LOOKUP_BUFFER, Scan, Step};
use crate::segment::{Segment, SegmentId, Shared};

/// A log as it was at one moment. Cheap to clone and to send.
#[derive(Clone)]
pub struct LogView {
    shared: Arc<Shared>,
    log_start: Offset,
    end: LogPosition,
    sealed: Arc<[Arc<Segment>]>,
    active: ActivePart,
}

/// The active segment as it was.
#[derive(Clone)]
struct ActivePart {
    id: Arc<SegmentId>,
    index: IndexParts,
    time_index: IndexParts,
    max_timestamp: Timestamp,
    max_timestamp_offset: Offset,
}

/// Where a read must stop: the high watermark or the last stable offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpTo {
    /// A known place; costs nothing.
    Position(LogPosition),
    /// An offset; its place is looked up.
    Offset(Offset),
}

impl From<LogPosition> for UpTo {
    fn from(position: LogPosition) -> Self {
        Self::Position(position)
    }
}

impl From<Offset> for UpTo {
    fn from(offset: Offset) -> Self {
        Self::Offset(offset)
    }
}

/// One batch that was found.
#[derive(Clone, Debug)]
pub struct FoundBatch {
    pub header: BatchHeader,
    pub range: FileRange,
}

impl Log {
    /// The log as it is now, to be published to readers.
    pub fn view(&self) -> LogView {
        let active = &self.active;
        LogView {
            shared: self.shared.clone(),
            log_start: self.log_start,
            end: self.log_end(),
            sealed: self.sealed.clone(),
            active: ActivePart {
                id: active.id.clone(),
                index: active.index.clone(),
                time_index: active.time_index.clone(),
                max_timestamp: active.max_timestamp,
                max_timestamp_offset: active.max_timestamp_offset,
            },
        }
    }
}

/// Reads of fewer bytes may always end inside a batch.
const WHOLE_FROM_BYTES: u32 = 64 * 1024;

/// Larger ones end with a whole batch if the first is at least one part in so many of them.
const LARGE_BATCH: u32 = 8;

/// One segment of a view, sealed or active.
pub(crate) struct Part<'a> {
    pub shared: &'a Shared,
    pub access: Access,
    pub id: &'a SegmentId,
    pub len: u32,
    pub index: IndexParts,
    pub time_index: IndexParts,
    pub max_timestamp: Timestamp,
    pub max_timestamp_offset: Offset,
}

impl LogView {
    pub fn log_start(&self) -> Offset {
        self.log_start
    }

    pub fn log_end(&self) -> LogPosition {
        self.end
    }

    /// Bytes in all segments, without their indexes.
    pub fn size_bytes(&self) -> u64 {
        let sealed = self.sealed.iter().map(|segment| u64::from(segment.len));
        sealed.fold(u64::from(self.end.position), u64::saturating_add)
    }

    /// The batches from the one that contains `from` on (TRAPS 31), before `up_to`, of one segment, as Kafka reads. At
    /// most `bytes_max`; the whole first batch though, if `min_one`. Large batches are whole, small ones may be cut at the
    /// end. `None` if there is nothing to read there now, or the first batch is larger than `bytes_max` and not `min_one`.
    pub fn read(
        &self,
        from: Offset,
        up_to: impl Into<UpTo>,
        bytes_max: u32,
        min_one: bool,
    ) -> Result<Option<FileRange>, ReadError> {
        self.read_with(from, up_to.into(), bytes_max, min_one, Access::Disk)
    }

    /// As [`LogView::read`], but never waits for the disk: [`ReadError::NotCached`] instead.
    pub fn read_cached(
        &self,
        from: Offset,
        up_to: impl Into<UpTo>,
        bytes_max: u32,
        min_one: bool,
    ) -> Result<Option<FileRange>, ReadError> {
        self.read_with(from, up_to.into(), bytes_max, min_one, Access::Cached)
    }

    fn read_with(
        &self,
        from: Offset,
        up_to: UpTo,
        bytes_max: u32,
        min_one: bool,
        access: Access,
    ) -> Result<Option<FileRange>, ReadError> {
        if from < self.log_start || from > self.end.offset {
            return Err(ReadError::OutOfRange { offset: from, start: self.log_start, end: self.end.offset });
        }
        let up_to = match up_to {
            UpTo::Position(position) => position,
            UpTo::Offset(offset) => self.position_with(offset, access)?,
        };
        if from >= up_to.offset {
            return Ok(None);
        }
        for part in self.parts_with(from, access) {
            let limit = part.limit(up_to);
            let Some((position, header)) = part.find(from, limit)? else { continue };
            let first = u32::try_from(header.total_bytes()).unwrap_or(u32::MAX);
            let len = if min_one { bytes_max.max(first) } else { bytes_max };
            if len < first {
                return Ok(None);
            }
            let wanted = len.min(limit.saturating_sub(position));
            let file = part.open(Kind::Log)?;
            let len = part.whole_batches(&file, position, first, wanted, limit)?;
            let left_out = wanted.saturating_sub(len);
            return Ok(Some(FileRange { file, position: position.into(), len, left_out }));
        }
        Ok(None)
    }

    /// Where the batch that contains `offset` begins, or the first one after it; the end for an offset at or beyond it.
    pub fn position_of(&self, offset: Offset) -> Result<LogPosition, ReadError> {
        self.position_with(offset, Access::Disk)
    }

    fn position_with(&self, offset: Offset, access: Access) -> Result<LogPosition, ReadError> {
        if offset >= self.end.offset {
            return Ok(self.end);
        }
        for part in self.parts_with(offset, access) {
            if let Some((position, _)) = part.find(offset, part.len)? {
                return Ok(LogPosition { offset, segment_base: part.id.base, position });
            }
        }
        Ok(self.end)
    }

    /// The first batch at or after offset `from` whose largest timestamp is at least `timestamp`. The caller looks for
    /// the record in it, and if it is none of those it wants, asks again from the batch's next offset (KIP-79).
    pub fn lookup_timestamp(
        &self,
        timestamp: Timestamp,
        from: Offset,
    ) -> Result<Option<FoundBatch>, ReadError> {
        let from = from.max(self.log_start);
        for part in self.parts_from(from).filter(|part| part.max_timestamp >= timestamp) {
            if let Some(found) = part.find_timestamp(timestamp, from)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first batch that has the largest timestamp of the log (KIP-734); `None` if no batch has a timestamp.
    pub fn max_timestamp(&self) -> Result<Option<FoundBatch>, ReadError> {
        let mut best: Option<Part<'_>> = None;
        for part in self.parts_from(self.log_start) {
            if part.max_timestamp > best.as_ref().map_or(Timestamp::NONE, |best| best.max_timestamp) {
                best = Some(part);
            }
        }
        let Some(part) = best else { return Ok(None) };
        let found = part.find(part.max_timestamp_offset, part.len)?;
        found.map(|(position, header)| part.found(position, header)).transpose()
    }

    /// The segments from the one that may contain `offset` on.
    pub(crate) fn parts_from(&self, offset: Offset) -> impl Iterator<Item = Part<'_>> {
        self.parts_with(offset, Access::Disk)
    }

    fn parts_with(&self, offset: Offset, access: Access) -> impl Iterator<Item = Part<'_>> {
        let first = self.sealed.partition_point(|segment| segment.id.base <= offset).saturating_sub(1);
        let sealed = self.sealed.get(first..).unwrap_or_default().iter();
        let sealed = sealed.map(move |segment| self.sealed_part(segment, access));
        let skip_sealed = self.active.id.base <= offset;
        sealed.filter(move |_| !skip_sealed).chain(std::iter::once_with(move || self.active_part(access)))
    }

    fn sealed_part<'a>(&'a self, segment: &'a Segment, access: Access) -> Part<'a> {
        let in_file = |len| IndexParts { in_file: len, ..IndexParts::default() };
        Part {
            shared: &self.shared,
            access,
            id: &segment.id,
            len: segment.len,
            index: in_file(segment.index_len),
            time_index: in_file(segment.time_index_len),
            max_timestamp: segment.max_timestamp,
            max_timestamp_offset: segment.max_timestamp_offset,
        }
    }

    fn active_part(&self, access: Access) -> Part<'_> {
        Part {
            shared: &self.shared,
            access,
            id: &self.active.id,
            len: self.end.position,
            index: self.active.index.clone(),
            time_index: self.active.time_index.clone(),
            max_timestamp: self.active.max_timestamp,
            max_timestamp_offset: self.active.max_timestamp_offset,
        }
    }
}

impl Part<'_> {
    pub(crate) fn open(&self, kind: Kind) -> Result<File, ReadError> {
        match self.access {
            Access::Disk => self.shared.open(self.id, kind),
            Access::Cached => self.shared.opened(self.id, kind)?.ok_or(ReadError::NotCached),
        }
    }

    /// Bytes of this segment that lie before `up_to`.
    fn limit(&self, up_to: LogPosition) -> u32 {
        match up_to.segment_base.cmp(&self.id.base) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => up_to.position.min(self.len),
            std::cmp::Ordering::Greater => self.len,
        }
    }

    /// The first batch before `limit` that ends at `offset` or after it.
    pub(crate) fn find(&self, offset: Offset, limit: u32) -> Result<Option<(u32, BatchHeader)>, ReadError> {
        if limit == 0 {
            return Ok(None);
        }
        let file = self.open(Kind::Log)?;
        let start = self.start_of_search(offset)?;
        self.walk(&file, start, offset, limit, |header| header.last_offset() >= offset)
    }

    /// How many of the `wanted` bytes from `position` on are to be sent: whole batches, of which the first has `first`
    /// bytes, where half of one would be much; else all of them.
    fn whole_batches(
        &self,
        file: &File,
        position: u32,
        first: u32,
        wanted: u32,
        limit: u32,
    ) -> Result<u32, ReadError> {
        let end = position.saturating_add(wanted);
        if end == limit || wanted < WHOLE_FROM_BYTES || first < wanted / LARGE_BATCH {
            return Ok(wanted);
        }
        let source = Source { file: &**file, access: self.access };
        let behind_first = position.saturating_add(first);
        let mut scan = Scan::new(source, behind_first, end, BATCH_HEADER_BYTES);
        let mut whole = first;
        // What does not fit before `end` is no whole batch to this walk.
        while let Step::Batch { header, .. } = scan.next()? {
            whole = whole.saturating_add(u32::try_from(header.total_bytes()).unwrap_or(u32::MAX));
        }
        Ok(whole.min(wanted))
    }

    fn find_timestamp(&self, timestamp: Timestamp, from: Offset) -> Result<Option<FoundBatch>, ReadError> {
        if self.len == 0 {
            return Ok(None);
        }
        let file = self.open(Kind::Log)?;
        let before = self.index_entry::<TimeEntry>(&self.time_index, Kind::TimeIndex, timestamp)?;
        let known = before.map_or(self.id.base, |entry| self.id.base.plus(entry.relative.into()));
        let start = self.start_of_search(known.max(from))?;
        let wanted = |h: &BatchHeader| h.last_offset() >= from && h.max_timestamp >= timestamp;
        let found = self.walk(&file, start, known.max(from), self.len, wanted)?;
        found.map(|(position, header)| self.found(position, header)).transpose()
    }

    fn found(&self, position: u32, header: BatchHeader) -> Result<FoundBatch, ReadError> {
        let len = u32::try_from(header.total_bytes()).unwrap_or(u32::MAX);
        Ok(FoundBatch {
            header,
            range: FileRange { file: self.open(Kind::Log)?, position: position.into(), len, left_out: 0 },
        })
    }

    /// A position at or before the batch that contains `offset`, by the index.
    fn start_of_search(&self, offset: Offset) -> Result<u32, ReadError> {
        let relative = offset.since(self.id.base).clamp(0, i64::from(u32::MAX));
        let relative = u32::try_from(relative).unwrap_or(0);
        let entry = self.index_entry::<OffsetEntry>(&self.index, Kind::Index, relative)?;
        Ok(entry.map_or(0, |entry| entry.position))
    }

    /// An index helps to find, it decides nothing: without its file the search begins at the segment's start.
    fn index_entry<E: crate::index::IndexEntry>(
        &self,
        parts: &IndexParts,
        kind: Kind,
        key: E::Key,
    ) -> Result<Option<E>, ReadError> {
        let open = || match self.open(kind) {
            Ok(file) => Ok(file),
            Err(ReadError::Io(e)) => Err(e),
            Err(ReadError::NotCached) => Err(io::ErrorKind::WouldBlock.into()),
            Err(other) => Err(io::Error::new(io::ErrorKind::NotFound, other)),
        };
        match parts.last_at_most(key, self.access, open) {
            Ok(entry) => Ok(entry),
            Err(_) if self.id.is_gone() => Err(ReadError::Gone),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The first batch that is wanted, walking from `start`. Where the index has led to no batch, or to one behind
    /// `offset`, the walk begins again at the segment's start.
    fn walk(
        &self,
        file: &File,
        start: u32,
        offset: Offset,
        limit: u32,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> Result<Option<(u32, BatchHeader)>, ReadError> {
        let source = Source { file: &**file, access: self.access };
        let mut scan = Scan::new(source, start, limit, LOOKUP_BUFFER);
        let mut step = scan.next()?;
        if start > 0 && !self.leads_to(step, offset) {
            scan = Scan::new(source, 0, limit, LOOKUP_BUFFER);
            step = scan.next()?;
        }
        loop {
            match step {
                Step::Batch { position, header } if wanted(&header) => return Ok(Some((position, header))),
                Step::Batch { .. } => {}
                Step::End => return Ok(None),
                Step::Bad { .. } if self.id.is_gone() => return Err(ReadError::Gone),
                Step::Bad { position } => return Err(ReadError::Corrupt { segment: self.id.base, position }),
            }
            step = scan.next()?;
        }
    }

    /// Whether the index was right to lead there on the way to `offset`.
    fn leads_to(&self, step: Step, offset: Offset) -> bool {
        matches!(step, Step::Batch { header, .. }
            if header.base_offset <= offset && header.base_offset >= self.id.base)
    }
}
