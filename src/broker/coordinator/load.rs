//! Replays a partition of the offsets topic into its machine, batch by batch, off the async threads.

use std::sync::Arc;

use gracchus_base::group_record::GroupRecord;
use gracchus_wire::internal::group::{self, Decoded};
use gracchus_wire::records::{self, Batch};
use tokio::sync::mpsc;

use super::Command;
use crate::execution::Execution;
use crate::partition::{Partition, Status};
use crate::read;

/// Bytes that are read and decoded at a time.
const CHUNK_BYTES: u32 = 1024 * 1024;

/// Reads the partition up to its high watermark and tells the worker.
pub(super) fn spawn(
    partition: Arc<Partition>,
    worker: mpsc::WeakUnboundedSender<Command>,
    execution: &Execution,
) {
    execution.blocking(move || {
        let key = partition.key();
        let outcome = replay(&partition, &mut |records| {
            if let Some(worker) = worker.upgrade() {
                let _ended = worker.send(Command::Replayed { key, records }).is_err();
            }
        });
        if let Some(worker) = worker.upgrade() {
            let _ended = worker.send(Command::Loaded { key, outcome }).is_err();
        }
    });
}

fn replay(partition: &Partition, tell: &mut impl FnMut(Vec<GroupRecord>)) -> Result<(), String> {
    let view = partition.view().ok_or("the partition is not open")?;
    // What recovery found and could not flush is not shown: a machine without it would tell members that nothing was
    // ever committed.
    if view.status != Status::Online {
        return Err("the partition is offline".to_owned());
    }
    let mut from = view.log_start;
    while from < view.high_watermark.offset {
        let chunk =
            read::bytes(&view, from, view.high_watermark, CHUNK_BYTES).map_err(|error| error.to_string())?;
        let mut decoded = Vec::new();
        let start = from;
        for batch in read::batches(&chunk) {
            from = batch.header.next_offset();
            if !batch.header.attributes.is_control() {
                decode(&batch, &mut decoded)?;
            }
        }
        if from == start {
            return Err(format!("no batch can be read at offset {from}"));
        }
        tell(decoded);
    }
    Ok(())
}

fn decode(batch: &Batch, decoded: &mut Vec<GroupRecord>) -> Result<(), String> {
    for record in records::records(batch).map_err(|error| error.to_string())? {
        let record = record.map_err(|error| error.to_string())?;
        let key = record.key.as_deref().unwrap_or_default();
        match group::decode(key, record.value.as_deref()) {
            Ok(Decoded::Record(record)) => decoded.push(record),
            // Of another kind of group, or of the future.
            Ok(Decoded::Unknown { .. }) => {}
            Err(error) => return Err(format!("offset {}: {error}", record.offset)),
        }
    }
    Ok(())
}
