//! Lookups by offset and by time find what a walk over all batches finds.

use gracchus_base::Timestamp;
use gracchus_log::{FoundBatch, ReadError};

use crate::invariants::Found;

pub(crate) fn check(found: &Found<'_>) -> Result<(), String> {
    let view = found.world.log.view();
    let failed = |error: ReadError| format!("a lookup failed: {error}");
    let start = view.log_start();
    for batch in found.there.iter().filter(|batch| batch.header.base_offset >= start) {
        let (base, last) = (batch.header.base_offset, batch.header.last_offset());
        let range = view.read(last, view.log_end(), 1, true).map_err(failed)?;
        let read = range.map(|range| range.read_all()).transpose().map_err(|error| error.to_string())?;
        if read.is_none_or(|bytes| bytes != batch.to_bytes()) {
            return Err(format!("offset {last} does not lead to the batch at {base}"));
        }
        let wanted = Timestamp(batch.header.max_timestamp.0 - 3);
        let by_time = view.lookup_timestamp(wanted, start).map_err(failed)?;
        let expected = found.there.iter().find(|batch| batch.header.max_timestamp >= wanted);
        let at = |found: FoundBatch| found.header.base_offset;
        if by_time.map(at) != expected.map(|batch| batch.header.base_offset) {
            return Err(format!("timestamp {wanted} does not lead to the first batch that is as late"));
        }
    }
    Ok(())
}
