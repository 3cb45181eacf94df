//! The words every other crate shares: identifiers as newtypes, Kafka's error codes, the clock and entropy handles,
//! every limit, and the plain structs of metadata and internal-topic records.
//!
//! What must not be here: I/O, protocol encoding, decisions. This crate knows no other crate of the workspace.

pub mod clock;
pub mod entropy;
pub mod error_code;
pub mod group_record;
pub mod ids;
pub mod limits;
pub mod metadata_record;
pub mod producer;
pub mod topic_name;

pub use clock::{Clock, Monotonic, TimeSource, Timestamp};
pub use entropy::Entropy;
pub use error_code::ErrorCode;
pub use ids::{
    BrokerId, GroupId, LeaderEpoch, Offset, PartitionIndex, ProducerEpoch, ProducerId, Sequence, TopicId,
    TopicPartition,
};
pub use topic_name::{TopicName, TopicNameError};
