//! Leader epochs that `leader-epoch-checkpoint` does not have yet.
//!
//! They stand in the batches as well, so the file may lag behind: it is written when a segment is sealed, when the log is
//! closed, and when so much has come since that reading it again would take long. Until then the recovery point stays
//! before them, so that the next start reads the batches that have them; without a file it reads all batches. So a
//! partition with a record or two needs no such file, and no start has to write one for its new epoch.

use std::sync::Arc;

use gracchus_base::{LeaderEpoch, Offset};

use crate::log::Active;

/// All epochs of a log with their first offsets.
pub(crate) type Epochs = Arc<[(LeaderEpoch, Offset)]>;

/// Bytes that a start reads again at most because the file lags behind.
const BEHIND_BYTES_MAX: u32 = 1024 * 1024;

/// What the file lacks.
#[derive(Default)]
pub(crate) struct EpochsToStore {
    /// The epochs as the file should have them; `None` if it does, or if nothing is known of them.
    all: Option<Epochs>,
    /// The last epoch in the file; `None` if there is no file that could be read.
    stored: Option<LeaderEpoch>,
    /// Bytes appended since the first epoch began that the file lacks; it may be fewer.
    behind_bytes: u32,
    /// To be written with the next flush.
    due: bool,
}

impl EpochsToStore {
    /// The file was read, and everything up to that epoch is right in it.
    pub(crate) fn found(&mut self, stored: Option<LeaderEpoch>) {
        self.stored = stored;
    }

    /// These are the epochs now.
    pub(crate) fn set(&mut self, epochs: &[(LeaderEpoch, Offset)], active: &Active) {
        self.all = Some(epochs.into());
        self.behind_bytes = match self.first_lacking() {
            Some(from) if from < active.id.base => u32::MAX,
            Some(from) if from < active.next_offset => active.len,
            _ => 0,
        };
    }

    /// Where the next start must begin to read batches for their epochs; `None` if it knows that without being told: it
    /// lacks nothing, or has no file and reads everything.
    pub(crate) fn read_again_from(&self) -> Option<Offset> {
        self.stored.and_then(|_| self.first_lacking())
    }

    /// Where the first epoch begins that the file lacks.
    fn first_lacking(&self) -> Option<Offset> {
        let stored = self.stored.unwrap_or(LeaderEpoch::NONE);
        let lacking = self.all.iter().flat_map(|all| all.iter()).find(|(epoch, _)| *epoch > stored);
        lacking.map(|(_, start)| *start)
    }

    /// Whether there is a file, right or not.
    pub(crate) fn has_file(&self) -> bool {
        self.stored.is_some()
    }

    pub(crate) fn appended(&mut self, bytes: u32) {
        self.behind_bytes = self.behind_bytes.saturating_add(bytes);
    }

    /// A segment was sealed or the log is to be closed: the file must have the epochs of all batches before `end`.
    pub(crate) fn complete(&mut self, end: Offset) {
        let lacks_some = self.first_lacking().is_some_and(|from| from < end);
        self.due |= self.all.is_some() && (lacks_some || self.stored.is_none());
    }

    /// The log was cut: the file may have epochs that it has no more.
    pub(crate) fn distrust_file(&mut self) {
        self.stored = Some(LeaderEpoch::NONE);
        self.due = true;
    }

    pub(crate) fn are_due(&self) -> bool {
        self.all.is_some() && (self.due || self.first_lacking().is_some() && self.is_far_behind())
    }

    fn is_far_behind(&self) -> bool {
        self.behind_bytes >= BEHIND_BYTES_MAX
    }

    /// What the next flush writes.
    pub(crate) fn take_due(&mut self) -> Option<Epochs> {
        let due = self.all.clone().filter(|_| self.are_due());
        if due.is_some() {
            self.due = false;
        }
        due
    }

    /// Whether a start would be misled by the file as it is, so that the next flush must write it.
    pub(crate) fn file_misleads(&self) -> bool {
        self.stored == Some(LeaderEpoch::NONE)
    }

    /// A flush found no space for them: the next one tries again.
    pub(crate) fn try_again(&mut self) {
        self.due = true;
    }

    /// A flush has written them.
    pub(crate) fn written(&mut self, epochs: &Epochs) {
        self.stored = Some(epochs.last().map_or(LeaderEpoch::NONE, |(epoch, _)| *epoch));
        if self.all.as_ref().is_some_and(|all| Arc::ptr_eq(all, epochs)) {
            self.all = None;
        }
        self.behind_bytes = 0;
    }
}
