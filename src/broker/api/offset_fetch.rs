//! OffsetFetch (key 9): the committed offsets of one or several groups (KIP-709).

use std::collections::{HashMap, HashSet};

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

use super::{RequestContext, each_once, group};

/// From this version on topics are named by id.
const BY_TOPIC_ID: i16 = 10;

pub async fn handle(ctx: &RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let require_stable = request.require_stable;
    let mut answers = Vec::new();
    for mut group in each_once(groups(ctx.version(), request), |group| group.group_id.clone()) {
        name_each_partition_once(&mut group);
        answers.push(answer(ctx, &group, require_stable).await);
    }
    OffsetFetchResponse::default().with_groups(answers)
}

/// The metadata of an offset is a thousand times as long as the index of its partition: see [`each_once`].
fn name_each_partition_once(group: &mut OffsetFetchRequestGroup) {
    let mut named: HashMap<_, HashSet<i32>> = HashMap::new();
    for topic in group.topics.iter_mut().flatten() {
        let named = named.entry((topic.name.clone(), topic.topic_id)).or_default();
        topic.partition_indexes.retain(|index| named.insert(*index));
    }
}

async fn answer(
    ctx: &RequestContext,
    group: &OffsetFetchRequestGroup,
    stable: bool,
) -> OffsetFetchResponseGroup {
    let asked = group.topics.as_deref();
    let known: Option<Vec<_>> =
        asked.map(|topics| topics.iter().map(|topic| known_topic(ctx, topic)).collect());
    let is_known: Vec<bool> = known.iter().flatten().map(Option::is_some).collect();
    let known = known.map(|topics| topics.into_iter().flatten().collect());
    let fetch = FetchOffsets { group: GroupId::new(group.group_id.as_str()), topics: known };
    let fetched = match ctx.node.coordinators.fetch_offsets(fetch, stable).await {
        Ok(Reply::FetchOffsets(Ok(fetched))) => fetched,
        Ok(Reply::FetchOffsets(Err(error))) => return group_error(ctx.version(), group, error),
        other => return group_error(ctx.version(), group, group::error_of(other)),
    };
    let topics = match asked {
        Some(asked) => {
            // One for each that is known, in their order.
            let mut fetched = fetched.iter();
            let of = |is_known: &bool| if *is_known { fetched.next() } else { None };
            let each: Vec<_> = is_known.iter().map(of).collect();
            asked.iter().zip(each).map(|(topic, fetched)| respond_asked(topic, fetched)).collect()
        }
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
    topic: &OffsetFetchRequestTopics,
    fetched: Option<&FetchedTopic>,
) -> OffsetFetchResponseTopics {
    let partitions = match fetched {
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
