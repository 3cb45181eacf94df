//! One test binary.
mod conversation;
mod disks;
mod golden;
mod rude_clients;
mod starting;
mod tidy;
