//! Record batches (format v2, KIP-98): a view over bytes that are stored as they came.

pub mod header;

pub use header::{Attributes, Batch, BatchHeader, Compression, HeaderError, TimestampType};
