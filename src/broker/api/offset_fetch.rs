//! OffsetFetch (key 9): the committed offsets of one or several groups (KIP-709).

use gracchus_base::{ErrorCode, GroupId, PartitionIndex, TopicId};
use gracchus_state::group::{FetchOffsets, FetchTopic, FetchedOffset, FetchedTopic, Reply};
use gracchus_wire::messages::offset_fetch::{group_error, groups};
use gracchus_wire::messages::{
    self, OffsetFetchRequest, OffsetFetchResponse, StrBytes,
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    offset_fetch_response::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
    },
};

use super::{RequestContext, group};

/// From this version on topics are named by id.
const BY_TOPIC_ID: i16 = 10;

pub async fn handle(ctx: &RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let require_stable = request.require_stable;
    let mut answers = Vec::new();
    for group in groups(ctx.version(), request) {
        answers.push(answer(ctx, &group, require_stable).await);
    }
    OffsetFetchResponse::default().with_groups(answers)
}

async fn answer(
    ctx: &RequestContext,
    group: &OffsetFetchRequestGroup,
    stable: bool,
) -> OffsetFetchResponseGroup {
    let asked = group.topics.as_deref();
    let known = asked.map(|topics| topics.iter().filter_map(|topic| known_topic(ctx, topic)).collect());
    let fetch = FetchOffsets { group: GroupId::new(group.group_id.as_str()), topics: known };
    let fetched = match ctx.node.coordinators.fetch_offsets(fetch, stable).await {
        Ok(Reply::FetchOffsets(Ok(fetched))) => fetched,
        Ok(Reply::FetchOffsets(Err(error))) => return group_error(ctx.version(), group, error),
        other => return group_error(ctx.version(), group, group::error_of(other)),
    };
    let topics = match asked {
        Some(asked) => asked.iter().map(|topic| respond_asked(ctx, topic, &fetched)).collect(),
        None => fetched.iter().filter_map(|topic| respond_any(ctx, topic)).collect(),
    };
    OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone()).with_topics(topics)
}

/// What to ask the coordinator; `None` for an id that nobody has.
fn known_topic(ctx: &RequestContext, topic: &OffsetFetchRequestTopics) -> Option<FetchTopic> {
    let partitions = topic.partition_indexes.iter().map(|index| PartitionIndex(*index)).collect();
    if ctx.version() < BY_TOPIC_ID {
        return Some(FetchTopic { name: topic.name.to_string(), topic_id: TopicId::ZERO, partitions });
    }
    let found = ctx.node.topics.by_id(messages::topic_id_of(topic.topic_id))?;
    Some(FetchTopic { name: found.name.as_str().to_owned(), topic_id: found.id, partitions })
}

/// Answers a topic that was asked for, partition by partition.
fn respond_asked(
    ctx: &RequestContext,
    topic: &OffsetFetchRequestTopics,
    fetched: &[FetchedTopic],
) -> OffsetFetchResponseTopics {
    let id = messages::topic_id_of(topic.topic_id);
    let by_id = ctx.version() >= BY_TOPIC_ID;
    let found =
        fetched.iter().find(|one| if by_id { one.topic_id == id } else { one.name == topic.name.as_str() });
    let partitions = match found {
        Some(found) => found.partitions.iter().map(partition).collect(),
        None => topic.partition_indexes.iter().map(|index| unknown_topic_id(*index)).collect(),
    };
    OffsetFetchResponseTopics::default()
        .with_name(topic.name.clone())
        .with_topic_id(topic.topic_id)
        .with_partitions(partitions)
}

/// Answers a topic of a request for everything; one that is gone has no id and is left out where ids are asked for.
fn respond_any(ctx: &RequestContext, topic: &FetchedTopic) -> Option<OffsetFetchResponseTopics> {
    let id = ctx.node.topics.by_name(&topic.name).map(|found| found.id);
    if ctx.version() >= BY_TOPIC_ID && id.is_none() {
        return None;
    }
    let response = OffsetFetchResponseTopics::default()
        .with_name(messages::TopicName(topic.name.clone().into()))
        .with_topic_id(messages::topic_id(id.unwrap_or(TopicId::ZERO)));
    Some(response.with_partitions(topic.partitions.iter().map(partition).collect()))
}

fn partition(fetched: &FetchedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(fetched.partition.0)
        .with_committed_offset(fetched.offset.0)
        .with_committed_leader_epoch(fetched.leader_epoch.0)
        .with_metadata(Some(fetched.metadata.clone().into()))
        .with_error_code(fetched.error.code())
}

fn unknown_topic_id(index: i32) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(-1)
        .with_committed_leader_epoch(-1)
        .with_metadata(Some(StrBytes::new()))
        .with_error_code(ErrorCode::UnknownTopicId.code())
}
