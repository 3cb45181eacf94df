//! The records of Kafka's internal topics, as bytes: what tools and other brokers read there must be Kafka's own formats
//! (TRAPS 71). The structs are in `base`.
//!
//! What must not be here: batches (see `records`), and what the records mean.

mod fields;
pub mod group;
pub mod kraft_control;
pub mod metadata;

pub use fields::{FieldError, TextTooLong};

/// Tests only: bytes out of hexadecimal digits.
#[cfg(test)]
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digit = |b: u8| (b as char).to_digit(16).expect("a hexadecimal digit") as u8;
    digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
