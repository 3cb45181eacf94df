//! One test binary.
mod conversation;
mod disks;
mod golden;
mod groups_over_restarts;
mod overload;
mod rude_clients;
mod starting;
mod tidy;
