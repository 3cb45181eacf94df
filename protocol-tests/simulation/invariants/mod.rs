//! What must hold whenever a log was opened again, one file each.

mod flushed_is_read_back;
mod high_watermark_stays;
mod indexes_agree;
mod nothing_is_torn;
mod offsets_are_contiguous;
mod one_value_per_offset;
mod producers_equal_a_replay;

use gracchus_wire::records::Batch;

pub(crate) use self::nothing_is_torn::read_all;
use crate::history::Claims;
use crate::world::World;

/// A log that was opened again, and the batches that are read from it.
pub(crate) struct Found<'a> {
    pub world: &'a World,
    pub there: &'a [Batch],
}

/// Checks a log as recovery has left it.
pub(crate) fn check(found: &Found<'_>, claims: &Claims<'_>) -> Result<(), String> {
    offsets_are_contiguous::check(found, claims)?;
    flushed_is_read_back::check(found, claims)?;
    one_value_per_offset::check(found, claims)?;
    producers_equal_a_replay::check(found, claims)?;
    indexes_agree::check(found)
}

/// Checks a log once what recovery found is flushed.
pub(crate) fn check_flushed(world: &World, claims: &Claims<'_>) -> Result<(), String> {
    high_watermark_stays::check(world, claims)?;
    nothing_is_torn::check(world)
}
