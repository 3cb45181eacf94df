//! Well-formed requests with values that make no sense, in every version that has the fields.

use gracchus_wire::ApiKey;

use crate::case::{Case, Group, request, versions};
use crate::fill::{Set, Setting, body};
use crate::group_cases;
use crate::values::TOPIC_ID;

use ApiKey::*;
use Set::{Count, Int, Null, Text};

/// An API, what is wrong, and the fields that say it.
pub type Lie = (ApiKey, &'static str, Vec<Setting>);

pub fn values(cases: &mut Vec<Case>) {
    let mut lies = produce();
    lies.extend(fetch());
    lies.extend(offsets());
    lies.extend(metadata());
    lies.extend(group_cases::groups());
    lies.extend(group_cases::commits());
    lies.extend(topics());
    lies.extend(configs());
    lies.extend(others());
    lies.extend(quotas_credentials_and_features());
    for (api, name, settings) in lies {
        for version in versions(api) {
            let made = body(api, version, cases.len(), &settings);
            if made.unused == 0 {
                let frame = request(api, version, &made.bytes);
                cases.push(Case {
                    group: Group::Values,
                    name: name.to_owned(),
                    api: Some(api),
                    version,
                    frame,
                });
            }
        }
    }
}

/// A name of 250 letters: one more than a topic may have.
pub const LONG_NAME: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

fn produce() -> Vec<Lie> {
    vec![
        (Produce, "acks 2", vec![("acks", Int(2))]),
        (Produce, "acks -2", vec![("acks", Int(-2))]),
        (Produce, "acks 0", vec![("acks", Int(0))]),
        (Produce, "acks 0 and a partition that is not there", vec![("acks", Int(0)), ("index", Int(9))]),
        (
            Produce,
            "acks 0 and a batch that is none",
            vec![("acks", Int(0)), ("records", Set::Bytes(vec![1; 80]))],
        ),
        (Produce, "a negative timeout", vec![("timeout_ms", Int(-1))]),
        (Produce, "partition -1", vec![("index", Int(-1))]),
        (Produce, "partition 2^31-1", vec![("index", Int(0x7fff_ffff))]),
        (Produce, "the same partition twice", vec![("partition_data", Count(2))]),
        (Produce, "the same topic twice", vec![("topic_data", Count(2))]),
        (Produce, "no topics", vec![("topic_data", Count(0))]),
        (Produce, "a topic without partitions", vec![("partition_data", Count(0))]),
        (Produce, "an empty topic name", vec![("topic_data.name", Text(""))]),
        (Produce, "an illegal topic name", vec![("topic_data.name", Text("a/b"))]),
        (Produce, "an unknown topic", vec![("topic_data.name", Text("nowhere"))]),
        (Produce, "an unknown topic id", vec![("topic_id", Int(77))]),
        (Produce, "a zero topic id", vec![("topic_id", Int(0))]),
        (Produce, "an internal topic", vec![("topic_data.name", Text("__consumer_offsets"))]),
    ]
}

fn fetch() -> Vec<Lie> {
    vec![
        (Fetch, "max_bytes -1", vec![("max_bytes", Int(-1))]),
        (Fetch, "max_bytes 0", vec![("max_bytes", Int(0))]),
        (Fetch, "partition_max_bytes -1", vec![("partition_max_bytes", Int(-1))]),
        (Fetch, "partition_max_bytes 0", vec![("partition_max_bytes", Int(0))]),
        (Fetch, "min_bytes -1", vec![("min_bytes", Int(-1))]),
        (Fetch, "max_wait_ms -1", vec![("max_wait_ms", Int(-1)), ("min_bytes", Int(0x7fff_ffff))]),
        (Fetch, "isolation level 2", vec![("isolation_level", Int(2))]),
        (Fetch, "isolation level -1", vec![("isolation_level", Int(-1))]),
        (Fetch, "session epoch -2", vec![("session_epoch", Int(-2))]),
        (Fetch, "unknown session id", vec![("session_id", Int(123_456)), ("session_epoch", Int(1))]),
        (
            Fetch,
            "unknown session id that is to end",
            vec![("session_id", Int(123_456)), ("session_epoch", Int(-1))],
        ),
        (Fetch, "session id 0 with epoch 5", vec![("session_epoch", Int(5))]),
        (Fetch, "negative session id", vec![("session_id", Int(-5)), ("session_epoch", Int(1))]),
        (
            Fetch,
            "unknown session id with epoch 0",
            vec![("session_id", Int(123_456)), ("session_epoch", Int(0))],
        ),
        (Fetch, "the same partition twice", vec![("topics.partitions", Count(2))]),
        (Fetch, "the same topic twice", vec![("topics", Count(2))]),
        (Fetch, "the same partition twice, with a session", {
            vec![("topics.partitions", Count(2)), ("session_epoch", Int(0))]
        }),
        (Fetch, "fetch offset -1", vec![("fetch_offset", Int(-1))]),
        (Fetch, "fetch offset -2", vec![("fetch_offset", Int(-2))]),
        (Fetch, "fetch offset 2^63-1", vec![("fetch_offset", Int(i64::MAX))]),
        (Fetch, "log start offset -2", vec![("log_start_offset", Int(-2))]),
        (Fetch, "leader epoch -2", vec![("current_leader_epoch", Int(-2))]),
        (Fetch, "leader epoch 99", vec![("current_leader_epoch", Int(99))]),
        (Fetch, "last fetched epoch 99", vec![("last_fetched_epoch", Int(99))]),
        (Fetch, "last fetched epoch -2", vec![("last_fetched_epoch", Int(-2))]),
        (Fetch, "partition -1", vec![("topics.partitions.partition", Int(-1))]),
        (Fetch, "partition 2^31-1", vec![("topics.partitions.partition", Int(0x7fff_ffff))]),
        (Fetch, "an empty topic name", vec![("topics.topic", Text(""))]),
        (Fetch, "an illegal topic name", vec![("topics.topic", Text("a/b"))]),
        (Fetch, "an unknown topic id", vec![("topics.topic_id", Int(77))]),
        (Fetch, "a zero topic id", vec![("topics.topic_id", Int(0))]),
        (Fetch, "a client that says it is replica 0", vec![("replica_id", Int(0))]),
        (Fetch, "a client that says it is replica 1, the broker itself", vec![("replica_id", Int(1))]),
        (Fetch, "a client that says it is replica 99", vec![("replica_id", Int(99))]),
        (Fetch, "replica -2, a debugging consumer", vec![("replica_id", Int(-2))]),
        (Fetch, "replica -3", vec![("replica_id", Int(-3))]),
        (Fetch, "replica -2^31", vec![("replica_id", Int(-0x8000_0000))]),
        (Fetch, "a rack with odd letters", vec![("rack_id", Text("\0 \n"))]),
    ]
}

fn offsets() -> Vec<Lie> {
    let mut lies = vec![
        (ListOffsets, "isolation level -1", vec![("isolation_level", Int(-1))]),
        (ListOffsets, "isolation level 2", vec![("isolation_level", Int(2))]),
        (ListOffsets, "leader epoch 99", vec![("current_leader_epoch", Int(99))]),
        (ListOffsets, "leader epoch -2", vec![("current_leader_epoch", Int(-2))]),
        (ListOffsets, "partition -1", vec![("partition_index", Int(-1))]),
        (ListOffsets, "the same partition twice", vec![("topics.partitions", Count(2))]),
        (ListOffsets, "the same topic twice", vec![("topics", Count(2))]),
        (ListOffsets, "no topics", vec![("topics", Count(0))]),
        (ListOffsets, "an illegal topic name", vec![("topics.name", Text("a/b"))]),
        (ListOffsets, "an empty topic name", vec![("topics.name", Text(""))]),
        (ListOffsets, "replica 1", vec![("replica_id", Int(1))]),
        (ListOffsets, "replica 99", vec![("replica_id", Int(99))]),
        (ListOffsets, "replica -2", vec![("replica_id", Int(-2))]),
        (ListOffsets, "replica -3", vec![("replica_id", Int(-3))]),
        (ListOffsets, "timeout -1", vec![("timeout_ms", Int(-1))]),
        (OffsetForLeaderEpoch, "leader epoch -1", vec![("topics.partitions.leader_epoch", Int(-1))]),
        (OffsetForLeaderEpoch, "leader epoch -2", vec![("topics.partitions.leader_epoch", Int(-2))]),
        (OffsetForLeaderEpoch, "leader epoch 99", vec![("topics.partitions.leader_epoch", Int(99))]),
        (OffsetForLeaderEpoch, "current leader epoch 99", vec![("current_leader_epoch", Int(99))]),
        (OffsetForLeaderEpoch, "partition -1", vec![("topics.partitions.partition", Int(-1))]),
        (OffsetForLeaderEpoch, "an illegal topic name", vec![("topics.topic", Text("a/b"))]),
        (OffsetForLeaderEpoch, "the same partition twice", vec![("topics.partitions", Count(2))]),
        (OffsetForLeaderEpoch, "replica 99", vec![("replica_id", Int(99))]),
        (DeleteRecords, "offset -1", vec![("topics.name", Text("c")), ("offset", Int(-1))]),
        (DeleteRecords, "offset -2", vec![("offset", Int(-2))]),
        (DeleteRecords, "offset 2^63-1", vec![("offset", Int(i64::MAX))]),
        (DeleteRecords, "partition -1", vec![("partition_index", Int(-1))]),
        (DeleteRecords, "the same partition twice", vec![("topics.partitions", Count(2))]),
        (DeleteRecords, "an illegal topic name", vec![("topics.name", Text("a/b"))]),
        (DeleteRecords, "an internal topic", vec![("topics.name", Text("__consumer_offsets"))]),
        (DeleteRecords, "timeout -1", vec![("timeout_ms", Int(-1))]),
    ];
    let times = [
        ("timestamp -3", -3),
        ("timestamp -4", -4),
        ("timestamp -5", -5),
        ("timestamp -6", -6),
        ("timestamp -7", -7),
        ("timestamp -2^63", i64::MIN),
        ("timestamp 2^63-1", i64::MAX),
    ];
    lies.extend(times.map(|(name, time)| (ListOffsets, name, vec![("timestamp", Int(time))])));
    lies
}

fn metadata() -> Vec<Lie> {
    let named = |name, text| {
        (Metadata, name, vec![("topics.name", Text(text)), ("allow_auto_topic_creation", Int(0))])
    };
    let described = |name, text| (DescribeTopicPartitions, name, vec![("topics.name", Text(text))]);
    vec![
        named("an empty topic name", ""),
        named("topic \"..\"", ".."),
        named("topic \".\"", "."),
        named("a topic name with a slash", "../../etc"),
        named("a topic name with NUL", "a\0b"),
        named("a topic name of 250 letters", LONG_NAME),
        named("a topic name with letters of other scripts", "θέμα"),
        (Metadata, "the same topic twice", vec![("topics", Count(2))]),
        (
            Metadata,
            "100,000 topics",
            vec![
                ("topics", Count(100_000)),
                ("topics.name", Text("no-such-{i}")),
                ("allow_auto_topic_creation", Int(0)),
            ],
        ),
        (Metadata, "a null name without an id", vec![("topics.name", Null), ("topics.topic_id", Int(0))]),
        (
            Metadata,
            "a null name with an unknown id",
            vec![("topics.name", Null), ("topics.topic_id", Int(77))],
        ),
        (Metadata, "a name and an id", vec![("topics.topic_id", Set::Bytes(TOPIC_ID.to_vec()))]),
        (
            Metadata,
            "a null name with an id",
            vec![("topics.name", Null), ("topics.topic_id", Set::Bytes(TOPIC_ID.to_vec()))],
        ),
        (Metadata, "an illegal name that may be created", vec![("topics.name", Text("a b"))]),
        described("an empty topic name", ""),
        described("an illegal topic name", "a/b"),
        (DescribeTopicPartitions, "limit 0", vec![("response_partition_limit", Int(0))]),
        (DescribeTopicPartitions, "limit -1", vec![("response_partition_limit", Int(-1))]),
        (DescribeTopicPartitions, "the same topic twice", vec![("topics", Count(2))]),
        (DescribeTopicPartitions, "cursor at partition -1", vec![("cursor.partition_index", Int(-1))]),
        (
            DescribeTopicPartitions,
            "cursor behind the last partition",
            vec![("cursor.partition_index", Int(99))],
        ),
        (DescribeTopicPartitions, "cursor at an illegal topic", vec![("cursor.topic_name", Text("a/b"))]),
        (DescribeTopicPartitions, "cursor at an empty topic", vec![("cursor.topic_name", Text(""))]),
        (DescribeCluster, "endpoint type 0", vec![("endpoint_type", Int(0))]),
        (DescribeCluster, "endpoint type 2", vec![("endpoint_type", Int(2))]),
        (DescribeCluster, "endpoint type -1", vec![("endpoint_type", Int(-1))]),
        (ApiVersions, "an empty software name", vec![("client_software_name", Text(""))]),
        (ApiVersions, "an illegal software name", vec![("client_software_name", Text("a b"))]),
        (ApiVersions, "an illegal software version", vec![("client_software_version", Text("-1-"))]),
        (DescribeLogDirs, "an unknown topic", vec![("topics.topic", Text("nowhere"))]),
        (DescribeLogDirs, "an illegal topic name", vec![("topics.topic", Text("a/b"))]),
        (DescribeLogDirs, "partition -1", vec![("partitions.item", Int(-1))]),
        (DescribeLogDirs, "the same topic twice", vec![("topics", Count(2))]),
    ]
}

fn topics() -> Vec<Lie> {
    let named = |name, text| (CreateTopics, name, vec![("topics.name", Text(text))]);
    let counted = |name, partitions, replicas| {
        let settings = vec![
            ("topics.assignments", Count(0)),
            ("num_partitions", Int(partitions)),
            ("replication_factor", Int(replicas)),
        ];
        (CreateTopics, name, settings)
    };
    vec![
        named("an empty topic name", ""),
        named("topic \"..\"", ".."),
        named("a topic name with a slash", "../../etc"),
        named("a topic name with NUL", "a\0b"),
        named("a topic name of 250 letters", LONG_NAME),
        named("a topic that is there", "t"),
        named("an internal topic", "__consumer_offsets"),
        named("a topic named as the metadata log", "__cluster_metadata"),
        (CreateTopics, "the same topic twice", vec![("topics", Count(2))]),
        (CreateTopics, "no topics", vec![("topics", Count(0))]),
        counted("0 partitions", 0, 1),
        counted("-2 partitions", -2, 1),
        counted("2^31-1 partitions", 0x7fff_ffff, 1),
        counted("0 replicas", 1, 0),
        counted("-2 replicas", 1, -2),
        counted("3 replicas", 1, 3),
        (CreateTopics, "an assignment and a number of partitions", vec![("num_partitions", Int(1))]),
        (CreateTopics, "an assignment and a number of replicas", vec![("replication_factor", Int(1))]),
        (CreateTopics, "an assignment to an unknown broker", vec![("broker_ids.item", Int(99))]),
        (CreateTopics, "an assignment to broker -1", vec![("broker_ids.item", Int(-1))]),
        (CreateTopics, "an assignment to the same broker twice", vec![("broker_ids", Count(2))]),
        (CreateTopics, "an assignment to nobody", vec![("broker_ids", Count(0))]),
        (CreateTopics, "an assignment that begins at partition 1", vec![("partition_index", Int(1))]),
        (CreateTopics, "an assignment of partition -1", vec![("partition_index", Int(-1))]),
        (CreateTopics, "the same partition assigned twice", vec![("topics.assignments", Count(2))]),
        (CreateTopics, "an unknown setting", vec![("configs.name", Text("no.such.setting"))]),
        (CreateTopics, "an empty setting name", vec![("configs.name", Text(""))]),
        (CreateTopics, "a null setting", vec![("configs.value", Null)]),
        (CreateTopics, "a setting that is no number", vec![("configs.value", Text("soon"))]),
        (CreateTopics, "a setting out of its range", vec![("configs.value", Text("-2"))]),
        (CreateTopics, "the same setting twice", vec![("topics.configs", Count(2))]),
        (CreateTopics, "timeout -1", vec![("timeout_ms", Int(-1))]),
        (
            DeleteTopics,
            "a name and an id",
            vec![("topics.name", Text("t")), ("topics.topic_id", Set::Bytes(TOPIC_ID.to_vec()))],
        ),
        (DeleteTopics, "neither a name nor an id", vec![("topics.name", Null)]),
        (DeleteTopics, "an unknown id", vec![("topics.name", Null), ("topics.topic_id", Int(77))]),
        (DeleteTopics, "an illegal topic name", vec![("topics.name", Text("a/b"))]),
        (DeleteTopics, "an illegal topic name among names", vec![("topic_names.item", Text("a/b"))]),
        (DeleteTopics, "an empty topic name among names", vec![("topic_names.item", Text(""))]),
        (DeleteTopics, "an unknown topic twice", vec![("topics", Count(2))]),
        (DeleteTopics, "an unknown topic twice among names", vec![("topic_names", Count(2))]),
        (DeleteTopics, "timeout -1", vec![("timeout_ms", Int(-1))]),
        (CreatePartitions, "0 partitions", vec![("count", Int(0))]),
        (CreatePartitions, "-2 partitions", vec![("count", Int(-2))]),
        (CreatePartitions, "as many partitions as there are", vec![("count", Int(3))]),
        (CreatePartitions, "fewer partitions than there are", vec![("count", Int(2))]),
        (CreatePartitions, "2^31-1 partitions", vec![("count", Int(0x7fff_ffff)), ("assignments", Null)]),
        (CreatePartitions, "an unknown topic", vec![("topics.name", Text("nowhere"))]),
        (CreatePartitions, "an illegal topic name", vec![("topics.name", Text("a/b"))]),
        (CreatePartitions, "the same topic twice", vec![("topics", Count(2))]),
        (
            CreatePartitions,
            "two assignments for one partition",
            vec![("count", Int(4)), ("assignments", Count(2))],
        ),
        (CreatePartitions, "one assignment for 45 partitions", vec![("count", Int(48))]),
        (CreatePartitions, "no assignments", vec![("count", Int(4)), ("assignments", Count(0))]),
        (CreatePartitions, "an assignment to nobody", vec![("count", Int(4)), ("broker_ids", Count(0))]),
        (
            CreatePartitions,
            "an assignment to an unknown broker",
            vec![("count", Int(4)), ("broker_ids.item", Int(99))],
        ),
        (
            CreatePartitions,
            "an assignment to the same broker twice",
            vec![("count", Int(4)), ("broker_ids", Count(2))],
        ),
        (CreatePartitions, "an internal topic", vec![("topics.name", Text("__consumer_offsets"))]),
    ]
}

fn configs() -> Vec<Lie> {
    let mut lies = Vec::new();
    for api in [DescribeConfigs, AlterConfigs, IncrementalAlterConfigs] {
        let mut add = |name, settings| lies.push((api, name, settings));
        for (name, kind) in [
            ("resource type 0", 0),
            ("resource type 1, any", 1),
            ("resource type 3, group as it once was", 3),
            ("resource type 99", 99),
            ("resource type -1", -1),
        ] {
            add(name, vec![("resource_type", Int(kind))]);
        }
        for (name, kind, resource) in [
            ("topic of an empty name", 2, ""),
            ("topic of an illegal name", 2, "a/b"),
            ("topic that is not there", 2, "nowhere"),
            ("broker that is no number", 4, "one"),
            ("broker that is not there", 4, "99"),
            ("broker of a negative number", 4, "-1"),
            ("logger of a broker that is not there", 8, "99"),
            ("client metrics of an empty name", 16, ""),
            ("group of an empty name", 32, ""),
        ] {
            add(name, vec![("resource_type", Int(kind)), ("resource_name", Text(resource))]);
        }
        add("the same resource twice", vec![("resources", Count(2))]);
        add("no resources", vec![("resources", Count(0))]);
        if api != DescribeConfigs {
            add("the same setting twice", vec![("resources.configs", Count(2))]);
            add("no settings", vec![("resources.configs", Count(0))]);
            add("an unknown setting", vec![("configs.name", Text("no.such.setting"))]);
            add("an empty setting name", vec![("configs.name", Text(""))]);
            add("a null value", vec![("configs.value", Null)]);
            add("a value that is no number", vec![("configs.value", Text("soon"))]);
            add("a value out of its range", vec![("configs.value", Text("-2"))]);
        }
    }
    lies.extend([
        (DescribeConfigs, "an unknown setting", vec![("configuration_keys.item", Text("no.such.setting"))]),
        (DescribeConfigs, "no settings", vec![("configuration_keys", Count(0))]),
        (DescribeConfigs, "the same setting twice", vec![("configuration_keys", Count(2))]),
        (IncrementalAlterConfigs, "operation 9", vec![("config_operation", Int(9))]),
        (IncrementalAlterConfigs, "operation -1", vec![("config_operation", Int(-1))]),
        (IncrementalAlterConfigs, "append to what is no list", vec![("config_operation", Int(2))]),
        (IncrementalAlterConfigs, "subtract from what is no list", vec![("config_operation", Int(3))]),
        (IncrementalAlterConfigs, "delete with a value", vec![("config_operation", Int(1))]),
        (ListConfigResources, "type 0", vec![("resource_types.item", Int(0))]),
        (ListConfigResources, "type 99", vec![("resource_types.item", Int(99))]),
        (ListConfigResources, "type -1", vec![("resource_types.item", Int(-1))]),
        (ListConfigResources, "the same type twice", vec![("resource_types", Count(2))]),
        (ListConfigResources, "no types", vec![("resource_types", Count(0))]),
    ]);
    lies
}

fn others() -> Vec<Lie> {
    let producer = |name, id, epoch| {
        (InitProducerId, name, vec![("producer_id", Int(id)), ("producer_epoch", Int(epoch))])
    };
    vec![
        (InitProducerId, "an empty transactional id", vec![("transactional_id", Text(""))]),
        (InitProducerId, "timeout -1 without a transactional id", vec![("transaction_timeout_ms", Int(-1))]),
        (InitProducerId, "timeout 2^31-1", vec![("transaction_timeout_ms", Int(0x7fff_ffff))]),
        producer("producer id 5 with epoch -1", 5, -1),
        producer("producer id -1 with epoch 5", -1, 5),
        producer("producer id -2 with epoch -2", -2, -2),
        producer("producer id 5 with epoch 5", 5, 5),
        producer("producer id 2^63-1 with epoch 32767", i64::MAX, 32_767),
        (InitProducerId, "transaction timeout 0", {
            vec![("transactional_id", Text("x")), ("transaction_timeout_ms", Int(0))]
        }),
    ]
}

fn quotas_credentials_and_features() -> Vec<Lie> {
    let value = |number: f64| Int(number.to_bits().cast_signed());
    vec![
        (DescribeClientQuotas, "match type 3", vec![("match_type", Int(3))]),
        (DescribeClientQuotas, "an exact match of nothing", vec![("match", Null)]),
        (DescribeClientQuotas, "a default with a name", vec![("match_type", Int(1))]),
        (DescribeClientQuotas, "an unknown entity type", vec![("entity_type", Text("group"))]),
        (DescribeClientQuotas, "the same type twice", vec![("components", Count(2))]),
        (AlterClientQuotas, "an unknown entity type", vec![("entity_type", Text("group"))]),
        (AlterClientQuotas, "no entity", vec![("entity", Count(0))]),
        (AlterClientQuotas, "an empty name", vec![("entity_name", Text(""))]),
        (AlterClientQuotas, "an unknown key", vec![("key", Text("none"))]),
        (
            AlterClientQuotas,
            "an address that is none",
            vec![("entity_type", Text("ip")), ("entity_name", Text("300.1.1.1"))],
        ),
        (AlterClientQuotas, "the same entity twice", vec![("entries", Count(2))]),
        (AlterClientQuotas, "the same key twice", vec![("ops", Count(2))]),
        (AlterClientQuotas, "a negative quota", vec![("ops.value", value(-1.0))]),
        (AlterClientQuotas, "a quota that is no number", vec![("ops.value", value(f64::NAN))]),
        (AlterClientQuotas, "a quota without an end", vec![("ops.value", value(f64::INFINITY))]),
        (AlterUserScramCredentials, "one iteration", vec![("iterations", Int(1))]),
        (AlterUserScramCredentials, "2^31-1 iterations", vec![("iterations", Int(0x7fff_ffff))]),
        (AlterUserScramCredentials, "an unknown mechanism", vec![("upsertions.mechanism", Int(9))]),
        (AlterUserScramCredentials, "an empty user name", vec![("upsertions.name", Text(""))]),
        (AlterUserScramCredentials, "a user twice", vec![("upsertions", Count(2))]),
        (AlterUserScramCredentials, "no salted password", vec![("salted_password", Set::Bytes(Vec::new()))]),
        (DescribeUserScramCredentials, "a user twice", vec![("users", Count(2))]),
        (UpdateFeatures, "level -1", vec![("max_version_level", Int(-1))]),
        (UpdateFeatures, "level 2^15-1", vec![("max_version_level", Int(0x7fff))]),
        (UpdateFeatures, "an unknown feature", vec![("feature", Text("none"))]),
        (UpdateFeatures, "an unknown type of upgrade", vec![("upgrade_type", Int(9))]),
        (UpdateFeatures, "the same feature twice", vec![("feature_updates", Count(2))]),
        (UnregisterBroker, "broker -1", vec![("broker_id", Int(-1))]),
    ]
}
