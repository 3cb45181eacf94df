//! One test binary.
mod golden;
