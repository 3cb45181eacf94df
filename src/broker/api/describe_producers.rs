//! DescribeProducers (key 61): what the leader of a partition remembers of its producers (KIP-664).

use std::collections::HashSet;
use std::sync::Arc;

use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{ErrorCode, PartitionIndex, TopicName};
use gracchus_state::controller::AdminError;
use gracchus_wire::messages::{
    DescribeProducersRequest, DescribeProducersResponse,
    describe_producers_request::TopicRequest,
    describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
};
use tokio::sync::oneshot;

use super::RequestContext;
use super::topic_result::Words;
use crate::partition::Topic;
use crate::shard::Message;

/// A shard's answer that is on its way.
type Reply = oneshot::Receiver<Result<Vec<ProducerSnapshot>, ErrorCode>>;

pub async fn handle(ctx: &RequestContext, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let mut words = Words::new();
    let mut topics = Vec::new();
    let mut told = HashSet::new();
    for topic in request.topics {
        let found = find(ctx, &topic);
        let mut partitions = Vec::new();
        for index in topic.partition_indexes {
            // Once, as in `each_once`: a partition has up to as many producers as there may be.
            if !told.insert((topic.name.clone(), index)) {
                continue;
            }
            let outcome = match &found {
                Ok(found) => describe(found, index).await.map_err(AdminError::bare),
                Err(error) => Err(error.clone()),
            };
            partitions.push(respond(index, outcome, &mut words));
        }
        topics.push(TopicResponse::default().with_name(topic.name).with_partitions(partitions));
    }
    DescribeProducersResponse::default().with_topics(topics)
}

fn find(ctx: &RequestContext, topic: &TopicRequest) -> Result<Arc<Topic>, AdminError> {
    if let Err(error) = TopicName::parse(&topic.name) {
        let message = Some(format!("Topic name is invalid: {error}"));
        return Err(AdminError { code: ErrorCode::InvalidTopicException, message });
    }
    ctx.node.topics.by_name(&topic.name).ok_or_else(|| AdminError {
        code: ErrorCode::UnknownTopicOrPartition,
        message: Some("This server does not host this topic-partition.".to_owned()),
    })
}

async fn describe(topic: &Topic, index: i32) -> Result<Vec<ProducerSnapshot>, ErrorCode> {
    let partition = topic.partition(PartitionIndex(index)).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let (reply, replied): (_, Reply) = oneshot::channel();
    partition.shard.send(Message::DescribeProducers { key: partition.key(), reply });
    // Dropped unanswered: the shard has ended.
    replied.await.unwrap_or(Err(ErrorCode::KafkaStorageError))
}

fn respond(
    index: i32,
    outcome: Result<Vec<ProducerSnapshot>, AdminError>,
    words: &mut Words,
) -> PartitionResponse {
    let (code, message) = words.code_and_message(&outcome);
    PartitionResponse::default()
        .with_partition_index(index)
        .with_error_code(code)
        .with_error_message(message)
        .with_active_producers(outcome.unwrap_or_default().iter().map(producer).collect())
}

fn producer(of: &ProducerSnapshot) -> ProducerState {
    ProducerState::default()
        .with_producer_id(of.producer_id.0.into())
        .with_producer_epoch(i32::from(of.producer_epoch.0))
        .with_last_sequence(of.last_sequence.0)
        .with_last_timestamp(of.last_timestamp.0)
        .with_coordinator_epoch(of.coordinator_epoch.0)
        .with_current_txn_start_offset(of.current_txn_first_offset.map_or(-1, |offset| offset.0))
}
