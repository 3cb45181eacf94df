//! Record batches (format v2, KIP-98): a view over bytes that are stored as they came.
//!
//! `validate` is the way of what clients send, `build` and `read` are for what we write ourselves. What must not be here:
//! files, requests, and the decision what to do with a batch.

pub mod build;
pub mod compress;
#[cfg(test)]
mod golden;
pub mod header;
pub mod read;
mod record;
pub mod time_lookup;
pub mod validate;
mod varint;
pub mod walk;

pub use build::{BatchBuilder, BatchOptions, BatchProducer, BuildError};
pub use header::{Attributes, Batch, BatchHeader, Compression, HeaderError, TimestampType, crc_matches};
pub use read::{ReadError, Record, RecordHeader, RecordHeaders, Records, records, records_of};
pub use record::MalformedRecord;
pub use validate::{RecordError, Refused, Rules, Validated, validate};
pub(crate) use varint::put_unsigned;
