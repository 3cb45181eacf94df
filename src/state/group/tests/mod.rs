//! Tests of the coordinator: one file per part of the protocol, and a simulation with random clients.

mod deletion;
mod dynamic_members;
mod limits;
mod loading;
mod offsets;
mod reads;
mod rebalance;
mod rig;
mod simulation;
mod static_members;
