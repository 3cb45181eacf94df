//! The layouts of the requests, by Kafka's schemas (4.3.1). Fields stand in the order of the wire.
//!
//! `since` is left out where a field exists in all versions that are accepted.

use super::field::{Field, Kind, array, boolean, data, float64, int8, int16, int32, int64, one, text, uuid};
use crate::api::ApiKey;

const TEXT: Kind = Kind::Text;
const INT8: Kind = Kind::Fixed(1);
const INT32: Kind = Kind::Fixed(4);
const INT64: Kind = Kind::Fixed(8);

/// The fields of a request's body.
pub fn request(api: ApiKey) -> &'static [Field] {
    match api {
        ApiKey::Produce => PRODUCE,
        ApiKey::Fetch => FETCH,
        ApiKey::ListOffsets => LIST_OFFSETS,
        ApiKey::Metadata => METADATA,
        ApiKey::OffsetCommit => OFFSET_COMMIT,
        ApiKey::OffsetFetch => OFFSET_FETCH,
        ApiKey::FindCoordinator => FIND_COORDINATOR,
        ApiKey::JoinGroup => JOIN_GROUP,
        ApiKey::Heartbeat => HEARTBEAT,
        ApiKey::LeaveGroup => LEAVE_GROUP,
        ApiKey::SyncGroup => SYNC_GROUP,
        ApiKey::DescribeGroups => DESCRIBE_GROUPS,
        ApiKey::ListGroups => LIST_GROUPS,
        ApiKey::SaslHandshake => SASL_HANDSHAKE,
        ApiKey::ApiVersions => API_VERSIONS,
        ApiKey::CreateTopics => CREATE_TOPICS,
        ApiKey::DeleteTopics => DELETE_TOPICS,
        ApiKey::DeleteRecords => DELETE_RECORDS,
        ApiKey::InitProducerId => INIT_PRODUCER_ID,
        ApiKey::OffsetForLeaderEpoch => OFFSET_FOR_LEADER_EPOCH,
        ApiKey::DescribeAcls => DESCRIBE_ACLS,
        ApiKey::CreateAcls => CREATE_ACLS,
        ApiKey::DeleteAcls => DELETE_ACLS,
        ApiKey::DescribeConfigs => DESCRIBE_CONFIGS,
        ApiKey::AlterConfigs => ALTER_CONFIGS,
        ApiKey::DescribeLogDirs => DESCRIBE_LOG_DIRS,
        ApiKey::SaslAuthenticate => SASL_AUTHENTICATE,
        ApiKey::CreatePartitions => CREATE_PARTITIONS,
        ApiKey::DeleteGroups => DELETE_GROUPS,
        ApiKey::ElectLeaders => ELECT_LEADERS,
        ApiKey::IncrementalAlterConfigs => INCREMENTAL_ALTER_CONFIGS,
        ApiKey::AlterPartitionReassignments => ALTER_PARTITION_REASSIGNMENTS,
        ApiKey::ListPartitionReassignments => LIST_PARTITION_REASSIGNMENTS,
        ApiKey::OffsetDelete => OFFSET_DELETE,
        ApiKey::DescribeClientQuotas => DESCRIBE_CLIENT_QUOTAS,
        ApiKey::AlterClientQuotas => ALTER_CLIENT_QUOTAS,
        ApiKey::DescribeUserScramCredentials => DESCRIBE_USER_SCRAM_CREDENTIALS,
        ApiKey::AlterUserScramCredentials => ALTER_USER_SCRAM_CREDENTIALS,
        ApiKey::DescribeQuorum => DESCRIBE_QUORUM,
        ApiKey::UpdateFeatures => UPDATE_FEATURES,
        ApiKey::DescribeCluster => DESCRIBE_CLUSTER,
        ApiKey::DescribeProducers => DESCRIBE_PRODUCERS,
        ApiKey::UnregisterBroker => UNREGISTER_BROKER,
        ApiKey::DescribeTransactions => DESCRIBE_TRANSACTIONS,
        ApiKey::ListTransactions => LIST_TRANSACTIONS,
        ApiKey::ListConfigResources => LIST_CONFIG_RESOURCES,
        ApiKey::DescribeTopicPartitions => DESCRIBE_TOPIC_PARTITIONS,
    }
}

const PRODUCE: &[Field] = &[
    text("transactional_id").nullable(),
    int16("acks"),
    int32("timeout_ms"),
    array("topic_data", &Kind::Struct(PRODUCE_TOPIC)),
];
const PRODUCE_TOPIC: &[Field] = &[
    text("name").until(12),
    uuid("topic_id").since(13),
    array("partition_data", &Kind::Struct(PRODUCE_PARTITION)),
];
const PRODUCE_PARTITION: &[Field] = &[int32("index"), data("records").nullable()];

const FETCH: &[Field] = &[
    text("cluster_id").since(12).nullable().tag(0),
    int32("replica_id").until(14),
    one("replica_state", FETCH_REPLICA_STATE).since(15).tag(1),
    int32("max_wait_ms"),
    int32("min_bytes"),
    int32("max_bytes"),
    int8("isolation_level"),
    int32("session_id").since(7),
    int32("session_epoch").since(7),
    array("topics", &Kind::Struct(FETCH_TOPIC)),
    array("forgotten_topics_data", &Kind::Struct(FETCH_FORGOTTEN_TOPIC)).since(7),
    text("rack_id").since(11),
];
const FETCH_REPLICA_STATE: &[Field] = &[int32("replica_id"), int64("replica_epoch")];
const FETCH_TOPIC: &[Field] = &[
    text("topic").until(12),
    uuid("topic_id").since(13),
    array("partitions", &Kind::Struct(FETCH_PARTITION)),
];
const FETCH_PARTITION: &[Field] = &[
    int32("partition"),
    int32("current_leader_epoch").since(9),
    int64("fetch_offset"),
    int32("last_fetched_epoch").since(12),
    int64("log_start_offset").since(5),
    int32("partition_max_bytes"),
    uuid("replica_directory_id").since(17).tag(0),
    int64("high_watermark").since(18).tag(1),
];
const FETCH_FORGOTTEN_TOPIC: &[Field] =
    &[text("topic").until(12), uuid("topic_id").since(13), array("partitions", &INT32)];

const LIST_OFFSETS: &[Field] = &[
    int32("replica_id"),
    int8("isolation_level").since(2),
    array("topics", &Kind::Struct(LIST_OFFSETS_TOPIC)),
    int32("timeout_ms").since(10),
];
const LIST_OFFSETS_TOPIC: &[Field] =
    &[text("name"), array("partitions", &Kind::Struct(LIST_OFFSETS_PARTITION))];
const LIST_OFFSETS_PARTITION: &[Field] =
    &[int32("partition_index"), int32("current_leader_epoch").since(4), int64("timestamp")];

const METADATA: &[Field] = &[
    array("topics", &Kind::Struct(METADATA_TOPIC)).nullable_since(1),
    boolean("allow_auto_topic_creation").since(4),
    boolean("include_cluster_authorized_operations").since(8).until(10),
    boolean("include_topic_authorized_operations").since(8),
];
const METADATA_TOPIC: &[Field] = &[uuid("topic_id").since(10), text("name").nullable_since(10)];

const OFFSET_COMMIT: &[Field] = &[
    text("group_id"),
    int32("generation_id_or_member_epoch"),
    text("member_id"),
    text("group_instance_id").since(7).nullable(),
    int64("retention_time_ms").until(4),
    array("topics", &Kind::Struct(OFFSET_COMMIT_TOPIC)),
];
const OFFSET_COMMIT_TOPIC: &[Field] = &[
    text("name").until(9),
    uuid("topic_id").since(10),
    array("partitions", &Kind::Struct(OFFSET_COMMIT_PARTITION)),
];
const OFFSET_COMMIT_PARTITION: &[Field] = &[
    int32("partition_index"),
    int64("committed_offset"),
    int32("committed_leader_epoch").since(6),
    text("committed_metadata").nullable(),
];

const OFFSET_FETCH: &[Field] = &[
    text("group_id").until(7),
    array("topics", &Kind::Struct(OFFSET_FETCH_TOPIC)).until(7).nullable_since(2),
    array("groups", &Kind::Struct(OFFSET_FETCH_GROUP)).since(8),
    boolean("require_stable").since(7),
];
const OFFSET_FETCH_TOPIC: &[Field] =
    &[text("name").until(9), uuid("topic_id").since(10), array("partition_indexes", &INT32)];
const OFFSET_FETCH_GROUP: &[Field] = &[
    text("group_id"),
    text("member_id").since(9).nullable(),
    int32("member_epoch").since(9),
    array("topics", &Kind::Struct(OFFSET_FETCH_TOPIC)).nullable(),
];

const FIND_COORDINATOR: &[Field] =
    &[text("key").until(3), int8("key_type").since(1), array("coordinator_keys", &TEXT).since(4)];

const JOIN_GROUP: &[Field] = &[
    text("group_id"),
    int32("session_timeout_ms"),
    int32("rebalance_timeout_ms").since(1),
    text("member_id"),
    text("group_instance_id").since(5).nullable(),
    text("protocol_type"),
    array("protocols", &Kind::Struct(JOIN_GROUP_PROTOCOL)),
    text("reason").since(8).nullable(),
];
const JOIN_GROUP_PROTOCOL: &[Field] = &[text("name"), data("metadata")];

const HEARTBEAT: &[Field] = &[
    text("group_id"),
    int32("generation_id"),
    text("member_id"),
    text("group_instance_id").since(3).nullable(),
];

const LEAVE_GROUP: &[Field] = &[
    text("group_id"),
    text("member_id").until(2),
    array("members", &Kind::Struct(LEAVE_GROUP_MEMBER)).since(3),
];
const LEAVE_GROUP_MEMBER: &[Field] =
    &[text("member_id"), text("group_instance_id").nullable(), text("reason").since(5).nullable()];

const SYNC_GROUP: &[Field] = &[
    text("group_id"),
    int32("generation_id"),
    text("member_id"),
    text("group_instance_id").since(3).nullable(),
    text("protocol_type").since(5).nullable(),
    text("protocol_name").since(5).nullable(),
    array("assignments", &Kind::Struct(SYNC_GROUP_ASSIGNMENT)),
];
const SYNC_GROUP_ASSIGNMENT: &[Field] = &[text("member_id"), data("assignment")];

const DESCRIBE_GROUPS: &[Field] =
    &[array("groups", &TEXT), boolean("include_authorized_operations").since(3)];

const LIST_GROUPS: &[Field] =
    &[array("states_filter", &TEXT).since(4), array("types_filter", &TEXT).since(5)];

const SASL_HANDSHAKE: &[Field] = &[text("mechanism")];

const API_VERSIONS: &[Field] =
    &[text("client_software_name").since(3), text("client_software_version").since(3)];

const CREATE_TOPICS: &[Field] =
    &[array("topics", &Kind::Struct(CREATE_TOPICS_TOPIC)), int32("timeout_ms"), boolean("validate_only")];
const CREATE_TOPICS_TOPIC: &[Field] = &[
    text("name"),
    int32("num_partitions"),
    int16("replication_factor"),
    array("assignments", &Kind::Struct(CREATE_TOPICS_ASSIGNMENT)),
    array("configs", &Kind::Struct(CONFIG_VALUE)),
];
const CREATE_TOPICS_ASSIGNMENT: &[Field] = &[int32("partition_index"), array("broker_ids", &INT32)];
const CONFIG_VALUE: &[Field] = &[text("name"), text("value").nullable()];

const DELETE_TOPICS: &[Field] = &[
    array("topics", &Kind::Struct(DELETE_TOPICS_TOPIC)).since(6),
    array("topic_names", &TEXT).until(5),
    int32("timeout_ms"),
];
const DELETE_TOPICS_TOPIC: &[Field] = &[text("name").nullable(), uuid("topic_id")];

const DELETE_RECORDS: &[Field] = &[array("topics", &Kind::Struct(DELETE_RECORDS_TOPIC)), int32("timeout_ms")];
const DELETE_RECORDS_TOPIC: &[Field] =
    &[text("name"), array("partitions", &Kind::Struct(DELETE_RECORDS_PARTITION))];
const DELETE_RECORDS_PARTITION: &[Field] = &[int32("partition_index"), int64("offset")];

const INIT_PRODUCER_ID: &[Field] = &[
    text("transactional_id").nullable(),
    int32("transaction_timeout_ms"),
    int64("producer_id").since(3),
    int16("producer_epoch").since(3),
];

const OFFSET_FOR_LEADER_EPOCH: &[Field] =
    &[int32("replica_id").since(3), array("topics", &Kind::Struct(OFFSET_FOR_LEADER_EPOCH_TOPIC))];
const OFFSET_FOR_LEADER_EPOCH_TOPIC: &[Field] =
    &[text("topic"), array("partitions", &Kind::Struct(OFFSET_FOR_LEADER_EPOCH_PARTITION))];
const OFFSET_FOR_LEADER_EPOCH_PARTITION: &[Field] =
    &[int32("partition"), int32("current_leader_epoch"), int32("leader_epoch")];

const DESCRIBE_ACLS: &[Field] = ACL_FILTER;
/// What a binding must be to be described or deleted; null and "any" are all.
const ACL_FILTER: &[Field] = &[
    int8("resource_type_filter"),
    text("resource_name_filter").nullable(),
    int8("pattern_type_filter"),
    text("principal_filter").nullable(),
    text("host_filter").nullable(),
    int8("operation"),
    int8("permission_type"),
];

const CREATE_ACLS: &[Field] = &[array("creations", &Kind::Struct(CREATE_ACLS_CREATION))];
const CREATE_ACLS_CREATION: &[Field] = &[
    int8("resource_type"),
    text("resource_name"),
    int8("resource_pattern_type"),
    text("principal"),
    text("host"),
    int8("operation"),
    int8("permission_type"),
];

const DELETE_ACLS: &[Field] = &[array("filters", &Kind::Struct(ACL_FILTER))];

const DESCRIBE_CONFIGS: &[Field] = &[
    array("resources", &Kind::Struct(DESCRIBE_CONFIGS_RESOURCE)),
    boolean("include_synonyms"),
    boolean("include_documentation").since(3),
];
const DESCRIBE_CONFIGS_RESOURCE: &[Field] =
    &[int8("resource_type"), text("resource_name"), array("configuration_keys", &TEXT).nullable()];

const ALTER_CONFIGS: &[Field] =
    &[array("resources", &Kind::Struct(ALTER_CONFIGS_RESOURCE)), boolean("validate_only")];
const ALTER_CONFIGS_RESOURCE: &[Field] =
    &[int8("resource_type"), text("resource_name"), array("configs", &Kind::Struct(CONFIG_VALUE))];

const DESCRIBE_LOG_DIRS: &[Field] = &[array("topics", &Kind::Struct(DESCRIBE_LOG_DIRS_TOPIC)).nullable()];
const DESCRIBE_LOG_DIRS_TOPIC: &[Field] = &[text("topic"), array("partitions", &INT32)];

const SASL_AUTHENTICATE: &[Field] = &[data("auth_bytes")];

const CREATE_PARTITIONS: &[Field] =
    &[array("topics", &Kind::Struct(CREATE_PARTITIONS_TOPIC)), int32("timeout_ms"), boolean("validate_only")];
const CREATE_PARTITIONS_TOPIC: &[Field] = &[
    text("name"),
    int32("count"),
    array("assignments", &Kind::Struct(CREATE_PARTITIONS_ASSIGNMENT)).nullable(),
];
const CREATE_PARTITIONS_ASSIGNMENT: &[Field] = &[array("broker_ids", &INT32)];

const DELETE_GROUPS: &[Field] = &[array("groups_names", &TEXT)];

const ELECT_LEADERS: &[Field] = &[
    int8("election_type").since(1),
    array("topic_partitions", &Kind::Struct(ELECT_LEADERS_TOPIC)).nullable(),
    int32("timeout_ms"),
];
const ELECT_LEADERS_TOPIC: &[Field] = &[text("topic"), array("partitions", &INT32)];

const INCREMENTAL_ALTER_CONFIGS: &[Field] =
    &[array("resources", &Kind::Struct(INCREMENTAL_ALTER_CONFIGS_RESOURCE)), boolean("validate_only")];
const INCREMENTAL_ALTER_CONFIGS_RESOURCE: &[Field] = &[
    int8("resource_type"),
    text("resource_name"),
    array("configs", &Kind::Struct(INCREMENTAL_ALTER_CONFIGS_VALUE)),
];
const INCREMENTAL_ALTER_CONFIGS_VALUE: &[Field] =
    &[text("name"), int8("config_operation"), text("value").nullable()];

const ALTER_PARTITION_REASSIGNMENTS: &[Field] = &[
    int32("timeout_ms"),
    boolean("allow_replication_factor_change").since(1),
    array("topics", &Kind::Struct(ALTER_PARTITION_REASSIGNMENTS_TOPIC)),
];
const ALTER_PARTITION_REASSIGNMENTS_TOPIC: &[Field] =
    &[text("name"), array("partitions", &Kind::Struct(ALTER_PARTITION_REASSIGNMENTS_PARTITION))];
const ALTER_PARTITION_REASSIGNMENTS_PARTITION: &[Field] =
    &[int32("partition_index"), array("replicas", &INT32).nullable()];

const LIST_PARTITION_REASSIGNMENTS: &[Field] =
    &[int32("timeout_ms"), array("topics", &Kind::Struct(LIST_PARTITION_REASSIGNMENTS_TOPIC)).nullable()];
const LIST_PARTITION_REASSIGNMENTS_TOPIC: &[Field] = &[text("name"), array("partition_indexes", &INT32)];

const OFFSET_DELETE: &[Field] = &[text("group_id"), array("topics", &Kind::Struct(OFFSET_DELETE_TOPIC))];
const OFFSET_DELETE_TOPIC: &[Field] =
    &[text("name"), array("partitions", &Kind::Struct(OFFSET_DELETE_PARTITION))];
const OFFSET_DELETE_PARTITION: &[Field] = &[int32("partition_index")];

const DESCRIBE_CLIENT_QUOTAS: &[Field] =
    &[array("components", &Kind::Struct(DESCRIBE_CLIENT_QUOTAS_COMPONENT)), boolean("strict")];
const DESCRIBE_CLIENT_QUOTAS_COMPONENT: &[Field] =
    &[text("entity_type"), int8("match_type"), text("match").nullable()];

const ALTER_CLIENT_QUOTAS: &[Field] =
    &[array("entries", &Kind::Struct(ALTER_CLIENT_QUOTAS_ENTRY)), boolean("validate_only")];
const ALTER_CLIENT_QUOTAS_ENTRY: &[Field] = &[
    array("entity", &Kind::Struct(ALTER_CLIENT_QUOTAS_ENTITY)),
    array("ops", &Kind::Struct(ALTER_CLIENT_QUOTAS_OP)),
];
const ALTER_CLIENT_QUOTAS_ENTITY: &[Field] = &[text("entity_type"), text("entity_name").nullable()];
const ALTER_CLIENT_QUOTAS_OP: &[Field] = &[text("key"), float64("value"), boolean("remove")];

const DESCRIBE_USER_SCRAM_CREDENTIALS: &[Field] =
    &[array("users", &Kind::Struct(DESCRIBE_USER_SCRAM_CREDENTIALS_USER)).nullable()];
const DESCRIBE_USER_SCRAM_CREDENTIALS_USER: &[Field] = &[text("name")];

const ALTER_USER_SCRAM_CREDENTIALS: &[Field] = &[
    array("deletions", &Kind::Struct(ALTER_USER_SCRAM_CREDENTIALS_DELETION)),
    array("upsertions", &Kind::Struct(ALTER_USER_SCRAM_CREDENTIALS_UPSERTION)),
];
const ALTER_USER_SCRAM_CREDENTIALS_DELETION: &[Field] = &[text("name"), int8("mechanism")];
const ALTER_USER_SCRAM_CREDENTIALS_UPSERTION: &[Field] =
    &[text("name"), int8("mechanism"), int32("iterations"), data("salt"), data("salted_password")];

const DESCRIBE_QUORUM: &[Field] = &[array("topics", &Kind::Struct(DESCRIBE_QUORUM_TOPIC))];
const DESCRIBE_QUORUM_TOPIC: &[Field] =
    &[text("topic_name"), array("partitions", &Kind::Struct(DESCRIBE_QUORUM_PARTITION))];
const DESCRIBE_QUORUM_PARTITION: &[Field] = &[int32("partition_index")];

const UPDATE_FEATURES: &[Field] = &[
    int32("timeout_ms"),
    array("feature_updates", &Kind::Struct(UPDATE_FEATURES_UPDATE)),
    boolean("validate_only").since(1),
];
const UPDATE_FEATURES_UPDATE: &[Field] = &[
    text("feature"),
    int16("max_version_level"),
    boolean("allow_downgrade").until(0),
    int8("upgrade_type").since(1),
];

const DESCRIBE_CLUSTER: &[Field] = &[
    boolean("include_cluster_authorized_operations"),
    int8("endpoint_type").since(1),
    boolean("include_fenced_brokers").since(2),
];

const DESCRIBE_PRODUCERS: &[Field] = &[array("topics", &Kind::Struct(DESCRIBE_PRODUCERS_TOPIC))];
const DESCRIBE_PRODUCERS_TOPIC: &[Field] = &[text("name"), array("partition_indexes", &INT32)];

const UNREGISTER_BROKER: &[Field] = &[int32("broker_id")];

const DESCRIBE_TRANSACTIONS: &[Field] = &[array("transactional_ids", &TEXT)];

const LIST_TRANSACTIONS: &[Field] = &[
    array("state_filters", &TEXT),
    array("producer_id_filters", &INT64),
    int64("duration_filter").since(1),
    text("transactional_id_pattern").since(2).nullable(),
];

const LIST_CONFIG_RESOURCES: &[Field] = &[array("resource_types", &INT8).since(1)];

const DESCRIBE_TOPIC_PARTITIONS: &[Field] = &[
    array("topics", &Kind::Struct(DESCRIBE_TOPIC_PARTITIONS_TOPIC)),
    int32("response_partition_limit"),
    one("cursor", DESCRIBE_TOPIC_PARTITIONS_CURSOR).nullable(),
];
const DESCRIBE_TOPIC_PARTITIONS_TOPIC: &[Field] = &[text("name")];
const DESCRIBE_TOPIC_PARTITIONS_CURSOR: &[Field] = &[text("topic_name"), int32("partition_index")];
