//! Pure state machines: they take events with the time as a value and answer what to do. Drivers in `broker` perform it.
//!
//! What must not be here: sockets, files, clocks, tasks, locks, logging, wire structs.

pub mod config;
pub mod controller;
pub mod fetch_session;
pub mod group;
pub mod image;
pub mod partition;
pub mod producer;
