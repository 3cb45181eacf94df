//! OffsetForLeaderEpoch (key 23): where a leader epoch ended, so that clients notice truncation (KIP-320, TRAPS 37).

use gracchus_base::{ErrorCode, LeaderEpoch, PartitionIndex};
use gracchus_wire::messages::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    offset_for_leader_epoch_request::OffsetForLeaderPartition,
    offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
};

use super::RequestContext;
use crate::partition::Topic;

pub fn handle(ctx: &RequestContext, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let found = ctx.node.topics.by_name(&topic.topic);
        let partitions = topic.partitions.iter().map(|asked| answer(found.as_deref(), asked)).collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

fn answer(topic: Option<&Topic>, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let answer =
        EpochEndOffset::default().with_partition(asked.partition).with_leader_epoch(-1).with_end_offset(-1);
    match end_offset(topic, asked) {
        Ok(Some((epoch, end))) => answer.with_leader_epoch(epoch.0).with_end_offset(end),
        Ok(None) => answer,
        Err(error) => answer.with_error_code(error.code()),
    }
}

fn end_offset(
    topic: Option<&Topic>,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<(LeaderEpoch, i64)>, ErrorCode> {
    let partition = topic.and_then(|topic| topic.partition(PartitionIndex(asked.partition)));
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let view = partition.view().ok_or(ErrorCode::NotLeaderOrFollower)?;
    view.check_usable(LeaderEpoch(asked.current_leader_epoch))?;
    // Consumers learn ends up to the high watermark: what lies above may still be taken back.
    let end = view.epochs.end_offset_for(LeaderEpoch(asked.leader_epoch), view.high_watermark.offset);
    Ok(end.map(|(epoch, offset)| (epoch, offset.0)))
}
