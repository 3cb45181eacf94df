//! Bytes in, typed values out: frames, the table of APIs, requests and responses, record batches, compression, and the
//! record formats of the internal topics. The only crate that names `kafka_protocol`.
//!
//! What must not be here: sockets, files, time, decisions. Whatever bytes arrive, the functions here return an error;
//! they do not panic and do not reserve more memory than a small multiple of the input.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod api;
pub mod api_versions;
#[cfg(any(test, feature = "client"))]
pub mod client;
pub mod error;
pub mod fetch;
pub mod frame;
pub mod internal;
pub mod messages;
mod primitive;
pub mod records;
pub mod request;
pub mod response;
pub mod shape;

pub use api::ApiKey;
pub use error::{DecodeError, EncodeError};
pub use messages::StrBytes;
pub use request::Request;
pub use response::Response;

/// Tests hold what decoding takes against the size of its input.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: counting_allocator::Counting = counting_allocator::Counting;
