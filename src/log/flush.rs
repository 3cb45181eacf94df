//! Making a log durable, on another thread than its owner's: the owner takes a ticket and goes on appending, a flusher
//! runs it, alone or together with others, and the owner is told what is flushed now.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gracchus_base::{LeaderEpoch, Offset};

use crate::epoch_checkpoint;
use crate::epochs_to_store::Epochs;
use crate::error::{FlushError, ReadError};
use crate::fs::{Fs, is_no_space};
use crate::log::{Log, LogPosition, State};
use crate::names::Kind;
use crate::partition_metadata;
use crate::segment::Shared;
use crate::unflushed::{Newest, SegmentNames, Unflushed, UnflushedFile};

/// Everything of one log that must be flushed. Made by [`Log::flush_ticket`], run on another thread.
pub struct FlushTicket {
    shared: Arc<Shared>,
    files: Vec<UnflushedFile>,
    metadata: bool,
    dir: bool,
    parent: bool,
    epochs: Option<Epochs>,
    /// Without space the epochs are written another time: they stand in the batches too.
    epochs_may_wait: bool,
    epochs_wait: bool,
    names: SegmentNames,
    up_to: LogPosition,
    writes: u64,
    truncations: u32,
    newest: Newest,
}

/// What a ticket has made durable; to be given to [`Log::flushed`].
#[derive(Clone, Debug)]
#[must_use = "the log does not know that it is flushed before it is told"]
pub struct Flushed {
    up_to: LogPosition,
    writes: u64,
    truncations: u32,
    epochs: Option<Epochs>,
    epochs_wait: bool,
    names: SegmentNames,
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

    /// Whether it holds descriptors until it is flushed.
    pub fn holds_descriptors(&self) -> bool {
        self.unflushed.holds_files()
    }

    /// Takes everything as flushed, for a log of which nothing ever will be.
    pub fn give_up_flushing(&mut self) {
        let nothing = Unflushed::nothing(self.log_end());
        let Unflushed { epochs, newest, .. } = std::mem::replace(&mut self.unflushed, nothing);
        self.unflushed.epochs = epochs;
        self.unflushed.newest = newest;
    }

    pub(crate) fn take_ticket(&mut self, end: LogPosition) -> FlushTicket {
        self.unflushed.in_flight = true;
        let unflushed = &mut self.unflushed;
        FlushTicket {
            shared: self.shared.clone(),
            files: unflushed.files.clone(),
            metadata: std::mem::take(&mut unflushed.metadata),
            dir: std::mem::take(&mut unflushed.dir),
            parent: std::mem::take(&mut unflushed.parent),
            epochs_may_wait: !unflushed.epochs.file_misleads(),
            epochs: unflushed.epochs.take_due(),
            epochs_wait: false,
            names: unflushed.names,
            up_to: end,
            writes: unflushed.writes,
            truncations: unflushed.truncations,
            newest: unflushed.newest.clone(),
        }
    }

    /// Takes note of a ticket that was run. Returns how far the log is durable now.
    pub fn flushed(&mut self, flushed: Flushed) -> LogPosition {
        let unflushed = &mut self.unflushed;
        unflushed.in_flight = false;
        unflushed.names.flushed(flushed.names);
        if flushed.truncations == unflushed.truncations {
            unflushed.files.retain(|f| f.written > flushed.writes);
            if flushed.up_to.offset >= unflushed.flushed_to.offset {
                unflushed.flushed_to = flushed.up_to;
            }
            if let Some(epochs) = &flushed.epochs {
                unflushed.epochs.written(epochs);
            }
            if flushed.epochs_wait {
                unflushed.epochs.try_again();
            }
        }
        unflushed.flushed_to
    }

    /// Has the leader epochs and their first offsets written to `leader-epoch-checkpoint`, with a later flush. Until then
    /// they can be read from the batches themselves, which lie behind [`Log::recovery_point`].
    pub fn write_epochs(&mut self, epochs: &[(LeaderEpoch, Offset)]) {
        self.unflushed.epochs.set(epochs, &self.active);
    }
}

/// A way to put epochs in the place of a directory's checkpoint.
type WriteEpochs = fn(&Fs, &Path, &[(LeaderEpoch, Offset)]) -> io::Result<()>;

impl FlushTicket {
    /// How far the log will be durable at least: what is appended before the ticket is run is covered too.
    pub fn up_to(&self) -> LogPosition {
        self.up_to
    }

    /// Flushes everything: files, the epoch checkpoint, the directory, its parent. After an error the log must be
    /// poisoned, and the flush never repeated (FAULTS 29).
    pub fn run(mut self) -> Result<Flushed, FlushError> {
        self.catch_up();
        let flushed = self.run_files().and_then(|()| self.run_rest());
        if flushed.is_err() {
            self.forget_cached();
        }
        flushed
    }

    fn run_files(&self) -> Result<(), FlushError> {
        for file in &self.files {
            let path = self.shared.path(file.id.base, file.kind);
            self.flush_file(file).map_err(failed(path))?;
        }
        Ok(())
    }

    /// After a failed flush: the kernel takes what it could not write for written. A restart that read it from memory
    /// would believe in it, and its flush would write nothing (FAULTS 29); so what is on the disk is to be read, also of
    /// files that were written since the ticket was taken: a flush of the whole file system has lost theirs as well. Each
    /// is flushed once more, for nobody: what can be written is, and the kernel has told its error before the restart asks.
    pub(crate) fn forget_cached(&self) {
        let (fs, dir) = (&self.shared.env.fs, &self.shared.dir);
        for entry in fs.list(dir).unwrap_or_default() {
            if let Ok(file) = fs.open(&dir.join(entry.name)) {
                let _counts_for_nothing = file.sync_data().is_ok();
                file.forget_cached();
            }
        }
    }

    /// What is to be done before the file system is flushed as a whole: puts the epochs in their place. A power cut in
    /// between may leave a file there that makes no sense; then the batches say it.
    pub(crate) fn write_before_syncfs(&mut self) -> Result<(), FlushError> {
        self.catch_up();
        let shared = self.shared.clone();
        let deleted = shared.lock_deleted();
        if *deleted { Ok(()) } else { self.write_epochs(epoch_checkpoint::replace) }
    }

    /// What the ticket has made durable, once it was run, or written and its file system flushed.
    pub(crate) fn flushed(&self) -> Flushed {
        Flushed {
            up_to: self.up_to,
            writes: self.writes,
            truncations: self.truncations,
            epochs: self.epochs.clone(),
            epochs_wait: self.epochs_wait,
            names: self.names,
        }
    }

    /// Whose ticket it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// Covers also what was appended since the ticket was taken, if that is in a file that is flushed anyway. A log that
    /// was cut meanwhile ignores the ticket in any case.
    fn catch_up(&mut self) {
        let Some(newest) = self.newest.get() else { return };
        let in_file = |f: &UnflushedFile| f.kind == Kind::Log && Arc::ptr_eq(&f.id, &newest.id);
        if newest.writes > self.writes && self.files.iter().any(in_file) {
            self.up_to = newest.end;
            self.writes = newest.writes;
        }
    }

    fn run_rest(&mut self) -> Result<Flushed, FlushError> {
        let shared = self.shared.clone();
        let (fs, dir) = (&shared.env.fs, &shared.dir);
        let deleted = shared.lock_deleted();
        if *deleted {
            return Ok(self.flushed());
        }
        if self.metadata {
            partition_metadata::sync(fs, dir).map_err(failed(dir.clone()))?;
        }
        self.write_epochs(epoch_checkpoint::write)?;
        if self.dir {
            fs.sync_dir(dir).map_err(failed(dir.clone()))?;
        }
        if let Some(parent) = dir.parent().filter(|_| self.parent) {
            fs.sync_dir(parent).map_err(failed(parent.to_owned()))?;
        }
        Ok(self.flushed())
    }

    fn write_epochs(&mut self, write: WriteEpochs) -> Result<(), FlushError> {
        let Some(epochs) = &self.epochs else { return Ok(()) };
        match write(&self.shared.env.fs, &self.shared.dir, epochs) {
            Err(error) if is_no_space(&error) && self.epochs_may_wait => {
                (self.epochs, self.epochs_wait) = (None, true);
                Ok(())
            }
            written => written.map_err(failed(self.shared.dir.clone())),
        }
    }

    fn flush_file(&self, file: &UnflushedFile) -> io::Result<()> {
        match &file.file {
            Some(file) => file.sync_data(),
            None => match self.shared.open(&file.id, file.kind) {
                Ok(file) => file.sync_data(),
                // Retention has removed the segment, or something else the snapshot: nothing is left to flush.
                Err(ReadError::Gone) if file.id.is_gone() || file.kind == Kind::Snapshot => Ok(()),
                Err(ReadError::Io(e)) => Err(e),
                Err(other) => Err(io::Error::other(other)),
            },
        }
    }
}

fn failed(path: PathBuf) -> impl FnOnce(io::Error) -> FlushError {
    move |error| FlushError { path: path.display().to_string(), error }
}
