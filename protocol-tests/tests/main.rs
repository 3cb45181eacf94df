//! One test binary.
mod conversation;
mod disks;
mod golden;
mod starting;
mod tidy;
