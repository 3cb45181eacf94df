//! The tables against a printout of Kafka's own, and the answers against those of a running Kafka 4.3.1.

use super::definition::Check;
use super::*;

const REFERENCE: &str = include_str!("kafka-4.3.1.tsv");

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn broker(pairs: &[(&str, &str)]) -> BrokerConfig {
    BrokerConfig::from_settings(&settings(pairs)).unwrap()
}

fn refused(pairs: &[(&str, &str)]) -> String {
    BrokerConfig::from_settings(&settings(pairs)).unwrap_err().message
}

fn topic(overrides: &[(&str, &str)]) -> Result<TopicConfig, ConfigError> {
    resolve_topic(overrides.iter().copied(), &broker(&[]))
}

/// Rows of the printout: name, type, default, valid values.
fn reference(scope: &str) -> Vec<[&'static str; 4]> {
    let column = |row: &[&'static str], i: usize| row.get(i).copied().unwrap_or_default();
    let rows = REFERENCE.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.splitn(5, '\t').collect::<Vec<_>>())
        .filter(|row| row[0] == scope)
        .map(|row| [row[1], row[2], column(&row, 3), column(&row, 4)])
        .collect()
}

fn valid_values(check: Check) -> String {
    match check {
        Check::Any => String::new(),
        Check::AtLeast(min) => format!("[{min},...]"),
        Check::Between(min, max) => format!("[{min},...,{max}]"),
        Check::BetweenOrMinusOne(min, max) => format!("[{min},...,{max}] or -1"),
        Check::OneOf(valid) | Check::SomeOf(valid) => format!("[{}]", valid.join(", ")),
        Check::NotEmpty => String::new(),
        Check::ThrottledReplicas => "[partitionId]:[brokerId],[partitionId]:[brokerId],...".to_owned(),
    }
}

/// Ours, or with a default that differs on purpose (DESIGN 1).
const DIFFERENT: &[&str] = &[
    "controller.listener.names",
    "listeners",
    "log.dir",
    "node.id",
    "offsets.topic.replication.factor",
    "process.roles",
    "queued.max.request.bytes",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
];

#[test]
fn the_tables_say_what_kafka_says() {
    let scopes = [
        ("topic", TOPIC),
        ("topic-internal", TOPIC),
        ("broker", BROKER),
        ("broker-internal", BROKER),
        ("broker", IDLE),
    ];
    for (scope, table) in scopes {
        for [name, kind, default, valid] in reference(scope) {
            let Some(ours) = table.iter().find(|d| d.name == name) else { continue };
            assert_eq!(format!("{:?}", ours.kind).to_uppercase(), kind, "{name}");
            assert_eq!(ours.internal, scope.ends_with("internal"), "{name}");
            if !DIFFERENT.contains(&name) {
                let shown = ours.default_value().map_or("<null>".to_owned(), |v| v.show());
                assert_eq!(shown, default, "{name}");
            }
            if valid != "non-empty list" {
                assert_eq!(valid_values(ours.check), valid, "{name}");
            }
        }
    }
}

#[test]
fn every_public_setting_of_kafka_is_implemented_or_known_not_to_be() {
    for [name, ..] in reference("topic") {
        assert!(topic_definition(name).is_some(), "{name}");
    }
    for [name, ..] in reference("broker") {
        let in_table = broker_definition(name).is_some();
        assert!(in_table != KNOWN_NOT_IMPLEMENTED.contains(&name), "{name} is in one place");
    }
    assert!(KNOWN_NOT_IMPLEMENTED.is_sorted());
}

#[test]
fn every_row_is_documented_and_its_default_passes_its_own_check() {
    for definition in TOPIC.iter().chain(BROKER).chain(IDLE) {
        let (name, doc) = (definition.name, definition.documentation);
        assert!(doc.ends_with('.') && !doc.contains('\n'), "{name}");
        if let Some(text) = definition.default.filter(|text| !text.is_empty()) {
            definition.parse(text).unwrap();
        }
        if let Some(synonym) = definition.synonym {
            assert!(broker_definition(synonym).is_some(), "{name} follows {synonym}");
        }
    }
}

#[test]
fn topic_values_are_refused_in_kafkas_words() {
    let cases = [
        ("foo", "1", "Unknown topic config name: foo"),
        (
            "retention.ms",
            "abc",
            "Invalid value abc for configuration retention.ms: Not a number of type LONG",
        ),
        ("retention.ms", "-5", "Invalid value -5 for configuration retention.ms: Value must be at least -1"),
        (
            "segment.bytes",
            "99999999999",
            "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT",
        ),
        (
            "cleanup.policy",
            "x",
            "Invalid value x for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (
            "preallocate",
            "maybe",
            "Invalid value maybe for configuration preallocate: Expected value to be either true or false",
        ),
        (
            "min.cleanable.dirty.ratio",
            "2",
            "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        (
            "compression.gzip.level",
            "0",
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
        ),
        (
            "min.insync.replicas",
            "",
            "Invalid value  for configuration min.insync.replicas: Not a number of type INT",
        ),
        (
            "leader.replication.throttled.replicas",
            "x",
            "Invalid value [x] for configuration leader.replication.throttled.replicas: \
             leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following \
             format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
        ),
        (
            "message.timestamp.type",
            "createtime",
            "Invalid value createtime for configuration message.timestamp.type: String must be one of: CreateTime, \
             LogAppendTime",
        ),
    ];
    for (name, value, message) in cases {
        assert_eq!(validate_topic_config(name, Some(value)).unwrap_err().message, message);
        assert_eq!(topic(&[(name, value)]).unwrap_err().message, message);
    }
    for (name, value) in [
        ("cleanup.policy", ""),
        ("cleanup.policy", "compact,compact"),
        ("preallocate", "TRUE"),
        ("retention.bytes", " 7 "),
        ("leader.replication.throttled.replicas", "*"),
        ("leader.replication.throttled.replicas", "0:1,2:3"),
        ("internal.segment.bytes", "1000"),
    ] {
        assert_eq!(validate_topic_config(name, Some(value)), Ok(()), "{name}={value}");
    }
    assert!(validate_topic_config("retention.ms", None).is_err());
}

#[test]
fn broker_values_are_refused_in_kafkas_words() {
    let refused = |name, value| validate_broker_config(name, Some(value)).unwrap_err().message;
    assert_eq!(refused("log.dirs", "x"), "Cannot update these configs dynamically: [log.dirs]");
    assert_eq!(
        refused("sasl.login.class", "x"),
        "Cannot update these configs dynamically: [sasl.login.class]"
    );
    assert_eq!(
        refused("log.retention.ms", "x"),
        "Invalid value x for configuration log.retention.ms: Not a number of type LONG"
    );
    assert_eq!(
        refused("max.connections", "-1"),
        "Invalid value -1 for configuration max.connections: Value must be at least 0"
    );
    assert_eq!(
        refused("num.io.threads", "0"),
        "Invalid value 0 for configuration num.io.threads: Value must be at least 1"
    );
    assert_eq!(
        refused("listener.name.external.max.connections", "1"),
        "Cannot update these configs dynamically: [listener.name.external.max.connections]"
    );
    assert_eq!(validate_broker_config("foo", Some("x")), Ok(()));
    assert_eq!(validate_broker_config("log.retention.ms", None), Ok(()));
}

#[test]
fn what_is_not_dynamic_is_refused_with_all_its_names() {
    let refused = |names: &[&str], of_all| verify_dynamic(names, of_all).unwrap_err().message;
    assert_eq!(
        refused(&["node.id", "log.retention.ms", "log.retention.hours"], false),
        "Cannot update these configs dynamically: [node.id, log.retention.hours]"
    );
    assert_eq!(refused(&["listeners"], false), "Cannot update these configs dynamically: [listeners]");
    assert_eq!(
        refused(&["listeners", "sasl.enabled.mechanisms"], true),
        "Cannot update these configs at default cluster level, broker id must be specified: [listeners, \
         sasl.enabled.mechanisms]"
    );
    assert_eq!(
        refused(&["ssl.keystore.location"], false),
        "These security configs can be dynamically updated only per-listener using the listener prefix: \
         [ssl.keystore.location]"
    );
    assert_eq!(verify_dynamic(&["log.retention.ms", "num.io.threads", "nobody.knows"], true), Ok(()));
}

#[test]
fn a_topic_without_settings_has_kafkas_defaults() {
    let config = topic(&[]).unwrap();
    assert_eq!(config.cleanup_policy, CleanupPolicy { compact: false, delete: true });
    assert_eq!(config.retention_ms, 7 * 24 * 60 * 60 * 1000);
    assert_eq!(config.retention_bytes, -1);
    assert_eq!((config.segment_bytes, config.segment_ms), (1 << 30, 7 * 24 * 60 * 60 * 1000));
    assert_eq!(config.max_message_bytes, 1_048_588);
    assert_eq!((config.flush_messages, config.flush_ms), (i64::MAX, i64::MAX));
    assert_eq!((config.min_insync_replicas, config.flush_before_ack), (1, true));
    assert_eq!(config.compression_type, CompressionType::Producer);
    assert_eq!(config.message_timestamp_after_max_ms, 60 * 60 * 1000);
}

#[test]
fn a_topics_own_settings_go_before_the_brokers() {
    let broker = broker(&[("log.retention.bytes", "5"), ("log.segment.bytes", "2000000")]);
    let config = resolve_topic([("retention.bytes", "7"), ("compression.type", "zstd")], &broker).unwrap();
    assert_eq!((config.retention_bytes, config.segment_bytes), (7, 2_000_000));
    assert_eq!(config.compression_type, CompressionType::Zstd);
    let tiny =
        resolve_topic([("internal.segment.bytes", "1000"), ("segment.bytes", "3000000")], &broker).unwrap();
    assert_eq!(tiny.segment_bytes, 1000);
}

#[test]
fn contradicting_topic_settings_are_refused() {
    let both = [("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")];
    assert_eq!(
        topic(&both).unwrap_err().message,
        "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
    );
    assert!(topic(&[("remote.storage.enable", "true")]).unwrap_err().message.starts_with("Tiered Storage"));
    assert!(topic(&[("remote.storage.enable", "false")]).is_ok());
}

#[test]
fn the_finest_unit_of_a_time_wins() {
    let retention = |pairs: &[(&str, &str)]| broker(pairs).topic_defaults.retention_ms;
    assert_eq!(retention(&[("log.retention.hours", "100")]), 360_000_000);
    assert_eq!(retention(&[("log.retention.minutes", "5"), ("log.retention.hours", "1")]), 300_000);
    assert_eq!(retention(&[("log.retention.ms", "5"), ("log.retention.minutes", "5")]), 5);
    assert_eq!(retention(&[("log.retention.hours", "-1")]), -1);
    assert_eq!(retention(&[("log.retention.ms", "-2")]), -1);
    let roll = broker(&[("log.roll.ms", "7"), ("log.roll.hours", "3"), ("log.roll.jitter.hours", "1")]);
    assert_eq!((roll.topic_defaults.segment_ms, roll.topic_defaults.segment_jitter_ms), (7, 3_600_000));
    assert_eq!(broker(&[("log.flush.scheduler.interval.ms", "9")]).topic_defaults.flush_ms, 9);
}

#[test]
fn a_broker_without_settings_is_a_loopback_node_with_bounded_memory() {
    let config = broker(&[]);
    assert_eq!(config.node_id.get(), 1);
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].bind.to_string(), "127.0.0.1:9092");
    assert_eq!(config.listeners[0].advertised, None);
    assert_eq!(config.log_dirs, ["./gracchus-data"]);
    assert_eq!(config.metadata_log_dir, "./gracchus-data");
    assert_eq!(config.queued_max_request_bytes, Some(128 * 1024 * 1024));
    assert_eq!(config.offsets_topic_replication_factor, 1);
    assert_eq!(config.inter_broker_listener, "PLAINTEXT");
}

#[test]
fn the_bound_on_requests_follows_the_largest_request() {
    let larger = broker(&[("socket.request.max.bytes", "200000000")]);
    assert_eq!(larger.queued_max_request_bytes, Some(200_000_000));
    assert_eq!(broker(&[("queued.max.request.bytes", "-1")]).queued_max_request_bytes, None);
    assert_eq!(
        refused(&[("queued.max.request.bytes", "100"), ("socket.request.max.bytes", "200")]),
        "queued.max.request.bytes must be larger or equal to socket.request.max.bytes"
    );
}

#[test]
fn what_the_broker_holds_for_clients_is_bounded_by_settings_with_ranges() {
    let config = broker(&[]);
    assert_eq!(config.queued_max_response_bytes, Some(128 * 1024 * 1024));
    assert_eq!(broker(&[("queued.max.response.bytes", "-1")]).queued_max_response_bytes, None);
    assert_eq!(config.max_incremental_fetch_session_cache_partitions, 200_000);
    assert_eq!((config.max_producer_ids, config.max_producer_ids_per_partition), (1_000_000, 10_000));
    assert_eq!((config.max_groups, config.max_groups_per_offsets_partition), (1_000_000, 100_000));
    assert_eq!(config.max_group_state_bytes, 1 << 30);
    assert_eq!(config.max_group_state_bytes_per_offsets_partition, 256 << 20);
    let refusals = [
        ("queued.max.response.bytes", "0", "Value must be between 1048576 and 1099511627776 or equal to -1"),
        ("max.incremental.fetch.session.cache.partitions", "0", "Value must be at least 1"),
        ("max.producer.ids", "0", "Value must be at least 1"),
        ("max.producer.ids.per.partition", "10000001", "Value must be no more than 10000000"),
        ("max.groups", "-1", "Value must be at least 1"),
        ("max.groups.per.offsets.partition", "0", "Value must be at least 1"),
        ("max.group.state.bytes", "1000", "Value must be at least 1048576"),
        ("max.group.state.bytes.per.offsets.partition", "1000", "Value must be at least 1048576"),
    ];
    for (name, value, why) in refusals {
        let said = refused(&[(name, value)]);
        assert_eq!(said, format!("Invalid value {value} for configuration {name}: {why}"));
    }
}

#[test]
fn node_id_and_broker_id_are_one_thing() {
    assert_eq!(broker(&[("broker.id", "3")]).node_id.get(), 3);
    assert_eq!(
        refused(&[("node.id", "1"), ("broker.id", "2")]),
        "You must set `node.id` to the same value as `broker.id`."
    );
    assert!(refused(&[("node.id", "-1")]).ends_with("Value must be at least 0"));
}

#[test]
fn broker_settings_that_cannot_hold_together_are_refused_in_kafkas_words() {
    let cases: [(&[(&str, &str)], &str); 8] = [
        (
            &[("log.retention.minutes", "0")],
            "log.retention.ms must be unlimited (-1) or, greater than or equal to 1",
        ),
        (&[("log.roll.ms", "0")], "log.roll.ms must be greater than or equal to 1"),
        (&[("log.dirs", "a,,b")], "Configuration 'log.dirs' values must not be empty."),
        (
            &[("log.dirs", "")],
            "Configuration 'log.dirs' must not be empty. Valid values include: any non-empty value",
        ),
        (&[("offsets.topic.compression.codec", "9")], "Unknown compression type id: 9"),
        (
            &[("max.connections.per.ip", "0")],
            "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
        ),
        (
            &[("process.roles", "")],
            "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]",
        ),
        (
            &[("inter.broker.listener.name", "PLAINTEXT"), ("security.inter.broker.protocol", "PLAINTEXT")],
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
        ),
    ];
    for (pairs, message) in cases {
        assert_eq!(refused(pairs), message);
    }
    let overrides =
        broker(&[("max.connections.per.ip", "0"), ("max.connections.per.ip.overrides", "127.0.0.1:5")]);
    assert_eq!(overrides.max_connections_per_ip_overrides, [("127.0.0.1".to_owned(), 5)]);
}

#[test]
fn a_single_combined_node_is_taken_and_anything_larger_is_refused() {
    let combined = [
        ("process.roles", "broker,controller"),
        ("node.id", "5"),
        ("controller.quorum.voters", "5@localhost:9093"),
        ("controller.quorum.bootstrap.servers", "localhost:9093"),
        ("listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"),
        ("controller.listener.names", "CONTROLLER"),
    ];
    assert_eq!(broker(&combined).listeners.len(), 1);
    let cases = [
        ("process.roles", "broker", "process.roles=broker: a node with only one"),
        ("process.roles", "controller", "process.roles=controller: a node with only one"),
        ("process.roles", "x", "Invalid value x for configuration process.roles"),
        ("controller.quorum.voters", "1@a:1,2@b:1,3@c:1", "controller.quorum.voters names 3 controllers"),
        ("controller.quorum.bootstrap.servers", "a:1,b:1", "controller.quorum.bootstrap.servers names 2"),
        (
            "controller.quorum.voters",
            "2@h:1",
            "If process.roles contains the 'controller' role, the node id 1",
        ),
        ("controller.quorum.voters", "1@h", "Failed to parse host name from entry 1@h"),
        ("controller.quorum.voters", "1@0.0.0.0:9093", "Host string (0.0.0.0) is not routeable"),
        ("authorizer.class.name", "kafka.Acl", "authorizer.class.name is set"),
    ];
    for (name, value, message) in cases {
        let got = refused(&[(name, value)]);
        assert!(got.starts_with(message), "{got}");
    }
    let missing = refused(&[("listeners", "PLAINTEXT://:1"), ("controller.listener.names", "CONTROLLER")]);
    assert!(missing.starts_with("controller.listener.names must contain"), "{missing}");
}

mod describing;
mod documented;
mod listening;
mod resources;

#[test]
fn whatever_stands_in_a_setting_is_a_value_or_an_error() {
    let long = "x".repeat(100_000);
    let strange = [
        "",
        " ",
        ",",
        ",,,",
        "-1",
        "0",
        "1",
        "-9223372036854775808",
        "9223372036854775807",
        "9223372036854775808",
        "1e9",
        "0x10",
        "NaN",
        "true",
        "null",
        "\0",
        "\u{e9}",
        "a:b:c",
        "://:",
        "PLAINTEXT://",
        "PLAINTEXT://:99999",
        "PLAINTEXT://[::1",
        "PLAINTEXT://h:1,PLAINTEXT://h:2",
        &long,
    ];
    let mut refused = 0;
    for value in strange {
        for definition in BROKER {
            refused +=
                usize::from(BrokerConfig::from_settings(&settings(&[(definition.name, value)])).is_err());
        }
        for definition in TOPIC {
            refused += usize::from(topic(&[(definition.name, value)]).is_err());
        }
    }
    assert!(refused > 500, "{refused}");
}
