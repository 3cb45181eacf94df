//! How decoding and encoding fail.
//!
//! Nothing here says what to answer: a frame that does not decode closes the connection, except where TRAPS 1 says
//! otherwise.

use crate::api::ApiKey;
use crate::shape::ShapeError;

/// Why bytes are no request (or, for a client, no response).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The version is not one that is accepted for this API.
    #[error("{api} version {version} is not served")]
    Version { api: ApiKey, version: i16 },
    /// A length, count or tag does not fit the bytes that are there.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The bytes have the right shape, and the decoder behind it still refuses them.
    #[error("{api} version {version}: {reason}")]
    Body { api: ApiKey, version: i16, reason: String },
}

/// Why a message cannot be encoded: a mistake in the caller, never the peer's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A value that this version cannot carry, in a field that must not be dropped silently.
    #[error("{api} version {version}: {reason}")]
    Body { api: ApiKey, version: i16, reason: String },
    /// The frame would be longer than its length field can say.
    #[error("{api} version {version}: a frame of {bytes} bytes is too long")]
    TooLong { api: ApiKey, version: i16, bytes: usize },
}
