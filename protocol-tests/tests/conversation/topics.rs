//! CreateTopics, DeleteTopics and CreatePartitions: codes and messages (TRAPS 63).

use gracchus_wire::ApiKey;
use gracchus_wire::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use gracchus_wire::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use gracchus_wire::messages::create_topics_response::CreatableTopicResult;
use gracchus_wire::messages::delete_topics_request::DeleteTopicState;
use gracchus_wire::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DeleteTopicsResponse, Uuid,
};
use protocol_tests::{Client, batch};

use super::support::*;

/// Deletes a topic.
pub async fn delete(client: &mut Client, topic: &Topic) {
    let state = DeleteTopicState::default().with_name(None).with_topic_id(topic.id);
    let request = DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(10_000);
    let answer = client.call(6, request).await;
    assert_eq!(answer.responses[0].error_code, 0, "{:?}", answer.responses[0].error_message);
}

async fn make(client: &mut Client, version: i16, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(10_000);
    client.call(version, request).await.topics
}

/// Creates one topic; answers code and message.
async fn make_one(client: &mut Client, version: i16, topic: CreatableTopic) -> (i16, String) {
    let result = make(client, version, vec![topic]).await.remove(0);
    (result.error_code, result.error_message.map_or_else(String::new, |message| message.to_string()))
}

#[tokio::test]
async fn traps_63_every_version_creates_topics_with_the_defaults_from_version_4_on() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::CreateTopics) {
        let name = unique("created");
        let topic = creatable(&name, 3, &[("retention.ms", "1000")]).with_replication_factor(1);
        let result = make(&mut client, version, vec![topic]).await.remove(0);
        assert_eq!((result.error_code, &result.error_message), (0, &None), "version {version}");
        if version >= 5 {
            assert_eq!((result.num_partitions, result.replication_factor), (3, 1));
            let configs = result.configs.unwrap();
            let retention = configs.iter().find(|config| config.name.as_str() == "retention.ms").unwrap();
            assert_eq!((retention.value.as_deref(), retention.config_source), (Some("1000"), 1));
            let segment = configs.iter().find(|config| config.name.as_str() == "segment.bytes").unwrap();
            assert_eq!((segment.value.as_deref(), segment.config_source), (Some("1073741824"), 5));
        }
        assert_eq!(result.topic_id.is_nil(), version < 7);
        let defaults =
            make(&mut client, version, vec![creatable(&unique("defaults"), -1, &[])]).await.remove(0);
        if version >= 4 {
            assert_eq!(defaults.error_code, 0, "{:?}", defaults.error_message);
            assert!(version < 5 || (defaults.num_partitions, defaults.replication_factor) == (1, 1));
        }
    }
}

#[tokio::test]
async fn traps_63_topics_are_refused_with_kafkas_codes_and_messages() {
    let (_broker, mut client) = start().await;
    let there = create(&mut client, "there", 1, &[]).await;
    let long = "x".repeat(250);
    let of = |name: &str| creatable(name, 1, &[]).with_replication_factor(1);
    let dotted = create(&mut client, "dot.ted", 1, &[]).await;
    let underscored = dotted.name.replace('.', "_");
    let assigned = |brokers: &[i32]| {
        let brokers = brokers.iter().map(|id| BrokerId(*id)).collect();
        vec![CreatableReplicaAssignment::default().with_partition_index(0).with_broker_ids(brokers)]
    };
    let name = unique("refused");
    let characters = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
    let of_defaults = || creatable(&name, -1, &[]);
    let cases: Vec<(CreatableTopic, i16, String)> = vec![
        (of(&there.name), 36, format!("Topic '{}' already exists.", there.name.as_str())),
        (of(".."), 17, "Topic name is invalid: '..' is not allowed".into()),
        (of("."), 17, "Topic name is invalid: '.' is not allowed".into()),
        (of(""), 17, "Topic name is invalid: the empty string is not allowed".into()),
        (of("a/b"), 17, format!("Topic name is invalid: 'a/b' {characters}")),
        (of("a\0b"), 17, format!("Topic name is invalid: 'a\0b' {characters}")),
        (
            of(&long),
            17,
            format!("Topic name is invalid: the length of '{long}' is longer than the max allowed length 249"),
        ),
        (
            of(&underscored),
            17,
            format!("Topic '{underscored}' collides with existing topic: {}", dotted.name.as_str()),
        ),
        (
            of(&name).with_num_partitions(0),
            37,
            "Number of partitions was set to an invalid non-positive value.".into(),
        ),
        (
            of(&name).with_num_partitions(-2),
            37,
            "Number of partitions was set to an invalid non-positive value.".into(),
        ),
        (
            of(&name).with_replication_factor(0),
            38,
            "Replication factor must be larger than 0, or -1 to use the default value.".into(),
        ),
        (
            of(&name).with_replication_factor(2),
            38,
            "Unable to replicate the partition 2 time(s): The target replication factor of 2 cannot be reached because \
             only 1 broker(s) are registered or some brokers have all their log directories cordoned."
                .into(),
        ),
        (
            of(&name).with_assignments(assigned(&[1])),
            42,
            "A manual partition assignment was specified, but replication factor was not set to -1.".into(),
        ),
        (
            of_defaults().with_assignments(assigned(&[2])),
            39,
            "The manual partition assignment includes broker 2, but no such broker is registered.".into(),
        ),
        (
            of_defaults().with_assignments(assigned(&[1, 1])),
            39,
            "The manual partition assignment includes the broker 1 more than once.".into(),
        ),
        (creatable(&name, 1, &[("no.such.config", "1")]), 40, "Unknown topic config name: no.such.config".into()),
        (
            creatable(&name, 1, &[("retention.ms", "soon")]),
            40,
            "Invalid value soon for configuration retention.ms: Not a number of type LONG".into(),
        ),
        (
            creatable(&name, 1, &[("segment.bytes", "1")]),
            40,
            "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576".into(),
        ),
        (
            creatable(&name, 1, &[("cleanup.policy", "burn")]),
            40,
            "Invalid value burn for configuration cleanup.policy: String must be one of: compact, delete".into(),
        ),
    ];
    for (topic, error, message) in cases {
        assert_eq!(make_one(&mut client, 7, topic).await, (error, message));
    }
    assert_eq!(describe(&mut client, &topic_name(&name)).await.error_code, 3, "nothing was made");
}

#[tokio::test]
async fn traps_63_validate_only_makes_nothing() {
    let (_broker, mut client) = start().await;
    for version in versions(ApiKey::CreateTopics) {
        let name = unique("validated");
        let topic = creatable(&name, 2, &[]).with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let result = client.call(version, request.with_validate_only(true)).await.topics.remove(0);
        assert_eq!(result.error_code, 0, "{:?}", result.error_message);
        assert_eq!(describe(&mut client, &topic_name(&name)).await.error_code, 3);
    }
}

#[tokio::test]
async fn one_refused_topic_does_not_hold_up_another_and_twice_the_same_name_is_refused() {
    let (_broker, mut client) = start().await;
    let (good, twice) = (unique("good"), unique("twice"));
    let topics = [good.as_str(), "..", &twice, &twice].map(|name| creatable(name, 1, &[])).to_vec();
    let mut results = make(&mut client, 7, topics).await;
    results.sort_by(|a, b| a.name.cmp(&b.name));
    let codes: Vec<_> = results.iter().map(|result| (result.name.as_str(), result.error_code)).collect();
    assert_eq!(codes, [("..", 17), (good.as_str(), 0), (twice.as_str(), 42)], "{results:?}");
}

#[tokio::test]
async fn a_negative_timeout_is_over_before_the_topic_is_made() {
    let (_broker, mut client) = start().await;
    let name = unique("timeout");
    let request =
        CreateTopicsRequest::default().with_topics(vec![creatable(&name, 1, &[])]).with_timeout_ms(-1);
    let result = client.call(7, request).await.topics.remove(0);
    assert_eq!((result.error_code, result.topic_id), (7, Uuid::nil()), "{result:?}");
    assert_eq!(describe(&mut client, &topic_name(&name)).await.error_code, 3, "nothing was made");
}

fn delete_request(version: i16, topics: &[&Topic]) -> DeleteTopicsRequest {
    let request = DeleteTopicsRequest::default().with_timeout_ms(10_000);
    if version < 6 {
        return request.with_topic_names(topics.iter().map(|topic| topic.name.clone()).collect());
    }
    let state = |topic: &&Topic| DeleteTopicState::default().with_name(Some(topic.name.clone()));
    request.with_topics(topics.iter().map(state).collect())
}

fn codes(answer: &DeleteTopicsResponse) -> Vec<i16> {
    answer.responses.iter().map(|response| response.error_code).collect()
}

#[tokio::test]
async fn topics_are_deleted_by_name_in_every_version_and_by_id_from_version_6_on() {
    let (_broker, mut client) = start().await;
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::from_u128(5) };
    for version in versions(ApiKey::DeleteTopics) {
        let topic = create(&mut client, "doomed", 1, &[]).await;
        let answer = client.call(version, delete_request(version, &[&topic, &unknown])).await;
        let mut got: Vec<_> =
            answer.responses.iter().map(|r| (r.name.clone().unwrap(), r.error_code)).collect();
        got.sort_by_key(|(_, code)| *code);
        assert_eq!(got, [(topic.name.clone(), 0), (unknown.name.clone(), 3)], "version {version}");
        let patience = Patience::new();
        while describe(&mut client, &topic.name).await.error_code != 3 {
            patience.wait();
        }
        assert_eq!(codes(&client.call(version, delete_request(version, &[&topic])).await), [3]);
    }
    let topic = create(&mut client, "by-id", 1, &[]).await;
    delete(&mut client, &topic).await;
    for (id, error) in [(topic.id, 100), (unknown.id, 100)] {
        let state = DeleteTopicState::default().with_name(None).with_topic_id(id);
        let request = DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(10_000);
        let answer = client.call(6, request).await;
        assert_eq!((codes(&answer), &answer.responses[0].name), (vec![error], &None));
    }
}

#[tokio::test]
async fn a_topic_to_delete_has_a_name_or_an_id_and_is_named_once() {
    let (_broker, mut client) = start().await;
    let topic = create(&mut client, "once", 1, &[]).await;
    let both = DeleteTopicState::default().with_name(Some(topic.name.clone())).with_topic_id(topic.id);
    let neither = DeleteTopicState::default().with_name(None);
    let named = DeleteTopicState::default().with_name(Some(topic.name.clone()));
    let request = |states| DeleteTopicsRequest::default().with_topics(states);
    for states in [vec![both.clone()], vec![neither.clone()], vec![named.clone(), named.clone()]] {
        let answer = client.call(6, request(states).with_timeout_ms(10_000)).await;
        assert!(codes(&answer).iter().all(|code| *code == 42) && !answer.responses.is_empty(), "{answer:?}");
    }
    // Without time only what names nothing that could be looked for is told so.
    for (states, told) in [
        (vec![both.clone()], vec![42]),
        (vec![neither.clone(), both.clone()], vec![42, 42]),
        (vec![named.clone()], vec![7]),
        (vec![both, named], vec![7, 7]),
    ] {
        assert_eq!(codes(&client.call(6, request(states).with_timeout_ms(-1)).await), told);
    }
    assert_eq!(describe(&mut client, &topic.name).await.error_code, 0, "it is still there");
}

/// CreatePartitions for one topic: code and message.
async fn grow(client: &mut Client, version: i16, topic: CreatePartitionsTopic) -> (i16, String) {
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let result = client.call(version, request).await.results.remove(0);
    (result.error_code, result.error_message.map_or_else(String::new, |message| message.to_string()))
}

#[tokio::test]
async fn partitions_are_added_and_never_taken_away() {
    let (_broker, mut client) = start().await;
    let to = |topic: &Topic, count| {
        CreatePartitionsTopic::default()
            .with_name(topic.name.clone())
            .with_count(count)
            .with_assignments(None)
    };
    let unknown = Topic { name: topic_name("no-such-topic"), id: Uuid::nil() };
    for version in versions(ApiKey::CreatePartitions) {
        let topic = create(&mut client, "growing", 2, &[]).await;
        let name = topic.name.as_str();
        assert_eq!(
            grow(&mut client, version, to(&topic, 2)).await,
            (37, "Topic already has 2 partition(s).".into())
        );
        for count in [1, 0, -1] {
            let message =
                format!("The topic {name} currently has 2 partition(s); {count} would not be an increase.");
            assert_eq!(grow(&mut client, version, to(&topic, count)).await, (37, message));
        }
        assert_eq!(grow(&mut client, version, to(&unknown, 3)).await.0, 3);
        let assigned = |brokers: &[i32]| {
            let assignment = CreatePartitionsAssignment::default();
            Some(vec![assignment.with_broker_ids(brokers.iter().map(|id| BrokerId(*id)).collect())])
        };
        let message = "The manual partition assignment includes broker 2, but no such broker is registered.";
        let answer = grow(&mut client, version, to(&topic, 3).with_assignments(assigned(&[2]))).await;
        assert_eq!(answer, (39, message.into()));
        assert_eq!(grow(&mut client, version, to(&topic, 3).with_assignments(assigned(&[1]))).await.0, 0);
        assert_eq!(grow(&mut client, version, to(&topic, 4)).await, (0, String::new()));
        let patience = Patience::new();
        while describe(&mut client, &topic.name).await.partitions.len() != 4 {
            patience.wait();
        }
        let patience = Patience::new();
        while list_offset(&mut client, 8, &topic, 3, -1).await.error_code != 0 {
            patience.wait();
        }
        let answer = client.call(9, produce_request(9, &topic, 3, -1, batch::values(&["v"]))).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
}
