//! Tests of the coordinator: one file per part of the protocol, and a simulation with random clients.

mod dynamic_members;
mod offsets;
mod rebalance;
mod rig;
mod static_members;
