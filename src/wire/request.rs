//! Requests: from the bytes after a header to a typed value.
//!
//! Every body passes `shape` before a decoder sees it. This is the only place where `kafka_protocol`'s decoders of
//! requests are instantiated.

use bytes::Bytes;
use kafka_protocol::protocol::Decodable;

use crate::api::ApiKey;
use crate::error::DecodeError;
use crate::messages::{self, by_topic_id};
use crate::shape;

/// A request, decoded. Texts and records are slices of the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Produce(messages::ProduceRequest),
    Fetch(messages::FetchRequest),
    ListOffsets(messages::ListOffsetsRequest),
    Metadata(messages::MetadataRequest),
    OffsetCommit(messages::OffsetCommitRequest),
    OffsetFetch(messages::OffsetFetchRequest),
    FindCoordinator(messages::FindCoordinatorRequest),
    JoinGroup(messages::JoinGroupRequest),
    Heartbeat(messages::HeartbeatRequest),
    LeaveGroup(messages::LeaveGroupRequest),
    SyncGroup(messages::SyncGroupRequest),
    DescribeGroups(messages::DescribeGroupsRequest),
    ListGroups(messages::ListGroupsRequest),
    SaslHandshake(messages::SaslHandshakeRequest),
    ApiVersions(messages::ApiVersionsRequest),
    CreateTopics(messages::CreateTopicsRequest),
    DeleteTopics(messages::DeleteTopicsRequest),
    DeleteRecords(messages::DeleteRecordsRequest),
    InitProducerId(messages::InitProducerIdRequest),
    OffsetForLeaderEpoch(messages::OffsetForLeaderEpochRequest),
    DescribeAcls(messages::DescribeAclsRequest),
    CreateAcls(messages::CreateAclsRequest),
    DeleteAcls(messages::DeleteAclsRequest),
    DescribeConfigs(messages::DescribeConfigsRequest),
    AlterConfigs(messages::AlterConfigsRequest),
    DescribeLogDirs(messages::DescribeLogDirsRequest),
    SaslAuthenticate(messages::SaslAuthenticateRequest),
    CreatePartitions(messages::CreatePartitionsRequest),
    DeleteGroups(messages::DeleteGroupsRequest),
    ElectLeaders(messages::ElectLeadersRequest),
    IncrementalAlterConfigs(messages::IncrementalAlterConfigsRequest),
    AlterPartitionReassignments(messages::AlterPartitionReassignmentsRequest),
    ListPartitionReassignments(messages::ListPartitionReassignmentsRequest),
    OffsetDelete(messages::OffsetDeleteRequest),
    DescribeClientQuotas(messages::DescribeClientQuotasRequest),
    AlterClientQuotas(messages::AlterClientQuotasRequest),
    DescribeUserScramCredentials(messages::DescribeUserScramCredentialsRequest),
    AlterUserScramCredentials(messages::AlterUserScramCredentialsRequest),
    DescribeQuorum(messages::DescribeQuorumRequest),
    UpdateFeatures(messages::UpdateFeaturesRequest),
    DescribeCluster(messages::DescribeClusterRequest),
    DescribeProducers(messages::DescribeProducersRequest),
    UnregisterBroker(messages::UnregisterBrokerRequest),
    DescribeTransactions(messages::DescribeTransactionsRequest),
    ListTransactions(messages::ListTransactionsRequest),
    ListConfigResources(messages::ListConfigResourcesRequest),
    DescribeTopicPartitions(messages::DescribeTopicPartitionsRequest),
}

/// Decodes the body of a request: what [`crate::frame::parse_header`] left of the frame. Bytes after the body are
/// ignored, as Kafka does.
///
/// Memory: at most 40 bytes per byte of input, and see [`shape::Measure::memory_estimate`].
///
/// # Errors
/// [`DecodeError::Version`] for a version that is not accepted (of ApiVersions: see TRAPS 1 and
/// [`crate::api_versions`]), [`DecodeError::Shape`] where lengths lie or a text is not UTF-8. Kafka closes the
/// connection on both.
pub fn decode(api: ApiKey, version: i16, body: Bytes) -> Result<Request, DecodeError> {
    if !api.accepts(version) {
        return Err(DecodeError::Version { api, version });
    }
    let measure = shape::check(api, version, &body)?;
    let body =
        if measure.unknown_tags == 0 { body } else { shape::without_unknown_tags(api, version, &body)? };
    decode_checked(api, version, body)
}

pub(crate) fn decode_checked(api: ApiKey, version: i16, body: Bytes) -> Result<Request, DecodeError> {
    let mut body = Body { api, version, bytes: body };
    Ok(match api {
        ApiKey::Produce => Request::Produce(body.read()?),
        ApiKey::Fetch => Request::Fetch(body.read()?),
        ApiKey::ListOffsets => Request::ListOffsets(body.read_as(version.min(LIST_OFFSETS_LAYOUT_MAX))?),
        ApiKey::Metadata => Request::Metadata(body.read()?),
        ApiKey::OffsetCommit => Request::OffsetCommit(body.offset_commit()?),
        ApiKey::OffsetFetch => Request::OffsetFetch(body.offset_fetch()?),
        ApiKey::FindCoordinator => Request::FindCoordinator(body.read()?),
        ApiKey::JoinGroup => Request::JoinGroup(body.read()?),
        ApiKey::Heartbeat => Request::Heartbeat(body.read()?),
        ApiKey::LeaveGroup => Request::LeaveGroup(body.read()?),
        ApiKey::SyncGroup => Request::SyncGroup(body.read()?),
        ApiKey::DescribeGroups => Request::DescribeGroups(body.read()?),
        ApiKey::ListGroups => Request::ListGroups(body.read()?),
        ApiKey::SaslHandshake => Request::SaslHandshake(body.read()?),
        ApiKey::ApiVersions => Request::ApiVersions(body.read()?),
        ApiKey::CreateTopics => Request::CreateTopics(body.read()?),
        ApiKey::DeleteTopics => Request::DeleteTopics(body.read()?),
        ApiKey::DeleteRecords => Request::DeleteRecords(body.read()?),
        ApiKey::InitProducerId => Request::InitProducerId(body.read()?),
        ApiKey::OffsetForLeaderEpoch => Request::OffsetForLeaderEpoch(body.read()?),
        ApiKey::DescribeAcls => Request::DescribeAcls(body.read()?),
        ApiKey::CreateAcls => Request::CreateAcls(body.read()?),
        ApiKey::DeleteAcls => Request::DeleteAcls(body.read()?),
        ApiKey::DescribeConfigs => Request::DescribeConfigs(body.read()?),
        ApiKey::AlterConfigs => Request::AlterConfigs(body.read()?),
        ApiKey::DescribeLogDirs => Request::DescribeLogDirs(body.read_as(version.min(LOG_DIRS_LAYOUT_MAX))?),
        ApiKey::SaslAuthenticate => Request::SaslAuthenticate(body.read()?),
        ApiKey::CreatePartitions => Request::CreatePartitions(body.read()?),
        ApiKey::DeleteGroups => Request::DeleteGroups(body.read()?),
        ApiKey::ElectLeaders => Request::ElectLeaders(body.read()?),
        ApiKey::IncrementalAlterConfigs => Request::IncrementalAlterConfigs(body.read()?),
        ApiKey::AlterPartitionReassignments => Request::AlterPartitionReassignments(body.read()?),
        ApiKey::ListPartitionReassignments => Request::ListPartitionReassignments(body.read()?),
        ApiKey::OffsetDelete => Request::OffsetDelete(body.read()?),
        ApiKey::DescribeClientQuotas => Request::DescribeClientQuotas(body.read()?),
        ApiKey::AlterClientQuotas => Request::AlterClientQuotas(body.read()?),
        ApiKey::DescribeUserScramCredentials => Request::DescribeUserScramCredentials(body.read()?),
        ApiKey::AlterUserScramCredentials => Request::AlterUserScramCredentials(body.read()?),
        ApiKey::DescribeQuorum => Request::DescribeQuorum(body.read()?),
        ApiKey::UpdateFeatures => Request::UpdateFeatures(body.read()?),
        ApiKey::DescribeCluster => Request::DescribeCluster(body.read()?),
        ApiKey::DescribeProducers => Request::DescribeProducers(body.read()?),
        ApiKey::UnregisterBroker => Request::UnregisterBroker(body.read()?),
        ApiKey::DescribeTransactions => Request::DescribeTransactions(body.read()?),
        ApiKey::ListTransactions => Request::ListTransactions(body.read()?),
        ApiKey::ListConfigResources => Request::ListConfigResources(body.read()?),
        ApiKey::DescribeTopicPartitions => Request::DescribeTopicPartitions(body.read()?),
    })
}

/// Version 11 of ListOffsets has the bytes of version 10 and one more special timestamp (KIP-1023).
pub(crate) const LIST_OFFSETS_LAYOUT_MAX: i16 = 10;

/// Version 5 of the DescribeLogDirs request has the bytes of version 4; the response has a field more.
pub(crate) const LOG_DIRS_LAYOUT_MAX: i16 = 4;

/// A body whose shape was checked.
struct Body {
    api: ApiKey,
    version: i16,
    bytes: Bytes,
}

impl Body {
    fn read<T: Decodable>(&mut self) -> Result<T, DecodeError> {
        self.read_as(self.version)
    }

    /// Reads with the layout of another version.
    fn read_as<T: Decodable>(&mut self, version: i16) -> Result<T, DecodeError> {
        T::decode(&mut self.bytes, version).map_err(|error| self.error(error.to_string()))
    }

    fn offset_commit(&mut self) -> Result<messages::OffsetCommitRequest, DecodeError> {
        if self.version < by_topic_id::VERSION {
            return self.read();
        }
        by_topic_id::offset_commit(&mut self.bytes).map_err(|error| self.error(error.to_string()))
    }

    fn offset_fetch(&mut self) -> Result<messages::OffsetFetchRequest, DecodeError> {
        if self.version < by_topic_id::VERSION {
            return self.read();
        }
        by_topic_id::offset_fetch(&mut self.bytes).map_err(|error| self.error(error.to_string()))
    }

    const fn error(&self, reason: String) -> DecodeError {
        DecodeError::Body { api: self.api, version: self.version, reason }
    }
}

impl Request {
    /// The API that the request belongs to.
    pub const fn api(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::SaslHandshake(_) => ApiKey::SaslHandshake,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::DescribeAcls(_) => ApiKey::DescribeAcls,
            Self::CreateAcls(_) => ApiKey::CreateAcls,
            Self::DeleteAcls(_) => ApiKey::DeleteAcls,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::SaslAuthenticate(_) => ApiKey::SaslAuthenticate,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
            Self::AlterUserScramCredentials(_) => ApiKey::AlterUserScramCredentials,
            Self::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            Self::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::UnregisterBroker(_) => ApiKey::UnregisterBroker,
            Self::DescribeTransactions(_) => ApiKey::DescribeTransactions,
            Self::ListTransactions(_) => ApiKey::ListTransactions,
            Self::ListConfigResources(_) => ApiKey::ListConfigResources,
            Self::DescribeTopicPartitions(_) => ApiKey::DescribeTopicPartitions,
        }
    }
}
