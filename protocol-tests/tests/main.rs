//! One test binary.
mod disks;
mod golden;
mod starting;
mod tidy;
