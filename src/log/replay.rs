//! Telling the owner what a log holds that is being opened: producer state and leader epochs.

use std::io;
use std::sync::Arc;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{LeaderEpoch, Offset};
use gracchus_wire::records::BatchHeader;

use crate::epoch_checkpoint;
use crate::error::ReadError;
use crate::log::Log;
use crate::names::{EPOCH_CHECKPOINT, Kind};
use crate::producer_snapshot;
use crate::recovery::{Recovered, into_io};
use crate::scan::{SWEEP_BUFFER, Scan, Step};
use crate::segment::SegmentId;

impl Log {
    /// Gives the newest snapshot that can be read, every batch after it, and the leader epochs.
    pub(crate) fn replay(
        &mut self,
        snapshots: &[Offset],
        closed_well: bool,
        recovery_point: Offset,
        visit: &mut dyn FnMut(Recovered),
    ) -> io::Result<()> {
        let first = self.first_base();
        let unflushed_from = if closed_well { Offset(i64::MAX) } else { self.flushed_to().offset };
        let snapshot = self.newest_snapshot(snapshots, unflushed_from)?;
        let producers_from = snapshot.as_ref().map_or(first, |(at, _)| *at);
        if let Some((_, producers)) = snapshot {
            visit(Recovered::Snapshot(producers));
        }
        let stored = epoch_checkpoint::read(&self.shared.env.fs, &self.shared.dir)?;
        // What the checkpoint does not have yet begins at or after the recovery point; also after a stop in good order that
        // had no space to write it.
        let epochs_from = if stored.is_some() { recovery_point.min(self.flushed_to().offset) } else { first };
        let has_file = stored.is_some();
        let mut epochs = stored.unwrap_or_default();
        epochs.retain(|(_, start)| *start < epochs_from);
        let last_stored = epochs.last().map_or(LeaderEpoch::NONE, |(epoch, _)| *epoch);
        let path = self.shared.dir.join(EPOCH_CHECKPOINT);
        if !has_file && self.shared.env.fs.stat_if_there(&path)?.is_some() {
            // It makes no sense now; after a power cut an older one may be in its place, which does and is wrong.
            self.unflushed.epochs.distrust_file();
        } else {
            self.unflushed.epochs.found(has_file.then_some(last_stored));
        }
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
    /// end, unreadable, or at no segment's base. Those at `unflushed_from` and behind it are to be flushed.
    fn newest_snapshot(
        &mut self,
        snapshots: &[Offset],
        unflushed_from: Offset,
    ) -> io::Result<Option<(Offset, Vec<ProducerSnapshot>)>> {
        let shared = self.shared.clone();
        let fs = &shared.env.fs;
        let (mut newest, mut removed) = (None, false);
        for at in snapshots.iter().rev() {
            let path = shared.path(*at, Kind::Snapshot);
            let is_of_use = match newest {
                // One that was not flushed may be torn, and would be of use to nobody.
                Some(_) if *at >= unflushed_from && producer_snapshot::read(fs, &path)?.is_none() => false,
                Some(_) => self.bases().any(|base| base == *at),
                None if *at > self.active.next_offset => false,
                None => {
                    newest = producer_snapshot::read(fs, &path)?.map(|producers| (*at, producers));
                    newest.is_some()
                }
            };
            if !is_of_use {
                fs.remove_if_there(&path)?;
                removed = true;
            } else if *at >= unflushed_from {
                self.unflushed.wrote(self.snapshot_id(*at), Kind::Snapshot, None);
                self.unflushed.dir = true;
            }
        }
        if removed {
            // For good: one that comes back would speak of batches that are gone, once others have their offsets.
            fs.sync_dir(&shared.dir)?;
        }
        Ok(newest)
    }

    /// Whose file a snapshot is: it goes with the segment that begins there, if one does.
    pub(crate) fn snapshot_id(&self, at: Offset) -> Arc<SegmentId> {
        let ids = self.sealed.iter().map(|segment| &segment.id).chain([&self.active.id]);
        ids.into_iter().find(|id| id.base == at).cloned().unwrap_or_else(|| SegmentId::new(at))
    }

    /// Calls `seen` with the header of every batch that ends at `from` or after it.
    fn each_header(&self, from: Offset, seen: &mut dyn FnMut(BatchHeader)) -> io::Result<()> {
        if from >= self.active.next_offset {
            return Ok(());
        }
        let view = self.view();
        for part in view.parts_from(from) {
            let position = match part.find(from, part.len) {
                Ok(None) => continue,
                Ok(Some((position, _))) | Err(ReadError::Corrupt { position, .. }) => position,
                Err(other) => return Err(into_io(other)),
            };
            let file = part.open(Kind::Log).map_err(into_io)?;
            let end = self.bases().find(|base| *base > part.id.base).unwrap_or(self.active.next_offset);
            let mut scan = Scan::new(&*file, position, part.len, SWEEP_BUFFER);
            let mut due = from.max(part.id.base);
            loop {
                match scan.next()? {
                    Step::Batch { header, .. } => {
                        due = header.next_offset();
                        seen(header);
                    }
                    // Damage: what is behind it counts; whoever reads it is told so.
                    Step::Bad { position } => {
                        if scan.find_batch(position.saturating_add(1), due..end)?.is_none() {
                            break;
                        }
                    }
                    Step::End => break,
                }
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
