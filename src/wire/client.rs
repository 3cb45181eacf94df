//! The client's side, for tests: encode requests, decode responses. Behind the feature `client`.
//!
//! Responses are trusted here; a broker never decodes one.

use bytes::{BufMut, Bytes};
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::api::ApiKey;
use crate::error::{DecodeError, EncodeError};
use crate::messages::{DescribeLogDirsResponse, by_topic_id};
use crate::primitive::{Reader, Writer};
use crate::request::{LIST_OFFSETS_LAYOUT_MAX, LOG_DIRS_LAYOUT_MAX, Request};
use crate::response::Response;

/// Encodes a request as a whole frame: length, header, body.
///
/// # Errors
/// [`EncodeError::Body`] where a field is set that `version` does not have.
pub fn encode_request(
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &Request,
) -> Result<Bytes, EncodeError> {
    let api = request.api();
    let mut writer = Writer::new(false, 256);
    writer.out.put_i32(0);
    writer.out.put_i16(api.code());
    writer.out.put_i16(version);
    writer.out.put_i32(correlation_id);
    writer.text(client_id);
    if api.request_header_version(version) >= 2 {
        writer.out.put_u8(0);
    }
    writer.out.extend_from_slice(&encode_request_body(version, request)?);
    writer.frame(api, version, 0)
}

/// Encodes the body of a request alone.
///
/// # Errors
/// As [`encode_request`].
pub fn encode_request_body(version: i16, request: &Request) -> Result<Bytes, EncodeError> {
    let api = request.api();
    let mut writer = Writer::new(api.is_flexible(version), 256);
    let result = match request {
        Request::OffsetCommit(body) if version >= by_topic_id::VERSION => {
            by_topic_id::client::offset_commit(body, &mut writer);
            Ok(())
        }
        Request::OffsetFetch(body) if version >= by_topic_id::VERSION => {
            by_topic_id::client::offset_fetch(body, &mut writer);
            Ok(())
        }
        Request::ListOffsets(body) => body.encode(&mut writer.out, version.min(LIST_OFFSETS_LAYOUT_MAX)),
        Request::DescribeLogDirs(body) => body.encode(&mut writer.out, version.min(LOG_DIRS_LAYOUT_MAX)),
        Request::Produce(body) => body.encode(&mut writer.out, version),
        Request::Fetch(body) => body.encode(&mut writer.out, version),
        Request::Metadata(body) => body.encode(&mut writer.out, version),
        Request::OffsetCommit(body) => body.encode(&mut writer.out, version),
        Request::OffsetFetch(body) => body.encode(&mut writer.out, version),
        Request::FindCoordinator(body) => body.encode(&mut writer.out, version),
        Request::JoinGroup(body) => body.encode(&mut writer.out, version),
        Request::Heartbeat(body) => body.encode(&mut writer.out, version),
        Request::LeaveGroup(body) => body.encode(&mut writer.out, version),
        Request::SyncGroup(body) => body.encode(&mut writer.out, version),
        Request::DescribeGroups(body) => body.encode(&mut writer.out, version),
        Request::ListGroups(body) => body.encode(&mut writer.out, version),
        Request::SaslHandshake(body) => body.encode(&mut writer.out, version),
        Request::ApiVersions(body) => body.encode(&mut writer.out, version),
        Request::CreateTopics(body) => body.encode(&mut writer.out, version),
        Request::DeleteTopics(body) => body.encode(&mut writer.out, version),
        Request::DeleteRecords(body) => body.encode(&mut writer.out, version),
        Request::InitProducerId(body) => body.encode(&mut writer.out, version),
        Request::OffsetForLeaderEpoch(body) => body.encode(&mut writer.out, version),
        Request::DescribeAcls(body) => body.encode(&mut writer.out, version),
        Request::CreateAcls(body) => body.encode(&mut writer.out, version),
        Request::DeleteAcls(body) => body.encode(&mut writer.out, version),
        Request::DescribeConfigs(body) => body.encode(&mut writer.out, version),
        Request::AlterConfigs(body) => body.encode(&mut writer.out, version),
        Request::SaslAuthenticate(body) => body.encode(&mut writer.out, version),
        Request::CreatePartitions(body) => body.encode(&mut writer.out, version),
        Request::DeleteGroups(body) => body.encode(&mut writer.out, version),
        Request::ElectLeaders(body) => body.encode(&mut writer.out, version),
        Request::IncrementalAlterConfigs(body) => body.encode(&mut writer.out, version),
        Request::AlterPartitionReassignments(body) => body.encode(&mut writer.out, version),
        Request::ListPartitionReassignments(body) => body.encode(&mut writer.out, version),
        Request::OffsetDelete(body) => body.encode(&mut writer.out, version),
        Request::DescribeClientQuotas(body) => body.encode(&mut writer.out, version),
        Request::AlterClientQuotas(body) => body.encode(&mut writer.out, version),
        Request::DescribeUserScramCredentials(body) => body.encode(&mut writer.out, version),
        Request::AlterUserScramCredentials(body) => body.encode(&mut writer.out, version),
        Request::DescribeQuorum(body) => body.encode(&mut writer.out, version),
        Request::UpdateFeatures(body) => body.encode(&mut writer.out, version),
        Request::DescribeCluster(body) => body.encode(&mut writer.out, version),
        Request::DescribeProducers(body) => body.encode(&mut writer.out, version),
        Request::UnregisterBroker(body) => body.encode(&mut writer.out, version),
        Request::DescribeTransactions(body) => body.encode(&mut writer.out, version),
        Request::ListTransactions(body) => body.encode(&mut writer.out, version),
        Request::ListConfigResources(body) => body.encode(&mut writer.out, version),
        Request::DescribeTopicPartitions(body) => body.encode(&mut writer.out, version),
    };
    result.map_err(|error| EncodeError::Body { api, version, reason: error.to_string() })?;
    Ok(writer.out.freeze())
}

/// Decodes a response: header and body, without the frame's length. Gives the correlation id and the body.
///
/// # Errors
/// [`DecodeError::Body`] if the bytes are not what the API and version say, or more than that.
pub fn decode_response(api: ApiKey, version: i16, frame: Bytes) -> Result<(i32, Response), DecodeError> {
    let error = |reason: String| DecodeError::Body { api, version, reason };
    let mut rest = frame;
    let mut header = Reader::new(&mut rest, api.response_header_version(version) >= 1);
    let correlation_id = header.int32().map_err(|e| error(e.to_string()))?;
    header.skip_tags().map_err(|e| error(e.to_string()))?;
    let response = decode_body(api, version, &mut rest).map_err(error)?;
    if !rest.is_empty() {
        return Err(error(format!("{} bytes after the body", rest.len())));
    }
    Ok((correlation_id, response))
}

fn decode_body(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Response, String> {
    Ok(match api {
        ApiKey::Produce => Response::Produce(read(body, version)?),
        ApiKey::Fetch => Response::Fetch(read(body, version)?),
        ApiKey::ListOffsets => Response::ListOffsets(read(body, version.min(LIST_OFFSETS_LAYOUT_MAX))?),
        ApiKey::Metadata => Response::Metadata(read(body, version)?),
        ApiKey::OffsetCommit => Response::OffsetCommit(read(body, version)?),
        ApiKey::OffsetFetch => Response::OffsetFetch(read(body, version)?),
        ApiKey::FindCoordinator => Response::FindCoordinator(read(body, version)?),
        ApiKey::JoinGroup => Response::JoinGroup(read(body, version)?),
        ApiKey::Heartbeat => Response::Heartbeat(read(body, version)?),
        ApiKey::LeaveGroup => Response::LeaveGroup(read(body, version)?),
        ApiKey::SyncGroup => Response::SyncGroup(read(body, version)?),
        ApiKey::DescribeGroups => Response::DescribeGroups(read(body, version)?),
        ApiKey::ListGroups => Response::ListGroups(read(body, version)?),
        ApiKey::SaslHandshake => Response::SaslHandshake(read(body, version)?),
        ApiKey::ApiVersions => Response::ApiVersions(read(body, version)?),
        ApiKey::CreateTopics => Response::CreateTopics(read(body, version)?),
        ApiKey::DeleteTopics => Response::DeleteTopics(read(body, version)?),
        ApiKey::DeleteRecords => Response::DeleteRecords(read(body, version)?),
        ApiKey::InitProducerId => Response::InitProducerId(read(body, version)?),
        ApiKey::OffsetForLeaderEpoch => Response::OffsetForLeaderEpoch(read(body, version)?),
        ApiKey::DescribeAcls => Response::DescribeAcls(read(body, version)?),
        ApiKey::CreateAcls => Response::CreateAcls(read(body, version)?),
        ApiKey::DeleteAcls => Response::DeleteAcls(read(body, version)?),
        ApiKey::DescribeConfigs => Response::DescribeConfigs(read(body, version)?),
        ApiKey::AlterConfigs => Response::AlterConfigs(read(body, version)?),
        ApiKey::DescribeLogDirs => Response::DescribeLogDirs(
            DescribeLogDirsResponse::decode(body, version).map_err(|e| e.to_string())?,
        ),
        ApiKey::SaslAuthenticate => Response::SaslAuthenticate(read(body, version)?),
        ApiKey::CreatePartitions => Response::CreatePartitions(read(body, version)?),
        ApiKey::DeleteGroups => Response::DeleteGroups(read(body, version)?),
        ApiKey::ElectLeaders => Response::ElectLeaders(read(body, version)?),
        ApiKey::IncrementalAlterConfigs => Response::IncrementalAlterConfigs(read(body, version)?),
        ApiKey::AlterPartitionReassignments => Response::AlterPartitionReassignments(read(body, version)?),
        ApiKey::ListPartitionReassignments => Response::ListPartitionReassignments(read(body, version)?),
        ApiKey::OffsetDelete => Response::OffsetDelete(read(body, version)?),
        ApiKey::DescribeClientQuotas => Response::DescribeClientQuotas(read(body, version)?),
        ApiKey::AlterClientQuotas => Response::AlterClientQuotas(read(body, version)?),
        ApiKey::DescribeUserScramCredentials => Response::DescribeUserScramCredentials(read(body, version)?),
        ApiKey::AlterUserScramCredentials => Response::AlterUserScramCredentials(read(body, version)?),
        ApiKey::DescribeQuorum => Response::DescribeQuorum(read(body, version)?),
        ApiKey::UpdateFeatures => Response::UpdateFeatures(read(body, version)?),
        ApiKey::DescribeCluster => Response::DescribeCluster(read(body, version)?),
        ApiKey::DescribeProducers => Response::DescribeProducers(read(body, version)?),
        ApiKey::UnregisterBroker => Response::UnregisterBroker(read(body, version)?),
        ApiKey::DescribeTransactions => Response::DescribeTransactions(read(body, version)?),
        ApiKey::ListTransactions => Response::ListTransactions(read(body, version)?),
        ApiKey::ListConfigResources => Response::ListConfigResources(read(body, version)?),
        ApiKey::DescribeTopicPartitions => Response::DescribeTopicPartitions(read(body, version)?),
    })
}

fn read<T: Decodable>(body: &mut Bytes, version: i16) -> Result<T, String> {
    T::decode(body, version).map_err(|error| error.to_string())
}
