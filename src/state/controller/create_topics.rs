//! Creating topics: for CreateTopics, for topics that Metadata creates by itself, and for internal ones.

use std::collections::BTreeMap;

use gracchus_base::limits::PARTITIONS_PER_REQUEST_MAX;
use gracchus_base::metadata_record::{ConfigResource, MetadataRecord, PartitionRecord};
use gracchus_base::{BrokerId, ErrorCode, PartitionIndex, TopicId, TopicName};

use super::assignment::{self, DirectoryOf};
use super::{AdminError, atomic, distinct, duplicate_topic, too_many_partitions};
use crate::config::{BrokerConfig, resolve_topic};
use crate::image::MetadataImage;

/// A topic as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    /// -1: `num.partitions`, or what `assignments` says.
    pub num_partitions: i32,
    /// -1: `default.replication.factor`, or what `assignments` says.
    pub replication_factor: i16,
    /// The replicas of each partition; empty if the controller is to choose.
    pub assignments: Vec<(PartitionIndex, Vec<BrokerId>)>,
    pub configs: Vec<(String, Option<String>)>,
}

/// A topic that can be created, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    pub name: TopicName,
    pub id: TopicId,
    pub num_partitions: i32,
    pub replication_factor: i16,
    /// One change.
    pub records: Vec<MetadataRecord>,
}

/// What becomes of one name of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOutcome {
    pub name: String,
    pub result: Result<CreatedTopic, AdminError>,
}

/// The topic of committed offsets and group metadata as Kafka makes it.
pub fn consumer_offsets_topic(broker: &BrokerConfig) -> NewTopic {
    let segment_bytes = broker.offsets_topic_segment_bytes.to_string();
    let configs =
        [("compression.type", "producer"), ("cleanup.policy", "compact"), ("segment.bytes", &segment_bytes)];
    NewTopic {
        name: TopicName::consumer_offsets().to_string(),
        num_partitions: broker.offsets_topic_num_partitions,
        replication_factor: broker.offsets_topic_replication_factor,
        assignments: Vec::new(),
        configs: configs.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).to_vec(),
    }
}

/// Decides about each topic on its own (TRAPS 63). There is one outcome for each name, in the order in which the names
/// first stand in the request; a name that stands there twice is refused once. As in Kafka, names are compared with
/// topics that exist, not with others in the request, so that two that collide can be created together.
pub fn create_topics(
    image: &MetadataImage,
    topics: &[NewTopic],
    broker: &BrokerConfig,
    next_id: &mut dyn FnMut() -> TopicId,
    directory_of: DirectoryOf<'_>,
) -> Vec<CreateOutcome> {
    let distinct = distinct(topics, |topic| &topic.name);
    let asked_for: usize = distinct.iter().map(|(topic, _)| partitions_of(topic, broker)).sum();
    let decide = |(topic, repeated): (&NewTopic, bool)| {
        let result = if asked_for > PARTITIONS_PER_REQUEST_MAX {
            Err(too_many_partitions())
        } else if repeated {
            Err(duplicate_topic())
        } else {
            create_topic(image, topic, broker, next_id, directory_of)
        };
        CreateOutcome { name: topic.name.clone(), result }
    };
    distinct.into_iter().map(decide).collect()
}

/// How many partitions a topic would get; the limit counts them before anything else is looked at.
fn partitions_of(topic: &NewTopic, broker: &BrokerConfig) -> usize {
    let count = if topic.num_partitions == -1 { broker.num_partitions } else { topic.num_partitions };
    if topic.assignments.is_empty() { usize::try_from(count).unwrap_or(0) } else { topic.assignments.len() }
}

fn create_topic(
    image: &MetadataImage,
    topic: &NewTopic,
    broker: &BrokerConfig,
    next_id: &mut dyn FnMut() -> TopicId,
    directory_of: DirectoryOf<'_>,
) -> Result<CreatedTopic, AdminError> {
    let name = check_name(image, &topic.name)?;
    let configs = check_configs(topic, broker)?;
    let id = next_id();
    let partitions = if topic.assignments.is_empty() {
        place(image, topic, broker, id, directory_of)?
    } else {
        assign(image, topic, id, directory_of)?
    };
    let num_partitions = partitions.len() as i32;
    let replication_factor = partitions.first().map_or(0, |first| first.replicas.len()) as i16;
    // Kafka's order: the topic, its settings, its partitions.
    let mut records = vec![MetadataRecord::Topic { name: name.clone(), topic_id: id }];
    let resource = ConfigResource::Topic(name.clone());
    records.extend(configs.into_iter().map(|(name, value)| MetadataRecord::Config {
        resource: resource.clone(),
        name: name.to_owned(),
        value: Some(value.to_owned()),
    }));
    records.extend(partitions.into_iter().map(MetadataRecord::Partition));
    Ok(CreatedTopic {
        name,
        id,
        num_partitions,
        replication_factor,
        records: atomic("Create topic", records),
    })
}

fn check_name(image: &MetadataImage, text: &str) -> Result<TopicName, AdminError> {
    let invalid = |message| AdminError::new(ErrorCode::InvalidTopicException, message);
    let name = TopicName::parse(text).map_err(|error| invalid(format!("Topic name is invalid: {error}")))?;
    if name == TopicName::cluster_metadata() {
        let message = "Creation of internal topic __cluster_metadata is prohibited.";
        return Err(AdminError::new(ErrorCode::InvalidRequest, message));
    }
    if image.topic(text).is_some() {
        let message = format!("Topic '{text}' already exists.");
        return Err(AdminError::new(ErrorCode::TopicAlreadyExists, message));
    }
    match image.colliding_name(&name) {
        Some(taken) => Err(invalid(format!("Topic '{text}' collides with existing topic: {taken}"))),
        None => Ok(name),
    }
}

/// The topic's settings, checked one by one and together. Of a name that is given twice the last value counts.
fn check_configs<'a>(
    topic: &'a NewTopic,
    broker: &BrokerConfig,
) -> Result<BTreeMap<&'a str, &'a str>, AdminError> {
    let invalid = |message| AdminError::new(ErrorCode::InvalidConfig, message);
    let without_value = topic.configs.iter().filter(|(_, value)| value.is_none());
    let without_value: Vec<&str> = without_value.map(|(name, _)| name.as_str()).collect();
    if !without_value.is_empty() {
        let names = without_value.join(",");
        return Err(invalid(format!("Null value not supported for topic configs: {names}")));
    }
    let given = topic.configs.iter();
    let configs: BTreeMap<&str, &str> =
        given.map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default())).collect();
    match resolve_topic(configs.iter().map(|(name, value)| (*name, *value)), broker) {
        Ok(_) => Ok(configs),
        Err(error) => Err(invalid(error.message)),
    }
}

/// Partitions on brokers that the controller chooses.
fn place(
    image: &MetadataImage,
    topic: &NewTopic,
    broker: &BrokerConfig,
    id: TopicId,
    directory_of: DirectoryOf<'_>,
) -> Result<Vec<PartitionRecord>, AdminError> {
    let (asked, count) = (topic.replication_factor, topic.num_partitions);
    if asked < -1 || asked == 0 {
        let message = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err(AdminError::new(ErrorCode::InvalidReplicationFactor, message));
    }
    if count < -1 || count == 0 {
        let message = "Number of partitions was set to an invalid non-positive value.";
        return Err(AdminError::new(ErrorCode::InvalidPartitions, message));
    }
    let count = if count == -1 { broker.num_partitions } else { count };
    let factor = if asked == -1 { broker.default_replication_factor } else { asked.into() };
    let factor = factor.max(1) as usize;
    let unplaceable = |why: String| assignment::unplaceable(factor, &why);
    let placed = assignment::place(image, id, 0..count, factor).map_err(unplaceable)?;
    let record = |(index, replicas)| {
        let index = PartitionIndex(index);
        let record = assignment::partition_record(image, id, index, replicas, directory_of);
        record.ok_or_else(|| {
            unplaceable("All brokers are currently fenced or in controlled shutdown.".to_owned())
        })
    };
    (0..).zip(placed).map(record).collect()
}

/// Partitions on the brokers that the request names.
fn assign(
    image: &MetadataImage,
    topic: &NewTopic,
    id: TopicId,
    directory_of: DirectoryOf<'_>,
) -> Result<Vec<PartitionRecord>, AdminError> {
    let overspecified = |what: &str| {
        let message = format!("A manual partition assignment was specified, but {what} was not set to -1.");
        Err(AdminError::new(ErrorCode::InvalidRequest, message))
    };
    if topic.replication_factor != -1 {
        return overspecified("replication factor");
    }
    if topic.num_partitions != -1 {
        return overspecified("numPartitions");
    }
    let refuse = |message: String| AdminError::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut partitions: Vec<PartitionRecord> = Vec::new();
    for ((index, replicas), repeated) in distinct(&topic.assignments, |(index, _)| *index) {
        if repeated {
            let message = format!("Found multiple manual partition assignments for partition {index}");
            return Err(refuse(message));
        }
        assignment::check(image, replicas, partitions.first().map(|first| first.replicas.len()))?;
        let record = assignment::partition_record(image, id, *index, replicas.clone(), directory_of);
        partitions.push(record.ok_or_else(|| assignment::nobody_lives(*index))?);
    }
    partitions.sort_unstable_by_key(|record| record.partition);
    if !(0..).zip(&partitions).all(|(expected, record)| record.partition.get() == expected) {
        return Err(refuse("partitions should be a consecutive 0-based integer sequence".to_owned()));
    }
    Ok(partitions)
}
