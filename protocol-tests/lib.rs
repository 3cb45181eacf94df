//! Shared pieces of the protocol tests.

pub mod process;
