//! The workloads, by what they look at. Each file ends in its part of the table.

pub mod fetch_replay;
pub mod replay;
pub mod start;
