//! The end of a log: closing it in good order, or deleting it.

use std::io;

use gracchus_base::producer::ProducerSnapshot;

use crate::error::CloseError;
use crate::flush::FlushTicket;
use crate::log::{Log, State};
use crate::names::{DELETE_DIR, Kind, marked_dir};
use crate::producer_snapshot;
use crate::segment::SegmentId;

impl Log {
    /// Closes the log for a clean shutdown: completes the indexes and the epochs, and writes a snapshot of the producers;
    /// a small log is left without what its batches say as well. What is to be flushed then is in the ticket, which is to be
    /// run and its result given to [`Log::flushed`]; without one nothing is left to do, as with a log that was not touched
    /// since it was opened and flushed. The log is offline from now on.
    pub fn close(&mut self, producers: &[ProducerSnapshot]) -> Result<Option<FlushTicket>, CloseError> {
        let closed = match self.state {
            State::Offline => return Err(CloseError::Offline),
            _ if self.flush_in_flight() => return Err(CloseError::FlushInFlight),
            State::Lazy => Ok(None),
            State::Ready => self.close_files(producers),
        };
        self.poison();
        Ok(closed?)
    }

    fn close_files(&mut self, producers: &[ProducerSnapshot]) -> io::Result<Option<FlushTicket>> {
        let end = self.log_end();
        let small = self.is_small();
        if !small || self.unflushed.epochs.has_file() {
            self.unflushed.epochs.complete(end.offset);
        }
        if !small || !producers.is_empty() {
            self.close_producers(producers)?;
        }
        if !small && self.active.made && !(self.is_flushed() && self.active.indexes_are_complete()) {
            self.unflushed.dir |= self.active.complete_indexes(&self.shared)?;
            self.unflushed.wrote(self.active.id.clone(), Kind::Index, None);
            self.unflushed.wrote(self.active.id.clone(), Kind::TimeIndex, None);
        }
        Ok((!self.is_flushed()).then(|| self.take_ticket(end)))
    }

    /// Whether a start has read all of the log as soon as it would have read its indexes: there are fewer bytes than one
    /// index entry stands for. Such a log is left without files beside it, which thousands of small partitions would take
    /// longer to make than a stop may last.
    fn is_small(&self) -> bool {
        let active = &self.active;
        let no_entries = active.index.len() == 0 && active.time_index.len() == 0;
        self.sealed.is_empty() && no_entries && active.len <= self.config.index_interval_bytes
    }

    /// Writes a snapshot, unless there is one for this end.
    fn close_producers(&mut self, producers: &[ProducerSnapshot]) -> io::Result<()> {
        let fs = &self.shared.env.fs;
        let end = SegmentId::new(self.active.next_offset);
        let path = self.shared.path(end.base, Kind::Snapshot);
        if fs.stat_if_there(&path)?.is_none() {
            producer_snapshot::write(fs, &path, producers)?;
            self.unflushed.wrote(end, Kind::Snapshot, None);
            self.unflushed.dir = true;
        }
        Ok(())
    }

    /// Deletes the log: its directory is renamed to `<topic>-<n>.<32 hex>-delete` at once, so that the name is free, and
    /// removed later in the background. Readers that have files open go on, others are told that they are gone.
    pub fn delete(mut self) -> Result<(), CloseError> {
        let there = self.state != State::Lazy;
        self.poison();
        let ids: Vec<_> = self.sealed.iter().map(|segment| &segment.id).chain([&self.active.id]).collect();
        ids.into_iter().for_each(|id| self.shared.retire(id));
        if there { Ok(self.delete_dir()?) } else { Ok(()) }
    }

    fn delete_dir(&self) -> io::Result<()> {
        let dir = &self.shared.dir;
        let env = &self.shared.env;
        let name = dir.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let mut deleted = self.shared.lock_deleted();
        *deleted = true;
        let marked = dir.with_file_name(marked_dir(&name, env.entropy.uuid(), DELETE_DIR));
        match env.fs.rename(dir, &marked) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
        }
        env.deleter.remove_later(&env.fs, vec![marked], self.config.file_delete_delay_ms);
        Ok(())
    }
}
