//! Responses: from a typed value to a whole frame.
//!
//! This is the only place where `kafka_protocol`'s encoders of responses are instantiated. Handlers fill every field
//! they know; what a version does not carry is cut here (`cut`). Fetch responses with records are `fetch`'s.

mod cut;

use bytes::Bytes;
use kafka_protocol::protocol::Encodable;

use crate::api::ApiKey;
use crate::error::EncodeError;
use crate::messages;
use crate::primitive::Writer;
use crate::request::LIST_OFFSETS_LAYOUT_MAX;

/// A response that can be encoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    Produce(messages::ProduceResponse),
    /// For what is not a log read: tests that play the client, and answers without records.
    Fetch(messages::FetchResponse),
    ListOffsets(messages::ListOffsetsResponse),
    Metadata(messages::MetadataResponse),
    OffsetCommit(messages::OffsetCommitResponse),
    OffsetFetch(messages::OffsetFetchResponse),
    FindCoordinator(messages::FindCoordinatorResponse),
    JoinGroup(messages::JoinGroupResponse),
    Heartbeat(messages::HeartbeatResponse),
    LeaveGroup(messages::LeaveGroupResponse),
    SyncGroup(messages::SyncGroupResponse),
    DescribeGroups(messages::DescribeGroupsResponse),
    ListGroups(messages::ListGroupsResponse),
    SaslHandshake(messages::SaslHandshakeResponse),
    ApiVersions(messages::ApiVersionsResponse),
    CreateTopics(messages::CreateTopicsResponse),
    DeleteTopics(messages::DeleteTopicsResponse),
    DeleteRecords(messages::DeleteRecordsResponse),
    InitProducerId(messages::InitProducerIdResponse),
    OffsetForLeaderEpoch(messages::OffsetForLeaderEpochResponse),
    DescribeAcls(messages::DescribeAclsResponse),
    CreateAcls(messages::CreateAclsResponse),
    DeleteAcls(messages::DeleteAclsResponse),
    DescribeConfigs(messages::DescribeConfigsResponse),
    AlterConfigs(messages::AlterConfigsResponse),
    DescribeLogDirs(messages::DescribeLogDirsResponse),
    SaslAuthenticate(messages::SaslAuthenticateResponse),
    CreatePartitions(messages::CreatePartitionsResponse),
    DeleteGroups(messages::DeleteGroupsResponse),
    ElectLeaders(messages::ElectLeadersResponse),
    IncrementalAlterConfigs(messages::IncrementalAlterConfigsResponse),
    AlterPartitionReassignments(messages::AlterPartitionReassignmentsResponse),
    ListPartitionReassignments(messages::ListPartitionReassignmentsResponse),
    OffsetDelete(messages::OffsetDeleteResponse),
    DescribeClientQuotas(messages::DescribeClientQuotasResponse),
    AlterClientQuotas(messages::AlterClientQuotasResponse),
    DescribeUserScramCredentials(messages::DescribeUserScramCredentialsResponse),
    AlterUserScramCredentials(messages::AlterUserScramCredentialsResponse),
    DescribeQuorum(messages::DescribeQuorumResponse),
    UpdateFeatures(messages::UpdateFeaturesResponse),
    DescribeCluster(messages::DescribeClusterResponse),
    DescribeProducers(messages::DescribeProducersResponse),
    UnregisterBroker(messages::UnregisterBrokerResponse),
    DescribeTransactions(messages::DescribeTransactionsResponse),
    ListTransactions(messages::ListTransactionsResponse),
    ListConfigResources(messages::ListConfigResourcesResponse),
    DescribeTopicPartitions(messages::DescribeTopicPartitionsResponse),
}

/// Encodes a response as a whole frame: length, header of the right version, body.
///
/// # Errors
/// [`EncodeError::Body`] where a field that must not be dropped is set and `version` has no place for it, or a text is
/// longer than 32767 bytes; [`EncodeError::TooLong`] for a frame of more than 2 GiB.
pub fn encode(version: i16, correlation_id: i32, response: &Response) -> Result<Bytes, EncodeError> {
    let api = response.api();
    if let Some(reason) = cut::null_too_early(version, response) {
        return Err(EncodeError::Body { api, version, reason: reason.to_owned() });
    }
    if let Some(cut) = cut::for_version(version, response) {
        encode_cut(api, version, correlation_id, &cut)
    } else {
        encode_cut(api, version, correlation_id, response)
    }
}

fn encode_cut(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &Response,
) -> Result<Bytes, EncodeError> {
    let frame = Frame { api, version, correlation_id };
    match response {
        Response::Produce(body) => frame.write(body),
        Response::Fetch(body) => frame.write(body),
        Response::ListOffsets(body) => frame.write_as(version.min(LIST_OFFSETS_LAYOUT_MAX), body),
        Response::Metadata(body) => frame.write(body),
        Response::OffsetCommit(body) => frame.write(body),
        Response::OffsetFetch(body) => frame.write(body),
        Response::FindCoordinator(body) => frame.write(body),
        Response::JoinGroup(body) => frame.write(body),
        Response::Heartbeat(body) => frame.write(body),
        Response::LeaveGroup(body) => frame.write(body),
        Response::SyncGroup(body) => frame.write(body),
        Response::DescribeGroups(body) => frame.write(body),
        Response::ListGroups(body) => frame.write(body),
        Response::SaslHandshake(body) => frame.write(body),
        Response::ApiVersions(body) => frame.write(body),
        Response::CreateTopics(body) => frame.write(body),
        Response::DeleteTopics(body) => frame.write(body),
        Response::DeleteRecords(body) => frame.write(body),
        Response::InitProducerId(body) => frame.write(body),
        Response::OffsetForLeaderEpoch(body) => frame.write(body),
        Response::DescribeAcls(body) => frame.write(body),
        Response::CreateAcls(body) => frame.write(body),
        Response::DeleteAcls(body) => frame.write(body),
        Response::DescribeConfigs(body) => frame.write(body),
        Response::AlterConfigs(body) => frame.write(body),
        Response::DescribeLogDirs(body) => {
            let mut writer = Writer::response(api, version, correlation_id, 0);
            body.encode(version, &mut writer);
            writer.frame(api, version, 0)
        }
        Response::SaslAuthenticate(body) => frame.write(body),
        Response::CreatePartitions(body) => frame.write(body),
        Response::DeleteGroups(body) => frame.write(body),
        Response::ElectLeaders(body) => frame.write(body),
        Response::IncrementalAlterConfigs(body) => frame.write(body),
        Response::AlterPartitionReassignments(body) => frame.write(body),
        Response::ListPartitionReassignments(body) => frame.write(body),
        Response::OffsetDelete(body) => frame.write(body),
        Response::DescribeClientQuotas(body) => frame.write(body),
        Response::AlterClientQuotas(body) => frame.write(body),
        Response::DescribeUserScramCredentials(body) => frame.write(body),
        Response::AlterUserScramCredentials(body) => frame.write(body),
        Response::DescribeQuorum(body) => frame.write(body),
        Response::UpdateFeatures(body) => frame.write(body),
        Response::DescribeCluster(body) => frame.write(body),
        Response::DescribeProducers(body) => frame.write(body),
        Response::UnregisterBroker(body) => frame.write(body),
        Response::DescribeTransactions(body) => frame.write(body),
        Response::ListTransactions(body) => frame.write(body),
        Response::ListConfigResources(body) => frame.write(body),
        Response::DescribeTopicPartitions(body) => frame.write(body),
    }
}

/// What stands around a body.
#[derive(Clone, Copy)]
struct Frame {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
}

impl Frame {
    fn write<T: Encodable>(self, body: &T) -> Result<Bytes, EncodeError> {
        self.write_as(self.version, body)
    }

    /// Writes with the layout of another version.
    fn write_as<T: Encodable>(self, layout: i16, body: &T) -> Result<Bytes, EncodeError> {
        let Self { api, version, correlation_id } = self;
        let error = |reason: String| EncodeError::Body { api, version, reason };
        let size = body.compute_size(layout).map_err(|e| error(e.to_string()))?;
        let mut writer = Writer::response(api, version, correlation_id, size);
        body.encode(&mut writer.out, layout).map_err(|e| error(e.to_string()))?;
        writer.frame(api, version, 0)
    }
}

impl Response {
    /// The API that the response belongs to.
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
