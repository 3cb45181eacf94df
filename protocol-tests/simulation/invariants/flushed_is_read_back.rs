//! Every batch that was heard to be flushed, and not removed since, is read back at its offset.

use crate::history::{Claims, same};
use crate::invariants::Found;

pub(crate) fn check(found: &Found<'_>, claims: &Claims<'_>) -> Result<(), String> {
    let (end, kept) = (found.world.log.log_end().offset, claims.kept());
    if end < kept {
        return Err(format!("the log ends at {end}, although it was kept up to {kept}"));
    }
    for batch in found.there.iter().filter(|batch| batch.header.next_offset() <= kept) {
        let base = batch.header.base_offset;
        if !claims.given_at(base).is_some_and(|given| same(given, batch)) {
            return Err(format!("the batch at {base} is not the one that was kept"));
        }
    }
    Ok(())
}
