//! One input, through one target, under the allocator that counts.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use counting_allocator::peak_of;

use crate::Target;

thread_local! {
    /// Panics of this thread are a result and not to be printed.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// What the last of them said, and where.
    static CAUGHT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs the target. Answers the most it held at a time, as a share of what it may hold.
///
/// # Errors
/// What it does that nothing may do to it.
pub(crate) fn judge(target: &Target, input: &[u8]) -> Result<f64, String> {
    keep_panics_quiet();
    CATCHING.set(true);
    let (peak, outcome) = peak_of(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    CATCHING.set(false);
    if outcome.is_err() {
        return Err(CAUGHT.take());
    }
    let most = target.bound.of(input.len());
    if peak > most {
        return Err(format!("held {peak} bytes at a time for {} of input; {most} are allowed", input.len()));
    }
    Ok(peak as f64 / most as f64)
}

/// Makes panics of a thread that judges a text; all others are printed as ever.
fn keep_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if CATCHING.get() {
                CAUGHT.replace(panic.to_string());
            } else {
                print(panic);
            }
        }));
    });
}
