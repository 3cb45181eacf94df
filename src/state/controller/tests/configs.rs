use gracchus_base::limits::{CHANGES_PER_REQUEST_MAX, FREE_CONFIG_RESOURCES_MAX};
use gracchus_base::metadata_record::ConfigResource;

use super::super::{
    AlterConfigs, AlterOperation, ConfigOperation, ConfigTarget, IncrementalAlterConfigs, alter_configs,
    bootstrap_records, incremental_alter_configs,
};
use super::*;
use crate::image::tests::name;

use AlterOperation::{Append, Delete, Set, Subtract, Unknown};

type Op<'a> = (&'a str, AlterOperation, Option<&'a str>);

fn target(resource_type: i8, resource_name: &str) -> ConfigTarget {
    ConfigTarget { resource_type, resource_name: resource_name.to_owned() }
}

fn request(target: ConfigTarget, operations: &[Op<'_>]) -> IncrementalAlterConfigs {
    let operation = |(name, operation, value): &Op<'_>| ConfigOperation {
        name: (*name).to_owned(),
        operation: *operation,
        value: value.map(str::to_owned),
    };
    IncrementalAlterConfigs { target, operations: operations.iter().map(operation).collect() }
}

/// Topic "t", and ELR on as in a new cluster.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new(1, 0);
    cluster.commit(bootstrap_records(1));
    cluster.create(new_topic("t", 1, 1)).unwrap();
    cluster
}

fn decide(
    cluster: &Cluster,
    target: ConfigTarget,
    operations: &[Op<'_>],
) -> Result<Vec<MetadataRecord>, AdminError> {
    incremental_alter_configs(cluster.image(), &cluster.broker, &[request(target, operations)]).pop().unwrap()
}

/// Alters the topic, and says how many records that took.
fn alter_topic(cluster: &mut Cluster, operations: &[Op<'_>]) -> usize {
    let records = decide(cluster, target(2, "t"), operations).unwrap();
    let count = records.len();
    cluster.commit(records);
    count
}

fn value(cluster: &Cluster, config: &str) -> Option<String> {
    cluster.image().topic_configs(&name("t")).get(config).map(str::to_owned)
}

#[test]
fn a_setting_is_set_once_and_deleted_once() {
    let mut cluster = cluster();
    assert_eq!(alter_topic(&mut cluster, &[("retention.ms", Set, Some("1000"))]), 1);
    assert_eq!(alter_topic(&mut cluster, &[("retention.ms", Set, Some("1000"))]), 0);
    assert_eq!(value(&cluster, "retention.ms").as_deref(), Some("1000"));
    assert_eq!(alter_topic(&mut cluster, &[("retention.ms", Delete, None), ("foo", Delete, Some(""))]), 1);
    assert_eq!(alter_topic(&mut cluster, &[("retention.ms", Delete, None)]), 0);
    assert_eq!(value(&cluster, "retention.ms"), None);
}

#[test]
fn lists_are_appended_to_and_subtracted_from_starting_at_the_default() {
    let mut cluster = cluster();
    let mut after = |operation, text| {
        alter_topic(&mut cluster, &[("cleanup.policy", operation, Some(text))]);
        value(&cluster, "cleanup.policy").unwrap()
    };
    assert_eq!(after(Append, "compact"), "delete,compact");
    assert_eq!(after(Append, "compact"), "delete,compact");
    assert_eq!(after(Subtract, "delete"), "compact");
    assert_eq!(after(Subtract, "other"), "compact");
    assert_eq!(after(Append, "delete,compact"), "compact,delete");
    assert_eq!(alter_topic(&mut cluster, &[("cleanup.policy", Delete, None)]), 1);
    assert_eq!(alter_topic(&mut cluster, &[("cleanup.policy", Append, Some("delete"))]), 1);
    assert_eq!(value(&cluster, "cleanup.policy").as_deref(), Some("delete"));
}

#[test]
fn several_changes_of_a_resource_are_one_change_or_none() {
    let mut cluster = cluster();
    let records =
        decide(&cluster, target(2, "t"), &[("retention.ms", Set, Some("7")), ("segment.ms", Set, Some("8"))]);
    assert_eq!(records.as_ref().map(Vec::len), Ok(4));
    cluster.commit(records.unwrap());
    let bad = [("retention.ms", Set, Some("77")), ("segment.ms", Set, Some("x"))];
    let refused = refused(decide(&cluster, target(2, "t"), &bad));
    let message = "Invalid value x for configuration segment.ms: Not a number of type LONG".to_owned();
    assert_eq!(refused, (ErrorCode::InvalidConfig, message));
    assert_eq!(value(&cluster, "retention.ms").as_deref(), Some("7"));
}

#[test]
fn what_a_topic_refuses_has_kafkas_code_and_words() {
    let cluster = cluster();
    let append = "Can't APPEND to key retention.ms because its type is not LIST.";
    let subtract = "Can't SUBTRACT to key retention.ms because its type is not LIST.";
    let bad = "Invalid value x for configuration retention.ms: Not a number of type LONG";
    let cases: [(&[Op<'_>], ErrorCode, &str); 9] = [
        (&[("retention.ms", Set, Some("x"))], ErrorCode::InvalidConfig, bad),
        (&[("foo", Set, Some("x"))], ErrorCode::InvalidConfig, "Unknown topic config name: foo"),
        (&[("retention.ms", Append, Some("1"))], ErrorCode::InvalidConfig, append),
        (&[("retention.ms", Subtract, Some("1"))], ErrorCode::InvalidConfig, subtract),
        (
            &[("retention.ms", Set, None)],
            ErrorCode::InvalidRequest,
            "Null value not supported for : retention.ms",
        ),
        (
            &[("a", Append, None), ("b", Subtract, None), ("c", Delete, None)],
            ErrorCode::InvalidRequest,
            "Null value not supported for : a, b",
        ),
        (
            &[("retention.ms", Set, Some("1")), ("retention.ms", Delete, None)],
            ErrorCode::InvalidRequest,
            "Error due to duplicate config keys",
        ),
        (&[("retention.ms", Unknown(9), Some("1"))], ErrorCode::InvalidRequest, "Unknown operations type 9"),
        (
            &[("min.compaction.lag.ms", Set, Some("9")), ("max.compaction.lag.ms", Set, Some("8"))],
            ErrorCode::InvalidConfig,
            "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (8)",
        ),
    ];
    for (operations, code, message) in cases {
        assert_eq!(refused(decide(&cluster, target(2, "t"), operations)), (code, message.to_owned()));
    }
}

#[test]
fn resources_that_cannot_be_altered_are_refused() {
    let cluster = cluster();
    let characters = "Topic name is invalid: 'a/b' contains one or more characters other than ASCII \
                      alphanumerics, '.', '_' and '-'";
    for (resource, code, message) in [
        (target(2, "nope"), ErrorCode::UnknownTopicOrPartition, "The topic 'nope' does not exist."),
        (target(2, "a/b"), ErrorCode::InvalidTopicException, characters),
        (target(2, ""), ErrorCode::InvalidRequest, "Default topic resources are not allowed."),
        (target(4, "7"), ErrorCode::InvalidRequest, "Unexpected broker id, expected 1, but received 7"),
        (target(4, "abc"), ErrorCode::InvalidRequest, "Node id must be an integer, but it is: abc"),
        (target(8, "1"), ErrorCode::InvalidConfig, "Logger cleanup.policy does not exist!"),
        (target(8, "2"), ErrorCode::InvalidRequest, "Unexpected node id. Expected 1, but received 2"),
        (target(8, "x"), ErrorCode::InvalidRequest, "Node id must be an integer, but it is: x"),
        (target(0, "1"), ErrorCode::InvalidRequest, "Unknown resource type 0"),
        (target(16, ""), ErrorCode::InvalidRequest, "Subscription name can't be empty"),
        (target(32, ""), ErrorCode::InvalidRequest, "Default group resources are not allowed."),
    ] {
        let refused = refused(decide(&cluster, resource, &[("cleanup.policy", Set, Some("delete"))]));
        assert_eq!(refused, (code, message.to_owned()));
    }
}

#[test]
fn a_resource_that_stands_twice_in_a_request_is_refused_each_time() {
    let mut cluster = cluster();
    cluster.create(new_topic("u", 1, 1)).unwrap();
    let set = [("retention.ms", Set, Some("1"))];
    let requests = ["t", "u", "t"].map(|name| request(target(2, name), &set));
    let results = incremental_alter_configs(cluster.image(), &cluster.broker, &requests);
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
    let message = "Each resource must appear at most once.".to_owned();
    assert_eq!(refused(results[0].clone()), (ErrorCode::InvalidRequest, message));
}

#[test]
fn values_and_their_number_are_bounded() {
    let cluster = cluster();
    let long = vec!["0:1"; 8_192].join(",");
    assert_eq!(long.len(), 32_767);
    fn throttled(text: &str) -> [Op<'_>; 1] {
        [("leader.replication.throttled.replicas", Set, Some(text))]
    }
    assert!(decide(&cluster, target(2, "t"), &throttled(&long)).is_ok());
    let longer = format!("{long},0:1");
    let too_long = refused(decide(&cluster, target(2, "t"), &throttled(&longer)));
    let message =
        "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.";
    assert_eq!(too_long, (ErrorCode::InvalidConfig, message.to_owned()));
    let names: Vec<String> = (0..1_000).map(|n| format!("foreign.{n}")).collect();
    let many: Vec<Op<'_>> = names.iter().map(|name| (name.as_str(), Set, Some("x"))).collect();
    let too_many = refused(decide(&cluster, target(4, ""), &many));
    assert_eq!(too_many.0, ErrorCode::PolicyViolation);
    assert!(decide(&cluster, target(4, "1"), &many).is_ok());
}

#[test]
fn a_broker_takes_dynamic_settings_and_foreign_ones_for_itself_and_for_all() {
    let mut cluster = cluster();
    for (resource, id) in [(target(4, ""), None), (target(4, "1"), Some(BrokerId(1)))] {
        let set = [("log.retention.ms", Set, Some("100000")), ("foo.bar", Set, Some("x"))];
        cluster.commit(decide(&cluster, resource, &set).unwrap());
        let configs = cluster.image().configs(&ConfigResource::Broker(id));
        assert_eq!(configs.get("log.retention.ms"), Some("100000"));
        assert_eq!(configs.get("foo.bar"), Some("x"));
    }
}

#[test]
fn what_a_broker_refuses_has_kafkas_code_and_words() {
    let cluster = cluster();
    let invalid = "Invalid value x for configuration log.retention.ms: Not a number of type LONG";
    let elr_broker = "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
    let elr_cluster = "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.";
    let append = "Config value append is not allowed for config key: log.retention.ms";
    for (name, op, code, message) in [
        (
            "1",
            ("node.id", Set, Some("3")),
            ErrorCode::InvalidRequest,
            "Cannot update these configs dynamically: [node.id]",
        ),
        (
            "",
            ("log.dirs", Set, Some("/x")),
            ErrorCode::InvalidRequest,
            "Cannot update these configs dynamically: [log.dirs]",
        ),
        ("1", ("log.retention.ms", Set, Some("x")), ErrorCode::InvalidRequest, invalid),
        ("1", ("min.insync.replicas", Set, Some("2")), ErrorCode::InvalidConfig, elr_broker),
        ("", ("min.insync.replicas", Delete, None), ErrorCode::InvalidConfig, elr_cluster),
        ("", ("log.retention.ms", Append, Some("1")), ErrorCode::InvalidConfig, append),
    ] {
        assert_eq!(refused(decide(&cluster, target(4, name), &[op])), (code, message.to_owned()), "{op:?}");
    }
}

#[test]
fn groups_and_subscriptions_keep_their_settings_and_refuse_what_kafka_refuses() {
    let mut cluster = cluster();
    let group = ConfigResource::Group("g".to_owned());
    let metrics = ConfigResource::ClientMetrics("m".to_owned());
    let session = ("consumer.session.timeout.ms", Set, Some("50000"));
    cluster.commit(decide(&cluster, target(32, "g"), &[session]).unwrap());
    for (operation, value) in [(Set, "a"), (Append, "b")] {
        cluster.commit(decide(&cluster, target(16, "m"), &[("metrics", operation, Some(value))]).unwrap());
    }
    let value = |resource, name: &str| cluster.image().configs(resource).get(name).map(str::to_owned);
    assert_eq!(value(&group, "consumer.session.timeout.ms").as_deref(), Some("50000"));
    assert_eq!(value(&metrics, "metrics").as_deref(), Some("a,b"));
    let refuse = |resource, op: Op<'_>| refused(decide(&cluster, resource, &[op])).0;
    assert_eq!(refuse(target(32, "g"), ("nope", Set, Some("1"))), ErrorCode::InvalidConfig);
    assert_eq!(refuse(target(32, "g"), ("nope", Append, Some("1"))), ErrorCode::InvalidConfig);
    assert_eq!(refuse(target(16, "m"), ("nope", Set, Some("1"))), ErrorCode::InvalidRequest);
    assert_eq!(refuse(target(16, "m"), ("match", Set, Some("x=1"))), ErrorCode::InvalidConfig);
    // One bad setting spoils the good one beside it.
    let both = [("interval.ms", Set, Some("200")), ("match", Set, Some("x=1"))];
    assert!(decide(&cluster, target(16, "m"), &both).is_err());
}

#[test]
fn resources_that_need_not_exist_are_bounded_in_number() {
    let mut cluster = cluster();
    let set = |n: usize| MetadataRecord::Config {
        resource: ConfigResource::Group(format!("g{n}")),
        name: "consumer.session.timeout.ms".to_owned(),
        value: Some("50000".to_owned()),
    };
    cluster.commit((0..FREE_CONFIG_RESOURCES_MAX).map(set).collect());
    let session = [("consumer.session.timeout.ms", Set, Some("46000"))];
    let refused = refused(decide(&cluster, target(32, "new"), &session));
    assert_eq!(refused.0, ErrorCode::PolicyViolation);
    assert!(decide(&cluster, target(16, "new"), &[("interval.ms", Set, Some("200"))]).is_err());
    assert!(decide(&cluster, target(32, "g7"), &session).is_ok(), "one that has settings may change them");
    let nothing = [("consumer.session.timeout.ms", Delete, None)];
    assert_eq!(
        decide(&cluster, target(32, "new"), &nothing),
        Ok(Vec::new()),
        "what changes nothing needs no room"
    );
}

/// One setting for each of so many groups, in one request.
fn set_for_groups(count: usize) -> Vec<IncrementalAlterConfigs> {
    let operations = vec![ConfigOperation {
        name: "consumer.session.timeout.ms".to_owned(),
        operation: Set,
        value: Some("46000".to_owned()),
    }];
    let of_group = |n| IncrementalAlterConfigs {
        target: target(32, &format!("new{n}")),
        operations: operations.clone(),
    };
    (0..count).map(of_group).collect()
}

#[test]
fn one_request_does_not_go_over_the_bound_of_resources_that_need_not_exist() {
    let mut cluster = cluster();
    let almost = incremental_alter_configs(
        cluster.image(),
        &cluster.broker,
        &set_for_groups(FREE_CONFIG_RESOURCES_MAX - 1),
    );
    almost.into_iter().for_each(|records| cluster.commit(records.unwrap()));
    let mut two = set_for_groups(2);
    two.iter_mut().for_each(|request| request.target.resource_name.push_str("more"));
    let results = incremental_alter_configs(cluster.image(), &cluster.broker, &two);
    let codes: Vec<_> = results.into_iter().map(|result| result.map_err(|error| error.code)).collect();
    assert!(codes[0].is_ok());
    assert_eq!(codes[1], Err(ErrorCode::PolicyViolation));
}

#[test]
fn more_settings_than_one_request_may_change_are_refused_all() {
    let cluster = cluster();
    let requests = set_for_groups(CHANGES_PER_REQUEST_MAX + 1);
    let results = incremental_alter_configs(cluster.image(), &cluster.broker, &requests);
    assert_eq!(results.len(), requests.len());
    for result in results {
        let message = "Unable to perform excessively large batch operation.".to_owned();
        assert_eq!(refused(result), (ErrorCode::PolicyViolation, message));
    }
}

#[test]
fn legacy_alter_configs_replaces_all_settings() {
    let mut cluster = cluster();
    alter_topic(&mut cluster, &[("retention.ms", Set, Some("1")), ("segment.ms", Set, Some("2"))]);
    let owned = |(name, value): (&str, &str)| (name.to_owned(), Some(value.to_owned()));
    let configs = [("segment.ms", "2"), ("cleanup.policy", "compact")].map(owned).to_vec();
    let request = AlterConfigs { target: target(2, "t"), configs };
    let replace = |cluster: &Cluster, request: &AlterConfigs| {
        alter_configs(cluster.image(), &cluster.broker, std::slice::from_ref(request)).pop().unwrap()
    };
    cluster.commit(replace(&cluster, &request).unwrap());
    let now: Vec<_> = cluster.image().topic_configs(&name("t")).iter().map(|(n, _)| n.to_owned()).collect();
    assert_eq!(now, ["cleanup.policy", "segment.ms"]);
    assert_eq!(replace(&cluster, &request), Ok(Vec::new()));
    let without_value = AlterConfigs { configs: vec![("segment.ms".to_owned(), None)], ..request };
    let message = "Null value not supported for : segment.ms".to_owned();
    assert_eq!(refused(replace(&cluster, &without_value)), (ErrorCode::InvalidRequest, message));
    let all_brokers = AlterConfigs { target: target(4, ""), configs: Vec::new() };
    assert_eq!(refused(replace(&cluster, &all_brokers)).0, ErrorCode::InvalidConfig);
}
