//! What of a log is not on stable storage.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::epochs_to_store::EpochsToStore;
use crate::fs::File;
use crate::log::LogPosition;
use crate::names::Kind;
use crate::segment::{SegmentId, Shared};

/// What of a log is not on stable storage.
pub(crate) struct Unflushed {
    pub flushed_to: LogPosition,
    /// Files with unflushed bytes.
    pub files: Vec<UnflushedFile>,
    /// `partition.metadata` was just written.
    pub metadata: bool,
    /// Files were made or renamed in the directory.
    pub dir: bool,
    /// The directory itself was made.
    pub parent: bool,
    pub names: SegmentNames,
    pub epochs: EpochsToStore,
    /// Counts what was written: a ticket covers what was written before it was taken.
    pub writes: u64,
    /// Counts truncations: a ticket taken before one says nothing about what came after.
    pub truncations: u32,
    /// A ticket is on its way.
    pub in_flight: bool,
    pub newest: Newest,
}

/// The names of segments that were made or removed. Not every file system keeps their order: of two changes a power cut
/// may leave the later one only, and then there is a hole in the log. So the earlier one is flushed before the next is made,
/// if no flush has done so meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SegmentNames {
    changes: u64,
    for_good: u64,
}

impl SegmentNames {
    /// To be called before a change.
    pub(crate) fn change(&mut self, shared: &Shared) -> io::Result<()> {
        if self.changes > self.for_good {
            shared.env.fs.sync_dir(&shared.dir)?;
            self.for_good = self.changes;
        }
        self.changes = self.changes.saturating_add(1);
        Ok(())
    }

    /// A flush of the directory has covered what was changed when it was asked for.
    pub(crate) fn flushed(&mut self, asked: Self) {
        self.for_good = self.for_good.max(asked.changes);
    }
}

/// The newest append, as tickets see it that are on their way: one that waits for its turn covers what was appended
/// meanwhile.
#[derive(Clone, Default)]
pub(crate) struct Newest(Arc<Mutex<Option<NewestAppend>>>);

#[derive(Clone)]
pub(crate) struct NewestAppend {
    /// Whose file has it.
    pub id: Arc<SegmentId>,
    /// The log's end behind it.
    pub end: LogPosition,
    /// As [`Unflushed::writes`] counted it.
    pub writes: u64,
}

impl Newest {
    pub(crate) fn get(&self) -> Option<NewestAppend> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, append: NewestAppend) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(append);
    }
}

#[derive(Clone)]
pub(crate) struct UnflushedFile {
    pub id: Arc<SegmentId>,
    pub kind: Kind,
    /// Held from the write to the flush; `None` for what another run of the process wrote, and for what can be made anew
    /// from the batches.
    pub file: Option<File>,
    pub written: u64,
}

impl Unflushed {
    pub(crate) fn nothing(end: LogPosition) -> Self {
        Self {
            flushed_to: end,
            files: Vec::new(),
            metadata: false,
            dir: false,
            parent: false,
            names: SegmentNames::default(),
            epochs: EpochsToStore::default(),
            writes: 0,
            truncations: 0,
            in_flight: false,
            newest: Newest::default(),
        }
    }

    /// Notes an append to the active segment, whose end is now the log's.
    pub(crate) fn appended(&mut self, id: &Arc<SegmentId>, file: File, end: LogPosition) {
        self.wrote(id.clone(), Kind::Log, Some(file));
        self.newest.set(NewestAppend { id: id.clone(), end, writes: self.writes });
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
        self.epochs.distrust_file();
    }

    /// Lets go of all descriptors.
    pub(crate) fn release(&mut self) {
        self.files = Vec::new();
    }

    pub(crate) fn holds_files(&self) -> bool {
        self.files.iter().any(|f| f.file.is_some())
    }

    pub(crate) fn is_nothing(&self, end: LogPosition) -> bool {
        self.files.is_empty()
            && !self.metadata
            && !self.dir
            && !self.parent
            && !self.epochs.are_due()
            && self.flushed_to == end
    }
}
