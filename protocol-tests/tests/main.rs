//! One test binary.
mod golden;
mod starting;
mod tidy;
