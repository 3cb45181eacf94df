//! The answers to requests.

use gracchus_base::{ErrorCode, GroupId, LeaderEpoch, Offset, PartitionIndex, TopicId};

/// The answer to the [`Request`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Join(JoinReply),
    Sync(SyncReply),
    Heartbeat(ErrorCode),
    Leave(LeaveReply),
    CommitOffsets(Vec<TopicResult>),
    /// An error is the group's.
    FetchOffsets(Result<Vec<FetchedTopic>, ErrorCode>),
    DeleteOffsets(DeleteOffsetsReply),
    DeleteGroups(Vec<(GroupId, ErrorCode)>),
}

/// The answer to JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinReply {
    pub error: ErrorCode,
    /// -1 with an error.
    pub generation: i32,
    /// `None` is null on the wire from version 7, empty before (KIP-559).
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// Empty with an error.
    pub leader: String,
    pub skip_assignment: bool,
    pub member_id: String,
    /// All members for the leader, none for the others.
    pub members: Vec<JoinMember>,
}

impl JoinReply {
    /// An answer that carries only an error and a member id.
    pub(super) fn failed(error: ErrorCode, member_id: &str) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: None,
            protocol_name: None,
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members: Vec::new(),
        }
    }
}

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub metadata: Vec<u8>,
}

/// The answer to SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReply {
    pub error: ErrorCode,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignment: Vec<u8>,
}

impl SyncReply {
    pub(super) fn failed(error: ErrorCode) -> Self {
        Self { error, protocol_type: None, protocol_name: None, assignment: Vec::new() }
    }
}

/// The answer to LeaveGroup; below version 3 the first member's error is the answer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveReply {
    pub error: ErrorCode,
    pub members: Vec<LeaveResult>,
}

/// What became of one member of LeaveGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveResult {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub error: ErrorCode,
}

/// What became of the partitions of one topic, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicResult {
    pub name: String,
    pub topic_id: TopicId,
    pub partitions: Vec<(PartitionIndex, ErrorCode)>,
}

/// The offsets of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedTopic {
    pub name: String,
    /// That of the request; zero where all were asked for.
    pub topic_id: TopicId,
    pub partitions: Vec<FetchedOffset>,
}

/// A committed offset, or -1, -1 and an empty text if there is none (TRAPS 59).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    pub partition: PartitionIndex,
    pub offset: Offset,
    pub leader_epoch: LeaderEpoch,
    pub metadata: String,
    pub error: ErrorCode,
}

/// The answer to OffsetDelete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOffsetsReply {
    pub error: ErrorCode,
    pub topics: Vec<TopicResult>,
}

impl Reply {
    /// The same answer after the append that it stood for failed: every part that was to succeed carries `error`.
    pub(super) fn failed(self, error: ErrorCode) -> Self {
        match self {
            Self::Join(reply) => Self::Join(JoinReply::failed(error, &reply.member_id)),
            Self::Sync(_) => Self::Sync(SyncReply::failed(error)),
            Self::Heartbeat(_) => Self::Heartbeat(error),
            Self::Leave(_) => Self::Leave(LeaveReply { error, members: Vec::new() }),
            Self::CommitOffsets(mut topics) => {
                for (_, slot) in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                    *slot = error;
                }
                Self::CommitOffsets(topics)
            }
            Self::FetchOffsets(_) => Self::FetchOffsets(Err(error)),
            Self::DeleteOffsets(_) => Self::DeleteOffsets(DeleteOffsetsReply { error, topics: Vec::new() }),
            Self::DeleteGroups(mut groups) => {
                for (_, slot) in &mut groups {
                    *slot = error;
                }
                Self::DeleteGroups(groups)
            }
        }
    }
}

/// What a failed append is called in the answers of the group APIs: its own error says nothing to a consumer.
pub(super) const fn append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::NotEnoughReplicas | ErrorCode::RequestTimedOut => {
            ErrorCode::CoordinatorNotAvailable
        }
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidFetchSize => {
            ErrorCode::UnknownServerError
        }
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        other => other,
    }
}
