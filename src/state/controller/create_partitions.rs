//! Adding partitions to topics.

use gracchus_base::limits::PARTITIONS_PER_REQUEST_MAX;
use gracchus_base::metadata_record::MetadataRecord;
use gracchus_base::{BrokerId, ErrorCode, PartitionIndex};

use super::assignment::{self, DirectoryOf};
use super::{AdminError, atomic, distinct, duplicate_topic, too_many_partitions};
use crate::image::{MetadataImage, Topic};

/// How many partitions a topic is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPartitions {
    pub topic: String,
    /// All partitions together, not the new ones.
    pub count: i32,
    /// The replicas of each new partition; `None` if the controller is to choose.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

/// What becomes of one name of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionsOutcome {
    pub topic: String,
    /// One change.
    pub result: Result<Vec<MetadataRecord>, AdminError>,
}

/// Decides about each topic on its own. There is one outcome for each name, in the order in which the names first stand
/// in the request; a name that stands there twice is refused once. The limit on new partitions counts over the whole
/// request: Kafka answers UNKNOWN_SERVER_ERROR beyond it, this is the error that CreateTopics has.
pub fn create_partitions(
    image: &MetadataImage,
    topics: &[NewPartitions],
    directory_of: DirectoryOf<'_>,
) -> Vec<PartitionsOutcome> {
    let mut created = 0_usize;
    let decide = |(new, repeated): (&NewPartitions, bool)| {
        let result = if repeated {
            Err(duplicate_topic())
        } else {
            let room = PARTITIONS_PER_REQUEST_MAX - created;
            add_partitions(image, new, room, directory_of)
        };
        created += result.as_ref().map_or(0, Vec::len);
        let result = result.map(|records| atomic("Create partitions", records));
        PartitionsOutcome { topic: new.topic.clone(), result }
    };
    distinct(topics, |new| &new.topic).into_iter().map(decide).collect()
}

fn add_partitions(
    image: &MetadataImage,
    new: &NewPartitions,
    room: usize,
    directory_of: DirectoryOf<'_>,
) -> Result<Vec<MetadataRecord>, AdminError> {
    let unknown = || AdminError::bare(ErrorCode::UnknownTopicOrPartition);
    let topic = image.topic(&new.topic).ok_or_else(unknown)?;
    let added = check_count(topic, new)?;
    if added > room {
        return Err(too_many_partitions());
    }
    let factor = topic.partition(PartitionIndex(0)).map_or(0, |first| first.replicas().len());
    let first = topic.partition_count();
    let replicas = match &new.assignments {
        Some(assignments) => {
            assignments.iter().try_for_each(|replicas| assignment::check(image, replicas, Some(factor)))?;
            assignments.clone()
        }
        None => assignment::place(image, topic.id(), first..new.count, factor)
            .map_err(|why| AdminError::new(ErrorCode::InvalidReplicationFactor, why))?,
    };
    let record = |(index, replicas)| {
        let index = PartitionIndex(index);
        let record = assignment::partition_record(image, topic.id(), index, replicas, directory_of);
        record.map(MetadataRecord::Partition).ok_or_else(|| match new.assignments {
            Some(_) => assignment::nobody_lives(index),
            None => {
                assignment::unplaceable(factor, "All brokers are currently fenced or in controlled shutdown.")
            }
        })
    };
    (first..).zip(replicas).map(record).collect()
}

/// How many partitions are to be added: at least one.
fn check_count(topic: &Topic, new: &NewPartitions) -> Result<usize, AdminError> {
    let (name, has, wanted) = (topic.name(), topic.partition_count(), new.count);
    let added = match usize::try_from(i64::from(wanted) - i64::from(has)) {
        Ok(0) => {
            let message = format!("Topic already has {has} partition(s).");
            return Err(AdminError::new(ErrorCode::InvalidPartitions, message));
        }
        Ok(added) => added,
        Err(_) => {
            let message = format!(
                "The topic {name} currently has {has} partition(s); {wanted} would not be an increase."
            );
            return Err(AdminError::new(ErrorCode::InvalidPartitions, message));
        }
    };
    match new.assignments.as_ref().map(Vec::len).filter(|given| *given != added) {
        None => Ok(added),
        Some(given) => Err(AdminError::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "Attempted to add {added} additional partition(s), but only {given} assignment(s) were specified."
            ),
        )),
    }
}
