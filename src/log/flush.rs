//! Making a log durable, on another thread than its owner's: the owner takes a ticket and goes on appending, a flusher
//! runs it, and the owner is told what is flushed now.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gracchus_base::{LeaderEpoch, Offset};

use crate::epoch_checkpoint;
use crate::error::{FlushError, ReadError};
use crate::fs::File;
use crate::log::{Log, LogPosition, State};
use crate::names::Kind;
use crate::segment::{SegmentId, Shared};

/// What of a log is not on stable storage.
pub(crate) struct Unflushed {
    pub flushed_to: LogPosition,
    /// Files with unflushed bytes.
    files: Vec<UnflushedFile>,
    /// `partition.metadata`, just made.
    pub metadata: Option<File>,
    /// Files were made or renamed in the directory.
    pub dir: bool,
    /// The directory itself was made.
    pub parent: bool,
    /// Leader epochs that are to be written.
    pub epochs: Option<Arc<[(LeaderEpoch, Offset)]>>,
    /// Counts what was written: a ticket covers what was written before it was taken.
    writes: u64,
    /// Counts truncations: a ticket taken before one says nothing about what came after.
    truncations: u32,
    /// A ticket is on its way.
    in_flight: bool,
}

#[derive(Clone)]
struct UnflushedFile {
    id: Arc<SegmentId>,
    kind: Kind,
    /// Held from the write to the flush; `None` for what another run of the process wrote.
    file: Option<File>,
    written: u64,
}

/// Everything of one log that must be flushed. Made by [`Log::flush_ticket`], run on another thread.
pub struct FlushTicket {
    shared: Arc<Shared>,
    files: Vec<UnflushedFile>,
    metadata: Option<File>,
    dir: bool,
    parent: bool,
    epochs: Option<Arc<[(LeaderEpoch, Offset)]>>,
    up_to: LogPosition,
    writes: u64,
    truncations: u32,
}

/// What a ticket has made durable; to be given to [`Log::flushed`].
#[derive(Clone, Debug)]
#[must_use = "the log does not know that it is flushed before it is told"]
pub struct Flushed {
    up_to: LogPosition,
    writes: u64,
    truncations: u32,
}

impl Unflushed {
    pub(crate) fn nothing(end: LogPosition) -> Self {
        Self {
            flushed_to: end,
            files: Vec::new(),
            metadata: None,
            dir: false,
            parent: false,
            epochs: None,
            writes: 0,
            truncations: 0,
            in_flight: false,
        }
    }

    /// Notes that a file has unflushed bytes.
    pub(crate) fn wrote(&mut self, id: Arc<SegmentId>, kind: Kind, file: Option<File>) {
        self.writes = self.writes.saturating_add(1);
        let known = |f: &&mut UnflushedFile| Arc::ptr_eq(&f.id, &id) && f.kind == kind;
        match self.files.iter_mut().find(known) {
            Some(known) => {
                known.written = self.writes;
                known.file = file.or(known.file.take());
            }
            None => self.files.push(UnflushedFile { id, kind, file, written: self.writes }),
        }
    }

    /// The handle of a segment's log file, if it is held.
    pub(crate) fn held(&self, id: &Arc<SegmentId>) -> Option<File> {
        let held = |f: &&UnflushedFile| Arc::ptr_eq(&f.id, id) && f.kind == Kind::Log;
        self.files.iter().find(held).and_then(|f| f.file.clone())
    }

    /// Forgets files that are not part of the log any more.
    pub(crate) fn forget(&mut self, id: &Arc<SegmentId>) {
        self.files.retain(|f| !Arc::ptr_eq(&f.id, id));
    }

    /// The log was cut at `end`: less is flushed, and tickets on their way count for nothing.
    pub(crate) fn truncated(&mut self, end: LogPosition) {
        self.truncations = self.truncations.wrapping_add(1);
        if self.flushed_to.offset > end.offset {
            self.flushed_to = end;
        }
    }

    /// Lets go of all descriptors.
    pub(crate) fn release(&mut self) {
        self.files = Vec::new();
        self.metadata = None;
    }

    #[cfg(test)]
    pub(crate) fn holds_files(&self) -> bool {
        self.metadata.is_some() || self.files.iter().any(|f| f.file.is_some())
    }

    fn is_nothing(&self, end: LogPosition) -> bool {
        self.files.is_empty()
            && self.metadata.is_none()
            && !self.dir
            && !self.parent
            && self.epochs.is_none()
            && self.flushed_to == end
    }
}

impl Log {
    /// Everything that is not durable yet, to be flushed on another thread while the log goes on. `None` if there is
    /// nothing, if the log is offline, or while another ticket is on its way: one at a time, so that a later one cannot
    /// be done first and vouch for what an earlier one has not finished. Every ticket must be run, and its result given
    /// to [`Log::flushed`] or [`Log::poison`]; ask for the next one then.
    pub fn flush_ticket(&mut self) -> Option<FlushTicket> {
        let end = self.log_end();
        if self.state != State::Ready || self.unflushed.in_flight || self.unflushed.is_nothing(end) {
            return None;
        }
        Some(self.take_ticket(end))
    }

    /// Whether everything is on stable storage.
    pub fn is_flushed(&self) -> bool {
        self.state == State::Lazy || self.unflushed.is_nothing(self.log_end())
    }

    /// Whether a ticket is on its way.
    pub fn flush_in_flight(&self) -> bool {
        self.unflushed.in_flight
    }

    pub(crate) fn take_ticket(&mut self, end: LogPosition) -> FlushTicket {
        self.unflushed.in_flight = true;
        let unflushed = &mut self.unflushed;
        FlushTicket {
            shared: self.shared.clone(),
            files: unflushed.files.clone(),
            metadata: unflushed.metadata.take(),
            dir: std::mem::take(&mut unflushed.dir),
            parent: std::mem::take(&mut unflushed.parent),
            epochs: unflushed.epochs.take(),
            up_to: end,
            writes: unflushed.writes,
            truncations: unflushed.truncations,
        }
    }

    /// Takes note of a ticket that was run. Returns how far the log is durable now.
    pub fn flushed(&mut self, flushed: Flushed) -> LogPosition {
        let unflushed = &mut self.unflushed;
        unflushed.in_flight = false;
        if flushed.truncations == unflushed.truncations {
            unflushed.files.retain(|f| f.written > flushed.writes);
            if flushed.up_to.offset >= unflushed.flushed_to.offset {
                unflushed.flushed_to = flushed.up_to;
            }
        }
        unflushed.flushed_to
    }

    /// Has the leader epochs and their first offsets written to `leader-epoch-checkpoint` with the next flush. Until
    /// then they can be read from the batches themselves. A log that is not on disk yet writes them after its first
    /// append.
    pub fn write_epochs(&mut self, epochs: &[(LeaderEpoch, Offset)]) {
        self.unflushed.epochs = Some(epochs.into());
    }
}

impl FlushTicket {
    /// How far the log will be durable.
    pub fn up_to(&self) -> LogPosition {
        self.up_to
    }

    /// Flushes everything: files, the epoch checkpoint, the directory, its parent. After an error the log must be
    /// poisoned, and the flush never repeated (FAULTS 29).
    pub fn run(self) -> Result<Flushed, FlushError> {
        for file in &self.files {
            let path = self.shared.path(file.id.base, file.kind);
            self.flush_file(file).map_err(failed(path))?;
        }
        self.run_rest()
    }

    /// The same for a ticket whose file system was flushed as a whole (`syncfs`) after the ticket was taken: only what
    /// is still to be written is written.
    pub(crate) fn run_after_syncfs(self) -> Result<Flushed, FlushError> {
        self.run_rest()
    }

    /// Whose ticket it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.shared.dir
    }

    fn run_rest(self) -> Result<Flushed, FlushError> {
        let dir = &self.shared.dir;
        if let Some(metadata) = &self.metadata {
            metadata.sync_data().map_err(failed(dir.clone()))?;
        }
        let deleted = self.shared.lock_deleted();
        if *deleted {
            return Ok(Flushed { up_to: self.up_to, writes: self.writes, truncations: self.truncations });
        }
        if let Some(epochs) = &self.epochs {
            epoch_checkpoint::write(&self.shared.env.fs, dir, epochs).map_err(failed(dir.clone()))?;
        }
        if self.dir {
            self.shared.env.fs.sync_dir(dir).map_err(failed(dir.clone()))?;
        }
        if let Some(parent) = dir.parent().filter(|_| self.parent) {
            self.shared.env.fs.sync_dir(parent).map_err(failed(parent.to_owned()))?;
        }
        Ok(Flushed { up_to: self.up_to, writes: self.writes, truncations: self.truncations })
    }

    fn flush_file(&self, file: &UnflushedFile) -> io::Result<()> {
        match &file.file {
            Some(file) => file.sync_data(),
            None => match self.shared.open(&file.id, file.kind) {
                Ok(file) => file.sync_data(),
                // Retention has removed the segment: nothing is left to flush.
                Err(ReadError::Gone) if file.id.is_gone() => Ok(()),
                Err(ReadError::Io(e)) => Err(e),
                Err(other) => Err(io::Error::other(other)),
            },
        }
    }
}

fn failed(path: PathBuf) -> impl FnOnce(io::Error) -> FlushError {
    move |error| FlushError { path: path.display().to_string(), error }
}
