//! One test binary.
mod bounds;
mod broker_simulation;
mod container;
mod conversation;
mod crash_points;
mod disks;
mod golden;
mod groups_over_restarts;
mod overload;
mod power_cuts;
mod rude_clients;
mod starting;
mod tidy;
mod traps;
mod unread_answers;
