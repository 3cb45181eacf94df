//! OffsetDelete (key 47): forgets committed offsets of topics that a group does not consume (KIP-496).

use gracchus_base::PartitionIndex;
use gracchus_state::group::{DeleteOffsets, Reply, Request, TopicResult};
use gracchus_wire::messages::{
    self, OffsetDeleteRequest, OffsetDeleteResponse,
    offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
};

use super::{RequestContext, group};

pub async fn handle(ctx: &RequestContext, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|one| PartitionIndex(one.partition_index)).collect();
        (topic.name.to_string(), partitions)
    });
    let topics = topics.collect();
    let outcome =
        group::ask(ctx, &request.group_id, |group| Request::DeleteOffsets(DeleteOffsets { group, topics }));
    match outcome.await {
        Ok(Reply::DeleteOffsets(reply)) => OffsetDeleteResponse::default()
            .with_error_code(reply.error.code())
            .with_topics(reply.topics.into_iter().map(respond).collect()),
        other => OffsetDeleteResponse::default().with_error_code(group::error_of(other).code()),
    }
}

fn respond(topic: TopicResult) -> OffsetDeleteResponseTopic {
    let partitions = topic.partitions.iter().map(|(index, error)| {
        OffsetDeleteResponsePartition::default().with_partition_index(index.0).with_error_code(error.code())
    });
    OffsetDeleteResponseTopic::default()
        .with_name(messages::TopicName(topic.name.into()))
        .with_partitions(partitions.collect())
}
