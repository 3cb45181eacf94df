//! The requests a coordinator takes: plain values. Facts that depend on a request's version are fields of their own, so
//! that nothing here knows version numbers.

use gracchus_base::{GroupId, LeaderEpoch, Offset, PartitionIndex, TopicId};

/// A request that changes a group or must wait for changes. Each is answered exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Join(JoinGroup),
    Sync(SyncGroup),
    Heartbeat(Heartbeat),
    Leave(LeaveGroup),
    CommitOffsets(CommitOffsets),
    /// OffsetFetch with `require_stable` (KIP-447): answered when what was in flight before it is settled. Others read
    /// with [`Coordinator::fetch_offsets`](super::Coordinator::fetch_offsets).
    FetchOffsets(FetchOffsets),
    DeleteOffsets(DeleteOffsets),
    DeleteGroups(Vec<GroupId>),
}

/// JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroup {
    pub group: GroupId,
    /// Empty for a client that has none yet.
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    /// As Kafka writes it: `/127.0.0.1`.
    pub client_host: String,
    pub session_timeout_ms: i32,
    /// -1 (version 0 has none) stands for the session timeout.
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    /// In the order of preference.
    pub protocols: Vec<Protocol>,
    pub reason: Option<String>,
    /// Version 4 and later: a dynamic member is given its id first (TRAPS 52).
    pub requires_known_member_id: bool,
    /// Version 9 and later (KIP-814).
    pub supports_skipping_assignment: bool,
}

/// A protocol that a member speaks, with its metadata, which is the client's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    pub name: String,
    pub metadata: Vec<u8>,
}

/// SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroup {
    pub group: GroupId,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub generation: i32,
    /// Checked if given (KIP-559).
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// Member id and assignment; only the leader has any.
    pub assignments: Vec<(String, Vec<u8>)>,
}

/// Heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    pub group: GroupId,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub generation: i32,
}

/// LeaveGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroup {
    pub group: GroupId,
    pub members: Vec<LeaveMember>,
}

/// One member that leaves; an empty member id with an instance id removes whoever has that instance id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub reason: Option<String>,
}

/// OffsetCommit. The handler has resolved topic ids and taken out topics that do not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffsets {
    pub group: GroupId,
    /// Empty for a consumer that does not use groups.
    pub member_id: String,
    pub group_instance_id: Option<String>,
    /// -1 for a consumer that does not use groups.
    pub generation: i32,
    /// Only versions 2 to 4 have it; -1 is `None`.
    pub retention_time_ms: Option<i64>,
    /// Version 9 and later: an unknown group is GROUP_ID_NOT_FOUND, before ILLEGAL_GENERATION.
    pub knows_group_id_not_found: bool,
    pub topics: Vec<CommitTopic>,
}

/// The offsets of one topic; `topic_id` is zero if the request named it (before version 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitTopic {
    pub name: String,
    pub topic_id: TopicId,
    pub partitions: Vec<CommitPartition>,
}

/// One offset to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPartition {
    pub partition: PartitionIndex,
    pub offset: Offset,
    pub leader_epoch: LeaderEpoch,
    pub metadata: Option<String>,
}

/// OffsetFetch of one group. Its member id and epoch (version 9) are not checked for classic groups, as in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOffsets {
    pub group: GroupId,
    /// `None` asks for all.
    pub topics: Option<Vec<FetchTopic>>,
}

/// Partitions of one topic; with a `topic_id` that is not zero, offsets of another topic of that name are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    pub name: String,
    pub topic_id: TopicId,
    pub partitions: Vec<PartitionIndex>,
}

/// OffsetDelete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOffsets {
    pub group: GroupId,
    pub topics: Vec<(String, Vec<PartitionIndex>)>,
}
