//! Batches follow one another without a hole from the log's start to its end.

use crate::history::Claims;
use crate::invariants::Found;

pub(crate) fn check(found: &Found<'_>, claims: &Claims<'_>) -> Result<(), String> {
    let log = &found.world.log;
    let (start, end) = (log.log_start(), log.log_end().offset);
    if start > claims.log_start_max() {
        return Err(format!(
            "the log starts at {start}, although nothing from {} on was removed",
            claims.log_start_max()
        ));
    }
    let mut due = None;
    for batch in found.there {
        let base = batch.header.base_offset;
        // The start may lie inside the first batch.
        let follows = due.map_or(base <= start && batch.header.next_offset() > start, |due| base == due);
        if !follows {
            return Err(format!("the batch at {base} does not follow {due:?} in a log from {start} on"));
        }
        due = Some(batch.header.next_offset());
    }
    let read_to = due.unwrap_or(start);
    if read_to != end {
        return Err(format!("batches can be read up to {read_to}, but the log ends at {end}"));
    }
    Ok(())
}
