//! What is remembered of an idempotent producer, as `.snapshot` files store it.

use crate::clock::Timestamp;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};

/// One producer's entry in a producer snapshot file: its newest batch only, as Kafka stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerSnapshot {
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    /// The last sequence of the newest batch; [`Sequence::NONE`] if none is known.
    pub last_sequence: Sequence,
    /// The last offset of the newest batch.
    pub last_offset: Offset,
    /// Records in the newest batch, less one.
    pub offset_delta: i32,
    pub last_timestamp: Timestamp,
    /// Epoch of the transaction coordinator, -1 if no marker was written.
    pub coordinator_epoch: LeaderEpoch,
    /// First offset of the transaction that is open, if one is.
    pub current_txn_first_offset: Option<Offset>,
}
