//! Partition logs on disk: segments, sparse indexes, recovery, retention, checkpoints, in Kafka's formats byte for byte.
//!
//! One [`Log`] is one partition's directory and belongs to one thread; readers work from a [`LogView`], which is
//! immutable and asks nobody. All files are reached through [`fs`], so that tests can put a simulated disk behind it.
//!
//! What must not be here: sockets, tasks, protocol, what a batch means. Batches are bytes behind a header.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod append;
mod checkpoint;
mod close;
pub mod config;
pub mod deleter;
pub mod dir;
pub mod epoch_checkpoint;
mod epochs_to_store;
pub mod error;
pub mod files;
pub mod flush;
pub mod fs;
mod index;
mod leftovers;
pub mod log;
mod meta_properties;
mod names;
pub mod parallel;
mod partition_metadata;
pub mod producer_snapshot;
pub mod range;
mod recovery;
mod replay;
mod resume;
pub mod retain;
mod roll;
mod scan;
mod sealed;
mod segment;
mod truncate;
mod unflushed;
pub mod verify;
pub mod view;
pub mod whole_flush;
pub mod write_atomic;

pub use config::{LogConfig, LogEnv};
pub use deleter::Deleter;
pub use dir::{Checkpoint, DirError, FoundPartition, LogDir};
pub use error::{
    AppendError, CloseError, FlushError, OpenError, ReadError, RetainError, RollError, TruncateError,
};
pub use files::FileCache;
pub use flush::{FlushTicket, Flushed};
pub use fs::Fs;
pub use log::{AppendedTo, Log, LogPosition, RecoveryStart};
pub use meta_properties::MetaProperties;
pub use range::FileRange;
pub use recovery::Recovered;
pub use retain::{RemovedFor, RemovedSegment};
pub use view::{FoundBatch, LogView, UpTo};
pub use whole_flush::WholeFlush;

#[cfg(test)]
mod tests;
