//! The high watermark never moves back, not over a power cut either: it covers flushed data only.

use crate::history::Claims;
use crate::world::World;

pub(crate) fn check(world: &World, claims: &Claims<'_>) -> Result<(), String> {
    let (now, shown) = (world.leader.offsets().high_watermark, claims.shown());
    if now < shown {
        return Err(format!("the high watermark is {now}, but readers were shown {shown}"));
    }
    Ok(())
}
