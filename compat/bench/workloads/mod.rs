//! The workloads, by what they look at. Each file ends in its part of the table.

pub mod client_consume;
pub mod client_produce;
pub mod end_to_end;
pub mod fetch_replay;
pub mod groups;
pub mod growth;
pub mod idle_connections;
pub mod long_polls;
pub mod partitions;
pub mod replay;
pub mod replayed_topic;
pub mod slow_consumer;
pub mod soak;
pub mod start;
pub mod trickle;
