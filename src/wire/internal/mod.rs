//! The records of Kafka's internal topics, as bytes: what tools and other brokers read there must be Kafka's own formats
//! (TRAPS 71). The structs are in `base`.
//!
//! What must not be here: batches (see `records`), and what the records mean.

mod fields;
pub mod group;
pub mod kraft_control;
pub mod metadata;

pub use fields::FieldError;
