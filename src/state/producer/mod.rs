//! What a partition remembers of idempotent and transactional producers (KIP-98, KIP-360): the last batches of each,
//! so that retries are recognised and gaps refused, and the transactions that are open.
//!
//! Follows Kafka's `ProducerStateManager` and `ProducerAppendInfo`. Nothing here reads a clock or a file: the log hands
//! in batch headers while it recovers, the driver hands in the time when producers shall expire.

mod entry;
mod table;
mod transactions;

#[cfg(test)]
mod tests;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

pub use entry::AppendedBatch;
pub use table::{ProducerTable, Verdict};
pub use transactions::CompletedTxn;

/// What the machines need to know of one batch: fields of its header, and the coordinator's epoch of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMeta {
    /// [`ProducerId::NONE`]: no idempotent producer wrote this, the producer table ignores it.
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    /// [`Sequence::NONE`] with a producer id: a coordinator wrote this (transactional offset commits); its epoch is
    /// checked and its sequence is not. Clients may not leave the sequence out (`LogValidator`).
    pub base_sequence: Sequence,
    pub last_sequence: Sequence,
    /// Records less one, as the header has it; never negative.
    pub last_offset_delta: i32,
    /// As it is stored: the append time where the topic says `LogAppendTime`. Not read by decisions.
    pub max_timestamp: Timestamp,
    pub transactional: bool,
    /// A transaction marker. A control batch whose record compaction has removed carries no news: hand it in with
    /// [`ProducerId::NONE`].
    pub control: bool,
    /// Of a marker: the epoch of the coordinator that wrote it; [`LeaderEpoch::NONE`] if it was not looked up.
    pub coordinator_epoch: LeaderEpoch,
    /// Only read while a log is replayed; a leader stamps its own.
    pub leader_epoch: LeaderEpoch,
    /// Only read while a log is replayed; a leader assigns its own.
    pub base_offset: Offset,
}

impl BatchMeta {
    /// A batch of a producer without idempotence.
    pub const fn plain(last_offset_delta: i32, max_timestamp: Timestamp) -> Self {
        Self {
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: Sequence::NONE,
            last_sequence: Sequence::NONE,
            last_offset_delta,
            max_timestamp,
            transactional: false,
            control: false,
            coordinator_epoch: LeaderEpoch::NONE,
            leader_epoch: LeaderEpoch::NONE,
            base_offset: Offset::ZERO,
        }
    }

    /// Whether the producer table has anything to say about this batch.
    pub const fn has_producer(&self) -> bool {
        self.producer_id.0 >= 0
    }

    /// Whether the sequence is one that can be checked: a client's data, not a marker and not a coordinator's data.
    pub const fn is_sequenced(&self) -> bool {
        self.has_producer() && !self.control && self.base_sequence.0 >= 0
    }
}

/// Why a batch of a producer is refused. The texts are for our log: Kafka sends the code of these alone, with a null
/// `error_message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    #[error("producer {producer_id} sent epoch {got}, a newer instance has {current}")]
    Epoch { producer_id: ProducerId, got: ProducerEpoch, current: ProducerEpoch },
    #[error("producer {producer_id} sent sequence {got} where {expected} is next")]
    Sequence { producer_id: ProducerId, got: Sequence, expected: Sequence },
    #[error("producer {producer_id} began epoch {epoch} with sequence {got}, not 0")]
    FirstOfEpoch { producer_id: ProducerId, epoch: ProducerEpoch, got: Sequence },
    #[error("producer {0} has a transaction open, its batch is not transactional")]
    NotInTransaction(ProducerId),
    #[error(
        "a coordinator with epoch {got} wrote a marker for producer {producer_id}, a newer one has {current}"
    )]
    Coordinator { producer_id: ProducerId, got: LeaderEpoch, current: LeaderEpoch },
    #[error("all {0} producers that this partition remembers have a transaction open")]
    TableFull(usize),
}

impl ProducerError {
    /// The code a client gets. `TableFull` has no counterpart in Kafka, which remembers producers without a bound;
    /// clients retry the code that is used for it.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Epoch { .. } => ErrorCode::InvalidProducerEpoch,
            Self::Sequence { .. } | Self::FirstOfEpoch { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Self::NotInTransaction(_) => ErrorCode::InvalidTxnState,
            Self::Coordinator { .. } => ErrorCode::TransactionCoordinatorFenced,
            Self::TableFull(_) => ErrorCode::ThrottlingQuotaExceeded,
        }
    }
}
