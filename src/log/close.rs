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
    /// Closes the log for a clean shutdown: completes the indexes and writes a snapshot of the producers. What is to be
    /// flushed then is in the ticket, which is to be run and its result given to [`Log::flushed`]; without one nothing is
    /// left to do, as with a log that was not touched since it was opened and flushed. The log is offline from now on.
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
        let fs = &self.shared.env.fs;
        let end = self.log_end();
        self.unflushed.epochs.complete(end.offset);
        let at = SegmentId::new(end.offset);
        let path = self.shared.path(end.offset, Kind::Snapshot);
        let has_snapshot = fs.stat_if_there(&path)?.is_some();
        if has_snapshot && self.is_flushed() && self.active.indexes_are_complete() {
            return Ok(None);
        }
        if !has_snapshot {
            producer_snapshot::write(fs, &path, producers)?;
            self.unflushed.wrote(at, Kind::Snapshot, None);
            self.unflushed.dir = true;
        }
        if self.active.made {
            self.unflushed.dir |= self.active.complete_indexes(&self.shared)?;
            self.unflushed.wrote(self.active.id.clone(), Kind::Index, None);
            self.unflushed.wrote(self.active.id.clone(), Kind::TimeIndex, None);
        }
        Ok(Some(self.take_ticket(end)))
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
