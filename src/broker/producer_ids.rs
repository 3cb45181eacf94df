//! Hands out producer ids from blocks that are written to the metadata log before one of them is used (KIP-730), so
//! that no id is ever given twice.

use std::ops::RangeInclusive;

use gracchus_base::{ErrorCode, ProducerId};
use tokio::sync::Mutex;

use crate::controller::Controller;

/// The block in use.
#[derive(Debug)]
pub struct ProducerIds {
    controller: Controller,
    // An async mutex: the next block is awaited while it is held, and everyone who asks meanwhile needs that block.
    block: Mutex<RangeInclusive<i64>>,
}

impl ProducerIds {
    /// Starts without a block; the first request fetches one.
    pub fn new(controller: Controller) -> Self {
        Self { controller, block: Mutex::new(RangeInclusive::new(1, 0)) }
    }

    /// An id that was never handed out before.
    pub async fn next(&self) -> Result<ProducerId, ErrorCode> {
        let mut block = self.block.lock().await;
        if let Some(id) = block.next() {
            return Ok(ProducerId(id));
        }
        *block = self.controller.allocate_producer_ids().await?;
        block.next().map(ProducerId).ok_or(ErrorCode::CoordinatorNotAvailable)
    }
}
