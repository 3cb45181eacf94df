//! The broker as a library: listeners, connections, one handler file per API, shards, coordinators, the quorum.
//!
//! This is the async part. Decisions are in `state`, bytes in `wire`, files in `log`; what is here moves events between
//! them. [`Broker::start`] is the way in, [`Broker::builder`] for a program that wants one
//! inside.

mod admission;
mod api;
mod broker;
mod buffer_pool;
mod cold_reads;
mod connection;
mod controller;
mod coordinator;
mod data_dirs;
mod embedded;
mod ephemeral;
mod execution;
mod fetch_sessions;
mod flushes_first;
mod host_lookups;
mod listener;
mod local;
mod memory;
mod metadata;
mod node;
pub mod open_files;
mod partition;
mod producer_ids;
pub mod quorum;
mod read;
mod responses;
mod shard;
mod shutdown;
mod system;
mod ticket;
mod topics;
mod upkeep;
mod waiters;

pub use broker::{Broker, Options, StartError};
pub use embedded::{Builder, EmbedError, EmbeddedBroker};
pub use ephemeral::{EphemeralDir, EphemeralError};
pub use execution::Execution;
pub use gracchus_log::Fs;
pub use local::{Closed, LocalConnection};
pub use memory::{MemoryUsage, Usage};
pub use system::System;
