//! Checks every length in a request's body against the bytes that are there, before a decoder reserves memory from
//! them (DESIGN section 6, TRAPS 68, FAULTS "Hostile input").
//!
//! The walker follows a table of fields (`tables`), allocates nothing and goes no deeper than the table does. It knows
//! layouts, not meanings: what a field stands for is the handlers'.

mod field;
mod tables;
mod walk;

#[cfg(test)]
pub(crate) mod generate;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::api::ApiKey;
use gracchus_base::limits::FRAME_ELEMENTS_MAX;

#[cfg(feature = "client")]
pub use field::{Field, Kind};
pub(crate) use walk::Walk;
pub use walk::{Problem, ShapeError};

/// What a walk over a body found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Elements over all arrays, at most [`FRAME_ELEMENTS_MAX`].
    pub elements: usize,
    /// Bytes of the body without what follows it. Kafka ignores bytes after the body, and so do we.
    pub bytes: usize,
    /// Tagged fields that nobody knows; they are cut out before the body is decoded.
    pub unknown_tags: usize,
}

/// What a decoded array element costs at most, its own nested vectors and texts not counted.
pub const ELEMENT_MEMORY_BYTES_MAX: usize = 160;

impl Measure {
    /// Bytes of memory that decoding takes at most, beyond the body itself; for admission.
    pub const fn memory_estimate(&self) -> usize {
        let copy = if self.unknown_tags > 0 { self.bytes } else { 0 };
        self.elements.saturating_mul(ELEMENT_MEMORY_BYTES_MAX).saturating_add(copy)
    }
}

/// Walks over `body`, which comes after the header of a request.
///
/// # Errors
/// [`ShapeError`], with the name and place of the first field whose length, count or tag does not fit.
pub fn check(api: ApiKey, version: i16, body: &[u8]) -> Result<Measure, ShapeError> {
    let mut walk = Walk::new(body, api.is_flexible(version));
    walk.fields(tables::request(api), version)?;
    debug_assert!(walk.elements() <= FRAME_ELEMENTS_MAX, "the walker counts elements");
    Ok(Measure { elements: walk.elements(), bytes: walk.at(), unknown_tags: walk.tags_unknown() })
}

/// The fields of a request's body in the order of the wire: for programs that write requests and lie in them.
#[cfg(feature = "client")]
pub fn layout(api: ApiKey) -> &'static [Field] {
    tables::request(api)
}

/// The body without the tagged fields that nobody knows: a decoder that keeps them would spend a hundred bytes of
/// memory on two of input. Costs a copy of the body, so only bodies that have such fields are passed here.
///
/// # Errors
/// As [`check`].
pub(crate) fn without_unknown_tags(api: ApiKey, version: i16, body: &[u8]) -> Result<Bytes, ShapeError> {
    let mut walk = Walk::copying(body, api.is_flexible(version));
    walk.fields(tables::request(api), version)?;
    Ok(walk.into_copy().into())
}
