//! Moving partitions to other brokers.

use gracchus_base::{BrokerId, ErrorCode, PartitionIndex};

use super::{AdminError, assignment};
use crate::image::MetadataImage;

/// Decides where a partition is to be: on `replicas`, or, if they are `None`, where it was before a move that is in
/// progress. Nothing changes: a partition can be where it is, and nothing is ever on the move, since there is no
/// replication yet.
///
/// # Errors
/// Kafka's, and INVALID_REPLICA_ASSIGNMENT for brokers that exist and do not hold the partition.
pub fn reassign_partition(
    image: &MetadataImage,
    topic: &str,
    index: i32,
    replicas: Option<&[BrokerId]>,
) -> Result<(), AdminError> {
    let unknown = |message: String| AdminError::new(ErrorCode::UnknownTopicOrPartition, message);
    let found =
        image.topic(topic).ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
    let partition = found
        .partition(PartitionIndex(index))
        .ok_or_else(|| unknown(format!("Unable to find partition {topic}:{index}.")))?;
    let replicas = replicas.ok_or_else(|| AdminError::bare(ErrorCode::NoReassignmentInProgress))?;
    assignment::check(image, replicas, None)?;
    if partition.replicas().eq(replicas.iter().copied()) {
        return Ok(());
    }
    Err(AdminError::new(
        ErrorCode::InvalidReplicaAssignment,
        format!("Partition {topic}:{index} cannot be moved: there is no replication yet."),
    ))
}
