//! The records of `__cluster_metadata`.
//!
//! A record's value: frame version (unsigned varint, 1), record type, record version (unsigned varints), then the fields
//! in the compact form. The key is null. Every version up to the newest of Kafka 4.3 is read; written are the versions
//! that 4.3 writes. Fields that `base` has no place for are passed over, and written with their defaults.

mod read;
#[cfg(test)]
mod tests;
mod write;

use gracchus_base::TopicNameError;
use gracchus_base::metadata_record::MetadataRecord;

use super::fields::{FieldError, Fields};
use crate::records::put_unsigned;

/// The only frame version there is.
const FRAME_VERSION: u32 = 1;

/// The record types, as Kafka numbers them.
mod record_type {
    pub(super) const REGISTER_BROKER: u32 = 0;
    pub(super) const TOPIC: u32 = 2;
    pub(super) const PARTITION: u32 = 3;
    pub(super) const CONFIG: u32 = 4;
    pub(super) const PARTITION_CHANGE: u32 = 5;
    pub(super) const REMOVE_TOPIC: u32 = 9;
    pub(super) const USER_SCRAM_CREDENTIAL: u32 = 11;
    pub(super) const FEATURE_LEVEL: u32 = 12;
    pub(super) const CLIENT_QUOTA: u32 = 14;
    pub(super) const PRODUCER_IDS: u32 = 15;
    pub(super) const BROKER_REGISTRATION_CHANGE: u32 = 17;
    pub(super) const NO_OP: u32 = 20;
    pub(super) const REMOVE_USER_SCRAM_CREDENTIAL: u32 = 22;
    pub(super) const BEGIN_TRANSACTION: u32 = 23;
    pub(super) const END_TRANSACTION: u32 = 24;
    pub(super) const ABORT_TRANSACTION: u32 = 25;
}

/// Why bytes are no metadata record that we know. None of these may be passed over: what follows would be applied to an
/// image that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataRecordError {
    #[error("frame version {0}")]
    FrameVersion(u32),
    #[error("record type {0} is not known")]
    Type(u32),
    #[error("version {version} of record type {record_type}")]
    Version { record_type: u32, version: u32 },
    #[error("record type {record_type}: {source}")]
    Field { record_type: u32, source: FieldError },
    #[error("the record's frame: {0}")]
    Frame(FieldError),
    #[error(transparent)]
    TopicName(#[from] TopicNameError),
    #[error("a credential of the unknown SCRAM mechanism {0}")]
    Mechanism(i8),
    #[error("settings of resource {name:?} of type {resource_type}")]
    Resource { resource_type: i8, name: String },
}

impl MetadataRecordError {
    /// Whether the record may be right, but is of a kind that came after this version; otherwise its bytes are wrong.
    pub const fn is_unknown_kind(&self) -> bool {
        match self {
            Self::FrameVersion(_) | Self::Type(_) | Self::Version { .. } | Self::Mechanism(_) => true,
            Self::Resource { resource_type, .. } => *resource_type != read::RESOURCE_BROKER,
            Self::Field { .. } | Self::Frame(_) | Self::TopicName(_) => false,
        }
    }
}

/// Reads a record's value.
///
/// # Errors
/// See [`MetadataRecordError`].
pub fn decode(value: &[u8]) -> Result<MetadataRecord, MetadataRecordError> {
    let mut fields = Fields::new(value);
    let frame = MetadataRecordError::Frame;
    let frame_version = fields.unsigned().map_err(frame)?;
    if frame_version != FRAME_VERSION {
        return Err(MetadataRecordError::FrameVersion(frame_version));
    }
    let record_type = fields.unsigned().map_err(frame)?;
    let version = fields.unsigned().map_err(frame)?;
    read::record(fields, record_type, version)
}

/// A record's value.
pub fn encode(record: &MetadataRecord) -> Vec<u8> {
    let mut out = Vec::new();
    let (record_type, version) = write::type_and_version(record);
    for number in [FRAME_VERSION, record_type, version] {
        put_unsigned(&mut out, number.into());
    }
    write::fields(&mut out, record);
    out
}
