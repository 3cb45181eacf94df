//! The memory that requests in progress may take together (`queued.max.request.bytes`, KIP-72).
//!
//! A frame's body is read only once its size has been granted; a connection that finds no room waits, which stops it
//! reading and lets TCP slow its client down. Small frames are not counted: they fit the connection's own buffer.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Frames up to this many bytes are read without asking: what an idle connection may hold anyway.
pub const FREE_BYTES: usize = 16 * 1024;

/// The budget, shared by all connections.
#[derive(Clone, Debug)]
pub struct RequestBudget {
    bytes: Arc<Semaphore>,
    capacity: usize,
}

/// Memory granted to one frame; given back when dropped.
#[derive(Debug)]
pub struct Grant(#[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>);

impl RequestBudget {
    /// A budget of `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(FREE_BYTES, u32::MAX as usize);
        Self { bytes: Arc::new(Semaphore::new(capacity)), capacity }
    }

    /// Waits for room for a frame of `bytes`. A frame larger than the whole budget is granted when it is alone, as
    /// Kafka does, so that no legal frame is stuck for ever.
    pub async fn grant(&self, bytes: usize) -> Grant {
        if bytes <= FREE_BYTES {
            return Grant(None);
        }
        let asked = u32::try_from(bytes.min(self.capacity)).unwrap_or(u32::MAX);
        // The semaphore is never closed; without a permit the frame would only go uncounted.
        Grant(self.bytes.clone().acquire_many_owned(asked).await.ok())
    }
}
