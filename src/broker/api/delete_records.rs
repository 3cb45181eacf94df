//! DeleteRecords (key 21): moves the log start of partitions (KIP-107, TRAPS 64).

use std::collections::BTreeMap;

use gracchus_base::{ErrorCode, Offset, PartitionIndex};
use gracchus_wire::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, TopicName,
    delete_records_request::DeleteRecordsTopic,
    delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
};
use tokio::sync::oneshot;

use super::RequestContext;
use crate::partition::Topic;
use crate::shard::Message;

/// Where the log of each partition is to start.
type Asked = BTreeMap<TopicName, BTreeMap<i32, i64>>;

/// A shard's answer that is on its way: the new log start.
type Reply = oneshot::Receiver<Result<Offset, ErrorCode>>;

pub async fn handle(ctx: &RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    // All shards work at once; then their answers are collected.
    let mut asked = Vec::new();
    for (name, partitions) in read(request.topics) {
        let topic = ctx.node.topics.by_name(&name);
        let ask = |(index, offset)| (index, ask(topic.as_deref(), index, offset));
        let partitions: Vec<(i32, Result<Reply, ErrorCode>)> = partitions.into_iter().map(ask).collect();
        asked.push((name, partitions));
    }
    let mut topics = Vec::with_capacity(asked.len());
    for (name, partitions) in asked {
        let mut results = Vec::with_capacity(partitions.len());
        for (index, reply) in partitions {
            results.push(respond(index, answer(reply).await));
        }
        topics.push(DeleteRecordsTopicResult::default().with_name(name).with_partitions(results));
    }
    DeleteRecordsResponse::default().with_topics(topics)
}

/// As in Kafka the last offset counts for a partition that stands in the request twice, and a topic without partitions
/// is not answered.
fn read(topics: Vec<DeleteRecordsTopic>) -> Asked {
    let mut asked = Asked::new();
    for topic in topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        let offsets = topic.partitions.iter().map(|partition| (partition.partition_index, partition.offset));
        asked.entry(topic.name).or_default().extend(offsets);
    }
    asked
}

/// Sends the request to the partition's shard. Records of internal topics are not deleted, nor those of topics that are
/// only compacted.
fn ask(topic: Option<&Topic>, index: i32, offset: i64) -> Result<Reply, ErrorCode> {
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = topic.partition(PartitionIndex(index)).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic.name.is_internal() {
        return Err(ErrorCode::InvalidTopicException);
    }
    let policy = topic.config.load().cleanup_policy;
    if policy.compact && !policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let (reply, replied) = oneshot::channel();
    partition.shard.send(Message::DeleteRecords { key: partition.key(), before: Offset(offset), reply });
    Ok(replied)
}

async fn answer(reply: Result<Reply, ErrorCode>) -> Result<Offset, ErrorCode> {
    // Dropped unanswered: the shard has ended.
    reply?.await.unwrap_or(Err(ErrorCode::KafkaStorageError))
}

fn respond(index: i32, result: Result<Offset, ErrorCode>) -> DeleteRecordsPartitionResult {
    let (low_watermark, error) = match result {
        Ok(start) => (start.0, ErrorCode::None),
        Err(error) => (-1, error),
    };
    DeleteRecordsPartitionResult::default()
        .with_partition_index(index)
        .with_low_watermark(low_watermark)
        .with_error_code(error.code())
}

#[cfg(test)]
mod tests {
    use gracchus_wire::messages::delete_records_request::DeleteRecordsPartition;

    use super::*;

    #[test]
    fn a_partition_that_is_named_twice_is_answered_once_for_the_last_offset() {
        let topic = |name: &'static str, partitions: &[(i32, i64)]| {
            let partitions = partitions.iter().map(|(index, offset)| {
                DeleteRecordsPartition::default().with_partition_index(*index).with_offset(*offset)
            });
            let name = TopicName(name.into());
            DeleteRecordsTopic::default().with_name(name).with_partitions(partitions.collect())
        };
        let asked =
            read(vec![topic("b", &[(0, 1), (1, 9), (0, -1)]), topic("none", &[]), topic("b", &[(1, 5)])]);
        let expected = BTreeMap::from([(0, -1), (1, 5)]);
        assert_eq!(asked, Asked::from([(TopicName("b".into()), expected)]));
    }

    #[test]
    fn an_error_has_no_low_watermark() {
        let refused = respond(3, Err(ErrorCode::OffsetOutOfRange));
        assert_eq!((refused.partition_index, refused.low_watermark, refused.error_code), (3, -1, 1));
        let moved = respond(3, Ok(Offset(7)));
        assert_eq!((moved.low_watermark, moved.error_code), (7, 0));
    }
}
