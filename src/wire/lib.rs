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

pub mod records;
