//! An offset has the value that was written there and no other: nothing comes back that was cut, and nothing appears that
//! nobody wrote.

use crate::history::Claims;
use crate::invariants::Found;

pub(crate) fn check(found: &Found<'_>, claims: &Claims<'_>) -> Result<(), String> {
    match found.there.iter().find(|batch| !claims.was_written(batch)) {
        Some(batch) => Err(format!("nobody has written the batch at {}", batch.header.base_offset)),
        None => Ok(()),
    }
}
