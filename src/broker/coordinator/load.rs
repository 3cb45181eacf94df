//! Replays a partition of the offsets topic into its machine, batch by batch, off the async threads.

use std::sync::Arc;

use gracchus_base::group_record::GroupRecord;
use gracchus_wire::internal::group;
use gracchus_wire::records;
use tokio::sync::mpsc;

use super::Command;
use crate::partition::Partition;
use crate::read;

/// Bytes that are read and decoded at a time.
const CHUNK_BYTES: u32 = 1024 * 1024;

/// Reads the partition up to its high watermark and tells the worker.
pub(super) fn spawn(partition: Arc<Partition>, worker: mpsc::WeakUnboundedSender<Command>) {
    tokio::task::spawn_blocking(move || {
        let index = partition.index.0;
        let outcome = replay(&partition, &mut |records| {
            if let Some(worker) = worker.upgrade() {
                let _ended = worker.send(Command::Replayed { partition: index, records }).is_err();
            }
        });
        if let Some(worker) = worker.upgrade() {
            let _ended = worker.send(Command::Loaded { partition: index, outcome }).is_err();
        }
    });
}

fn replay(partition: &Partition, tell: &mut impl FnMut(Vec<GroupRecord>)) -> Result<(), String> {
    let view = partition.view().ok_or("the partition is not open")?;
    let mut from = view.log_start;
    while from < view.high_watermark.offset {
        let chunk = read::bytes(&view, from, view.high_watermark, CHUNK_BYTES).map_err(|error| error.to_string())?;
        let mut decoded = Vec::new();
        for record in records::records_of(&chunk).map_err(|error| error.to_string())? {
            let record = record.map_err(|error| error.to_string())?;
            from = record.offset.plus(1);
            if let Some(record) = group::decode(record.key.as_deref(), record.value.as_deref())
                .map_err(|error| format!("offset {}: {error}", from.0 - 1))?
            {
                decoded.push(record);
            }
        }
        tell(decoded);
    }
    Ok(())
}
