//! The memory that requests in progress may take together (`queued.max.request.bytes`, KIP-72).
//!
//! A frame is granted memory as its bytes arrive, so that a client which claims a large frame and sends nothing holds
//! nothing. A connection that finds no room waits, which stops it reading and lets TCP slow its client down. Small
//! frames are not counted: they fit the connection's own buffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::memory::Usage;

/// Bytes of a frame that are read without asking: what an idle connection may hold anyway.
pub const FREE_BYTES: usize = 16 * 1024;

/// Bytes of a frame that are granted at a time; most frames need one step.
const STEP_BYTES: usize = 1024 * 1024;

/// The budget, shared by all connections.
#[derive(Clone, Debug)]
pub struct RequestBudget {
    bytes: Arc<Semaphore>,
    /// Lets one frame at a time go over the budget, so that frames which together hold all of it cannot wait for one
    /// another for ever, and one that is larger than the budget is read too, as in Kafka.
    overdraft: Arc<Semaphore>,
    step: usize,
    capacity: usize,
    hits: Arc<AtomicU64>,
}

/// Memory granted to one frame; given back when dropped.
#[derive(Debug)]
pub struct Grant {
    covered: usize,
    bytes: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Default for Grant {
    fn default() -> Self {
        Self { covered: FREE_BYTES, bytes: None, overdraft: None }
    }
}

impl Grant {
    /// Bytes of the frame that may be in memory.
    pub const fn covered(&self) -> usize {
        self.covered
    }
}

impl RequestBudget {
    /// A budget of `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(FREE_BYTES, u32::MAX as usize);
        let bytes = Arc::new(Semaphore::new(capacity));
        let (overdraft, hits) = (Arc::new(Semaphore::new(1)), Arc::default());
        Self { bytes, overdraft, step: STEP_BYTES.min(capacity), capacity, hits }
    }

    /// What is held now, but for what went over the budget, and how often a frame had to wait.
    pub fn usage(&self) -> Usage {
        let held = self.capacity - self.bytes.available_permits();
        Usage { held: held as u64, max: self.capacity as u64, hits: self.hits.load(Ordering::Relaxed) }
    }

    /// Waits for room for more of a frame of `frame_bytes`. Safe to cancel.
    pub async fn extend(&self, grant: &mut Grant, frame_bytes: usize) {
        let more = frame_bytes.saturating_sub(grant.covered).min(self.step);
        if self.bytes.available_permits() < more {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        // The semaphores are never closed; without a permit the frame would only go uncounted.
        let permit = self.bytes.clone().acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX));
        tokio::select! {
            biased;
            permit = permit => {
                match (&mut grant.bytes, permit) {
                    (Some(bytes), Ok(permit)) => bytes.merge(permit),
                    (bytes, permit) => *bytes = permit.ok(),
                }
                grant.covered += more;
            }
            permit = self.overdraft.clone().acquire_owned(), if grant.bytes.is_some() => {
                grant.overdraft = permit.ok();
                grant.covered = frame_bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    /// Whether it is granted without waiting for others.
    async fn read_whole(budget: &RequestBudget, grant: &mut Grant, frame_bytes: usize) -> bool {
        let all = async {
            while grant.covered() < frame_bytes {
                budget.extend(grant, frame_bytes).await;
            }
        };
        tokio::select! {
            biased;
            () = all => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn what_is_granted_is_bounded_and_comes_back() {
        let budget = RequestBudget::new(2 * MIB);
        let (mut a, mut b, mut c) = (Grant::default(), Grant::default(), Grant::default());
        assert!(read_whole(&budget, &mut a, MIB).await && read_whole(&budget, &mut b, MIB).await);
        assert!(!read_whole(&budget, &mut c, MIB).await);
        let held = 2 * (MIB - FREE_BYTES) as u64;
        assert_eq!(budget.usage(), Usage { held, max: 2 * MIB as u64, hits: 1 });
        drop(a);
        assert!(read_whole(&budget, &mut c, MIB).await);
        drop((b, c));
        assert_eq!(budget.bytes.available_permits(), 2 * MIB);
    }

    #[tokio::test]
    async fn large_frames_that_hold_the_whole_budget_are_read_one_after_the_other() {
        let budget = RequestBudget::new(2 * MIB);
        let (mut a, mut b) = (Grant::default(), Grant::default());
        budget.extend(&mut a, 10 * MIB).await;
        budget.extend(&mut b, 10 * MIB).await;
        assert!(read_whole(&budget, &mut a, 10 * MIB).await);
        assert!(!read_whole(&budget, &mut b, 10 * MIB).await, "one at a time");
        drop(a);
        assert!(read_whole(&budget, &mut b, 10 * MIB).await);
        drop(b);
        assert_eq!((budget.bytes.available_permits(), budget.overdraft.available_permits()), (2 * MIB, 1));
    }
}
