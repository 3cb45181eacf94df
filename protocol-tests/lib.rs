//! Shared pieces of the protocol tests.
