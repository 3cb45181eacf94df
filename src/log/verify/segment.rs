//! One segment: its batches, and the indexes beside them.

use std::io;
use std::path::{Path, PathBuf};

use gracchus_base::{LeaderEpoch, Offset, Timestamp};
use gracchus_wire::records::BatchHeader;

use super::{Known, Problem, Report};
use crate::fs::{self, File, Fs};
use crate::index::{IndexEntry, OffsetEntry, TimeEntry};
use crate::names::{Kind, segment_file};
use crate::scan::{SWEEP_BUFFER, Scan, Step};

/// Index entries that are read at a time.
const BLOCK_ENTRIES: usize = 4096;

/// The walk over the segments of a partition, oldest first.
pub(super) struct Walk<'a> {
    fs: &'a Fs,
    dir: &'a Path,
    known: Known,
    /// The offset that is due next; `None` before the first segment.
    due: Option<Offset>,
    /// Leader epochs, with the offsets at which they begin.
    pub epochs: Vec<(LeaderEpoch, Offset)>,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(fs: &'a Fs, dir: &'a Path, known: Known) -> Self {
        Self { fs, dir, known, due: None, epochs: Vec::new() }
    }

    /// Checks the segment at `base`, and its indexes.
    pub(super) fn check(&mut self, base: Offset, is_last: bool, report: &mut Report<'_>) {
        report.totals.segments = report.totals.segments.saturating_add(1);
        let mut indexes = (Index::open(self, base, report), Index::open(self, base, report));
        let path = self.dir.join(segment_file(base, Kind::Log));
        let walked = self.batches(base, &path, is_last, &mut indexes, report);
        // What the indexes say of batches behind a bad one cannot be checked.
        if report.read(&path, walked) == Some(true) {
            let (offsets, times) = indexes;
            offsets.into_iter().for_each(|offsets| offsets.end(report));
            times.into_iter().for_each(|times| times.end(report));
        }
    }

    /// Reads all batches. Answers whether it came to the end of the file.
    fn batches(
        &mut self,
        base: Offset,
        path: &Path,
        is_last: bool,
        (offsets, times): &mut (Option<Index<OffsetEntry>>, Option<Index<TimeEntry>>),
        report: &mut Report<'_>,
    ) -> io::Result<bool> {
        let file = self.fs.open(path)?;
        let size = file.size()?;
        report.totals.bytes = report.totals.bytes.saturating_add(size);
        let Ok(len) = u32::try_from(size) else {
            report.add(path, Problem::TooLarge);
            return Ok(false);
        };
        let mut due = self.due.unwrap_or(base);
        let mut newest = Timestamp::NONE;
        let mut scan = Scan::new(&*file, 0, len, SWEEP_BUFFER);
        loop {
            let (position, header) = match scan.next()? {
                Step::End => break,
                Step::Bad { position } => {
                    let position = u64::from(position);
                    report.add(path, self.bad(is_last, Problem::NotABatch { position, offset: due }, size));
                    self.due = Some(due);
                    return Ok(false);
                }
                Step::Batch { position, header } => (position, header),
            };
            report.totals.batches = report.totals.batches.saturating_add(1);
            let (at, offset) = (u64::from(position), header.base_offset);
            if offset < due || offset > due && !self.known.compacted {
                report.add(path, Problem::Offset { position: at, offset, due });
            }
            if !scan.crc_matches(position, &header)? {
                report.add(path, self.bad(is_last, Problem::Crc { position: at, offset }, size));
            }
            newest = newest.max(header.max_timestamp);
            if let Some(offsets) = offsets {
                offsets.batch(position, &header, report);
            }
            if let Some(times) = times {
                times.batch(newest, &header, report);
            }
            if self.epochs.last().is_none_or(|(epoch, _)| *epoch < header.leader_epoch) {
                self.epochs.push((header.leader_epoch, offset));
            }
            due = due.max(header.next_offset());
        }
        self.due = Some(due);
        Ok(true)
    }

    /// What is wrong at the end of the log and was never flushed is what a crash leaves.
    fn bad(&self, is_last: bool, problem: Problem, size: u64) -> Problem {
        match problem {
            Problem::NotABatch { position, offset } | Problem::Crc { position, offset }
                if is_last && offset >= self.known.flushed =>
            {
                Problem::Torn { position, bytes: size.saturating_sub(position) }
            }
            other => other,
        }
    }
}

/// An index that is read beside the batches, entry by entry.
struct Index<E> {
    file: File,
    path: PathBuf,
    base: Offset,
    /// Entries that were read and not looked at yet, and where the next ones are.
    block: std::vec::IntoIter<E>,
    read_to: u64,
    /// The entry whose batch is due, and its number.
    next: Option<E>,
    number: u32,
}

/// Which of the two indexes entries belong to, and when one was never written: of an index that was made at its full
/// size, as Kafka does, the rest is zeros.
trait Entry: IndexEntry {
    const KIND: Kind;
    fn is_blank(self) -> bool;
    fn problem(self, entry: u32, base: Offset) -> Problem;
}

impl Entry for OffsetEntry {
    const KIND: Kind = Kind::Index;

    fn is_blank(self) -> bool {
        self.relative == 0 && self.position == 0
    }

    fn problem(self, entry: u32, base: Offset) -> Problem {
        Problem::IndexEntry { entry, offset: base.plus(self.relative.into()), position: self.position }
    }
}

impl Entry for TimeEntry {
    const KIND: Kind = Kind::TimeIndex;

    fn is_blank(self) -> bool {
        self.timestamp == Timestamp(0) && self.relative == 0
    }

    fn problem(self, entry: u32, base: Offset) -> Problem {
        Problem::TimeEntry { entry, timestamp: self.timestamp, offset: base.plus(self.relative.into()) }
    }
}

impl<E: Entry> Index<E> {
    /// `None` if there is none, which a start puts right, or it cannot be read.
    fn open(walk: &Walk<'_>, base: Offset, report: &mut Report<'_>) -> Option<Self> {
        let path = walk.dir.join(segment_file(base, E::KIND));
        let file = report.read(&path, walk.fs.open_if_there(&path))??;
        let odd = report.read(&path, file.size())?.checked_rem(E::BYTES as u64).unwrap_or(0);
        if odd > 0 {
            report.add(&path, Problem::OddBytes(odd));
        }
        let block = Vec::new().into_iter();
        let mut index = Self { file, path, base, block, read_to: 0, next: None, number: 0 };
        index.read_next(report);
        Some(index)
    }

    fn read_next(&mut self, report: &mut Report<'_>) {
        self.next = self.block.next();
        if self.next.is_some() {
            return;
        }
        let mut bytes = vec![0; E::BYTES.saturating_mul(BLOCK_ENTRIES)];
        let read = fs::read_full(&*self.file, self.read_to, &mut bytes);
        let Some(read) = report.read(&self.path, read) else { return };
        let entries = bytes.get(..read).unwrap_or_default().chunks_exact(E::BYTES).filter_map(E::decode);
        self.block = entries.collect::<Vec<_>>().into_iter();
        self.read_to = self.read_to.saturating_add(read as u64);
        self.next = self.block.next();
    }

    /// Goes on to the next entry; the one that was due is wrong unless `is_right`.
    fn done(&mut self, entry: E, is_right: bool, report: &mut Report<'_>) {
        if !is_right {
            report.add(&self.path, entry.problem(self.number, self.base));
        }
        self.number = self.number.saturating_add(1);
        self.read_next(report);
    }

    /// No batch is left for the entries that are.
    fn end(mut self, report: &mut Report<'_>) {
        while let Some(entry) = self.next.filter(|entry| !entry.is_blank()) {
            self.done(entry, false, report);
        }
    }

    fn relative(&self, offset: Offset) -> i64 {
        offset.since(self.base)
    }
}

impl Index<OffsetEntry> {
    fn batch(&mut self, position: u32, header: &BatchHeader, report: &mut Report<'_>) {
        while let Some(entry) = self.next.filter(|entry| !entry.is_blank() && entry.position <= position) {
            // The last offset of the batch; behind damage, where an entry must lead, the first.
            let named = [header.base_offset, header.last_offset()].map(|offset| self.relative(offset));
            let names_it = entry.position == position && named.contains(&i64::from(entry.relative));
            self.done(entry, names_it, report);
        }
    }
}

impl Index<TimeEntry> {
    /// `newest` is the largest timestamp up to this batch. Older versions of Kafka name a record inside the batch, not its
    /// last one.
    fn batch(&mut self, newest: Timestamp, header: &BatchHeader, report: &mut Report<'_>) {
        let last = self.relative(header.last_offset());
        while let Some(entry) =
            self.next.filter(|entry| !entry.is_blank() && i64::from(entry.relative) <= last)
        {
            let inside = i64::from(entry.relative) >= self.relative(header.base_offset);
            let names_it = inside && entry.timestamp == header.max_timestamp && entry.timestamp == newest;
            self.done(entry, names_it, report);
        }
    }
}
