//! The workloads, by what they look at. Each file ends in its part of the table.

pub mod groups;
pub mod idle_connections;
pub mod long_polls;
pub mod partitions;
pub mod start;
