//! Flushing many logs with one `syncfs` instead of a `fdatasync` for each.
//!
//! The file system then writes all data, commits its journal once and flushes the device once, which is several times
//! cheaper from two files on. But it writes what anybody else has left to be written as well: so it is asked how much
//! that is first. See `docs/decisions/005`.

use std::io;
use std::time::{Duration, Instant};

use crate::error::FlushError;
use crate::flush::{FlushTicket, Flushed};
use crate::fs::FileSystem;

/// How long a look at what waits to be written stays good.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Unwritten bytes that never matter: what a quiet machine has anyway.
const DIRTY_BYTES_FREE: u64 = 4 * 1024 * 1024;

/// Unwritten bytes that one more log is worth: a disk writes them in about the time that a `fdatasync` takes.
const DIRTY_BYTES_PER_LOG: u64 = 256 * 1024;

/// One thread's way to flush a file system as a whole.
pub struct WholeFlush {
    system: Box<dyn FileSystem>,
    dirty: u64,
    looked: Option<Instant>,
    failed: bool,
}

impl WholeFlush {
    /// A way for one thread, of a file system that [`crate::fs::Disk::file_system`] gave.
    pub fn new(system: Box<dyn FileSystem>) -> Self {
        Self { system, dirty: 0, looked: None, failed: false }
    }

    /// Whether it is the better way to flush `logs` logs now.
    pub fn pays(&mut self, logs: usize) -> bool {
        let worth = DIRTY_BYTES_PER_LOG.saturating_mul(logs as u64);
        !self.failed && self.dirty_bytes() <= worth.saturating_add(DIRTY_BYTES_FREE)
    }

    /// Runs tickets, taken before. If the file system fails all of them fail, since nobody can tell whose bytes were
    /// lost; and then it never [`Self::pays`] again, so that other logs, whose bytes may be lost too, hear of it from
    /// their own files.
    ///
    /// Answers their outcomes in their order.
    pub fn run(&mut self, tickets: Vec<FlushTicket>) -> Vec<Result<Flushed, FlushError>> {
        let write = |mut ticket: FlushTicket| ticket.write_before_syncfs().map(|()| ticket);
        let written: Vec<_> = tickets.into_iter().map(write).collect();
        let synced = self.system.sync();
        self.failed |= synced.is_err();
        let outcome = |ticket: FlushTicket| match &synced {
            Ok(()) => Ok(ticket.flushed()),
            Err(error) => Err(ticket.lost(error)),
        };
        written.into_iter().map(|written| written.and_then(outcome)).collect()
    }

    fn dirty_bytes(&mut self) -> u64 {
        let now = Instant::now();
        let fresh = self.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_AGAIN);
        if !fresh {
            self.looked = Some(now);
            // Not known: too much, as far as we can tell.
            self.dirty = self.system.dirty_bytes().unwrap_or(u64::MAX);
        }
        self.dirty
    }
}

impl FlushTicket {
    /// The outcome of a ticket whose file system was not flushed.
    fn lost(self, error: &io::Error) -> FlushError {
        self.forget_cached();
        let again = io::Error::new(error.kind(), error.to_string());
        FlushError { path: self.dir().display().to_string(), error: again }
    }
}
