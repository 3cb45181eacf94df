//! Which brokers hold a new partition: placed by us, or named by the request.

use std::ops::Range;

use gracchus_base::metadata_record::PartitionRecord;
use gracchus_base::{BrokerId, ErrorCode, LeaderEpoch, PartitionIndex, TopicId};

use super::AdminError;
use crate::image::MetadataImage;

/// Chooses the directory that a broker keeps a new replica in, by the ids in `meta.properties`.
pub type DirectoryOf<'a> = &'a mut dyn FnMut(BrokerId) -> TopicId;

/// Chooses `factor` brokers for each of `partitions`: leaders go round the live brokers from a place that the topic's id
/// says, and followers are the next in the ring, further on after each round. Fenced brokers come last.
///
/// # Errors
/// Kafka's words (`StripedReplicaPlacer`) when there are too few brokers.
pub(super) fn place(
    image: &MetadataImage,
    topic: TopicId,
    partitions: Range<i32>,
    factor: usize,
) -> Result<Vec<Vec<BrokerId>>, String> {
    let live: Vec<BrokerId> = image.live_brokers().map(|broker| broker.broker_id).collect();
    let fenced: Vec<BrokerId> = image.brokers().filter(|b| b.fenced).map(|b| b.broker_id).collect();
    if live.is_empty() {
        return Err(
            "All brokers are currently fenced, or have all their log directories cordoned.".to_owned()
        );
    }
    let registered = live.len() + fenced.len();
    if factor > registered {
        return Err(format!(
            "The target replication factor of {factor} cannot be reached because only {registered} broker(s) are \
             registered or some brokers have all their log directories cordoned."
        ));
    }
    let start = usize::from(topic.0[15]);
    let placed = partitions.map(|partition| {
        let turn = start + partition.max(0) as usize;
        let leader = turn % live.len();
        let mut replicas = vec![live[leader]];
        let others = live.len() - 1;
        let shift = turn / live.len();
        replicas.extend((0..others).map(|i| live[(leader + 1 + (shift + i) % others) % live.len()]));
        replicas.extend(&fenced);
        replicas.truncate(factor);
        replicas
    });
    Ok(placed.collect())
}

/// Checks the replicas that a request names for one partition. `factor` is what the partitions before have.
///
/// # Errors
/// INVALID_REPLICA_ASSIGNMENT with Kafka's words.
pub(super) fn check(
    image: &MetadataImage,
    replicas: &[BrokerId],
    factor: Option<usize>,
) -> Result<(), AdminError> {
    let refuse = |message: String| Err(AdminError::new(ErrorCode::InvalidReplicaAssignment, message));
    if replicas.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".to_owned());
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    for (i, broker) in sorted.iter().enumerate() {
        if image.broker(*broker).is_none() {
            return refuse(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is registered."
            ));
        }
        if i > 0 && sorted[i - 1] == *broker {
            return refuse(format!(
                "The manual partition assignment includes the broker {broker} more than once."
            ));
        }
    }
    match factor.filter(|factor| *factor != replicas.len()) {
        None => Ok(()),
        Some(factor) => refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
             with previous partitions, which have {factor} replica(s).",
            replicas.len()
        )),
    }
}

/// What Kafka says of a named assignment without a live broker.
pub(super) fn nobody_lives(partition: PartitionIndex) -> AdminError {
    AdminError::new(
        ErrorCode::InvalidReplicaAssignment,
        format!(
            "All brokers specified in the manual partition assignment for partition {partition} are fenced or in \
             controlled shutdown."
        ),
    )
}

/// What Kafka says when brokers cannot be chosen.
pub(super) fn unplaceable(factor: usize, why: &str) -> AdminError {
    let message = format!("Unable to replicate the partition {factor} time(s): {why}");
    AdminError::new(ErrorCode::InvalidReplicationFactor, message)
}

/// The record of a new partition: its live replicas are in sync, the first of them leads. `None` if none lives.
pub(super) fn partition_record(
    image: &MetadataImage,
    topic_id: TopicId,
    partition: PartitionIndex,
    replicas: Vec<BrokerId>,
    directory_of: DirectoryOf<'_>,
) -> Option<PartitionRecord> {
    let isr: Vec<BrokerId> = replicas.iter().copied().filter(|broker| image.is_live(*broker)).collect();
    let leader = *isr.first()?;
    let directories = replicas.iter().map(|broker| directory_of(*broker)).collect();
    let (leader_epoch, partition_epoch) = (LeaderEpoch(0), 0);
    Some(PartitionRecord {
        topic_id,
        partition,
        replicas,
        isr,
        leader,
        leader_epoch,
        partition_epoch,
        directories,
    })
}
