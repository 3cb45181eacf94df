//! CreateTopics (key 19): when it answers, the partitions can be used (TRAPS 63).

use std::sync::Arc;

use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, ErrorCode, PartitionIndex, TopicId};
use gracchus_state::config::{ConfigEntry, Settings};
use gracchus_state::controller::{self, AdminError, CreatedTopic, NewTopic};
use gracchus_wire::messages::{
    self, CreateTopicsRequest, CreateTopicsResponse, StrBytes,
    create_topics_request::CreatableTopic,
    create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
};

use super::RequestContext;
use super::configs::BrokerSettings;
use super::topic_result::code_and_message;

/// From this version on the answer shows the topic's settings (KIP-525).
const SHOWS_CONFIGS: i16 = 5;

/// What is told of a topic that was created.
struct Created {
    id: TopicId,
    num_partitions: i32,
    replication_factor: i16,
    configs: Settings,
}

type Outcome = (String, Result<Created, AdminError>);

pub async fn handle(ctx: &RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let topics: Vec<NewTopic> = request.topics.into_iter().map(new_topic).collect();
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    // Kafka finds that there is no time, before it does anything.
    let outcomes = if request.timeout_ms > 0 {
        create(ctx, topics, request.validate_only).await
    } else {
        Err(ErrorCode::RequestTimedOut)
    };
    let outcomes = outcomes.unwrap_or_else(|code| {
        let refuse = |name| (name, Err(AdminError::bare(code)));
        names.into_iter().map(refuse).collect()
    });
    let settings = BrokerSettings::of(&ctx.node);
    let configs = |created: &Created| match ctx.version() {
        SHOWS_CONFIGS.. => show(settings.describe_topic(&created.configs)),
        _ => Vec::new(),
    };
    let results = outcomes.into_iter().map(|outcome| respond(outcome, configs));
    CreateTopicsResponse::default().with_topics(results.collect())
}

fn new_topic(topic: CreatableTopic) -> NewTopic {
    let assignments = topic.assignments.into_iter().map(|assignment| {
        let replicas = assignment.broker_ids.into_iter().map(|id| BrokerId(id.0));
        (PartitionIndex(assignment.partition_index), replicas.collect())
    });
    let configs = topic.configs.into_iter();
    NewTopic {
        name: topic.name.to_string(),
        num_partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments.collect(),
        configs: configs
            .map(|config| (config.name.to_string(), config.value.map(|v| v.to_string())))
            .collect(),
    }
}

async fn create(
    ctx: &RequestContext,
    topics: Vec<NewTopic>,
    validate_only: bool,
) -> Result<Vec<Outcome>, ErrorCode> {
    let config = ctx.node.config.load_full();
    let (entropy, dirs) = (ctx.node.entropy.clone(), Arc::clone(&ctx.node.data_dirs));
    let change = ctx.node.controller.change(move |image| {
        // Placing counts partitions, so that it is left out where none will be made.
        let mut directory_of = |_| if validate_only { TopicId::ZERO } else { dirs.place() };
        let decided =
            controller::create_topics(image, &topics, &config, &mut || entropy.uuid(), &mut directory_of);
        let mut records = Vec::new();
        let outcomes = decided.into_iter().map(|outcome| {
            let created = outcome.result.map(|created| take(created, &mut records));
            (outcome.name, created)
        });
        let outcomes = outcomes.collect();
        (if validate_only { Vec::new() } else { records }, outcomes)
    });
    change.await
}

/// Moves the records of a topic to those of the whole change.
fn take(created: CreatedTopic, records: &mut Vec<MetadataRecord>) -> Created {
    let config = |record: &MetadataRecord| match record {
        MetadataRecord::Config { name, value: Some(value), .. } => Some((name.clone(), value.clone())),
        _ => None,
    };
    let configs = created.records.iter().filter_map(config).collect();
    records.extend(created.records);
    Created {
        id: created.id,
        num_partitions: created.num_partitions,
        replication_factor: created.replication_factor,
        configs,
    }
}

fn respond(
    (name, outcome): Outcome,
    configs: impl Fn(&Created) -> Vec<CreatableTopicConfigs>,
) -> CreatableTopicResult {
    let (code, message) = code_and_message(&outcome);
    let result = CreatableTopicResult::default()
        .with_name(messages::TopicName(StrBytes::from_string(name)))
        .with_error_code(code)
        .with_error_message(message);
    match outcome {
        Ok(created) => result
            .with_topic_id(messages::topic_id(created.id))
            .with_num_partitions(created.num_partitions)
            .with_replication_factor(created.replication_factor)
            .with_configs(Some(configs(&created))),
        Err(_) => result.with_num_partitions(-1).with_replication_factor(-1).with_configs(Some(Vec::new())),
    }
}

/// In the order of the names, as Kafka shows them here.
fn show(mut entries: Vec<ConfigEntry>) -> Vec<CreatableTopicConfigs> {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let show = |entry: ConfigEntry| {
        CreatableTopicConfigs::default()
            .with_name(entry.name.into())
            .with_value(entry.value.map(Into::into))
            .with_read_only(entry.read_only)
            .with_config_source(entry.source.code())
            .with_is_sensitive(entry.is_sensitive)
    };
    entries.into_iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    use gracchus_wire::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopicConfig};
    use gracchus_wire::response::{self, Response};

    use super::*;

    #[test]
    fn a_topic_is_asked_for_as_the_request_says() {
        let brokers = vec![messages::BrokerId(1), messages::BrokerId(2)];
        let assignment =
            CreatableReplicaAssignment::default().with_partition_index(3).with_broker_ids(brokers);
        let config = CreatableTopicConfig::default().with_name("retention.ms".into()).with_value(None);
        let topic = CreatableTopic::default()
            .with_name(messages::TopicName("a".into()))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment])
            .with_configs(vec![config]);
        let expected = NewTopic {
            name: "a".to_owned(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: vec![(PartitionIndex(3), vec![BrokerId(1), BrokerId(2)])],
            configs: vec![("retention.ms".to_owned(), None)],
        };
        assert_eq!(new_topic(topic), expected);
    }

    #[test]
    fn every_version_can_tell_what_was_created_and_what_was_not() {
        for version in 2..=7 {
            let created = Created {
                id: TopicId([1; 16]),
                num_partitions: 2,
                replication_factor: 1,
                configs: Settings::new(),
            };
            let error = AdminError { code: ErrorCode::InvalidPartitions, message: Some("no".to_owned()) };
            let config = CreatableTopicConfigs::default().with_name("a".into()).with_read_only(true);
            let configs =
                |_: &Created| if version >= SHOWS_CONFIGS { vec![config.clone()] } else { Vec::new() };
            let results = [("a".to_owned(), Ok(created)), ("b".to_owned(), Err(error))];
            let results: Vec<_> = results.into_iter().map(|result| respond(result, configs)).collect();
            assert_eq!((results[0].error_code, results[1].error_code), (0, 37));
            assert_eq!((results[1].num_partitions, results[1].replication_factor), (-1, -1));
            let response = CreateTopicsResponse::default().with_topics(results);
            response::encode(version, 1, &Response::CreateTopics(response)).unwrap();
        }
    }
}
