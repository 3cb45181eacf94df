//! The leader of one partition: which offsets its log has, what of it is durable and may be read, and what becomes of a
//! batch that a producer sends.
//!
//! Decisions only. The log is written by the shard that owns the partition, which calls `decide_append`, appends, and
//! calls `apply_append`; who waits for an acknowledgement stands in an [`AckQueue`] beside it.

mod ack_queue;
mod epochs;
mod leader;

#[cfg(test)]
pub(crate) mod dice;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

pub use ack_queue::AckQueue;
pub use epochs::{EpochCache, EpochStart, FetchPosition, check_leader_epoch};
pub use leader::{AppendDecision, Applied, PartitionLeader, PartitionOffsets, RecoveredPartition};
