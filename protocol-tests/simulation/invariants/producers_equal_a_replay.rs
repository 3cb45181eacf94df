//! What is remembered of producers is what all batches tell, those too that were removed at the front.

use gracchus_base::producer::ProducerSnapshot;

use crate::history::Claims;
use crate::invariants::Found;
use crate::world::replayed;

pub(crate) fn check(found: &Found<'_>, claims: &Claims<'_>) -> Result<(), String> {
    let there = found.there.iter().map(|batch| &batch.header);
    let start = found.there.first().map_or(found.world.log.log_start(), |batch| batch.header.base_offset);
    let removed = claims.removed_before(start).map(|batch| &batch.header);
    let expected: Vec<ProducerSnapshot> = replayed(removed.chain(there)).snapshot();
    let remembered = found.world.leader.producers().snapshot();
    if remembered != expected {
        return Err(format!("producers are {remembered:?}, but the batches say {expected:?}"));
    }
    Ok(())
}
