//! Opening a log that is on disk: after a clean shutdown by a look at its tail, after a crash by checking everything
//! from the recovery point on. The first batch that is torn or corrupt is cut off, with everything behind it; unless it
//! lies before the recovery point: then it was flushed and is damaged, and nothing is taken away (FAULTS 22).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{LeaderEpoch, Offset, TopicId};
use gracchus_wire::records::BatchHeader;

use crate::config::{LogConfig, LogEnv};
use crate::error::{OpenError, ReadError};
use crate::fs::sync_or_forget;
use crate::leftovers::tidy;
use crate::log::{Active, Log, LogPosition, RecoveryStart, State};
use crate::names::Kind;
use crate::partition_metadata;
use crate::resume::Resume;
use crate::segment::{Segment, SegmentId};
use crate::view::LogView;

/// What is learnt about a log while it is opened, in this order.
#[derive(Clone, Debug)]
pub enum Recovered {
    /// A segment that was checked has bytes that were flushed and are no batch any more, first at that position.
    Damage { segment: Offset, position: u32 },
    /// What was remembered of producers at some offset; not given if nothing was.
    Snapshot(Vec<ProducerSnapshot>),
    /// Every batch from that offset on.
    Batch(BatchHeader),
    /// The leader epochs of the log and their first offsets, at last, once.
    Epochs(Vec<(LeaderEpoch, Offset)>),
}

impl Log {
    /// Opens the log in `dir`. What it finds goes to `visit`, so that producer state and leader epochs can be built.
    /// Memory does not depend on the size of the log. After a crash, or if something had to be cut, a flush is due:
    /// [`Log::flushed_to`] lies before the end until it has been done.
    pub fn open(
        dir: PathBuf,
        topic_id: TopicId,
        config: LogConfig,
        env: LogEnv,
        start: RecoveryStart,
        visit: &mut dyn FnMut(Recovered),
    ) -> Result<Self, OpenError> {
        let mut log = Self::new_lazy(dir, topic_id, config, env);
        log.state = State::Ready;
        log.check_metadata()?;
        log.open_files(start, visit).map_err(|error| log.open_error(error))?;
        Ok(log)
    }

    /// Whether the directory is that of this topic. A file that is missing or unreadable is written anew.
    fn check_metadata(&mut self) -> Result<(), OpenError> {
        let (fs, dir) = (&self.shared.env.fs, &self.shared.dir);
        match partition_metadata::read(fs, dir).map_err(|error| self.open_error(error))? {
            Some(found) if found != self.topic_id => {
                return Err(OpenError::TopicId { expected: self.topic_id, found });
            }
            Some(_) => {}
            None => {
                partition_metadata::write(fs, dir, self.topic_id).map_err(|error| self.open_error(error))?;
                self.unflushed.metadata = true;
                self.unflushed.dir = true;
            }
        }
        Ok(())
    }

    fn open_error(&self, error: io::Error) -> OpenError {
        OpenError::Io { path: self.shared.dir.display().to_string(), error }
    }

    fn open_files(&mut self, start: RecoveryStart, visit: &mut dyn FnMut(Recovered)) -> io::Result<()> {
        let listing = tidy(&self.shared.env.fs, &self.shared.dir)?;
        self.log_start = start.log_start;
        let believed =
            start.clean_shutdown && self.load_clean(&listing.segments, start.recovery_point, visit)?;
        // A marker that lies casts doubt on the checkpoint beside it: then the last segment is checked as a whole.
        let doubtful = listing.segments.last().filter(|_| start.clean_shutdown);
        let recovery_point = doubtful.map_or(start.recovery_point, |last| start.recovery_point.min(*last));
        if !believed {
            self.load_after_crash(&listing.segments, recovery_point, start.recovery_point, visit)?;
        }
        if self.active.next_offset < start.log_start || listing.segments.is_empty() {
            self.begin_anew(start.log_start)?;
        }
        self.log_start = self.log_start.max(self.first_base());
        self.note_unflushed(if believed { self.active.next_offset } else { recovery_point })?;
        self.replay(&listing.snapshots, believed, start.recovery_point, visit)?;
        self.forget_files();
        Ok(())
    }

    /// After a clean shutdown: sealed segments are taken as they are, the last one is checked from its last index entry
    /// on. `false` if its tail shows that the marker lies (FAULTS 25).
    fn load_clean(
        &mut self,
        bases: &[Offset],
        flushed_to: Offset,
        visit: &mut dyn FnMut(Recovered),
    ) -> io::Result<bool> {
        let Some((last, sealed)) = bases.split_last() else { return Ok(true) };
        self.load_sealed(sealed, *last)?;
        let how = Resume {
            index_before: Offset(i64::MAX),
            time_index_complete: true,
            check_crc: true,
            flushed_to,
            ends_before: Offset(i64::MAX),
        };
        let (active, len) = self.take_up(*last, how)?;
        let whole = active.len == len;
        if whole {
            tell_of_damage(&active, visit);
            self.active = active;
        }
        Ok(whole)
    }

    fn load_sealed(&mut self, bases: &[Offset], end: Offset) -> io::Result<()> {
        let interval = self.config.index_interval_bytes;
        let ends = bases.iter().skip(1).copied().chain([end]);
        let mut sealed = Vec::with_capacity(bases.len());
        for (base, end) in bases.iter().zip(ends) {
            let (segment, indexes_made) = Segment::load(&self.shared, *base, end, interval)?;
            if indexes_made {
                self.note_indexes(&segment.id);
            }
            sealed.push(Arc::new(segment));
        }
        self.sealed = sealed.into();
        Ok(())
    }

    /// Indexes of a sealed segment were made, and are to be flushed: the next start will believe them.
    fn note_indexes(&mut self, id: &Arc<SegmentId>) {
        self.unflushed.wrote(id.clone(), Kind::Index, None);
        self.unflushed.wrote(id.clone(), Kind::TimeIndex, None);
        self.unflushed.dir = true;
    }

    /// Reads the segment at `base` up; returns it and the bytes that its file has.
    fn take_up(&self, base: Offset, how: Resume) -> io::Result<(Active, u32)> {
        let mut active = Active::new(base);
        let path = self.shared.path(base, Kind::Log);
        active.created = self.shared.env.fs.stat(&path)?.modified;
        let file = self.shared.env.files.get(active.id.key(Kind::Log), || self.shared.env.fs.open(&path))?;
        // Positions are 32-bit numbers: what lies beyond was not written by a broker.
        let len = u32::try_from(file.size()?).unwrap_or(u32::MAX);
        active.take_up(&self.shared, &*file, len, how, self.config.index_interval_bytes)?;
        Ok((active, len))
    }

    /// After a crash: segments before the recovery point are taken as they are, the others are checked batch by batch.
    /// One that ends at the recovery point is among the others: it may have been sealed after the flush, and then its
    /// indexes were not flushed. Everything before `flushed_to` was flushed.
    fn load_after_crash(
        &mut self,
        bases: &[Offset],
        recovery_point: Offset,
        flushed_to: Offset,
        visit: &mut dyn FnMut(Recovered),
    ) -> io::Result<()> {
        let first = bases.partition_point(|base| *base < recovery_point).saturating_sub(1);
        let Some((flushed, [start, ..])) = bases.split_at_checked(first) else { return Ok(()) };
        self.load_sealed(flushed, *start)?;
        let unflushed = bases.get(first..).unwrap_or_default();
        let mut end = None;
        for (n, base) in unflushed.iter().enumerate() {
            if end.is_some_and(|end| self.is_broken_seam(end, *base, recovery_point)) {
                return self.drop_segments(unflushed.get(n..).unwrap_or_default());
            }
            let behind = n.saturating_add(1);
            let how = Resume {
                index_before: recovery_point,
                time_index_complete: false,
                check_crc: true,
                flushed_to,
                ends_before: unflushed.get(behind).copied().unwrap_or(Offset(i64::MAX)),
            };
            let (mut active, len) = self.take_up(*base, how)?;
            let mut torn = active.len < len;
            end = Some(active.next_offset);
            let is_damaged = torn && is_damaged(&active, flushed_to);
            if is_damaged {
                active.damaged_at.get_or_insert(active.len);
                active.len = len;
                torn = false;
            }
            tell_of_damage(&active, visit);
            self.begin_segment(active)?;
            if is_damaged && behind == unflushed.len() {
                return self.begin_behind_damage(flushed_to);
            }
            if torn {
                self.drop_segments(unflushed.get(behind..).unwrap_or_default())?;
                return self.cut_torn_tail();
            }
        }
        Ok(())
    }

    /// What is damaged at the end of the log stays as it is, and its offsets are not used again: a new segment begins
    /// where the log is known to have ended.
    fn begin_behind_damage(&mut self, flushed_to: Offset) -> io::Result<()> {
        self.unflushed.names.change(&self.shared)?;
        let mut next = Active::new(flushed_to);
        let file = self.shared.env.fs.create_new(&self.shared.path(flushed_to, Kind::Log))?;
        self.shared.env.files.insert(next.id.key(Kind::Log), file);
        next.made = true;
        self.unflushed.dir = true;
        self.begin_segment(next)
    }

    /// Whether a segment at `base` cannot be the next one after `end`: the end of the segment before was lost. In a
    /// compacted log missing offsets mean nothing, and the segment before was flushed when it was sealed.
    fn is_broken_seam(&self, end: Offset, base: Offset, recovery_point: Offset) -> bool {
        base < end || base > end && end >= recovery_point && !self.config.compact
    }

    /// Puts a segment behind those that were read so far; the one before it is sealed.
    fn begin_segment(&mut self, active: Active) -> io::Result<()> {
        let old = std::mem::replace(&mut self.active, active);
        if !old.made {
            return Ok(());
        }
        let mut old = old;
        if old.complete_indexes_if_space(&self.shared)? {
            self.note_indexes(&old.id);
        }
        let old = Arc::new(old.as_segment());
        self.sealed = self.sealed.iter().cloned().chain([old]).collect();
        Ok(())
    }

    /// Removes segments, the last one first, for good: what is cut or appended after it must not meet them again.
    fn drop_segments(&mut self, bases: &[Offset]) -> io::Result<()> {
        if bases.is_empty() {
            return Ok(());
        }
        for base in bases.iter().rev() {
            self.unflushed.names.change(&self.shared)?;
            self.remove_segment(&SegmentId::new(*base))?;
        }
        self.shared.env.fs.sync_dir(&self.shared.dir)
    }

    /// Cuts the active segment behind its last good batch.
    fn cut_torn_tail(&mut self) -> io::Result<()> {
        let file = self.shared.open(&self.active.id, Kind::Log).map_err(into_io)?;
        file.set_len(self.active.len.into())?;
        // For good: else another power cut could bring torn bytes back behind those that are appended next.
        sync_or_forget(&*file)
    }

    /// The log ends before its start, or has no segment: Kafka removes what there is and begins at the start.
    fn begin_anew(&mut self, log_start: Offset) -> io::Result<()> {
        let bases: Vec<_> = self.bases().filter(|_| self.active.made).collect();
        self.sealed = Arc::default();
        self.active = Active::new(log_start);
        self.drop_segments(&bases)
    }

    /// Everything from `flushed` on is to be flushed, whoever wrote it.
    fn note_unflushed(&mut self, flushed: Offset) -> io::Result<()> {
        let end = self.log_end();
        // Before the first flush the directory itself may be known to memory only: whoever made it was ended.
        self.unflushed.parent |= flushed == Offset::ZERO;
        self.unflushed.dir |= self.unflushed.parent;
        let view = self.view();
        let position = if flushed < end.offset { place_of(&view, flushed)? } else { end };
        self.unflushed.flushed_to = position;
        if position == end {
            return Ok(());
        }
        let ids = self.sealed.iter().map(|segment| &segment.id).chain([&self.active.id]);
        let unflushed: Vec<_> = ids.filter(|id| id.base >= position.segment_base).cloned().collect();
        for id in unflushed {
            self.unflushed.wrote(id, Kind::Log, None);
        }
        self.unflushed.dir = true;
        Ok(())
    }

    /// Closes everything: an open log costs no descriptor.
    fn forget_files(&self) {
        for kind in Kind::ALL {
            self.shared.env.files.forget(self.active.id.key(kind));
        }
    }
}

/// Whether what a segment holds behind its last good batch was flushed, and is therefore damaged and not torn. A recovery
/// point that no segment could reach is none.
fn is_damaged(active: &Active, flushed_to: Offset) -> bool {
    active.next_offset < flushed_to && flushed_to.since(active.id.base) <= i64::from(i32::MAX)
}

fn tell_of_damage(active: &Active, visit: &mut dyn FnMut(Recovered)) {
    if let Some(position) = active.damaged_at {
        visit(Recovered::Damage { segment: active.id.base, position });
    }
}

/// Where an offset stands, or the damage in front of it.
fn place_of(view: &LogView, offset: Offset) -> io::Result<LogPosition> {
    match view.position_of(offset) {
        Err(ReadError::Corrupt { segment, position }) => {
            Ok(LogPosition { offset, segment_base: segment, position })
        }
        other => other.map_err(into_io),
    }
}

/// While a log is opened nobody can take its files away.
pub(crate) fn into_io(error: ReadError) -> io::Error {
    match error {
        ReadError::Io(error) => error,
        other => io::Error::other(other),
    }
}
