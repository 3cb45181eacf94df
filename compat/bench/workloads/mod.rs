//! The workloads, by what they look at. Each file ends in its part of the table.

pub mod client_consume;
pub mod client_produce;
pub mod end_to_end;
pub mod start;
