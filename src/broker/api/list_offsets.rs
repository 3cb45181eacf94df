//! ListOffsets (key 2): the offset at a place (earliest, latest, ...) or at a time (TRAPS 36).

use std::collections::HashSet;
use std::sync::Arc;

use gracchus_base::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, Timestamp};
use gracchus_wire::messages::{
    ListOffsetsRequest, ListOffsetsResponse,
    list_offsets_request::ListOffsetsPartition,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};

use super::RequestContext;
use crate::partition::{PartitionView, Topic};
use crate::read::{self, FoundOffset, Isolation};

/// Places that a negative timestamp stands for.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

pub async fn handle(ctx: &RequestContext, request: ListOffsetsRequest) -> ListOffsetsResponse {
    if !Isolation::is_known(request.isolation_level) {
        return failed(request, ErrorCode::UnknownServerError);
    }
    let isolation = Isolation::from_wire(request.isolation_level);
    let mut told_twice = HashSet::new();
    let twice = asked_twice(&request);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = ctx.node.topics.by_name(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let key = (topic.name.to_string(), asked.partition_index);
            if !twice.contains(&key) {
                partitions.push(answer(ctx, found.as_ref(), asked, isolation).await);
            } else if told_twice.insert(key) {
                partitions.push(refused(&asked, ErrorCode::InvalidRequest));
            }
        }
        if partitions.is_empty() {
            continue;
        }
        topics.push(ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions));
    }
    ListOffsetsResponse::default().with_topics(topics)
}

/// The same error for everything that is asked.
fn failed(request: ListOffsetsRequest, error: ErrorCode) -> ListOffsetsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| refused(asked, error)).collect();
        ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// Partitions that the request names more than once; Kafka refuses them, and says so once for each.
fn asked_twice(request: &ListOffsetsRequest) -> HashSet<(String, i32)> {
    let mut seen = HashSet::new();
    let all = request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| (topic.name.as_str(), partition.partition_index))
    });
    let again = all.filter(|key| !seen.insert(*key));
    again.map(|(name, index)| (name.to_owned(), index)).collect()
}

fn nothing(index: i32) -> ListOffsetsPartitionResponse {
    let answer = ListOffsetsPartitionResponse::default().with_partition_index(index);
    answer.with_offset(-1).with_timestamp(-1).with_leader_epoch(-1)
}

fn refused(asked: &ListOffsetsPartition, error: ErrorCode) -> ListOffsetsPartitionResponse {
    nothing(asked.partition_index).with_error_code(error.code())
}

async fn answer(
    ctx: &RequestContext,
    topic: Option<&Arc<Topic>>,
    asked: ListOffsetsPartition,
    isolation: Isolation,
) -> ListOffsetsPartitionResponse {
    let nothing = nothing(asked.partition_index);
    match find(ctx, topic, &asked, isolation).await {
        Ok(Some((found, epoch))) => {
            nothing.with_offset(found.offset.0).with_timestamp(found.timestamp.0).with_leader_epoch(epoch.0)
        }
        Ok(None) => nothing,
        Err(error) => nothing.with_error_code(error.code()),
    }
}

async fn find(
    ctx: &RequestContext,
    topic: Option<&Arc<Topic>>,
    asked: &ListOffsetsPartition,
    isolation: Isolation,
) -> Result<Option<(FoundOffset, LeaderEpoch)>, ErrorCode> {
    // Before anything is looked for, as in Kafka: the client's mistake is the same wherever it asks.
    check_version(ctx.version(), asked.timestamp)?;
    let partition = topic.and_then(|topic| topic.partition(PartitionIndex(asked.partition_index)));
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let view = partition.view().ok_or(ErrorCode::NotLeaderOrFollower)?;
    view.check_usable(LeaderEpoch(asked.current_leader_epoch))?;
    let at = |offset| Some(FoundOffset { offset, timestamp: Timestamp::NONE });
    let found = match asked.timestamp {
        LATEST => return Ok(at(view.end_for(isolation)).map(|found| (found, view.leader_epoch))),
        // Nothing is on remote storage, so the local log is all there is.
        EARLIEST | EARLIEST_LOCAL => at(view.log_start),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => None,
        timestamp => by_time(ctx, view.clone(), timestamp, isolation).await?,
    };
    Ok(found.map(|found| (found, epoch_of(&view, found.offset))))
}

/// A place is known from the version on that introduced it.
fn check_version(version: i16, timestamp: i64) -> Result<(), ErrorCode> {
    let since = match timestamp {
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL => 8,
        LATEST_TIERED => 9,
        EARLIEST_PENDING_UPLOAD => 11,
        ..EARLIEST_PENDING_UPLOAD => return Err(ErrorCode::UnsupportedVersion),
        _ => 0,
    };
    if version >= since { Ok(()) } else { Err(ErrorCode::UnsupportedVersion) }
}

/// Looks into the log, off the async threads: old segments may have to come from the disk.
async fn by_time(
    ctx: &RequestContext,
    view: Arc<PartitionView>,
    timestamp: i64,
    isolation: Isolation,
) -> Result<Option<FoundOffset>, ErrorCode> {
    let found = ctx.node.cold_reads.look_up(move || match timestamp {
        MAX_TIMESTAMP => read::max_timestamp(&view, isolation),
        _ => read::by_timestamp(&view, Timestamp(timestamp), isolation),
    });
    match found.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "a lookup by time failed");
            Err(ErrorCode::KafkaStorageError)
        }
        Err(_) => Err(ErrorCode::UnknownServerError),
    }
}

/// The epoch in which the record at `offset` was written.
fn epoch_of(view: &PartitionView, offset: Offset) -> LeaderEpoch {
    view.epochs.epoch_for_offset(offset).unwrap_or(LeaderEpoch::NONE)
}
