//! Whatever comes from outside, and our own files, through what reads them: nothing panics, everything ends, and no more
//! memory is held at a time than a small multiple of the input and a constant.
//!
//! Each target is a function of bytes (`targets`), with valid samples and a bound. A seed makes a case: a sample, changed
//! (`mutate`). Cases run under a counting allocator (`judge`), many of them in a row (`drive`); an input that fails is
//! made smaller before it is shown (`shrink`). Production code must not depend on this crate.

mod dice;
mod drive;
mod judge;
mod mutate;
mod shrink;
mod targets;

#[cfg(test)]
mod tests;

pub use drive::{Done, Failure, watched};
pub use targets::TARGETS;

/// Something that reads bytes from outside.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    /// Reads the input as production does, and looks at what comes out.
    run: fn(&[u8]),
    /// Valid inputs to begin with.
    samples: fn() -> Vec<Vec<u8>>,
    /// What it may hold at a time.
    bound: Bound,
}

/// Bytes that may be held at a time: so many for each byte of input, and so many always.
#[derive(Clone, Copy, Debug)]
struct Bound {
    per_byte: usize,
    always: usize,
}

impl Bound {
    const fn of(self, input_bytes: usize) -> usize {
        self.per_byte.saturating_mul(input_bytes).saturating_add(self.always)
    }
}
