//! Tests of whole logs, on the simulated disk and on the machine's.

mod basics;
mod cold;
mod crash;
mod damage;
mod failing_disk;
mod flushed_damage;
mod garbage;
mod kafka;
mod model;
mod support;
mod verify;
