//! Where each leader epoch of a log begins (KIP-101, KIP-279), and what epochs decide: whether a request is fenced and
//! whether a reader's log has come apart from ours (KIP-320).
//!
//! Follows Kafka's `LeaderEpochFileCache`; the checkpoint file is the log's affair.

use std::sync::Arc;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset};

/// The first offset that was written in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    pub epoch: LeaderEpoch,
    pub start_offset: Offset,
}

/// The epochs of a log, epochs and offsets both strictly growing. Shared by the views that readers plan from: a clone
/// costs a reference count, and a change makes a new list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochCache {
    entries: Option<Arc<[EpochStart]>>,
}

/// Whether a reader's position lies on our history (KIP-595's truncation check, asked by Fetch from version 12 on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchPosition {
    Valid,
    /// The reader's log ends elsewhere: it must cut back to this epoch and end offset.
    Diverging {
        epoch: LeaderEpoch,
        end_offset: Offset,
    },
}

/// Compares the epoch a request carries with ours (TRAPS 23, KIP-320).
///
/// # Errors
/// FENCED_LEADER_EPOCH: the caller's metadata is old. UNKNOWN_LEADER_EPOCH: ours is.
pub fn check_leader_epoch(ours: LeaderEpoch, asked: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
    match asked {
        None | Some(LeaderEpoch::NONE) => Ok(()),
        Some(epoch) if epoch < ours => Err(ErrorCode::FencedLeaderEpoch),
        Some(epoch) if epoch > ours => Err(ErrorCode::UnknownLeaderEpoch),
        Some(_) => Ok(()),
    }
}

impl EpochCache {
    /// The list as a checkpoint has it; entries that do not grow are settled as [`EpochCache::assign`] does.
    pub fn from_entries(entries: &[EpochStart]) -> Self {
        let mut cache = Self::default();
        for entry in entries {
            cache.assign(entry.epoch, entry.start_offset);
        }
        cache
    }

    /// The epochs, oldest first.
    pub fn entries(&self) -> &[EpochStart] {
        self.entries.as_deref().unwrap_or_default()
    }

    /// The newest epoch.
    pub fn latest(&self) -> Option<EpochStart> {
        self.entries().last().copied()
    }

    /// Notes that `epoch` begins at `start_offset`. Entries that the new one contradicts, not older or not lower, go.
    /// Answers whether anything changed, so that the checkpoint must be written before the append is acknowledged.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        debug_assert!(epoch.0 >= 0 && start_offset.0 >= 0, "epoch {epoch} from {start_offset}");
        if self.latest().is_some_and(|last| last.epoch == epoch && last.start_offset <= start_offset) {
            return false;
        }
        let kept = self.entries().iter().rposition(|e| e.epoch < epoch && e.start_offset < start_offset);
        let kept = kept.map_or(0, |at| at + 1);
        self.set(
            self.entries()[..kept].iter().copied().chain([EpochStart { epoch, start_offset }]).collect(),
        );
        true
    }

    /// Takes in the epoch of a batch that was found in the log, if it is newer than all that are known. Batches come in
    /// the order of the log; what a checkpoint says of those before stays.
    pub fn replay(&mut self, epoch: LeaderEpoch, base_offset: Offset) -> bool {
        let is_newer = epoch.0 >= 0 && self.latest().is_none_or(|last| last.epoch < epoch);
        is_newer && self.assign(epoch, base_offset)
    }

    /// The largest epoch not above `asked`, and where it ends: where the next one begins, or the log's end (TRAPS 37).
    /// An epoch below all we know answers itself and our first start offset: that data is gone. `None` (-1, -1 on the
    /// wire) for an epoch above all we know, or none.
    pub fn end_offset_for(&self, asked: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if asked == LeaderEpoch::NONE {
            return None;
        }
        if self.latest().is_some_and(|last| last.epoch == asked) {
            return Some((asked, log_end));
        }
        let above = self.entries().partition_point(|e| e.epoch <= asked);
        let end_offset = self.entries().get(above)?.start_offset;
        let epoch = above.checked_sub(1).map_or(asked, |at| self.entries()[at].epoch);
        Some((epoch, end_offset))
    }

    /// Whether a reader that stands at `fetch_offset`, and read a record of epoch `last_fetched` before it, has read
    /// our log or one that came apart from it.
    ///
    /// # Errors
    /// OFFSET_OUT_OF_RANGE: the epoch says nothing to us, or the offset lies below the log start.
    pub fn fetch_position(
        &self,
        last_fetched: LeaderEpoch,
        fetch_offset: Offset,
        log_start: Offset,
        log_end: Offset,
    ) -> Result<FetchPosition, ErrorCode> {
        if last_fetched == LeaderEpoch::NONE {
            return Ok(FetchPosition::Valid);
        }
        let (epoch, end_offset) =
            self.end_offset_for(last_fetched, log_end).ok_or(ErrorCode::OffsetOutOfRange)?;
        if fetch_offset < log_start {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if epoch < last_fetched || end_offset < fetch_offset {
            return Ok(FetchPosition::Diverging { epoch, end_offset });
        }
        Ok(FetchPosition::Valid)
    }

    /// The epoch in which the record at `offset` was written; `None` if that is not known.
    pub fn epoch_for_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        let above = self.entries().partition_point(|e| e.start_offset <= offset);
        above.checked_sub(1).map(|at| self.entries()[at].epoch)
    }

    /// The log starts at `offset` now: epochs that lie wholly below it go, the one that holds it begins there. Answers
    /// whether anything changed.
    pub fn truncate_start(&mut self, offset: Offset) -> bool {
        let above = self.entries().partition_point(|e| e.start_offset <= offset);
        let Some(holds) = above.checked_sub(1) else {
            return false;
        };
        if holds == 0 && self.entries()[0].start_offset == offset {
            return false;
        }
        let first = EpochStart { epoch: self.entries()[holds].epoch, start_offset: offset };
        self.set([first].into_iter().chain(self.entries()[above..].iter().copied()).collect());
        true
    }

    /// The log ends at `offset` now: epochs that begin there or later go. Answers whether anything changed.
    pub fn truncate_end(&mut self, offset: Offset) -> bool {
        let kept = self.entries().partition_point(|e| e.start_offset < offset);
        if kept == self.entries().len() {
            return false;
        }
        self.set(self.entries()[..kept].to_vec());
        true
    }

    fn set(&mut self, entries: Vec<EpochStart>) {
        debug_assert!(entries.is_sorted_by(|a, b| a.epoch < b.epoch && a.start_offset < b.start_offset));
        self.entries = if entries.is_empty() { None } else { Some(entries.into()) };
    }
}
