//! Taking a segment up again from its files: as much as the sparse indexes are good for, the rest from the batches.

use std::io;
use std::ops::Range;

use gracchus_base::{Offset, Timestamp};
use gracchus_wire::records::BatchHeader;

use crate::append::INDEX_TAIL_BYTES;
use crate::error::ReadError;
use crate::fs::{Access, DiskFile, File, is_no_space, sync_or_forget};
use crate::index::{self, IndexEntry, IndexParts, OffsetEntry, TimeEntry};
use crate::log::Active;
use crate::names::Kind;
use crate::scan::{LOOKUP_BUFFER, SWEEP_BUFFER, Scan, Step};
use crate::segment::Shared;
use crate::view::Part;

/// What to believe and what to check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resume {
    /// Index entries from this offset on are made anew.
    pub index_before: Offset,
    /// The time index was closed in good order, so that no entry is missing at its end.
    pub time_index_complete: bool,
    /// Batches that are walked over must have the right CRC.
    pub check_crc: bool,
    /// Everything before it was flushed: bytes that are no batch are damage there, not a torn tail, and what is good
    /// behind them counts (FAULTS 22).
    pub flushed_to: Offset,
    /// Where the next segment begins, or far away.
    pub ends_before: Offset,
}

/// The front part of the indexes that is kept.
struct Kept {
    offset_entries: u32,
    time_entries: u32,
    time_last: Option<TimeEntry>,
    /// Where the walk over the batches begins.
    position: u32,
}

impl Active {
    /// Fills in everything about the segment, whose log file has `len` bytes, from its indexes and, behind them, its
    /// batches. Returns how many bytes are whole, good batches with growing offsets.
    pub(crate) fn take_up(
        &mut self,
        shared: &Shared,
        file: &dyn DiskFile,
        len: u32,
        how: Resume,
        interval_bytes: u32,
    ) -> io::Result<u32> {
        self.made = true;
        if let Some(kept) = self.kept(shared, file, len, how)? {
            self.keep(shared, &kept)?;
            if kept.position > 0
                && let Step::Batch { header, .. } = Scan::new(file, 0, len, LOOKUP_BUFFER).next()?
            {
                self.first_timestamp = header.max_timestamp;
            }
            let good = self.sweep(shared, file, kept.position..len, how, interval_bytes)?;
            if good > kept.position {
                return Ok(good);
            }
            // The batch is bad that the last entry names: at which offset the log ends, those before it tell.
            *self =
                Self { id: self.id.clone(), made: true, created: self.created, ..Self::new(self.id.base) };
        }
        self.keep(shared, &Kept { offset_entries: 0, time_entries: 0, time_last: None, position: 0 })?;
        self.sweep(shared, file, 0..len, how, interval_bytes)
    }

    /// What of the indexes can be believed; `None` for nothing.
    fn kept(&self, shared: &Shared, file: &dyn DiskFile, len: u32, how: Resume) -> io::Result<Option<Kept>> {
        let (Some(offsets), Some(times)) =
            (self.index_file(shared, Kind::Index)?, self.index_file(shared, Kind::TimeIndex)?)
        else {
            return Ok(None);
        };
        // What a crash has left behind the entries is zeros, which do not grow.
        let grows = |a: OffsetEntry, b: OffsetEntry| a.relative < b.relative && a.position < b.position;
        let offset_entries = index::growing(&*offsets, grows)?;
        if offset_entries > 0 {
            let first = index::nth::<OffsetEntry>(&*offsets, 0)?;
            if first.position == 0 || first.relative == 0 {
                // The first batch never has an entry: these are zeros, whole or in part.
                return Ok(None);
            }
        }
        let grows = |a: TimeEntry, b: TimeEntry| a.timestamp < b.timestamp && a.relative <= b.relative;
        let time_entries = index::growing(&*times, grows)?;

        let mut relative_end = how.index_before.since(self.id.base);
        if !how.time_index_complete {
            // Entries may be missing at the end: go on from the last one there is, which speaks for all before it.
            let last = last_of::<TimeEntry>(&times, time_entries)?;
            relative_end =
                relative_end.min(last.map_or(0, |last| i64::from(last.relative).saturating_add(1)));
        }
        let usable = |e: OffsetEntry| i64::from(e.relative) < relative_end && e.position < len;
        let offset_entries = index::count_while(&*offsets, offset_entries, usable)?;
        let last = last_of::<OffsetEntry>(&offsets, offset_entries)?;
        let speaks_for_kept = |t: TimeEntry| last.is_some_and(|last| t.relative <= last.relative);
        let time_entries = match how.time_index_complete {
            true => time_entries,
            false => index::count_while(&*times, time_entries, speaks_for_kept)?,
        };
        let kept = Kept {
            offset_entries,
            time_entries,
            time_last: last_of(&times, time_entries)?,
            position: last.map_or(0, |last| last.position),
        };
        // Of the first entry nothing before it says that it grows: one that is torn may name a batch with a time long past.
        let first = if time_entries > 1 { Some(index::nth(&*times, 0)?) } else { None };
        let right = self.leads_to_batch(last, &kept, file, len)?
            && self.timestamp_is_right(shared, &kept, kept.time_last, len)?
            && self.timestamp_is_right(shared, &kept, first, len)?;
        Ok(right.then_some(kept))
    }

    /// Whether the batch is there that the last offset entry names, and the time index knows of its timestamp.
    fn leads_to_batch(
        &self,
        last: Option<OffsetEntry>,
        kept: &Kept,
        file: &dyn DiskFile,
        len: u32,
    ) -> io::Result<bool> {
        let Some(last) = last else { return Ok(true) };
        let at = self.id.base.plus(last.relative.into());
        let known = kept.time_last.map_or(Timestamp::NONE, |last| last.timestamp);
        let step = Scan::new(file, last.position, len, LOOKUP_BUFFER).next()?;
        Ok(matches!(step, Step::Batch { header, .. }
            if header.base_offset <= at && header.base_offset >= self.id.base && known >= header.max_timestamp))
    }

    /// Whether the batch that a time entry names has that timestamp.
    fn timestamp_is_right(
        &self,
        shared: &Shared,
        kept: &Kept,
        entry: Option<TimeEntry>,
        len: u32,
    ) -> io::Result<bool> {
        let Some(entry) = entry else { return Ok(true) };
        let at = self.id.base.plus(entry.relative.into());
        let part = Part {
            shared,
            access: Access::Disk,
            id: &self.id,
            len,
            index: IndexParts {
                in_file: entry_bytes::<OffsetEntry>(kept.offset_entries),
                ..Default::default()
            },
            time_index: IndexParts::default(),
            max_timestamp: entry.timestamp,
            max_timestamp_offset: at,
        };
        match part.find(at, len) {
            Ok(found) => Ok(found.is_some_and(|(_, header)| header.max_timestamp == entry.timestamp)),
            Err(ReadError::Io(e)) => Err(e),
            Err(_) => Ok(false),
        }
    }

    /// An index file, if it is there.
    fn index_file(&self, shared: &Shared, kind: Kind) -> io::Result<Option<File>> {
        let path = shared.path(self.id.base, kind);
        match shared.env.files.get(self.id.key(kind), || shared.env.fs.open(&path)) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Cuts the index files to what is kept, for good: entries that came back with a power cut would grow like those that
    /// belong there, and name places of batches that are gone.
    fn keep(&mut self, shared: &Shared, kept: &Kept) -> io::Result<()> {
        self.index.in_file = entry_bytes::<OffsetEntry>(kept.offset_entries);
        self.time_index.in_file = entry_bytes::<TimeEntry>(kept.time_entries);
        for kind in [Kind::Index, Kind::TimeIndex] {
            let len = u64::from(self.index_parts(kind).in_file);
            if let Some(file) = self.index_file(shared, kind)?
                && file.size()? > len
            {
                file.set_len(len)?;
                sync_or_forget(&*file)?;
            }
        }
        if let Some(last) = kept.time_last {
            self.max_timestamp = last.timestamp;
            self.max_timestamp_offset = self.id.base.plus(last.relative.into());
            self.time_indexed = last.timestamp;
        }
        Ok(())
    }

    /// Walks over the batches in `range` and counts them in, up to the first that is not whole, not good, or whose
    /// offsets do not grow; over that one too, if it was flushed and a good one is behind it. Returns where it stands.
    fn sweep(
        &mut self,
        shared: &Shared,
        file: &dyn DiskFile,
        range: Range<u32>,
        how: Resume,
        mut interval_bytes: u32,
    ) -> io::Result<u32> {
        self.len = range.start;
        let mut scan = Scan::new(file, range.start, range.end, SWEEP_BUFFER);
        loop {
            let Some(header) = self.next_good(&mut scan, how.check_crc)? else {
                // Where the walk begins in the middle, only the batches before tell which offset is due.
                let is_lost = self.len == range.start && range.start > 0;
                if self.len == range.end || is_lost || !self.step_over_damage(&mut scan, how)? {
                    return Ok(self.len);
                }
                continue;
            };
            self.take(&header, interval_bytes);
            if self.index.tail.len() >= INDEX_TAIL_BYTES {
                match self.spill_indexes(shared) {
                    Ok(_) => {}
                    // A sparser index serves until there is space.
                    Err(e) if is_no_space(&e) => interval_bytes = u32::MAX,
                    Err(e) => return Err(e),
                }
            }
        }
    }

    /// The batch where the walk stands, if it is good and can follow on what was taken.
    fn next_good(&self, scan: &mut Scan<'_>, check_crc: bool) -> io::Result<Option<BatchHeader>> {
        let Step::Batch { position, header } = scan.next()? else { return Ok(None) };
        let too_far = header.last_offset().since(self.id.base) > i64::from(i32::MAX);
        let follows = header.base_offset >= self.next_offset && !too_far;
        Ok((follows && (!check_crc || scan.crc_matches(position, &header)?)).then_some(header))
    }

    /// Goes to the next good batch behind bytes that were flushed and are none any more; `false` if there is none. An
    /// index entry leads there: no reader could walk over the damage.
    fn step_over_damage(&mut self, scan: &mut Scan<'_>, how: Resume) -> io::Result<bool> {
        if self.next_offset >= how.flushed_to {
            return Ok(false);
        }
        let far = self.id.base.plus(i64::from(i32::MAX));
        let offsets = self.next_offset..how.ends_before.min(far);
        let Some((position, header)) = scan.find_batch(self.len.saturating_add(1), offsets)? else {
            return Ok(false);
        };
        self.damaged_at.get_or_insert(self.len);
        self.len = position;
        let relative = u32::try_from(header.base_offset.since(self.id.base)).unwrap_or(0);
        if relative > 0 {
            self.index.push(OffsetEntry { relative, position });
            self.push_time_entry();
            self.bytes_since_index = 0;
        }
        Ok(true)
    }
}

/// Bytes of so many entries.
fn entry_bytes<E: IndexEntry>(entries: u32) -> u32 {
    entries.saturating_mul(u32::try_from(E::BYTES).unwrap_or(u32::MAX))
}

fn last_of<E: IndexEntry>(file: &File, entries: u32) -> io::Result<Option<E>> {
    entries.checked_sub(1).map(|last| index::nth(&**file, last)).transpose()
}
