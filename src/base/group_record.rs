//! The records of `__consumer_offsets` as plain structs. Their encoding, Kafka's, is in `wire`.

use crate::clock::Timestamp;
use crate::ids::{GroupId, LeaderEpoch, Offset, PartitionIndex, TopicId};

/// One record of `__consumer_offsets`; a `None` value is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRecord {
    /// Key `OffsetCommitKey`.
    Offset { group: GroupId, topic: String, partition: PartitionIndex, value: Option<OffsetCommitValue> },
    /// Key `GroupMetadataKey`.
    Group { group: GroupId, value: Option<GroupMetadataValue> },
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    pub offset: Offset,
    /// [`LeaderEpoch::NONE`] if the client gave none.
    pub leader_epoch: LeaderEpoch,
    pub metadata: String,
    pub commit_timestamp: Timestamp,
    /// When the offset expires; only old clients that sent a retention time have it.
    pub expire_timestamp: Option<Timestamp>,
    /// Zero where it is not known.
    pub topic_id: TopicId,
}

/// A classic group after a completed rebalance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    /// When the group reached its present state.
    pub current_state_timestamp: Timestamp,
    pub members: Vec<GroupMemberValue>,
}

/// One member of a classic group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMemberValue {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    pub subscription: Vec<u8>,
    pub assignment: Vec<u8>,
}
