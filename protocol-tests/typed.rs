//! Requests and answers by their types, so that a test does not match on `Response`.

use gracchus_wire::messages as m;
use gracchus_wire::{Request, Response};

use crate::client::Client;

/// A request that knows the type of its answer.
pub trait Ask {
    /// What the broker answers.
    type Answer;
    /// The request as the codec takes it.
    fn request(self) -> Request;
    /// The answer, if `response` is one to this request.
    fn answer(response: Response) -> Option<Self::Answer>;
}

macro_rules! asks {
    ($($api:ident: $request:ident => $answer:ident;)*) => {$(
        impl Ask for m::$request {
            type Answer = m::$answer;
            fn request(self) -> Request {
                Request::$api(self)
            }
            fn answer(response: Response) -> Option<m::$answer> {
                match response {
                    Response::$api(answer) => Some(answer),
                    _ => None,
                }
            }
        }
    )*};
}

asks! {
    Produce: ProduceRequest => ProduceResponse;
    Fetch: FetchRequest => FetchResponse;
    ListOffsets: ListOffsetsRequest => ListOffsetsResponse;
    Metadata: MetadataRequest => MetadataResponse;
    OffsetCommit: OffsetCommitRequest => OffsetCommitResponse;
    OffsetFetch: OffsetFetchRequest => OffsetFetchResponse;
    FindCoordinator: FindCoordinatorRequest => FindCoordinatorResponse;
    JoinGroup: JoinGroupRequest => JoinGroupResponse;
    Heartbeat: HeartbeatRequest => HeartbeatResponse;
    LeaveGroup: LeaveGroupRequest => LeaveGroupResponse;
    SyncGroup: SyncGroupRequest => SyncGroupResponse;
    DescribeGroups: DescribeGroupsRequest => DescribeGroupsResponse;
    ListGroups: ListGroupsRequest => ListGroupsResponse;
    SaslHandshake: SaslHandshakeRequest => SaslHandshakeResponse;
    ApiVersions: ApiVersionsRequest => ApiVersionsResponse;
    CreateTopics: CreateTopicsRequest => CreateTopicsResponse;
    DeleteTopics: DeleteTopicsRequest => DeleteTopicsResponse;
    DeleteRecords: DeleteRecordsRequest => DeleteRecordsResponse;
    InitProducerId: InitProducerIdRequest => InitProducerIdResponse;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    DescribeAcls: DescribeAclsRequest => DescribeAclsResponse;
    CreateAcls: CreateAclsRequest => CreateAclsResponse;
    DeleteAcls: DeleteAclsRequest => DeleteAclsResponse;
    DescribeConfigs: DescribeConfigsRequest => DescribeConfigsResponse;
    AlterConfigs: AlterConfigsRequest => AlterConfigsResponse;
    DescribeLogDirs: DescribeLogDirsRequest => DescribeLogDirsResponse;
    SaslAuthenticate: SaslAuthenticateRequest => SaslAuthenticateResponse;
    CreatePartitions: CreatePartitionsRequest => CreatePartitionsResponse;
    DeleteGroups: DeleteGroupsRequest => DeleteGroupsResponse;
    ElectLeaders: ElectLeadersRequest => ElectLeadersResponse;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse;
    ListPartitionReassignments: ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse;
    OffsetDelete: OffsetDeleteRequest => OffsetDeleteResponse;
    DescribeClientQuotas: DescribeClientQuotasRequest => DescribeClientQuotasResponse;
    AlterClientQuotas: AlterClientQuotasRequest => AlterClientQuotasResponse;
    DescribeUserScramCredentials: DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse;
    AlterUserScramCredentials: AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse;
    DescribeQuorum: DescribeQuorumRequest => DescribeQuorumResponse;
    UpdateFeatures: UpdateFeaturesRequest => UpdateFeaturesResponse;
    DescribeCluster: DescribeClusterRequest => DescribeClusterResponse;
    DescribeProducers: DescribeProducersRequest => DescribeProducersResponse;
    UnregisterBroker: UnregisterBrokerRequest => UnregisterBrokerResponse;
    DescribeTransactions: DescribeTransactionsRequest => DescribeTransactionsResponse;
    ListTransactions: ListTransactionsRequest => ListTransactionsResponse;
    ListConfigResources: ListConfigResourcesRequest => ListConfigResourcesResponse;
    DescribeTopicPartitions: DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse;
}

impl Client {
    /// Sends a request and reads its answer.
    pub async fn call<R: Ask>(&mut self, version: i16, request: R) -> R::Answer {
        let response = self.ask(version, &request.request()).await;
        R::answer(response).expect("the answer to this request")
    }

    /// Reads the answer to a request that was sent before.
    pub async fn receive_answer<R: Ask>(&mut self, version: i16, request: R) -> R::Answer {
        let (_, response) = self.receive(request.request().api(), version).await;
        R::answer(response).expect("the answer to this request")
    }
}

/// A request as the bytes of a frame, without its length.
///
/// # Panics
/// When the version does not have a field that is set.
pub fn frame(version: i16, request: &Request) -> bytes::Bytes {
    let mut frame = gracchus_wire::client::encode_request(version, 7, Some("protocol-tests"), request)
        .expect("requests of a test can be encoded");
    frame.split_off(4)
}

/// A request as the bytes of a frame, to be sent together with others.
///
/// # Panics
/// When the version does not have a field that is set.
pub fn encode<R: Ask>(version: i16, request: R) -> bytes::Bytes {
    gracchus_wire::client::encode_request(version, 7, Some("protocol-tests"), &request.request())
        .expect("requests of a test can be encoded")
}
