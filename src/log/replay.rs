//! Telling the owner what a log holds that is being opened: producer state and leader epochs.

use std::io;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{LeaderEpoch, Offset};
use gracchus_wire::records::BatchHeader;

use crate::epoch_checkpoint;
use crate::log::Log;
use crate::names::Kind;
use crate::producer_snapshot;
use crate::recovery::{Recovered, into_io};
use crate::scan::{SWEEP_BUFFER, Scan, Step};

impl Log {
    /// Gives the newest snapshot that can be read, every batch after it, and the leader epochs.
    pub(crate) fn replay(
        &mut self,
        snapshots: &[Offset],
        visit: &mut dyn FnMut(Recovered),
    ) -> io::Result<()> {
        let first = self.first_base();
        let snapshot = self.newest_snapshot(snapshots)?;
        let producers_from = snapshot.as_ref().map_or(first, |(at, _)| *at);
        if let Some((_, producers)) = snapshot {
            visit(Recovered::Snapshot(producers));
        }
        let stored = epoch_checkpoint::read(&self.shared.env.fs, &self.shared.dir)?;
        // What the checkpoint does not have yet begins at or after the recovery point.
        let epochs_from = if stored.is_some() { self.flushed_to().offset } else { first };
        let has_file = stored.is_some();
        let mut epochs = stored.unwrap_or_default();
        epochs.retain(|(_, start)| *start < epochs_from);
        let last_stored = epochs.last().map_or(LeaderEpoch::NONE, |(epoch, _)| *epoch);
        self.unflushed.epochs.found(has_file.then_some(last_stored));
        self.each_header(producers_from.min(epochs_from), &mut |header| {
            if header.leader_epoch > epochs.last().map_or(LeaderEpoch::NONE, |last| last.0) {
                epochs.push((header.leader_epoch, header.base_offset));
            }
            if header.last_offset() >= producers_from {
                visit(Recovered::Batch(header));
            }
        })?;
        visit(Recovered::Epochs(from_log_start(epochs, self.log_start)));
        Ok(())
    }

    /// The newest snapshot that is not beyond the end and can be read. Others that are of no use are removed: beyond the
    /// end, unreadable, or at no segment's base.
    fn newest_snapshot(&self, snapshots: &[Offset]) -> io::Result<Option<(Offset, Vec<ProducerSnapshot>)>> {
        let fs = &self.shared.env.fs;
        let mut newest = None;
        for at in snapshots.iter().rev() {
            let path = self.shared.path(*at, Kind::Snapshot);
            if newest.is_some() {
                if !self.bases().any(|base| base == *at) {
                    fs.remove_if_there(&path)?;
                }
                continue;
            }
            let usable = *at <= self.active.next_offset;
            match if usable { producer_snapshot::read(fs, &path)? } else { None } {
                Some(producers) => newest = Some((*at, producers)),
                None => fs.remove_if_there(&path)?,
            }
        }
        Ok(newest)
    }

    /// Calls `seen` with the header of every batch that ends at `from` or after it.
    fn each_header(&self, from: Offset, seen: &mut dyn FnMut(BatchHeader)) -> io::Result<()> {
        if from >= self.active.next_offset {
            return Ok(());
        }
        let view = self.view();
        for part in view.parts_from(from) {
            let Some((position, _)) = part.find(from, part.len).map_err(into_io)? else { continue };
            let file = part.open(Kind::Log).map_err(into_io)?;
            let mut scan = Scan::new(&*file, position, part.len, SWEEP_BUFFER);
            // Bytes that are no batch end a segment here; whoever reads them is told so.
            while let Step::Batch { header, .. } = scan.next()? {
                seen(header);
            }
            self.shared.env.files.forget(part.id.key(Kind::Log));
        }
        Ok(())
    }
}

/// The epochs as they are when the log begins at `log_start`: the one in force there begins there.
fn from_log_start(epochs: Vec<(LeaderEpoch, Offset)>, log_start: Offset) -> Vec<(LeaderEpoch, Offset)> {
    let before = epochs.partition_point(|(_, start)| *start <= log_start).saturating_sub(1);
    let kept = epochs.into_iter().skip(before);
    kept.map(|(epoch, start)| (epoch, start.max(log_start))).collect()
}
