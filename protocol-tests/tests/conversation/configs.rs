//! DescribeConfigs, IncrementalAlterConfigs and AlterConfigs (TRAPS 65).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::describe_configs_request::DescribeConfigsResource;
use gracchus_wire::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use gracchus_wire::messages::{
    AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    alter_configs_request as full, incremental_alter_configs_request as incremental,
};
use protocol_tests::Client;

use super::support::*;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// Where a value comes from: the topic itself, or nowhere.
const DYNAMIC_TOPIC: i8 = 1;
const DEFAULT: i8 = 5;

pub(super) async fn configs(
    client: &mut Client,
    version: i16,
    kind: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> DescribeConfigsResult {
    let keys = keys.map(|keys| keys.iter().map(|key| text(key)).collect());
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(keys);
    let request =
        DescribeConfigsRequest::default().with_resources(vec![resource]).with_include_synonyms(true);
    client.call(version, request).await.results.remove(0)
}

pub(super) fn one<'a>(result: &'a DescribeConfigsResult, name: &str) -> &'a DescribeConfigsResourceResult {
    result.configs.iter().find(|config| config.name.as_str() == name).expect("a config of this name")
}

#[tokio::test]
async fn traps_65_topic_configs_come_with_source_and_synonyms_and_type() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "described", 1, &[("retention.ms", "1234")]).await;
    for version in versions(ApiKey::DescribeConfigs) {
        let all = configs(&mut client, version, TOPIC, &topic.name, None).await;
        assert_eq!(
            (all.error_code, all.resource_type, all.resource_name.as_str()),
            (0, TOPIC, topic.name.as_str())
        );
        let retention = one(&all, "retention.ms");
        assert_eq!((retention.value.as_deref(), retention.config_source), (Some("1234"), DYNAMIC_TOPIC));
        let synonyms = retention.synonyms.iter().map(|s| (s.name.as_str(), s.source)).collect::<Vec<_>>();
        assert_eq!(synonyms, [("retention.ms", DYNAMIC_TOPIC)]);
        let synonyms = one(&all, "segment.bytes").synonyms.iter().map(|s| (s.name.as_str(), s.source));
        assert_eq!(synonyms.collect::<Vec<_>>(), [("log.segment.bytes", DEFAULT)]);
        assert_eq!(retention.config_type, if version >= 3 { 5 } else { 0 }, "LONG");
        let policy = one(&all, "cleanup.policy");
        assert_eq!((policy.value.as_deref(), policy.config_source), (Some("delete"), DEFAULT));
        assert!(!policy.read_only && !policy.is_sensitive);
        let some =
            configs(&mut client, version, TOPIC, &topic.name, Some(&["cleanup.policy", "no.such"])).await;
        assert_eq!(
            some.configs.iter().map(|config| config.name.as_str()).collect::<Vec<_>>(),
            ["cleanup.policy"]
        );
        let none = configs(&mut client, version, TOPIC, &topic.name, Some(&[])).await;
        assert_eq!(none.configs.len(), all.configs.len(), "no keys mean all, like null");
    }
}

#[tokio::test]
async fn traps_65_resources_that_are_none_are_refused_one_by_one() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DescribeConfigs) {
        let malformed = "This most likely occurs because of a request being malformed by the client library or the \
                         message was sent to an incompatible broker. See the broker logs for more details.";
        for (kind, name, error, message) in [
            (TOPIC, "no-such-topic", 3, ""),
            (TOPIC, "..", 17, "Topic name is invalid: '..' is not allowed"),
            (BROKER, "7", 42, "Unexpected broker id, expected 1 or empty string, but received 7"),
            (BROKER, "one", 42, "Broker id must be an integer, but it is: one"),
            (0, "x", 42, malformed),
            (77, "x", 42, malformed),
        ] {
            let result = configs(&mut client, version, kind, name, None).await;
            assert_eq!(
                (result.error_code, result.error_message.as_deref()),
                (error, Some(message)),
                "{kind} {name}"
            );
            assert_eq!(result.configs, []);
        }
    }
}

#[tokio::test]
async fn broker_configs_are_described_by_the_brokers_id() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::DescribeConfigs) {
        let all = configs(&mut client, version, BROKER, "1", None).await;
        assert_eq!(all.error_code, 0, "{:?}", all.error_message);
        assert_eq!(one(&all, "group.initial.rebalance.delay.ms").value.as_deref(), Some("0"));
        assert_eq!(one(&all, "num.partitions").value.as_deref(), Some("1"));
        assert_eq!(one(&all, "node.id").value.as_deref(), Some("1"));
        assert!(one(&all, "node.id").read_only);
        for config in all.configs.iter().filter(|config| config.is_sensitive) {
            assert_eq!(config.value, None, "{}", config.name.as_str());
        }
    }
}

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// Name, operation, value.
pub(super) type Operation<'a> = (&'a str, i8, Option<&'a str>);

pub(super) async fn alter(
    client: &mut Client,
    version: i16,
    (kind, name): (i8, &str),
    operations: &[Operation<'_>],
) -> (i16, String) {
    let config = |(name, operation, value): &Operation<'_>| {
        incremental::AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*operation)
            .with_value(value.map(text))
    };
    let resource = incremental::AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(operations.iter().map(config).collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let result = client.call(version, request).await.responses.remove(0);
    (result.error_code, result.error_message.map_or_else(String::new, |message| message.to_string()))
}

async fn value(client: &mut Client, topic: &Topic, key: &str) -> Option<String> {
    let result = configs(client, 4, TOPIC, &topic.name, Some(&[key])).await;
    one(&result, key).value.as_ref().map(ToString::to_string)
}

#[tokio::test]
async fn configs_are_altered_one_by_one() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        let topic = create(&mut client, "altered", 1, &[("retention.ms", "5000")]).await;
        let resource = (TOPIC, topic.name.as_str());
        let ok = (0, String::new());
        assert_eq!(
            alter(&mut client, version, resource, &[("segment.bytes", SET, Some("2097152"))]).await,
            ok
        );
        let patience = Patience::new();
        while value(&mut client, &topic, "segment.bytes").await.as_deref() != Some("2097152") {
            patience.wait();
        }
        assert_eq!(value(&mut client, &topic, "retention.ms").await.as_deref(), Some("5000"), "others stay");
        assert_eq!(alter(&mut client, version, resource, &[("retention.ms", DELETE, None)]).await, ok);
        let patience = Patience::new();
        while value(&mut client, &topic, "retention.ms").await.as_deref() != Some("604800000") {
            patience.wait();
        }
        assert_eq!(
            alter(&mut client, version, resource, &[("cleanup.policy", APPEND, Some("compact"))]).await,
            ok
        );
        let patience = Patience::new();
        while value(&mut client, &topic, "cleanup.policy").await.as_deref() != Some("delete,compact") {
            patience.wait();
        }
        assert_eq!(
            alter(&mut client, version, resource, &[("cleanup.policy", SUBTRACT, Some("delete"))]).await,
            ok
        );
        let patience = Patience::new();
        while value(&mut client, &topic, "cleanup.policy").await.as_deref() != Some("compact") {
            patience.wait();
        }
    }
}

#[tokio::test]
async fn alterations_are_refused_with_kafkas_codes() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "unaltered", 1, &[]).await;
    let name = topic.name.as_str();
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        let cases: [(_, &[Operation<'_>], i16, &str); 10] = [
            (
                (TOPIC, "no-such-topic"),
                &[("retention.ms", SET, Some("1"))],
                3,
                "The topic 'no-such-topic' does not exist.",
            ),
            (
                (TOPIC, ".."),
                &[("retention.ms", SET, Some("1"))],
                17,
                "Topic name is invalid: '..' is not allowed",
            ),
            (
                (TOPIC, name),
                &[("no.such.config", SET, Some("1"))],
                40,
                "Unknown topic config name: no.such.config",
            ),
            (
                (TOPIC, name),
                &[("retention.ms", SET, Some("soon"))],
                40,
                "Invalid value soon for configuration retention.ms: Not a number of type LONG",
            ),
            (
                (TOPIC, name),
                &[("retention.ms", SET, None)],
                42,
                "Null value not supported for : retention.ms",
            ),
            (
                (TOPIC, name),
                &[("retention.ms", APPEND, Some("1"))],
                40,
                "Can't APPEND to key retention.ms because its type is not LIST.",
            ),
            (
                (TOPIC, name),
                &[("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))],
                42,
                "Error due to duplicate config keys",
            ),
            (
                (BROKER, "7"),
                &[("num.io.threads", SET, Some("1"))],
                42,
                "Unexpected broker id, expected 1, but received 7",
            ),
            ((0, "x"), &[("a", SET, Some("1"))], 42, "Unknown resource type 0"),
            (
                (TOPIC, name),
                &[("min.insync.replicas", SET, Some("0"))],
                40,
                "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1",
            ),
        ];
        for (resource, operations, error, message) in cases {
            let answer = alter(&mut client, version, resource, operations).await;
            assert_eq!(answer, (error, message.to_owned()), "{resource:?} {operations:?}");
        }
    }
    assert_eq!(
        value(&mut client, &topic, "retention.ms").await.as_deref(),
        Some("604800000"),
        "nothing was altered"
    );
}

#[tokio::test]
async fn alter_configs_replaces_all_of_a_topics_configs() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::AlterConfigs) {
        let topic = create(&mut client, "replaced", 1, &[("retention.ms", "5000")]).await;
        let config = full::AlterableConfig::default()
            .with_name(text("segment.bytes"))
            .with_value(Some(text("2097152")));
        let resource = |name: &str| {
            let resource = full::AlterConfigsResource::default().with_resource_type(TOPIC);
            resource.with_resource_name(text(name)).with_configs(vec![config.clone()])
        };
        for validate_only in [true, false] {
            let resources = vec![resource(&topic.name), resource("no-such-topic")];
            let request =
                AlterConfigsRequest::default().with_resources(resources).with_validate_only(validate_only);
            let answer = client.call(version, request).await;
            let mut codes: Vec<_> = answer.responses.iter().map(|response| response.error_code).collect();
            codes.sort_unstable();
            assert_eq!(codes, [0, 3]);
            if validate_only {
                assert_eq!(value(&mut client, &topic, "retention.ms").await.as_deref(), Some("5000"));
            }
        }
        let patience = Patience::new();
        while value(&mut client, &topic, "segment.bytes").await.as_deref() != Some("2097152") {
            patience.wait();
        }
        assert_eq!(value(&mut client, &topic, "retention.ms").await.as_deref(), Some("604800000"));
    }
}
