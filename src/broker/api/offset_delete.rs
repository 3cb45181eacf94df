//! OffsetDelete (key 47): forgets committed offsets of topics that a group does not consume (KIP-496).

use gracchus_base::{ErrorCode, PartitionIndex};
use gracchus_state::group::{DeleteOffsets, Reply, Request, TopicResult};
use gracchus_wire::messages::{
    OffsetDeleteRequest, OffsetDeleteResponse,
    offset_delete_request::OffsetDeleteRequestTopic,
    offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
};

use super::{RequestContext, group};

pub async fn handle(ctx: &RequestContext, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let known: Vec<_> = request.topics.iter().filter_map(|topic| known(ctx, topic)).collect();
    // Also asked about nothing: the group may be unknown.
    let delete = |group| Request::DeleteOffsets(DeleteOffsets { group, topics: known });
    let deleted = match group::ask(ctx, &request.group_id, delete).await {
        Ok(Reply::DeleteOffsets(reply)) if reply.error.is_ok() => Ok(reply.topics),
        Ok(Reply::DeleteOffsets(reply)) => Err(reply.error),
        other => Err(group::error_of(other)),
    };
    match deleted {
        Ok(results) => {
            let topics = request.topics.into_iter().map(|topic| respond(topic, &results));
            OffsetDeleteResponse::default().with_topics(topics.collect())
        }
        Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
    }
}

/// The partitions that exist; the coordinator is not asked about others.
fn known(ctx: &RequestContext, asked: &OffsetDeleteRequestTopic) -> Option<(String, Vec<PartitionIndex>)> {
    let topic = ctx.node.topics.by_name(&asked.name)?;
    let indexes = asked.partitions.iter().map(|one| PartitionIndex(one.partition_index));
    let known: Vec<_> = indexes.filter(|index| topic.partition(*index).is_some()).collect();
    (!known.is_empty()).then(|| (asked.name.to_string(), known))
}

fn respond(topic: OffsetDeleteRequestTopic, results: &[TopicResult]) -> OffsetDeleteResponseTopic {
    let of_topic = results.iter().find(|result| result.name == topic.name.as_str());
    let error_of = |index: i32| {
        let mut deleted = of_topic.iter().flat_map(|result| &result.partitions);
        let found = deleted.find(|(at, _)| at.0 == index);
        found.map_or(ErrorCode::UnknownTopicOrPartition, |(_, error)| *error)
    };
    let partitions = topic.partitions.iter().map(|one| {
        let error = error_of(one.partition_index);
        OffsetDeleteResponsePartition::default()
            .with_partition_index(one.partition_index)
            .with_error_code(error.code())
    });
    OffsetDeleteResponseTopic::default().with_partitions(partitions.collect()).with_name(topic.name)
}
