//! The structs of requests and responses.
//!
//! Most are `kafka_protocol`'s, re-exported so that nobody else names that crate; where it lags Kafka 4.3 they are our
//! own (`log_dirs`, `by_topic_id`). Their texts and bytes are slices of the frame they were decoded from: who keeps one
//! for long copies it, or the whole frame stays in memory.

pub(crate) mod by_topic_id;
pub mod log_dirs;
pub mod offset_fetch;

pub use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, AlterConfigsRequest, AlterConfigsResponse,
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, ApiVersionsRequest,
    ApiVersionsResponse, CreateAclsRequest, CreateAclsResponse, CreatePartitionsRequest,
    CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteAclsRequest,
    DeleteAclsResponse, DeleteGroupsRequest, DeleteGroupsResponse, DeleteRecordsRequest,
    DeleteRecordsResponse, DeleteTopicsRequest, DeleteTopicsResponse, DescribeAclsRequest,
    DescribeAclsResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse, DescribeClusterRequest,
    DescribeClusterResponse, DescribeConfigsRequest, DescribeConfigsResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, DescribeLogDirsRequest, DescribeProducersRequest, DescribeProducersResponse,
    DescribeQuorumRequest, DescribeQuorumResponse, DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, ElectLeadersRequest,
    ElectLeadersResponse, FetchRequest, FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse,
    HeartbeatRequest, HeartbeatResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    InitProducerIdRequest, InitProducerIdResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, ListConfigResourcesRequest, ListConfigResourcesResponse, ListGroupsRequest,
    ListGroupsResponse, ListOffsetsRequest, ListOffsetsResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse, ListTransactionsRequest, ListTransactionsResponse, MetadataRequest,
    MetadataResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    OffsetFetchRequest, OffsetFetchResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    ProduceRequest, ProduceResponse, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse, SyncGroupRequest, SyncGroupResponse, UnregisterBrokerRequest,
    UnregisterBrokerResponse, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
/// The wire's own newtypes; `base` has the ones that handlers think in.
pub use kafka_protocol::messages::{BrokerId, GroupId, ProducerId, TopicName, TransactionalId};
/// The modules hold the structs inside the messages; several have the same name in different messages.
pub use kafka_protocol::messages::{
    alter_client_quotas_request, alter_client_quotas_response, alter_configs_request, alter_configs_response,
    alter_partition_reassignments_request, alter_partition_reassignments_response,
    alter_user_scram_credentials_request, alter_user_scram_credentials_response, api_versions_request,
    api_versions_response, create_acls_request, create_acls_response, create_partitions_request,
    create_partitions_response, create_topics_request, create_topics_response, delete_acls_request,
    delete_acls_response, delete_groups_response, delete_records_request, delete_records_response,
    delete_topics_request, delete_topics_response, describe_acls_request, describe_acls_response,
    describe_client_quotas_request, describe_client_quotas_response, describe_cluster_response,
    describe_configs_request, describe_configs_response, describe_groups_response, describe_log_dirs_request,
    describe_producers_request, describe_producers_response, describe_quorum_request,
    describe_quorum_response, describe_topic_partitions_request, describe_topic_partitions_response,
    describe_transactions_request, describe_transactions_response, describe_user_scram_credentials_request,
    describe_user_scram_credentials_response, elect_leaders_request, elect_leaders_response, fetch_request,
    fetch_response, find_coordinator_response, incremental_alter_configs_request,
    incremental_alter_configs_response, join_group_request, join_group_response, leave_group_request,
    leave_group_response, list_config_resources_response, list_groups_response, list_offsets_request,
    list_offsets_response, list_partition_reassignments_request, list_partition_reassignments_response,
    list_transactions_request, list_transactions_response, metadata_request, metadata_response,
    offset_commit_request, offset_commit_response, offset_delete_request, offset_delete_response,
    offset_fetch_request, offset_fetch_response, offset_for_leader_epoch_request,
    offset_for_leader_epoch_response, produce_request, produce_response, sync_group_request,
    update_features_request, update_features_response,
};
pub use kafka_protocol::protocol::StrBytes;
pub use log_dirs::DescribeLogDirsResponse;
pub use uuid::Uuid;

/// The wire's form of a topic's name. Copies it.
pub fn topic_name(name: &gracchus_base::TopicName) -> TopicName {
    TopicName(StrBytes::from_string(name.as_str().to_owned()))
}

/// The wire's form of a group's name. Copies it.
pub fn group_id(group: &gracchus_base::GroupId) -> GroupId {
    GroupId(StrBytes::from_string(group.as_str().to_owned()))
}

/// The wire's form of a topic's id.
pub const fn topic_id(id: gracchus_base::TopicId) -> Uuid {
    Uuid::from_bytes(id.0)
}

/// The topic's id in a field of the wire.
pub const fn topic_id_of(id: Uuid) -> gracchus_base::TopicId {
    gracchus_base::TopicId(id.into_bytes())
}
