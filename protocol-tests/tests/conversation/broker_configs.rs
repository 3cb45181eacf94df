//! Settings of brokers that are changed while one runs (KIP-226), and of groups and subscriptions to client metrics.

use gracchus_wire::ApiKey;
use gracchus_wire::messages::{
    IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
};
use protocol_tests::{Client, TestBroker, batch};

use super::configs::{alter, configs, one};
use super::support::*;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

const SET: i8 = 0;
const DELETE: i8 = 1;

const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_REQUEST: i16 = 42;

async fn set(client: &mut Client, resource: (i8, &str), name: &str, value: Option<&str>) {
    let operation = if value.is_some() { SET } else { DELETE };
    assert_eq!(alter(client, 1, resource, &[(name, operation, value)]).await, (0, String::new()));
}

/// The value of a setting and where each of its values comes from, the one that counts first.
async fn told(client: &mut Client, resource: (i8, &str), name: &str) -> (String, Vec<(String, i8)>) {
    let described = configs(client, 4, resource.0, resource.1, Some(&[name])).await;
    let config = one(&described, name);
    let synonyms = config.synonyms.iter();
    let synonyms = synonyms.map(|s| (s.value.as_deref().unwrap_or("null").to_owned(), s.source));
    (config.value.as_deref().unwrap_or("null").to_owned(), synonyms.collect())
}

async fn until_told(client: &mut Client, resource: (i8, &str), name: &str, value: &str) {
    let patience = Patience::new();
    while told(client, resource, name).await.0 != value {
        patience.wait();
    }
}

#[tokio::test]
async fn a_brokers_own_setting_goes_before_that_of_all_and_that_before_its_file_over_restarts() {
    let mut broker = TestBroker::start_with(&[("log.segment.bytes", "3000000")]).await;
    let mut client = broker.client().await;
    set(&mut client, (BROKER, ""), "log.segment.bytes", Some("2000000")).await;
    set(&mut client, (BROKER, "1"), "log.segment.bytes", Some("4000000")).await;
    let both = [("4000000", 2), ("2000000", 3), ("3000000", 4), ("1073741824", 5)];
    let expected = |rows: &[(&str, i8)]| {
        let synonyms = rows.iter().map(|(value, source)| ((*value).to_owned(), *source));
        (rows[0].0.to_owned(), synonyms.collect::<Vec<_>>())
    };
    create(&mut client, "segments", 1, &[]).await;
    assert_eq!(told(&mut client, (BROKER, "1"), "log.segment.bytes").await, expected(&both));
    broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!(told(&mut client, (BROKER, "1"), "log.segment.bytes").await, expected(&both));
    set(&mut client, (BROKER, "1"), "log.segment.bytes", None).await;
    assert_eq!(told(&mut client, (BROKER, "1"), "log.segment.bytes").await, expected(&both[1..]));
    set(&mut client, (BROKER, ""), "log.segment.bytes", None).await;
    assert_eq!(told(&mut client, (BROKER, "1"), "log.segment.bytes").await, expected(&both[2..]));
}

#[tokio::test]
async fn topics_without_a_setting_of_their_own_follow_their_broker_at_once() {
    let (_broker, mut client) = start().await;
    let follows = create(&mut client, "follows", 1, &[]).await;
    let own = create(&mut client, "own", 1, &[("max.message.bytes", "1000000")]).await;
    let large = "x".repeat(2000);
    let batch = || batch::values(&[&large]);
    produced(&mut client, &follows, batch()).await;
    set(&mut client, (BROKER, ""), "message.max.bytes", Some("1000")).await;
    until_told(&mut client, (TOPIC, &follows.name), "max.message.bytes", "1000").await;
    assert_eq!(produce(&mut client, 11, &follows, batch()).await.error_code, MESSAGE_TOO_LARGE);
    produced(&mut client, &own, batch()).await;
    set(&mut client, (BROKER, ""), "message.max.bytes", None).await;
    until_told(&mut client, (TOPIC, &follows.name), "max.message.bytes", "1048588").await;
    produced(&mut client, &follows, batch()).await;
}

#[tokio::test]
async fn a_new_bound_of_connections_holds_for_the_next_one() {
    let Some((broker, mut client)) = start_with(&[]).await else { return };
    set(&mut client, (BROKER, "1"), "max.connections.per.ip", Some("1")).await;
    let mut refused = broker.client().await;
    refused.expect_closed().await;
    set(&mut client, (BROKER, "1"), "max.connections.per.ip", None).await;
    assert_served(&mut broker.client().await).await;
    assert_served(&mut client).await;
}

#[tokio::test]
async fn producers_expire_by_a_new_setting_without_a_restart() {
    let given = [("producer.id.expiration.check.interval.ms", "10")];
    let Some((broker, mut client)) = start_with(&given).await else { return };
    let topic = create(&mut client, "expiring", 1, &[]).await;
    produced(&mut client, &topic, batch::idempotent(7, 0, 0, &["v"])).await;
    broker.until_memory(|memory| memory.producer_ids.held == 1).await;
    set(&mut client, (BROKER, "1"), "producer.id.expiration.ms", Some("1")).await;
    broker.until_memory(|memory| memory.producer_ids.held == 0).await;
}

#[tokio::test]
async fn one_bad_setting_of_a_broker_spoils_the_others_and_a_check_changes_nothing() {
    let (_broker, mut client) = start().await;
    let before = told(&mut client, (BROKER, "1"), "log.retention.bytes").await;
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        for (name, value, message) in [
            ("node.id", "2", "Cannot update these configs dynamically: [node.id]"),
            (
                "max.connections",
                "-1",
                "Invalid value -1 for configuration max.connections: Value must be at least 0",
            ),
        ] {
            let operations = [("log.retention.bytes", SET, Some("12345")), (name, SET, Some(value))];
            let answer = alter(&mut client, version, (BROKER, "1"), &operations).await;
            assert_eq!(answer, (INVALID_REQUEST, message.to_owned()));
        }
        let config = AlterableConfig::default().with_name(text("log.retention.bytes"));
        let config = config.with_config_operation(SET).with_value(Some(text("12345")));
        let resource = AlterConfigsResource::default().with_resource_type(BROKER);
        let resource = resource.with_resource_name(text("1")).with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = client.call(version, request.with_validate_only(true)).await;
        assert_eq!(answer.responses[0].error_code, 0);
    }
    assert_eq!(told(&mut client, (BROKER, "1"), "log.retention.bytes").await, before);
}

#[tokio::test]
async fn groups_and_subscriptions_with_settings_are_listed_and_stay_over_a_restart() {
    let mut broker = TestBroker::start().await;
    let mut client = broker.client().await;
    let group = (GROUP, "consumer.session.timeout.ms", "50000");
    let metrics = (CLIENT_METRICS, "interval.ms", "200");
    for (kind, name, value) in [group, metrics] {
        set(&mut client, (kind, "here"), name, Some(value)).await;
    }
    broker.restart().await;
    let mut client = broker.client().await;
    for (kind, name, value) in [group, metrics] {
        let request = || ListConfigResourcesRequest::default().with_resource_types(vec![kind]);
        let listed = client.call(1, request()).await.config_resources;
        let listed = listed.iter().map(|resource| (resource.resource_type, resource.resource_name.as_str()));
        assert_eq!(listed.collect::<Vec<_>>(), [(kind, "here")]);
        let source = if kind == GROUP { 8 } else { 7 };
        let (now, synonyms) = told(&mut client, (kind, "here"), name).await;
        assert_eq!((now.as_str(), &synonyms[0]), (value, &(value.to_owned(), source)));
        set(&mut client, (kind, "here"), name, None).await;
        assert_eq!(client.call(1, request()).await.config_resources, []);
    }
}
