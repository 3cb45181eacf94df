//! The allocator of tests that measure memory: it counts, per thread, what is asked for, what is held, and the most that
//! was held at a time. A test binary that measures names it its `#[global_allocator]`.
//!
//! Counted is what Rust asks for on the thread that measures. Libraries in C (zstd) have an allocator of their own.
//! Production code must not depend on this crate.

#![expect(unsafe_code, reason = "an allocator is unsafe to make")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with counters.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    /// Bytes asked for since the thread began.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// Bytes held, of what this thread took and gave back.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most that was held since somebody began to measure.
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// What a request costs with glibc: 8 bytes more, rounded up to 16, and 32 at least.
fn rounded(bytes: usize) -> isize {
    bytes.saturating_add(8).next_multiple_of(16).max(32).cast_signed()
}

fn took(bytes: usize) {
    ASKED.set(ASKED.get() + bytes);
    HELD.set(HELD.get() + rounded(bytes));
    PEAK.set(PEAK.get().max(HELD.get()));
}

fn gave_back(bytes: usize) {
    HELD.set(HELD.get() - rounded(bytes));
}

// SAFETY: every call goes to the system's allocator as it came, and counting does not allocate: the counters are
// constants at first and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        gave_back(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(place, layout) }
    }

    /// The old place and the new one count together, since they may both be there while the bytes are moved.
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        took(new_size);
        gave_back(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(place, layout, new_size) }
    }
}

/// Runs `work` and gives the bytes it asked for on this thread, those it gave back too.
pub fn allocated_by<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ASKED.get();
    let result = work();
    (ASKED.get() - before, result)
}

/// Runs `work` and gives the most bytes that it held at a time on this thread, beyond what was held before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.get();
    let outer = PEAK.replace(before);
    let result = work();
    let peak = PEAK.get();
    PEAK.set(outer.max(peak));
    (usize::try_from(peak - before).unwrap_or(0), result)
}

/// Runs `work` and gives the bytes that its result holds.
pub fn held_by<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.get();
    let result = work();
    (usize::try_from(HELD.get() - before).unwrap_or(0), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn what_is_given_back_counts_as_asked_for_and_in_the_peak_but_not_as_held() {
        let work = || {
            drop(Vec::<u8>::with_capacity(10_000));
            drop(Vec::<u8>::with_capacity(4_000));
            Vec::<u8>::with_capacity(100)
        };
        let (asked, first) = allocated_by(work);
        let (peak, second) = peak_of(work);
        let (held, third) = held_by(work);
        assert_eq!((asked, peak, held), (14_100, 10_016, 112));
        drop((first, second, third));
    }

    #[test]
    fn a_measurement_inside_another_does_not_hide_the_peak_of_the_outer_one() {
        let (outer, inner) = peak_of(|| {
            drop(Vec::<u8>::with_capacity(50_000));
            peak_of(|| drop(Vec::<u8>::with_capacity(1_000))).0
        });
        assert_eq!((outer, inner), (50_016, 1_008));
    }

    #[test]
    fn a_vector_that_is_moved_counts_at_both_places() {
        let mut bytes = Vec::<u8>::with_capacity(1_000);
        let (peak, ()) = peak_of(|| bytes.reserve_exact(2_000));
        assert_eq!(peak, 2_016);
    }
}
