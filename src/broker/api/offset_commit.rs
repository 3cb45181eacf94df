//! OffsetCommit (key 8): stores the offsets a group has consumed up to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gracchus_base::{ErrorCode, GroupId, LeaderEpoch, Offset, PartitionIndex};
use gracchus_state::group::{CommitOffsets, CommitPartition, CommitTopic, Reply, Request, TopicResult};
use gracchus_wire::messages::{
    self, OffsetCommitRequest, OffsetCommitResponse,
    offset_commit_request::OffsetCommitRequestTopic,
    offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
};

use tokio::time::timeout;

use super::RequestContext;
use super::group::{self, owned};
use crate::partition::Topic;

/// From this version on topics are named by id.
const BY_TOPIC_ID: i16 = 10;
/// Only up to this version a retention time is given.
const RETENTION_TIME_LAST: i16 = 4;
/// From this version on an unknown group has a code of its own (KIP-848).
const GROUP_ID_NOT_FOUND: i16 = 9;

pub async fn handle(ctx: &RequestContext, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let topics: Vec<_> = request.topics.iter().map(|topic| find(ctx, topic)).collect();
    let known = request.topics.iter().zip(&topics).filter_map(|(topic, found)| {
        found
            .as_ref()
            .ok()
            .map(|found| commit_topic(topic, found))
            .filter(|topic| !topic.partitions.is_empty())
    });
    let known: Vec<_> = known.collect();
    let outcome = if known.is_empty() { Ok(Vec::new()) } else { commit(ctx, &request, known).await };
    let outcome = outcome.as_ref().map(|results| by_partition(results)).map_err(|error| *error);
    let responses = request.topics.iter().zip(&topics).map(|(topic, found)| respond(topic, found, &outcome));
    OffsetCommitResponse::default().with_topics(responses.collect())
}

fn find(ctx: &RequestContext, topic: &OffsetCommitRequestTopic) -> Result<Arc<Topic>, ErrorCode> {
    if ctx.version() >= BY_TOPIC_ID {
        ctx.node.topics.by_id(messages::topic_id_of(topic.topic_id)).ok_or(ErrorCode::UnknownTopicId)
    } else {
        ctx.node.topics.by_name(&topic.name).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

/// The partitions that exist; the others are answered without the coordinator.
fn commit_topic(topic: &OffsetCommitRequestTopic, found: &Topic) -> CommitTopic {
    let partitions = topic.partitions.iter().filter(|one| exists(found, one.partition_index));
    let partitions = partitions.map(|one| CommitPartition {
        partition: PartitionIndex(one.partition_index),
        offset: Offset(one.committed_offset),
        leader_epoch: LeaderEpoch(one.committed_leader_epoch),
        metadata: owned(one.committed_metadata.as_ref()),
    });
    // Stored also where the request names the topic, so that a topic made again does not inherit its offsets.
    CommitTopic { name: found.name.as_str().to_owned(), topic_id: found.id, partitions: partitions.collect() }
}

fn exists(topic: &Topic, index: i32) -> bool {
    topic.partition(PartitionIndex(index)).is_some()
}

async fn commit(
    ctx: &RequestContext,
    request: &OffsetCommitRequest,
    topics: Vec<CommitTopic>,
) -> Result<Vec<TopicResult>, ErrorCode> {
    let group = GroupId::new(request.group_id.as_str());
    let retention = (ctx.version() <= RETENTION_TIME_LAST).then_some(request.retention_time_ms);
    let commit = CommitOffsets {
        group: group.clone(),
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id.as_ref()),
        generation: request.generation_id_or_member_epoch,
        retention_time_ms: retention.filter(|ms| *ms >= 0),
        knows_group_id_not_found: ctx.version() >= GROUP_ID_NOT_FOUND,
        topics,
    };
    let committed = ctx.node.coordinators.request(&group, Request::CommitOffsets(commit));
    let timeout_ms = ctx.node.config().offsets_commit_timeout_ms.unsigned_abs();
    match timeout(Duration::from_millis(timeout_ms.into()), committed).await {
        Ok(Ok(Reply::CommitOffsets(results))) => Ok(results),
        Ok(other) => Err(group::error_of(other)),
        Err(_) => Err(ErrorCode::CoordinatorNotAvailable),
    }
}

/// What became of each partition, by topic and index.
type Committed<'a> = HashMap<(&'a str, i32), ErrorCode>;

/// Found once: a request may name a partition millions of times. The first mention counts.
fn by_partition(results: &[TopicResult]) -> Committed<'_> {
    let mut committed = Committed::new();
    for result in results {
        for (index, error) in &result.partitions {
            committed.entry((result.name.as_str(), index.0)).or_insert(*error);
        }
    }
    committed
}

fn respond(
    topic: &OffsetCommitRequestTopic,
    found: &Result<Arc<Topic>, ErrorCode>,
    outcome: &Result<Committed<'_>, ErrorCode>,
) -> OffsetCommitResponseTopic {
    let error_of = |index: i32| match (found, outcome) {
        (Err(error), _) => *error,
        (Ok(found), _) if !exists(found, index) => ErrorCode::UnknownTopicOrPartition,
        (Ok(_), Err(error)) => *error,
        (Ok(found), Ok(committed)) => {
            committed.get(&(found.name.as_str(), index)).copied().unwrap_or(ErrorCode::UnknownServerError)
        }
    };
    let partitions = topic.partitions.iter().map(|one| {
        OffsetCommitResponsePartition::default()
            .with_partition_index(one.partition_index)
            .with_error_code(error_of(one.partition_index).code())
    });
    OffsetCommitResponseTopic::default()
        .with_name(topic.name.clone())
        .with_topic_id(topic.topic_id)
        .with_partitions(partitions.collect())
}
