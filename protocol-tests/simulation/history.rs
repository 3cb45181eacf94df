//! What was done, written down beside the log: what may be there after a crash, and what must.

use gracchus_base::{LeaderEpoch, Offset};
use gracchus_wire::records::Batch;

/// The history of one log.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Every batch that is in the log, from offset 0 on, also those that were removed at the front since.
    pub given: Vec<Batch>,
    /// Every batch that was written and that a crash may leave: those of `given` that are not flushed, and those that
    /// were refused when part of them was on the disk already.
    pub written: Vec<Batch>,
    /// Heard to be flushed.
    pub flushed: Offset,
    /// What readers were shown.
    pub shown: Offset,
    /// What was removed lies before it.
    pub log_start: Offset,
    pub epoch: LeaderEpoch,
    pub checkpoint: Checkpointed,
    /// A flush failed: what it was to cover may be gone though no power was cut.
    pub flush_failed: bool,
}

/// What the checkpoint files hold of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpointed {
    pub recovery_point: Offset,
    pub log_start: Offset,
    pub high_watermark: Offset,
}

impl History {
    /// The log's end.
    pub(crate) fn end(&self) -> Offset {
        self.given.last().map_or(self.log_start, |batch| batch.header.next_offset())
    }

    /// Everything up to `to` is flushed.
    pub(crate) fn heard_flushed(&mut self, to: Offset) {
        self.flushed = self.flushed.max(to);
        self.written.retain(|batch| batch.header.next_offset() > to);
    }

    /// The log was cut: it ends with what ends at `to` or before.
    pub(crate) fn cut(&mut self, to: Offset) {
        self.given.retain(|batch| batch.header.next_offset() <= to);
        self.written.retain(|batch| batch.header.next_offset() <= to);
        self.flushed = self.flushed.min(self.end());
    }
}

/// What must hold after a crash between two moments of a history.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'a> {
    pub before: &'a History,
    pub after: &'a History,
    /// The power was cut; else only the process has ended.
    pub power_cut: bool,
}

impl Claims<'_> {
    /// Up to here everything must be there.
    pub(crate) fn kept(&self) -> Offset {
        let flushed = self.before.flushed.min(self.after.flushed);
        if self.power_cut || self.after.flush_failed {
            flushed
        } else {
            self.before.end().min(self.after.end())
        }
    }

    /// What readers were shown.
    pub(crate) fn shown(&self) -> Offset {
        self.before.shown.min(self.after.shown)
    }

    /// Nothing from here on was removed at the front.
    pub(crate) fn log_start_max(&self) -> Offset {
        self.before.log_start.max(self.after.log_start)
    }

    /// The batch that must be at an offset below [`Self::kept`].
    pub(crate) fn given_at(&self, base: Offset) -> Option<&Batch> {
        find(&self.after.given, base).or_else(|| find(&self.before.given, base))
    }

    /// Whether a batch was ever written where it stands, and not cut or flushed over since.
    pub(crate) fn was_written(&self, batch: &Batch) -> bool {
        let all = [&self.before.given, &self.before.written, &self.after.given, &self.after.written];
        all.into_iter().flatten().any(|other| same(other, batch))
    }

    /// Batches that were removed before `log_start`.
    pub(crate) fn removed_before(&self, log_start: Offset) -> impl Iterator<Item = &Batch> {
        self.after.given.iter().filter(move |batch| batch.header.next_offset() <= log_start)
    }
}

/// Batches are in the order of their offsets.
fn find(batches: &[Batch], base: Offset) -> Option<&Batch> {
    let at = batches.binary_search_by_key(&base, |batch| batch.header.base_offset).ok()?;
    batches.get(at)
}

/// Whether two batches are byte for byte the same.
pub(crate) fn same(a: &Batch, b: &Batch) -> bool {
    a.header == b.header && a.body == b.body
}
