//! Conversations over a real socket: the lines of the conformance list, bad input, and the promises to clients.
//!
//! What is expected here is what Apache Kafka 4.3.1 answers: with `REFERENCE=host:port` the tests that need no settings
//! of their own talk to that broker instead of ours, and pass there too.

mod acls;
mod broker_configs;
mod client_quotas;
mod clock_jumps;
mod configs;
mod coordinator;
mod crashes;
mod credentials;
mod damaged_files;
mod disk_faults;
mod elections;
mod features;
mod fetch;
mod fetch_sessions;
mod frames;
mod groups;
mod hostile;
mod idempotence;
mod list_offsets;
mod members;
mod metadata;
mod no_sasl;
mod no_transactions;
mod nonsense;
mod offsets;
mod produce;
mod producers;
mod quorum;
mod reassignments;
mod retention;
mod static_members;
mod support;
mod topics;
mod unregister;
mod versions;
