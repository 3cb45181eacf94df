//! Doing the same with many things at once: what a start does with partitions, which mostly waits for the disk.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Applies `f` to every item, on this thread and at most `threads - 1` others. The results are in the order of the items.
pub fn map<T: Send, R: Send>(items: Vec<T>, threads: usize, f: impl Fn(T) -> R + Sync) -> Vec<R> {
    let others = threads.min(items.len()).saturating_sub(1);
    let items = Mutex::new(items.into_iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        loop {
            // In a statement of its own, so that nobody waits for the lock while `f` works.
            let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some((at, item)) => done.push((at, f(item))),
                None => return done,
            }
        }
    };
    let mut all = thread::scope(|scope| {
        // A thread that does not start leaves its part to the others.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let threads: Vec<_> = (0..others).filter_map(spawn).collect();
        let mut all = work();
        for thread in threads {
            match thread.join() {
                Ok(done) => all.extend(done),
                Err(panic) => resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_whoever_made_them() {
        for threads in [0, 1, 2, 7, 200] {
            assert_eq!(map((0..100).collect(), threads, |n| n * 2), (0..200).step_by(2).collect::<Vec<_>>());
        }
        assert_eq!(map(Vec::new(), 4, |n: i32| n), Vec::<i32>::new());
    }

    #[test]
    fn so_many_threads_work_at_once() {
        // Passed only if four are there together.
        let together = Barrier::new(4);
        map((0..8).collect(), 4, |_: i32| together.wait().is_leader());
    }
}
