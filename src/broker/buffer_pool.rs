//! Memory of large frames, used again: fresh memory of a megabyte costs a page fault every four kilobytes, more than
//! reading and checking what lands in it.
//!
//! Only frames that the reader reads straight to their place come from here. What is kept for later is bounded, and given
//! back to the system when it was of no use for a while.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Sizes that buffers come in. The last is for batches of Kafka's default `max.message.bytes` with what is around them;
/// larger frames get memory of their own.
const CLASSES: [usize; 6] = [64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 1100 << 10];

/// Bytes that are kept for later at most; what comes back beyond that is freed.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// The pool; clones share it.
#[derive(Clone, Debug, Default)]
pub struct BufferPool(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    classes: [Class; CLASSES.len()],
    kept_bytes: usize,
}

/// Buffers of one size that nobody uses.
#[derive(Debug, Default)]
struct Class {
    free: Vec<Vec<u8>>,
    /// The fewest there were since the last look: so many have been of no use.
    fewest: usize,
}

/// A buffer, filled from its start. Dropping it gives the memory back.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    pool: BufferPool,
}

impl BufferPool {
    /// An empty buffer with room for at least `bytes`.
    pub fn take(&self, bytes: usize) -> Buffer {
        let free =
            CLASSES.iter().position(|size| *size >= bytes).map(|class| (class, self.lock().take(class)));
        let bytes = match free {
            Some((_, Some(free))) => free,
            Some((class, None)) => Vec::with_capacity(CLASSES[class]),
            None => Vec::with_capacity(bytes),
        };
        Buffer { bytes, pool: self.clone() }
    }

    /// Frees what was of no use since the last call.
    pub fn trim(&self) {
        let mut state = self.lock();
        let mut idle = Vec::new();
        for (class, size) in state.classes.iter_mut().zip(CLASSES) {
            let fewest = mem::replace(&mut class.fewest, 0);
            idle.extend(class.free.drain(..fewest.min(class.free.len())).map(|buffer| (size, buffer)));
            class.fewest = class.free.len();
        }
        state.kept_bytes -= idle.iter().map(|(size, _)| size).sum::<usize>();
        drop(state);
        drop(idle);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, class: usize) -> Option<Vec<u8>> {
        let free = self.classes[class].free.pop()?;
        self.classes[class].fewest = self.classes[class].fewest.min(self.classes[class].free.len());
        self.kept_bytes -= CLASSES[class];
        Some(free)
    }

    /// Keeps a buffer, or answers it back to be freed.
    fn keep(&mut self, mut buffer: Vec<u8>) -> Option<Vec<u8>> {
        let Some(class) = CLASSES.iter().position(|size| *size == buffer.capacity()) else {
            return Some(buffer);
        };
        if self.kept_bytes + CLASSES[class] > KEPT_BYTES_MAX {
            return Some(buffer);
        }
        buffer.clear();
        self.kept_bytes += CLASSES[class];
        self.classes[class].free.push(buffer);
        None
    }
}

impl Buffer {
    /// The bytes, to be read into. What grows it beyond its class makes it memory of its own.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What it holds; the memory goes back when the last slice of it is dropped.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let surplus = self.pool.lock().keep(mem::take(&mut self.bytes));
        drop(surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_when_the_last_slice_of_it_is_gone() {
        let pool = BufferPool::default();
        let mut buffer = pool.take(100_000);
        let place = buffer.bytes_mut().as_ptr();
        buffer.bytes_mut().extend_from_slice(b"batch");
        let slice = buffer.freeze().slice(1..3);
        assert_ne!(pool.take(100_000).bytes_mut().as_ptr(), place, "a slice still needs it");
        drop(slice);
        pool.lock().classes[1].free.retain(|free| free.as_ptr() == place);
        let mut again = pool.take(100_000);
        assert_eq!((again.bytes_mut().as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn what_is_kept_is_bounded_and_freed_when_it_was_of_no_use() {
        let pool = BufferPool::default();
        let kept = KEPT_BYTES_MAX / (1 << 20);
        drop((0..kept + 3).map(|_| pool.take(1 << 20)).collect::<Vec<_>>());
        assert_eq!(pool.lock().classes[4].free.len(), kept);
        pool.trim();
        drop([pool.take(1 << 20), pool.take(1 << 20)]);
        pool.trim();
        let state = pool.lock();
        assert_eq!((state.classes[4].free.len(), state.kept_bytes), (2, 2 << 20));
    }

    #[test]
    fn a_frame_above_all_classes_has_memory_of_its_own() {
        let pool = BufferPool::default();
        drop(pool.take(5 << 20));
        assert_eq!(pool.lock().kept_bytes, 0);
    }
}
