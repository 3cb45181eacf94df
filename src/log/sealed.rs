//! Loading a sealed segment: a look at its indexes, and new ones if they cannot be right (FAULTS 24).

use std::io;
use std::ops::Range;

use gracchus_base::{Offset, Timestamp};

use crate::error::ReadError;
use crate::fs::{Access, DiskFile};
use crate::index::{self, IndexEntry, IndexParts, OffsetEntry, TimeEntry};
use crate::log::Active;
use crate::names::Kind;
use crate::resume::Resume;
use crate::scan::{LOOKUP_BUFFER, Scan, Step};
use crate::segment::{Segment, SegmentId, Shared};
use crate::view::Part;

impl Segment {
    /// Loads the segment that begins at `base` and ends before `end`, whose batches were flushed and are not looked at
    /// beyond a few headers. Indexes that are missing or wrong are made anew; says whether they were, and are to be flushed.
    pub(crate) fn load(
        shared: &Shared,
        base: Offset,
        end: Offset,
        interval_bytes: u32,
    ) -> io::Result<(Self, bool)> {
        let id = SegmentId::new(base);
        let file =
            shared.env.files.get(id.key(Kind::Log), || shared.env.fs.open(&shared.path(base, Kind::Log)))?;
        let len = u32::try_from(file.size()?).unwrap_or(u32::MAX);
        let mut segment = Self {
            id,
            len,
            index_len: 0,
            time_index_len: 0,
            max_timestamp: Timestamp::NONE,
            max_timestamp_offset: base,
        };
        let mut made = false;
        if !segment.load_indexes(shared, &*file, end, interval_bytes)? {
            (segment, made) = Self::rebuilt(shared, &*file, base..end, len, interval_bytes)?;
        }
        // A thousand partitions are opened one after another: no descriptor stays for it.
        Kind::ALL.into_iter().for_each(|kind| shared.env.files.forget(segment.id.key(kind)));
        Ok((segment, made))
    }

    /// Takes over what the indexes say, if it can be right.
    fn load_indexes(
        &mut self,
        shared: &Shared,
        file: &dyn DiskFile,
        end: Offset,
        interval_bytes: u32,
    ) -> io::Result<bool> {
        let Step::Batch { header: first, .. } = Scan::new(file, 0, self.len, LOOKUP_BUFFER).next()? else {
            // An empty segment, or one that no index can help.
            return Ok(self.len == 0);
        };
        let Some(index_len) = entry_bytes::<OffsetEntry>(shared, self, Kind::Index)? else {
            return Ok(false);
        };
        let Some(time_index_len) = entry_bytes::<TimeEntry>(shared, self, Kind::TimeIndex)? else {
            return Ok(false);
        };
        self.index_len = index_len;
        self.time_index_len = time_index_len;
        let few = index_len == 0 && self.needs_no_entry(file, interval_bytes)?;
        let timeless = time_index_len == 0 && first.max_timestamp == Timestamp::NONE;
        Ok((few || self.index_leads_to_batches(shared, file, end)?)
            && (timeless || self.take_max_timestamp(shared, end)?))
    }

    /// Whether an offset index without entries is right.
    fn needs_no_entry(&self, file: &dyn DiskFile, interval_bytes: u32) -> io::Result<bool> {
        let mut scan = Scan::new(file, 0, self.len, LOOKUP_BUFFER);
        let mut bytes = 0usize;
        while let Step::Batch { header, .. } = scan.next()? {
            if bytes > interval_bytes as usize {
                return Ok(false);
            }
            bytes = bytes.saturating_add(header.total_bytes());
        }
        Ok(true)
    }

    /// Whether first and last entry of the offset index are in order and the last one leads to its batch.
    fn index_leads_to_batches(&self, shared: &Shared, file: &dyn DiskFile, end: Offset) -> io::Result<bool> {
        let Some((first, last)) = ends::<OffsetEntry>(shared, self, Kind::Index, self.index_len)? else {
            return Ok(false);
        };
        let at = self.id.base.plus(last.relative.into());
        let alone = self.index_len as usize == OffsetEntry::BYTES;
        let ordered = alone || first.relative < last.relative && first.position < last.position;
        if !ordered || at >= end || last.position >= self.len || last.position == 0 {
            return Ok(false);
        }
        let step = Scan::new(file, last.position, self.len, LOOKUP_BUFFER).next()?;
        Ok(matches!(step, Step::Batch { header, .. }
            if header.base_offset <= at && header.base_offset >= self.id.base))
    }

    /// Takes the largest timestamp from the last entry of the time index, if that is what its batch has.
    fn take_max_timestamp(&mut self, shared: &Shared, end: Offset) -> io::Result<bool> {
        let Some((first, last)) = ends::<TimeEntry>(shared, self, Kind::TimeIndex, self.time_index_len)?
        else {
            return Ok(false);
        };
        let at = self.id.base.plus(last.relative.into());
        let alone = self.time_index_len as usize == TimeEntry::BYTES;
        let ordered = alone || first.timestamp < last.timestamp && first.relative <= last.relative;
        if !ordered || at >= end {
            return Ok(false);
        }
        let part = Part {
            shared,
            access: Access::Disk,
            id: &self.id,
            len: self.len,
            index: IndexParts { in_file: self.index_len, ..IndexParts::default() },
            time_index: IndexParts::default(),
            max_timestamp: last.timestamp,
            max_timestamp_offset: at,
        };
        let found = match part.find(at, self.len) {
            Ok(found) => found,
            Err(ReadError::Io(e)) => return Err(e),
            Err(_) => None,
        };
        self.max_timestamp = last.timestamp;
        self.max_timestamp_offset = at;
        Ok(found.is_some_and(|(_, header)| header.max_timestamp == last.timestamp))
    }

    /// Makes both indexes from the headers of the batches. Bytes that are no batch stay: they were flushed once, and what
    /// is good behind them is indexed too.
    fn rebuilt(
        shared: &Shared,
        file: &dyn DiskFile,
        offsets: Range<Offset>,
        len: u32,
        interval_bytes: u32,
    ) -> io::Result<(Self, bool)> {
        let mut active = Active::new(offsets.start);
        let nothing = Resume {
            index_before: offsets.start,
            time_index_complete: false,
            check_crc: false,
            flushed_to: offsets.end,
            ends_before: offsets.end,
        };
        active.take_up(shared, file, len, nothing, interval_bytes)?;
        let made = active.complete_indexes_if_space(shared)?;
        Ok((Self { len, ..active.as_segment() }, made))
    }
}

/// Bytes of an index file; `None` if it is not there or does not hold whole entries.
fn entry_bytes<E: IndexEntry>(shared: &Shared, segment: &Segment, kind: Kind) -> io::Result<Option<u32>> {
    let stat = shared.env.fs.stat_if_there(&shared.path(segment.id.base, kind))?;
    let len = stat.and_then(|stat| u32::try_from(stat.len).ok());
    Ok(len.filter(|len| (*len as usize).checked_rem(E::BYTES) == Some(0)))
}

/// The first and the last entry.
fn ends<E: IndexEntry>(
    shared: &Shared,
    segment: &Segment,
    kind: Kind,
    len: u32,
) -> io::Result<Option<(E, E)>> {
    let entries = (len as usize).checked_div(E::BYTES).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let Some(last) = entries.checked_sub(1) else { return Ok(None) };
    let path = shared.path(segment.id.base, kind);
    let file = shared.env.files.get(segment.id.key(kind), || shared.env.fs.open(&path))?;
    Ok(Some((index::nth(&*file, 0)?, index::nth(&*file, last)?)))
}
