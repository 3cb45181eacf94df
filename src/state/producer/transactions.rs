//! Which transactions of a partition are not yet stable: open ones, and ended ones whose marker is not yet below the
//! high watermark. They hold the last stable offset back (TRAPS 32).

use std::collections::BTreeMap;

use gracchus_base::{Offset, ProducerId};

/// A transaction that a marker has ended; the log's transaction index needs it if it was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTxn {
    pub producer_id: ProducerId,
    pub first_offset: Offset,
    /// The offset of the marker.
    pub last_offset: Offset,
    /// The last stable offset once this transaction's marker is replicated.
    pub last_stable_offset: Offset,
}

/// Unstable transactions by their first offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Transactions {
    open: BTreeMap<Offset, ProducerId>,
    /// First offset to the marker's offset.
    ended: BTreeMap<Offset, Offset>,
}

impl Transactions {
    pub(super) fn open(&mut self, first_offset: Offset, producer_id: ProducerId) {
        self.open.insert(first_offset, producer_id);
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn end(
        &mut self,
        producer_id: ProducerId,
        first_offset: Offset,
        marker: Offset,
    ) -> CompletedTxn {
        self.open.remove(&first_offset);
        self.ended.insert(first_offset, marker);
        let last_stable_offset = self.open.keys().next().copied().unwrap_or(marker.plus(1));
        CompletedTxn { producer_id, first_offset, last_offset: marker, last_stable_offset }
    }

    /// Forgets ended transactions whose marker lies below `offset`.
    pub(super) fn forget_ended_below(&mut self, offset: Offset) {
        if !self.ended.is_empty() {
            self.ended.retain(|_, marker| *marker >= offset);
        }
    }

    pub(super) fn first_unstable_offset(&self) -> Option<Offset> {
        let first = |offset: Option<&Offset>| offset.copied();
        match (first(self.open.keys().next()), first(self.ended.keys().next())) {
            (Some(open), Some(ended)) => Some(open.min(ended)),
            (open, ended) => open.or(ended),
        }
    }
}
